//! Tools of other people: servers that speak the Model Context Protocol (MCP) over their standard streams.
//!
//! A server runs as a child in the jail of the call, so it reaches what the call may reach, which is never the network.
//! What it says about itself is hostile text: it is fetched in a jail, and becomes schemas outside of it, so that even
//! a tool process that a server took over cannot say what its tools may do.

mod client;
mod mapping;

pub use client::Server;
pub use mapping::{McpTool, ReadOnlyHints, check_group};

use std::path::Path;

use genoa_abi::Failure;
use genoa_abi::mcp::{McpRoute, McpServer};
use genoa_abi::tool::ToolRequest;
use serde_json::Value as Json;

/// What a server says of its tools, as it says it. Runs in a jail.
///
/// # Errors
/// If the server cannot be started, breaks the protocol, or goes over a limit.
pub fn describe(server: &McpServer, folder: &Path) -> Result<Vec<Json>, Failure> {
    Server::start(server, folder)?.list_tools()
}

/// The tools that a server's descriptions make. Those that cannot be called from a plan are left out.
///
/// # Errors
/// [`genoa_abi::ErrorCode::InvalidInput`] if the server's name cannot be a group.
pub fn tools_of(server: &McpServer, hints: ReadOnlyHints, descriptions: &[Json]) -> Result<Vec<McpTool>, Failure> {
    check_group(&server.name)?;
    let mut tools: Vec<McpTool> = Vec::new();
    for description in descriptions {
        if let Some(tool) = mapping::tool(server, hints, description) {
            // Two names that become one would let a server hide one tool behind another.
            if tools.iter().all(|known| known.schema.name != tool.schema.name) {
                tools.push(tool);
            }
        }
    }
    Ok(tools)
}

/// Calls one tool in a fresh server, and gives the text of its answer. Runs in the jail of the call.
///
/// # Errors
/// As [`describe`]; and [`genoa_abi::ErrorCode::ToolFailed`] with the server's words if the tool fails.
pub fn call(route: &McpRoute, request: &ToolRequest) -> Result<String, Failure> {
    let arguments = mapping::theirs(route, &request.arguments);
    let mut server = Server::start(&route.server, Path::new(&request.workspace))?;
    server.call_tool(&route.tool, arguments, request.key.as_deref())
}

#[cfg(test)]
mod tests;
