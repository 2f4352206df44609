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
/// How long the body of a request is heard out that is refused whatever it says.
pub(crate) const HEARD_OUT_MS: u64 = 2_000;
/// Connections that are open at once; twice the requests that have a place, so that one without can be told so.
pub(crate) const CONNECTIONS: usize = 512;
/// How long a client may take to say what it wants: from the connection, or the first byte of another request, to the last of its head.
pub(crate) const HEAD_SECONDS: u64 = 10;
/// How long a connection may lie idle between two requests.
pub(crate) const IDLE_SECONDS: u64 = 60;
/// How long a connection must have been idle before it makes room for another, where all are taken.
pub(crate) const SPARED_MS: u64 = 1_000;
/// How long a client may leave what it is told unread before it is given up.
pub(crate) const UNREAD_SECONDS: u64 = 60;
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
    pub(crate) connections: usize,
    pub(crate) body: Duration,
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    pub(crate) spared: Duration,
    pub(crate) unread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            running: RUNNING_REQUESTS,
            waiting: WAITING_REQUESTS,
            connections: CONNECTIONS,
            body: Duration::from_secs(BODY_SECONDS),
            head: Duration::from_secs(HEAD_SECONDS),
            idle: Duration::from_secs(IDLE_SECONDS),
            spared: Duration::from_millis(SPARED_MS),
            unread: Duration::from_secs(UNREAD_SECONDS),
        }
    }
}
