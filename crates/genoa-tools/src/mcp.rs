//! Tools of other people: servers that speak the Model Context Protocol (MCP) over their standard streams.
//!
//! A server runs as a child in the jail of the call, so it reaches what the call may reach, which is never the network.
//! What it says about itself is hostile text.

mod client;
mod mapping;

pub use client::Server;
pub use mapping::{McpTool, ReadOnlyHints};

use std::path::Path;

use genoa_abi::Failure;
use serde_json::{Map, Value as Json};

/// A server as the person configured it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// The group under which its tools appear: `weather` makes `weather.forecast`.
    pub name: String,
    /// The program, found through `PATH`.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Whether its word is taken that a tool only reads.
    pub hints: ReadOnlyHints,
}

/// The tools that a server offers. Those that cannot be called from a plan are left out.
///
/// # Errors
/// If the server cannot be started, breaks the protocol, or goes over a limit.
pub fn discover(server: &McpServer, folder: &Path) -> Result<Vec<McpTool>, Failure> {
    mapping::check_group(&server.name)?;
    let listed = Server::start(server, folder)?.list_tools()?;
    let mut tools: Vec<McpTool> = Vec::new();
    for description in &listed {
        if let Some(tool) = mapping::tool(server, description) {
            // Two names that become one would let a server hide one tool behind another.
            if tools.iter().all(|known| known.schema.name != tool.schema.name) {
                tools.push(tool);
            }
        }
    }
    Ok(tools)
}

/// Calls one tool in a fresh server, and gives the text of its answer.
///
/// # Errors
/// As [`discover`]; and [`genoa_abi::ErrorCode::ToolFailed`] with the server's words if the tool fails.
pub fn call(
    server: &McpServer,
    folder: &Path,
    tool: &McpTool,
    arguments: &Map<String, Json>,
) -> Result<String, Failure> {
    let arguments = tool.theirs(arguments);
    Server::start(server, folder)?.call_tool(&tool.name, arguments)
}

#[cfg(test)]
mod tests;
