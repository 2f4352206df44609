//! `policy`: the rules on top of grants, what they say, and what another rule would change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use genoa_abi::event::Effect;
use genoa_abi::grant::Right;
use genoa_abi::installation::Installation;
use genoa_abi::labels::address_key;
use genoa_abi::policy::{CallFacts, Decision, Layer, PolicyTexts, Verdict};
use genoa_abi::schema::{EffectClass, ToolSchema};
use genoa_abi::session::{News, Question};
use genoa_abi::{ErrorCode, Failure, QuestionId, Timestamp};
use genoa_policy::{Engine, RemarkKind, SUSPECT, allowing, change_that_allows, check};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::commands::policy_prove::{ProveArguments, prove};
use crate::commands::policy_say::{SayArguments, say};
use crate::commands::skill::parse_value;
use crate::context::Context;
use crate::output::{BAD, BOLD, CARE, Ending, FAINT, GOOD, styled, value, visible_line};
use crate::rule_files;

/// Records that are read from the journal at once.
const PAGE: u32 = 1_000;
/// How an answer of the person is recorded.
const ANSWERED: &str = "event.asked.answer";
/// Records of events in which no call begins but those that were held, and were put to the rules before they were.
const RELEASED: [&str; 3] = ["event.tick", "event.booted", "event.restarted"];
/// Calls that are listed of those on which a rule would say something else.
const LISTED: usize = 20;

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// The rules that hold: the shipped ones, the administrator's, and yours
    List,
    /// Say what is wrong with the rules that hold, or with a file of rules before it holds
    Check {
        /// A file of rules, looked at together with those that hold
        file: Option<PathBuf>,
    },
    /// Check a file of rules and let it hold from now on
    Add {
        /// The file; its name ends in `.cedar`
        file: PathBuf,
    },
    /// Take one of your files of rules out again
    Remove {
        /// The file's name: `mail.cedar`
        name: String,
    },
    /// What the rules say of a call, which rules decide it, and what would allow it
    Explain(ExplainArguments),
    /// What an agent could do now, tool by tool
    Can {
        /// The agent's name [default: a plan of your own]
        agent: Option<String>,
    },
    /// Make a rule of a sentence: shown in plain words and in Cedar, it holds once you say so
    Say(SayArguments),
    /// Prove what the rules come to, for every call that there can be; needs a solver
    Prove(ProveArguments),
    /// On which of the calls that were made another file of rules would have said something else
    Simulate {
        /// The file of rules, in addition to those that hold
        file: PathBuf,
        /// How many days back
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
}

/// A call to explain.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The tool: `mail.send`
    tool: String,
    /// Its arguments, as NAME=VALUE; a list as JSON
    #[arg(value_name = "NAME=VALUE", value_parser = parse_value)]
    arguments: Vec<(String, String)>,
    /// The agent that makes the call [default: a plan of your own]
    #[arg(long)]
    agent: Option<String>,
    /// Who will get to read something, as addresses
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
}

/// Does what was asked.
pub(crate) fn run(context: &Context, command: &PolicyCommand) -> Result<Ending, Failure> {
    match command {
        PolicyCommand::List => list(context),
        PolicyCommand::Check { file } => look(context, file.as_deref()),
        PolicyCommand::Add { file } => add(context, file),
        PolicyCommand::Remove { name } => remove(context, name),
        PolicyCommand::Explain(arguments) => explain(context, arguments),
        PolicyCommand::Can { agent } => can(context, agent.as_deref()),
        PolicyCommand::Say(arguments) => say(context, arguments),
        PolicyCommand::Prove(arguments) => prove(context, arguments),
        PolicyCommand::Simulate { file, days } => simulate(context, file, *days),
    }
}

/// A rule as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    name: genoa_abi::policy::RuleName,
    forbids: bool,
    text: String,
}

fn list(context: &Context) -> Result<Ending, Failure> {
    let engine = engine(&rule_files::texts(&context.home), &context.installation()?)?;
    let rules: Vec<Listed> = engine
        .rules()
        .map(|rule| Listed { name: rule.name.clone(), forbids: rule.forbids, text: rule.text.clone() })
        .collect();
    value(context.format, &rules, |rules| {
        let lines = |rule: &Listed| {
            let mut lines = vec![styled(BOLD, visible_line(&rule.name.to_string()))];
            lines.extend(rule.text.lines().map(|line| format!("  {}", styled(FAINT, visible_line(line)))));
            lines
        };
        rules.iter().flat_map(lines).collect()
    });
    Ok(Ending::Done)
}

fn look(context: &Context, file: Option<&Path>) -> Result<Ending, Failure> {
    let mut texts = rule_files::texts(&context.home);
    if let Some(file) = file {
        texts.put(rule_files::read(file)?);
    }
    let remarks = check(&texts, &context.installation()?.catalog);
    let is_wrong = remarks.iter().any(|remark| remark.kind == RemarkKind::Wrong);
    let said: Vec<String> = remarks.iter().map(ToString::to_string).collect();
    value(context.format, &said, |_| match remarks.as_slice() {
        [] => vec![format!("{} The rules are sound.", styled(GOOD, "✓"))],
        remarks => remarks.iter().map(rule_files::remark_line).collect(),
    });
    Ok(if is_wrong { Ending::Failed } else { Ending::Done })
}

fn add(context: &Context, file: &Path) -> Result<Ending, Failure> {
    let rules = rule_files::read(file)?;
    let remarks = rule_files::sound(&context.home, &context.installation()?.catalog, &rules).map_err(|wrong| {
        Failure::new(ErrorCode::InvalidInput, format!("{} does not hold", rules.name))
            .because(wrong)
            .try_next("Correct it; the rules stay as they were")
    })?;
    rule_files::save(&context.home, &rules)?;
    value(context.format, &rules.name, |name| {
        let mut lines: Vec<String> = remarks.iter().map(rule_files::remark_line).collect();
        let name = visible_line(name);
        lines
            .push(format!("{} {name} holds from now on; `genoa policy remove {name}` takes it out", styled(GOOD, "✓")));
        lines
    });
    Ok(Ending::Done)
}

fn remove(context: &Context, name: &str) -> Result<Ending, Failure> {
    rule_files::remove(&context.home, name)?;
    value(context.format, &name, |name| vec![format!("{} {} no longer holds", styled(GOOD, "✓"), visible_line(name))]);
    Ok(Ending::Done)
}

/// What the rules say of a call, as it is shown.
#[derive(Debug, Serialize)]
struct Said {
    tool: String,
    #[serde(flatten)]
    decision: Decision,
    change: Option<String>,
}

fn explain(context: &Context, arguments: &ExplainArguments) -> Result<Ending, Failure> {
    let installation = context.installation()?;
    let catalog = &installation.catalog;
    let tool = catalog.tools.get(&arguments.tool).ok_or_else(|| {
        Failure::new(ErrorCode::NotFound, format!("there is no tool `{}`", arguments.tool))
            .try_next("`genoa tools` lists all")
    })?;
    let mut given = Map::new();
    for (name, text) in &arguments.arguments {
        if tool.parameter(name).is_none() {
            let known: Vec<&str> = tool.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            return Err(Failure::new(ErrorCode::InvalidInput, format!("{} has no argument `{name}`", tool.name))
                .try_next(format!("Its arguments are: {}", known.join(", "))));
        }
        let json = serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()));
        given.insert(name.clone(), json);
    }
    let facts = CallFacts {
        arguments: given,
        recipients: arguments.to.iter().map(|address| address_key(address)).collect(),
        ..facts(context, tool, arguments.agent.as_deref())?
    };
    let decision = engine(&rule_files::texts(&context.home), &installation)?.decide(&facts)?;
    let said = Said { tool: tool.name.clone(), change: change_that_allows(&facts, &decision), decision };
    value(context.format, &said, |said| {
        let mut lines = vec![format!("{} is {}", said.tool, verdict(said.decision.verdict))];
        lines.extend(said.decision.rules.iter().map(|rule| format!("  by {}", visible_line(&rule.to_string()))));
        lines.extend(said.change.iter().flat_map(|change| change.lines()).map(|line| format!("  {line}")));
        lines
    });
    Ok(if said.decision.verdict == Verdict::Forbid { Ending::Refused } else { Ending::Done })
}

fn can(context: &Context, agent: Option<&str>) -> Result<Ending, Failure> {
    let installation = context.installation()?;
    let engine = engine(&rule_files::texts(&context.home), &installation)?;
    let catalog = &installation.catalog;
    let names: Option<&Vec<String>> = match agent {
        None => None,
        Some(name) => Some(
            &installation
                .agents
                .iter()
                .find(|agent| agent.name == name)
                .ok_or_else(|| {
                    Failure::new(ErrorCode::NotFound, format!("there is no agent `{name}`"))
                        .try_next("`genoa agents` lists all")
                })?
                .tools,
        ),
    };
    let is_offered = |tool: &ToolSchema| {
        names.is_none_or(|names| names.iter().any(|name| right_to(name).covers(&right_to(&tool.name))))
    };
    let mut said = Vec::new();
    for tool in catalog.tools.values().filter(|tool| tool.name.contains('.') && is_offered(tool)) {
        let facts = facts(context, tool, agent)?;
        said.push(Said { tool: tool.name.clone(), decision: engine.decide(&facts)?, change: None });
    }
    value(context.format, &said, |said| {
        let row = |one: &Said| {
            let rules: Vec<String> = one.decision.rules.iter().map(|rule| rule.id.clone()).collect();
            format!("{:<24} {} {}", one.tool, verdict(one.decision.verdict), styled(FAINT, rules.join(", ")))
        };
        said.iter().map(row).collect()
    });
    Ok(Ending::Done)
}

/// A call on which other rules would have said something else.
#[derive(Debug, Serialize)]
struct Differing {
    time: Timestamp,
    tool: String,
    agent: Option<String>,
    was: Verdict,
    would_be: Verdict,
}

fn simulate(context: &Context, file: &Path, days: u32) -> Result<Ending, Failure> {
    let mut texts = rule_files::texts(&context.home);
    texts.put(rule_files::read(file)?);
    let engine = engine(&texts, &context.installation()?)?;
    let since = jiff::Timestamp::now().as_millisecond() - i64::from(days) * 24 * 3_600_000;
    let (mut looked_at, mut differing) = (0_usize, Vec::new());
    for (time, facts, was) in decided(context, Timestamp(since))? {
        looked_at += 1;
        // A tool that is not there any more cannot be ruled about.
        let Ok(decision) = engine.decide(&facts) else { continue };
        if decision.verdict != was {
            differing.push(Differing { time, tool: facts.tool, agent: facts.agent, was, would_be: decision.verdict });
        }
    }
    value(context.format, &differing, |differing| {
        let mut lines =
            vec![format!("{looked_at} calls of the last {days} days: {} would be decided otherwise", differing.len())];
        lines.extend(differing.iter().take(LISTED).map(|one| {
            let time = jiff::Timestamp::from_millisecond(one.time.0).map(|time| time.to_string()).unwrap_or_default();
            let agent = one.agent.as_deref().unwrap_or("you");
            format!("  {} {} by {agent}: was {}, would be {}", styled(FAINT, time), one.tool, one.was, one.would_be)
        }));
        if differing.len() > LISTED {
            lines.push(format!("  and {} more", differing.len() - LISTED));
        }
        lines
    });
    Ok(Ending::Done)
}

/// The calls that were put to the rules since then, with what these said: one entry a call, though it is asked about again
/// when the person has said yes, and when it was held and leaves.
fn decided(context: &Context, since: Timestamp) -> Result<Vec<(Timestamp, CallFacts, Verdict)>, Failure> {
    let journal = genoa_journal::JournalReader::open(&context.home.journal(), &context.home.keys())?;
    let (mut found, mut from) = (Vec::new(), 1);
    let (mut waiting, mut event): (Vec<CallFacts>, String) = Default::default();
    loop {
        let records = journal.records(from, PAGE)?;
        let Some(last) = records.last() else { return Ok(found) };
        from = last.seq + 1;
        for record in records {
            if record.kind.starts_with("event.") {
                event = record.kind;
            } else if record.kind == "effect.decided"
                && !RELEASED.contains(&event.as_str())
                && let Some(Ok(Effect::Decided { facts, decision })) = record.body.map(serde_json::from_value)
            {
                let timeless = CallFacts { now: Timestamp(0), ..(*facts).clone() };
                let asked = waiting.iter().position(|asked| *asked == timeless).filter(|_| event == ANSWERED);
                if let Some(asked) = asked {
                    waiting.remove(asked);
                    continue;
                }
                if decision.verdict == Verdict::Ask {
                    waiting.push(timeless);
                }
                if record.time >= since {
                    found.push((record.time, *facts, decision.verdict));
                }
            }
        }
    }
}

/// The file with the rules that came out of answers.
pub(crate) const ANSWERS: &str = "answers.cedar";

/// Lets calls like the one that a question is about be made without a question, for some days. Answers with the rule.
pub(crate) fn remember(context: &Context, asked: &Question, days: u16) -> Result<String, Failure> {
    let question = asked.id;
    let refuse = |why: String| {
        Err(Failure::new(ErrorCode::InvalidInput, format!("{question} can only be answered for this once"))
            .because(why)
            .try_next("Leave out --always"))
    };
    if asked.more > 0 {
        return refuse(format!("it is about {} calls at once", asked.more + 1));
    }
    let Some((facts, decision)) = asked_about(context, question)? else {
        return refuse("it is not about a call".to_owned());
    };
    if facts.effect == EffectClass::Govern {
        return refuse("what changes authority, packages or services is asked about each time".to_owned());
    }
    if facts.from.contains(SUSPECT) {
        return refuse(
            "something in it reads like instructions to an assistant, and that is asked about each time".to_owned(),
        );
    }
    if let Some(parameter) = facts.unmet.first() {
        return refuse(format!("`{parameter}` is not in your words: a rule would let others write it next time"));
    }
    if let Some(rule) = decision.rules.iter().find(|rule| rule.layer != Layer::Shipped) {
        return refuse(format!("the rule {rule} wants to have it asked"));
    }
    let until = jiff::Timestamp::now().as_millisecond() + i64::from(days) * 24 * 3_600_000;
    let about = format!("your answer to {question}, for {days} days");
    let rule = format!("@id(\"{question}\")\n@about(\"{about}\")\n{}\n", allowing(&facts, Some(Timestamp(until))));
    let file = rule_files::with_rule(&context.home, ANSWERS, &rule);
    if let Err(wrong) = rule_files::sound(&context.home, &context.installation()?.catalog, &file) {
        return refuse(format!("the rules are not sound: {wrong}"));
    }
    rule_files::save(&context.home, &file)?;
    Ok(rule)
}

/// The call that a question is about, with what the rules said of it.
fn asked_about(context: &Context, id: QuestionId) -> Result<Option<(CallFacts, Decision)>, Failure> {
    let journal = genoa_journal::JournalReader::open(&context.home.journal(), &context.home.keys())?;
    let mut found = None;
    journal.replay(1, |step| {
        let asks = |effect: &Effect| matches!(effect, Effect::Tell { news: News::Asked(asked), .. } if asked.id == id);
        if step.effects.iter().any(asks) {
            found = step.effects.into_iter().find_map(|effect| match effect {
                Effect::Decided { facts, decision } => Some((*facts, decision)),
                _ => None,
            });
        }
        Ok(())
    })?;
    Ok(found)
}

/// A call of a tool of which nothing is known.
fn facts(context: &Context, tool: &ToolSchema, agent: Option<&str>) -> Result<CallFacts, Failure> {
    let workspace = context.workspace()?.to_string_lossy().into_owned();
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    Ok(CallFacts::of_nothing_but(tool, agent, workspace, now))
}

fn engine(texts: &PolicyTexts, installation: &Installation) -> Result<Engine, Failure> {
    Engine::new(texts, &installation.catalog).map_err(|broken| {
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        Failure::new(ErrorCode::InvalidInput, "the rules cannot be read")
            .because(broken.join("; "))
            .try_next("Correct the file, or take it out with `genoa policy remove`")
    })
}

/// The right to call tools of this name: `mail.find` or `mail.*`.
fn right_to(name: &str) -> Right {
    Right::Tool { name: name.to_owned(), arguments: BTreeMap::new() }
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow => styled(GOOD, verdict),
        Verdict::Ask => styled(CARE, verdict),
        Verdict::Forbid => styled(BAD, verdict),
    }
}
