//! `eval`: runs cases with the real model and reports.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use genoa_abi::session::RunOutcome;
use genoa_abi::{ErrorCode, Failure};

use crate::cli::Context;
use crate::commands::model;
use crate::eval::{Case, Seen, Stage, Verdict, complaints, markdown, read_cases, summary_lines};
use crate::output::{BAD, Ending, FAINT, Format, GOOD, line, remark, styled, value};
use crate::settings::{NetworkSettings, Planner, Settings};

/// Which cases, and how.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// The cases, one JSON object a line
    file: PathBuf,
    /// Only cases whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Use this model instead of the chosen one
    #[arg(long)]
    model: Option<String>,
    /// Whether plans are written under a grammar
    #[arg(long, value_enum, default_value_t = GrammarChoice::On)]
    grammar: GrammarChoice,
    /// Write the tables to this Markdown file, too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GrammarChoice {
    /// Statement by statement, the default of Genoa
    On,
    /// Not at all, to see what it is worth
    Off,
}

/// Runs the cases.
pub(crate) fn run(context: &Context, arguments: &EvalArguments) -> Result<Ending, Failure> {
    let planner = if arguments.grammar == GrammarChoice::On { Planner::Bound } else { Planner::Free };
    let settings = case_settings(&context.settings, arguments.model.as_deref(), planner);
    context.home.create()?;
    model::ensure(context, &settings)?;
    let only = arguments.only.as_deref().unwrap_or_default();
    let cases: Vec<Case> = read_cases(&arguments.file)?.into_iter().filter(|case| case.id.contains(only)).collect();
    if cases.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "no case is left to run"));
    }
    let stage = Stage::open(&context.home, &settings)?;
    let mut verdicts = Vec::new();
    for case in &cases {
        let verdict = judge(&stage, case, &arguments.file);
        show(context.format, &verdict, verdicts.len() + 1, cases.len());
        verdicts.push(verdict);
    }
    let title = format!("{}, grammar {:?}", model::name(&settings), arguments.grammar).to_lowercase();
    if let Some(path) = &arguments.report {
        std::fs::write(path, markdown(&title, &verdicts)).map_err(|error| {
            Failure::new(ErrorCode::StorageFailed, format!("cannot write {}", path.display())).because(error)
        })?;
    }
    if context.format == Format::Text {
        summary_lines(&verdicts).iter().for_each(line);
    }
    let passed = verdicts.iter().all(|verdict| verdict.complaints.is_empty());
    Ok(if passed { Ending::Done } else { Ending::Failed })
}

/// The settings under which cases run: they are about one model, and run alike for everybody.
pub(crate) fn case_settings(own: &Settings, model: Option<&str>, planner: Planner) -> Settings {
    let mut settings = own.clone();
    if let Some(name) = model {
        name.clone_into(&mut settings.model.name);
    }
    settings.model.planner = planner;
    settings.network = NetworkSettings::default();
    settings.mcp.clear();
    settings.route.clear();
    settings
}

/// Runs a case of `file`.
pub(crate) fn judge(stage: &Stage, case: &Case, file: &Path) -> Verdict {
    let began = Instant::now();
    let mut verdict = match stage.run(case, file) {
        Ok((seen, folder)) => verdict_on(case, &seen, &folder),
        Err(failure) => {
            Verdict { complaints: vec![failure.to_string()], ..verdict_on(case, &Seen::nothing(), Path::new("")) }
        }
    };
    verdict.seconds = began.elapsed().as_secs_f64();
    verdict
}

fn verdict_on(case: &Case, seen: &Seen, folder: &Path) -> Verdict {
    let mut complaints = complaints(case, seen, folder);
    if let (false, Some(RunOutcome::Failed(failure))) =
        (complaints.is_empty(), seen.summary.as_ref().map(|summary| &summary.outcome))
    {
        complaints.push(failure.to_string());
    }
    Verdict {
        id: case.id.clone(),
        category: case.agent.clone().unwrap_or_else(|| "routed".to_owned()),
        complaints,
        plan: seen.plan.clone(),
        answer: seen.summary.as_ref().map(|summary| summary.answer.clone()).unwrap_or_default(),
        seconds: 0.0,
        plans: seen.plans,
        sent_back: seen.sent_back,
        outside: seen.outside.len(),
    }
}

fn show(format: Format, verdict: &Verdict, number: usize, count: usize) {
    if format == Format::Json {
        return value(format, verdict, |_| Vec::new());
    }
    let sign = if verdict.complaints.is_empty() { styled(GOOD, "✓") } else { styled(BAD, "✗") };
    remark(format!("{sign} {number}/{count} {} {}", verdict.id, styled(FAINT, format!("{:.1} s", verdict.seconds))));
    for complaint in &verdict.complaints {
        remark(format!("    {complaint}"));
    }
    if !verdict.complaints.is_empty() {
        verdict.plan.lines().for_each(|text| remark(styled(FAINT, format!("    │ {text}"))));
    }
}
