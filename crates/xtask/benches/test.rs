//! The whole of `./x test`, run a second time: what a developer waits for.
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]

use std::process::Command;
use std::time::Instant;

use xtask::bench::{Output, Row};
use xtask::tree::workspace_root;

/// What a developer may have set for cargo.
const KEPT: [&str; 3] = ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS"];

fn main() -> Result<(), String> {
    run_tests()?;
    let start = Instant::now();
    run_tests()?;
    let seconds = start.elapsed().as_secs_f64();
    let row = Row {
        figure: "everything that must be green".to_owned(),
        unit: "s".to_owned(),
        value: seconds,
        peer: None,
        peer_value: None,
        ratio: None,
        samples: vec![seconds],
    };
    let output = Output { suite: "test".to_owned(), rows: vec![row] };
    println!("{}", serde_json::to_string(&output).map_err(|error| error.to_string())?);
    Ok(())
}

fn run_tests() -> Result<(), String> {
    let mut command = Command::new(workspace_root().join("x"));
    // What cargo tells the program that it runs would make its builds other ones than a developer's.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_") && !KEPT.contains(&name)) {
            command.env_remove(name);
        }
    }
    let output = command.arg("test").output();
    let output = output.map_err(|error| format!("cannot run ./x test: {error}"))?;
    let closing = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("./x test is not green: {closing}")) }
}
