//! What the kernel is told and what it wants done.
//!
//! `step(event, now) -> effects` is the whole kernel. Both enums are closed: every cause and every consequence in the
//! system is a variant here, is written to the journal in this form, and can be replayed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::failure::Failure;
use crate::grant::Right;
use crate::ids::{AgentId, CallId, IntentionId, OutboxId, RequestId, RunId, SessionId, ViewId};
use crate::installation::Installation;
use crate::labels::Labels;
use crate::mcp::McpRoute;
use crate::model::{InferReply, InferRequest};
use crate::policy::{CallFacts, Decision};
use crate::recording::{Recording, RunStep};
use crate::schema::{EffectClass, ToolSchema};
use crate::session::{News, OutboxItem};
use crate::syscall::{Caller, Reply, Syscall};
use crate::tool::{Clock, Person, ToolOutcome, ToolUsage};
use crate::view::{ViewAction, ViewReport};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The daemon started. What ran before is gone: agents and tool processes are dead, sockets are closed.
    Booted(Installation),
    /// The daemon started, and there is what there was before: nothing that is known needs to be recorded again.
    Restarted {},
    /// The person changed the configuration: from now on this is what there is. What runs goes on.
    Configured(Installation),
    /// A surface of the person connected; the daemon chose the id, above all earlier ones.
    Connected {
        /// The session.
        session: SessionId,
    },
    /// A caller's connection is gone.
    Gone {
        /// Whose.
        caller: Caller,
    },
    /// A caller wants something.
    Asked {
        /// Who.
        caller: Caller,
        /// Their number for it.
        request: RequestId,
        /// What.
        syscall: Syscall,
    },
    /// A tool call ended.
    ToolFinished {
        /// Which.
        call: CallId,
        /// How.
        outcome: ToolOutcome,
        /// What it used.
        usage: ToolUsage,
    },
    /// A model call ended.
    InferFinished {
        /// Which.
        call: CallId,
        /// How.
        outcome: Result<InferReply, Failure>,
        /// Of a failure: whether it is certain that no model did anything for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unspent: bool,
    },
    /// Texts were embedded.
    EmbedFinished {
        /// Which.
        call: CallId,
        /// How.
        outcome: Result<Vec<Vec<f32>>, Failure>,
        /// Of a failure: whether it is certain that no model did anything for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unspent: bool,
    },
    /// An action on a view ended.
    ViewFinished {
        /// The call.
        call: CallId,
        /// How.
        outcome: Result<ViewReport, Failure>,
    },
    /// A look into the journal ended. Its content is in the journal already, so only the success is recorded.
    LookedUp {
        /// The call.
        call: CallId,
        /// Whether it worked.
        outcome: Result<(), Failure>,
    },
    /// An earlier run was read out of the journal, to be gone on with. What is taken over is recorded with the run that takes
    /// it: so that run, too, is made from its own records.
    Recalled {
        /// The call.
        call: CallId,
        /// The run up to the step, or why it cannot be gone on with.
        outcome: Result<Box<Recording>, Failure>,
    },
    /// A message left the machine, or could not.
    OutboxFinished {
        /// Which.
        item: OutboxId,
        /// How.
        outcome: Result<(), Failure>,
    },
    /// Time passed: something that was to expire by now may do so.
    Tick {},
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Answer a syscall.
    Reply {
        /// Whom.
        caller: Caller,
        /// Their number.
        request: RequestId,
        /// What.
        outcome: Result<Reply, Failure>,
    },
    /// Nothing but to write down what the rules said of a call.
    Decided {
        /// Of which call.
        facts: Box<CallFacts>,
        /// What.
        decision: Decision,
    },
    /// Start an agent's process in a jail, with a socket tied to its id.
    StartAgent {
        /// The agent.
        agent: AgentId,
        /// What its process may reach beyond the socket. Usually nothing.
        rights: Vec<Right>,
    },
    /// Tie a surface's connection to an agent from now on: its program is the agent.
    AttachAgent {
        /// The surface that was.
        session: SessionId,
        /// The agent.
        agent: AgentId,
    },
    /// End an agent's process, or its connection.
    StopAgent {
        /// Which.
        agent: AgentId,
    },
    /// Run a tool: in a jail, or by the program that offered it.
    RunTool(Box<ToolJob>),
    /// End a tool's process.
    StopTool {
        /// Which.
        call: CallId,
    },
    /// Have the model write.
    Infer {
        /// The kernel's name for it.
        call: CallId,
        /// Whose surface sees the words as they come, if one shall.
        watch: Option<(SessionId, IntentionId)>,
        /// Whose syscall is told of the words as they come, if one shall be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stream: Option<(Caller, RequestId)>,
        /// What.
        request: InferRequest,
        /// The model that is to answer, by its name. Empty in records of the time when there was one.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        to: String,
    },
    /// Have the model embed.
    Embed {
        /// The kernel's name for it.
        call: CallId,
        /// What.
        texts: Vec<String>,
        /// The model that is to do it, by its name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        to: String,
    },
    /// Let a model call stand still at its next token.
    PauseInfer {
        /// Which.
        call: CallId,
    },
    /// Let a model call go on where it stood still.
    ResumeInfer {
        /// Which.
        call: CallId,
    },
    /// Stop a model call.
    CancelInfer {
        /// Which.
        call: CallId,
    },
    /// Make the folders of a view.
    OpenView {
        /// Which.
        view: ViewId,
        /// Above which folder.
        workspace: String,
    },
    /// Do something with a view.
    ActOnView {
        /// The kernel's name for it.
        call: CallId,
        /// Which.
        view: ViewId,
        /// Above which folder.
        workspace: String,
        /// What.
        action: ViewAction,
    },
    /// Answer a syscall out of the journal.
    LookUp {
        /// The kernel's name for it.
        call: CallId,
        /// Whom to answer.
        caller: Caller,
        /// Their number.
        request: RequestId,
        /// `Journal` or `Why`.
        query: Syscall,
        /// The workspace, to make a relative path absolute.
        workspace: String,
    },
    /// Read an earlier run out of the journal up to a step, and look whether the files that it changed until then are in the view
    /// as it left them.
    Recall {
        /// The kernel's name for it.
        call: CallId,
        /// Up to which step of which run.
        from: RunStep,
        /// The view in which it is gone on with.
        view: ViewId,
        /// The folder below the view.
        workspace: String,
    },
    /// Show something on all surfaces of a session.
    Tell {
        /// Which session.
        session: SessionId,
        /// What.
        news: News,
    },
    /// Keep something for sending: a message is written, with what is attached, out of the view; of a call this record is all
    /// there is to do.
    Hold {
        /// What.
        item: OutboxItem,
        /// Who sends it.
        person: Person,
        /// The view that holds its attachments.
        view: ViewId,
        /// The folder below the view.
        workspace: String,
    },
    /// Send a held message now.
    Send {
        /// Which. It is also the idempotency key.
        item: OutboxId,
    },
    /// Wake the kernel with a [`Event::Tick`] at this time.
    WakeAt {
        /// Milliseconds since the epoch.
        time: crate::ids::Timestamp,
    },
}

impl Effect {
    /// Whether the record of this effect must be on disk before it is carried out: it leaves the machine, or it
    /// changes what somebody may do, or what the workspace holds.
    #[must_use]
    pub fn must_be_durable(&self) -> bool {
        match self {
            Self::Send { .. } | Self::Hold { .. } => true,
            Self::RunTool(job) => matches!(job.schema.effect, EffectClass::Emit | EffectClass::Govern),
            Self::ActOnView { action, .. } => !matches!(action, ViewAction::Diff),
            Self::Reply { outcome: Ok(reply), .. } => matches!(reply, Reply::Grant(_) | Reply::Revoked(_)),
            Self::Reply { .. }
            | Self::Decided { .. }
            | Self::StartAgent { .. }
            | Self::AttachAgent { .. }
            | Self::StopAgent { .. }
            | Self::StopTool { .. }
            | Self::Infer { .. }
            | Self::Embed { .. }
            | Self::PauseInfer { .. }
            | Self::ResumeInfer { .. }
            | Self::CancelInfer { .. }
            | Self::OpenView { .. }
            | Self::LookUp { .. }
            | Self::Recall { .. }
            | Self::Tell { .. }
            | Self::WakeAt { .. } => false,
        }
    }
}

/// One tool call as the daemon carries it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolJob {
    /// The call's id: the idempotency key.
    pub call: CallId,
    /// Whose surface sees its progress.
    pub session: SessionId,
    /// The run it belongs to, if a plan called it.
    pub run: Option<RunId>,
    /// Line of the plan, from 1; 0 outside a plan.
    pub line: u32,
    /// The tool.
    pub schema: ToolSchema,
    /// Of a call that leaves the machine: the idempotency key for whoever carries it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its arguments, checked and coerced.
    pub arguments: serde_json::Map<String, Json>,
    /// Paths that calls of the same run have read, as they were given: a name means the same file throughout a run.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<String>,
    /// Who could have influenced the arguments: the edges of the graph that `why` walks.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub influences: Labels,
    /// What its jail may reach: the caller's rights, cut to what the tool needs.
    pub rights: Vec<Right>,
    /// The view it works in.
    pub view: ViewId,
    /// The folder below the view.
    pub workspace: String,
    /// For whom.
    pub person: Person,
    /// When and where.
    pub clock: Clock,
    /// How long it may take.
    pub time_limit_ms: u64,
    /// The server that carries it out, if the tool is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpRoute>,
}
