//! The wire form: JSON-RPC 2.0, one message a line, UTF-8.
//!
//! A request carries an id and is answered with the same id; a message without an id is a notification. Strings escape
//! line feeds, so a line feed always ends a message.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::failure::{ErrorCode, Failure};
use crate::ids::RequestId;
use crate::limits::MESSAGE_BYTES;

/// One message in either direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// A syscall, or a request to a tool or worker.
    Request {
        /// Always `2.0`.
        jsonrpc: Version,
        /// The caller's number.
        id: RequestId,
        /// What to do.
        method: String,
        /// With what.
        #[serde(default)]
        params: Json,
    },
    /// The good answer.
    Success {
        /// Always `2.0`.
        jsonrpc: Version,
        /// The request's number.
        id: RequestId,
        /// What came out.
        result: Json,
    },
    /// The bad answer.
    Error {
        /// Always `2.0`.
        jsonrpc: Version,
        /// The request's number, where it could be read.
        id: Option<RequestId>,
        /// Why.
        error: ErrorObject,
    },
    /// Something to know; nobody answers.
    Notification {
        /// Always `2.0`.
        jsonrpc: Version,
        /// What happened.
        method: String,
        /// The details.
        #[serde(default)]
        params: Json,
    },
}

/// The literal `"2.0"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// JSON-RPC 2.0.
    #[default]
    #[serde(rename = "2.0")]
    V2,
}

/// JSON-RPC's error object; the whole [`Failure`] travels in `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorObject {
    /// A JSON-RPC code: -32600 for bad requests, -32000 for what Genoa refused.
    pub code: i64,
    /// The failure as one text.
    pub message: String,
    /// The failure itself.
    pub data: Failure,
}

impl Message {
    /// A request.
    #[must_use]
    pub fn request(id: RequestId, method: &str, params: Json) -> Self {
        Self::Request { jsonrpc: Version::V2, id, method: method.to_owned(), params }
    }

    /// The answer to request `id`.
    #[must_use]
    pub fn answer(id: RequestId, outcome: Result<Json, Failure>) -> Self {
        match outcome {
            Ok(result) => Self::Success { jsonrpc: Version::V2, id, result },
            Err(failure) => Self::failure(Some(id), failure),
        }
    }

    /// A failure, of request `id` where that is known.
    #[must_use]
    pub fn failure(id: Option<RequestId>, failure: Failure) -> Self {
        let code = if failure.code == ErrorCode::InvalidInput { -32600 } else { -32000 };
        let error = ErrorObject { code, message: failure.to_string(), data: failure };
        Self::Error { jsonrpc: Version::V2, id, error }
    }

    /// A notification.
    #[must_use]
    pub fn notification(method: &str, params: Json) -> Self {
        Self::Notification { jsonrpc: Version::V2, method: method.to_owned(), params }
    }

    /// The message as one line, with its line feed.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads one line, with or without its line feed.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] over [`MESSAGE_BYTES`], [`ErrorCode::InvalidInput`] for what is not a message.
    pub fn from_line(line: &[u8]) -> Result<Self, Failure> {
        if line.len() > MESSAGE_BYTES {
            let what = format!("a message of {} bytes is over the limit of {MESSAGE_BYTES}", line.len());
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        serde_json::from_slice(line)
            .map_err(|error| Failure::new(ErrorCode::InvalidInput, "a message is not JSON-RPC 2.0").because(error))
    }
}

/// Collects bytes from a stream and gives back whole lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    searched: usize,
}

impl LineBuffer {
    /// Adds what was read.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] when a line is over [`MESSAGE_BYTES`]; the stream can only be closed then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(bytes);
        let line_end = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let first_line = line_end.map_or(self.bytes.len(), |place| self.searched + place);
        if first_line > MESSAGE_BYTES {
            let what = format!("a message is over the limit of {MESSAGE_BYTES} bytes");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        Ok(())
    }

    /// The next whole line, without its line feed.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        let Some(place) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let rest = self.bytes.split_off(self.searched + place + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        self.searched = 0;
        line.pop();
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{LineBuffer, Message};
    use crate::failure::{ErrorCode, Failure};
    use crate::ids::RequestId;
    use crate::limits::MESSAGE_BYTES;

    #[test]
    fn messages_survive_the_wire() {
        let failure = Failure::new(ErrorCode::NotGranted, "no").because("why").try_next("what");
        for message in [
            Message::request(RequestId(1), "call", json!({"tool": "files.read", "text": "a\nb"})),
            Message::answer(RequestId(1), Ok(json!(null))),
            Message::answer(RequestId(2), Err(failure)),
            Message::notification("progress", json!([1, 2])),
        ] {
            let line = message.to_line();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(Message::from_line(&line), Ok(message));
        }
        assert!(Message::from_line(b"{}").is_err());
        assert!(Message::from_line(br#"{"jsonrpc":"1.0","id":1,"method":"list"}"#).is_err());
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut buffer = LineBuffer::default();
        let chunk = vec![b'x'; MESSAGE_BYTES / 2 + 1];
        assert!(buffer.push(&chunk).is_ok());
        assert_eq!(buffer.next_line(), None);
        assert_eq!(buffer.push(&chunk).map_err(|failure| failure.code), Err(ErrorCode::TooLarge));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(lines in prop::collection::vec("[a-z]{0,9}", 0..8), cut in 1..7usize) {
            let stream: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let mut buffer = LineBuffer::default();
            let mut seen = Vec::new();
            for chunk in stream.as_bytes().chunks(cut) {
                buffer.push(chunk).unwrap();
                while let Some(line) = buffer.next_line() {
                    seen.push(String::from_utf8(line).unwrap());
                }
            }
            prop_assert_eq!(seen, lines);
        }
    }
}
