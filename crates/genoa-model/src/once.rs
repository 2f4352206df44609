//! The side of a jailed process that is asked once: one request in, one answer out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use genoa_abi::frame::Message;
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Answers the one request on `socket` with what `act` makes of its parameters.
///
/// # Errors
/// [`ErrorCode::Interrupted`] if the connection breaks: everything else is an answer.
pub(crate) fn answer<P: DeserializeOwned, R: Serialize>(
    socket: &UnixStream,
    act: impl FnOnce(P) -> Result<R, Failure>,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(ErrorCode::Interrupted, "the connection to the command line broke").because(error)
    };
    let strange = |error: serde_json::Error| {
        Failure::new(ErrorCode::InvalidInput, "the request or its answer has another form").because(error)
    };
    let mut line = Vec::new();
    BufReader::new(socket).read_until(b'\n', &mut line).map_err(broken)?;
    let answer = match Message::from_line(&line) {
        Ok(Message::Request { id, params, .. }) => {
            let answer = serde_json::from_value(params).map_err(strange).and_then(act);
            Message::answer(id, answer.and_then(|answer| serde_json::to_value(answer).map_err(strange)))
        }
        Ok(_) => Message::failure(None, Failure::new(ErrorCode::InvalidInput, "a request is expected")),
        Err(failure) => Message::failure(None, failure),
    };
    (&mut &*socket).write_all(&answer.to_line()).map_err(broken)
}
