//! An endpoint as it is configured, and where it is.

use std::path::PathBuf;

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use crate::hub::is_private;
use crate::limits::REMOTE_SILENCE_MS;

/// An endpoint and what it can do beyond the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteOptions {
    /// What replies call the provider; the model's name follows after a slash.
    pub name: String,
    /// The address before `/chat/completions`, such as `https://host/v1`.
    pub url: String,
    /// The model's name at the endpoint.
    pub model: String,
    /// The model for embeddings, where the endpoint has one.
    #[serde(default)]
    pub embedding_model: Option<String>,
    /// A file with the key, if the endpoint wants one.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The model's context window, in tokens; only reported.
    pub context_tokens: u32,
    /// The endpoint takes Lark grammars in `guided_grammar` (vLLM with the guidance backend does).
    #[serde(default)]
    pub guided_grammar: bool,
    /// The endpoint goes on from a last message of the assistant with `continue_final_message` (vLLM does).
    #[serde(default)]
    pub continue_final_message: bool,
    /// Allows an address without encryption on another machine.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// Each request may cost: none is sent again unless it is certain that nothing was done for the one before.
    #[serde(default)]
    pub asks_once: bool,
    /// How long the endpoint may be silent, in milliseconds.
    #[serde(default = "default_silence")]
    pub silence_ms: u64,
}

impl RemoteOptions {
    /// The host with its port, as a right names it: all that has to be reached, and nothing else.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for an address that is none, that carries a secret or a query, or over which anybody on
    /// the way can read what is sent.
    pub fn host(&self) -> Result<String, Failure> {
        let invalid = |why: &str| {
            // Without the address: what is wrong with it may be that it carries a secret.
            Failure::new(ErrorCode::InvalidInput, format!("the address of the endpoint {} cannot be used", self.name))
                .because(why)
                .try_next("Write it like https://host/v1")
        };
        if self.url.contains(['@', '?', '#']) {
            return Err(invalid("it holds more than a host and a path; a key belongs into a file"));
        }
        let uri: Uri = self.url.parse().map_err(|_| invalid("it is no web address"))?;
        let usual = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return Err(invalid("it begins with neither https:// nor http://")),
        };
        if !self.allow_plain_http && !is_private(&self.url)? {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not encrypted", self.url))
                .try_next("Use an address that begins with https://, or set `allow_plain_http = true` for it"));
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| invalid("it names no host"))?;
        Ok(format!("{}:{}", host.to_ascii_lowercase(), uri.port_u16().unwrap_or(usual)))
    }
}

fn default_silence() -> u64 {
    REMOTE_SILENCE_MS
}

#[cfg(test)]
mod tests {
    use super::RemoteOptions;

    fn host(url: &str, allow_plain_http: bool) -> Result<String, String> {
        let options = serde_json::json!({ "name": "lab", "url": url, "model": "m", "context_tokens": 1,
            "allow_plain_http": allow_plain_http });
        let options: RemoteOptions = serde_json::from_value(options).unwrap();
        options.host().map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_address_is_one_host_and_one_port() {
        let check = |url: &str, expected: &str| assert_eq!(host(url, false).as_deref(), Ok(expected), "{url}");
        check("https://API.example.org/v1/", "api.example.org:443");
        check("https://api.example.org:8443", "api.example.org:8443");
        check("http://127.0.0.1:8080/v1", "127.0.0.1:8080");
        check("http://[::1]:8080/v1", "[::1]:8080");
        assert_eq!(host("http://10.0.0.7/v1", true).as_deref(), Ok("10.0.0.7:80"));
    }

    #[test]
    fn other_addresses_are_refused_and_secrets_are_not_repeated() {
        for url in [
            "",
            "lab",
            "ftp://a.org",
            "https://",
            "https://a.org/v1?key=hush",
            "https://u:hush@a.org",
            "https://a.org#hush",
        ] {
            let complaint = host(url, true).unwrap_err();
            assert!(complaint.contains("cannot be used") && !complaint.contains("hush"), "{url}: {complaint}");
        }
        assert!(host("http://10.0.0.7/v1", false).unwrap_err().contains("not encrypted"));
    }
}
