//! Syscalls through socket, kernel and journal and back: those that share a group commit, and one that waits for the
//! disk, beside a bare append and fsync on the same disk.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

mod support;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use genoa_abi::syscall::{Reply, Syscall};
use serde_json::json;
use support::{Daemon, row};

const CALLS: usize = 5_000;
const DURABLE_CALLS: usize = 300;

fn main() {
    let folder = tempfile::Builder::new().prefix("genoa-bench-").tempdir_in("/var/tmp").unwrap();
    let workspace = folder.path().join("work");
    std::fs::create_dir(&workspace).unwrap();
    let mut daemon = Daemon::start(&folder.path().join("home"), &workspace);
    let shared: Vec<f64> =
        (0..CALLS).map(|_| microseconds(|| drop(daemon.client.call(&Syscall::Grants {}).unwrap()))).collect();
    let (durable, bare) = durable(&mut daemon, folder.path());
    let rows = [
        row("round trip, group commit, median", "µs", 0.5, &shared, None),
        row("round trip, group commit, 99th percentile", "µs", 0.99, &shared, None),
        row(
            "round trip, durable, median, beside a bare fsync",
            "µs",
            0.5,
            &durable,
            Some(("write and fdatasync", &bare)),
        ),
    ];
    println!("{}", json!({"suite": "syscall", "rows": rows}));
}

/// Syscalls that change authority, and bare writes, one after the other on the same disk.
fn durable(daemon: &mut Daemon, folder: &Path) -> (Vec<f64>, Vec<f64>) {
    let mut file = File::create(folder.join("bare")).unwrap();
    let (mut durable, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..DURABLE_CALLS {
        let Reply::Grants(held) = daemon.client.call(&Syscall::Grants {}).unwrap() else { panic!("no grants") };
        let request = serde_json::from_value(json!({
            "rights": [], "life_ms": 60_000, "budget": {"calls": 1, "bytes": 1, "tokens": 1, "seconds": 1}, "may_pass_on": false,
        }));
        let narrow = Syscall::Attenuate { grant: held[0].id, request: request.unwrap() };
        durable.push(microseconds(|| drop(daemon.client.call(&narrow).unwrap())));
        bare.push(microseconds(|| {
            file.write_all(&[0; 512]).unwrap();
            file.sync_data().unwrap();
        }));
    }
    (durable, bare)
}

fn microseconds(act: impl FnOnce()) -> f64 {
    let start = Instant::now();
    act();
    start.elapsed().as_secs_f64() * 1e6
}
