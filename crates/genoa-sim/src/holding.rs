//! Calls that leave the simulated world: people who have them held and take them back, and what must hold of each of them, by
//! what is told alone.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::limits::OUTBOX_HOLD_MS;
use genoa_abi::schema::{EffectClass, Executor};
use genoa_abi::session::{OutboxItem, OutgoingCall};
use genoa_abi::syscall::{Caller, Reply, Syscall, UndoSubject};
use genoa_abi::{AgentId, CallId, OutboxId, RequestId, SessionId, Timestamp};
use serde_json::json;

use crate::world::World;

/// How many of a hundred times somebody does something about what leaves, where people do.
const OFTEN: usize = 30;

/// Plans that send something away, of tools in jails and of programs.
const PLANS: [&str; 4] = [
    "web.post(text=\"hello\")\nsay(\"posted\")\n",
    "for word in [\"a\", \"b\", \"c\"]:\n    web.post(text=word)\n",
    "found = notes.find(about=\"demo\")\nweb.post(text=found[0].title)\nweb.post(text=\"again\")\n",
    "booked = desk.book(word=\"a\")\nsay(booked)\n",
];

/// What was told of the calls that were put into the outbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    calls: BTreeMap<CallId, HeldCall>,
    keys: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct HeldCall {
    item: OutboxId,
    key: String,
    /// Before that it must not begin.
    until: Timestamp,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    TakenBack,
    Begun,
}

/// What a person wants to take back, as they ask for it.
pub(crate) struct TakingBack {
    by: Caller,
    request: RequestId,
    subject: UndoSubject,
}

impl TakingBack {
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Asked { caller, request, syscall: Syscall::Undo { subject: Some(subject) } } => {
                Some(Self { by: *caller, request: *request, subject: *subject })
            }
            _ => None,
        }
    }
}

impl World {
    /// Whether somebody does something now about what leaves.
    pub(crate) fn is_turn_to_hold(&mut self) -> bool {
        self.holds && self.random.chance(OFTEN)
    }

    pub(crate) fn somebody_holds(&mut self) -> Result<(), String> {
        let sessions: Vec<SessionId> = self.sessions.iter().copied().collect();
        let agents: Vec<AgentId> = self.agents.iter().copied().collect();
        let person = self.random.pick(&sessions).copied().map(Caller::Person);
        let agent = self.random.pick(&agents).copied().map(Caller::Agent);
        match (self.random.below(10), person, agent) {
            (0..3, Some(person), _) => {
                let source = self.random.pick(&PLANS).copied().unwrap_or_default().to_owned();
                self.ask(person, Syscall::Plan { source })
            }
            (3..6, Some(person), _) => {
                let subject = self.any_held();
                self.ask(person, Syscall::Undo { subject })
            }
            (6, _, Some(agent)) => {
                let subject = self.any_held();
                self.ask(agent, Syscall::Undo { subject })
            }
            (7, _, Some(agent)) => {
                let arguments = json!({ "text": "by itself" }).as_object().cloned().unwrap_or_default();
                self.ask(agent, Syscall::Call { tool: "web.post".into(), arguments })
            }
            (8, _, _) => {
                // A part of a window, so that one is over while another is not.
                self.now = self.now.plus_ms(OUTBOX_HOLD_MS / 3);
                self.feed(Event::Tick {})
            }
            _ => self.answer_question(),
        }
    }

    /// Some call that waits, by one of its two numbers; sometimes any that there was.
    fn any_held(&mut self) -> Option<UndoSubject> {
        let all = self.random.chance(20);
        let calls = self.held.calls.iter().filter(|(_, held)| all || held.state == State::Waits);
        let calls: Vec<(CallId, OutboxId)> = calls.map(|(call, held)| (*call, held.item)).collect();
        let (call, item) = self.random.pick(&calls).copied()?;
        Some(if self.random.chance(50) { UndoSubject::Outbox(item) } else { UndoSubject::Call(call) })
    }

    /// How long what leaves is held, where that changes; in one of ten installations calls are not.
    pub(crate) fn any_window(&mut self) -> Option<u64> {
        if !self.holds {
            return Some(OUTBOX_HOLD_MS);
        }
        let windows = [Some(0), Some(2 * OUTBOX_HOLD_MS), None];
        self.random.pick(&windows).copied().flatten().filter(|_| self.random.chance(90)).or(Some(OUTBOX_HOLD_MS))
    }

    /// Holds what is done in a step against what was told of held calls before.
    pub(crate) fn check_held(
        &mut self,
        is_boot: bool,
        taking_back: Option<TakingBack>,
        effects: &[Effect],
    ) -> Result<(), String> {
        if is_boot {
            self.hold_anew();
        }
        if let Some(taking_back) = taking_back {
            self.take_back(&taking_back, effects)?;
        }
        for effect in effects {
            match effect {
                Effect::Hold { item, .. } => {
                    if let Some(call) = item.call() {
                        self.hold(item, call)?;
                    }
                }
                Effect::RunTool(job) if leaves(job) => self.begin_what_was_held(job)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Nobody could take anything back while the machine was down.
    fn hold_anew(&mut self) {
        let Some(window) = self.told.undo_window_ms else { return };
        let until = self.now.plus_ms(window);
        self.held.calls.values_mut().filter(|held| held.state == State::Waits).for_each(|held| held.until = until);
    }

    fn hold(&mut self, item: &OutboxItem, call: &OutgoingCall) -> Result<(), String> {
        if !self.held.keys.insert(call.key.clone()) {
            return Err(format!("{} has the key {}, which another has", call.call, call.key));
        }
        let held = HeldCall { item: item.id, key: call.key.clone(), until: item.held_until, state: State::Waits };
        self.report.held += usize::from(item.held_until > self.now);
        match self.held.calls.insert(call.call, held) {
            Some(_) => Err(format!("{} is held twice", call.call)),
            None => Ok(()),
        }
    }

    fn take_back(&mut self, asked: &TakingBack, effects: &[Effect]) -> Result<(), String> {
        let is_done = |effect: &Effect| matches!(effect, Effect::Reply { caller, request, outcome: Ok(Reply::Done) } if *caller == asked.by && *request == asked.request);
        if !effects.iter().any(is_done) {
            return Ok(());
        }
        let of_subject = |(call, held): &(&CallId, &mut HeldCall)| match asked.subject {
            UndoSubject::Call(wanted) => **call == wanted,
            UndoSubject::Outbox(wanted) => held.item == wanted,
            UndoSubject::View(_) => false,
        };
        let Some((call, held)) = self.held.calls.iter_mut().find(of_subject) else { return Ok(()) };
        if matches!(asked.by, Caller::Agent(_)) || held.state != State::Waits {
            return Err(format!("{:?} took {call} back, which is {:?}", asked.by, held.state));
        }
        held.state = State::TakenBack;
        self.report.taken_back += 1;
        Ok(())
    }

    fn begin_what_was_held(&mut self, job: &ToolJob) -> Result<(), String> {
        let Some(held) = self.held.calls.get_mut(&job.call) else {
            return match self.told.undo_window_ms {
                Some(_) => Err(format!("{} leaves and was never held", job.call)),
                None => Ok(()),
            };
        };
        if held.state != State::Waits || held.until > self.now || job.key.as_ref() != Some(&held.key) {
            return Err(format!("{} begins with the key {:?}, and is {held:?}", job.call, job.key));
        }
        held.state = State::Begun;
        self.report.released += 1;
        Ok(())
    }
}

fn leaves(job: &ToolJob) -> bool {
    job.schema.effect == EffectClass::Emit && matches!(job.schema.executor, Executor::Jail | Executor::Client)
}
