//! `eval`: runs cases with the real model and reports.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use genoa_abi::{ErrorCode, Failure};

use crate::commands::model;
use crate::context::Context;
use crate::eval::{Case, Stage, Verdict, case_settings, judge, markdown, read_cases, summary_lines};
use crate::models;
use crate::output::{BAD, Ending, FAINT, Format, GOOD, line, remark, styled, value};
use crate::settings::Planner;

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
    let title = format!("{}, grammar {:?}", models::chosen(&settings), arguments.grammar).to_lowercase();
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
