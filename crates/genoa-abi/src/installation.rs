//! What an installation offers: its tools and agents, with what the person's configuration adds to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agent::{AgentManifest, PlanExample};
use crate::grant::Right;
use crate::mcp::McpRoute;
use crate::policy::PolicyTexts;
use crate::provider::Models;
use crate::schema::Catalog;

/// Everything that the kernel is told about what is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Installation {
    /// All tools.
    pub catalog: Catalog,
    /// All agents.
    pub agents: Vec<AgentManifest>,
    /// Plans to learn from, by the name of the agent that they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, Vec<PlanExample>>,
    /// The rights to hosts that the person configured; nothing else is ever reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<Right>,
    /// Where the calls of tools go that are not built in, by the tool's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mcp: BTreeMap<String, McpRoute>,
    /// The rules of the administrator and the person.
    #[serde(default, skip_serializing_if = "PolicyTexts::is_empty")]
    pub policy: PolicyTexts,
    /// How long what leaves the machine is held, so that it can be taken back. Installations that say nothing of it are of the
    /// time when only messages were held: what their journals tell of calls is read as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_window_ms: Option<u64>,
    /// Who answers model calls.
    #[serde(default, skip_serializing_if = "Models::is_empty")]
    pub models: Models,
}
