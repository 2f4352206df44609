//! `plan`: check, explain or run a plan that a person wrote.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use genoa_abi::{ErrorCode, Failure};
use genoa_plan::{Finding, check};

use crate::cli::Context;
use crate::follow::{Labelling, run_plan};
use crate::output::{self, BAD, CARE, Ending, Format, line, styled, value, visible_line};

/// A plan's file.
#[derive(Debug, Args)]
pub(crate) struct PlanFile {
    /// The file; `-` for standard input
    file: PathBuf,
}

impl PlanFile {
    /// The plan in this file.
    pub(crate) fn of(file: &Path) -> Self {
        Self { file: file.to_owned() }
    }
}

/// What to do with a plan.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Say whether it is a plan, and what is wrong with it
    Check(PlanFile),
    /// Say in plain words what it would do
    Explain(PlanFile),
    /// Run it, in the view of the folder
    Run {
        #[command(flatten)]
        file: PlanFile,
        /// Show below each step where its values are from, and who may read them
        #[arg(long)]
        labels: bool,
    },
}

/// Checks, explains or runs.
pub(crate) fn run(context: &Context, command: &PlanCommand) -> Result<Ending, Failure> {
    let (PlanCommand::Check(file) | PlanCommand::Explain(file) | PlanCommand::Run { file, .. }) = command;
    let source = read(file)?;
    let catalog = context.installation()?.catalog;
    let checked = match check(&source, &catalog, "") {
        Ok(checked) => checked,
        Err(findings) => return Ok(rejected(context.format, &findings)),
    };
    match command {
        PlanCommand::Check(_) => {
            value(context.format, &checked.warnings, |warnings| {
                let mut lines: Vec<String> = warnings.iter().map(|w| format!("{} {w}", styled(CARE, "!"))).collect();
                lines.push("The plan is sound.".to_owned());
                lines
            });
            Ok(Ending::Done)
        }
        PlanCommand::Explain(_) => {
            value(context.format, &checked.plan.preview(&catalog), |preview| {
                preview.iter().map(|line| visible_line(line)).collect()
            });
            Ok(Ending::Done)
        }
        PlanCommand::Run { labels, .. } => {
            let labels = if *labels { Labelling::Shown } else { Labelling::Hidden };
            run_plan(&mut context.session()?, source, context.format, labels)
        }
    }
}

/// The text of a plan.
pub(crate) fn read(file: &PlanFile) -> Result<String, Failure> {
    let text = if file.file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(&file.file)
    };
    text.map_err(|error| {
        Failure::new(ErrorCode::NotFound, format!("cannot read the plan {}", file.file.display())).because(error)
    })
}

fn rejected(format: Format, findings: &[Finding]) -> Ending {
    if format == Format::Json {
        line(serde_json::to_string(findings).unwrap_or_default());
    } else {
        findings
            .iter()
            .for_each(|finding| output::remark(format!("{} {}", styled(BAD, "✗"), visible_line(&finding.to_string()))));
    }
    Ending::Failed
}
