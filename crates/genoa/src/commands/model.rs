//! `model`: the local models.

use std::path::PathBuf;

use clap::Subcommand;
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::{Home, ModelSource};
use genoa_model::catalogue::{self, DEFAULT_MODEL, entries};
use genoa_model::engine::EngineOptions;
use genoa_model::fetch::{FetchNews, FetchOptions, fetch};
use genoa_model::store::{self, Installed};
use genoa_model::worker::WorkerOptions;
use genoa_sandbox::compile::MODEL_STATE;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::Context;
use crate::connect::tell_daemon;
use crate::output::{BOLD, CARE, Ending, FAINT, Format, GOOD, bytes, remark, styled, value};
use crate::settings::Settings;

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// The models of the catalogue and of this machine
    List,
    /// Bring a model onto this machine, verified by its hash
    Fetch {
        /// Its name in the catalogue
        #[arg(default_value = DEFAULT_MODEL)]
        name: String,
        /// The SHA-256 to check it by, for an entry that has none
        #[arg(long)]
        sha256: Option<String>,
    },
    /// Add a GGUF file of your own
    Add {
        /// The name it gets
        name: String,
        /// The file
        file: PathBuf,
    },
    /// Choose the model that answers
    Use {
        /// Its name
        name: String,
    },
    /// Read the files anew and compare them with their hashes
    Verify,
    /// Measure how fast the chosen model is on this machine
    Bench,
}

/// Lists, fetches, adds, chooses, verifies or measures.
pub(crate) fn run(context: &Context, command: ModelCommand) -> Result<Ending, Failure> {
    match command {
        ModelCommand::List => list(context),
        ModelCommand::Fetch { name, sha256 } => {
            context.home.create()?;
            fetched(context, &name, sha256).map(|model| show(context.format, &model))
        }
        ModelCommand::Add { name, file } => {
            context.home.create()?;
            store::add_local(context.home.models(), &name, &file).map(|model| show(context.format, &model))
        }
        ModelCommand::Use { name } => choose(context, &name),
        ModelCommand::Verify => verify(context),
        ModelCommand::Bench => bench(context),
    }
}

/// Fetches the chosen model if it is the catalogue's and not there yet.
pub(crate) fn ensure_default(context: &Context) -> Result<(), Failure> {
    ensure(context, &context.settings)
}

/// The same for other settings.
pub(crate) fn ensure(context: &Context, settings: &Settings) -> Result<(), Failure> {
    let name = name(settings);
    if store::find(context.home.models(), name).is_err() {
        fetched(context, name, None)?;
    }
    Ok(())
}

/// The chosen model's name and file.
pub(crate) fn chosen(context: &Context) -> Result<(String, PathBuf), Failure> {
    let model = store::find(context.home.models(), name(&context.settings))?;
    Ok((model.name, model.path))
}

/// What the daemon starts its worker with.
pub(crate) fn source(home: &Home, settings: &Settings) -> ModelSource {
    let model = match store::find(home.models(), name(settings)) {
        Ok(model) => model,
        Err(failure) => return ModelSource::Missing(failure),
    };
    let state = home.prefixes();
    let mut options = engine_options(&model, settings);
    options.prefix_dir = Some(MODEL_STATE.into());
    let options = serde_json::to_string(&WorkerOptions::Local(options)).unwrap_or_default();
    ModelSource::Local { file: model.path, state: Some(state), options }
}

/// The folder that the chosen model's file is in, or would be.
pub(crate) fn folder(home: &Home, settings: &Settings) -> PathBuf {
    home.models().join(name(settings))
}

/// The name of the chosen model.
pub(crate) fn name(settings: &Settings) -> &str {
    if settings.model.name.is_empty() { DEFAULT_MODEL } else { &settings.model.name }
}

fn engine_options(model: &Installed, settings: &Settings) -> EngineOptions {
    let mut options = EngineOptions::new(&model.path, &model.name);
    options.sha256 = Some(model.sha256.clone());
    options.threads = (settings.model.threads > 0).then_some(settings.model.threads);
    options
}

fn list(context: &Context) -> Result<Ending, Failure> {
    let here = store::list(context.home.models())?;
    let listing = json!({ "catalogue": entries(), "installed": here, "chosen": name(&context.settings) });
    value(context.format, &listing, |_| {
        let mut lines = Vec::new();
        for entry in entries() {
            let installed = here.iter().any(|model| model.name == entry.name);
            let sign = if installed { styled(GOOD, "✓") } else { " ".to_owned() };
            let chosen = if entry.name == name(&context.settings) { styled(CARE, " in use") } else { String::new() };
            let size = entry.bytes.map(bytes).unwrap_or_default();
            lines.push(format!("{sign} {:<22} {size:>9}  {}{chosen}", entry.name, styled(FAINT, &entry.purpose)));
        }
        let own = here.iter().filter(|model| entries().iter().all(|entry| entry.name != model.name));
        lines.extend(
            own.map(|model| {
                format!("{} {:<22} {:>9}  your own file", styled(GOOD, "✓"), model.name, bytes(model.bytes))
            }),
        );
        lines
    });
    Ok(Ending::Done)
}

fn fetched(context: &Context, name: &str, sha256: Option<String>) -> Result<Installed, Failure> {
    let entry = catalogue::find(name)?;
    let mut options = FetchOptions::new(context.home.models());
    options.sha256 = sha256;
    let bar = ProgressBar::new(entry.bytes.unwrap_or(0));
    if context.format == Format::Json {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    } else {
        remark(format!("Fetching {} ({}), once", styled(BOLD, &entry.display), entry.licence));
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let fetched = fetch(entry, &options, &mut |news| match news {
        FetchNews::Trying { source } => bar.suspend(|| remark(styled(FAINT, format!("  from {source}")))),
        FetchNews::Failed { failure, .. } => bar.suspend(|| remark(styled(FAINT, format!("  no: {failure}")))),
        FetchNews::Bytes { done, total } => {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
        FetchNews::Verifying => bar.suspend(|| remark(styled(FAINT, "  verifying"))),
    });
    bar.finish_and_clear();
    fetched
}

fn show(format: Format, model: &Installed) -> Ending {
    value(format, model, |model| {
        vec![format!("{} {} {}, SHA-256 {}", styled(GOOD, "✓"), model.name, bytes(model.bytes), model.sha256)]
    });
    Ending::Done
}

fn choose(context: &Context, name: &str) -> Result<Ending, Failure> {
    let model = store::find(context.home.models(), name)?;
    let mut settings = context.settings.clone();
    settings.model.name.clone_from(&model.name);
    context.home.create()?;
    settings.save(&context.home)?;
    tell_daemon(&context.home);
    value(context.format, &model, |model| {
        vec![format!("{} answers from now on. What is being answered is finished first.", model.name)]
    });
    Ok(Ending::Done)
}

fn verify(context: &Context) -> Result<Ending, Failure> {
    let here = store::list(context.home.models())?;
    if here.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "there is no model on this machine")
            .try_next("Fetch one with `genoa model fetch`"));
    }
    for model in &here {
        store::verify(model)?;
        show(context.format, model);
    }
    Ok(Ending::Done)
}

fn bench(context: &Context) -> Result<Ending, Failure> {
    let model = store::find(context.home.models(), name(&context.settings))?;
    let figures = genoa_model::bench::bench(engine_options(&model, &context.settings))?;
    value(context.format, &figures, |figures| {
        vec![
            format!(
                "{} with {} threads, loaded in {} ms",
                styled(BOLD, &figures.model),
                figures.threads,
                figures.load_ms
            ),
            format!("  reads  {:.1} tokens/s", figures.prefill_tokens_per_second),
            format!(
                "  writes {:.1} tokens/s, {:.1} tokens/s with four calls",
                figures.decode_tokens_per_second, figures.batch_tokens_per_second
            ),
            format!(
                "  first token after {} ms, {} ms for a known prompt",
                figures.first_token_ms, figures.cached_first_token_ms
            ),
        ]
    });
    Ok(Ending::Done)
}
