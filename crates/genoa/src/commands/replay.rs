//! `replay` and `bisect`: a run once more out of the journal, and where two runs part.

use std::path::{Path, PathBuf};

use clap::Args;
use genoa_abi::event::{Effect, Event};
use genoa_abi::model::Fragment;
use genoa_abi::recording::RunStep;
use genoa_abi::syscall::Syscall;
use genoa_abi::{Failure, RunId};
use genoa_journal::JournalReader;
use genoa_kernel::Kernel;
use serde::Serialize;

use crate::commands::plan::{self, PlanFile};
use crate::context::Context;
use crate::follow::{Labelling, start_run};
use crate::history::{self, History, StepRecord, Thought};
use crate::output::{BAD, BOLD, CARE, Ending, FAINT, Format, GOOD, remark, styled, value, visible_line};

/// Characters of an effect or an answer that are shown where two differ.
const SHOWN: usize = 160;

/// Which run.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The run: `r2`
    run: RunId,
    /// Go on live from this step: those before it are taken from the journal and not done again, the rest is a new run
    #[arg(long, value_name = "STEP")]
    from: Option<u32>,
    /// Show what each prompt was made of, how much of its share that took, and what was left out
    #[arg(long, conflicts_with = "from")]
    prompts: bool,
    /// Go on with the plan in this file, which is the same up to that step; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "from")]
    plan: Option<PathBuf>,
}

/// Which two runs.
#[derive(Debug, Args)]
pub(crate) struct BisectArguments {
    /// One run: `r2`
    run: RunId,
    /// The other
    other: RunId,
}

/// How a run went once more.
#[derive(Debug, Serialize)]
struct Replay {
    history: History,
    /// Events of the run that the kernel took again.
    events: usize,
    /// Effects that came out as they are recorded.
    effects: usize,
    /// Where something else came out.
    parted: Option<Parted>,
}

/// Something else than what is recorded.
#[derive(Debug, Serialize)]
struct Parted {
    /// The record of the event.
    seq: u64,
    event: String,
    recorded: Option<Effect>,
    now: Option<Effect>,
}

/// Feeds a run's events to a new kernel, without model or tools: it must come to the same effects. Or goes on from one of its steps.
pub(crate) fn replay(context: &Context, arguments: &ReplayArguments) -> Result<Ending, Failure> {
    if let Some(step) = arguments.from {
        return go_on(context, RunStep { run: arguments.run, step }, arguments.plan.as_deref());
    }
    let journal = JournalReader::open(&context.home.journal(), &context.home.keys())?;
    let history = history::of(&journal, arguments.run)?;
    let mut replay = Replay { history, events: 0, effects: 0, parted: None };
    let mut kernel = Kernel::new();
    journal.replay(1, |step| {
        if replay.parted.is_some() || step.seq > replay.history.last {
            return Ok(());
        }
        let event = name_of(&step.event);
        let effects = kernel.step(step.event, step.time);
        if step.seq >= replay.history.first {
            replay.events += 1;
            let longest = effects.len().max(step.effects.len());
            let differs = |place: &usize| effects.get(*place) != step.effects.get(*place);
            match (0..longest).find(differs) {
                None => replay.effects += longest,
                Some(place) => {
                    let (now, recorded) = (effects.get(place).cloned(), step.effects.get(place).cloned());
                    replay.parted = Some(Parted { seq: step.seq, event, recorded, now });
                }
            }
        }
        Ok(())
    })?;
    value(context.format, &replay, |replay| replay_lines(replay, arguments.prompts));
    Ok(if replay.parted.is_none() { Ending::Done } else { Ending::Failed })
}

/// Goes on live from a step of an earlier run, in the caller's session.
fn go_on(context: &Context, from: RunStep, plan: Option<&Path>) -> Result<Ending, Failure> {
    let source = plan.map(|file| plan::read(&PlanFile::of(file))).transpose()?;
    let journal = JournalReader::open(&context.home.journal(), &context.home.keys())?;
    let history = history::of(&journal, from.run)?;
    let mut session = context.session()?;
    if let Some(text) = done_before(&history, from).filter(|_| context.format == Format::Text) {
        remark(format!("{} {text}", styled(CARE, "!")));
    }
    start_run(&mut session, &Syscall::GoOn { from, source }, context.format, Labelling::Hidden)
}

/// What the earlier run did itself from the step on: the person may have forgotten, and it is done again.
fn done_before(history: &History, from: RunStep) -> Option<String> {
    let steps = history.steps.iter().zip(1_u32..);
    let done: Vec<u32> = steps
        .filter(|(step, number)| *number >= from.step && step.came_to.is_some())
        .map(|(_, number)| number)
        .collect();
    let (first, last) = (done.first()?, done.last()?);
    let which = if first == last { format!("step {first}") } else { format!("steps {first} to {last}") };
    Some(format!("{} did {which} as well: what was changed or sent there is not taken back by this", from.run))
}

fn replay_lines(replay: &Replay, shows_prompts: bool) -> Vec<String> {
    let history = &replay.history;
    let prompts = |thoughts: &[Thought]| if shows_prompts { prompt_lines(thoughts) } else { Vec::new() };
    let mut lines = vec![styled(BOLD, format!("{} {}", history.run, said_of(history)))];
    lines.extend(planning_line(history));
    lines.extend(prompts(&history.planning));
    if let Some(from) = history.goes_on_from {
        lines.push(styled(FAINT, format!("  goes on from {from}")));
    }
    for (step, number) in history.steps.iter().zip(1..) {
        let is_before = replay.parted.as_ref().is_none_or(|parted| step.seq < parted.seq);
        let mark = if is_before { styled(GOOD, "✓") } else { styled(BAD, "✗") };
        let taken = step.taken_from.map(|run| styled(FAINT, format!(" (as in {run}, not done again)")));
        lines.push(format!("  {mark} {number} {}{}", step_line(step), taken.unwrap_or_default()));
        lines.extend(prompts(&step.thoughts));
    }
    lines.push(match &replay.parted {
        None => format!(
            "{} Without model and tools the kernel comes to the same {} effects of {} events.",
            styled(GOOD, "✓"),
            replay.effects,
            replay.events
        ),
        Some(parted) => format!(
            "{} At record #{} ({}) the kernel does something else now:\n  recorded: {}\n  now: {}",
            styled(BAD, "✗"),
            parted.seq,
            parted.event,
            shown_effect(parted.recorded.as_ref()),
            shown_effect(parted.now.as_ref())
        ),
    });
    lines
}

fn said_of(history: &History) -> String {
    history.intention.as_ref().map_or_else(|| "a plan of your own".to_owned(), |text| visible_line(text))
}

fn planning_line(history: &History) -> Option<String> {
    let last = history.planning.last()?;
    let model = last.model.as_deref().unwrap_or("no model");
    Some(styled(FAINT, format!("  planned with {} calls of {model}", history.planning.len())))
}

/// What the prompts were made of; those that are made of the same stand there once.
fn prompt_lines(thoughts: &[Thought]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut last: &[Fragment] = &[];
    for thought in thoughts.iter().filter(|thought| !thought.fragments.is_empty()) {
        if thought.fragments == last {
            continue;
        }
        last = &thought.fragments;
        let parts: Vec<String> = last.iter().map(|part| format!("{} {}", part.name, part.chars)).collect();
        lines.push(styled(
            FAINT,
            format!("    prompt #{}, in letters: {}", thought.seq, visible_line(&parts.join(", "))),
        ));
        let cut = last.iter().filter_map(|part| Some((part, part.left_out.as_ref()?)));
        lines.extend(cut.map(|(part, left_out)| {
            let text = format!("left out of {}, of which {} letters fit: {left_out}", part.name, part.most_chars);
            format!("      {} {}", styled(CARE, "!"), visible_line(&text))
        }));
    }
    lines
}

fn step_line(step: &StepRecord) -> String {
    let came_to = step.came_to.as_deref().unwrap_or("did not end");
    format!("{} → {}", visible_line(&step.text), visible_line(came_to))
}

fn shown_effect(effect: Option<&Effect>) -> String {
    let text = effect.and_then(|effect| serde_json::to_string(effect).ok()).unwrap_or_else(|| "nothing".to_owned());
    cut(&text)
}

fn cut(text: &str) -> String {
    let shown: String = visible_line(text).chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

fn name_of(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap_or_default();
    json.get("kind").and_then(|kind| kind.as_str()).unwrap_or("?").to_owned()
}

/// Where two runs part.
#[derive(Debug, PartialEq, Serialize)]
struct Parting {
    /// At which step, line of the plan or call of the model.
    at: String,
    /// What differs first.
    what: String,
    one: String,
    other: String,
}

/// Finds the first thing in which two runs differ.
pub(crate) fn bisect(context: &Context, arguments: &BisectArguments) -> Result<Ending, Failure> {
    let journal = JournalReader::open(&context.home.journal(), &context.home.keys())?;
    let one = history::of(&journal, arguments.run)?;
    let other = history::of(&journal, arguments.other)?;
    let parting = parting(&one, &other);
    value(context.format, &parting, |parting| match parting {
        None => vec![format!(
            "{} They do not part: the same plan, the same {} steps, the same results.",
            styled(GOOD, "✓"),
            one.steps.len()
        )],
        Some(parting) => vec![
            format!("They part at {}: {}", parting.at, parting.what),
            format!("  {}: {}", one.run, parting.one),
            format!("  {}: {}", other.run, parting.other),
        ],
    });
    Ok(Ending::Done)
}

fn parting(one: &History, other: &History) -> Option<Parting> {
    if one.plan != other.plan {
        return Some(
            thoughts_part("planning", &one.planning, &other.planning).unwrap_or_else(|| plans_part(one, other)),
        );
    }
    let pairs = one.steps.iter().zip(&other.steps).enumerate();
    let in_steps = pairs.filter_map(|(place, (ours, theirs))| steps_part(place + 1, ours, theirs)).next();
    in_steps.or_else(|| {
        (one.steps.len() != other.steps.len()).then(|| Parting {
            at: format!("step {}", one.steps.len().min(other.steps.len()) + 1),
            what: "one run ended".to_owned(),
            one: ending(one),
            other: ending(other),
        })
    })
}

fn ending(history: &History) -> String {
    history.ended.as_ref().map_or_else(|| "goes on".to_owned(), |summary| cut(&summary.outcome.to_string()))
}

/// The first line in which two plans differ.
fn plans_part(one: &History, other: &History) -> Parting {
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (one.plan.lines().collect(), other.plan.lines().collect());
    let longest = ours.len().max(theirs.len());
    let place = (0..longest).find(|place| ours.get(*place) != theirs.get(*place)).unwrap_or(0);
    let line = |lines: &[&str]| lines.get(place).map_or_else(|| "nothing".to_owned(), |line| cut(line));
    Parting {
        at: format!("line {} of the plan", place + 1),
        what: "another plan".to_owned(),
        one: line(&ours),
        other: line(&theirs),
    }
}

fn steps_part(number: usize, ours: &StepRecord, theirs: &StepRecord) -> Option<Parting> {
    let at = format!("step {number}");
    let part = |what: &str, one: String, other: String| {
        Some(Parting { at: at.clone(), what: what.to_owned(), one: cut(&one), other: cut(&other) })
    };
    if ours.call != theirs.call || ours.text != theirs.text {
        return part("the call is another", ours.text.clone(), theirs.text.clone());
    }
    if let Some(parting) = thoughts_part(&at, &ours.thoughts, &theirs.thoughts) {
        return Some(parting);
    }
    // When a file was written is no difference; that one was there already, whenever that was, is none either.
    let is_alike = ours.answered == theirs.answered || ours.answered_whenever == theirs.answered_whenever;
    if !is_alike || ours.came_to != theirs.came_to {
        return part("the same call was answered otherwise", step_line(ours), step_line(theirs));
    }
    None
}

/// The first call of the model in which two runs differ: how it was asked, or how it answered.
fn thoughts_part(at: &str, ours: &[Thought], theirs: &[Thought]) -> Option<Parting> {
    for (place, (one, other)) in ours.iter().zip(theirs).enumerate() {
        let at = format!("{at}, call {} of the model (#{}, #{})", place + 1, one.seq, other.seq);
        let part = |what: &str, one: String, other: String| {
            Some(Parting { at: at.clone(), what: what.to_owned(), one: cut(&one), other: cut(&other) })
        };
        if one.prompt != other.prompt {
            return part("the prompt is another", one.prompt.to_string(), other.prompt.to_string());
        }
        if one.grammar != other.grammar {
            let hash = |thought: &Thought| thought.grammar.map_or_else(|| "none".to_owned(), |hash| hash.to_string());
            return part("the grammar is another", hash(one), hash(other));
        }
        if (one.temperature, one.seed) != (other.temperature, other.seed) {
            let settings = |thought: &Thought| format!("temperature {}, seed {}", thought.temperature, thought.seed);
            return part("the settings are others", settings(one), settings(other));
        }
        if one.model != other.model {
            let model = |thought: &Thought| thought.model.clone().unwrap_or_else(|| "no answer".to_owned());
            return part("the model is another", model(one), model(other));
        }
        if one.text != other.text {
            return part("the model answered the same request otherwise", one.text.clone(), other.text.clone());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use genoa_abi::{ContentHash, RunId};

    use super::{History, StepRecord, Thought, parting};

    fn thought(text: &str) -> Thought {
        Thought {
            seq: 1,
            prompt: ContentHash::of(b"prompt"),
            grammar: None,
            temperature: 0.0,
            seed: 0,
            model: Some("m".into()),
            text: text.into(),
            fragments: vec![],
        }
    }

    fn history() -> History {
        let step = StepRecord {
            seq: 5,
            line: 1,
            text: "Find notes".into(),
            call: None,
            answered: Some(ContentHash::of(b"two")),
            answered_whenever: Some(ContentHash::of(b"two")),
            thoughts: vec![],
            came_to: Some("2 notes".into()),
            taken_from: None,
        };
        History {
            run: RunId(1),
            first: 4,
            last: 9,
            intention: None,
            plan: "a = notes.find()\nsay(a)\n".into(),
            goes_on_from: None,
            planning: vec![thought("a"), thought("b")],
            steps: vec![step.clone(), StepRecord { text: "Say a".into(), came_to: None, ..step }],
            ended: None,
        }
    }

    /// Where a run and another that differs from it in this way part, and in what.
    fn part(change: impl FnOnce(&mut History)) -> Option<(String, String)> {
        let mut other = history();
        change(&mut other);
        parting(&history(), &other).map(|parting| (parting.at, parting.what))
    }

    #[test]
    fn runs_part_at_the_first_difference() {
        let told = |at: &str, what: &str| Some((at.to_owned(), what.to_owned()));
        assert_eq!(part(|_| {}), None);
        assert_eq!(
            part(|run| {
                run.steps[0].answered = Some(ContentHash::of(b"three"));
                run.steps[0].answered_whenever = Some(ContentHash::of(b"three"));
            }),
            told("step 1", "the same call was answered otherwise")
        );
        assert_eq!(part(|run| run.steps[0].answered = Some(ContentHash::of(b"a second later"))), None);
        assert_eq!(part(|run| run.steps[1].text = "Say b".into()), told("step 2", "the call is another"));
        assert_eq!(part(|run| drop(run.steps.pop())), told("step 2", "one run ended"));
        assert_eq!(part(|run| run.plan = "b = notes.find()\n".into()), told("line 1 of the plan", "another plan"));
        let otherwise = |run: &mut History| {
            run.plan.clear();
            run.planning[1].text = "c".into();
        };
        assert_eq!(
            part(otherwise),
            told("planning, call 2 of the model (#1, #1)", "the model answered the same request otherwise")
        );
        let seeded = |run: &mut History| {
            run.plan.clear();
            run.planning[0].seed = 7;
        };
        assert_eq!(part(seeded), told("planning, call 1 of the model (#1, #1)", "the settings are others"));
    }
}
