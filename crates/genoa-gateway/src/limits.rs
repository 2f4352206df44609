//! The limits of this crate that nobody else needs to know; the shared ones are in `genoa_abi::limits`. The unit is the last word.

use std::time::Duration;

/// Requests that are worked on at once; the daemon's model works on fewer, by their class.
pub(crate) const RUNNING_REQUESTS: usize = 16;
/// Requests that wait beside these; who comes then is told to come again.
pub(crate) const WAITING_REQUESTS: usize = 240;
/// After how long a request that found no place may come again.
pub(crate) const AGAIN_SECONDS: u32 = 5;
/// One request's body.
pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_SECONDS: u64 = 30;
/// How often a stream in which nothing is written yet shows that it is alive.
pub(crate) const ALIVE_SECONDS: u64 = 10;
/// How long a stream waits for its first piece before it begins.
pub(crate) const FIRST_MS: u64 = 2_000;
/// Answers to one request.
pub(crate) const CHOICES: u32 = 8;

/// Those that are about time and connections, together, so that a test can have shorter ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) running: usize,
    pub(crate) waiting: usize,
    pub(crate) body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            running: RUNNING_REQUESTS,
            waiting: WAITING_REQUESTS,
            body: Duration::from_secs(BODY_SECONDS),
        }
    }
}
