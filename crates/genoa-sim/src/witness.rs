//! What the oracle says of the random plans that run in the simulated world: which call comes next, with which arguments, and
//! whose words got into them.
//!
//! The oracle is run from the plan's beginning at every tool call and every message, with the answers so far. So a step that
//! is done twice, or under another number, is noticed here as well: it is not the call that comes next.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::recording::RunStep;
use genoa_abi::schema::{Catalog, Demand, EffectClass, Executor, Parameter, Yields};
use genoa_abi::session::{Answer, News, Outgoing, OutgoingCall, OutgoingMail, Question, QuestionKind};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::tool::ToolOutcome;
use genoa_abi::{CallId, Labels, QuestionId, Readers, RunId, Source};
use serde_json::{Map, Value as Json};

use crate::corpus::PERSON;
use crate::plans::{Asked, End, Label, Naive, Program, catalog, interpret};
use crate::world::World;

/// How a person is told that a sensor marked what could have influenced a call.
const SUSPECT: &str = "! this reads like instructions to an assistant and could have influenced it:";

/// What is known of the random plans.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub(crate) catalog: Catalog,
    /// By their text, which the news of a run tell.
    pub(crate) plans: BTreeMap<String, Program>,
    runs: BTreeMap<RunId, Watched>,
    /// Calls to which a person said yes.
    agreed: BTreeSet<CallId>,
    /// Calls whose answer a sensor marked, as a whole.
    marked: BTreeSet<CallId>,
}

#[derive(Clone, Debug)]
struct Watched {
    program: Program,
    /// What tools answered, in order, and messages that were held.
    answers: Vec<(Option<CallId>, Json)>,
    current: Option<CallId>,
    /// The question that was said yes to last, and what it shows of calls that were not made yet, each by itself.
    question: Option<QuestionId>,
    allowed: Vec<String>,
    /// How many answers there were when each step began.
    begun: Vec<usize>,
    /// Steps of an earlier run that are told of again and not done.
    to_take: usize,
}

/// The call that comes next, as the oracle has it, and the numbers of the calls before it.
struct Expected {
    asked: Asked,
    calls: Vec<Asked>,
    numbers: Vec<Option<CallId>>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        Self {
            catalog: catalog(),
            plans: BTreeMap::new(),
            runs: BTreeMap::new(),
            agreed: BTreeSet::new(),
            marked: BTreeSet::new(),
        }
    }

    /// Takes note of an answer that a run waits for.
    pub(crate) fn note(&mut self, event: &Event) {
        let Event::ToolFinished { call, outcome: ToolOutcome::Done { result, marks, .. }, .. } = event else { return };
        let waiting = self.runs.values_mut().find(|watched| watched.current == Some(*call));
        if let Some(watched) = waiting {
            if !marks.is_empty() {
                self.marked.insert(*call);
            }
            watched.current = None;
            watched.answers.push((Some(*call), result.clone()));
        }
    }

    fn step_begins(&mut self, run: RunId) {
        let Some(watched) = self.runs.get_mut(&run) else { return };
        if watched.to_take > 0 {
            watched.to_take -= 1;
        } else {
            watched.begun.push(watched.answers.len());
        }
    }

    fn expected(&self, watched: &Watched) -> Result<Expected, String> {
        let (mut answers, mut numbers) = (watched.answers.iter(), Vec::new());
        let (calls, end) = interpret(&watched.program, &self.catalog, &mut |_, asked| {
            if self.is_answered_at_once(&asked.tool) {
                numbers.push(None);
                return Some(Json::Null);
            }
            let (number, answer) = answers.next()?;
            numbers.push(*number);
            Some(answer.clone())
        });
        match (end, calls.last().cloned()) {
            (End::Waits, Some(asked)) => Ok(Expected { asked, calls, numbers }),
            (end, _) => Err(format!("the oracle makes no call there: {end:?}")),
        }
    }

    /// Whether the kernel answers it itself, with nothing, and nobody is asked.
    fn is_answered_at_once(&self, tool: &str) -> bool {
        let executor = self.catalog.tools.get(tool).map(|schema| schema.executor);
        executor == Some(Executor::Kernel) && tool != "mail.send"
    }
}

impl Expected {
    /// Whether labels name all the calls that the oracle does, and who wrote their answers.
    fn covered_by(&self, labels: &Labels, label: &Label, catalog: &Catalog) -> Result<(), String> {
        for place in &label.calls {
            let number = self.numbers.get(*place).copied().flatten().map(Source::Call);
            let writer = self.writer(*place, catalog);
            let has = |source: &Source| labels.sources().any(|own| own == source);
            if !number.as_ref().is_some_and(has) || !writer.as_ref().is_some_and(has) {
                return Err(format!("it does not name {number:?} and {writer:?}, which could have influenced it"));
            }
        }
        let allowed = label.readers.clone().map_or(Readers::Anyone, Readers::Only);
        if labels.readers().are_within(&allowed) { Ok(()) } else { Err("it has readers that it must not have".into()) }
    }

    /// Whether an answer that a sensor marked could have influenced what carries this label.
    fn is_suspect(&self, label: &Label, marked: &BTreeSet<CallId>) -> bool {
        let number = |place: &usize| self.numbers.get(*place).copied().flatten();
        label.calls.iter().filter_map(number).any(|call| marked.contains(&call))
    }

    fn writer(&self, place: usize, catalog: &Catalog) -> Option<Source> {
        let schema = catalog.tools.get(&self.calls.get(place)?.tool)?;
        Some(match schema.yields {
            Yields::Foreign => Source::Tool(schema.name.clone()),
            Yields::Machine => Source::Machine,
            Yields::Contacts => Source::Contacts,
        })
    }

    /// What a person must have been told before this call, a beginning of a line each.
    fn to_be_told(&self, catalog: &Catalog) -> Vec<String> {
        let Some(schema) = catalog.tools.get(&self.asked.tool) else { return Vec::new() };
        let mut told = Vec::new();
        for parameter in &schema.parameters {
            let Some(value) = self.asked.arguments.get(&parameter.name) else { continue };
            let label = value.deep();
            if label.calls.iter().any(|place| !self.may_influence(*place, parameter.demand, catalog)) {
                told.push(format!("! {}: not in your words", parameter.name));
            }
            if self
                .readers(parameter)
                .iter()
                .any(|address| label.readers.as_ref().is_some_and(|all| !all.contains(address)))
            {
                told.push(format!("! {}: new to", parameter.name));
            }
        }
        told
    }

    fn may_influence(&self, place: usize, demand: Demand, catalog: &Catalog) -> bool {
        match demand {
            Demand::Anything => true,
            Demand::Person => false,
            Demand::Recipient => self.writer(place, catalog) == Some(Source::Contacts),
        }
    }

    /// The addresses of those who get to read what a parameter takes.
    fn readers(&self, parameter: &Parameter) -> BTreeSet<String> {
        let named = parameter.shown_to.iter().filter_map(|name| self.asked.arguments.get(name));
        let mut readers: BTreeSet<String> = named.flat_map(|value| addresses(&value.to_json())).collect();
        readers.remove(PERSON);
        readers
    }
}

fn addresses(json: &Json) -> Vec<String> {
    match json {
        Json::String(address) => vec![address.trim().to_lowercase()],
        Json::Array(items) => items.iter().flat_map(addresses).collect(),
        Json::Object(record) => record.get("email").map(addresses).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl World {
    /// The question that a person says yes to here, to exactly what it shows.
    pub(crate) fn approved(&self, event: &Event) -> Option<Question> {
        let Event::Asked { caller: Caller::Person(_), syscall: Syscall::Answer { question, answer }, .. } = event
        else {
            return None;
        };
        let question = self.questions.get(question)?;
        match (&question.kind, answer) {
            (QuestionKind::Approval { fingerprint, .. }, Answer::Yes { fingerprint: seen, .. })
                if seen == fingerprint =>
            {
                Some(question.clone())
            }
            _ => None,
        }
    }

    /// Holds the calls and messages of random plans against the oracle.
    pub(crate) fn check_flows(&mut self, effects: &[Effect], approved: Option<&Question>) -> Result<(), String> {
        for effect in effects {
            match effect {
                Effect::Tell { news: News::Plan { run, source, goes_on_from, .. }, .. } => {
                    self.watch(*run, source, *goes_on_from);
                }
                Effect::Tell { news: News::Step { run, .. }, .. } => self.witness.step_begins(*run),
                Effect::RunTool(job) => {
                    let Some(watched) = job.run.and_then(|run| self.witness.runs.get(&run)).cloned() else { continue };
                    let checked = self.check_tool(job, &watched, approved);
                    checked
                        .map_err(|wrong| format!("{}, {}: {wrong}\n{}", job.call, job.schema.name, watched.program))?;
                }
                Effect::Hold { item, .. } => {
                    let Some(watched) = self.witness.runs.get(&item.run).cloned() else { continue };
                    let checked = match &item.content {
                        Outgoing::Mail(mail) => self.check_message(item.run, mail, &watched, approved),
                        Outgoing::Call(call) => self.check_held_call(item.run, call, &watched, approved),
                    };
                    checked.map_err(|wrong| format!("{}: {wrong}\n{}", item.id, watched.program))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn watch(&mut self, run: RunId, source: &str, goes_on_from: Option<RunStep>) {
        let Some(program) = self.witness.plans.get(source).cloned() else { return };
        // What the steps that are taken over were answered is known from the earlier run. No yes is.
        let (answers, begun) = match goes_on_from {
            None => Default::default(),
            Some(from) => {
                let Some(earlier) = self.witness.runs.get(&from.run) else { return };
                let taken = usize::try_from(from.step).unwrap_or(1).saturating_sub(1);
                let count = earlier.begun.get(taken).copied().unwrap_or(earlier.answers.len());
                (earlier.answers[..count].to_vec(), earlier.begun[..taken].to_vec())
            }
        };
        self.report.random_runs += 1;
        let to_take = begun.len();
        let watched = Watched { program, answers, current: None, question: None, allowed: Vec::new(), begun, to_take };
        self.witness.runs.insert(run, watched);
    }

    fn check_tool(&mut self, job: &ToolJob, watched: &Watched, approved: Option<&Question>) -> Result<(), String> {
        if let Some(current) = watched.current.filter(|current| *current != job.call) {
            return Err(format!("the step is done a second time, {current} is not over"));
        }
        let expected = self.witness.expected(watched)?;
        let given = given(&expected.asked);
        if expected.asked.tool != job.schema.name || given != job.arguments {
            return Err(format!("the oracle calls {} with {given:?}", expected.asked.tool));
        }
        let all = expected.asked.arguments.values().map(Naive::deep);
        let influences = all.fold(expected.asked.context.clone(), |all, label| all.and(&label));
        expected.covered_by(&job.influences, &influences, &self.witness.catalog)?;
        self.report.calls_checked += 1;
        let mut to_be_told = expected.to_be_told(&self.witness.catalog);
        let must_be_asked = !to_be_told.is_empty() || job.schema.effect >= EffectClass::Emit;
        if must_be_asked && expected.is_suspect(&influences, &self.witness.marked) {
            to_be_told.push(SUSPECT.to_owned());
            self.report.suspects_agreed += 1;
        }
        if must_be_asked && !self.witness.agreed.contains(&job.call) {
            let run = job.run.ok_or("it is no call of a run")?;
            let content = self.take_yes(run, approved, |content| shows_call(content, &job.schema.name, &given))?;
            was_told(&content, &to_be_told)?;
            self.report.flows_agreed += usize::from(!to_be_told.is_empty());
            self.witness.agreed.insert(job.call);
        }
        if let Some(watched) = job.run.and_then(|run| self.witness.runs.get_mut(&run)) {
            watched.current = Some(job.call);
        }
        Ok(())
    }

    /// A call that leaves is agreed to before it is held; when it begins, nobody is asked again.
    fn check_held_call(
        &mut self,
        run: RunId,
        call: &OutgoingCall,
        watched: &Watched,
        approved: Option<&Question>,
    ) -> Result<(), String> {
        if let Some(current) = watched.current {
            return Err(format!("{} is held, and {current} is not over", call.call));
        }
        let expected = self.witness.expected(watched)?;
        let given = given(&expected.asked);
        if expected.asked.tool != call.tool {
            return Err(format!("the oracle calls {} with {given:?}", expected.asked.tool));
        }
        let to_be_told = expected.to_be_told(&self.witness.catalog);
        let content = self.take_yes(run, approved, |content| shows_call(content, &call.tool, &given))?;
        was_told(&content, &to_be_told)?;
        self.report.flows_agreed += usize::from(!to_be_told.is_empty());
        self.witness.agreed.insert(call.call);
        if let Some(watched) = self.witness.runs.get_mut(&run) {
            watched.current = Some(call.call);
        }
        Ok(())
    }

    /// What the person saw of a call when they said yes to it, alone or with others. It counts once.
    fn take_yes(
        &mut self,
        run: RunId,
        approved: Option<&Question>,
        shows: impl Fn(&str) -> bool,
    ) -> Result<String, String> {
        let watched = self.witness.runs.get_mut(&run).ok_or("the run is unknown")?;
        if let Some(question) = approved.filter(|question| watched.question != Some(question.id)) {
            watched.question = Some(question.id);
            watched.allowed = calls_in(question);
        }
        let place = watched.allowed.iter().position(|content| shows(content));
        let place = place.ok_or_else(|| format!("nobody said yes to it, but to: {:?}", watched.allowed))?;
        Ok(watched.allowed.remove(place))
    }

    fn check_message(
        &mut self,
        run: RunId,
        item: &OutgoingMail,
        watched: &Watched,
        approved: Option<&Question>,
    ) -> Result<(), String> {
        let expected = self.witness.expected(watched)?;
        let text = |name: &str| expected.asked.arguments.get(name).map(Naive::shown).unwrap_or_default();
        let to: Vec<String> = expected.asked.arguments.get("to").map(|to| written(&to.to_json())).unwrap_or_default();
        if expected.asked.tool != "mail.send"
            || item.to != to
            || item.subject != text("subject")
            || item.body != text("body")
        {
            return Err(format!("the oracle calls {} with {:?}", expected.asked.tool, given(&expected.asked)));
        }
        let mut to_be_told = expected.to_be_told(&self.witness.catalog);
        let all = expected.asked.arguments.values().map(Naive::deep);
        let influences = all.fold(expected.asked.context.clone(), |all, label| all.and(&label));
        if expected.is_suspect(&influences, &self.witness.marked) {
            to_be_told.push(SUSPECT.to_owned());
        }
        let shows = |content: &str| {
            let parts = [item.subject.clone(), set_in(&item.body, 2)];
            parts.iter().chain(&item.to).all(|part| content.contains(part.as_str()))
        };
        let content = self.take_yes(run, approved, shows)?;
        was_told(&content, &to_be_told)?;
        self.report.messages_checked += 1;
        self.report.flows_agreed += usize::from(!to_be_told.is_empty());
        if let Some(watched) = self.witness.runs.get_mut(&run) {
            watched.answers.push((None, Json::Null));
        }
        Ok(())
    }
}

/// Whether the content of a question is this call with all of its arguments.
fn shows_call(content: &str, tool: &str, given: &Map<String, Json>) -> bool {
    let line = |(name, json): (&String, &Json)| {
        let value = json.as_str().map_or_else(|| json.to_string(), |text| set_in(text, 4));
        content.contains(&format!("\n{name}: {value}"))
    };
    content.starts_with(tool) && given.iter().all(line)
}

/// The addresses of some contacts, as they are written.
fn written(to: &Json) -> Vec<String> {
    let email = |contact: &Json| Some(contact.get("email")?.as_str()?.trim().to_owned());
    to.as_array().into_iter().flatten().filter_map(email).collect()
}

/// What a question shows of each call that a yes allows.
fn calls_in(question: &Question) -> Vec<String> {
    let count = question.more + 1;
    if count == 1 {
        return vec![question.content.clone()];
    }
    let mut rest = question.content.as_str();
    let mut found = Vec::new();
    for place in 1..=count {
        rest = rest.strip_prefix(&format!("{place} of {count}\n")).unwrap_or_default();
        let next = rest.find(&format!("\n\n{} of {count}\n", place + 1));
        let (content, after) = next.map_or((rest, ""), |end| (&rest[..end], &rest[end + 2..]));
        found.push(content.to_owned());
        rest = after;
    }
    found
}

/// A text of several lines as a question shows it.
fn set_in(text: &str, margin: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(margin)))
}

fn was_told(content: &str, to_be_told: &[String]) -> Result<(), String> {
    match to_be_told.iter().find(|line| !content.contains(line.as_str())) {
        Some(line) => Err(format!("the person was not told \"{line}\", but: {content}")),
        None => Ok(()),
    }
}

/// The arguments as a tool gets them.
fn given(asked: &Asked) -> Map<String, Json> {
    let arguments = asked.arguments.iter().map(|(name, value)| (name.clone(), value.to_json()));
    arguments.filter(|(_, json)| !json.is_null()).collect()
}
