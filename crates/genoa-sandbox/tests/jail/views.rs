//! Random programs in a view: dropping it changes nothing, committing it equals running them directly, undo restores.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use genoa_abi::grant::Access;
use genoa_abi::view::ViewState;
use genoa_sandbox::{ChildEnd, ViewLayout};

use crate::harness::{Test, World};

pub(crate) const TESTS: &[Test] = &[
    ("random_programs_commit_drop_and_undo", random_programs_commit_drop_and_undo),
    ("what_a_call_wrote_is_seen", what_a_call_wrote_is_seen),
];

const ROUNDS: u64 = 12;
const OPERATIONS: usize = 12;

/// Small and seeded: the same programs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn path(&mut self) -> String {
        let parts = ["a", "b", "c d", "-e", "f"];
        let depth = 1 + self.below(3);
        (0..depth).map(|_| parts[self.below(parts.len())]).collect::<Vec<_>>().join("/")
    }

    fn operation(&mut self) -> String {
        let (one, two) = (self.path(), self.path());
        let number = self.below(1000);
        match self.below(11) {
            0 | 1 => format!("echo {number} > './{one}'"),
            2 => format!("echo {number} >> './{one}'"),
            3 => format!("rm -rf './{one}'"),
            4 | 5 => format!("mkdir -p './{one}'"),
            6 => format!("mv -T './{one}' './{two}'"),
            7 => format!("rm -rf './{one}'; ln -s '{two}' './{one}'"),
            8 => format!("if [ -d './{one}' ]; then chmod 750 './{one}'; else chmod 640 './{one}'; fi"),
            9 => format!("cp -r './{one}' './{two}'"),
            _ => format!("rm -rf './{one}'; mkdir -p './{one}'; echo {number} > './{one}/a'"),
        }
    }
}

fn fill(workspace: &Path) {
    for (path, text) in [("a/a", "1"), ("a/b/a", "2"), ("b/c d/f", "3"), ("c d", "4"), ("-e/f", "5"), ("f/a/b", "6")] {
        fs::create_dir_all(workspace.join(path).parent().unwrap()).unwrap();
        fs::write(workspace.join(path), text).unwrap();
    }
    symlink("a/a", workspace.join("b/a")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-a"]).args([from, to]).status().unwrap().success());
}

fn listing(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut tree = crate::harness::tree(root);
    for entry in &mut tree {
        entry.0 = entry.0.strip_prefix(root).unwrap().to_owned();
    }
    tree
}

fn random_programs_commit_drop_and_undo() {
    let mut world = World::new();
    let home = world.machine.home.clone();
    let mut changed = 0;
    for round in 0..ROUNDS {
        let mut random = Random(round * 7919 + 1);
        let script: Vec<String> = (0..OPERATIONS).map(|_| format!("( {} ) 2>/dev/null", random.operation())).collect();
        let script = format!("umask 022; {}; true", script.join("; "));
        let folder = world.folder.path().join(format!("round-{round}"));
        let (workspace, direct) = (folder.join("workspace"), folder.join("direct"));
        fs::create_dir_all(&workspace).unwrap();
        fill(&workspace);
        copy(&workspace, &direct);
        let before = listing(&workspace);
        world.layout = ViewLayout::new(&home, genoa_abi::ViewId(100 + round), &workspace);
        world.layout.open().unwrap();
        // In two calls, so that the second meets what the first left.
        let plan = world.script(vec![world.files(Access::Write)], &script);
        assert_eq!(world.run(&plan, &[]).1, ChildEnd::Code(0));
        assert_eq!(listing(&workspace), before, "the view leaks: {script}");
        assert!(Command::new("sh").args(["-c", &script]).current_dir(&direct).status().unwrap().success());
        let expected = listing(&direct);
        if round % 4 == 3 {
            world.layout.discard().unwrap();
            assert_eq!(listing(&workspace), before, "dropped: {script}");
            continue;
        }
        let difference = world.layout.commit().unwrap();
        changed += difference.changes.len();
        assert_eq!(listing(&workspace), expected, "committed: {script}");
        assert_eq!(difference.changes.is_empty(), before == expected, "{difference}: {script}");
        world.layout.undo().unwrap();
        assert_eq!(listing(&workspace), before, "undone: {script}");
        assert_eq!(world.layout.state(), Ok(ViewState::Undone));
    }
    assert!(changed > 50, "{changed} changes in all");
}

fn what_a_call_wrote_is_seen() {
    let mut world = World::new();
    let first = world.layout.snapshot().unwrap();
    world.sh("echo new > file; echo x > fresh; mkdir folder; echo y > folder/z");
    let second = world.layout.snapshot().unwrap();
    world.sh("rm fresh inner/deep; echo more >> file");
    let paths = |snapshot| -> Vec<(String, bool)> {
        let written = world.layout.written_since(snapshot).unwrap();
        written.into_iter().map(|file| (file.path, file.content.is_some())).collect()
    };
    let seen =
        |list: &[(&str, bool)]| -> Vec<(String, bool)> { list.iter().map(|(p, c)| ((*p).to_owned(), *c)).collect() };
    assert_eq!(paths(&second), seen(&[("file", true), ("fresh", false), ("inner/deep", false)]));
    assert_eq!(paths(&first), seen(&[("file", true), ("folder/z", true), ("inner/deep", false)]));
}
