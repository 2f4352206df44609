//! Commits that are killed at every step, on layers made by hand as the kernel makes them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use genoa_abi::view::{ViewAction, ViewState};
use genoa_abi::{ContentHash, ErrorCode, Failure, ViewId};
use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use tempfile::TempDir;

use crate::view::ViewLayout;

type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            let content = if data.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if data.is_dir() {
                folders.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            tree.insert(path.strip_prefix(root).unwrap().to_owned(), (data.mode(), content));
        }
    }
    tree
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn whiteout(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
}

/// A workspace and a view that changes it in every way there is. In memory, since every commit flushes.
fn world() -> (TempDir, ViewLayout) {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let layout = ViewLayout::new(&folder.path().join("home"), ViewId(7), &folder.path().join("workspace"));
    let lower = &layout.workspace;
    write(
        lower,
        &[
            ("kept", "kept"),
            ("edited", "old"),
            ("removed", "x"),
            ("mode", "m"),
            ("same", "same"),
            ("folder/a", "a"),
            ("folder/deep/b", "b"),
            ("emptied/c", "c"),
            ("emptied/inner/d", "d"),
            ("to-file/e", "e"),
            ("to-folder", "f"),
            ("stays/g", "g"),
            ("line\nfeed", "n"),
        ],
    );
    symlink("kept", lower.join("link")).unwrap();
    layout.open().unwrap();
    let upper = &layout.upper();
    write(
        upper,
        &[
            ("edited", "new"),
            ("mode", "m"),
            ("same", "same"),
            ("fresh", "fresh"),
            ("new/deep/file", "n"),
            ("to-file", "now a file"),
            ("to-folder/h", "h"),
            ("emptied/other", "o"),
            ("emptied/inner/z", "z"),
            ("stays/g", "gg"),
        ],
    );
    for gone in ["removed", "folder", "line\nfeed"] {
        whiteout(&upper.join(gone));
    }
    let value = b"y";
    rustix::fs::setxattr(upper.join("emptied"), "user.overlay.opaque", value, XattrFlags::empty()).unwrap();
    symlink("fresh", upper.join("link")).unwrap();
    fs::set_permissions(upper.join("mode"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(upper.join("new/deep"), fs::Permissions::from_mode(0o750)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(upper.join("socket")).unwrap();
    (folder, layout)
}

fn expected(before: &Tree) -> Tree {
    let mut after = before.clone();
    let mode = before[Path::new("kept")].0;
    let folder = before[Path::new("stays")].0;
    let gone = [
        "removed",
        "folder",
        "folder/a",
        "folder/deep",
        "folder/deep/b",
        "emptied/c",
        "emptied/inner/d",
        "to-file/e",
        "line\nfeed",
    ];
    gone.iter().for_each(|path| {
        after.remove(Path::new(path)).unwrap();
    });
    let files = [
        ("edited", "new"),
        ("fresh", "fresh"),
        ("new/deep/file", "n"),
        ("to-file", "now a file"),
        ("to-folder/h", "h"),
        ("emptied/other", "o"),
        ("emptied/inner/z", "z"),
        ("stays/g", "gg"),
    ];
    for (path, text) in files {
        after.insert(path.into(), (mode, text.into()));
    }
    after.insert("mode".into(), (0o100_755, b"m".to_vec()));
    after.insert("new".into(), (folder, Vec::new()));
    after.insert("new/deep".into(), (0o040_750, Vec::new()));
    after.insert("to-folder".into(), (folder, Vec::new()));
    after.insert("link".into(), (0o120_777, b"fresh".to_vec()));
    after
}

/// An error at the checkpoint of this number, as if the process had been killed there.
fn killed_at(number: usize) -> impl FnMut(&str) -> Result<(), Failure> {
    let mut passed = 0;
    move |_| {
        passed += 1;
        if passed > number { Err(Failure::new(ErrorCode::Interrupted, "killed")) } else { Ok(()) }
    }
}

#[test]
fn the_difference_names_every_change_once() {
    let (_folder, layout) = world();
    let lines: Vec<String> =
        layout.diff().unwrap().changes.iter().map(|change| format!("{:?} {:?}", change.kind, change.path)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Modified "edited"
    Removed "emptied/c"
    Removed "emptied/inner/d"
    Added "emptied/inner/z"
    Added "emptied/other"
    Removed "folder"
    Removed "folder/a"
    Removed "folder/deep"
    Removed "folder/deep/b"
    Added "fresh"
    Removed "line\nfeed"
    Modified "link"
    Modified "mode"
    Added "new"
    Added "new/deep"
    Added "new/deep/file"
    Removed "removed"
    Modified "stays/g"
    Modified "to-file"
    Removed "to-file/e"
    Modified "to-folder"
    Added "to-folder/h"
    "#);
}

#[test]
fn a_commit_that_is_killed_is_finished_or_never_was() {
    let mut finished = 0;
    for number in 0.. {
        let (_folder, layout) = world();
        let before = tree(&layout.workspace);
        let outcome = layout.commit_stopping_at(&mut killed_at(number));
        let recovered = layout.recover().unwrap();
        match recovered {
            Some(action) => assert_eq!(action, ViewAction::Commit),
            None if outcome.is_err() && layout.state() == Ok(ViewState::Open) => {
                assert_eq!(tree(&layout.workspace), before, "killed at {number}");
                layout.commit().unwrap();
            }
            None => {}
        }
        assert_eq!(tree(&layout.workspace), expected(&before), "killed at {number}");
        assert_eq!(layout.state(), Ok(ViewState::Committed));
        assert_eq!(layout.recover(), Ok(None));
        layout.undo().unwrap();
        assert_eq!(tree(&layout.workspace), before, "undone after {number}");
        if outcome.is_ok() {
            finished = number;
            break;
        }
    }
    assert!(finished > 40, "{finished} checkpoints");
}

#[test]
fn an_undo_that_is_killed_is_finished_or_never_was() {
    for number in 0.. {
        let (_folder, layout) = world();
        let before = tree(&layout.workspace);
        layout.commit().unwrap();
        let after = tree(&layout.workspace);
        let outcome = layout.undo_stopping_at(&mut killed_at(number));
        if layout.recover().unwrap().is_none() && layout.state() == Ok(ViewState::Committed) {
            assert_eq!(tree(&layout.workspace), after, "killed at {number}");
            layout.undo().unwrap();
        }
        assert_eq!(tree(&layout.workspace), before, "killed at {number}");
        if outcome.is_ok() {
            break;
        }
    }
}

#[test]
fn edits_below_are_conflicts() {
    let check = |edit: fn(&Path), conflicts: &[&str]| {
        let (_folder, layout) = world();
        edit(&layout.workspace);
        let before = tree(&layout.workspace);
        assert_eq!(layout.diff().unwrap().conflicts, conflicts);
        let code = layout.commit().map(|_| ()).map_err(|failure| failure.code);
        assert_eq!(code, if conflicts.is_empty() { Ok(()) } else { Err(ErrorCode::Conflict) });
        if !conflicts.is_empty() {
            assert_eq!(tree(&layout.workspace), before);
        }
    };
    check(|lower| write(lower, &[("kept", "edited"), ("another", "new")]), &[]);
    check(|lower| write(lower, &[("edited", "mine")]), &["edited"]);
    check(|lower| write(lower, &[("fresh", "mine")]), &["fresh"]);
    check(|lower| write(lower, &[("folder/mine", "mine")]), &["folder/mine"]);
    check(|lower| fs::remove_file(lower.join("removed")).unwrap(), &[]);
}

#[test]
fn an_undo_does_not_lose_later_edits() {
    let (_folder, layout) = world();
    layout.commit().unwrap();
    write(&layout.workspace, &[("edited", "later")]);
    let after = tree(&layout.workspace);
    assert_eq!(layout.undo().unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(tree(&layout.workspace), after);
}

#[test]
fn a_discarded_view_leaves_no_trace() {
    let (folder, layout) = world();
    let before = tree(&layout.workspace);
    fs::set_permissions(layout.upper().join("new"), fs::Permissions::from_mode(0o000)).unwrap();
    layout.discard().unwrap();
    assert_eq!(tree(&layout.workspace), before);
    assert!(!layout.upper().exists() && !layout.work().exists());
    assert_eq!(layout.commit().unwrap_err().code, ErrorCode::Conflict);
    drop(folder);
}

#[test]
fn what_must_not_enter_a_workspace_is_refused() {
    let (_folder, layout) = world();
    let before = tree(&layout.workspace);
    fs::set_permissions(layout.upper().join("fresh"), fs::Permissions::from_mode(0o4755)).unwrap();
    assert_eq!(layout.commit().unwrap_err().code, ErrorCode::NotGranted);
    assert_eq!(tree(&layout.workspace), before);
    assert_eq!(layout.state(), Ok(ViewState::Open));
}

/// A link that was put in place of a folder must not lead a commit out of the workspace.
#[test]
fn a_commit_follows_no_link() {
    let (folder, layout) = world();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::remove_dir_all(layout.workspace.join("stays")).unwrap();
    symlink(&outside, layout.workspace.join("stays")).unwrap();
    let outcome = layout.commit();
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(outcome.unwrap_err().code, ErrorCode::Conflict);
}

#[test]
fn a_view_holds_what_was_changed_and_what_shines_through() {
    let (_folder, layout) = world();
    let holds = |path: &str, content: Option<&str>| {
        let content = content.map(|text| ContentHash::of(text.as_bytes()));
        layout.holds(path, content.as_ref()).unwrap()
    };
    let there = [
        ("kept", "kept"),
        ("edited", "new"),
        ("fresh", "fresh"),
        ("new/deep/file", "n"),
        ("to-file", "now a file"),
        ("to-folder/h", "h"),
        ("emptied/inner/z", "z"),
        ("stays/g", "gg"),
        ("link", "fresh"),
    ];
    for (path, text) in there {
        assert!(holds(path, Some(text)) && !holds(path, Some("else")) && !holds(path, None), "{path}");
    }
    // Removed itself or with a folder around it, covered by a file or a new folder, and never there.
    for path in
        ["removed", "folder/deep/b", "emptied/c", "emptied/inner/d", "to-file/e", "never", "never/there", "kept/x"]
    {
        assert!(holds(path, None) && !holds(path, Some("x")), "{path}");
    }
    assert!(!holds("stays", None) && !holds("stays", Some("")), "a folder is something, and no content");
    for path in ["../home/view.json", "/etc/passwd", "stays/../kept"] {
        assert!(layout.holds(path, None).is_err(), "{path}");
    }
    let unopened = ViewLayout::new(&layout.folder, ViewId(9), &layout.workspace);
    assert!(unopened.holds("edited", Some(&ContentHash::of(b"old"))).unwrap());
}

#[test]
fn looks_show_what_was_written_between_them() {
    let (_folder, layout) = world();
    let first = layout.snapshot().unwrap();
    assert_eq!(layout.written_since(&first), Ok(Vec::new()));
    write(&layout.upper(), &[("fresh", "fresher"), ("late/file", "l")]);
    whiteout(&layout.upper().join("kept"));
    fs::remove_file(layout.upper().join("stays/g")).unwrap();
    let written = layout.written_since(&first).unwrap();
    let lines: Vec<String> = written.iter().map(|file| format!("{} {}", file.path, file.content.is_some())).collect();
    assert_eq!(lines, ["fresh true", "kept false", "late/file true", "stays/g false"]);
}
