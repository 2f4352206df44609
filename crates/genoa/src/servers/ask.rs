//! Asks one server what it offers, in a jail that holds nothing of the person's.

use genoa_abi::limits::MCP_DISCOVERY_MS;
use genoa_abi::mcp::{DISCOVER, McpServer};
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use genoa_sandbox::plan_discovery;
use serde_json::Value as Json;

use crate::jailed::{Jails, Question};

/// The server's descriptions of its tools, as it sent them: hostile until they are mapped.
///
/// # Errors
/// What the server did wrong, or why there is no jail.
pub(super) fn describe(home: &Home, server: &McpServer) -> Result<Vec<Json>, Failure> {
    let jails = Jails::new(home)?;
    let plan = plan_discovery(jails.machine())?;
    let about = format!("asking the MCP server {}", server.name);
    let params = serde_json::to_value(server)
        .map_err(|error| Failure::new(ErrorCode::Internal, "a server has no JSON form").because(error))?;
    let question = Question { about: &about, method: DISCOVER, params, given: Vec::new(), limit_ms: MCP_DISCOVERY_MS };
    match jails.ask(&plan, question)? {
        Json::Array(descriptions) => Ok(descriptions),
        _ => Err(Failure::new(ErrorCode::Interrupted, format!("{about} broke off"))
            .because("the jailed process gave an answer of the wrong kind")),
    }
}
