//! Putting a view's changes into the workspace, and taking them back: crash-safe, and the same steps for both.
//!
//! First everything new is staged in a folder of the workspace and everything that will be replaced is copied away; all
//! that is flushed. Then the list of changes is written: from there on the work will be finished, by this process or
//! after a crash by [`ViewLayout::recover`]. Last come the steps: removals, new folders, renames of staged files into
//! place, permissions. Each does nothing if it was done before.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use genoa_abi::view::{Difference, ViewAction, ViewState};
use genoa_abi::{ErrorCode, Failure};
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::view::change::{Item, Kind, Node};
use crate::view::layout::ViewLayout;
use crate::view::scan::node;
use crate::view::tree::{self, FailureExt, shown};

const PLAN: &str = "commit.json";
const RECORD: &str = "committed.json";

/// What is being done, on disk from the moment on when it must be finished.
#[derive(Debug, Serialize, Deserialize)]
struct Work {
    action: ViewAction,
    /// From what is in the workspace to what shall be.
    items: Vec<Item>,
}

/// Called before each step with what comes next; an error stops there, as a crash would. Tests use it.
type Checkpoint<'a> = &'a mut dyn FnMut(&str) -> Result<(), Failure>;

fn never_stop(_: &str) -> Result<(), Failure> {
    Ok(())
}

impl ViewLayout {
    /// Puts the changes into the workspace, keeping what they replace.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if the workspace changed under the view or the view is not open, [`ErrorCode::NotGranted`] if
    /// a change would bring in a set-user-id program or a device; nothing is changed then. [`ErrorCode::Internal`] if a
    /// disk fails: [`ViewLayout::recover`] finishes or cleans up.
    pub fn commit(&self) -> Result<Difference, Failure> {
        self.commit_stopping_at(&mut never_stop).inspect_err(|_| self.forget_unfinished())
    }

    /// Takes a commit back.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if the view is not committed, or what it changed was changed again since.
    pub fn undo(&self) -> Result<Difference, Failure> {
        self.undo_stopping_at(&mut never_stop).inspect_err(|_| self.forget_unfinished())
    }

    /// What the view's commit changed, for whoever asks again because a crash lost the answer.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the record that the commit kept cannot be read.
    pub fn committed(&self) -> Result<Difference, Failure> {
        let changes = self.committed_items()?.iter().map(Item::change).collect();
        Ok(Difference { changes, conflicts: Vec::new() })
    }

    /// As [`ViewLayout::committed`], for the undo of that commit.
    ///
    /// # Errors
    /// As [`ViewLayout::committed`].
    pub fn undone(&self) -> Result<Difference, Failure> {
        let changes = self.committed_items()?.into_iter().map(|item| item.reversed().change()).collect();
        Ok(Difference { changes, conflicts: Vec::new() })
    }

    fn committed_items(&self) -> Result<Vec<Item>, Failure> {
        let text = std::fs::read(self.folder.join(RECORD)).failing(|| "the record of the commit cannot be read")?;
        serde_json::from_slice(&text).failing(|| "the record of the commit is damaged")
    }

    /// After a crash: finishes a commit or an undo that had begun, and removes what one left that had not. Returns what
    /// was finished.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if a disk fails.
    pub fn recover(&self) -> Result<Option<ViewAction>, Failure> {
        match std::fs::read(self.folder.join(PLAN)) {
            Ok(text) => {
                let work: Work = serde_json::from_slice(&text).failing(|| "the plan of a commit is damaged")?;
                self.finish(&work, &mut never_stop)?;
                Ok(Some(work.action))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.remove_staging()?;
                Ok(None)
            }
            Err(error) => Err(error).failing(|| "the plan of a commit cannot be read"),
        }
    }

    fn commit_stopping_at(&self, checkpoint: Checkpoint<'_>) -> Result<Difference, Failure> {
        let state = self.state()?;
        if state != ViewState::Open {
            return Err(self.wrong_state(state));
        }
        let scan = self.scan()?;
        if !scan.conflicts.is_empty() {
            return Err(conflict("the workspace was changed under the view", &scan.conflicts));
        }
        scan.items.iter().try_for_each(refuse_privileged)?;
        let upper = tree::open_root(&self.upper())?;
        let before = tree::open_root(&self.before())?;
        let staging = self.make_staging()?;
        let lower = tree::open_root(&self.workspace)?;
        for (place, item) in scan.items.iter().enumerate() {
            checkpoint("stage")?;
            copy(&upper, &item.path, item.after.as_ref(), &staging, place)?;
            copy(&lower, &item.path, item.before.as_ref(), &before, place)?;
        }
        // Each commit keeps its own record; undo reads it.
        tree::write_durably(&self.folder, RECORD, &scan.items)?;
        self.decide(Work { action: ViewAction::Commit, items: scan.items.clone() }, &lower, checkpoint)?;
        Ok(scan.difference())
    }

    fn undo_stopping_at(&self, checkpoint: Checkpoint<'_>) -> Result<Difference, Failure> {
        let state = self.state()?;
        if state != ViewState::Committed {
            return Err(self.wrong_state(state));
        }
        let items: Vec<Item> = self.committed_items()?.into_iter().map(Item::reversed).collect();
        let (lower, before) = (tree::open_root(&self.workspace)?, tree::open_root(&self.before())?);
        refuse_if_changed(&lower, &items)?;
        let staging = self.make_staging()?;
        for (place, item) in items.iter().enumerate() {
            checkpoint("stage")?;
            copy(&before, Path::new(&place.to_string()), item.after.as_ref(), &staging, place)?;
        }
        let changes = items.iter().map(Item::change).collect();
        self.decide(Work { action: ViewAction::Undo, items }, &lower, checkpoint)?;
        Ok(Difference { changes, conflicts: Vec::new() })
    }

    /// Flushes what was staged, writes the decision, and carries it out.
    fn decide(&self, work: Work, lower: &OwnedFd, checkpoint: Checkpoint<'_>) -> Result<(), Failure> {
        checkpoint("flush")?;
        let home = tree::open_root(&self.folder)?;
        for disk in [lower, &home] {
            rustix::fs::syncfs(disk).failing(|| "what is staged cannot be flushed to disk")?;
        }
        // As late as possible: what the person saved meanwhile must not be lost.
        refuse_if_changed(lower, &work.items)?;
        checkpoint("decide")?;
        tree::write_durably(&self.folder, PLAN, &work)?;
        self.finish(&work, checkpoint)
    }

    fn finish(&self, work: &Work, checkpoint: Checkpoint<'_>) -> Result<(), Failure> {
        let lower = tree::open_root(&self.workspace)?;
        for step in steps(&work.items) {
            checkpoint("step")?;
            step.carry_out(&lower, &self.staging())?;
        }
        checkpoint("flush the workspace")?;
        rustix::fs::syncfs(&lower).failing(|| "the workspace cannot be flushed to disk")?;
        let mut memo = self.memo()?;
        memo.state = if work.action == ViewAction::Undo { ViewState::Undone } else { ViewState::Committed };
        self.remember(&memo)?;
        checkpoint("remove the plan")?;
        std::fs::remove_file(self.folder.join(PLAN)).failing(|| "the finished plan cannot be removed")?;
        checkpoint("clean up")?;
        self.remove_staging()?;
        self.clear(if work.action == ViewAction::Undo { &["upper", "work", "before"] } else { &["upper", "work"] })
    }

    /// The staging folder: in the workspace, so that a rename is enough to put a file in place.
    fn staging(&self) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        PathBuf::from(format!(".genoa-commit-{name}"))
    }

    fn make_staging(&self) -> Result<OwnedFd, Failure> {
        self.remove_staging()?;
        let path = self.workspace.join(self.staging());
        std::fs::create_dir(&path).failing(|| "nothing can be written to the workspace")?;
        let lower = tree::open_root(&self.workspace)?;
        tree::open_folder(&lower, self.staging().as_os_str()).failing(|| "the staging folder cannot be opened")
    }

    fn remove_staging(&self) -> Result<(), Failure> {
        tree::remove_all(tree::open_root(&self.workspace)?, self.staging().as_os_str())
    }

    /// After a failure before the decision nothing shall be left in the workspace.
    fn forget_unfinished(&self) {
        if !self.folder.join(PLAN).exists() {
            // The failure that led here is the one to tell.
            let _ = self.remove_staging();
        }
    }
}

/// One step on the workspace; paths are relative to it.
#[derive(Debug, PartialEq, Eq)]
enum StepOf<'a> {
    RemoveFile(&'a Path),
    RemoveFolder(&'a Path),
    MakeFolder(&'a Path),
    /// Moves what is staged under this number.
    Place(usize, &'a Path),
    SetMode(&'a Path, u32),
}

/// The steps that lead from `before` to `after`, in an order in which each finds what it needs.
fn steps(items: &[Item]) -> Vec<StepOf<'_>> {
    let mut steps = Vec::new();
    let kind = |node: &Option<Node>| node.as_ref().map(|node| node.kind);
    // From the end, since what is in a folder comes after it.
    for item in items.iter().rev() {
        match (kind(&item.before), kind(&item.after)) {
            (Some(Kind::File | Kind::Link), None | Some(Kind::Folder)) => steps.push(StepOf::RemoveFile(&item.path)),
            (Some(Kind::Folder), None | Some(Kind::File | Kind::Link)) => steps.push(StepOf::RemoveFolder(&item.path)),
            _ => {}
        }
    }
    for item in items {
        if kind(&item.after) == Some(Kind::Folder) && kind(&item.before) != Some(Kind::Folder) {
            steps.push(StepOf::MakeFolder(&item.path));
        }
    }
    for (place, item) in items.iter().enumerate() {
        if matches!(kind(&item.after), Some(Kind::File | Kind::Link)) {
            steps.push(StepOf::Place(place, &item.path));
        }
    }
    for item in items.iter().rev() {
        if let Some(Node { kind: Kind::Folder, mode, .. }) = item.after {
            steps.push(StepOf::SetMode(&item.path, mode));
        }
    }
    steps
}

impl StepOf<'_> {
    fn carry_out(&self, lower: &OwnedFd, staging: &Path) -> Result<(), Failure> {
        let (Self::RemoveFile(path)
        | Self::RemoveFolder(path)
        | Self::MakeFolder(path)
        | Self::Place(_, path)
        | Self::SetMode(path, _)) = self;
        self.try_on(lower, staging, path).failing(|| format!("{} cannot be changed in the workspace", shown(path)))
    }

    fn try_on(&self, lower: &OwnedFd, staging: &Path, path: &Path) -> io::Result<()> {
        let (folder, name) = match tree::open_parent(lower, path) {
            // The folder above was removed, or replaced, by a later step of an earlier run.
            Err(error) if is_no_folder(&error) && self.removes() => return Ok(()),
            other => other?,
        };
        let result = match self {
            Self::RemoveFile(_) => match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                // An earlier run has put a folder in its place already.
                Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
                other => other,
            },
            Self::RemoveFolder(_) => match rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR) {
                Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
                other => other,
            },
            Self::MakeFolder(_) => match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o700)) {
                Err(Errno::EXIST) => Ok(()),
                other => other,
            },
            Self::Place(number, _) => {
                match rustix::fs::renameat(lower, staging.join(number.to_string()), &folder, name) {
                    // An earlier run has moved it already.
                    Err(Errno::NOENT) => Ok(()),
                    other => other,
                }
            }
            Self::SetMode(_, mode) => {
                let inner = tree::open_folder(&folder, name)?;
                rustix::fs::fchmod(&inner, Mode::from_raw_mode(*mode))
            }
        };
        Ok(result?)
    }

    fn removes(&self) -> bool {
        matches!(self, Self::RemoveFile(_) | Self::RemoveFolder(_))
    }
}

fn is_no_folder(error: &io::Error) -> bool {
    [Errno::NOENT, Errno::NOTDIR, Errno::LOOP].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Copies the file or link at `path` below `from` to `to` under the number `place`, with permissions and times.
fn copy(from: &OwnedFd, path: &Path, node: Option<&Node>, to: &OwnedFd, place: usize) -> Result<(), Failure> {
    let what = || format!("{} cannot be copied", shown(path));
    let Some(node) = node.filter(|node| node.kind != Kind::Folder) else { return Ok(()) };
    let (folder, name) = tree::open_parent(from, path).failing(what)?;
    let number = place.to_string();
    // What an attempt that failed may have left.
    tree::remove_all(to, number.as_ref())?;
    if node.kind == Kind::Link {
        let target = tree::link_target(&folder, name).failing(what)?;
        return rustix::fs::symlinkat(target, to, &number).failing(what);
    }
    let mut source = tree::open_file(&folder, name).failing(what)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let target = rustix::fs::openat(to, &number, flags, Mode::from_raw_mode(0o600)).failing(what)?;
    let mut target = File::from(target);
    io::copy(&mut source, &mut target).failing(what)?;
    rustix::fs::fchmod(&target, Mode::from_raw_mode(node.mode)).failing(what)?;
    let modified = Timespec { tv_sec: node.modified.0, tv_nsec: node.modified.1 };
    rustix::fs::futimens(&target, &Timestamps { last_access: modified, last_modification: modified }).failing(what)
}

/// Refuses if what is in the workspace is not what `items` start from.
fn refuse_if_changed(lower: &OwnedFd, items: &[Item]) -> Result<(), Failure> {
    let changed: Vec<PathBuf> =
        items.iter().filter(|item| !is_as_before(lower, item)).map(|item| item.path.clone()).collect();
    if changed.is_empty() { Ok(()) } else { Err(conflict("the workspace was changed meanwhile", &changed)) }
}

fn is_as_before(lower: &OwnedFd, item: &Item) -> bool {
    let Ok((folder, name)) = tree::open_parent(lower, &item.path) else { return item.before.is_none() };
    let Ok(stat) = tree::stat(&folder, name) else { return false };
    let now = stat.map(|stat| node(&folder, name, &stat));
    match (&item.before, now) {
        (None, None) => true,
        (Some(before), Some(Ok(Some(now)))) => before.same_as(&now),
        _ => false,
    }
}

fn conflict(what: &str, paths: &[PathBuf]) -> Failure {
    let names: Vec<String> = paths.iter().take(5).map(|path| shown(path)).collect();
    let more = if paths.len() > 5 { format!(" and {} more", paths.len() - 5) } else { String::new() };
    Failure::new(ErrorCode::Conflict, what)
        .because(format!("{}{more}", names.join(", ")))
        .try_next("Look at these files, then drop the view or put them back")
}

fn refuse_privileged(item: &Item) -> Result<(), Failure> {
    const SPECIAL: u32 = 0o6000;
    let had = item.before.as_ref().map_or(0, |before| before.mode & SPECIAL);
    match &item.after {
        Some(after) if after.kind == Kind::File && after.mode & SPECIAL & !had != 0 => {
            Err(Failure::new(ErrorCode::NotGranted, format!("{} would run with its owner's rights", shown(&item.path)))
                .because("a set-user-id or set-group-id file must not enter a workspace")
                .try_next("Drop the view, or have the permissions of that file changed in it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
