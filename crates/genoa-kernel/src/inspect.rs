//! A look at the state from outside, for the simulator and for those who operate the system.

use std::collections::BTreeMap;

use genoa_abi::grant::GrantInfo;
use genoa_abi::{CallId, GrantId, RunId};

use crate::grants::Holder;
use crate::kernel::Kernel;

impl Kernel {
    /// All grants, dead ones included as far as something still refers to them.
    #[must_use]
    pub fn grants(&self) -> Vec<GrantInfo> {
        self.grants.iter().filter_map(|(id, _)| self.grant_info(id)).collect()
    }

    /// What the daemon works on: the calls in flight, and the grant under which each was made, if it costs something.
    #[must_use]
    pub fn calls_in_flight(&self) -> BTreeMap<CallId, Option<GrantId>> {
        self.flights.iter().map(|(call, flight)| (*call, flight.grant)).collect()
    }

    /// How many messages wait in each mailbox.
    #[must_use]
    pub fn mailbox_lengths(&self) -> Vec<usize> {
        self.agents.iter().map(|(_, agent)| agent.mailbox.len()).collect()
    }

    /// How many questions wait for a person.
    #[must_use]
    pub fn open_questions(&self) -> usize {
        self.questions.len()
    }

    /// Whether no run, agent, question or call is there: then nothing may happen by itself.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.runs.is_empty()
            && self.agents.iter().next().is_none()
            && self.questions.is_empty()
            && self.flights.is_empty()
            && self.readings.is_empty()
            && self.outbox.values().all(|message| message.held.is_none())
    }

    /// Whether a run of this number has begun, now or earlier.
    #[must_use]
    pub fn has_begun(&self, run: RunId) -> bool {
        self.counters.has_given_run(run)
    }

    pub(crate) fn grant_info(&self, id: GrantId) -> Option<GrantInfo> {
        let holder = match self.grants.get(id).ok()?.holder {
            Holder::Session(session) => format!("session {session}"),
            Holder::Agent(agent) => match self.agents.get(agent) {
                Ok(state) => format!("agent {agent} ({})", state.name),
                Err(_) => format!("agent {agent}"),
            },
        };
        self.grants.info(id, &holder)
    }
}
