//! The demo of the sample workspace, as a person asks for it: a fresh home, the model on disk, nothing in any cache.
//!
//! `GENOA_BENCH_RUNS` sets the number of runs.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;
use support::{Daemon, row};

const RUNS: usize = 3;
const INTENTION: &str =
    "Prepare the product demo for Thursday's meeting with Ada: find what belongs to it and make the slides";

fn main() {
    let runs = support::wanted("GENOA_BENCH_RUNS", RUNS);
    let samples: Vec<f64> = (0..runs).map(|_| prepare_the_demo()).collect();
    let rows = [row("prepare the demo", "s", 0.5, &samples, None)];
    println!("{}", json!({"suite": "main-job", "rows": rows}));
}

/// Seconds from the intention to the finished view.
fn prepare_the_demo() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
    let sample = genoa(&home).args(["--today", "2026-11-23", "sample"]).arg(&work).stdout(Stdio::null()).status();
    assert!(sample.unwrap().success());
    let start = Instant::now();
    let daemon = Daemon::start_with_models(&home, &work);
    let done = genoa(&home)
        .args(["--json", "--today", "2026-11-23", "--workspace"])
        .arg(&work)
        .args(["do", INTENTION])
        .output()
        .unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains(".pptx"), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    drop(daemon);
    seconds
}

fn genoa(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_genoa"));
    command.env("GENOA_HOME", home).stdin(Stdio::null());
    command
}
