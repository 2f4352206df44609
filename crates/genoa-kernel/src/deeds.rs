//! What was done for an intention, by a run or by an agent itself, as far as it is named at the end.

use genoa_abi::syscall::Caller;
use genoa_abi::{CallId, OutboxId, ProposalId};
use serde::{Deserialize, Serialize};

use crate::turn::{Asker, Origin, Turn};

/// Deeds of one kind that are named. A run makes no more calls than that.
const NAMED: usize = 1_000;

/// Deeds, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deeds {
    /// The tools that were called.
    #[serde(default)]
    pub(crate) calls: Vec<String>,
    /// The messages that went into the outbox.
    #[serde(default)]
    pub(crate) outbox: Vec<OutboxId>,
    /// The calls that can be taken back.
    #[serde(default)]
    pub(crate) undoable: Vec<CallId>,
    /// What the texts that were read ask for.
    #[serde(default)]
    pub(crate) proposed: Vec<ProposalId>,
}

impl Turn<'_> {
    /// Notes a deed of the run or the agent that made a call; a person's own calls are noted nowhere.
    pub(crate) fn note_deed<T>(&mut self, origin: Origin, deed: T, of: impl FnOnce(&mut Deeds) -> &mut Vec<T>) {
        let deeds = match origin {
            Origin::Run(id) => self.kernel.runs.get_mut(&id).map(|run| &mut run.deeds),
            Origin::Syscall(Asker { caller: Caller::Agent(id), .. }) => {
                self.kernel.agents.get_mut(id).map(|agent| &mut agent.deeds)
            }
            _ => None,
        };
        if let Some(all) = deeds.map(of).filter(|all| all.len() < NAMED) {
            all.push(deed);
        }
    }
}
