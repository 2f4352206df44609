//! A daemon whose program was replaced by another build while it runs.
//!
//! Its agents and tools are started from the file, so they would be of the new build and speak to a daemon of the old
//! one. A daemon is crash-only: what it was doing is in its journal, and the next one goes on from there.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How long an ended daemon may take to be gone.
const END_WAIT: Duration = Duration::from_secs(5);
/// How the kernel marks a program whose file is not there any more, or is another one.
const GONE: &str = " (deleted)";

/// Ends the daemon at the other end of `connection` if its program is not the one that started it any more, and waits
/// until it is gone. Says whether it did; then there is none.
pub fn end_if_replaced(connection: impl AsFd) -> bool {
    let Ok(peer) = rustix::net::sockopt::socket_peercred(connection) else { return false };
    if peer.uid != rustix::process::getuid() || !is_replaced(peer.pid) {
        return false;
    }
    if rustix::process::kill_process(peer.pid, Signal::TERM).is_err() {
        return false;
    }
    let began = Instant::now();
    while process(peer.pid).exists() && began.elapsed() < END_WAIT {
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn is_replaced(daemon: Pid) -> bool {
    std::fs::read_link(process(daemon).join("exe")).is_ok_and(|program| program.to_string_lossy().ends_with(GONE))
}

fn process(daemon: Pid) -> std::path::PathBuf {
    Path::new("/proc").join(daemon.as_raw_nonzero().to_string())
}
