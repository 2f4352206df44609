//! A run as the journal tells it: what was asked of the model, what the plan was, and step by step what came out.

use std::collections::BTreeMap;

use genoa_abi::event::{Effect, Event};
use genoa_abi::model::{Fragment, InferRequest};
use genoa_abi::recording::RunStep;
use genoa_abi::session::{News, RunSummary};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::tool::ToolOutcome;
use genoa_abi::{AgentId, CallId, ContentHash, ErrorCode, Failure, IntentionId, RunId, Timestamp};
use genoa_journal::{JournalReader, Replayed};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// One call of the model: what decides its answer, by hash, and the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Thought {
    /// The record of the request.
    pub(crate) seq: u64,
    /// Hash over the messages and what is written already.
    pub(crate) prompt: ContentHash,
    /// Hash of the grammar or schema that it was bound by.
    pub(crate) grammar: Option<ContentHash>,
    pub(crate) temperature: f32,
    pub(crate) seed: u64,
    /// Which model answered; nothing where none did.
    pub(crate) model: Option<String>,
    pub(crate) text: String,
    /// What the prompt was made of, and what of it was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fragments: Vec<Fragment>,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct StepRecord {
    /// The record with which it began.
    pub(crate) seq: u64,
    /// Line of the plan, from 1.
    pub(crate) line: u32,
    /// What was done, in words, with the values.
    pub(crate) text: String,
    /// The tool and its arguments, where one ran in a jail.
    pub(crate) call: Option<(String, Map<String, Json>)>,
    /// Hash of what the tool answered, its failures included.
    pub(crate) answered: Option<ContentHash>,
    /// The same without the moments at which the run itself was under way.
    #[serde(skip)]
    pub(crate) answered_whenever: Option<ContentHash>,
    /// What the model read in it.
    pub(crate) thoughts: Vec<Thought>,
    /// What came out, in a few words; nothing where it did not end.
    pub(crate) came_to: Option<String>,
    /// The earlier run that did it, where this one only took it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) taken_from: Option<RunId>,
}

/// A run from the first thought to the last effect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct History {
    pub(crate) run: RunId,
    /// The record with which the run began.
    pub(crate) first: u64,
    /// The last record of the step in which it ended; of the journal, where it has not ended.
    pub(crate) last: u64,
    pub(crate) intention: Option<String>,
    pub(crate) plan: String,
    /// The step of an earlier run that it goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goes_on_from: Option<RunStep>,
    pub(crate) planning: Vec<Thought>,
    pub(crate) steps: Vec<StepRecord>,
    pub(crate) ended: Option<RunSummary>,
}

/// Reads the history of a run.
pub(crate) fn of(journal: &JournalReader, run: RunId) -> Result<History, Failure> {
    let mut teller = Teller {
        run,
        history: None,
        began: Timestamp::default(),
        intentions: BTreeMap::new(),
        agents: BTreeMap::new(),
        planning: BTreeMap::new(),
        open: BTreeMap::new(),
        calling: None,
    };
    journal.replay(1, |step| {
        teller.hear(&step);
        Ok(())
    })?;
    let mut history = teller.history.ok_or_else(|| {
        Failure::new(ErrorCode::NotFound, format!("the journal knows no run {run}"))
            .try_next("`genoa journal tail` shows what happened last")
    })?;
    // Numbers of runs only grow, so this comes to an end.
    if let Some(from) = history.goes_on_from.filter(|from| from.run < run) {
        take_over(&mut history, of(journal, from.run)?);
    }
    Ok(history)
}

/// The steps that a run took over were called, answered and thought about in the earlier one.
fn take_over(history: &mut History, earlier: History) {
    let taken = history.steps.iter_mut().take_while(|step| step.taken_from.is_some());
    for (step, done) in taken.zip(earlier.steps) {
        (step.call, step.thoughts) = (done.call, done.thoughts);
        (step.answered, step.answered_whenever) = (done.answered, done.answered_whenever);
    }
}

/// What is known while the journal is read.
struct Teller {
    run: RunId,
    history: Option<History>,
    /// When the run began.
    began: Timestamp,
    intentions: BTreeMap<IntentionId, String>,
    agents: BTreeMap<AgentId, IntentionId>,
    /// The thoughts of each agent that asked for some.
    planning: BTreeMap<AgentId, Vec<Thought>>,
    /// Model calls that are open, by whose they are.
    open: BTreeMap<CallId, Whose>,
    /// The tool call of the present step.
    calling: Option<CallId>,
}

/// Whom a model call serves.
#[derive(Clone, Copy)]
enum Whose {
    /// The thought at this place of an agent's.
    Agent(AgentId, usize),
    /// The one at this place of a step of the run.
    Step(usize, usize),
}

impl Teller {
    fn hear(&mut self, step: &Replayed) {
        let reads = self.take_answers(&step.event, step.time);
        let asker = match &step.event {
            Event::Asked { caller: Caller::Agent(agent), .. } => Some(*agent),
            _ => None,
        };
        if let Event::Asked {
            syscall: Syscall::Intend { text, .. } | Syscall::Adopt { text, .. } | Syscall::Act { text, .. },
            ..
        } = &step.event
        {
            for effect in &step.effects {
                if let Effect::Reply {
                    outcome: Ok(genoa_abi::syscall::Reply::Intention { intention, agent }), ..
                } = effect
                {
                    self.intentions.insert(*intention, text.clone());
                    self.agents.insert(*agent, *intention);
                }
            }
        }
        let is_over = self.history.as_ref().is_some_and(|history| history.ended.is_some());
        if is_over {
            return;
        }
        let mut serves_run = reads;
        for (place, effect) in step.effects.iter().enumerate() {
            let seq = step.seq + 1 + place as u64;
            serves_run |= self.take_news(effect, seq, asker, step);
            self.take_work(effect, seq, asker, serves_run);
        }
        if let Some(history) = &mut self.history {
            history.last = step.seq + step.effects.len() as u64;
        }
    }

    /// Takes what a tool or the model answered to its place; says whether the model read it for the run.
    fn take_answers(&mut self, event: &Event, now: Timestamp) -> bool {
        match event {
            Event::ToolFinished { call, outcome, .. } => {
                match outcome {
                    ToolOutcome::Done { result, .. } => self.answered(*call, result, now),
                    ToolOutcome::Failed { failure, .. } => self.answered(*call, failure, now),
                }
                false
            }
            Event::Asked { syscall: Syscall::Returned { call, outcome, .. }, .. } => {
                match outcome {
                    Ok(result) => self.answered(*call, result, now),
                    Err(failure) => self.answered(*call, failure, now),
                }
                false
            }
            Event::InferFinished { call, outcome, .. } => {
                let Some(whose) = self.open.remove(call) else { return false };
                let thought = match whose {
                    Whose::Agent(agent, place) => self.planning.get_mut(&agent).and_then(|all| all.get_mut(place)),
                    Whose::Step(step, place) => self
                        .history
                        .as_mut()
                        .and_then(|history| history.steps.get_mut(step))
                        .and_then(|step| step.thoughts.get_mut(place)),
                };
                if let Some(thought) = thought {
                    match outcome {
                        Ok(reply) => {
                            thought.model = Some(reply.model.clone());
                            thought.text.clone_from(&reply.text);
                        }
                        Err(failure) => thought.text = failure.to_string(),
                    }
                }
                matches!(whose, Whose::Step(..))
            }
            _ => false,
        }
    }

    /// Takes the answer of the present step's tool to its place.
    fn answered(&mut self, call: CallId, answer: &impl Serialize, now: Timestamp) {
        if self.calling != Some(call) {
            return;
        }
        self.calling = None;
        let mut answer = serde_json::to_value(answer).unwrap_or_default();
        let as_it_is = ContentHash::of_json(&answer);
        hide_moments(&mut answer, self.began, now);
        if let Some(step) = self.step() {
            step.answered = Some(as_it_is);
            step.answered_whenever = Some(ContentHash::of_json(&answer));
        }
    }

    /// Takes note of what was told of the run; says whether something was.
    fn take_news(&mut self, effect: &Effect, seq: u64, asker: Option<AgentId>, step: &Replayed) -> bool {
        let Effect::Tell { news, .. } = effect else { return false };
        match news {
            News::Plan { run, source, goes_on_from, .. } if *run == self.run => {
                self.began = step.time;
                let intention = asker.and_then(|agent| self.agents.get(&agent)).and_then(|id| self.intentions.get(id));
                self.history = Some(History {
                    run: self.run,
                    first: step.seq,
                    last: step.seq,
                    intention: intention.cloned(),
                    plan: source.clone(),
                    goes_on_from: *goes_on_from,
                    planning: asker.and_then(|agent| self.planning.get(&agent)).cloned().unwrap_or_default(),
                    steps: Vec::new(),
                    ended: None,
                });
                true
            }
            News::Step { run, line, text } if *run == self.run => {
                let begun = StepRecord {
                    seq,
                    line: *line,
                    text: text.clone(),
                    call: None,
                    answered: None,
                    answered_whenever: None,
                    thoughts: Vec::new(),
                    came_to: None,
                    taken_from: None,
                };
                if let Some(history) = &mut self.history {
                    history.steps.push(begun);
                }
                true
            }
            News::StepDone { run, text, taken_from, .. } if *run == self.run => {
                if let Some(step) = self.step() {
                    step.taken_from = *taken_from;
                    step.came_to = Some(text.clone());
                }
                true
            }
            News::Finished(summary) if summary.run == Some(self.run) => {
                if let Some(history) = &mut self.history {
                    history.ended = Some(summary.clone());
                }
                true
            }
            _ => false,
        }
    }

    /// Takes note of work that begins.
    fn take_work(&mut self, effect: &Effect, seq: u64, asker: Option<AgentId>, serves_run: bool) {
        match effect {
            Effect::RunTool(job) if job.run == Some(self.run) => {
                self.calling = Some(job.call);
                let call = (job.schema.name.clone(), job.arguments.clone());
                if let Some(step) = self.step() {
                    step.call = Some(call);
                }
            }
            Effect::Infer { call, request, .. } => {
                let thought = thought(seq, request);
                match asker {
                    Some(agent) if !serves_run => {
                        let all = self.planning.entry(agent).or_default();
                        self.open.insert(*call, Whose::Agent(agent, all.len()));
                        all.push(thought);
                    }
                    _ if serves_run => {
                        let place = self.history.as_ref().map_or(0, |history| history.steps.len());
                        let Some(step) = self.step() else { return };
                        let thoughts = step.thoughts.len();
                        step.thoughts.push(thought);
                        self.open.insert(*call, Whose::Step(place - 1, thoughts));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The present step of the run.
    fn step(&mut self) -> Option<&mut StepRecord> {
        self.history.as_mut().and_then(|history| history.steps.last_mut())
    }
}

/// Blots out the moments from `began` to `now` (RFC 3339, often to the second, and by a clock that may be some milliseconds off): a
/// file that the run wrote says when it did, and a run that does the same an hour later comes to the same.
fn hide_moments(answer: &mut Json, began: Timestamp, now: Timestamp) {
    match answer {
        Json::String(text) => {
            let Ok(moment) = text.parse::<jiff::Timestamp>() else { return };
            let seconds = began.0.div_euclid(1_000) - 1..=now.0.div_euclid(1_000) + 1;
            if seconds.contains(&moment.as_second()) {
                "a moment of the run".clone_into(text);
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| hide_moments(item, began, now)),
        Json::Object(fields) => fields.values_mut().for_each(|field| hide_moments(field, began, now)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn thought(seq: u64, request: &InferRequest) -> Thought {
    Thought {
        seq,
        prompt: ContentHash::of_json(&(&request.messages, &request.answer_begins)),
        grammar: request.grammar.as_ref().map(ContentHash::of_json),
        temperature: request.temperature,
        seed: request.seed,
        model: None,
        text: String::new(),
        fragments: request.fragments.clone(),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::Timestamp;
    use serde_json::json;

    use super::hide_moments;

    fn hidden(moment: &str) -> bool {
        let mut answer = json!([{ "path": "out.md", "changed": moment }]);
        // From 12:00:01.5 to 12:00:03.2.
        hide_moments(&mut answer, Timestamp(1_764_072_001_500), Timestamp(1_764_072_003_200));
        answer[0]["changed"] != moment
    }

    #[test]
    fn only_moments_of_the_run_itself_are_blotted_out() {
        for moment in ["2025-11-25T12:00:00Z", "2025-11-25T13:00:04+01:00", "2025-11-25T12:00:02.25Z"] {
            assert!(hidden(moment), "{moment}");
        }
        for moment in ["2025-11-25T11:59:59Z", "2025-11-25T12:00:05Z", "2025-11-25", "12:00", "yesterday", ""] {
            assert!(!hidden(moment), "{moment}");
        }
    }
}
