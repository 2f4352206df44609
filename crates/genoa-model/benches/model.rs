//! How fast the local engine is: `cargo bench -p genoa-model --bench model`, with the model of `GENOA_BENCH_MODEL`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints its result")]

use std::process::ExitCode;

use genoa_abi::Failure;
use genoa_model::bench::{Figures, bench};
use genoa_model::engine::EngineOptions;
use genoa_model::{catalogue, store};
use serde_json::{Value as Json, json};

const SAMPLES: usize = 3;

fn main() -> ExitCode {
    let name = std::env::var("GENOA_BENCH_MODEL").unwrap_or_else(|_| catalogue::DEFAULT_MODEL.to_owned());
    match measure(&name) {
        Ok(rows) => {
            println!("{}", json!({ "suite": "model", "rows": rows }));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(name: &str) -> Result<Vec<Json>, Failure> {
    let model = store::find(&store::default_folder(), name)?;
    let options = EngineOptions::new(&model.path, name);
    let samples = (0..SAMPLES).map(|_| bench(options.clone())).collect::<Result<Vec<Figures>, Failure>>()?;
    let row = |figure: &str, unit: &str, pick: &dyn Fn(&Figures) -> f64| {
        let values: Vec<f64> = samples.iter().map(pick).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        json!({
            "figure": format!("{name}: {figure}"), "unit": unit, "value": sorted[sorted.len() / 2],
            "peer": null, "peer_value": null, "ratio": null, "samples": values
        })
    };
    Ok(vec![
        row("prefill of 512 tokens", "tokens/s", &|figures| figures.prefill_tokens_per_second),
        row("decode, one call", "tokens/s", &|figures| figures.decode_tokens_per_second),
        row("decode, four calls together", "tokens/s", &|figures| figures.batch_tokens_per_second),
        row("time to first token, new prompt of 512 tokens", "ms", &|figures| f64::from(figures.first_token_ms)),
        row("time to first token, cached prompt", "ms", &|figures| f64::from(figures.cached_first_token_ms)),
        row("loading", "ms", &|figures| f64::from(figures.load_ms)),
    ])
}
