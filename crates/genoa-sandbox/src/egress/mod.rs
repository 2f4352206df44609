//! The egress broker: the one process with a network, and the rules it holds requests to.
//!
//! It serves one jailed process over one socket, several requests at a time. A request is checked against the rules before it is made, and again at
//! every redirect; an address of this machine or of a private network is reached only if the rules
//! name that very address with its port.

mod address;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod rules;
mod serve;
mod stream;

pub use serve::egress_main;

/// The environment variable with the broker's rules: a JSON list of network rights.
pub const RULES_VARIABLE: &str = "GENOA_EGRESS_RULES";

/// A request's or an answer's body.
pub const BODY_BYTES: u64 = 4 * 1024 * 1024;
/// A request with all its redirects.
pub const FETCH_MS: u64 = 30_000;
/// Until a connection stands, of a request whose answer may take longer.
pub const CONNECT_MS: u64 = 20_000;
/// Redirects of one request.
pub const REDIRECTS: usize = 5;
/// Header fields of a request or an answer.
pub const HEADERS: usize = 64;
