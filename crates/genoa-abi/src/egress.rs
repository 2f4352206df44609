//! What passes between a jailed tool and the egress broker: the only way to the network.
//!
//! A tool whose call was granted a host inherits a second socket as file descriptor [`EGRESS_FD`]. It sends the request
//! `fetch` with a [`FetchRequest`], and gets a [`FetchReply`] or a failure. The broker checks host and method of every
//! request, and of every redirection, against the call's rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file descriptor on which a jailed tool finds the broker, if it has a right to any host.
pub const EGRESS_FD: i32 = 4;
/// The broker's only method.
pub const FETCH: &str = "fetch";

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
