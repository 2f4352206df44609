//! A daemon that is killed loses nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::processes::is_running;
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
fn a_daemon_of_an_earlier_build_is_started_anew() {
    let world = World::new();
    let installed = world.home().with_file_name("genoa");
    let install = || {
        let new = installed.with_extension("new");
        std::fs::copy(env!("CARGO_BIN_EXE_genoa"), &new).unwrap();
        std::fs::rename(&new, &installed).unwrap();
    };
    let run = |arguments: &[&str]| {
        let output = world.command_of(&installed, arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        world.daemon().unwrap()
    };
    install();
    let first = run(&["status"]);
    assert_eq!(run(&["status"]), first);
    install();
    let second = run(&["status"]);
    assert!(second != first && !is_running(first), "{first} and {second}");
    assert_eq!(run(&["journal", "verify"]), second);
}

#[test]
fn a_second_daemon_on_the_same_home_is_refused() {
    let world = World::new();
    world.plan("files.write(path=\"new.md\", text=\"hello\")\n", 0);
    let first = world.daemon();
    let complaint = world.ends(&["daemon"], 5);
    assert!(complaint.contains("only one writer"), "{complaint}");
    // By another name it is the same home.
    let link = world.home().with_extension("link");
    std::os::unix::fs::symlink(world.home(), &link).unwrap();
    let output = world.command(&["daemon"]).env("GENOA_HOME", &link).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    // The first one goes on, with its socket and its view.
    assert_eq!(world.daemon(), first);
    assert!(world.ok(&["diff"]).contains("+ new.md"));
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

/// Kills the daemon after a growing time while `arguments` runs, until what they ask for is done.
fn kill_during(world: &World, arguments: &[&str], is_done: impl Fn() -> bool) {
    // Small steps at first; on a busy machine, larger ones until it is reached.
    let delays = std::iter::successors(Some(0), |delay| Some(delay + 7 + delay / 4));
    for delay_ms in delays.take_while(|delay| *delay < 20_000) {
        let quiet = std::process::Stdio::null;
        let mut command = world.command(arguments).stdout(quiet()).stderr(quiet()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        world.kill_daemon();
        command.wait().unwrap();
        if is_done() {
            return;
        }
    }
    panic!("{arguments:?} never ends");
}

/// The tree when no commit is under way in it any more.
fn settled(world: &World) -> BTreeMap<String, Vec<u8>> {
    for _ in 0..200 {
        let tree = world.tree();
        if !tree.keys().any(|name| name.starts_with(".genoa-commit-")) {
            return tree;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    world.tree()
}

#[test]
fn killed_at_any_moment_of_a_commit_or_an_undo_all_is_done_or_nothing() {
    let world = World::new();
    let before = world.tree();
    let lines: String = (0..40).map(|n| format!("files.write(path=\"new/file{n}.md\", text=\"{n}\")\n")).collect();
    world.plan(&format!("{lines}files.delete(path=\"notes\")\nfiles.append(path=\"report.txt\", text=\"more\")\n"), 0);
    let view = world.ok(&["status"]).split_whitespace().find(|word| word.starts_with('v')).unwrap().to_owned();
    let is_committed = || {
        // The next daemon finishes what the last one had begun, while it answers already.
        world.ok(&["status"]);
        let tree = settled(&world);
        let made = tree.keys().filter(|name| name.starts_with("new/")).count();
        assert!(tree == before || (made == 40 && !tree.contains_key("notes/a.md")), "{:?}", tree.keys());
        made == 40
    };
    kill_during(&world, &["commit", &view], is_committed);
    kill_during(&world, &["undo", &view], || !is_committed());
    assert_eq!(world.tree(), before);
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

#[test]
fn killed_between_any_two_steps_of_a_message_it_is_asked_for_and_sent_once() {
    let world = World::new();
    let plan = "mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"The text.\")\n";
    world.plan(plan, 4);
    world.kill_daemon();
    let status = world.ok(&["status"]);
    assert_eq!(status.matches("q1 ").count(), 1, "the question still waits: {status}");
    world.kill_daemon();
    world.ok(&["approve"]);
    world.kill_daemon();
    let status = world.ok(&["status"]);
    assert!(status.contains("o1") && !status.contains("o2") && !status.contains("q1 "), "{status}");
    world.kill_daemon();
    world.ok(&["undo", "o1"]);
    world.kill_daemon();
    assert!(world.ok(&["status"]).contains("withdrawn"), "what was taken back stays taken back");
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

/// A small disk of its own needs the right to mount; where the tests run without it, the simulator's full disks remain.
#[test]
fn a_full_disk_ends_the_work_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "none"]).arg(folder.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no right to mount a small disk");
        return;
    }
    let disk = Unmounted(folder.path().to_owned());
    let world = World::with_home(disk.0.join("home"));
    world.plan("files.write(path=\"before.md\", text=\"hello\")\n", 0);
    let filler = disk.0.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    let said = world.plan("files.write(path=\"during.md\", text=\"hello\")\n", 1);
    assert!(said.contains("the disk that holds") && said.contains("is full"), "{said}");
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    let diff = world.ok(&["diff"]);
    assert!(diff.contains("+ before.md"), "{diff}");
    world.plan("files.write(path=\"after.md\", text=\"hello\")\n", 0);
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

/// A small disk; dropping it unmounts it, whatever the daemon still holds.
struct Unmounted(PathBuf);

impl Drop for Unmounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
