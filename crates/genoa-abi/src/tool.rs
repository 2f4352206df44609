//! What passes between the daemon and a tool process in its jail.
//!
//! The tool inherits one socket as file descriptor [`TOOL_FD`] and reads one [`ToolRequest`] from it, as the request
//! `call`. It may send `progress` notifications with a text, and ends with an answer: JSON of the schema's type, or a
//! failure. Then it exits.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::failure::Failure;
use crate::ids::{CallId, ContentHash};
use crate::limits::MARK_CHARS;
use crate::mcp::McpRoute;

/// The file descriptor on which a jailed process finds its socket.
pub const TOOL_FD: i32 = 3;

/// The notification by which a tool's process tells, before its answer, what the sensor marked in it.
pub const MARKED: &str = "marked";

/// The person for whom something is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Full name; may be empty.
    pub name: String,
    /// Mail address; may be empty.
    pub email: String,
}

/// The moment and place in which words like "tomorrow" are understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Now, RFC 3339 with the person's offset.
    pub now: String,
    /// IANA time zone name, for example `Europe/Rome`.
    pub timezone: String,
}

/// One tool call, as the tool sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolRequest {
    /// The call's id: the idempotency key.
    pub call: CallId,
    /// The tool's name.
    pub tool: String,
    /// Of a call that leaves the machine: a key that no other call has, of this installation or another, for a service that knows
    /// repetitions by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Argument name to value, already checked against the schema; times are resolved to [`crate::schema::Moment`].
    pub arguments: serde_json::Map<String, Json>,
    /// Paths that calls of the same run have read, as they were given: a name means the same file throughout a run.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<String>,
    /// The workspace's path, the same inside the jail as outside; also the working directory. Empty if the tool's jail
    /// has none.
    pub workspace: String,
    /// For whom.
    pub person: Person,
    /// When and where.
    pub clock: Clock,
    /// The server to hand the call to, if the tool is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp: Option<McpRoute>,
}

/// How a tool call ended, as the kernel sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolOutcome {
    /// The tool answered, and the answer fits its schema.
    Done {
        /// The answer.
        result: Json,
        /// Files that the call changed in the view, found by looking at the view and not by asking the tool.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        wrote: Vec<WrittenFile>,
        /// What the sensor marked in the answer. None says nothing about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marks: Vec<Mark>,
    },
    /// It did not.
    Failed {
        /// Why.
        failure: Failure,
        /// Files that it changed all the same.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        wrote: Vec<WrittenFile>,
    },
}

/// A place in a tool's answer whose words read like instructions to an assistant. The tool's process says so, which read what
/// is hostile; so a mark may be wrong or missing, and is only ever one more reason to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where: a JSON pointer into the answer.
    pub at: String,
    /// How much it reads like that, in per cent.
    pub score: u8,
    /// The beginning of the words that do.
    pub words: String,
}

impl Mark {
    /// The same with what it says no longer than it may be, and without what could be shown as something else.
    #[must_use]
    pub fn bounded(self) -> Self {
        let is_shown = |letter: &char| !letter.is_control();
        let words = self.words.chars().filter(is_shown).take(MARK_CHARS).collect();
        Self { score: self.score.min(100), words, ..self }
    }
}

/// A file that a call left behind in the view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Path relative to the workspace.
    pub path: String,
    /// Its content; nothing if the file was removed.
    pub content: Option<ContentHash>,
}

/// What a call used of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolUsage {
    /// From the request to the answer, in milliseconds.
    pub elapsed_ms: u64,
    /// Size of the answer.
    pub bytes: u64,
}
