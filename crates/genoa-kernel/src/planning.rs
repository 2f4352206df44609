//! Plans as they are submitted: checked, sent back with findings, or shown and started.

use genoa_abi::agent::{PlanOutcome, PlanReport};
use genoa_abi::limits::{PLAN_BYTES, PLAN_REPAIRS};
use genoa_abi::recording::{Recording, RunStep};
use genoa_abi::schema::Catalog;
use genoa_abi::session::{News, RunOutcome, RunSummary};
use genoa_abi::syscall::Reply;
use genoa_abi::tool::Clock;
use genoa_abi::view::Difference;
use genoa_abi::{AgentId, ErrorCode, Failure, GrantId, IntentionId, RunId, SessionId};
use genoa_plan::{Checked, Run};

use crate::agents::Intention;
use crate::deeds::Deeds;
use crate::runs::RunState;
use crate::turn::{Asker, Origin, Response, Standing, Turn, too_large};

impl Turn<'_> {
    pub(crate) fn submit_plan(&mut self, asker: Asker, standing: Standing, source: &str) -> Result<Response, Failure> {
        if source.len() > PLAN_BYTES {
            return Err(too_large("the plan is too long", "PLAN_BYTES", PLAN_BYTES));
        }
        self.kernel.grants.live(standing.grant, self.now)?;
        if let Some(agent) = standing.agent
            && self.kernel.agents.get(agent)?.run.is_some_and(|run| self.kernel.runs.contains_key(&run))
        {
            return Err(Failure::new(ErrorCode::Conflict, "a plan of this agent runs already")
                .try_next("Wait until it is over"));
        }
        let catalog = self.catalog_for(standing.grant, standing.session);
        let words = self.task_of(standing.agent);
        match self.check_plan(asker, standing, source, &catalog, &words)? {
            Some(checked) => self.start_run(asker, standing, checked, &catalog),
            None => Ok(Response::Later),
        }
    }

    /// The plan as it passed the check. Where it did not pass, whoever submitted it was answered with the findings.
    pub(crate) fn check_plan(
        &mut self,
        asker: Asker,
        standing: Standing,
        source: &str,
        catalog: &Catalog,
        words: &str,
    ) -> Result<Option<Checked>, Failure> {
        let findings = match genoa_plan::check(source, catalog, words) {
            Ok(checked) => return Ok(Some(checked)),
            Err(findings) => findings,
        };
        if let Some(failure) = self.barred(standing, source, catalog) {
            return Err(failure);
        }
        self.reject_plan(asker, standing, findings.iter().map(ToString::to_string).collect());
        Ok(None)
    }

    /// The catalogue cut to what a grant allows.
    pub(crate) fn catalog_for(&self, grant: GrantId, session: SessionId) -> Catalog {
        self.kernel.catalog_of(session).only(|tool| self.may_use(grant, tool, session))
    }

    /// Ends an intention that no run serves, because of a failure.
    pub(crate) fn fail_intention(&mut self, id: IntentionId, failure: Failure) {
        self.end_intention_without_run(id, RunOutcome::Failed(failure.clone()), failure.to_string(), Deeds::default());
    }

    /// Ends an intention that no run serves, and tells the person.
    pub(crate) fn end_intention_without_run(
        &mut self,
        id: IntentionId,
        outcome: RunOutcome,
        answer: String,
        deeds: Deeds,
    ) {
        let Some(intention) = self.kernel.intentions.remove(&id) else { return };
        let summary = RunSummary {
            intention: id,
            run: None,
            outcome,
            answer,
            difference: Difference::default(),
            outbox: deeds.outbox,
            calls: deeds.calls,
            undoable: deeds.undoable,
            proposals: self.proposals(&deeds.proposed),
        };
        self.tell(intention.session, News::Finished(summary));
    }

    /// The person's words that an agent serves; none where there is no agent, or no more.
    fn task_of(&self, agent: Option<AgentId>) -> String {
        let agent = agent.and_then(|id| self.kernel.agents.get(id).ok());
        agent.map(|agent| agent.task.clone()).unwrap_or_default()
    }

    /// The person's words that a call serves; none for a call by hand.
    pub(crate) fn words_of(&self, origin: Origin) -> String {
        let Origin::Run(run) = origin else { return String::new() };
        let Some(state) = self.kernel.runs.get(&run) else { return String::new() };
        if state.agent.is_none() { state.words.clone() } else { self.task_of(state.agent) }
    }

    /// Answers with the findings, and tells the person of them where an agent wrote the plan; an agent that has used up
    /// its repairs is stopped, with these as the reason.
    fn reject_plan(&mut self, asker: Asker, standing: Standing, findings: Vec<String>) {
        let reason = findings.join("; ");
        if let Some(intention) = standing.agent.and_then(|agent| Some(self.kernel.agents.get(agent).ok()?.intention)) {
            self.tell(standing.session, News::PlanSentBack { intention, findings: findings.clone() });
        }
        let report = PlanReport { run: None, outcome: PlanOutcome::Rejected { findings }, shapes: Vec::new() };
        self.reply(asker, Ok(Reply::Plan(report)));
        if let Some(agent) = standing.agent.filter(|agent| self.count_rejection(*agent)) {
            let failure = Failure::new(ErrorCode::InvalidInput, "no plan for this passed the check")
                .because(reason)
                .try_next("Say it in other words, or in smaller steps");
            self.stop_subtree(agent, &failure);
        }
    }

    fn count_rejection(&mut self, id: AgentId) -> bool {
        self.kernel.agents.get_mut(id).is_some_and(|agent| {
            agent.rejected += 1;
            agent.rejected > PLAN_REPAIRS
        })
    }

    fn start_run(
        &mut self,
        asker: Asker,
        standing: Standing,
        checked: Checked,
        catalog: &Catalog,
    ) -> Result<Response, Failure> {
        let intention = self.intention_of(standing)?;
        let Some(clock) = self.kernel.intentions.get(&intention).map(|intention| intention.clock.clone()) else {
            return Err(Failure::new(ErrorCode::NotFound, format!("the intention {intention} is over")));
        };
        let id = self.kernel.counters.run();
        self.tell_plan(standing.session, id, &checked, catalog, None);
        let parent = standing.agent.and_then(|agent| self.kernel.agents.get(agent).ok()?.parent);
        let heard = self.heard_by(standing.agent);
        if self.kernel.recorder.is_some() {
            let recording = self.recording_at_start(id, standing, &checked, &clock)?;
            self.record_run(id, || recording);
        }
        let run = Run::new(checked.plan).under(heard);
        let run = RunState { parent, ..RunState::new(run, intention, standing, asker, clock) };
        self.kernel.runs.insert(id, run);
        if let Some(agent) = standing.agent.and_then(|agent| self.kernel.agents.get_mut(agent)) {
            agent.run = Some(id);
        }
        self.drive(id, None);
        Ok(Response::Later)
    }

    /// Shows a plan that is about to run.
    pub(crate) fn tell_plan(
        &mut self,
        session: SessionId,
        run: RunId,
        checked: &Checked,
        catalog: &Catalog,
        goes_on_from: Option<RunStep>,
    ) {
        let news = News::Plan {
            run,
            source: checked.plan.source().to_owned(),
            preview: checked.plan.preview(catalog),
            warnings: checked.warnings.iter().map(ToString::to_string).collect(),
            goes_on_from,
        };
        self.tell(session, news);
    }

    /// What is known of a run before its first step. The words of a task that an agent gave another are no person's.
    fn recording_at_start(
        &self,
        id: RunId,
        standing: Standing,
        checked: &Checked,
        clock: &Clock,
    ) -> Result<Recording, Failure> {
        let is_child = standing.agent.and_then(|agent| self.kernel.agents.get(agent).ok()?.parent).is_some();
        Ok(Recording {
            from: RunStep { run: id, step: 1 },
            next_line: None,
            plan: checked.plan.source().to_owned(),
            words: if is_child { String::new() } else { self.task_of(standing.agent) },
            heard: self.heard_by(standing.agent),
            clock: clock.clone(),
            workspace: self.session(standing.session)?.workspace.clone(),
            steps: Vec::new(),
        })
    }

    /// The intention that a plan serves. A person's own plan is its own intention.
    fn intention_of(&mut self, standing: Standing) -> Result<IntentionId, Failure> {
        if let Some(agent) = standing.agent {
            return Ok(self.kernel.agents.get(agent)?.intention);
        }
        let clock = self.session(standing.session)?.clock.clone();
        let clock = clock.ok_or_else(|| Failure::new(ErrorCode::InvalidInput, "the session has not begun"))?;
        let id = self.kernel.counters.intention();
        self.kernel.intentions.insert(id, Intention { text: String::new(), session: standing.session, clock });
        Ok(id)
    }
}
