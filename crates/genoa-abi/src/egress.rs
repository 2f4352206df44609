//! What passes between a jailed process and the egress broker: the only way to the network.
//!
//! A process that was granted a host inherits a second socket as file descriptor [`EGRESS_FD`]. It sends the request
//! `fetch` with a [`FetchRequest`], and gets a [`FetchReply`] or a failure; or the request `stream` with a
//! [`StreamRequest`], and gets a [`StreamHead`] and then [`StreamNews`] until the end. The broker checks host and method of
//! every request, and of every redirection, against the rights it was started with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::RequestId;

/// The file descriptor on which a jailed process finds the broker, if it has a right to any host.
pub const EGRESS_FD: i32 = 4;
/// The method that brings a whole answer.
pub const FETCH: &str = "fetch";
/// The method that brings an answer as it comes, and the notification with a part of it.
pub const STREAM: &str = "stream";
/// The notification with the number of a request whose answer nobody wants any more.
pub const STOP: &str = "stop";

/// One request to the network. What the broker does not know it does not pass over: a field more is a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchRequest {
    /// An `http` or `https` address.
    pub url: String,
    /// Upper case; `GET` if it is not given.
    #[serde(default = "get")]
    pub method: String,
    /// Headers by name. Those of the connection (`Host`, `Content-Length`) are the broker's business.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<FetchBody>,
}

/// One request whose answer is wanted as it comes. A redirection is an answer like any other: it is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRequest {
    /// What is asked.
    pub fetch: FetchRequest,
    /// How long the other end may be silent, in milliseconds; at most [`crate::limits::STREAM_SILENCE_MS`].
    pub silence_ms: u64,
}

/// How an answer begins. A status that means an error is one like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamHead {
    /// The HTTP status.
    pub status: u16,
    /// Headers by name in lower case; of one that came more than once, the values joined by commas.
    pub headers: BTreeMap<String, String>,
}

/// How an answer goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StreamNews {
    /// More of it, whole characters. What is not UTF-8 is replaced by the sign for that.
    Part {
        /// Which request is answered.
        request: RequestId,
        /// The text.
        text: String,
    },
    /// There is no more.
    End {
        /// Which request was answered.
        request: RequestId,
        /// Whether that was all.
        outcome: Result<(), Failure>,
    },
}

impl StreamNews {
    /// Which request is answered.
    #[must_use]
    pub fn request(&self) -> RequestId {
        match self {
            Self::Part { request, .. } | Self::End { request, .. } => *request,
        }
    }
}

/// What came back. A status that means an error is a reply like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchReply {
    /// The HTTP status.
    pub status: u16,
    /// Headers by name in lower case; of one that came more than once, the values joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The content.
    pub body: FetchBody,
    /// The address after redirections.
    pub final_url: String,
}

/// Content: as text where it is UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchBody {
    /// UTF-8.
    Text(String),
    /// Anything else, in Base64.
    Base64(String),
}

fn get() -> String {
    "GET".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{FetchBody, FetchRequest};

    #[test]
    fn a_request_is_read_strictly() {
        let read = |request: Json| serde_json::from_value::<FetchRequest>(request).map_err(|error| error.to_string());
        let short = read(json!({ "url": "https://a.example/" })).unwrap();
        assert_eq!((short.method.as_str(), short.headers.len(), short.body), ("GET", 0, None));
        let long = read(json!({ "url": "u", "method": "POST", "headers": { "a": "b" }, "body": { "text": "t" } }));
        assert_eq!(long.unwrap().body, Some(FetchBody::Text("t".into())));
        assert!(read(json!({ "url": "u", "proxy": "p" })).unwrap_err().contains("proxy"));
        assert!(read(json!({ "method": "GET" })).is_err());
        assert!(read(json!({ "url": "u", "body": { "file": "/etc/passwd" } })).is_err());
    }
}
