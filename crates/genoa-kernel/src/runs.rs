//! Runs: a plan in execution, driven from call to call, across answers that take days and across restarts.

use std::collections::BTreeSet;

use genoa_abi::agent::{PlanOutcome, PlanReport};
use genoa_abi::event::ToolJob;
use genoa_abi::limits::{PLAN_QUESTIONS, PLAN_RETRIES, RUN_CALLS, RUN_STATE_BYTES};
use genoa_abi::schema::{EffectClass, Existing, Parameter, ToolSchema, Type};
use genoa_abi::session::{News, Provenance, RunOutcome, RunSummary, Weight};
use genoa_abi::syscall::Reply;
use genoa_abi::tool::{Clock, WrittenFile};
use genoa_abi::view::{Difference, ViewAction};
use genoa_abi::{
    AgentId, ContentHash, ErrorCode, Failure, GrantId, IntentionId, Labels, OutboxId, RunId, SessionId, Suspicion,
    Timestamp, Value,
};
use genoa_plan::{PlanCall, Run, Yield};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::calls::{Begun, Invocation};
use crate::claims;
use crate::deeds::Deeds;
use crate::kernel::Kernel;
use crate::offers::catalog_in;
use crate::render;
use crate::summary;
use crate::suspicions;
use crate::turn::{Asker, Origin, Standing, Turn, too_large};

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunState {
    pub(crate) intention: IntentionId,
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    /// The agent that submitted it, which may be gone by now.
    pub(crate) agent: Option<AgentId>,
    /// The agent that started that agent. The run of a child does not end the intention.
    pub(crate) parent: Option<AgentId>,
    /// Whom to report to, while they are there.
    pub(crate) waiter: Option<Asker>,
    pub(crate) clock: Clock,
    pub(crate) run: Run,
    /// What it did.
    #[serde(flatten)]
    pub(crate) deeds: Deeds,
    /// What `say` said.
    pub(crate) said: Vec<String>,
    pub(crate) wrote: Vec<WrittenFile>,
    /// Paths that its calls have read, as the plan gave them.
    #[serde(default)]
    pub(crate) named: BTreeSet<String>,
    /// Tools of which a call ended well.
    #[serde(default)]
    pub(crate) done: BTreeSet<String>,
    /// What sensors marked in what it told.
    #[serde(default)]
    pub(crate) suspicions: BTreeSet<Suspicion>,
    /// What `refuse` said.
    pub(crate) refused: Option<String>,
    /// The call that is going on.
    pub(crate) step: Step,
    /// The person's words that it serves where no agent does: those of the run that it goes on from.
    #[serde(default)]
    pub(crate) words: String,
    /// Messages of the run that it goes on from, which that run's steps put into the outbox.
    #[serde(default)]
    pub(crate) taken_outbox: Vec<OutboxId>,
    /// Fingerprints of calls that the person said yes to with one before them.
    #[serde(default)]
    pub(crate) approved: Vec<ContentHash>,
    /// When they said so last.
    #[serde(default)]
    pub(crate) approved_at: Timestamp,
    /// How many steps have begun, those that were taken over included.
    #[serde(default)]
    pub(crate) steps: u32,
    /// How it ended, while the difference is being looked at.
    pub(crate) ending: Option<Ending>,
}

/// A call of the plan, as its news tell it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    line: u32,
    started: Timestamp,
    /// What came out, where that is more than a count.
    note: Option<String>,
    /// Who could have influenced the call.
    #[serde(default)]
    influence: Labels,
    /// What is called.
    #[serde(default)]
    tool: String,
    /// The earlier run whose step it is.
    #[serde(default)]
    taken_from: Option<RunId>,
}

impl Step {
    /// The step is an earlier run's, and came to this there.
    pub(crate) fn taken(&mut self, came_to: &str, from: RunId) {
        self.note = Some(came_to.to_owned());
        self.taken_from = Some(from);
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Ending {
    Done(Value),
    Refused(String),
    Failed(Failure),
}

impl RunState {
    pub(crate) fn new(run: Run, intention: IntentionId, standing: Standing, asker: Asker, clock: Clock) -> Self {
        Self {
            intention,
            session: standing.session,
            grant: standing.grant,
            agent: standing.agent,
            parent: None,
            waiter: Some(asker),
            clock,
            run,
            deeds: Deeds::default(),
            said: Vec::new(),
            wrote: Vec::new(),
            named: BTreeSet::new(),
            done: BTreeSet::new(),
            suspicions: BTreeSet::new(),
            refused: None,
            step: Step::default(),
            words: String::new(),
            taken_outbox: Vec::new(),
            approved: Vec::new(),
            approved_at: Timestamp(0),
            steps: 0,
            ending: None,
        }
    }
}

impl Turn<'_> {
    /// Goes on with a run after a call of it ended.
    pub(crate) fn resume(&mut self, id: RunId, outcome: Result<Value, Failure>) {
        self.drive(id, Some(outcome));
    }

    /// Drives a run until it waits for something or is over. Bounded by `RUN_CALLS`.
    pub(crate) fn drive(&mut self, id: RunId, mut answer: Option<Result<Value, Failure>>) {
        loop {
            if let Some(answer) = &answer {
                self.record(Origin::Run(id), |step| step.answer = Some(answer.clone()));
            }
            if let Some(Ok(value)) = &answer {
                self.tell_step_done(id, value);
            }
            let Kernel { runs, sessions, catalog, rules, .. } = &mut *self.kernel;
            let Some(state) = runs.get_mut(&id).filter(|state| state.ending.is_none()) else { return };
            let catalog = catalog_in(sessions, catalog, rules, state.session);
            if let Some(reason) = state.refused.clone() {
                return self.end_run(id, Ending::Refused(reason));
            }
            match state.run.advance(answer.take(), catalog, &state.clock) {
                Yield::Ended(value) => return self.end_run(id, Ending::Done(value)),
                Yield::Failed(failure) => return self.end_run(id, Ending::Failed(failure)),
                Yield::Call(call) => match self.begin_plan_call(id, call) {
                    Ok(Begun::Waiting) => return self.check_run_size(id),
                    Ok(Begun::Over(value)) => answer = Some(Ok(value)),
                    Err(failure) => answer = Some(Err(failure)),
                },
            }
        }
    }

    fn begin_plan_call(&mut self, id: RunId, call: PlanCall) -> Result<Begun, Failure> {
        let Some(state) = self.kernel.runs.get(&id) else {
            return Err(Failure::new(ErrorCode::Internal, format!("the run {id} is gone")));
        };
        if state.deeds.calls.len() as u64 >= RUN_CALLS {
            return Err(too_large("the plan makes too many calls", "RUN_CALLS", RUN_CALLS));
        }
        let (session, grant) = (state.session, state.grant);
        self.record_call(id, &call);
        self.tell_step(id, session, &call);
        let tool = call.tool.clone();
        let begun = self.begin_call(Invocation {
            origin: Origin::Run(id),
            session,
            grant,
            tool: call.tool,
            arguments: call.arguments,
            context: call.context,
            line: call.line,
            undoes: None,
        })?;
        // One that was denied was not made.
        if let Some(state) = self.kernel.runs.get_mut(&id) {
            state.deeds.calls.push(tool);
        }
        Ok(begun)
    }

    /// Tells that a call of a run begins.
    pub(crate) fn tell_step(&mut self, id: RunId, session: SessionId, call: &PlanCall) {
        let influence =
            call.arguments.values().fold(call.context.clone(), |all, value| all.union(&value.deep_labels()));
        let (line, tool) = (call.line, call.tool.clone());
        if let Some(state) = self.kernel.runs.get_mut(&id) {
            state.steps += 1;
            state.step = Step { line, started: self.now, note: None, influence, tool, taken_from: None };
        }
        self.tell(session, News::Step { run: id, line, text: call.text.clone() });
    }

    pub(crate) fn tell_step_done(&mut self, id: RunId, value: &Value) {
        let now = self.now;
        let Some(state) = self.kernel.runs.get_mut(&id).filter(|state| state.ending.is_none()) else { return };
        let step = std::mem::take(&mut state.step);
        state.done.insert(step.tool.clone());
        let text = step.note.unwrap_or_else(|| render::count(value));
        let elapsed_ms = u64::try_from(now.0.saturating_sub(step.started.0)).unwrap_or(0);
        let session = state.session;
        let provenance = Provenance::of(&step.influence.union(&value.deep_labels()));
        self.record(Origin::Run(id), |step| step.came_to.clone_from(&text));
        let (line, taken_from) = (step.line, step.taken_from);
        self.tell(session, News::StepDone { run: id, line, text, elapsed_ms, provenance, taken_from });
    }

    /// Says what came out of the call that is going on, where a count would say too little.
    pub(crate) fn note_step(&mut self, origin: Origin, note: String) {
        if let Origin::Run(id) = origin
            && let Some(state) = self.kernel.runs.get_mut(&id)
        {
            state.step.note = Some(note);
        }
    }

    fn check_run_size(&mut self, id: RunId) {
        let bytes = |state: &RunState| serde_json::to_vec(&state.run).map_or(usize::MAX, |json| json.len());
        if self.kernel.runs.get(&id).map_or(0, bytes) <= RUN_STATE_BYTES {
            return;
        }
        self.stop_run(id, too_large("the plan's values are too large", "RUN_STATE_BYTES", RUN_STATE_BYTES));
    }

    /// Ends a run where it stands: what it waits for is stopped.
    pub(crate) fn stop_run(&mut self, id: RunId, failure: Failure) {
        let is_own = |origin: &Origin| *origin == Origin::Run(id);
        self.withdraw_questions(|open| open.origin().is_some_and(is_own));
        self.drop_readings(is_own);
        self.abandon(is_own);
        if let Some(state) = self.kernel.runs.get_mut(&id) {
            // A run that had ended already keeps its ending; only the look at the difference was stopped.
            let ending = state.ending.take().unwrap_or(Ending::Failed(failure));
            self.end_run(id, ending);
        }
    }

    /// The plan is over: the difference is looked at before anything is claimed.
    fn end_run(&mut self, id: RunId, ending: Ending) {
        if let Ending::Done(value) = &ending {
            self.note_suspicions(Origin::Run(id), &value.deep_labels());
        }
        let Some(state) = self.kernel.runs.get_mut(&id) else { return };
        state.ending = Some(ending);
        let session = state.session;
        let view = self.kernel.sessions.get(&session).and_then(|session| session.view);
        let is_looking = match view {
            Some(view) => self.act_on_view(Origin::Run(id), session, view, ViewAction::Diff),
            None => return self.conclude(id, Ok(Difference::default())),
        };
        if let Err(failure) = is_looking {
            self.conclude(id, Err(failure));
        }
    }

    /// Tells everybody how a run ended, and ends its intention.
    pub(crate) fn conclude(&mut self, id: RunId, difference: Result<Difference, Failure>) {
        let Some(mut state) = self.kernel.runs.remove(&id) else { return };
        self.record_end(id);
        if self.pass_answer_on(id, &state) || self.plan_again(id, &state) {
            return;
        }
        if self.nothing_is_the_answer(&state) {
            state.ending =
                Some(Ending::Done(Value::text(summary::nothing_found(&state, self.kernel.catalog_of(state.session)))));
        }
        let outcome = outcome_of(state.ending.as_ref());
        if outcome == RunOutcome::Done && state.parent.is_none() {
            self.keep_done_plan(id, &state);
        }
        if let Some(asker) = state.waiter {
            let report = PlanReport {
                run: Some(id),
                outcome: report_outcome(&outcome),
                shapes: state.run.shapes(self.kernel.catalog_of(state.session)),
            };
            self.reply(asker, Ok(Reply::Plan(report)));
        }
        if state.parent.is_some() {
            return;
        }
        let messages = state.deeds.outbox.iter().filter_map(|id| self.kernel.outbox.get(id));
        let mut answer = summary::answer(&state, messages.map(|message| &message.item), difference.as_ref());
        let unborne = self.not_borne_out(&state, difference.as_ref().ok());
        if !unborne.is_empty() {
            let quoted: Vec<String> = unborne.iter().map(|claim| format!("“{claim}”")).collect();
            answer.push_str(&format!("\n\nNothing in the record bears out: {}", quoted.join(", ")));
        }
        if !state.suspicions.is_empty() && !answer.is_empty() {
            answer.push_str(&format!("\n\n{}", suspicions::beside_answer(&state.suspicions)));
        }
        let finished = News::Finished(RunSummary {
            intention: state.intention,
            run: Some(id),
            outcome,
            answer,
            difference: difference.unwrap_or_default(),
            outbox: state.deeds.outbox,
            calls: state.deeds.calls,
            undoable: state.deeds.undoable,
            proposals: self.proposals(&state.deeds.proposed),
        });
        self.tell(state.session, finished);
        self.kernel.intentions.remove(&state.intention);
        if let Some(agent) = state.agent.filter(|agent| self.kernel.agents.get(*agent).is_ok()) {
            self.stop_subtree(agent, &Failure::new(ErrorCode::Interrupted, "the intention is over"));
        }
    }

    /// What a run's plan says that it did, and the record does not. Where the difference could not be looked at, nobody knows
    /// what was changed.
    fn not_borne_out(&self, state: &RunState, difference: Option<&Difference>) -> Vec<String> {
        if state.said.is_empty() {
            return Vec::new();
        }
        let is_changed = |path: &String| difference.is_none_or(|all| all.changes.iter().any(|one| one.path == *path));
        let governs = |tool: &String| {
            self.kernel.catalog_of(state.session).tools.get(tool).is_some_and(|tool| tool.effect == EffectClass::Govern)
        };
        let sends = |tool: &String| {
            self.kernel.catalog_of(state.session).tools.get(tool).is_some_and(ToolSchema::leaves_by_outbox)
        };
        let done = claims::Done {
            sent: !state.deeds.outbox.is_empty() || !state.taken_outbox.is_empty() || state.done.iter().any(sends),
            changed: state.wrote.iter().any(|file| is_changed(&file.path)),
            governed: state.done.iter().any(governs),
        };
        let task = state.agent.and_then(|agent| self.kernel.agents.get(agent).ok()).map(|agent| agent.task.as_str());
        let is_question = genoa_plan::Said::in_intention(task.unwrap_or(&state.words)).is_question();
        claims::not_borne_out(&state.run.plan().told(), done, is_question)
    }

    /// A plan that was one question is no end: its planner goes on with what the person said. Says whether it does.
    fn pass_answer_on(&mut self, id: RunId, state: &RunState) -> bool {
        let (Some(question), Some(Ending::Done(answer)), Some(asker)) =
            (state.run.plan().question(), &state.ending, state.waiter)
        else {
            return false;
        };
        let answer = render::value(answer);
        let Some(agent) = state.agent.and_then(|agent| self.kernel.agents.get_mut(agent)) else { return false };
        if agent.asked >= PLAN_QUESTIONS {
            return false;
        }
        agent.asked += 1;
        agent.run = None;
        agent.task = genoa_plan::with_answer(&agent.task, question, &answer);
        let outcome = PlanOutcome::Answered { question: question.to_owned(), answer };
        self.reply(asker, Ok(Reply::Plan(PlanReport { run: Some(id), outcome, shapes: Vec::new() })));
        true
    }

    /// Whether something was asked, and that there is no such thing answers it.
    fn nothing_is_the_answer(&self, state: &RunState) -> bool {
        let found_nothing =
            matches!(&state.ending, Some(Ending::Failed(failure)) if failure.code == ErrorCode::NotFound);
        let agent = state.agent.and_then(|agent| self.kernel.agents.get(agent).ok());
        let asks = || agent.is_some_and(|agent| genoa_plan::Said::in_intention(&agent.task).is_question());
        found_nothing
            && state.said.is_empty()
            && state.wrote.is_empty()
            && !summary::empty_calls(state, self.kernel.catalog_of(state.session)).is_empty()
            && asks()
    }

    /// A plan that found nothing, or whose call was not accepted, and that changed nothing, is no end yet: its planner tries
    /// other words. It learns what was empty, and no text that was read. Says whether it does.
    fn plan_again(&mut self, id: RunId, state: &RunState) -> bool {
        let line = state.run.line();
        let outcome = match &state.ending {
            Some(Ending::Failed(failure)) => match failure.code {
                ErrorCode::NotFound => PlanOutcome::FoundNothing { line },
                ErrorCode::InvalidInput | ErrorCode::Unsupported => PlanOutcome::NotAccepted { line },
                _ => return false,
            },
            Some(Ending::Done(_)) if self.meant_to_act(state) => PlanOutcome::FoundNothing { line: 0 },
            _ => return false,
        };
        let tools = &self.kernel.catalog_of(state.session).tools;
        let stays = |tool: &String| {
            tools.get(tool).is_some_and(|tool| matches!(tool.effect, EffectClass::Observe | EffectClass::Change))
        };
        // What changes files has done nothing if the view shows nothing of it.
        let left_no_trace = state.said.is_empty()
            && state.wrote.is_empty()
            && state.deeds.outbox.is_empty()
            && state.deeds.calls.iter().all(stays);
        let Some(asker) = state.waiter.filter(|_| left_no_trace) else { return false };
        let Some(agent) = state.agent.and_then(|agent| self.kernel.agents.get_mut(agent)) else { return false };
        if agent.retried >= PLAN_RETRIES {
            return false;
        }
        agent.retried += 1;
        agent.run = None;
        let text = match outcome {
            PlanOutcome::NotAccepted { .. } => "A step was not accepted. Trying another way",
            _ => "Nothing was found. Trying other words",
        };
        let text = text.to_owned();
        self.tell(state.session, News::Notice { text, weight: Weight::Usual });
        let shapes = state.run.shapes(self.kernel.catalog_of(state.session));
        self.reply(asker, Ok(Reply::Plan(PlanReport { run: Some(id), outcome, shapes })));
        true
    }

    /// Whether a plan that is over has calls that change something (and do not take away), searches before them came
    /// back empty, and it asked for no condition: then nothing was done that should have been.
    fn meant_to_act(&self, state: &RunState) -> bool {
        let tools = &self.kernel.catalog_of(state.session).tools;
        let takes_away = |tool: &ToolSchema| tool.asked_by.iter().any(|word| word.starts_with("delet"));
        let plan = state.run.plan();
        let mut acting = plan.tools().into_iter().filter_map(|name| tools.get(name));
        let has_acts = acting.any(|tool| tool.effect == EffectClass::Change && !takes_away(tool));
        let is_conditional = plan.source().lines().any(|line| line.trim_start().starts_with("if "));
        has_acts
            && !is_conditional
            && state
                .run
                .shapes(self.kernel.catalog_of(state.session))
                .iter()
                .any(|shape| genoa_plan::is_empty_list(shape))
    }

    pub(crate) fn note_said(&mut self, id: RunId, text: String) -> Result<(), Failure> {
        let Some(state) = self.kernel.runs.get_mut(&id) else { return Ok(()) };
        let said: usize = state.said.iter().map(String::len).sum();
        if said + text.len() > summary::ANSWER_BYTES {
            return Err(too_large("the answer is too long", "ANSWER_BYTES", summary::ANSWER_BYTES)
                .try_next("Write it to a file"));
        }
        state.said.push(text);
        Ok(())
    }

    pub(crate) fn note_refused(&mut self, id: RunId, reason: String) {
        if let Some(state) = self.kernel.runs.get_mut(&id) {
            state.refused = Some(reason);
        }
    }

    pub(crate) fn note_run_wrote(&mut self, origin: Origin, wrote: Vec<WrittenFile>) {
        self.record(origin, |step| step.wrote.extend(wrote.iter().cloned()));
        if let Origin::Run(id) = origin
            && let Some(state) = self.kernel.runs.get_mut(&id)
        {
            for file in wrote {
                state.wrote.retain(|known| known.path != file.path);
                state.wrote.push(file);
            }
        }
    }

    /// Remembers under which names a call found what is there.
    pub(crate) fn note_run_read(&mut self, origin: Origin, job: &ToolJob) {
        let Origin::Run(id) = origin else { return };
        let Some(state) = self.kernel.runs.get_mut(&id) else { return };
        let names = |parameter: &&Parameter| parameter.exists == Some(Existing::Entry) && parameter.ty == Type::Path;
        let given =
            job.schema.parameters.iter().filter(names).filter_map(|parameter| job.arguments.get(&parameter.name));
        let given: Vec<String> = given.filter_map(Json::as_str).map(str::to_owned).collect();
        state.named.extend(given.iter().cloned());
        self.record(origin, |step| step.named.extend(given));
    }

    /// The names under which the calls of a run found what is there.
    pub(crate) fn names_read(&self, origin: Origin) -> BTreeSet<String> {
        let Origin::Run(id) = origin else { return BTreeSet::new() };
        self.kernel.runs.get(&id).map(|state| state.named.clone()).unwrap_or_default()
    }

    /// The clock that a call goes by: that of its run's intention, or the session's.
    pub(crate) fn clock(&self, session: SessionId, origin: Origin) -> Result<Clock, Failure> {
        let of_run = match origin {
            Origin::Run(run) => self.kernel.runs.get(&run).map(|state| state.clock.clone()),
            _ => None,
        };
        let clock = of_run.or(self.session(session)?.clock.clone());
        clock.ok_or_else(|| Failure::new(ErrorCode::InvalidInput, "the session has not begun"))
    }
}

fn outcome_of(ending: Option<&Ending>) -> RunOutcome {
    match ending {
        Some(Ending::Done(_)) => RunOutcome::Done,
        Some(Ending::Refused(_)) => RunOutcome::Refused,
        Some(Ending::Failed(failure)) if failure.code == ErrorCode::Denied => RunOutcome::Asked,
        Some(Ending::Failed(failure)) => RunOutcome::Failed(failure.clone()),
        None => RunOutcome::Failed(Failure::new(ErrorCode::Internal, "the run ended without an ending")),
    }
}

/// What is safe to tell the planner: a failure's text may quote what was read, its code does not.
fn report_outcome(outcome: &RunOutcome) -> PlanOutcome {
    match outcome {
        RunOutcome::Done => PlanOutcome::Done,
        RunOutcome::Refused => PlanOutcome::Refused,
        RunOutcome::Asked => PlanOutcome::Failed { reason: "the person said no, or did not answer".to_owned() },
        RunOutcome::Failed(failure) => {
            let code = serde_json::to_value(failure.code).ok();
            let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
            PlanOutcome::Failed { reason: format!("a step failed: {code}") }
        }
    }
}
