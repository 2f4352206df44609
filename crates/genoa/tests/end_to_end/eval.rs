//! An evaluation that is interrupted leaves nothing behind that goes on computing.

use std::process::{Command, Stdio};

use crate::processes::{below, find_below, is_running, wait_for};
use crate::world::World;

/// Cases that go on for longer than this test needs, each of which fails because the model's file is none.
fn endless_cases(world: &World) {
    let case = |number| {
        format!(
            r#"{{"id": "case-{number}", "agent": "system", "intention": "How busy is this machine?", "workspace": "sample", "today": "2026-11-23", "expect": {{}}}}"#
        )
    };
    let cases: Vec<String> = (0..2000).map(case).collect();
    world.write("cases.jsonl", &cases.join("\n"));
    world.add_broken_model("none");
}

#[test]
fn an_evaluation_that_is_killed_takes_its_daemon_and_its_worker_along() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        let world = World::new();
        endless_cases(&world);
        let mut going = world
            .command(&["eval", "cases.jsonl", "--model", "none"])
            .env("TMPDIR", world.cache())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = wait_for("a daemon", || find_below(going.id(), "daemon"));
        wait_for("a model worker", || find_below(daemon, "model-worker"));
        let all: Vec<u32> = below(going.id());
        assert!(Command::new("kill").args([signal, &going.id().to_string()]).status().unwrap().success());
        assert!(!going.wait().unwrap().success(), "it was ended in the middle");
        wait_for("the end of all that was started", || (!all.iter().copied().any(is_running)).then_some(()));
    }
}

#[test]
fn a_daemon_for_somebody_who_is_gone_does_not_start() {
    let world = World::new();
    // The first process is nobody's child here: whoever was meant is gone.
    let complaint = world.ends(&["daemon", "--end-with", "1"], 1);
    assert!(complaint.contains("is gone"), "{complaint}");
    assert!(!world.home().exists(), "and leaves nothing");
}
