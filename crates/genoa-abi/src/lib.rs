//! The vocabulary that every Genoa process shares.
//!
//! Whatever crosses a process boundary, or is written to the journal, is defined here and nowhere else: ids, rights,
//! values with their labels, tool schemas, syscalls with their replies, the kernel's events and effects, limits and
//! failures. The crate does no I/O, knows no other crate of the workspace, and contains no policy: what is allowed is
//! decided by `genoa-kernel`, what is enforced by `genoa-sandbox`.

#![forbid(unsafe_code)]

pub mod agent;
pub mod egress;
pub mod event;
pub mod failure;
pub mod frame;
pub mod grant;
pub mod ids;
pub mod installation;
pub mod labels;
pub mod limits;
pub mod mcp;
pub mod model;
pub mod policy;
pub mod provider;
pub mod record;
pub mod recording;
pub mod schema;
pub mod session;
pub mod skill;
pub mod syscall;
pub mod tool;
pub mod value;
pub mod view;

pub use failure::{ErrorCode, Failure};
pub use ids::{
    AgentId, CallId, ContentHash, GrantId, IntentionId, OutboxId, ProposalId, QuestionId, RequestId, RunId, SessionId,
    Timestamp, ViewId,
};
pub use labels::{Labels, Readers, Source, Suspicion};
pub use value::{Datum, Value};
