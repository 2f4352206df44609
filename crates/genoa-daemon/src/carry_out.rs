//! The kernel's effects, one by one.

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::frame::Message;
use genoa_abi::model::WorkerRequest;
use genoa_abi::schema::Executor;
use genoa_abi::session::{News, Outgoing};
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::{ToolOutcome, ToolUsage};
use genoa_abi::{CallId, ErrorCode, Failure, RequestId, SessionId, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use crate::connection::Peer;
use crate::daemon::Daemon;
use crate::outbox;
use crate::worker::Watcher;

/// Records that one `journal` syscall answers with at most.
const RECORDS: u32 = 1000;

impl Daemon {
    /// Carries one effect out. What goes wrong becomes an event.
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { caller, request, outcome } => self.reply(caller, request, outcome),
            Effect::StartAgent { agent, rights } => {
                let options = &self.thinking.agent_options;
                let started = self.children.start_agent(agent, &rights, options, &self.machine, &mut self.sockets);
                if let Err(failure) = started {
                    self.agent_not_started(agent, &failure);
                }
            }
            Effect::AttachAgent { session, agent } => self.sockets.rename(Peer::Surface(session), Peer::Agent(agent)),
            Effect::StopAgent { agent } => {
                self.children.kill_agent(agent);
                self.sockets.remove(Peer::Agent(agent));
            }
            Effect::RunTool(job) => {
                let call = job.call;
                let started = match job.schema.executor {
                    Executor::Client => self.tell_program(*job),
                    _ => self.start_tool(*job),
                };
                if let Err(failure) = started {
                    let outcome = ToolOutcome::Failed { failure, wrote: Vec::new() };
                    self.inbox.push_back(Event::ToolFinished { call, outcome, usage: ToolUsage::default() });
                }
            }
            Effect::StopTool { call } => {
                self.children.kill_tool(call);
                self.sockets.remove(Peer::Tool(call));
                let stopped = self.tools.stopped(call);
                self.inbox.extend(stopped);
            }
            Effect::Infer { call, watch, stream, request, to } => {
                let surfaces = watch.map(|(session, intention)| Watcher::Surfaces(session, intention));
                let watcher = surfaces.or(stream.map(|(caller, request)| Watcher::Asker(caller, request)));
                self.ask_model(&to, WorkerRequest::Infer { call, request }, watcher);
            }
            Effect::Embed { call, texts, to } => self.ask_model(&to, WorkerRequest::Embed { call, texts }, None),
            Effect::PauseInfer { call } => self.pause_model_call(call),
            Effect::ResumeInfer { call } => self.resume_model_call(call),
            Effect::CancelInfer { call } => self.cancel_model_call(call),
            // The folders are made when the first tool of the view starts, or when somebody asks for its changes.
            Effect::OpenView { .. } | Effect::Decided { .. } => {}
            Effect::ActOnView { call, view, workspace, action } => self.views.act(call, view, workspace, action),
            Effect::LookUp { call, caller, request, query, workspace } => {
                self.look_up(call, caller, request, &query, &workspace);
            }
            Effect::Recall { call, from, view, workspace } => self.views.recall(call, from, view, &workspace),
            Effect::Tell { session, news } => self.tell(session, &news),
            Effect::Hold { item, person, view, workspace } => {
                // Of a call, the record of it is all there is to do.
                let Outgoing::Mail(mail) = &item.content else { return };
                let layers = self.views.layers(view, &workspace);
                if let Err(failure) = outbox::hold(&self.config.home.outbox(), &item, mail, &person, &layers) {
                    self.inbox.push_back(Event::OutboxFinished { item: item.id, outcome: Err(failure) });
                }
            }
            Effect::Send { item } => self.inbox.push_back(Event::OutboxFinished { item, outcome: Err(no_account()) }),
            Effect::WakeAt { time } => self.wake_at(time),
        }
    }

    fn wake_at(&mut self, time: Timestamp) {
        self.alarm = Some(self.alarm.map_or(time, |alarm| alarm.min(time)));
    }

    fn reply(&mut self, caller: Caller, request: RequestId, outcome: Result<Reply, Failure>) {
        let message = Message::answer(request, outcome.map(|reply| to_json(&reply)));
        self.sockets.send(peer_of(caller), &message);
    }

    pub(crate) fn tell(&mut self, session: SessionId, news: &News) {
        self.sockets.send(Peer::Surface(session), &Message::notification("news", to_json(news)));
    }

    /// Hands a call to the program that offered the tool; it answers with the syscall `returned`.
    fn tell_program(&mut self, job: ToolJob) -> Result<(), Failure> {
        if !self.sockets.has(Peer::Surface(job.session)) {
            return Err(Failure::new(ErrorCode::Interrupted, "the program that offered the tool is gone"));
        }
        let news = News::Call { call: job.call, tool: job.schema.name, arguments: job.arguments, key: job.key };
        self.tell(job.session, &news);
        Ok(())
    }

    fn look_up(&mut self, call: CallId, caller: Caller, request: RequestId, query: &Syscall, workspace: &str) {
        let answer = match query {
            Syscall::Journal { from: None, count } => self.journal.tail((*count).min(RECORDS)).map(Reply::Records),
            Syscall::Journal { from: Some(from), count } => {
                self.journal.records(*from, (*count).min(RECORDS)).map(Reply::Records)
            }
            Syscall::Why { subject } => self.journal.why(subject, workspace).map(Reply::Why),
            Syscall::Engine {} => Ok(Reply::Engine(self.workers.work())),
            _ => Err(Failure::new(ErrorCode::Internal, "this is not a question to the journal")),
        };
        let outcome = answer.as_ref().map(|_| ()).map_err(Clone::clone);
        self.reply(caller, request, answer);
        self.inbox.push_back(Event::LookedUp { call, outcome });
    }

    fn agent_not_started(&mut self, agent: genoa_abi::AgentId, failure: &Failure) {
        self.children.note(&format!("{agent} could not be started: {failure}"));
        self.inbox.push_back(Event::Gone { caller: Caller::Agent(agent) });
    }
}

pub(crate) fn peer_of(caller: Caller) -> Peer {
    match caller {
        Caller::Person(session) => Peer::Surface(session),
        Caller::Agent(agent) => Peer::Agent(agent),
    }
}

pub(crate) fn to_json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn no_account() -> Failure {
    Failure::new(ErrorCode::Unsupported, "the message stays in the outbox")
        .because("no mail account is configured to send it with")
        .try_next("Send the file from Genoa's outbox folder with your mail program, or take it back with `genoa undo`")
}
