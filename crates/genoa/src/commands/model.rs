//! `model`: the models of this machine, and those that are elsewhere.

use std::path::PathBuf;

use clap::Subcommand;
use genoa_abi::{ErrorCode, Failure};
use genoa_model::catalogue::{self, DEFAULT_MODEL, entries};
use genoa_model::fetch::{FetchOptions, fetch};
use genoa_model::fetch_news::FetchNews;
use genoa_model::store::{self, Installed};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::commands::{model_optimise, model_top};
use crate::context::Context;
use crate::follow::{self, Asking};
use crate::model_files::{self, Jailed};
use crate::models::{chosen, engine_options, names};
use crate::output::{BOLD, CARE, Ending, FAINT, Format, GOOD, bytes, remark, styled, value, visible, visible_line};
use crate::providers;
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
        /// Its name; PROVIDER/MODEL for one that is elsewhere
        name: String,
        /// Agree that prompts go to its host, for a model that is elsewhere
        #[arg(long, short)]
        yes: bool,
    },
    /// Read the files anew and compare them with their hashes
    Verify,
    /// Take a model from this machine
    Remove {
        /// Its name
        name: String,
        /// Without a question
        #[arg(long, short)]
        yes: bool,
    },
    /// Measure how fast the chosen model is on this machine
    Bench,
    /// Write a model anew as this processor computes it fastest, and see what that costs, before it is used
    Optimise(model_optimise::OptimiseArguments),
    /// Watch what the model works on, for whom, and how fast
    Top {
        /// Look once
        #[arg(long)]
        once: bool,
    },
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
            let reader = Jailed::new(&context.home)?;
            store::add_local(context.home.models(), &name, &file, &reader).map(|model| show(context.format, &model))
        }
        ModelCommand::Use { name, yes } if name.contains('/') => choose_remote(context, &name, yes),
        ModelCommand::Use { name, .. } => choose(context, &name),
        ModelCommand::Verify => verify(context),
        ModelCommand::Remove { name, yes } => remove(context, &name, yes),
        ModelCommand::Bench => bench(context),
        ModelCommand::Optimise(arguments) => model_optimise::run(context, &arguments),
        ModelCommand::Top { once } => model_top::run(context, once),
    }
}

/// Fetches the models that may be asked, as far as they are to be on this machine and are not there yet.
pub(crate) fn ensure_default(context: &Context) -> Result<(), Failure> {
    ensure(context, &context.settings)
}

/// The same for other settings.
pub(crate) fn ensure(context: &Context, settings: &Settings) -> Result<(), Failure> {
    for name in names(settings) {
        if providers::named(settings, name)?.is_none() && store::find(context.home.models(), name).is_err() {
            fetched(context, name, None)?;
        }
    }
    Ok(())
}

fn list(context: &Context) -> Result<Ending, Failure> {
    let here = store::list(context.home.models())?;
    let remote =
        context.settings.providers.iter().map(|(name, provider)| json!({ "provider": name, "url": provider.url }));
    let listing = json!({ "catalogue": entries(), "installed": here, "remote": remote.collect::<Vec<_>>(),
        "chosen": chosen(&context.settings) });
    value(context.format, &listing, |_| {
        let mut lines = Vec::new();
        for entry in entries() {
            let installed = here.iter().any(|model| model.name == entry.name);
            let sign = if installed { styled(GOOD, "✓") } else { " ".to_owned() };
            let in_use = if entry.name == chosen(&context.settings) { styled(CARE, " in use") } else { String::new() };
            let size = entry.bytes.map(bytes).unwrap_or_default();
            lines.push(format!("{sign} {:<22} {size:>9}  {}{in_use}", entry.name, styled(FAINT, &entry.purpose)));
        }
        let own = here.iter().filter(|model| entries().iter().all(|entry| entry.name != model.name));
        lines.extend(
            own.map(|model| {
                format!("{} {:<22} {:>9}  your own file", styled(GOOD, "✓"), model.name, bytes(model.bytes))
            }),
        );
        lines.extend(remote_lines(&context.settings));
        lines
    });
    Ok(Ending::Done)
}

/// A line for each provider, and what of it is in use.
fn remote_lines(settings: &Settings) -> Vec<String> {
    let chosen = providers::chosen(settings).ok().flatten();
    let asked: Vec<providers::Remote<'_>> = chosen.into_iter().chain(providers::by_rule(settings)).collect();
    let line = |remote: providers::Remote<'_>| {
        let in_use = asked.iter().filter(|asked| asked.provider == remote.provider);
        let names: Vec<String> = in_use.map(providers::Remote::name).collect();
        let sign = if names.is_empty() { String::new() } else { styled(CARE, " in use") };
        let name = if names.is_empty() { remote.name() } else { names.join(", ") };
        let place = remote.whereabouts().unwrap_or_else(|failure| failure.to_string());
        format!(
            "→ {:<22} {:>9}  {}{sign}",
            visible(&name),
            "elsewhere",
            styled(FAINT, format!("prompts go to {place}"))
        )
    };
    providers::all(settings).map(line).collect()
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
    let fetched = fetch(entry, &options, &Jailed::new(&context.home)?, &mut |news| match news {
        FetchNews::Trying { source } => bar.suspend(|| remark(styled(FAINT, format!("  from {source}")))),
        FetchNews::Failed { failure, .. } => {
            bar.suspend(|| remark(styled(FAINT, format!("  no: {}", visible_line(&failure.to_string())))))
        }
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
    context.save(&settings)?;
    value(context.format, &model, |model| vec![answers_now(&model.name)]);
    Ok(Ending::Done)
}

/// Chooses a model that is elsewhere, if the person agrees that prompts go there.
fn choose_remote(context: &Context, name: &str, agreed: bool) -> Result<Ending, Failure> {
    let mut settings = context.settings.clone();
    name.clone_into(&mut settings.model.name);
    let remote = providers::chosen(&settings)?;
    let remote = remote.ok_or_else(|| Failure::new(ErrorCode::InvalidInput, "this is no model that is elsewhere"))?;
    let (host, place) = (remote.host()?, remote.whereabouts()?);
    remote.key()?;
    remark(format!("{}: prompts will leave Genoa for {}.", styled(CARE, visible(name)), styled(BOLD, &place)));
    remark(format!("They may hold {}.", remote.sight()));
    if !remote.follows_grammars() {
        remark("Plans are then written without a grammar: the provider's section does not declare both");
        remark("`guided_grammar` and `continue_final_message`. Every plan is checked before it runs, as always.");
    }
    if !agreed && !agrees(&host) {
        return Err(Failure::new(ErrorCode::Denied, "the model stays as it was")
            .because(format!("nobody agreed that prompts go to {host}"))
            .try_next(format!("Run it in a terminal and type the host, or add --yes: genoa model use {name} --yes")));
    }
    context.save(&settings)?;
    value(context.format, &json!({ "name": name, "host": host }), |_| vec![answers_now(name)]);
    Ok(Ending::Done)
}

/// Whether the person types the host; nobody does where no terminal is.
fn agrees(host: &str) -> bool {
    if Asking::from_terminal() == Asking::Leave {
        return false;
    }
    remark(format!("Type {host} to agree:"));
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).is_ok() && text.trim() == host
}

fn answers_now(name: &str) -> String {
    format!("{} answers from now on. What is being answered is finished first.", visible(name))
}

fn verify(context: &Context) -> Result<Ending, Failure> {
    let here = store::list(context.home.models())?;
    if here.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "there is no model on this machine")
            .try_next("Fetch one with `genoa model fetch`"));
    }
    context.home.create()?;
    let reader = Jailed::new(&context.home)?;
    for model in &here {
        store::verify(model, &reader)?;
        show(context.format, model);
    }
    Ok(Ending::Done)
}

/// Removes a model that is not in use. One that no catalogue has is gone for good, so the person is asked.
fn remove(context: &Context, name: &str, yes: bool) -> Result<Ending, Failure> {
    let model = store::find(context.home.models(), name)?;
    if names(&context.settings).contains(name) {
        return Err(Failure::new(ErrorCode::Conflict, format!("{name} is in use"))
            .because("it is the chosen model, or a rule about models names it")
            .try_next("Choose another one with `genoa model use` first"));
    }
    let is_known = entries().iter().any(|entry| entry.name == name);
    let back = if is_known { "It can be fetched again." } else { "No catalogue has it." };
    let prompt = format!("Remove {} ({})? {back} [y/N] ", styled(BOLD, name), bytes(model.bytes));
    if !yes && (Asking::from_terminal() == Asking::Leave || !follow::agrees(&prompt)) {
        return Err(Failure::new(ErrorCode::Denied, format!("{name} stays"))
            .because("nobody agreed to remove it")
            .try_next(format!("Say yes in a terminal, or add --yes: genoa model remove {name} --yes")));
    }
    let freed = store::remove(context.home.models(), name)?;
    value(context.format, &json!({ "name": name, "freed_bytes": freed }), |_| {
        vec![format!("{} {name} is removed, {} are free", styled(GOOD, "✓"), bytes(freed))]
    });
    Ok(Ending::Done)
}

fn bench(context: &Context) -> Result<Ending, Failure> {
    if let Some(remote) = providers::chosen(&context.settings)? {
        let what = format!("{} is not measured: it runs elsewhere", remote.name());
        return Err(Failure::new(ErrorCode::Unsupported, what)
            .because(format!("how fast it is depends on {} and the way there", remote.whereabouts()?))
            .try_next("The times of each call stand in the journal, with what it used: genoa journal show"));
    }
    let model = store::find(context.home.models(), chosen(&context.settings))?;
    context.home.create()?;
    let figures = model_files::measure(&context.home, engine_options(&model, &context.settings))?;
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
