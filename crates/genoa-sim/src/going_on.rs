//! People who go on from a step of an earlier run, in the simulated world; and what must hold then, by what was told of both runs.

use std::collections::BTreeMap;

use genoa_abi::event::{Effect, Event};
use genoa_abi::recording::{Recording, RunStep};
use genoa_abi::session::{News, Provenance};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::{CallId, ErrorCode, Failure, RunId};
use genoa_kernel::{Kernel, Rerun};

use crate::world::World;

/// How many of a hundred times somebody goes on with a run, where people do.
const OFTEN: usize = 20;

/// What was told of the steps of the runs, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    runs: BTreeMap<RunId, Vec<ToldStep>>,
    /// Their plans, to go on with them changed.
    plans: BTreeMap<RunId, String>,
}

#[derive(Clone, Debug, PartialEq)]
struct ToldStep {
    text: String,
    line: u32,
    came_to: Option<(String, Option<Provenance>)>,
}

impl World {
    /// Whether somebody goes on with a run now.
    pub(crate) fn is_turn_to_go_on(&mut self) -> bool {
        self.goes_on && self.random.chance(OFTEN)
    }

    /// A person goes on from some step of some run, with its plan or another. Agents try it, too.
    pub(crate) fn somebody_goes_on(&mut self) -> Result<(), String> {
        let people = self.sessions.iter().map(|session| Caller::Person(*session));
        let mut callers: Vec<Caller> = people.collect();
        if self.random.chance(10) {
            callers = self.agents.iter().map(|agent| Caller::Agent(*agent)).collect();
        }
        let Some(caller) = self.random.pick(&callers).copied() else { return Ok(()) };
        // What has nothing to take over is tried less often.
        let known: Vec<RunId> = self.told_runs.runs.keys().copied().collect();
        let long = self.told_runs.runs.iter().filter(|(_, steps)| steps.len() > 1);
        let long: Vec<RunId> = long.map(|(run, _)| *run).collect();
        let runs = if self.random.chance(80) { &long } else { &known };
        let guessed = RunId(self.random.below(60) as u64);
        let run = self.random.pick(runs).copied().filter(|_| self.random.chance(95)).unwrap_or(guessed);
        let steps = self.told_runs.runs.get(&run).map_or(0, Vec::len);
        let step = if steps > 1 && self.random.chance(80) {
            2 + self.random.below(steps - 1)
        } else {
            self.random.below(steps + 3)
        };
        let step = u32::try_from(step).unwrap_or(0);
        let own = self.told_runs.plans.get(&run).cloned().unwrap_or_default();
        let source = match self.random.below(10) {
            0 => Some(format!("{own}say(\"and more\")\n")),
            1 => Some(self.any_plan()),
            2 => Some(own),
            _ => None,
        };
        self.ask(caller, Syscall::GoOn { from: RunStep { run, step }, source })
    }

    /// What the daemon reads out of the journal. What the files of the world are is nobody's concern here.
    pub(crate) fn recalled(&self, from: RunStep) -> Result<Recording, Failure> {
        let (events, kernel) = self.saved_before(from.run).unwrap_or_else(|| (0, Kernel::new()));
        let mut rerun = Rerun::of(from.run, kernel);
        for (line, time) in &self.journal()[events..] {
            if rerun.is_over() {
                break;
            }
            let event = serde_json::from_str(line)
                .map_err(|error| Failure::new(ErrorCode::StorageFailed, "unreadable").because(error))?;
            rerun.step(event, *time);
        }
        rerun.recording(from)
    }

    /// The newest state that was saved before a run began, and how many events had come by then.
    fn saved_before(&self, run: RunId) -> Option<(usize, Kernel)> {
        self.saved.iter().rev().find(|(_, kernel)| !kernel.has_begun(run)).cloned()
    }

    /// How reading a run out of the journal ends; sometimes with another run than was asked for, or not at all.
    pub(crate) fn end_of_recall(&mut self, call: CallId, from: RunStep) -> Event {
        let outcome = match self.random.below(20) {
            0 => Err(Failure::new(ErrorCode::StorageFailed, "it broke")),
            1 => self.recalled(RunStep { step: 1, ..from }),
            _ => self.recalled(from),
        };
        Event::Recalled { call, outcome: outcome.map(Box::new) }
    }

    /// Holds what is told of runs against what was told before, and against what is done.
    pub(crate) fn check_gone_on(&mut self, event: &Event, effects: &[Effect]) -> Result<(), String> {
        check_only_a_person(event, effects)?;
        let mut going_on = None;
        for effect in effects {
            let Effect::Tell { news, .. } = effect else { continue };
            match news {
                News::Plan { run, goes_on_from, source, .. } => {
                    self.told_runs.plans.insert(*run, source.clone());
                    self.told_runs.runs.insert(*run, Vec::new());
                    going_on = goes_on_from.map(|from| (*run, from));
                }
                News::Step { run, text, line } => {
                    let step = ToldStep { text: text.clone(), line: *line, came_to: None };
                    self.told_runs.runs.entry(*run).or_default().push(step);
                }
                News::StepDone { run, text, provenance, taken_from, .. } => {
                    let steps = self.told_runs.runs.entry(*run).or_default();
                    let number = steps.len();
                    if let Some(step) = steps.last_mut() {
                        step.came_to = Some((text.clone(), provenance.clone()));
                    }
                    if taken_from.is_some() {
                        self.check_taken(*run, going_on, number)?;
                    }
                }
                _ => {}
            }
        }
        if let Some((run, from)) = going_on {
            self.report.gone_on += 1;
            check_nothing_is_done_for(from, effects)?;
            let steps = self.told_runs.runs.get(&run).map_or(0, Vec::len);
            if steps + 1 < usize::try_from(from.step).unwrap_or(0) {
                return Err(format!("{run} goes on from {from} and took only {steps} steps over"));
            }
        }
        Ok(())
    }

    /// A step that is taken over is told as it was in the earlier run: the same call, what came of it, and whose doing it was.
    fn check_taken(&mut self, run: RunId, going_on: Option<(RunId, RunStep)>, number: usize) -> Result<(), String> {
        let from = going_on.filter(|(new, _)| *new == run).map(|(_, from)| from);
        let from = from.ok_or_else(|| format!("{run} takes a step over and goes on from none"))?;
        let is_before = number < usize::try_from(from.step).unwrap_or(0);
        let told = |run: RunId| self.told_runs.runs.get(&run).and_then(|steps| steps.get(number - 1));
        if !is_before || told(run).is_none() || told(run) != told(from.run) {
            return Err(format!("{run} takes over {:?}, and {from} was {:?}", told(run), told(from.run)));
        }
        self.report.steps_taken += 1;
        Ok(())
    }
}

fn check_only_a_person(event: &Event, effects: &[Effect]) -> Result<(), String> {
    let recalls = effects.iter().any(|effect| matches!(effect, Effect::Recall { .. }));
    match event {
        Event::Asked { caller: Caller::Person(_), syscall: Syscall::GoOn { .. }, .. } => Ok(()),
        _ if recalls => Err("a run is read out of the journal, and no person went on from it".into()),
        Event::Asked { caller: Caller::Agent(agent), syscall: Syscall::GoOn { .. }, .. } => {
            let is_refused = |effect: &Effect| matches!(effect, Effect::Reply { outcome: Err(_), .. });
            if effects.iter().any(is_refused) { Ok(()) } else { Err(format!("{agent} goes on from a run")) }
        }
        _ => Ok(()),
    }
}

/// Up to the last step that is taken over nothing is done: no tool, no model, no message, no question.
fn check_nothing_is_done_for(from: RunStep, effects: &[Effect]) -> Result<(), String> {
    let is_taken =
        |effect: &Effect| matches!(effect, Effect::Tell { news: News::StepDone { taken_from: Some(_), .. }, .. });
    let last = effects.iter().rposition(is_taken).unwrap_or(0);
    let is_done = |effect: &&Effect| {
        matches!(
            effect,
            Effect::RunTool(_)
                | Effect::Infer { .. }
                | Effect::Hold { .. }
                | Effect::Send { .. }
                | Effect::Decided { .. }
                | Effect::Tell { news: News::Asked(_) | News::Notice { .. }, .. }
        )
    };
    match effects[..last].iter().find(is_done) {
        Some(effect) => Err(format!("what comes before {from} is done again: {effect:?}")),
        None => Ok(()),
    }
}
