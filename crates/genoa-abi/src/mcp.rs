//! Tools of other people's programs, which speak the Model Context Protocol (MCP): how such a program is started, and
//! what it calls its tools.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The method with which a jailed tool process is asked what a server offers: a [`McpServer`] in, the server's own
/// descriptions out, as it sent them.
pub const DISCOVER: &str = "discover";

/// A server as the person configured it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpServer {
    /// The group under which its tools appear: `weather` makes `weather.forecast`.
    pub name: String,
    /// The program: a name that is found through `PATH` in the jail, or an absolute path.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl McpServer {
    /// The program's file name, as rights name it.
    #[must_use]
    pub fn program_name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }
}

/// Where the calls of one tool go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpRoute {
    /// The server.
    pub server: McpServer,
    /// What the server calls the tool.
    pub tool: String,
    /// What the server calls its parameters, by our names.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}
