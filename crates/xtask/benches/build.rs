//! A release build from nothing, into a folder of its own: how long, and how large the binary is.
#![expect(clippy::print_stdout, reason = "the figures go to standard output")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use xtask::bench::{Output, Row};
use xtask::tree::workspace_root;

fn main() -> Result<(), String> {
    let root = workspace_root();
    let target = std::env::temp_dir().join(format!("genoa-cold-build-{}", std::process::id()));
    let measured = build(&root, &target);
    let cleared = std::fs::remove_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()));
    let (seconds, megabytes) = measured?;
    cleared?;
    let rows = vec![row("cold build", "s", seconds), row("binary", "MB", megabytes)];
    let output = Output { suite: "build".to_owned(), rows };
    println!("{}", serde_json::to_string(&output).map_err(|error| error.to_string())?);
    Ok(())
}

/// Seconds of the build, and megabytes of the binary. Cargo's downloads are there already: this crate was built.
fn build(root: &Path, target: &Path) -> Result<(f64, f64), String> {
    let start = Instant::now();
    let status = Command::new(root.join("x"))
        .arg("build")
        .env("CARGO_TARGET_DIR", target)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run ./x build: {error}"))?;
    if !status.success() {
        return Err(format!("./x build ended with {status}"));
    }
    let seconds = start.elapsed().as_secs_f64();
    let binary = std::fs::metadata(target.join("release/genoa")).map_err(|error| error.to_string())?;
    let bytes = u32::try_from(binary.len()).map_err(|_| "the binary is over 4 GB".to_owned())?;
    Ok((seconds, f64::from(bytes) / 1e6))
}

fn row(figure: &str, unit: &str, value: f64) -> Row {
    let (figure, unit) = (figure.to_owned(), unit.to_owned());
    Row { figure, unit, value, peer: None, peer_value: None, ratio: None, samples: vec![value] }
}
