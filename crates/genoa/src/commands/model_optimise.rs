//! `model optimise`: a model is written anew as this processor computes it fastest, if the person agrees to what that costs.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use genoa_abi::{ErrorCode, Failure};
use genoa_model::bench::Figures;
use genoa_model::engine::default_threads;
use genoa_model::foreign::{Foreign, Reading};
use genoa_model::gguf;
use genoa_model::quantise::Weights;
use genoa_model::store::{self, Installed};
use genoa_model::workbench::Workbench;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::context::Context;
use crate::eval::{Case, Stage, case_settings, judge, shipped_cases};
use crate::follow::{Asking, agrees};
use crate::model_files::{self, Jailed};
use crate::models;
use crate::output::{BOLD, CARE, Ending, FAINT, Format, GOOD, bytes, remark, styled, value};
use crate::providers;
use crate::settings::Planner;

/// What is not faster by this much is not worth what it loses.
const WORTH: f64 = 0.95;
/// How often each file is measured; the fastest counts, since what disturbs only slows down.
const ROUNDS: usize = 2;
/// The call that speeds are compared by: tokens read and written.
const READ_TOKENS: f64 = 1_000.0;
const WRITTEN_TOKENS: f64 = 100.0;

/// Which model, and how far.
#[derive(Debug, Args)]
pub(crate) struct OptimiseArguments {
    /// The model; the chosen one if none is named
    name: Option<String>,
    /// How many cases of the evaluation both have to pass
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    cases: u16,
    /// Use what is faster without a question, where it passes as many cases
    #[arg(long, short)]
    yes: bool,
}

/// A file, measured.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    model: Installed,
    figures: Figures,
    /// Seconds of a call that reads 1,000 tokens and writes 100.
    call_seconds: f64,
    /// The cases that it passed; nothing where it was not asked any.
    passed: Option<Vec<String>>,
}

/// What came of it all.
#[derive(Clone, Debug, Serialize)]
struct Report {
    now: Measured,
    /// What was made, the fastest first.
    tried: Vec<Measured>,
    /// Cases that were asked of the first two.
    cases: usize,
    /// What was made and is kept.
    taken: Option<String>,
}

impl Report {
    /// Whether anything is gained.
    fn is_faster(&self) -> bool {
        self.tried.first().is_some_and(|tried| tried.call_seconds < WORTH * self.now.call_seconds)
    }
}

/// Writes, measures, compares and asks.
pub(crate) fn run(context: &Context, arguments: &OptimiseArguments) -> Result<Ending, Failure> {
    let name = arguments.name.as_deref().unwrap_or_else(|| models::chosen(&context.settings));
    if providers::named(&context.settings, name)?.is_some() {
        return Err(Failure::new(ErrorCode::Unsupported, format!("{name} runs elsewhere"))
            .because("only a model file of this machine can be written anew")
            .try_next("Name one: genoa model list"));
    }
    context.home.create()?;
    let now = store::find(context.home.models(), name)?;
    let reader = Jailed::new(&context.home)?;
    let kinds = Weights::worth_trying(file_type(&now, &reader)?);
    if kinds.is_empty() {
        value(context.format, &json!({ "now": { "model": now }, "tried": [] }), |_| {
            vec![format!("{name} is written as most processors compute fastest already: there is nothing to try.")]
        });
        return Ok(Ending::Done);
    }
    kinds.iter().try_for_each(|kind| store::must_be_free(context.home.models(), &made_name(name, *kind)))?;
    let bench = Workbench::open(context.home.models(), now.bytes.saturating_mul(kinds.len() as u64))?;
    let made = kinds.iter().map(|kind| write(context, &now, *kind, (&bench, &reader))).collect::<Result<_, _>>()?;
    let mut report = compare_speed(context, now, made)?;
    if report.is_faster() {
        compare_quality(context, &mut report, arguments.cases.into(), &bench)?;
    }
    if context.format == Format::Text {
        table(&report).iter().for_each(remark);
    }
    if report.is_faster() && is_wanted(arguments.yes, &report) {
        report.taken = Some(take(context, &report, &bench)?);
    }
    value(context.format, &report, |report| vec![outcome(context, report)]);
    Ok(Ending::Done)
}

fn made_name(name: &str, kind: Weights) -> String {
    format!("{name}-{}", kind.name())
}

/// What the file says of its weights; it is read in a jail.
fn file_type(model: &Installed, reader: &Jailed) -> Result<Option<u32>, Failure> {
    let reading = Reading::FileType { shown: model.path.display().to_string() };
    // A number that is none of a file's type says nothing.
    Ok(u32::try_from(reader.read(&reading, gguf::open(&model.path)?, None)?).ok())
}

/// Writes the model anew, with a sign that something is going on.
fn write(
    context: &Context,
    from: &Installed,
    kind: Weights,
    (bench, reader): (&Workbench, &Jailed),
) -> Result<Installed, Failure> {
    let threads = models::engine_options(from, &context.settings).threads.unwrap_or_else(default_threads);
    let bar = bar(context, ProgressBar::new_spinner(), "{spinner} {msg} {bytes}");
    bar.set_message(format!("writing it as {}", kind.name()));
    let written = bench.output().join(Workbench::WRITTEN);
    let watched = bar.clone();
    let made = std::thread::scope(|scope| {
        let (done, ended) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(Duration::from_millis(200)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                watched.set_position(size(&written));
                watched.tick();
            }
        });
        let made = reader.quantise(from, &bench.output(), kind, threads);
        drop(done);
        made
    });
    bar.finish_and_clear();
    made?;
    bench.take_in(&made_name(&from.name, kind), reader)
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |data| data.len())
}

/// Measures all files in turns; the fastest of what was made comes first.
fn compare_speed(context: &Context, now: Installed, made: Vec<Installed>) -> Result<Report, Failure> {
    let files: Vec<Installed> = [now].into_iter().chain(made).collect();
    let bar = bar(context, ProgressBar::new((files.len() * ROUNDS) as u64), "{wide_bar} {msg} {pos}/{len}");
    let mut best: Vec<Option<Figures>> = vec![None; files.len()];
    for _ in 0..ROUNDS {
        for (model, best) in files.iter().zip(&mut best) {
            bar.set_message(format!("measuring {}", model.name));
            let figures = model_files::measure(&context.home, models::engine_options(model, &context.settings))?;
            if best.as_ref().is_none_or(|best| call_seconds(&figures) < call_seconds(best)) {
                *best = Some(figures);
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let measured = |(model, figures): (Installed, Figures)| {
        let call_seconds = call_seconds(&figures);
        Measured { model, figures, call_seconds, passed: None }
    };
    let mut all = files.into_iter().zip(best.into_iter().flatten()).map(measured);
    let nothing = || Failure::new(ErrorCode::Internal, "nothing was measured");
    let (now, mut tried) = (all.next().ok_or_else(nothing)?, all.collect::<Vec<_>>());
    tried.sort_by(|one, other| one.call_seconds.total_cmp(&other.call_seconds));
    Ok(Report { now, tried, cases: 0, taken: None })
}

fn call_seconds(figures: &Figures) -> f64 {
    READ_TOKENS / figures.prefill_tokens_per_second + WRITTEN_TOKENS / figures.decode_tokens_per_second
}

/// Asks both the same cases.
fn compare_quality(context: &Context, report: &mut Report, count: usize, bench: &Workbench) -> Result<(), Failure> {
    let cases = spread(shipped_cases()?, count);
    report.cases = cases.len();
    let bar = bar(context, ProgressBar::new(2 * cases.len() as u64), "{wide_bar} {msg} {pos}/{len} {eta}");
    let made = context.home.with_models(bench.models());
    let both = [(Some(&mut report.now), &context.home), (report.tried.first_mut(), &made)];
    for (measured, home) in both.into_iter().filter_map(|(measured, home)| Some((measured?, home))) {
        let settings = case_settings(&context.settings, Some(&measured.model.name), Planner::Bound);
        let stage = Stage::open(home, &settings)?;
        let mut passed = Vec::new();
        for case in &cases {
            bar.set_message(format!("{}: {}", measured.model.name, case.id));
            if judge(&stage, case, Path::new("")).passed() {
                passed.push(case.id.clone());
            }
            bar.inc(1);
        }
        measured.passed = Some(passed);
    }
    bar.finish_and_clear();
    Ok(())
}

/// So many of all, from every part of them.
fn spread(all: Vec<Case>, count: usize) -> Vec<Case> {
    let whole = all.len();
    let is_taken = |place: usize| place * count / whole.max(1) != (place + 1) * count / whole.max(1);
    all.into_iter().enumerate().filter(|(place, _)| count >= whole || is_taken(*place)).map(|(_, case)| case).collect()
}

fn bar(context: &Context, bar: ProgressBar, template: &str) -> ProgressBar {
    if context.format == Format::Json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn table(report: &Report) -> Vec<String> {
    let head = format!(
        "{:<32} {:>8} {:>9} {:>9} {:>9} {:>9}  cases passed",
        "", "reads/s", "writes/s", "by four", "a call", "size"
    );
    let line = |measured: &Measured| {
        let passed =
            measured.passed.as_ref().map_or("–".to_owned(), |cases| format!("{} of {}", cases.len(), report.cases));
        let Measured { model, figures, call_seconds, .. } = measured;
        format!(
            "{:<32} {:>8.1} {:>9.1} {:>9.1} {call_seconds:>7.1} s {:>9}  {passed}",
            model.name,
            figures.prefill_tokens_per_second,
            figures.decode_tokens_per_second,
            figures.batch_tokens_per_second,
            bytes(model.bytes)
        )
    };
    let mut lines = vec![styled(FAINT, head)];
    lines.extend([&report.now].into_iter().chain(&report.tried).map(line));
    lines.push(styled(
        FAINT,
        "Tokens a second: read, written, and written by four calls together. A call reads 1,000 and writes 100.",
    ));
    for tried in &report.tried {
        let (Some(before), Some(after)) = (&report.now.passed, &tried.passed) else { continue };
        let only = |these: &[String], those: &[String]| {
            these.iter().filter(|case| !those.contains(case)).cloned().collect::<Vec<_>>().join(", ")
        };
        let (lost, won) = (only(before, after), only(after, before));
        lines.extend((!lost.is_empty()).then(|| format!("{} {lost}", styled(CARE, "Passed no more:"))));
        lines.extend((!won.is_empty()).then(|| format!("Passed only now: {won}")));
    }
    lines
}

/// Whether what was made takes the place of what there is.
fn is_wanted(yes: bool, report: &Report) -> bool {
    let Some(made) = report.tried.first() else { return false };
    let count = |measured: &Measured| measured.passed.as_ref().map_or(0, Vec::len);
    if yes {
        return count(made) >= count(&report.now);
    }
    Asking::from_terminal() != Asking::Leave
        && agrees(&format!("Use {} from now on? [y/N] ", styled(BOLD, &made.model.name)))
}

/// Keeps what was made, and has it answer where the old one did.
fn take(context: &Context, report: &Report, bench: &Workbench) -> Result<String, Failure> {
    let nothing = || Failure::new(ErrorCode::Internal, "nothing was made");
    let kept = bench.install(&report.tried.first().ok_or_else(nothing)?.model, context.home.models())?;
    if is_chosen(context, report) {
        let mut settings = context.settings.clone();
        settings.model.name.clone_from(&kept.name);
        context.save(&settings)?;
    }
    Ok(kept.name)
}

fn is_chosen(context: &Context, report: &Report) -> bool {
    models::chosen(&context.settings) == report.now.model.name
}

fn outcome(context: &Context, report: &Report) -> String {
    let name = &report.now.model.name;
    match &report.taken {
        Some(taken) if is_chosen(context, report) => {
            format!("{} {taken} answers from now on. Back: genoa model use {name}", styled(GOOD, "✓"))
        }
        Some(taken) => format!("{} {taken} is there. Choose it: genoa model use {taken}", styled(GOOD, "✓")),
        None if report.is_faster() => format!("{name} stays, since nobody agreed; what was made is removed."),
        None => format!("{name} stays: nothing that was tried is faster by {:.0} %.", 100.0 * (1.0 - WORTH)),
    }
}

#[cfg(test)]
mod tests {
    use super::spread;
    use crate::eval::shipped_cases;

    #[test]
    fn a_part_of_the_cases_is_from_all_of_them() {
        let all = shipped_cases().expect("the shipped cases can be read");
        for count in [1, 7, 16, all.len(), 1000] {
            assert_eq!(spread(all.clone(), count).len(), count.min(all.len()));
        }
        let agents = |cases: &[crate::eval::Case]| {
            cases.iter().map(|case| case.agent.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(agents(&spread(all.clone(), 16)), agents(&all), "every agent has a case");
    }
}
