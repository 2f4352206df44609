//! One step in progress: the state, the time, and the effects so far.
//!
//! Every module adds the methods of its part. This page holds the table from syscalls to these methods.

use std::collections::BTreeSet;

use genoa_abi::event::Effect;
use genoa_abi::session::News;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::{
    AgentId, CallId, ErrorCode, Failure, GrantId, Labels, Readers, RequestId, RunId, SessionId, Source, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::grants::Holder;
use crate::held_calls::HeldCall;
use crate::kernel::Kernel;
use crate::sessions::no_surface;

/// One step in progress.
pub(crate) struct Turn<'k> {
    pub(crate) kernel: &'k mut Kernel,
    pub(crate) now: Timestamp,
    pub(crate) effects: Vec<Effect>,
}

/// A syscall that is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) request: RequestId,
}

/// Who gets what comes out of a call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The syscall that asked for it.
    Syscall(Asker),
    /// The run whose plan called it.
    Run(RunId),
    /// One of the records that an `extract` or `summarise` reads.
    Reading { reading: CallId, place: usize },
    /// Nobody: whoever wanted it is gone. What it used is still charged.
    Nobody,
}

/// How a syscall is answered, if not with a failure.
pub(crate) enum Response {
    /// At once.
    Now(Reply),
    /// When something else has happened.
    Later,
}

/// In whose name a syscall is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    pub(crate) agent: Option<AgentId>,
}

impl<'k> Turn<'k> {
    pub(crate) fn new(kernel: &'k mut Kernel, now: Timestamp) -> Self {
        Self { kernel, now, effects: Vec::new() }
    }

    /// Answers a syscall, now or later, and always: a denial is a reply like any other, and journalled like it.
    pub(crate) fn asked(&mut self, caller: Caller, request: RequestId, syscall: Syscall) {
        let asker = Asker { caller, request };
        match self.answer_syscall(asker, syscall) {
            Ok(Response::Now(reply)) => self.reply(asker, Ok(reply)),
            Ok(Response::Later) => {}
            Err(failure) => self.reply(asker, Err(failure)),
        }
    }

    fn answer_syscall(&mut self, asker: Asker, syscall: Syscall) -> Result<Response, Failure> {
        let caller = asker.caller;
        self.check_waiting(caller)?;
        self.check_pledge(caller, &syscall)?;
        if let Syscall::Session(request) = syscall {
            return self.begin_session(caller, request);
        }
        let standing = self.standing(caller)?;
        self.tell_agent_of(caller, &sources_of_answer(&syscall));
        match syscall {
            Syscall::Session(request) => self.begin_session(caller, request),
            Syscall::Act { text, agent, session } => self.act(asker, text, agent, session),
            Syscall::Pledge {} => self.pledge(caller),
            Syscall::Offer(offer) => self.offer(caller, offer),
            Syscall::Returned { call, outcome, marks } => self.returned(caller, call, outcome, marks),
            Syscall::Intend { text, agent } => self.intend(caller, text, agent),
            Syscall::Adopt { proposal, text } => self.adopt(caller, proposal, &text),
            Syscall::Spawn { agent, task, grant } => self.spawn(standing, &agent, task, grant),
            Syscall::Signal { agent } => self.signal(caller, agent),
            Syscall::Send { to, message } => self.send_message(standing, to, message),
            Syscall::Receive {} => self.receive(asker, standing),
            Syscall::List {} => self.list(caller),
            Syscall::Infer(request) => self.infer(asker, standing, request),
            Syscall::Embed { texts } => self.embed(asker, standing, texts),
            Syscall::Call { tool, arguments } => self.call_tool(asker, standing, &tool, &arguments),
            Syscall::Plan { source } => self.submit_plan(asker, standing, &source),
            Syscall::GoOn { from, source } => self.go_on(asker, standing, from, source),
            Syscall::SaveSkill { name, from } => self.save_skill(caller, standing, name, from),
            Syscall::Skills {} => Ok(Response::Now(Reply::Skills(self.kernel.skills.values().cloned().collect()))),
            Syscall::ForgetSkill { name } => self.forget_skill(caller, &name),
            Syscall::Ask { title, options } => self.ask_person(asker, standing, title, options),
            Syscall::Answer { question, answer } => self.answer(caller, question, answer),
            Syscall::Notify { text } => self.notify(standing, text),
            Syscall::Attenuate { grant, request } => self.attenuate(caller, grant, &request),
            Syscall::Revoke { grant } => self.revoke(asker, grant),
            Syscall::Grants {} => self.list_grants(caller),
            Syscall::Journal { .. } | Syscall::Why { .. } | Syscall::Engine {} => {
                self.look_up(asker, standing, syscall)
            }
            Syscall::Diff { view } => self.diff(asker, standing, view),
            Syscall::Commit { view } => self.commit(asker, standing, view),
            Syscall::Drop { view } => self.drop_view(asker, standing, view),
            Syscall::Undo { subject } => self.undo(asker, standing, subject),
        }
    }

    /// In whose name `caller` acts.
    pub(crate) fn standing(&self, caller: Caller) -> Result<Standing, Failure> {
        match caller {
            Caller::Person(session) => {
                let state = self.session(session)?;
                if !state.connected {
                    return Err(no_surface());
                }
                let grant = state.grant.ok_or_else(|| {
                    Failure::new(ErrorCode::InvalidInput, "the session has not begun")
                        .try_next("Make the syscall `session` first")
                })?;
                Ok(Standing { session, grant, agent: None })
            }
            Caller::Agent(id) => {
                let agent = self.kernel.agents.get(id)?;
                Ok(Standing { session: agent.session, grant: agent.grant, agent: Some(id) })
            }
        }
    }

    pub(crate) fn reply(&mut self, asker: Asker, outcome: Result<Reply, Failure>) {
        if let Caller::Agent(id) = asker.caller
            && let Some(agent) = self.kernel.agents.get_mut(id)
        {
            agent.trouble = outcome.as_ref().err().cloned();
        }
        self.effects.push(Effect::Reply { caller: asker.caller, request: asker.request, outcome });
    }

    /// Shows news on a session's surfaces; if they are gone, on those that the person has open on the same workspace.
    pub(crate) fn tell(&mut self, session: SessionId, news: News) {
        let session = self.listening(session).unwrap_or(session);
        if !self.is_pledged(session) {
            self.effects.push(Effect::Tell { session, news });
        }
    }

    /// Ends the step: what nothing refers to any more is forgotten, and the next wake-up is asked for.
    pub(crate) fn end(mut self) -> Vec<Effect> {
        self.forget_sessions();
        self.forget_grants();
        self.forget_old_views();
        self.forget_old_messages();
        self.forget_old_proposals();
        self.give_places();
        self.ask_to_be_woken();
        self.effects
    }

    /// Time passed: lets expire what is due.
    pub(crate) fn expire(&mut self) {
        self.kernel.wake_at = None;
        self.expire_questions();
        self.expire_flights();
        self.send_due();
    }

    fn forget_grants(&mut self) {
        let used = self.grants_in_use();
        let Kernel { grants, sessions, agents, .. } = &mut *self.kernel;
        let lives = |holder| match holder {
            Holder::Session(session) => sessions.contains_key(&session),
            Holder::Agent(agent) => agents.get(agent).is_ok(),
        };
        grants.collect(&used, lives, self.now);
    }

    fn grants_in_use(&self) -> BTreeSet<GrantId> {
        let kernel = &self.kernel;
        let sessions = kernel.sessions.values().filter_map(|session| session.grant);
        let agents = kernel.agents.iter().map(|(_, agent)| agent.grant);
        let runs = kernel.runs.values().map(|run| run.grant);
        let flights = kernel.flights.values().filter_map(|flight| flight.grant);
        let readings = kernel.readings.values().map(|reading| reading.grant);
        let questions = kernel.questions.values().filter_map(|question| question.grant());
        let held = kernel.outbox.values().filter_map(|message| message.held.as_deref().map(HeldCall::grant));
        sessions.chain(agents).chain(runs).chain(flights).chain(readings).chain(questions).chain(held).collect()
    }

    fn ask_to_be_woken(&mut self) {
        let kernel = &self.kernel;
        let questions = kernel.questions.values().map(|open| open.question.expires);
        let flights = kernel.flights.values().filter_map(|flight| flight.deadline);
        let messages = kernel.outbox.values().filter_map(|message| message.due());
        let places = kernel.inference.next_change(self.now);
        let next = questions.chain(flights).chain(messages).chain(places).min();
        if let Some(time) = next.filter(|_| next != kernel.wake_at) {
            self.effects.push(Effect::WakeAt { time });
        }
        self.kernel.wake_at = next;
    }
}

/// Who could have influenced the answer to a syscall, where that is known beforehand, and that the person alone may read it. A
/// called tool's answer carries its own labels, and what a plan's run came to is told as counts and types.
fn sources_of_answer(syscall: &Syscall) -> Labels {
    match syscall {
        Syscall::List {} | Syscall::Journal { .. } | Syscall::Why { .. } | Syscall::Diff { .. } => {
            Labels::from(Source::Tool(syscall.name())).for_readers(Readers::nobody_else())
        }
        _ => Labels::none(),
    }
}

/// The failure for what only a person may do.
pub(crate) fn only_a_person(what: &str) -> Failure {
    Failure::new(ErrorCode::NotGranted, format!("only a person can {what}")).try_next("Ask the person with `ask`")
}

/// The failure for an input over a named limit.
pub(crate) fn too_large(what: impl Into<String>, name: &str, limit: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::TooLarge, what).because(format!("the limit is {limit} ({name})"))
}
