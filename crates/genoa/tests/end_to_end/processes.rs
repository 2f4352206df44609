//! The processes below another, as `/proc` shows them.

use std::time::{Duration, Instant};

/// How long something may take to appear or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every process below `process`, nearest first.
pub(crate) fn below(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children: Vec<u32> = children.split_whitespace().filter_map(|child| child.parse().ok()).collect();
    let deeper: Vec<u32> = children.iter().copied().flat_map(below).collect();
    children.into_iter().chain(deeper).collect()
}

/// The first process below `process` that was started as `mode`.
pub(crate) fn find_below(process: u32, mode: &str) -> Option<u32> {
    below(process).into_iter().find(|child| {
        let arguments = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).nth(1) == Some(mode.as_bytes())
    })
}

/// Whether a process runs; one that is over and that nobody asked about yet does not.
pub(crate) fn is_running(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// Waits until `look` gives something.
pub(crate) fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within {PATIENCE:?}");
}
