//! What was handed to the daemon and is not over: tool calls, model calls, actions on views, look-ups.

use genoa_abi::event::{Effect, ToolJob};
use genoa_abi::limits::WAITING_SYSCALLS;
use genoa_abi::model::InferRequest;
use genoa_abi::recording::RunStep;
use genoa_abi::session::{News, OutboxState};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::view::ViewAction;
use genoa_abi::{CallId, ErrorCode, Failure, GrantId, IntentionId, Labels, SessionId, Timestamp, ViewId};
use serde::{Deserialize, Serialize};

use crate::grants::Amount;
use crate::offers::is_client;
use crate::spending::Bill;
use crate::turn::{Asker, Origin, Turn, too_large};

/// One thing that the daemon works on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flight {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    /// Under whose budget; nothing for what costs none.
    pub(crate) grant: Option<GrantId>,
    pub(crate) reserved: Amount,
    pub(crate) started: Timestamp,
    /// When the kernel gives up on it. Nothing for views: an action on a view must end one way or the other.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) work: Work,
    /// What it may use of a provider, for a model call that goes elsewhere.
    #[serde(default)]
    pub(crate) bill: Option<Bill>,
    /// Of a model call: who could have influenced its prompt, and who may read it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub(crate) made_of: Labels,
}

/// What is being done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Work {
    Tool(Box<ToolJob>),
    Infer {
        watch: Option<(SessionId, IntentionId)>,
        #[serde(default)]
        stream: Option<Asker>,
        request: Box<InferRequest>,
        /// The model that answers.
        #[serde(default)]
        to: String,
    },
    Embed {
        texts: Vec<String>,
        #[serde(default)]
        to: String,
    },
    View {
        view: ViewId,
        workspace: String,
        action: ViewAction,
    },
    LookUp {
        asker: Asker,
        query: Box<Syscall>,
        workspace: String,
    },
    Recall {
        from: RunStep,
        source: Option<String>,
        view: ViewId,
        workspace: String,
    },
}

impl Flight {
    /// Whether the kernel waits no longer.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// A flight that costs nothing and has no deadline.
    pub(crate) fn without_budget(origin: Origin, session: SessionId, now: Timestamp, work: Work) -> Self {
        Self {
            origin,
            session,
            grant: None,
            reserved: Amount::default(),
            started: now,
            deadline: None,
            work,
            bill: None,
            made_of: Labels::none(),
        }
    }
}

impl Work {
    /// The effect that starts it, or starts it again after a restart.
    pub(crate) fn effect(&self, call: CallId) -> Effect {
        match self.clone() {
            Self::Tool(job) => Effect::RunTool(job),
            Self::Infer { watch, stream, request, to } => {
                let stream = stream.map(|asker| (asker.caller, asker.request));
                Effect::Infer { call, watch, stream, request: *request, to }
            }
            Self::Embed { texts, to } => Effect::Embed { call, texts, to },
            Self::View { view, workspace, action } => Effect::ActOnView { call, view, workspace, action },
            Self::LookUp { asker, query, workspace } => {
                Effect::LookUp { call, caller: asker.caller, request: asker.request, query: *query, workspace }
            }
            Self::Recall { from, view, workspace, .. } => Effect::Recall { call, from, view, workspace },
        }
    }

    fn stop(&self, call: CallId) -> Option<Effect> {
        match self {
            Self::Tool(job) if is_client(&job.schema) => {
                Some(Effect::Tell { session: job.session, news: News::CallGivenUp { call } })
            }
            Self::Tool(_) => Some(Effect::StopTool { call }),
            Self::Infer { .. } | Self::Embed { .. } => Some(Effect::CancelInfer { call }),
            Self::View { .. } | Self::LookUp { .. } | Self::Recall { .. } => None,
        }
    }
}

impl Turn<'_> {
    /// Hands something to the daemon; a model call waits for its place first.
    pub(crate) fn launch(&mut self, call: CallId, flight: Flight) {
        if !self.queue_for_the_model(call, &flight) {
            self.effects.push(flight.work.effect(call));
        }
        self.kernel.flights.insert(call, flight);
    }

    /// Hands something to the daemon once more, after a restart.
    pub(crate) fn launch_again(&mut self, call: CallId) {
        if let Some(flight) = self.kernel.flights.get(&call).cloned() {
            self.launch(call, flight);
        }
    }

    /// Takes a flight that ended off the table; nothing if it is unknown (given up, or never was) or of another kind.
    pub(crate) fn land(&mut self, call: CallId, is_expected: impl Fn(&Work) -> bool) -> Option<Flight> {
        self.kernel.flights.get(&call).filter(|flight| is_expected(&flight.work))?;
        self.take_off(call)
    }

    /// Takes a flight off the table, and gives its place with the model to another.
    pub(crate) fn take_off(&mut self, call: CallId) -> Option<Flight> {
        let was_sent = !self.only_waits(call);
        self.kernel.inference.remove(call, self.now);
        let flight = self.kernel.flights.remove(&call)?;
        if was_sent {
            self.charge_most(&flight);
        }
        Some(flight)
    }

    /// Charges what a flight used instead of what was set aside for it.
    pub(crate) fn settle(&mut self, flight: &Flight, used: Amount) {
        if let Some(grant) = flight.grant {
            self.kernel.grants.settle(grant, flight.reserved, used);
        }
    }

    /// Stops all that is done for `origin`. It stays on the table until the daemon says that it is over, so that what
    /// it used is charged; a model call that the daemon never heard of is over at once, and cost nothing.
    pub(crate) fn abandon(&mut self, is_meant: impl Fn(&Origin) -> bool) {
        self.drop_unwanted_calls(&is_meant);
        for call in self.flights_where(|flight| is_meant(&flight.origin)) {
            if self.only_waits(call) {
                if let Some(flight) = self.take_off(call) {
                    self.settle(&flight, Amount::default());
                }
            } else if let Some(flight) = self.kernel.flights.get_mut(&call) {
                flight.origin = Origin::Nobody;
                self.effects.extend(flight.work.stop(call));
            }
        }
    }

    /// Whether nobody but the kernel knows of the call: it waits for a place with the model.
    pub(crate) fn only_waits(&self, call: CallId) -> bool {
        self.kernel.flights.get(&call).is_some_and(|flight| flight.work.is_thinking())
            && !self.kernel.inference.has_begun(call)
    }

    /// Gives up on flights that nobody reported the end of.
    pub(crate) fn expire_flights(&mut self) {
        let now = self.now;
        let calls: Vec<CallId> = self.flights_where(|flight| flight.is_late(now));
        calls.into_iter().for_each(|call| self.give_up(call, too_late()));
    }

    /// Stops the flights whose grant was revoked.
    pub(crate) fn stop_what_lost_its_grant(&mut self) {
        let now = self.now;
        let grants = &self.kernel.grants;
        let lost = |flight: &Flight| {
            flight.origin != Origin::Nobody
                && flight
                    .grant
                    .and_then(|grant| grants.live(grant, now).err())
                    .is_some_and(|failure| failure.code == ErrorCode::Revoked)
        };
        for call in self.flights_where(lost) {
            let failure = Failure::new(ErrorCode::Revoked, "stopped, because its grant was revoked");
            self.give_up(call, failure);
        }
        self.drop_calls_without_grant();
    }

    /// Stops who works on a flight, and ends it without its result.
    pub(crate) fn give_up(&mut self, call: CallId, failure: Failure) {
        if !self.only_waits(call) {
            let stop = self.kernel.flights.get(&call).and_then(|flight| flight.work.stop(call));
            self.effects.extend(stop);
        }
        self.lose(call, failure);
    }

    /// Ends a flight without its result. Who worked on it is gone: nothing is to be stopped.
    pub(crate) fn lose(&mut self, call: CallId, failure: Failure) {
        let never_began = self.only_waits(call);
        let Some(flight) = self.take_off(call) else { return };
        self.settle(&flight, if never_began { Amount::default() } else { flight.reserved });
        self.note_call_left(call, OutboxState::Failed);
        match (flight.origin, &flight.work) {
            (Origin::Nobody, _) => {}
            (Origin::Reading { reading, place }, _) => self.part_read(reading, place, Err(failure)),
            (Origin::Run(run), Work::View { .. }) => self.conclude(run, Err(failure)),
            (Origin::Syscall(asker), _) => self.reply(asker, Err(failure)),
            (Origin::Run(run), _) => self.call_ended(Origin::Run(run), Err(failure)),
        }
    }

    /// Refuses a syscall of a caller that has too many open.
    pub(crate) fn check_waiting(&self, caller: Caller) -> Result<(), Failure> {
        if self.waiting_calls(caller) < WAITING_SYSCALLS {
            return Ok(());
        }
        Err(too_large("too many syscalls of this caller wait", "WAITING_SYSCALLS", WAITING_SYSCALLS)
            .try_next("Wait for answers first"))
    }

    /// How many syscalls of a caller wait for something other than a run.
    pub(crate) fn waiting_calls(&self, caller: Caller) -> usize {
        let is_own = |origin: &Origin| matches!(origin, Origin::Syscall(asker) if asker.caller == caller);
        let flights = self.kernel.flights.values().filter(|flight| is_own(&flight.origin)).count();
        let questions = self.kernel.questions.values().filter(|open| open.origin().is_some_and(is_own)).count();
        let readings = self.kernel.readings.values().filter(|reading| is_own(&reading.origin)).count();
        flights + questions + readings + self.held_for(caller)
    }

    fn flights_where(&self, is_meant: impl Fn(&Flight) -> bool) -> Vec<CallId> {
        self.kernel.flights.iter().filter(|(_, flight)| is_meant(flight)).map(|(call, _)| *call).collect()
    }
}

/// The failure of what nobody reported the end of.
pub(crate) fn too_late() -> Failure {
    Failure::new(ErrorCode::TimedOut, "no result came in time")
        .try_next("Try again; if it happens again, look into the daemon's log")
}
