//! Going on from a step of an earlier run: what came before is taken from the journal, the rest is done anew.
//!
//! The new run is made as any run is, in the person's own name. Its plan goes through the steps that are taken over with
//! the recorded answers, under the labels that they had, and must make the very calls that are recorded; no tool is started and
//! nothing is put anywhere for them. From the step on, every call takes the path of every call.

use genoa_abi::limits::PLAN_BYTES;
use genoa_abi::recording::{RecordedStep, Recording, RunStep};
use genoa_abi::schema::Catalog;
use genoa_abi::session::OutboxState;
use genoa_abi::syscall::Caller;
use genoa_abi::tool::Clock;
use genoa_abi::{CallId, ErrorCode, Failure, RunId, SessionId, Value};
use genoa_plan::{PlanCall, Run, Yield};

use crate::agents::Intention;
use crate::flights::{Flight, Work};
use crate::recorder::{no_such_run, no_such_step};
use crate::render;
use crate::runs::RunState;
use crate::system;
use crate::turn::{Asker, Origin, Response, Standing, Turn, only_a_person, too_large};

/// What the call before the next one came to; nothing at the beginning.
type Answer = Option<Result<Value, Failure>>;

impl Turn<'_> {
    /// Has the daemon read the earlier run out of the journal. Nothing begins before that.
    pub(crate) fn go_on(
        &mut self,
        asker: Asker,
        standing: Standing,
        from: RunStep,
        source: Option<String>,
    ) -> Result<Response, Failure> {
        let Caller::Person(_) = asker.caller else { return Err(only_a_person("go on from an earlier run")) };
        if source.as_ref().is_some_and(|source| source.len() > PLAN_BYTES) {
            return Err(too_large("the plan is too long", "PLAN_BYTES", PLAN_BYTES));
        }
        self.kernel.grants.live(standing.grant, self.now)?;
        if !self.kernel.counters.has_given_run(from.run) {
            return Err(no_such_run(from.run));
        }
        if self.kernel.runs.contains_key(&from.run) {
            return Err(Failure::new(ErrorCode::Conflict, format!("{} is not over", from.run))
                .because("what it is doing now could be done twice")
                .try_next("Answer its question, or wait until it is over"));
        }
        let view = self.view_for(standing.session)?;
        let workspace = self.session(standing.session)?.workspace.clone();
        let work = Work::Recall { from, source, view, workspace };
        let call = self.kernel.counters.call();
        let flight = Flight::without_budget(Origin::Syscall(asker), standing.session, self.now, work);
        self.launch(call, flight);
        Ok(Response::Later)
    }

    /// The earlier run was read: the new one begins, if whoever asked for it is still there.
    pub(crate) fn recalled(&mut self, call: CallId, outcome: Result<Recording, Failure>) {
        let Some(flight) = self.land(call, |work| matches!(work, Work::Recall { .. })) else { return };
        let (Origin::Syscall(asker), Work::Recall { from, source, workspace, .. }) = (flight.origin, flight.work)
        else {
            return;
        };
        let begun = outcome.and_then(|recording| {
            if recording.from != from {
                return Err(Failure::new(ErrorCode::Internal, "another run was read than was asked for"));
            }
            let standing = self.standing(asker.caller)?;
            self.kernel.grants.live(standing.grant, self.now)?;
            if self.session(standing.session)?.workspace != workspace {
                return Err(Failure::new(ErrorCode::Conflict, "the session has gone to another folder meanwhile"));
            }
            self.begin_from(asker, standing, recording, source)
        });
        if let Err(failure) = begun {
            self.reply(asker, Err(failure));
        }
    }

    fn begin_from(
        &mut self,
        asker: Asker,
        standing: Standing,
        recording: Recording,
        source: Option<String>,
    ) -> Result<(), Failure> {
        let session = standing.session;
        check_workspace(&recording, &self.session(session)?.workspace)?;
        let source = plan_to_go_on_with(&recording, source)?;
        let catalog = self.catalog_for(standing.grant, session);
        let Some(checked) = self.check_plan(asker, standing, &source, &catalog, &recording.words)? else {
            return Ok(());
        };
        let mut run = Run::new(checked.plan.clone()).under(recording.heard.clone());
        let (calls, answer) = forward(&mut run, &recording, self.kernel.catalog_of(session), &recording.clock)?;
        let id = self.kernel.counters.run();
        let intention = self.kernel.counters.intention();
        let (clock, words) = (recording.clock.clone(), recording.words.clone());
        self.kernel.intentions.insert(intention, Intention { text: words.clone(), session, clock: clock.clone() });
        let taken = Recording { steps: Vec::new(), plan: source, ..recording.clone() };
        self.record_run(id, || taken);
        self.tell_plan(session, id, &checked, &catalog, Some(recording.from));
        let state = RunState { words, ..RunState::new(run, intention, standing, asker, clock) };
        self.kernel.runs.insert(id, state);
        self.take_over(id, session, &recording, calls);
        self.drive(id, answer);
        Ok(())
    }

    /// Tells the steps that are taken over, and remembers of them what the rest of the run goes by.
    fn take_over(&mut self, id: RunId, session: SessionId, recording: &Recording, calls: Vec<PlanCall>) {
        let count = calls.len();
        for (place, (call, step)) in calls.into_iter().zip(&recording.steps).enumerate() {
            self.record_taken(id, step);
            self.remember_taken(id, step);
            self.tell_step(id, session, &call);
            if let Some(state) = self.kernel.runs.get_mut(&id) {
                state.step.taken(&step.came_to, recording.from.run);
            }
            // The last one is told when the run goes on with its answer.
            if let Some(Ok(value)) = step.answer.as_ref().filter(|_| place + 1 < count) {
                self.tell_step_done(id, value);
            }
        }
    }

    fn remember_taken(&mut self, id: RunId, step: &RecordedStep) {
        // A message that was taken back since is none that this run can speak of.
        let stands = |item: &genoa_abi::OutboxId| {
            self.kernel.outbox.get(item).is_some_and(|message| message.item.state != OutboxState::Withdrawn)
        };
        let held: Vec<genoa_abi::OutboxId> = step.held.iter().filter(|item| stands(item)).copied().collect();
        let Some(state) = self.kernel.runs.get_mut(&id) else { return };
        state.taken_outbox.extend(held);
        state.named.extend(step.named.iter().cloned());
        for file in &step.wrote {
            state.wrote.retain(|known| known.path != file.path);
            state.wrote.push(file.clone());
        }
        if step.tool == system::SAY {
            state.said.extend(step.arguments.get("text").map(render::value));
        }
    }
}

/// What was read in one folder, and written there, belongs to it.
fn check_workspace(recording: &Recording, workspace: &str) -> Result<(), Failure> {
    if recording.workspace == workspace {
        return Ok(());
    }
    let what = format!("{} worked in another folder", recording.from.run);
    Err(Failure::new(ErrorCode::InvalidInput, what)
        .because(format!("it was {}", recording.workspace))
        .try_next("Go on there, or name it with --workspace"))
}

/// The plan that is gone on with: the run's own, or another that is the same up to the step.
fn plan_to_go_on_with(recording: &Recording, source: Option<String>) -> Result<String, Failure> {
    let Some(source) = source else {
        return match recording.next_line {
            Some(_) => Ok(recording.plan.clone()),
            None => Err(no_such_step(recording.from, &recording.steps)),
        };
    };
    let before_next =
        recording.next_line.map_or(recording.plan.trim_end().lines().count(), |line| line_place(line) - 1);
    let same = recording.steps.iter().map(|step| line_place(step.line)).fold(before_next, usize::max);
    let (mut old, mut new) = (recording.plan.lines(), source.lines());
    for line in 1..=same {
        if old.next().map(str::trim_end) != new.next().map(str::trim_end) {
            return Err(Failure::new(
                ErrorCode::InvalidInput,
                format!("line {line} of the plan is another than in {}", recording.from.run),
            )
            .because(format!("what comes before {} must stay as it was done", recording.from))
            .try_next("Change what comes after it, or go on from an earlier step"));
        }
    }
    Ok(source)
}

fn line_place(line: u32) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX).max(1)
}

/// Takes a run to where the step that is done next begins, with the recorded answers. Gives the calls that it made, which are the
/// recorded ones, and the answer that it goes on with.
fn forward(
    run: &mut Run,
    recording: &Recording,
    catalog: &Catalog,
    clock: &Clock,
) -> Result<(Vec<PlanCall>, Answer), Failure> {
    let (mut answer, mut calls) = (None, Vec::new());
    for (step, number) in recording.steps.iter().zip(1..) {
        match run.advance(answer.take(), catalog, clock) {
            Yield::Call(call) if is_same(&call, step) => calls.push(call),
            other => return Err(parted(recording.from.run, number, step, &other)),
        }
        answer.clone_from(&step.answer);
    }
    Ok((calls, answer))
}

fn is_same(call: &PlanCall, step: &RecordedStep) -> bool {
    call.line == step.line && call.tool == step.tool && call.arguments == step.arguments && call.context == step.context
}

fn parted(run: RunId, number: u32, step: &RecordedStep, now: &Yield) -> Failure {
    let now = match now {
        Yield::Call(call) if call.text != step.text => format!("now it is: {}", call.text),
        Yield::Call(_) => "its line, arguments or labels are others".to_owned(),
        Yield::Ended(_) => "the plan ends before it".to_owned(),
        Yield::Failed(failure) => format!("the plan fails before it: {failure}"),
    };
    Failure::new(ErrorCode::Conflict, format!("step {number} of {run} would be another now"))
        .because(format!("it was: {}; {now}", step.text))
        .try_next(format!("Go on from step {number} or an earlier one"))
}
