//! `plan`: check, explain or run a plan that a person wrote.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use genoa_abi::schema::{Catalog, RecordType, ToolSchema};
use genoa_abi::{ErrorCode, Failure};
use genoa_plan::{Finding, check};
use serde::Deserialize;

use crate::context::Context;
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
    Check {
        #[command(flatten)]
        file: PlanFile,
        /// Tools and record types that are there besides those of the installation, as JSON
        #[arg(long, value_name = "JSON")]
        tools: Option<PathBuf>,
    },
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
    let (PlanCommand::Check { file, .. } | PlanCommand::Explain(file) | PlanCommand::Run { file, .. }) = command;
    let source = read(file)?;
    let mut catalog = context.installation()?.catalog;
    if let PlanCommand::Check { tools: Some(tools), .. } = command {
        add(&mut catalog, Offer::read(tools)?)?;
    }
    let checked = match check(&source, &catalog, "") {
        Ok(checked) => checked,
        Err(findings) => return Ok(rejected(context.format, &findings)),
    };
    match command {
        PlanCommand::Check { .. } => {
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

/// What a program means to offer to a session, so that plans for it can be checked before it runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    #[serde(default)]
    tools: Vec<ToolSchema>,
    #[serde(default)]
    records: Vec<RecordType>,
}

impl Offer {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(ErrorCode::NotFound, format!("cannot read the tools {}", file.display())).because(error)
        })?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, format!("{} does not hold tools", file.display()))
                .because(error)
                .try_next("Write {\"tools\": […], \"records\": […]}, each as `genoa tools --json` shows them")
        })
    }
}

/// Adds what is offered. What is there already stays, so that no name means two things.
fn add(catalog: &mut Catalog, offer: Offer) -> Result<(), Failure> {
    let taken = |name: &str| {
        Failure::new(ErrorCode::InvalidInput, format!("`{}` is there already", name.escape_debug()))
            .try_next("Choose another name, for example in a group of its own")
    };
    for tool in offer.tools {
        if let Some(tool) = catalog.tools.insert(tool.name.clone(), tool) {
            return Err(taken(&tool.name));
        }
    }
    for record in offer.records {
        if let Some(record) = catalog.records.insert(record.name.clone(), record) {
            return Err(taken(&record.name));
        }
    }
    Ok(())
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
