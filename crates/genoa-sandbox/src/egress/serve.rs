//! The broker's process: reads requests from its socket, one after the other.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use genoa_abi::egress::FETCH;
use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure};

use crate::egress::RULES_VARIABLE;
use crate::egress::fetch::fetch;
use crate::egress::rules::Rules;

/// The egress broker's main: rules from [`RULES_VARIABLE`], requests on descriptor 3 until it is closed.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for unreadable rules, [`ErrorCode::Interrupted`] if the socket breaks.
pub fn egress_main() -> Result<(), Failure> {
    let text = std::env::var(RULES_VARIABLE).unwrap_or_default();
    let rights = serde_json::from_str(&text)
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the egress rules are unreadable").because(error))?;
    let socket = genoa_sys::inherit::take(TOOL_FD).map_err(|error| broken(&error))?;
    serve(UnixStream::from(socket), &Rules::new(rights))
}

pub(crate) fn serve(mut socket: UnixStream, rules: &Rules) -> Result<(), Failure> {
    let (mut lines, mut chunk) = (LineBuffer::default(), vec![0; 64 * 1024]);
    loop {
        while let Some(line) = lines.next_line() {
            socket.write_all(&answer(rules, &line).to_line()).map_err(|error| broken(&error))?;
        }
        match socket.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => lines.push(&chunk[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(&error)),
        }
    }
}

fn answer(rules: &Rules, line: &[u8]) -> Message {
    match Message::from_line(line) {
        Ok(Message::Request { id, method, params, .. }) if method == FETCH => {
            let outcome = serde_json::from_value(params)
                .map_err(|error| Failure::new(ErrorCode::InvalidInput, "this is not a request to fetch").because(error))
                .and_then(|request| fetch(rules, request))
                .map(|reply| serde_json::to_value(reply).unwrap_or_default());
            Message::answer(id, outcome)
        }
        Ok(Message::Request { id, method, .. }) => {
            let what = format!("the egress broker does not know the method {method:?}");
            Message::failure(Some(id), Failure::new(ErrorCode::Unsupported, what))
        }
        Ok(_) => {
            Message::failure(None, Failure::new(ErrorCode::InvalidInput, "the egress broker answers requests only"))
        }
        Err(failure) => Message::failure(None, failure),
    }
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::Interrupted, "the egress broker's socket broke").because(error)
}

#[cfg(test)]
mod tests;
