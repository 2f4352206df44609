//! `policy prove`: claims about all calls that there can be, each proved or shown to be wrong by a call.
//!
//! The proving is done by a program of its own beside this one, and by a solver that it starts. Both see rules and tools, and
//! nothing else.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use genoa_abi::limits::{PROOF_BYTES, PROOF_MS};
use genoa_abi::policy::{Decision, RuleFile, RuleName};
use genoa_abi::{ErrorCode, Failure, Timestamp};
use genoa_policy::{Claim, ClaimKind, Example, Finding, FindingKind, Proof, ProofQuestion, ProofReport, Wanted};
use serde::Serialize;
use serde_json::json;

use crate::context::Context;
use crate::output::{BAD, BOLD, CARE, Ending, FAINT, GOOD, styled, value, visible_line};
use crate::rule_files;

/// The program that proves, beside this one.
const PROVER: &str = "genoa-prove";
/// The solver that is looked for. Others do not know sets, or call what they can do with them otherwise.
const SOLVER: &str = "cvc5";
/// How much longer than its own limit the prover is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tools that are listed of those that a claim is wrong of.
const LISTED: usize = 12;

/// What to prove.
#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    /// A file of rules: what would it open and close? [default: are the rules in force sound]
    file: Option<PathBuf>,
    /// Whether every call that a rule of this file matches is refused
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "asked"])]
    never: Option<PathBuf>,
    /// Whether every call that a rule of this file matches is refused or asked about
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    asked: Option<PathBuf>,
    /// The solver's program [default: the configured one, else cvc5]
    #[arg(long, value_name = "PROGRAM")]
    solver: Option<String>,
    /// How many seconds all of it may take
    #[arg(long, default_value_t = PROOF_MS / 1000)]
    seconds: u64,
}

impl ProveArguments {
    fn wanted(&self) -> Result<Wanted, Failure> {
        Ok(match (&self.file, &self.never, &self.asked) {
            (_, Some(file), _) => Wanted::Refused(rule_files::read(file)?),
            (_, _, Some(file)) => Wanted::RefusedOrAsked(rule_files::read(file)?),
            (Some(file), ..) => Wanted::Change(rule_files::read(file)?),
            _ => Wanted::Sound,
        })
    }
}

/// Proves what is wanted, and tells what came of it.
pub(crate) fn prove(context: &Context, arguments: &ProveArguments) -> Result<Ending, Failure> {
    let wanted = arguments.wanted()?;
    let installation = context.installation()?;
    let question = ProofQuestion {
        texts: rule_files::texts(&context.home),
        catalog: installation.catalog,
        agents: installation.agents.into_iter().map(|agent| agent.name).collect(),
        workspace: context.workspace()?.to_string_lossy().into_owned(),
        now: Timestamp(jiff::Timestamp::now().as_millisecond()),
        solver: solver(arguments.solver.as_deref().unwrap_or(&context.settings.policy.solver))?,
        limit_ms: arguments.seconds.saturating_mul(1000),
        wanted,
    };
    let report = ask(&prover()?, &question)?;
    let told = Told { relation: relation(&report), report: &report };
    value(context.format, &told, |_| lines(&question, &report));
    Ok(ending(&question.wanted, &report))
}

/// The prover's program.
fn prover() -> Result<PathBuf, Failure> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(PROVER)));
    beside.filter(|path| path.is_file()).ok_or_else(|| {
        Failure::new(ErrorCode::Unsupported, format!("the program that proves, {PROVER}, is not beside this one"))
            .because("it is built by itself, since it takes long to build and few need it")
            .try_next("Run `./x proofs` in Genoa's source tree, or put the program there")
    })
}

/// The solver's program: the one that is named, or the first of those that are known and here.
fn solver(named: &str) -> Result<String, Failure> {
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let find = |name: &str| {
        let is_path = name.contains('/');
        let places = folders.iter().filter(|_| !is_path).map(|folder| folder.join(name));
        places.chain(is_path.then(|| PathBuf::from(name))).find(|path| path.is_file())
    };
    let found = if named.is_empty() { find(SOLVER) } else { find(named) };
    let found = found.and_then(|path| path.to_str().map(str::to_owned));
    found.ok_or_else(|| {
        let what = if named.is_empty() { "there is no solver".to_owned() } else { format!("there is no solver `{}`", named.escape_debug()) };
        Failure::new(ErrorCode::Unsupported, what)
            .because("what holds of all calls is proved by cvc5, a program of its own")
            .try_next("Install cvc5 (Debian: `apt install cvc5`), or say where it is: `--solver PROGRAM`, or solver under [policy] in config.toml")
    })
}

/// Puts the question to the prover.
fn ask(prover: &Path, question: &ProofQuestion) -> Result<ProofReport, Failure> {
    let broken = |why: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::Internal, "the prover broke").because(why).try_next("Build it anew: `./x proofs`")
    };
    let text = serde_json::to_vec(question).map_err(|error| broken(&error))?;
    if text.len() > PROOF_BYTES {
        return Err(Failure::new(ErrorCode::TooLarge, "the rules are too many to be proved about")
            .because(format!("the limit is {PROOF_BYTES} bytes with all tools (PROOF_BYTES)")));
    }
    let mut child =
        Command::new(prover).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| broken(&error))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // It reads all before it answers, so nothing waits for anything here.
    let asked = stdin.map(|mut stdin| stdin.write_all(&text));
    let (told, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.map(|stdout| stdout.take(PROOF_BYTES as u64).read_to_end(&mut text));
        let _ = told.send(read.map(|read| read.map(|_| text)));
    });
    let answered = answer.recv_timeout(Duration::from_millis(question.limit_ms).saturating_add(PATIENCE));
    // It is over once it has answered; one that has not is not waited for.
    let _ = child.kill();
    let _ = child.wait();
    let text = match (asked, answered) {
        (_, Ok(Some(Ok(text)))) => text,
        (Some(Err(error)), _) | (_, Ok(Some(Err(error)))) => return Err(broken(&error)),
        _ => {
            return Err(Failure::new(ErrorCode::TimedOut, "the prover did not answer")
                .try_next("Give it more time: --seconds N"));
        }
    };
    serde_json::from_slice::<Result<ProofReport, Failure>>(&text).map_err(|error| broken(&error))?
}

/// What came of it, for programs.
#[derive(Serialize)]
struct Told<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<Relation>,
    #[serde(flatten)]
    report: &'r ProofReport,
}

/// What a file is to the rules in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Relation {
    Equal,
    AtMostAsPermissive,
    AtLeastAsPermissive,
    Neither,
    Unknown,
}

/// What the claims about a file come to.
fn relation(report: &ProofReport) -> Option<Relation> {
    let all = |kinds: [ClaimKind; 2]| {
        let about: Vec<&Proof> =
            report.claims.iter().filter(|claim| kinds.contains(&claim.what)).map(|claim| &claim.result).collect();
        if about.iter().any(|proof| matches!(proof, Proof::Refuted { .. })) {
            return Some(Some(false));
        }
        let is_proved = !about.is_empty() && about.iter().all(|proof| **proof == Proof::Proved);
        (!about.is_empty()).then_some(is_proved.then_some(true))
    };
    let opens_nothing = all([ClaimKind::NothingMoreUnasked, ClaimKind::NothingMoreAtAll])?;
    let closes_nothing = all([ClaimKind::NothingLessUnasked, ClaimKind::NothingLessAtAll])?;
    Some(match (opens_nothing, closes_nothing) {
        (Some(true), Some(true)) => Relation::Equal,
        (Some(true), _) => Relation::AtMostAsPermissive,
        (_, Some(true)) => Relation::AtLeastAsPermissive,
        (Some(false), Some(false)) => Relation::Neither,
        _ => Relation::Unknown,
    })
}

/// That a file takes something away is what it may be for; that it opens something is what is looked for.
fn ending(wanted: &Wanted, report: &ProofReport) -> Ending {
    let counts = |claim: &&Claim| {
        !matches!(wanted, Wanted::Change(_))
            || !matches!(claim.what, ClaimKind::NothingLessUnasked | ClaimKind::NothingLessAtAll)
    };
    let counted = || report.claims.iter().filter(counts).map(|claim| &claim.result);
    if counted().any(|result| matches!(result, Proof::Refuted { .. } | Proof::Empty)) {
        return Ending::Refused;
    }
    if counted().all(|result| *result == Proof::Proved) { Ending::Done } else { Ending::Failed }
}

/// What came of it, for people.
fn lines(question: &ProofQuestion, report: &ProofReport) -> Vec<String> {
    let file = match &question.wanted {
        Wanted::Change(file) => Some(file),
        _ => None,
    };
    let mut lines = Vec::new();
    if let (Some(file), Some(relation)) = (file, relation(report)) {
        let name = visible_line(&file.name);
        lines.push(styled(
            BOLD,
            match relation {
                Relation::Equal => format!("With {name} all is decided as it is now."),
                Relation::AtMostAsPermissive => {
                    format!("With {name} the rules are at most as permissive as they are now.")
                }
                Relation::AtLeastAsPermissive => {
                    format!("With {name} the rules are at least as permissive as they are now.")
                }
                Relation::Neither => format!("{name} opens something, and closes something else."),
                Relation::Unknown => format!("It is not known what {name} opens and closes."),
            },
        ));
    }
    report.claims.iter().for_each(|claim| lines.extend(claim_lines(question, file, claim)));
    report.findings.iter().for_each(|finding| lines.extend(finding_lines(question, finding)));
    let (calls, tools) = ("every call that there can be from now on", question.catalog.tools.len());
    lines.push(styled(
        FAINT,
        format!("Looked at: {calls} of {tools} tools; the solver was asked {} times", report.asked),
    ));
    lines
}

fn claim_lines(question: &ProofQuestion, file: Option<&RuleFile>, claim: &Claim) -> Vec<String> {
    let rule = claim.rule.as_ref().map(|rule| visible_line(&rule.to_string())).unwrap_or_default();
    let (so, not_so) = words(claim.what, &rule);
    match &claim.result {
        Proof::Proved => vec![format!("{} {so}", styled(GOOD, "✓"))],
        Proof::Empty => {
            vec![format!("{} No call is what {rule} is about, so nothing is proved of any", styled(BAD, "✗"))]
        }
        Proof::Unknown { why } => vec![format!("{} Not known: {so} ({})", styled(CARE, "?"), visible_line(why))],
        Proof::Refuted { tools, example } => {
            let mut lines = vec![format!("{} {not_so}: {}", styled(BAD, "✗"), listed(tools))];
            lines.extend(example.iter().flat_map(|example| example_lines(question, file, example)));
            lines
        }
    }
}

/// What a claim says, and what is so if it is wrong.
fn words(what: ClaimKind, rule: &str) -> (String, String) {
    let (so, not_so) = match what {
        ClaimKind::NothingFails if rule.is_empty() => ("Every rule can be worked out for every call", "A rule fails"),
        ClaimKind::NothingFails => {
            return (
                format!("{rule} can be worked out for every call"),
                format!("{rule} fails while it is worked out, so it allows nothing"),
            );
        }
        ClaimKind::AuthorityIsAsked => (
            "What changes authority, packages or services is asked about each time",
            "What changes authority, packages or services is allowed without a question",
        ),
        ClaimKind::NothingIsShut => {
            ("Of every tool there is a call that you can have made", "No call can be made, whatever you say yes to")
        }
        ClaimKind::NothingMoreUnasked => {
            ("Nothing more is allowed without a question", "Allowed without a question, and not so now")
        }
        ClaimKind::NothingMoreAtAll => {
            ("Nothing more is allowed at all", "Allowed, or allowed after a yes, and refused now")
        }
        ClaimKind::NothingLessUnasked => {
            ("Nothing less is allowed without a question", "Allowed without a question now, and no more then")
        }
        ClaimKind::NothingLessAtAll => ("Nothing less is allowed at all", "Refused, and not so now"),
        ClaimKind::Refused => return (format!("Refused, always: {rule}"), format!("Not always refused: {rule}")),
        ClaimKind::RefusedOrAsked => {
            return (format!("Refused or asked about, always: {rule}"), format!("Allowed without a question: {rule}"));
        }
    };
    (so.to_owned(), not_so.to_owned())
}

fn listed(tools: &[String]) -> String {
    let mut names: Vec<String> = tools.iter().take(LISTED).map(|tool| visible_line(tool)).collect();
    if tools.len() > LISTED {
        names.push(format!("and {} more", tools.len() - LISTED));
    }
    names.join(", ")
}

fn finding_lines(question: &ProofQuestion, finding: &Finding) -> Vec<String> {
    let rule = visible_line(&finding.rule.to_string());
    let others: Vec<String> = finding.others.iter().map(|rule| visible_line(&rule.to_string())).collect();
    let others = others.join(", ");
    let text = match finding.what {
        FindingKind::MatchesNothing => format!("{rule} matches no call from now on, and can be taken out"),
        FindingKind::DecidesNothing if others.is_empty() => {
            format!("{rule} decides nothing, and can be taken out: without it all is decided the same")
        }
        FindingKind::DecidesNothing => {
            format!("{rule} decides nothing, and can be taken out: {others} decides the same")
        }
        FindingKind::Overruled => format!("{rule} permits nothing: {others} forbids all of it, and a forbid wins"),
        FindingKind::Contradicted => format!("{rule} permits what {others} forbids, and a forbid wins"),
    };
    let mut lines = vec![format!("{} {text}", styled(CARE, "!"))];
    // What is decided the same needs no example.
    if matches!(finding.what, FindingKind::Overruled | FindingKind::Contradicted) {
        lines.extend(finding.example.iter().flat_map(|example| example_lines(question, None, example)));
    }
    lines
}

/// A call in plain words. What stands in it was made up by a solver out of what the rules say: it is shown, and steers nothing.
fn example_lines(question: &ProofQuestion, file: Option<&RuleFile>, example: &Example) -> Vec<String> {
    let facts = &example.facts;
    let who = facts
        .agent
        .as_ref()
        .map_or_else(|| "a plan of your own".to_owned(), |agent| format!("the agent {}", json!(agent)));
    let mut lines = vec![format!("{who} calls {} in {}", facts.tool, json!(facts.workspace))];
    lines.extend(facts.arguments.iter().map(|(name, value)| format!("  {name}: {value}")));
    let texts = |texts: &std::collections::BTreeSet<String>| {
        texts.iter().map(|text| json!(text).to_string()).collect::<Vec<_>>().join(", ")
    };
    for (what, named) in [
        ("to be read by", &facts.recipients),
        ("not in your words", &facts.unmet),
        ("new to", &facts.new_to),
        ("influenced by", &facts.from),
    ] {
        if !named.is_empty() {
            lines.push(format!("  {what}: {}", texts(named)));
        }
    }
    if facts.now.0.div_euclid(1000) != question.now.0.div_euclid(1000) {
        let time = jiff::Timestamp::from_millisecond(facts.now.0).map(|time| time.to_string()).unwrap_or_default();
        lines.push(format!("  at: {time}"));
    }
    let (now, then) = match file {
        Some(file) => ("now", format!("with {}", file.name)),
        None => ("by the rules", String::new()),
    };
    lines.push(format!("  {now}: {}", said(&example.now)));
    lines.extend(example.then.iter().map(|said_then| format!("  {then}: {}", said(said_then))));
    lines.iter().map(|line| format!("    {}", visible_line(line))).collect()
}

fn said(said: &Result<Decision, String>) -> String {
    match said {
        Ok(decision) if decision.rules.is_empty() => format!("{}, since no rule permits it", decision.verdict),
        Ok(decision) => {
            let rules: Vec<String> = decision
                .rules
                .iter()
                .map(|RuleName { id, layer, file, .. }| format!("{id} ({layer}, {file})"))
                .collect();
            format!("{} by {}", decision.verdict, rules.join(", "))
        }
        Err(why) => format!("refused, since {why}"),
    }
}
