//! The daemon: one thread, one loop. Events in, one transaction in the journal, effects out.
//!
//! Crash-only: there is no orderly shutdown. What was acknowledged is in the journal, and a start after a crash is the
//! same as any other start.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use genoa_abi::event::{Effect, Event};
use genoa_abi::frame::Message;
use genoa_abi::limits::CONNECTIONS;
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::{ErrorCode, Failure, SessionId, Timestamp};
use genoa_journal::{Journal, Step};
use genoa_kernel::Kernel;
use genoa_sandbox::Machine;
use mio::net::UnixListener;
use mio::{Events, Poll, Token};

use crate::boot;
use crate::children::Children;
use crate::config::{DaemonConfig, Thinking};
use crate::configuration::Stamp;
use crate::connection::{Peer, Received};
use crate::sockets::Sockets;
use crate::tools::Tools;
use crate::views::Views;
use crate::workers::Workers;

/// The listening socket.
pub(crate) const LISTENER: Token = Token(0);
/// The spawner's socket.
pub(crate) const SPAWNER: Token = Token(1);
/// Wakes the loop when a view action is over.
pub(crate) const VIEWS: Token = Token(2);
/// Readiness notes taken at once.
const POLLED: usize = 256;

/// The daemon's subsystems. The loop owns every channel.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) config: DaemonConfig,
    pub(crate) machine: Machine,
    pub(crate) kernel: Kernel,
    pub(crate) configuration: Stamp,
    pub(crate) watched: Vec<PathBuf>,
    pub(crate) thinking: Thinking,
    pub(crate) journal: Journal,
    pub(crate) listener: UnixListener,
    pub(crate) sockets: Sockets,
    pub(crate) children: Children,
    pub(crate) tools: Tools,
    pub(crate) workers: Workers,
    pub(crate) views: Views,
    pub(crate) inbox: VecDeque<Event>,
    pub(crate) alarm: Option<Timestamp>,
    pub(crate) next_session: u64,
}

/// Runs the daemon until it is killed, or until its journal cannot be written any more.
///
/// # Errors
/// What keeps it from starting: another daemon on the same home, a damaged journal, a missing permission; or what
/// stopped it.
pub fn run(config: DaemonConfig) -> Result<(), Failure> {
    let poll = Poll::new().map_err(|error| Failure::new(ErrorCode::Internal, "no event queue").because(error))?;
    let mut daemon = boot::boot(config, &poll)?;
    daemon.turn()?;
    daemon.serve(poll)
}

impl Daemon {
    fn serve(&mut self, mut poll: Poll) -> Result<(), Failure> {
        let mut events = Events::with_capacity(POLLED);
        loop {
            match poll.poll(&mut events, self.patience()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::new(ErrorCode::Internal, "waiting failed").because(error)),
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    SPAWNER => self.spawner_news()?,
                    VIEWS => self.inbox.extend(self.views.finished()),
                    token => {
                        self.sockets.flush(token);
                        self.receive(token);
                    }
                }
            }
            self.look_at_the_clock();
            self.turn()?;
        }
    }

    /// How long the loop may sleep: until the kernel's alarm or a tool's time limit.
    fn patience(&self) -> Option<Duration> {
        let next = [self.alarm, self.tools.next_deadline()].into_iter().flatten().min()?;
        let wait = u64::try_from(next.0.saturating_sub(now().0)).unwrap_or(0);
        // A millisecond more, so that the time has really come when the loop wakes.
        Some(Duration::from_millis(wait + 1))
    }

    fn look_at_the_clock(&mut self) {
        let now = now();
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            self.alarm = None;
            self.inbox.push_back(Event::Tick {});
        }
        for call in self.tools.take_overdue(now) {
            self.children.kill_tool(call);
            self.inbox.push_back(self.tools.timed_out(call));
            self.sockets.remove(Peer::Tool(call));
        }
    }

    /// Deals with everything in the inbox, and with what that brings up.
    pub(crate) fn turn(&mut self) -> Result<(), Failure> {
        loop {
            for peer in self.sockets.take_lost() {
                self.lose(peer);
            }
            if self.inbox.is_empty() {
                return Ok(());
            }
            let steps: Vec<(Timestamp, Event, Vec<Effect>)> = self
                .inbox
                .drain(..)
                .map(|event| {
                    let now = now();
                    let effects = self.kernel.step(event.clone(), now);
                    (now, event, effects)
                })
                .collect();
            let records: Vec<Step<'_>> =
                steps.iter().map(|(now, event, effects)| Step { now: *now, event, effects }).collect();
            // If this fails the kernel is ahead of its journal: nothing was carried out, so stopping here and starting
            // again from the journal is the same as if the events had never come.
            self.journal.append_steps(&records)?;
            for effect in steps.into_iter().flat_map(|(_, _, effects)| effects) {
                self.carry_out(effect);
            }
        }
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Nothing more, or a connection that is gone already.
                Err(_) => return,
            };
            let owner =
                rustix::net::sockopt::socket_peercred(&stream).is_ok_and(|peer| peer.uid == rustix::process::getuid());
            if !owner || self.sockets.surfaces() >= CONNECTIONS {
                continue;
            }
            // Who comes after a change finds it in force.
            self.look_at_the_configuration();
            let session = SessionId(self.next_session);
            self.next_session += 1;
            if self.sockets.add(stream, Peer::Surface(session)).is_ok() {
                self.inbox.push_back(Event::Connected { session });
            }
        }
    }

    pub(crate) fn receive(&mut self, token: Token) {
        let Some((peer, Received { messages, closed })) = self.sockets.receive(token) else { return };
        for message in messages {
            match (peer, message) {
                (Peer::Surface(session), message) => self.asked(peer, Caller::Person(session), message),
                (Peer::Agent(agent), message) => self.asked(peer, Caller::Agent(agent), message),
                (Peer::Tool(call), Ok(message)) => self.tool_said(call, message),
                (Peer::Worker(number), Ok(message)) => self.worker_said(number, message),
                (Peer::Tool(_) | Peer::Worker(_), Err(_)) => self.lose(peer),
            }
        }
        // What it said may have brought up its end, and somebody else in its place.
        if closed && self.sockets.token(peer) == Some(token) {
            self.lose(peer);
        }
    }

    /// Turns a message of a caller into an event; what is not a syscall is answered at once.
    fn asked(&mut self, peer: Peer, caller: Caller, message: Result<Message, Failure>) {
        let refusal = match message {
            Ok(Message::Request { id, method, params, .. }) => match Syscall::from_request(&method, params) {
                Ok(mut syscall) => {
                    mark_answer(&mut syscall);
                    self.inbox.push_back(Event::Asked { caller, request: id, syscall });
                    return;
                }
                Err(failure) => Message::failure(Some(id), failure),
            },
            Ok(_) => Message::failure(None, Failure::new(ErrorCode::InvalidInput, "only requests are understood here")),
            Err(failure) => Message::failure(None, failure),
        };
        self.sockets.send(peer, &refusal);
    }

    /// A connection is over, whoever ended it.
    pub(crate) fn lose(&mut self, peer: Peer) {
        if !self.sockets.has(peer) {
            return;
        }
        self.sockets.remove(peer);
        match peer {
            Peer::Surface(session) => self.inbox.push_back(Event::Gone { caller: Caller::Person(session) }),
            Peer::Agent(agent) => {
                self.children.kill_agent(agent);
                self.inbox.push_back(Event::Gone { caller: Caller::Agent(agent) });
            }
            Peer::Tool(call) => {
                self.children.kill_tool(call);
                let ended = self.tools.ended(call, &self.children.last_words(call));
                self.inbox.extend(ended);
            }
            Peer::Worker(number) => {
                let how = self.children.end_of_worker(number);
                if self.children.worker_never_ran(number) {
                    self.worker_never_ran(number);
                }
                self.worker_lost(number, &how);
            }
        }
    }
}

/// Has the sensor look over what a program answers that carries out a tool for its session. What it says itself of marks is nothing.
fn mark_answer(syscall: &mut Syscall) {
    if let Syscall::Returned { outcome, marks, .. } = syscall {
        *marks = outcome.as_ref().map(genoa_sensor::look_over).unwrap_or_default();
    }
}

/// The time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
