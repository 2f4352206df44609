//! Changes stay in the view until a person commits them, and can be taken back.

use crate::world::World;

const CHANGES: &str = "\
files.write(path=\"new.md\", text=\"hello\")
files.delete(path=\"report.txt\")
files.move(source=\"notes/a.md\", to=\"notes/c.md\")
";

#[test]
fn a_dropped_view_leaves_the_folder_byte_identical() {
    let world = World::new();
    let before = world.tree();
    world.plan(CHANGES, 0);
    assert_eq!(world.tree(), before, "nothing is real before the commit");
    let diff = world.ok(&["diff"]);
    for part in ["+ new.md", "- report.txt", "- notes/a.md", "+ notes/c.md"] {
        assert!(diff.contains(part), "{part} is missing in\n{diff}");
    }
    world.ok(&["drop"]);
    assert_eq!(world.tree(), before);
    assert_eq!(world.ok(&["diff"]).trim(), "Nothing was changed.");
}

#[test]
fn a_commit_is_real_and_can_be_taken_back() {
    let world = World::new();
    let before = world.tree();
    world.plan(CHANGES, 0);
    world.ok(&["commit"]);
    assert_eq!(world.read("new.md").as_deref(), Some("hello"));
    assert_eq!(world.read("report.txt"), None);
    assert_eq!(world.read("notes/c.md").as_deref(), Some("# Alpha\n\nfirst note\n"));
    world.ok(&["undo"]);
    assert_eq!(world.tree(), before);
}

#[test]
fn later_calls_see_what_earlier_ones_changed() {
    let world = World::new();
    let said = world.plan("files.write(path=\"new.md\", text=\"hello\")\nsay(files.read(path=\"new.md\"))\n", 0);
    assert!(said.contains("hello"), "{said}");
    let said = world.plan("say(files.read(path=\"new.md\"))\n", 0);
    assert!(said.contains("hello"), "the next run works in the same view: {said}");
}

#[test]
fn a_file_edited_outside_meanwhile_is_a_conflict() {
    let world = World::new();
    world.plan("files.write(path=\"report.txt\", text=\"from the view\")\n", 0);
    std::thread::sleep(std::time::Duration::from_millis(20));
    world.write("report.txt", "from outside");
    let complaint = world.ends(&["commit"], 1);
    assert!(complaint.contains("report.txt") || complaint.contains("conflict"), "{complaint}");
    assert_eq!(world.read("report.txt").as_deref(), Some("from outside"));
}

#[test]
fn why_tells_the_step_and_the_plan() {
    let world = World::new();
    world.plan("text = files.read(path=\"report.txt\")\nfiles.write(path=\"copy.txt\", text=text)\n", 0);
    world.ok(&["commit"]);
    let why = world.ok(&["why", "copy.txt"]);
    for part in ["copy.txt", "files.write", "line 2", "files.read", "what went into it was for you"] {
        assert!(why.contains(part), "{part} is missing in\n{why}");
    }
}

#[test]
fn what_lies_outside_the_workspace_cannot_be_reached() {
    let world = World::new();
    let secret = world.home().parent().unwrap().join("secret.txt");
    std::fs::write(&secret, "the secret").unwrap();
    std::os::unix::fs::symlink(&secret, world.work().join("link.txt")).unwrap();
    for (path, status) in [("../secret.txt", 3), (secret.to_str().unwrap(), 3), ("link.txt", 3), ("/etc/shadow", 3)] {
        let said = world.plan(&format!("say(files.read(path=\"{path}\"))\n"), status);
        assert!(!said.contains("the secret"), "{path}: {said}");
    }
}
