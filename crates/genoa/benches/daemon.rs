//! A daemon without a model: how long until its first answer, and how much memory it and its spawner hold when idle.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Daemon, row};

const RUNS: usize = 20;
/// How long a daemon rests before it is weighed.
const REST: Duration = Duration::from_secs(2);

fn main() {
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("work");
        std::fs::create_dir(&workspace).unwrap();
        let daemon = Daemon::start(&folder.path().join("home"), &workspace);
        ready.push(daemon.ready.as_secs_f64() * 1000.0);
        if run % 5 == 0 {
            std::thread::sleep(REST);
            memory.push(resident_megabytes(daemon.process.0.id()));
        }
    }
    let rows = [
        row("daemon ready without a model", "ms", 0.5, &ready, None),
        row("daemon idle, resident memory", "MB", 0.5, &memory, None),
    ];
    println!("{}", json!({"suite": "daemon", "rows": rows}));
}

/// What a process and those that it started hold.
fn resident_megabytes(process: u32) -> f64 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let below: f64 = children.split_whitespace().filter_map(|child| child.parse().ok()).map(resident_megabytes).sum();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().unwrap_or_default();
    below + kibibytes * 1024.0 / 1e6
}
