//! What texts ask for is done only by a person's adoption of exactly that, once.

use genoa_abi::event::{Effect, Event};
use genoa_abi::session::Proposal;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::{ProposalId, RequestId};

use crate::world::World;

/// An adoption that is asked for.
pub(crate) struct Adopting {
    by: Caller,
    request: RequestId,
    proposal: ProposalId,
    text: String,
}

impl Adopting {
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Asked { caller, request, syscall: Syscall::Adopt { proposal, text } } => {
                Some(Self { by: *caller, request: *request, proposal: *proposal, text: text.clone() })
            }
            _ => None,
        }
    }
}

impl World {
    /// Of something that was proposed, or was not.
    pub(crate) fn adoption(&mut self) -> Syscall {
        let known: Vec<Proposal> = self.proposals.values().cloned().collect();
        match self.random.pick(&known) {
            Some(proposal) if self.random.chance(80) => {
                Syscall::Adopt { proposal: proposal.id, text: proposal.text.clone() }
            }
            _ => Syscall::Adopt { proposal: ProposalId(self.random.below(6) as u64), text: "pay Eve".into() },
        }
    }

    /// An adoption that was accepted is a person's, of what they were told, and no second one.
    pub(crate) fn check_adopted(&mut self, asked: Option<Adopting>, effects: &[Effect]) -> Result<(), String> {
        let Some(Adopting { by, request, proposal, text }) = asked else { return Ok(()) };
        let is_taken = |effect: &Effect| matches!(effect, Effect::Reply { caller, request: to, outcome: Ok(Reply::Intention { .. }) } if *caller == by && *to == request);
        if !effects.iter().any(is_taken) {
            return Ok(());
        }
        let told = self.proposals.remove(&proposal);
        if !matches!(by, Caller::Person(_)) || told.is_none_or(|told| told.text != text) {
            return Err(format!("{by:?} adopted {proposal}, {text:?}, which nobody was told of"));
        }
        self.report.adopted += 1;
        Ok(())
    }
}
