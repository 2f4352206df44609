//! What is shown of the system: the list, the journal, and why something happened.

use genoa_abi::session::{AgentInfo, ModelCallInfo, SystemStatus};
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::view::ViewState;
use genoa_abi::{CallId, Failure};

use crate::flights::{Flight, Work};
use crate::inference::Queued;
use crate::turn::{Asker, Origin, Response, Standing, Turn, only_a_person};

impl Turn<'_> {
    /// A person sees everything; an agent sees itself and what it started.
    pub(crate) fn list(&self, caller: Caller) -> Result<Response, Failure> {
        let kernel = &self.kernel;
        let agents = kernel.agents.iter().filter(|(id, _)| match caller {
            Caller::Person(_) => true,
            Caller::Agent(above) => kernel.agents.is_below(*id, above),
        });
        let mut status = SystemStatus {
            agents: agents
                .map(|(id, agent)| AgentInfo {
                    id,
                    name: agent.name.clone(),
                    session: agent.session,
                    parent: agent.parent,
                    intention: agent.intention,
                    started: agent.started,
                })
                .collect(),
            ..SystemStatus::default()
        };
        if let Caller::Person(_) = caller {
            let shown = |state| matches!(state, ViewState::Open | ViewState::Committed);
            status.questions = kernel.questions.values().map(|open| open.question.clone()).collect();
            status.views =
                kernel.views.iter().filter(|(_, view)| shown(view.state)).map(|(id, view)| view.info(*id)).collect();
            status.proposals = kernel.proposals.values().cloned().collect();
            status.model_calls = self.model_calls();
            status.providers = self.providers_used();
            status.outbox = kernel.outbox.values().map(|message| message.item.clone()).collect();
        }
        Ok(Response::Now(Reply::Status(status)))
    }

    fn model_calls(&self) -> Vec<ModelCallInfo> {
        let kernel = &self.kernel;
        let info = |(model, call, queued): (&str, CallId, &Queued)| {
            let session = kernel.flights.get(&call)?.session;
            let agent = kernel.agents.iter().find(|(_, agent)| agent.grant == queued.grant).map(|(id, _)| id);
            let Queued { class, stage, since, tokens, .. } = *queued;
            Some(ModelCallInfo { call, model: model.to_owned(), session, agent, class, stage, since, tokens })
        };
        kernel.inference.iter().filter_map(info).collect()
    }

    /// Has the daemon answer out of the journal, or ask the model worker.
    pub(crate) fn look_up(&mut self, asker: Asker, standing: Standing, query: Syscall) -> Result<Response, Failure> {
        let Caller::Person(_) = asker.caller else {
            let what = if query == (Syscall::Engine {}) { "look at the model's work" } else { "look at the journal" };
            return Err(only_a_person(what));
        };
        let workspace = self.session(standing.session)?.workspace.clone();
        let work = Work::LookUp { asker, query: Box::new(query), workspace };
        let call = self.kernel.counters.call();
        let flight = Flight::without_budget(Origin::Syscall(asker), standing.session, self.now, work);
        self.launch(call, flight);
        Ok(Response::Later)
    }

    /// The daemon has answered out of the journal; a failure is answered here.
    pub(crate) fn looked_up(&mut self, call: CallId, outcome: Result<(), Failure>) {
        let Some(flight) = self.land(call, |work| matches!(work, Work::LookUp { .. })) else { return };
        if let (Origin::Syscall(asker), Err(failure)) = (flight.origin, outcome) {
            self.reply(asker, Err(failure));
        }
    }
}
