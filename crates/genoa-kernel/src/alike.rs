//! Calls of a plan that are alike and come one after the other: the person is asked about them once, and sees them all.

use genoa_abi::policy::Verdict;
use genoa_abi::schema::{EffectClass, Type};
use genoa_abi::{ContentHash, RunId, Timestamp, Value};
use genoa_plan::{PlanCall, Yield};

use crate::approvals::Ask;
use crate::calls::{Invocation, Order};
use crate::system;
use crate::turn::{Origin, Turn};

/// Calls that one question is about, at most: more than that nobody reads.
const TOGETHER: usize = 20;

impl Turn<'_> {
    /// The calls that a plan makes next once `order` was carried out, as long as they are made by the same line and have to be
    /// asked about as well. A copy of the run is tried out, and nothing is done. It sees no further than what `order` gives
    /// back, so that has to be nothing.
    pub(crate) fn alike_after(&self, order: &Order) -> Vec<Ask> {
        let Origin::Run(id) = order.origin else { return Vec::new() };
        let Some(state) = self.kernel.runs.get(&id) else { return Vec::new() };
        if order.schema.returns != Type::None || order.schema.effect == EffectClass::Govern {
            return Vec::new();
        }
        let catalog = self.kernel.catalog_of(order.session);
        let (mut run, mut found) = (state.run.clone(), Vec::new());
        while found.len() < TOGETHER - 1 {
            let Yield::Call(call) = run.advance(Some(Ok(Value::none())), catalog, &state.clock) else { break };
            if call.tool == system::SAY {
                continue;
            }
            let is_alike = call.tool == order.schema.name && call.line == order.line;
            let Some(ask) = Some(call).filter(|_| is_alike).and_then(|call| self.to_be_asked(id, order, call)) else {
                break;
            };
            found.push(ask);
        }
        found
    }

    /// A later call of the run of `order`, if it has to be asked about.
    fn to_be_asked(&self, run: RunId, order: &Order, call: PlanCall) -> Option<Ask> {
        let mut next = self
            .check_call(Invocation {
                origin: Origin::Run(run),
                session: order.session,
                grant: order.grant,
                tool: call.tool,
                arguments: call.arguments,
                context: call.context,
                line: call.line,
                undoes: None,
            })
            .ok()?;
        next.attached = self.attached(&next);
        let unmet = self.unmet(&next).ok()?;
        let (_, decision) = self.decide(&next, &unmet).ok()?;
        if decision.verdict != Verdict::Ask {
            return None;
        }
        // What cannot be shown is refused when its turn comes.
        Ask::new(next, &unmet, &decision).ok()
    }

    /// Notes that the yes to `order` covers these calls of its run as well, each once.
    pub(crate) fn approve_alike(&mut self, order: &Order) {
        if let Origin::Run(run) = order.origin
            && let Some(state) = self.kernel.runs.get_mut(&run)
        {
            state.approved.extend(order.alike.iter().copied());
            state.approved_at = self.now;
        }
    }

    /// When the person said yes to exactly this call with one before it, if they did. It counts once.
    pub(crate) fn take_approval(&mut self, origin: Origin, fingerprint: ContentHash) -> Option<Timestamp> {
        let Origin::Run(run) = origin else { return None };
        let state = self.kernel.runs.get_mut(&run)?;
        let place = state.approved.iter().position(|approved| *approved == fingerprint)?;
        state.approved.swap_remove(place);
        Some(state.approved_at)
    }
}
