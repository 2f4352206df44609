//! The kernel's state, and the table from events to what is done about them.

use std::collections::{BTreeMap, VecDeque};

use genoa_abi::agent::{AgentManifest, PlanExample};
use genoa_abi::event::{Effect, Event};
use genoa_abi::grant::Right;
use genoa_abi::installation::Installation;
use genoa_abi::mcp::McpRoute;
use genoa_abi::provider::Models;
use genoa_abi::schema::{Catalog, RecordType, ToolSchema};
use genoa_abi::session::Proposal;
use genoa_abi::skill::Skill;
use genoa_abi::{
    CallId, ContentHash, IntentionId, OutboxId, ProposalId, QuestionId, RunId, SessionId, Timestamp, ViewId,
};
use serde::{Deserialize, Serialize};

use crate::agents::{Agents, Intention};
use crate::flights::Flight;
use crate::grants::Grants;
use crate::outbox::Message;
use crate::questions::OpenQuestion;
use crate::queues::Queues;
use crate::reading::Reading;
use crate::recorder::Recorder;
use crate::rules::Rules;
use crate::runs::RunState;
use crate::sessions::Session;
use crate::skills::DonePlan;
use crate::spending::Ledger;
use crate::system;
use crate::turn::Turn;
use crate::undoing::Undoable;
use crate::views::View;

/// The state of the whole system, and the only way to change it: [`Kernel::step`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    pub(crate) catalog: Catalog,
    pub(crate) manifests: BTreeMap<String, AgentManifest>,
    pub(crate) examples: BTreeMap<String, Vec<PlanExample>>,
    /// The hosts that the configuration names, as rights.
    #[serde(default)]
    pub(crate) network: Vec<Right>,
    /// The servers behind tools that are not built in, by the tool's name.
    #[serde(default)]
    pub(crate) mcp: BTreeMap<String, McpRoute>,
    /// The rules on top of grants.
    #[serde(default)]
    pub(crate) rules: Rules,
    /// How long what leaves the machine is held; nothing where calls are not, as it once was.
    #[serde(default)]
    pub(crate) undo_window_ms: Option<u64>,
    /// Who answers model calls.
    #[serde(default)]
    pub(crate) models: Models,
    pub(crate) counters: Counters,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) grants: Grants,
    pub(crate) agents: Agents,
    pub(crate) intentions: BTreeMap<IntentionId, Intention>,
    pub(crate) runs: BTreeMap<RunId, RunState>,
    pub(crate) flights: BTreeMap<CallId, Flight>,
    /// Whose turn it is with each model.
    #[serde(default)]
    pub(crate) inference: Queues,
    /// What was used of providers.
    #[serde(default)]
    pub(crate) ledger: Ledger,
    pub(crate) readings: BTreeMap<CallId, Reading>,
    pub(crate) questions: BTreeMap<QuestionId, OpenQuestion>,
    pub(crate) views: BTreeMap<ViewId, View>,
    pub(crate) outbox: BTreeMap<OutboxId, Message>,
    /// What texts ask for, until a person adopts it; the newest last.
    #[serde(default)]
    pub(crate) proposals: BTreeMap<ProposalId, Proposal>,
    /// Calls that can be taken back, the newest last.
    #[serde(default)]
    pub(crate) undoable: BTreeMap<CallId, Undoable>,
    /// Saved plans, by name.
    #[serde(default)]
    pub(crate) skills: BTreeMap<String, Skill>,
    /// The plans that ended well last, the newest last: what can be saved.
    #[serde(default)]
    pub(crate) done: VecDeque<DonePlan>,
    /// The tick that was asked for last, so that it is not asked for again.
    pub(crate) wake_at: Option<Timestamp>,
    /// What takes a run down, in a kernel that is fed recorded events once more; no part of the state.
    #[serde(skip)]
    pub(crate) recorder: Option<Box<Recorder>>,
}

/// The numbers given out last. They never go back, so no id is used twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counters {
    intention: u64,
    run: u64,
    call: u64,
    question: u64,
    view: u64,
    outbox: u64,
    #[serde(default)]
    proposal: u64,
}

impl Kernel {
    /// The state before the first event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of `event` and says what is to be done about it.
    ///
    /// Never panics, whatever the event says: what cannot be done is answered with a failure.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut turn = Turn::new(self, now);
        match event {
            Event::Booted(installation) => turn.boot(installation),
            Event::Restarted {} => turn.restart(),
            Event::Configured(installation) => turn.configure(installation),
            Event::Connected { session } => turn.connect(session),
            Event::Gone { caller } => turn.caller_gone(caller),
            Event::Asked { caller, request, syscall } => turn.asked(caller, request, syscall),
            Event::ToolFinished { call, outcome, usage } => turn.tool_finished(call, outcome, usage),
            Event::InferFinished { call, outcome, unspent } => turn.infer_finished(call, outcome, unspent),
            Event::EmbedFinished { call, outcome, unspent } => turn.embed_finished(call, outcome, unspent),
            Event::ViewFinished { call, outcome } => turn.view_finished(call, outcome),
            Event::LookedUp { call, outcome } => turn.looked_up(call, outcome),
            Event::Recalled { call, outcome } => turn.recalled(call, outcome.map(|recording| *recording)),
            Event::OutboxFinished { item, outcome } => turn.outbox_finished(item, outcome),
            Event::Tick {} => turn.expire(),
        }
        turn.end()
    }

    /// Whether this is what the kernel was told that there is.
    #[must_use]
    pub fn has(&self, installation: &Installation) -> bool {
        let mut told = Self::new();
        Turn::new(&mut told, Timestamp(0)).install(installation.clone());
        self.catalog == told.catalog
            && self.manifests == told.manifests
            && self.examples == told.examples
            && self.network == told.network
            && self.mcp == told.mcp
            && self.rules == told.rules
            && self.undo_window_ms == told.undo_window_ms
            && self.models == told.models
    }

    /// The name of exactly this state: equal states have equal fingerprints.
    #[must_use]
    pub fn fingerprint(&self) -> ContentHash {
        ContentHash::of_json(self)
    }

    /// The functions of the plan language that the kernel and the model carry out: `ask`, `say`, `refuse`, `extract`,
    /// `summarise`, `propose`, `mail.send`, `notify.show`.
    #[must_use]
    pub fn system_tools() -> Vec<ToolSchema> {
        system::tools()
    }

    /// The record types that [`Kernel::system_tools`] return.
    #[must_use]
    pub fn system_records() -> Vec<RecordType> {
        system::records()
    }
}

impl Counters {
    pub(crate) fn intention(&mut self) -> IntentionId {
        IntentionId(next(&mut self.intention))
    }

    pub(crate) fn run(&mut self) -> RunId {
        RunId(next(&mut self.run))
    }

    pub(crate) fn has_given_run(&self, id: RunId) -> bool {
        (1..=self.run).contains(&id.0)
    }

    pub(crate) fn call(&mut self) -> CallId {
        CallId(next(&mut self.call))
    }

    pub(crate) fn question(&mut self) -> QuestionId {
        QuestionId(next(&mut self.question))
    }

    pub(crate) fn has_given_question(&self, id: QuestionId) -> bool {
        (1..=self.question).contains(&id.0)
    }

    pub(crate) fn view(&mut self) -> ViewId {
        ViewId(next(&mut self.view))
    }

    pub(crate) fn outbox(&mut self) -> OutboxId {
        OutboxId(next(&mut self.outbox))
    }

    pub(crate) fn proposal(&mut self) -> ProposalId {
        ProposalId(next(&mut self.proposal))
    }
}

fn next(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}
