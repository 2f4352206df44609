//! The journal's records as others see them, and the answer to "why?".

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::ids::{ContentHash, Timestamp};

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// `event` or `effect`, and which: `event.tool_finished`.
    pub kind: String,
    /// The record that caused it: for an effect, its event.
    pub cause: Option<u64>,
    /// Its content; nothing if that was destroyed.
    pub body: Option<Json>,
    /// Hash of the content; stays when the content is destroyed.
    pub body_hash: ContentHash,
    /// Hash over all of the above and the previous record's hash.
    pub hash: ContentHash,
}

/// One thing in the graph of causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyNode {
    /// What it is, one line for people.
    pub text: String,
    /// The record that says so.
    pub seq: Option<u64>,
    /// What it came from.
    pub causes: Vec<WhyNode>,
}

impl WhyNode {
    /// A node without causes.
    #[must_use]
    pub fn leaf(text: impl Into<String>, seq: Option<u64>) -> Self {
        Self { text: text.into(), seq, causes: Vec::new() }
    }
}
