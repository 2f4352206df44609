//! What servers said, kept in the home: a server is started for its list once, not at every command.
//!
//! A file a server. It holds what the server was started with, and counts only for exactly that.

use std::path::PathBuf;

use genoa_abi::mcp::McpServer;
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use genoa_tools::mcp::{McpTool, ReadOnlyHints};
use serde::{Deserialize, Serialize};

/// Raised when descriptions are mapped in another way than before: what is kept then counts no more.
const FORM: u32 = 1;

/// One file.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    form: u32,
    server: McpServer,
    hints: ReadOnlyHints,
    /// Why there is none is kept as well: a server that does not answer is waited for once.
    tools: Result<Vec<McpTool>, Failure>,
}

/// What is kept of `server` as it is configured now.
pub(super) fn read(home: &Home, server: &McpServer, hints: ReadOnlyHints) -> Option<Result<Vec<McpTool>, Failure>> {
    // What cannot be read, or was written by another version, is asked for again.
    let kept: Kept = serde_json::from_slice(&std::fs::read(path(home, server)).ok()?).ok()?;
    (kept.form == FORM && kept.server == *server && kept.hints == hints).then_some(kept.tools)
}

/// Keeps what a server said, whole or not at all.
pub(super) fn write(
    home: &Home,
    server: &McpServer,
    hints: ReadOnlyHints,
    tools: Result<Vec<McpTool>, Failure>,
) -> Result<(), Failure> {
    let path = path(home, server);
    let fail = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::StorageFailed, format!("cannot write {}", path.display())).because(error)
    };
    let kept = Kept { form: FORM, server: server.clone(), hints, tools };
    let text = serde_json::to_vec(&kept).map_err(|error| fail(&error))?;
    // Two commands may ask at the same time; each writes a file of its own.
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    std::fs::write(&unfinished, text).and_then(|()| std::fs::rename(&unfinished, &path)).map_err(|error| fail(&error))
}

/// The name was checked: it is made of letters, digits and underscores.
fn path(home: &Home, server: &McpServer) -> PathBuf {
    home.mcp().join(format!("{}.json", server.name))
}
