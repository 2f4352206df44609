//! What a jail costs: the same program started plainly, in our jail, and in bubblewrap's, one after the other.
//!
//! Prints one JSON object. `GENOA_BENCH_RUNS` sets the number of runs, `GENOA_BENCH_VIEWS` the folder for the view: the
//! end of a jail flushes the view's file system, so it matters which one that is.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring program")]

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use genoa_abi::ViewId;
use genoa_abi::grant::{Access, Right};
use genoa_sandbox::{ChildEnd, JailPlan, Machine, SpawnerHandle, SpawnerNews, ViewLayout, plan_tool, probe};
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

const RUNS: usize = 200;
const PROGRAM: &str = "/usr/bin/true";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("spawner") {
        return ExitCode::from(u8::from(genoa_sandbox::spawner_main().is_err()));
    }
    let runs = std::env::var("GENOA_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let folder = tempfile::Builder::new().prefix("genoa-bench-").tempdir_in("/var/tmp").unwrap();
    let binary = std::env::current_exe().unwrap();
    let views = std::env::var_os("GENOA_BENCH_VIEWS").map_or_else(|| folder.path().to_owned(), Into::into);
    let (home, workspace) = (views.join("genoa-bench-home"), folder.path().join("workspace"));
    fs::create_dir_all(&workspace).unwrap();
    let layout = ViewLayout::new(&home, ViewId(1), &workspace);
    layout.open().unwrap();
    let probes: Vec<f64> = (0..20).map(|_| timed(|| drop(probe(&binary, &home).unwrap()))).collect();
    let machine = Machine::survey(probe(&binary, &home).unwrap(), &binary, &home, None);
    let plan = jail(&machine, &layout);
    let mut spawner = SpawnerHandle::start(&binary).unwrap();
    let has_peer = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok();
    let (mut plain, mut jailed, mut started, mut peer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in 0..runs as u64 {
        plain.push(timed(|| assert!(Command::new(PROGRAM).status().unwrap().success())));
        let (to_start, whole) = run(&mut spawner, id, &plan);
        started.push(to_start);
        jailed.push(whole);
        if has_peer {
            peer.push(timed(|| assert!(bubblewrap(&workspace).status().unwrap().success())));
        }
    }
    // The kernel leaves an inner folder without permissions.
    let inner = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let _ = fs::set_permissions(layout.work().join("work"), inner);
    fs::remove_dir_all(&home).unwrap();
    let extra: Vec<f64> = jailed.iter().zip(&plain).map(|(jailed, plain)| jailed - plain).collect();
    let rows = [
        row("fork and exec, no jail", &plain, None),
        row("jail with an overlay workspace, request to exit", &jailed, (!peer.is_empty()).then_some(&peer)),
        row("jail with an overlay workspace, request to exec", &started, None),
        row("jail with overlay over plain exec, median", &extra, None),
        row("probe of all primitives, with the start of a spawner", &probes, None),
    ];
    println!(
        "{}",
        json!({"suite": "jail", "program": PROGRAM, "user": machine.report.user, "runs": runs, "rows": rows})
    );
    ExitCode::SUCCESS
}

fn jail(machine: &Machine, layout: &ViewLayout) -> JailPlan {
    let files = Right::Files { under: layout.workspace.to_str().unwrap().to_owned(), access: Access::Write };
    let job = serde_json::from_value(json!({
        "call": 1, "session": 1, "run": null, "line": 0,
        "schema": {"name": "bench.tool", "group": "bench", "about": "", "parameters": [], "returns": "None",
            "effect": "change", "executor": "jail", "needs": {}},
        "arguments": {}, "rights": [files], "view": 1, "workspace": layout.workspace,
        "person": {"name": "", "email": ""}, "clock": {"now": "2026-01-01T00:00:00Z", "timezone": "UTC"},
        "time_limit_ms": 1000,
    }));
    let mut plan = plan_tool(&job.unwrap(), layout, machine).unwrap();
    plan.program.path = PROGRAM.into();
    plan.program.arguments.clear();
    plan
}

/// Milliseconds until the program runs, and until it is over.
fn run(spawner: &mut SpawnerHandle, id: u64, plan: &JailPlan) -> (f64, f64) {
    let start = Instant::now();
    let none: [OwnedFd; 0] = [];
    spawner.spawn(id, plan, &none).unwrap();
    let mut to_start = 0.0;
    loop {
        match spawner.receive().unwrap() {
            Some(SpawnerNews::Started { .. }) => to_start = milliseconds(start),
            Some(SpawnerNews::Exited { end, .. }) => {
                assert_eq!(end, ChildEnd::Code(0));
                return (to_start, milliseconds(start));
            }
            Some(other) => panic!("{other:?}"),
            None => {
                poll(&mut [PollFd::new(spawner, PollFlags::IN)], None).unwrap();
            }
        }
    }
}

/// What comes closest: the same namespaces and binds. It has no overlay, no Landlock and no filter, which helps it.
fn bubblewrap(workspace: &Path) -> Command {
    let mut command = Command::new("bwrap");
    command.args([
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]);
    command.args(["--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"]);
    command.args(["--symlink", "usr/lib64", "/lib64", "--ro-bind", "/etc/ssl/certs", "/etc/ssl/certs"]);
    command.args(["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache", "--bind"]);
    command.args([workspace, workspace]).arg(PROGRAM);
    command
}

fn timed(act: impl FnOnce()) -> f64 {
    let start = Instant::now();
    act();
    milliseconds(start)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

fn row(figure: &str, samples: &[f64], peer: Option<&Vec<f64>>) -> Value {
    let value = quantile(samples, 0.5);
    let peer_value = peer.map(|peer| quantile(peer, 0.5));
    json!({
        "figure": figure, "unit": "ms", "value": value, "p95": quantile(samples, 0.95), "min": quantile(samples, 0.0),
        "peer": peer.map(|_| "bwrap --unshare-all"), "peer_value": peer_value, "peer_p95": peer.map(|peer| quantile(peer, 0.95)),
        "ratio": peer_value.map(|peer| round(value / peer)), "samples": samples.iter().copied().map(round).collect::<Vec<_>>(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a list"
)]
fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    round(sorted[((sorted.len() - 1) as f64 * part).round() as usize])
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
