//! The difference of a view, from its upper folder alone.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::view::{Difference, ViewState};
use genoa_abi::{ContentHash, ErrorCode, Failure};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use std::os::unix::ffi::OsStrExt;

use crate::view::change::{Item, Kind, Node};
use crate::view::layout::{Memo, ViewLayout};
use crate::view::tree::{self, FailureExt, shown};

/// How deep folders of a view may nest.
const DEPTH: usize = 256;

/// What a scan finds.
pub(crate) struct Scan {
    pub(crate) items: Vec<Item>,
    pub(crate) conflicts: Vec<PathBuf>,
}

impl ViewLayout {
    /// The changes of the view against the workspace as it is now. Pipes and sockets that programs left behind are no
    /// changes.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] over [`SEARCH_ENTRIES`] entries, [`ErrorCode::NotGranted`] if a device file is among the
    /// changes, [`ErrorCode::NotFound`] if the view was never opened.
    pub fn diff(&self) -> Result<Difference, Failure> {
        Ok(self.scan()?.difference())
    }

    pub(crate) fn scan(&self) -> Result<Scan, Failure> {
        let Memo { opened_ns, state, .. } = self.memo()?;
        if state != ViewState::Open {
            return Err(self.wrong_state(state));
        }
        let (upper, lower) = (tree::open_root(&self.upper())?, tree::open_root(&self.workspace)?);
        let mut walk = Walk { items: Vec::new(), conflicts: Vec::new(), opened_ns, entries: 0 };
        walk.folder(&upper, Below::Shines(&lower), Path::new(""), 0)?;
        walk.items.sort_by(|a, b| a.path.cmp(&b.path));
        walk.conflicts.sort();
        walk.conflicts.dedup();
        Ok(Scan { items: walk.items, conflicts: walk.conflicts })
    }
}

impl Scan {
    pub(crate) fn difference(&self) -> Difference {
        Difference {
            changes: self.items.iter().map(Item::change).collect(),
            conflicts: self.conflicts.iter().map(|path| shown(path)).collect(),
        }
    }
}

/// The content and properties of what is at `name`, or nothing for what a workspace does not hold.
pub(crate) fn node(folder: &OwnedFd, name: &OsStr, stat: &Stat) -> io::Result<Option<Node>> {
    let (kind, content) = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => (Kind::Folder, None),
        FileType::RegularFile => (Kind::File, Some(tree::hash(&mut tree::open_file(folder, name)?)?)),
        FileType::Symlink => (Kind::Link, Some(ContentHash::of(tree::link_target(folder, name)?.as_bytes()))),
        _ => return Ok(None),
    };
    let bytes = if kind == Kind::Folder { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) };
    Ok(Some(Node {
        kind,
        mode: stat.st_mode & 0o7777,
        bytes,
        content,
        modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        touched_ns: touched_ns(stat),
    }))
}

pub(crate) fn touched_ns(stat: &Stat) -> i128 {
    i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec)
}

/// Whether the overlay says here that something below is gone: a device 0/0, or an empty file with a mark.
pub(crate) fn is_whiteout(folder: &OwnedFd, name: &OsStr, stat: &Stat) -> bool {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => stat.st_rdev == 0,
        FileType::RegularFile => {
            stat.st_size == 0
                && tree::open_file(folder, name).is_ok_and(|file| mark(&file, "user.overlay.whiteout").is_some())
        }
        _ => false,
    }
}

/// Whether the overlay says here that nothing of the folder below shines through. `x` only says that there may be marks of removal
/// in the form of files.
pub(crate) fn is_opaque(folder: &OwnedFd) -> bool {
    mark(folder, "user.overlay.opaque").as_deref() == Some(b"y")
}

/// A note of the overlay on a file; the first bytes are enough.
fn mark(file: impl std::os::fd::AsFd, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    match rustix::fs::fgetxattr(file, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Some(value)
        }
        Err(Errno::RANGE) => Some(value),
        Err(_) => None,
    }
}

/// What is below a folder of the upper layer.
#[derive(Clone, Copy)]
enum Below<'a> {
    /// This folder, seen through the upper one.
    Shines(&'a OwnedFd),
    /// This folder, which was replaced: what is not above again is gone.
    Covered(&'a OwnedFd),
    /// No folder.
    Nothing,
}

impl<'a> Below<'a> {
    fn folder(self) -> Option<&'a OwnedFd> {
        match self {
            Self::Shines(folder) | Self::Covered(folder) => Some(folder),
            Self::Nothing => None,
        }
    }

    fn inner(self, inner: Option<&'a OwnedFd>) -> Self {
        match (self, inner) {
            (_, None) => Self::Nothing,
            (Self::Covered(_), Some(inner)) => Self::Covered(inner),
            (_, Some(inner)) => Self::Shines(inner),
        }
    }
}

struct Walk {
    items: Vec<Item>,
    conflicts: Vec<PathBuf>,
    opened_ns: i128,
    entries: usize,
}

impl Walk {
    /// One folder of the upper layer against what is below it.
    fn folder(&mut self, upper: &OwnedFd, below: Below<'_>, path: &Path, depth: usize) -> Result<(), Failure> {
        let what = || format!("the view cannot be read at {}", shown(path));
        if depth > DEPTH {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{} is nested deeper than {DEPTH}", shown(path))));
        }
        let names = tree::names(upper).failing(what)?;
        let below = match below {
            Below::Shines(folder) if depth > 0 && is_opaque(upper) => Below::Covered(folder),
            other => other,
        };
        for name in &names {
            self.entry(upper, below, name, path, depth)?;
        }
        if let Below::Covered(lower) = below {
            for name in tree::names(lower).failing(what)? {
                if names.binary_search(&name).is_err() {
                    self.removed(lower, &name, &path.join(&name), depth)?;
                }
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        upper: &OwnedFd,
        around: Below<'_>,
        name: &OsStr,
        parent: &Path,
        depth: usize,
    ) -> Result<(), Failure> {
        let (path, lower) = (parent.join(name), around.folder());
        let what = || format!("the view cannot be read at {}", shown(&path));
        self.count()?;
        let Some(above) = tree::stat(upper, name).failing(what)? else { return Ok(()) };
        let below = lower.map(|lower| tree::stat(lower, name)).transpose().failing(what)?.flatten();
        let after = if is_whiteout(upper, name, &above) {
            None
        } else {
            refuse_device(&above, &path)?;
            node(upper, name, &above).failing(what)?
        };
        let before = match (lower, &below) {
            (Some(lower), Some(below)) => node(lower, name, below).failing(what)?,
            _ => None,
        };
        let both_folders = is_folder(before.as_ref()) && is_folder(after.as_ref());
        if let (Some(lower), true, false) = (lower, is_folder(before.as_ref()), both_folders) {
            self.inside_removed(lower, name, &path, depth)?;
        }
        if is_folder(after.as_ref()) {
            let inner = tree::open_folder(upper, name).failing(what)?;
            let below = match (lower, both_folders) {
                (Some(lower), true) => Some(tree::open_folder(lower, name).failing(what)?),
                _ => None,
            };
            self.folder(&inner, around.inner(below.as_ref()), &path, depth + 1)?;
        }
        if before.is_none() && is_copied_up(upper, name, after.as_ref()) && self.is_touched(lower).failing(what)? {
            // It was below when it was first written, here or elsewhere; and here somebody removed something.
            self.conflicts.push(path.clone());
        }
        self.add(path, before, after);
        Ok(())
    }

    fn add(&mut self, path: PathBuf, before: Option<Node>, after: Option<Node>) {
        let same = match (&before, &after) {
            (Some(before), Some(after)) => before.same_as(after),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        // A folder is touched by every change in it, so only what it holds counts.
        if before.as_ref().is_some_and(|before| before.kind != Kind::Folder && before.touched_ns >= self.opened_ns) {
            self.conflicts.push(path.clone());
        }
        self.items.push(Item { path, before, after });
    }

    fn removed(&mut self, lower: &OwnedFd, name: &OsStr, path: &Path, depth: usize) -> Result<(), Failure> {
        let what = || format!("the workspace cannot be read at {}", shown(path));
        self.count()?;
        let Some(stat) = tree::stat(lower, name).failing(what)? else { return Ok(()) };
        let before = node(lower, name, &stat).failing(what)?;
        if is_folder(before.as_ref()) {
            self.inside_removed(lower, name, path, depth)?;
        }
        self.add(path.to_owned(), before, None);
        Ok(())
    }

    fn inside_removed(&mut self, lower: &OwnedFd, name: &OsStr, path: &Path, depth: usize) -> Result<(), Failure> {
        let what = || format!("the workspace cannot be read at {}", shown(path));
        if depth > DEPTH {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{} is nested deeper than {DEPTH}", shown(path))));
        }
        let inner = tree::open_folder(lower, name).failing(what)?;
        for child in tree::names(&inner).failing(what)? {
            self.removed(&inner, &child, &path.join(&child), depth + 1)?;
        }
        Ok(())
    }

    fn is_touched(&self, folder: Option<&OwnedFd>) -> io::Result<bool> {
        let Some(folder) = folder else { return Ok(false) };
        Ok(touched_ns(&rustix::fs::fstat(folder)?) >= self.opened_ns)
    }

    fn count(&mut self) -> Result<(), Failure> {
        self.entries += 1;
        if self.entries > SEARCH_ENTRIES {
            return Err(Failure::new(ErrorCode::TooLarge, format!("the view has more than {SEARCH_ENTRIES} entries")));
        }
        Ok(())
    }
}

fn is_folder(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.kind == Kind::Folder)
}

fn is_copied_up(upper: &OwnedFd, name: &OsStr, after: Option<&Node>) -> bool {
    after.is_some_and(|after| after.kind == Kind::File)
        && tree::open_file(upper, name).is_ok_and(|file| mark(&file, "user.overlay.origin").is_some())
}

fn refuse_device(stat: &Stat, path: &Path) -> Result<(), Failure> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice | FileType::BlockDevice => {
            Err(Failure::new(ErrorCode::NotGranted, format!("the view holds a device file: {}", shown(path)))
                .try_next("No jail can make one, so somebody else did. Drop the view"))
        }
        _ => Ok(()),
    }
}
