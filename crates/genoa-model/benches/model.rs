//! How fast the local engine is: `cargo bench -p genoa-model --bench model`, with the model of `GENOA_BENCH_MODEL`,
//! `GENOA_BENCH_SAMPLES` times (3).
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it prints its result")]

use std::process::ExitCode;
use std::time::Instant;

use genoa_abi::model::{ChatMessage, Grammar, InferReply, InferRequest, Role};
use genoa_abi::{CallId, Failure};
use genoa_model::bench::{Figures, bench};
use genoa_model::engine::{Engine, EngineOptions, LoadedModel, Progress};
use genoa_model::{catalogue, store};
use serde_json::{Value as Json, json};

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
    let wanted = std::env::var("GENOA_BENCH_SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(3usize).max(1);
    let samples = (0..wanted).map(|_| bench(options.clone())).collect::<Result<Vec<Figures>, Failure>>()?;
    let row = |figure: &str, unit: &str, pick: &dyn Fn(&Figures) -> f64| {
        let values: Vec<f64> = samples.iter().map(pick).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        json!({
            "figure": format!("{name}: {figure}"), "unit": unit, "value": sorted[sorted.len() / 2],
            "peer": null, "peer_value": null, "ratio": null, "samples": values
        })
    };
    let mut rows = vec![
        row("prefill of 512 tokens", "tokens/s", &|figures| figures.prefill_tokens_per_second),
        row("decode, one call", "tokens/s", &|figures| figures.decode_tokens_per_second),
        row("decode, four calls together", "tokens/s", &|figures| figures.batch_tokens_per_second),
        row("time to first token, new prompt of 512 tokens", "ms", &|figures| f64::from(figures.first_token_ms)),
        row("time to first token, cached prompt", "ms", &|figures| f64::from(figures.cached_first_token_ms)),
        row("loading", "ms", &|figures| f64::from(figures.load_ms)),
    ];
    let loaded = LoadedModel::open(options)?;
    rows.extend(plan(name, &mut Engine::new(&loaded)?)?);
    rows.push(crowd(name, &mut Engine::new(&loaded)?)?);
    Ok(rows)
}

/// What a planner asks: about 1,500 tokens of tools and examples, then statement after statement under a grammar.
fn plan(name: &str, engine: &mut Engine<'_>) -> Result<Vec<Json>, Failure> {
    const STATEMENTS: usize = 4;
    let mut begun = String::new();
    let mut replies = Vec::new();
    for _ in 0..STATEMENTS {
        let request = InferRequest {
            answer_begins: begun.clone(),
            grammar: Some(Grammar::Lark(STATEMENT.to_owned())),
            ..request(&tools(60), "Find the notes about the budget and mail them to Ada.", 48)
        };
        let reply = run(engine, vec![request])?.remove(0);
        begun.push_str(&reply.text);
        begun.push('\n');
        replies.push(reply);
    }
    eprintln!("{name} wrote under the grammar:\n{begun}");
    let first = replies[0].usage;
    let later = &replies[1..];
    let mean = |pick: &dyn Fn(&InferReply) -> f64| later.iter().map(pick).sum::<f64>() / (STATEMENTS - 1) as f64;
    let written: u32 = replies.iter().map(|reply| reply.usage.written_tokens).sum();
    let forced: u32 = replies.iter().map(|reply| reply.usage.forced_tokens).sum();
    let decode_ms: u32 = replies.iter().map(|reply| reply.usage.decode_ms).sum();
    Ok(vec![
        one(name, "planner, prompt", "tokens", f64::from(first.prompt_tokens)),
        one(name, "planner, first token of the first statement", "ms", f64::from(first.prefill_ms)),
        one(name, "planner, first token of a later statement", "ms", mean(&|reply| f64::from(reply.usage.prefill_ms))),
        one(
            name,
            "planner, a later statement",
            "ms",
            mean(&|reply| f64::from(reply.usage.prefill_ms + reply.usage.decode_ms)),
        ),
        one(name, "planner, written under the grammar", "tokens/s", f64::from(written) * 1000.0 / f64::from(decode_ms)),
        one(name, "planner, share of forced tokens", "%", f64::from(forced) * 100.0 / f64::from(written)),
    ])
}

/// Sixteen calls that share about 740 tokens, with about 150 of their own, that write 60 each.
fn crowd(name: &str, engine: &mut Engine<'_>) -> Result<Json, Failure> {
    let shared = tools(30);
    let own = |number: usize| {
        format!("Record {number}. {}Tell a long story about it.", "The meeting was moved to the next day. ".repeat(15))
    };
    let requests = (0..16).map(|number| request(&shared, &own(number), 60)).collect();
    let started = Instant::now();
    let replies = run(engine, requests)?;
    let sizes: Vec<_> = replies
        .iter()
        .map(|reply| (reply.usage.prompt_tokens, reply.usage.cached_tokens, reply.usage.written_tokens))
        .collect();
    eprintln!("{name}, sixteen calls (prompt, cached, written): {sizes:?}");
    Ok(one(name, "sixteen calls with a shared prefix, all together", "s", started.elapsed().as_secs_f64()))
}

const STATEMENT: &str = r#"start: call | name " = " call
call: "notes.search(query=" text ")" | "mail.send(to=[" text "], subject=" text ", body=" (text | name) ")"
    | "contacts.find(name=" text ")" | "calendar.events(when=" text ")" | "say(text=" text ")"
name: "notes" | "contact" | "events"
text: /"[a-zA-Z0-9 .,@-]{1,40}"/"#;

fn tools(count: usize) -> String {
    let mut text =
        "You write plans: one call of a function on each line, and nothing else. The functions are:\n".to_owned();
    for number in 0..count {
        text.push_str(&format!(
            "area{number}.find(query: str, since: str?) -> list[Record]  finds what was asked for\n"
        ));
    }
    text + "notes.search(query: str) -> list[Note]\nmail.send(to: list[str], subject: str, body: str)\n"
}

fn request(system: &str, question: &str, max_tokens: u32) -> InferRequest {
    InferRequest {
        messages: vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, question)],
        max_tokens,
        ..InferRequest::default()
    }
}

fn run(engine: &mut Engine<'_>, requests: Vec<InferRequest>) -> Result<Vec<InferReply>, Failure> {
    for (number, request) in (0..).zip(&requests) {
        engine.submit(CallId(number), request)?;
    }
    let mut replies = Vec::new();
    while !engine.is_idle() {
        for progress in engine.step() {
            if let Progress::Done(_, outcome) = progress {
                replies.push(outcome?);
            }
        }
    }
    Ok(replies)
}

fn one(name: &str, figure: &str, unit: &str, value: f64) -> Json {
    json!({
        "figure": format!("{name}: {figure}"), "unit": unit, "value": value,
        "peer": null, "peer_value": null, "ratio": null, "samples": [value]
    })
}
