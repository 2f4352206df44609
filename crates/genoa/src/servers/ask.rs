//! Asks one server what it offers, in a jail that holds nothing of the person's.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::limits::MCP_DISCOVERY_MS;
use genoa_abi::mcp::{DISCOVER, McpServer};
use genoa_abi::{ErrorCode, Failure, RequestId};
use genoa_daemon::Home;
use genoa_sandbox::{Machine, SpawnerHandle, SpawnerNews, plan_discovery, probe};
use genoa_tools::text::{one_line, shorten};
use serde_json::Value as Json;

/// Letters of each part of a failure that is quoted.
const REASON_LETTERS: usize = 500;
/// The only request, and the only jail.
const ONE: u64 = 1;

/// The server's descriptions of its tools, as it sent them: hostile until they are mapped.
///
/// # Errors
/// What the server did wrong, or why there is no jail.
pub(super) fn describe(home: &Home, server: &McpServer) -> Result<Vec<Json>, Failure> {
    let binary = crate::modes::binary()?;
    let report = probe(&binary, &home.run())?;
    let machine = Machine::survey(report, &binary, home.state(), std::env::home_dir().as_deref());
    let plan = plan_discovery(&machine)?;
    let no_jail =
        |error: std::io::Error| Failure::new(ErrorCode::JailUnavailable, "no jail can be made").because(error);
    let (ours, theirs) = UnixStream::pair().map_err(no_jail)?;
    // The jail, with the server in it, ends with this handle.
    let mut spawner = SpawnerHandle::start(&binary).map_err(no_jail)?;
    spawner.spawn(ONE, &plan, &[theirs.into()])?;
    converse(ours, server).map_err(|failure| refusal(&mut spawner).unwrap_or(failure))
}

/// Why the jail was not built, if it was not.
fn refusal(spawner: &mut SpawnerHandle) -> Option<Failure> {
    while let Ok(Some(news)) = spawner.receive() {
        if let SpawnerNews::Failed { failure, .. } = news {
            return Some(failure);
        }
    }
    None
}

/// A failure's words come out of the jail: one line each, and not endless.
fn cleaned(failure: &Failure) -> Failure {
    let clean = |text: &str| shorten(&one_line(text), REASON_LETTERS);
    Failure::new(failure.code, clean(&failure.what)).because(clean(&failure.why)).try_next(clean(&failure.next))
}

fn converse(mut socket: UnixStream, server: &McpServer) -> Result<Vec<Json>, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::Interrupted, format!("asking the MCP server {} broke off", server.name)).because(error)
    };
    let params = serde_json::to_value(server).map_err(|error| broken(&error))?;
    socket.write_all(&Message::request(RequestId(ONE), DISCOVER, params).to_line()).map_err(|error| broken(&error))?;
    let deadline = Instant::now() + Duration::from_millis(MCP_DISCOVERY_MS);
    let (mut lines, mut chunk) = (LineBuffer::default(), vec![0; 64 * 1024]);
    loop {
        if let Some(line) = lines.next_line() {
            return match Message::from_line(&line)? {
                Message::Success { result: Json::Array(descriptions), .. } => Ok(descriptions),
                Message::Error { error, .. } => Err(cleaned(&error.data)),
                _ => Err(broken(&"the jailed process gave an answer of the wrong kind")),
            };
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let what = format!("the MCP server {} did not say what it offers in {MCP_DISCOVERY_MS} ms", server.name);
            return Err(Failure::new(ErrorCode::TimedOut, what));
        }
        socket.set_read_timeout(Some(left)).map_err(|error| broken(&error))?;
        match socket.read(&mut chunk) {
            Ok(0) => return Err(broken(&"the jailed process ended without an answer")),
            Ok(count) => lines.push(&chunk[..count])?,
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
}
