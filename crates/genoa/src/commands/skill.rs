//! `skill`: plans that worked, saved to be done again without planning.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use genoa_abi::skill::{Skill, SkillSource};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure, RunId};
use genoa_client::Client;
use genoa_plan::filled;

use crate::commands::plan::{PlanFile, read};
use crate::connect::unexpected;
use crate::context::Context;
use crate::follow::{Labelling, run_plan};
use crate::output::{Ending, FAINT, Format, remark, styled, value, visible_line};

/// What to do with skills.
#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    /// Save the plan that was run last here, or another, under a name
    Save(SaveArguments),
    /// The saved skills
    List,
    /// One skill: its plan and its values
    Show {
        /// Its name
        name: String,
    },
    /// Run a skill, with other values where they are given
    Run {
        /// Its name
        name: String,
        /// Values as NAME=VALUE; the others stay as they were saved
        #[arg(value_name = "NAME=VALUE", value_parser = parse_value)]
        values: Vec<(String, String)>,
    },
    /// Forget a skill
    Forget {
        /// Its name
        name: String,
    },
}

/// What to save.
#[derive(Debug, Args)]
pub(crate) struct SaveArguments {
    /// The name: letters, digits, `-` and `_`
    name: String,
    /// The run whose plan to save [default: the last one in this folder]
    #[arg(long, conflicts_with = "plan")]
    run: Option<RunId>,
    /// A plan of your own, from a file
    #[arg(long, value_name = "FILE", requires = "intention")]
    plan: Option<PathBuf>,
    /// The words that your own plan serves
    #[arg(long, value_name = "WORDS", requires = "plan")]
    intention: Option<String>,
}

/// Saves, lists, shows, runs or forgets.
pub(crate) fn run(context: &Context, command: &SkillCommand) -> Result<Ending, Failure> {
    let mut session = context.session()?;
    match command {
        SkillCommand::Save(arguments) => {
            let saved = skills(&mut session.client, &save(arguments)?)?;
            value(context.format, &saved, |saved| saved.iter().flat_map(details).collect());
        }
        SkillCommand::List => {
            let all = skills(&mut session.client, &Syscall::Skills {})?;
            if all.is_empty() && context.format == Format::Text {
                remark("No skill is saved yet. `genoa skill save NAME` saves the plan that was run last here.");
            }
            value(context.format, &all, |all| all.iter().map(overview).collect());
        }
        SkillCommand::Show { name } => {
            let skill = named(&mut session.client, name)?;
            value(context.format, &skill, details);
        }
        SkillCommand::Run { name, values } => {
            let skill = named(&mut session.client, name)?;
            let values: BTreeMap<String, String> = values.iter().cloned().collect();
            return run_plan(&mut session, filled(&skill, &values)?, context.format, Labelling::Hidden);
        }
        SkillCommand::Forget { name } => {
            session.client.call(&Syscall::ForgetSkill { name: name.clone() })?;
            remark(format!("The skill {name} is forgotten."));
        }
    }
    Ok(Ending::Done)
}

fn save(arguments: &SaveArguments) -> Result<Syscall, Failure> {
    let from = match (&arguments.plan, &arguments.intention) {
        (Some(file), Some(intention)) => {
            SkillSource::Plan { source: read(&PlanFile::of(file))?, intention: intention.clone() }
        }
        _ => SkillSource::Run(arguments.run),
    };
    Ok(Syscall::SaveSkill { name: arguments.name.clone(), from })
}

fn skills(client: &mut Client, syscall: &Syscall) -> Result<Vec<Skill>, Failure> {
    match client.call(syscall)? {
        Reply::Skills(skills) => Ok(skills),
        other => Err(unexpected(&other)),
    }
}

fn named(client: &mut Client, name: &str) -> Result<Skill, Failure> {
    let all = skills(client, &Syscall::Skills {})?;
    let known: Vec<String> = all.iter().map(|skill| skill.name.clone()).collect();
    all.into_iter().find(|skill| skill.name == name).ok_or_else(|| {
        let failure = Failure::new(ErrorCode::NotFound, format!("there is no skill `{name}`"));
        if known.is_empty() { failure } else { failure.try_next(format!("There are: {}", known.join(", "))) }
    })
}

fn overview(skill: &Skill) -> String {
    let values: Vec<&str> = skill.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    format!("{}{values}  {}", skill.name, styled(FAINT, visible_line(&skill.intention)))
}

fn details(skill: &Skill) -> Vec<String> {
    let mut lines = vec![overview(skill)];
    lines.extend(skill.plan.lines().map(|line| format!("  {}", visible_line(line))));
    lines
}

pub(crate) fn parse_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.trim().to_owned(), value.to_owned()))
}
