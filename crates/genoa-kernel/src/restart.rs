//! The start of the daemon: what ran before is dead, what was promised goes on.

use genoa_abi::installation::Installation;
use genoa_abi::schema::EffectClass;
use genoa_abi::session::News;
use genoa_abi::syscall::Caller;
use genoa_abi::{AgentId, CallId, ErrorCode, Failure, SessionId};

use crate::flights::{Flight, Work, too_late};
use crate::queues::Queues;
use crate::rules::Rules;
use crate::system;
use crate::turn::{Origin, Turn};

impl Turn<'_> {
    pub(crate) fn boot(&mut self, installation: Installation) {
        self.install(installation);
        self.restart();
    }

    /// The start of a daemon that finds what there was before.
    pub(crate) fn restart(&mut self) {
        // Timers died with the daemon.
        self.kernel.wake_at = None;
        self.charge_what_was_sent();
        self.kernel.inference = Queues::default();
        self.forget_callers();
        self.recover_flights();
        self.recover_outbox();
        self.expire();
    }

    /// The person changed what there is.
    pub(crate) fn configure(&mut self, installation: Installation) {
        self.install(installation);
        self.choose_for_all_that_wait();
    }

    /// Takes note of what there is. Grants stay as they are; what the configuration has to say is asked at every call.
    pub(crate) fn install(&mut self, installation: Installation) {
        let Installation { mut catalog, agents, examples, network, mcp, policy, undo_window_ms, models } = installation;
        // The system's own functions come last, so that no installed tool can take their place.
        catalog.tools.extend(system::tools().into_iter().map(|tool| (tool.name.clone(), tool)));
        catalog.records.extend(system::records().into_iter().map(|record| (record.name.clone(), record)));
        self.kernel.catalog = catalog;
        self.kernel.manifests = agents.into_iter().map(|manifest| (manifest.name.clone(), manifest)).collect();
        self.kernel.examples = examples;
        self.kernel.network = network;
        self.kernel.mcp = mcp;
        self.kernel.rules = Rules::new(policy);
        self.kernel.undo_window_ms = undo_window_ms;
        self.kernel.models = models;
        self.kernel.sessions.values_mut().for_each(|session| session.offered.forget_whole());
    }

    /// All sockets are closed and all processes dead: nobody waits for an answer any more.
    fn forget_callers(&mut self) {
        let agents: Vec<AgentId> = self.kernel.agents.iter().map(|(id, _)| id).collect();
        agents.into_iter().for_each(|agent| self.agent_died(agent));
        let sessions: Vec<SessionId> = self.kernel.sessions.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.caller_gone(Caller::Person(session)));
        // What these steps asked to be stopped is dead already.
        self.effects.retain(|effect| {
            use genoa_abi::event::Effect;
            !matches!(
                effect,
                Effect::StopTool { .. }
                    | Effect::StopAgent { .. }
                    | Effect::CancelInfer { .. }
                    | Effect::Tell { news: News::CallGivenUp { .. }, .. }
            )
        });
    }

    /// Starts again what runs wait for, under the same ids. Nobody's work is dropped; work that may have left the
    /// machine or changed the system is not repeated.
    fn recover_flights(&mut self) {
        let calls: Vec<CallId> = self.kernel.flights.keys().copied().collect();
        for call in calls {
            let Some(flight) = self.kernel.flights.get(&call) else { continue };
            match self.fate(flight) {
                Fate::Again => match self.choose_again(call) {
                    Ok(()) => self.launch_again(call),
                    Err(failure) => self.lose(call, failure),
                },
                Fate::Dropped => {
                    if let Some(flight) = self.take_off(call) {
                        self.settle(&flight, flight.reserved);
                    }
                }
                Fate::Failed(failure) => self.lose(call, failure),
            }
        }
    }

    fn fate(&self, flight: &Flight) -> Fate {
        if flight.origin == Origin::Nobody && !matches!(flight.work, Work::View { .. }) {
            return Fate::Dropped;
        }
        if let Some(failure) = flight.grant.and_then(|grant| self.kernel.grants.live(grant, self.now).err()) {
            return Fate::Failed(failure);
        }
        // What is given up at once is not begun again.
        if flight.is_late(self.now) {
            return Fate::Failed(too_late());
        }
        match &flight.work {
            Work::Tool(job) if matches!(job.schema.effect, EffectClass::Emit | EffectClass::Govern) => {
                let what =
                    format!("Genoa stopped while {} was carried out: it may have happened or not", job.schema.name);
                Fate::Failed(Failure::new(ErrorCode::Interrupted, what).try_next("Look, before you ask for it again"))
            }
            Work::Tool(job) if !job.rights.iter().all(|right| self.is_configured(right)) => {
                let what = format!("{} was interrupted, and is not begun again", job.schema.name);
                let why = "the configuration no longer names a host that it was to reach";
                Fate::Failed(Failure::new(ErrorCode::NotGranted, what).because(why))
            }
            Work::Tool(job) if job.mcp.as_ref() != self.kernel.mcp.get(&job.schema.name) => {
                let what = format!("{} was interrupted, and is not begun again", job.schema.name);
                let why = "the configuration has another server for it, or none";
                Fate::Failed(Failure::new(ErrorCode::NotFound, what).because(why))
            }
            // Nothing has begun, and who asked is gone.
            Work::LookUp { .. } | Work::Recall { .. } => Fate::Dropped,
            // A view makes its calls repeatable: what a broken call left there is in the difference, and a commit,
            // drop or undo that was begun is carried to its end under the same id.
            Work::Tool(_) | Work::Infer { .. } | Work::Embed { .. } | Work::View { .. } => Fate::Again,
        }
    }
}

enum Fate {
    Again,
    Dropped,
    Failed(Failure),
}
