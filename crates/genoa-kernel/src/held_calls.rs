//! Calls that leave the machine: held in the outbox for their undo window like a message, then carried out, once.
//!
//! Whoever made the call waits for its end, as for that of any call. Nothing of it begins before its window is over, and what was
//! true when it was approved is asked again then.

use genoa_abi::event::Effect;
use genoa_abi::mcp::McpRoute;
use genoa_abi::policy::Verdict;
use genoa_abi::session::{News, OutboxItem, OutboxState, Outgoing, OutgoingCall, Weight};
use genoa_abi::syscall::Caller;
use genoa_abi::{CallId, ErrorCode, Failure, OutboxId, RunId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::approvals::call_text;
use crate::calls::{Begun, Order};
use crate::grants::Amount;
use crate::offers::is_client;
use crate::outbox::{Delivery, Message};
use crate::turn::{Origin, Turn};

/// What is set aside of a budget while a call is held. How long it takes is set aside when it begins.
const ONE_CALL: Amount = Amount { calls: 1, bytes: 0, tokens: 0, elapsed_ms: 0 };

/// A call that waits for the end of its undo window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HeldCall {
    order: Order,
    /// The server behind its tool, as it was configured when the window began.
    route: Option<McpRoute>,
}

impl Turn<'_> {
    /// Puts a call into the outbox. It is carried out when its window is over, which may be at once.
    pub(crate) fn hold_call(&mut self, mut order: Order) -> Result<Begun, Failure> {
        self.check_outbox_room()?;
        let view = self.view_for(order.session)?;
        let session = self.session(order.session)?;
        let (workspace, person) = (session.workspace.clone(), session.person.clone());
        self.kernel.grants.reserve(order.grant, ONE_CALL, self.now)?;
        order.attached = self.attached(&order);
        let (run, step) = self.step_of(order.origin);
        let held_until = self.held_until(&order);
        let content = OutgoingCall {
            call: self.kernel.counters.call(),
            tool: order.schema.name.clone(),
            text: call_text(&order),
            // The time tells it from the same step of a home that was begun anew.
            key: format!("{run}.{step}-{}", self.now.0),
        };
        let id = self.kernel.counters.outbox();
        let item = OutboxItem { id, run, content: Outgoing::Call(content), held_until, state: OutboxState::Held };
        let session = order.session;
        self.effects.push(Effect::Hold { item: item.clone(), view, workspace, person });
        let route = self.kernel.mcp.get(&order.schema.name).cloned();
        let held = HeldCall { order, route };
        if held_until <= self.now {
            self.kernel.outbox.insert(id, Message { item, session, delivery: Delivery::Waiting, held: None });
            self.settle_held(&held);
            self.begin_held_call(id, held)?;
            return Ok(Begun::Waiting);
        }
        self.tell(session, News::Held(item.clone()));
        let held = Some(Box::new(held));
        self.kernel.outbox.insert(id, Message { item, session, delivery: Delivery::Waiting, held });
        Ok(Begun::Waiting)
    }

    /// The window of a held call is over: it begins, if it may still be made.
    pub(crate) fn release_call(&mut self, id: OutboxId) {
        let Some(held) = self.take_held(id) else { return };
        let (origin, tool) = (held.order.origin, held.order.schema.name.clone());
        self.settle_held(&held);
        let begun = self.is_still_allowed(&held).and_then(|()| self.begin_held_call(id, held));
        if let Err(failure) = begun {
            self.set_delivery(id, Delivery::GivenUp, OutboxState::Dropped);
            self.call_ended(origin, Err(not_carried_out(&tool, failure)));
        }
    }

    /// A person takes a held call back: whoever waits for it is told so.
    pub(crate) fn take_call_back(&mut self, id: OutboxId) {
        let Some(held) = self.take_held(id) else { return };
        self.settle_held(&held);
        self.set_delivery(id, Delivery::GivenUp, OutboxState::Withdrawn);
        let what = format!("{} was taken back while it was held", held.order.schema.name);
        let failure =
            Failure::new(ErrorCode::Denied, what).because("the person undid it: nothing of it left the machine");
        self.call_ended(held.order.origin, Err(failure));
    }

    /// Drops the held calls that nobody waits for any more.
    pub(crate) fn drop_unwanted_calls(&mut self, is_meant: impl Fn(&Origin) -> bool) {
        for id in self.held_where(|held| is_meant(&held.order.origin)) {
            let Some(held) = self.drop_held(id) else { continue };
            let text = format!(
                "{} was held as {id} and is not carried out: nobody waits for it any more",
                held.order.schema.name
            );
            self.tell(held.order.session, News::Notice { text, weight: Weight::Important });
        }
    }

    /// Drops the held calls whose grant was revoked, and tells whoever waits for them.
    pub(crate) fn drop_calls_without_grant(&mut self) {
        let (grants, now) = (&self.kernel.grants, self.now);
        let lost = |held: &HeldCall| {
            grants.live(held.order.grant, now).is_err_and(|failure| failure.code == ErrorCode::Revoked)
        };
        for id in self.held_where(lost) {
            let Some(held) = self.drop_held(id) else { continue };
            let failure = Failure::new(ErrorCode::Revoked, "its grant was revoked");
            self.call_ended(held.order.origin, Err(not_carried_out(&held.order.schema.name, failure)));
        }
    }

    /// Drops the held calls of a program that is gone: nobody is there to carry them out.
    pub(crate) fn drop_calls_of_program(&mut self, session: SessionId) {
        for id in self.held_where(|held| held.order.session == session && is_client(&held.order.schema)) {
            let Some(held) = self.drop_held(id) else { continue };
            let failure = Failure::new(ErrorCode::Interrupted, "the program that offered the tool is gone");
            self.call_ended(held.order.origin, Err(not_carried_out(&held.order.schema.name, failure)));
        }
    }

    /// Notes how a call ended that was handed over.
    pub(crate) fn note_call_left(&mut self, call: CallId, state: OutboxState) {
        let is_it = |message: &&mut Message| {
            message.delivery == Delivery::HandedOver && message.item.call().is_some_and(|own| own.call == call)
        };
        if let Some(message) = self.kernel.outbox.values_mut().find(is_it) {
            message.delivery = if state == OutboxState::Sent { Delivery::Delivered } else { Delivery::GivenUp };
            message.item.state = state;
        }
    }

    /// The place in the outbox of a call that is held.
    pub(crate) fn place_of_held(&self, call: CallId) -> Option<OutboxId> {
        let is_it =
            |message: &Message| message.held.is_some() && message.item.call().is_some_and(|own| own.call == call);
        self.kernel.outbox.iter().find(|(_, message)| is_it(message)).map(|(id, _)| *id)
    }

    /// How many held calls a caller waits for.
    pub(crate) fn held_for(&self, caller: Caller) -> usize {
        let is_own = |held: &HeldCall| matches!(held.order.origin, Origin::Syscall(asker) if asker.caller == caller);
        self.held_where(is_own).len()
    }

    /// Which step of which run a call is. Where it is of none, it gets a number that no run has.
    fn step_of(&mut self, origin: Origin) -> (RunId, u32) {
        match origin {
            Origin::Run(run) => (run, self.kernel.runs.get(&run).map_or(1, |state| state.steps)),
            _ => (self.kernel.counters.run(), 1),
        }
    }

    /// The window begins with the person's yes, so that calls which were approved together have one window together. What takes
    /// an earlier call back is in a hurry.
    fn held_until(&self, order: &Order) -> Timestamp {
        if order.schema.at_once || order.undoes.is_some() {
            return self.now;
        }
        order.approved.unwrap_or(self.now).plus_ms(self.kernel.undo_window_ms())
    }

    /// From here on it is not known whether it left, until its end is told.
    fn begin_held_call(&mut self, id: OutboxId, held: HeldCall) -> Result<(), Failure> {
        let Some(call) = self.kernel.outbox.get(&id).and_then(|message| message.item.call()).cloned() else {
            return Err(Failure::new(ErrorCode::Internal, format!("{id} is no call")));
        };
        let begun = self.run_tool(held.order, Some(call));
        let (delivery, state) = match &begun {
            Ok(_) => (Delivery::HandedOver, OutboxState::Leaving),
            Err(_) => (Delivery::GivenUp, OutboxState::Dropped),
        };
        self.set_delivery(id, delivery, state);
        begun.map(|_| ())
    }

    /// The world may have changed while the call was held: its tool, its grant, attached files, the rules.
    fn is_still_allowed(&mut self, held: &HeldCall) -> Result<(), Failure> {
        let order = &held.order;
        self.is_same_tool(held)
            .and_then(|()| self.permit(order.grant, &order.schema, &order.arguments, order.session))
            .and_then(|()| self.check_attached(order))
            .and_then(|()| self.unmet(order))
            .and_then(|unmet| self.put_to_the_rules(order, &unmet))
            .and_then(|decision| match decision.verdict {
                Verdict::Ask if order.approved.is_none() => {
                    Err(Failure::new(ErrorCode::NotGranted, "the rule that allowed it without a question is gone"))
                }
                _ => Ok(()),
            })
    }

    fn is_same_tool(&self, held: &HeldCall) -> Result<(), Failure> {
        let name = &held.order.schema.name;
        let schema = self.schema(name, held.order.session)?;
        if schema == held.order.schema && self.kernel.mcp.get(name) == held.route.as_ref() {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::Conflict, "the tool is another now than the one that was approved"))
    }

    fn drop_held(&mut self, id: OutboxId) -> Option<HeldCall> {
        let held = self.take_held(id)?;
        self.settle_held(&held);
        self.set_delivery(id, Delivery::GivenUp, OutboxState::Dropped);
        Some(held)
    }

    fn take_held(&mut self, id: OutboxId) -> Option<HeldCall> {
        self.kernel.outbox.get_mut(&id)?.held.take().map(|held| *held)
    }

    /// Gives back what was set aside while the call was held.
    fn settle_held(&mut self, held: &HeldCall) {
        self.kernel.grants.settle(held.order.grant, ONE_CALL, Amount::default());
    }

    fn set_delivery(&mut self, id: OutboxId, delivery: Delivery, state: OutboxState) {
        if let Some(message) = self.kernel.outbox.get_mut(&id) {
            message.delivery = delivery;
            message.item.state = state;
        }
    }

    fn held_where(&self, is_meant: impl Fn(&HeldCall) -> bool) -> Vec<OutboxId> {
        let held = self.kernel.outbox.iter().filter(|(_, message)| message.held.as_deref().is_some_and(&is_meant));
        held.map(|(id, _)| *id).collect()
    }
}

impl HeldCall {
    /// The grant under which it is to be made.
    pub(crate) fn grant(&self) -> genoa_abi::GrantId {
        self.order.grant
    }
}

/// Why a held call did not begin.
fn not_carried_out(tool: &str, failure: Failure) -> Failure {
    let why = if failure.why.is_empty() { failure.what } else { format!("{}: {}", failure.what, failure.why) };
    let what = format!("{tool} was held, and is not carried out");
    let next = if failure.next.is_empty() { "State the intention again".to_owned() } else { failure.next };
    Failure { what, why, next, ..failure }
}
