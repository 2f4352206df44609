//! A daemon that is killed loses nothing.

use std::time::Duration;

use crate::world::World;

#[test]
fn a_killed_daemon_goes_on_where_it_was() {
    let world = World::new();
    world.plan("files.write(path=\"new.md\", text=\"hello\")\n", 0);
    world.kill_daemon();
    let diff = world.ok(&["diff"]);
    assert!(diff.contains("+ new.md"), "{diff}");
    world.kill_daemon();
    world.ok(&["commit"]);
    assert_eq!(world.read("new.md").as_deref(), Some("hello"));
    world.ok(&["journal", "verify"]);
}

#[test]
fn killed_at_any_moment_the_journal_stays_whole() {
    let world = World::new();
    let lines: String = (0..20).map(|n| format!("files.write(path=\"file{n}.md\", text=\"{n}\")\n")).collect();
    let file = world.home().parent().unwrap().join("many.plan");
    std::fs::write(&file, lines).unwrap();
    for delay_ms in [3, 10, 25, 60, 150] {
        let mut run = world.command(&["plan", "run", file.to_str().unwrap()]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        world.kill_daemon();
        run.wait().unwrap();
        world.ok(&["status"]);
        world.ok(&["journal", "verify"]);
    }
    // The runs went on without their surfaces; in the end all files are there.
    for _ in 0..200 {
        if world.ok(&["diff"]).contains("20 added") {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the interrupted runs were not finished:\n{}", world.ok(&["diff"]));
}

#[test]
fn a_second_daemon_on_the_same_home_is_refused() {
    let world = World::new();
    world.ok(&["status"]);
    let complaint = world.ends(&["daemon"], 1);
    assert!(complaint.contains("only one writer"), "{complaint}");
}
