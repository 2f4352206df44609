//! Views: what changed in a copy-on-write world.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{ContentHash, ViewId};

/// What happened to one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// Content, type or permissions differ.
    Modified,
    /// It is gone.
    Removed,
}

/// One change of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Path relative to the workspace.
    pub path: String,
    /// What happened.
    pub kind: ChangeKind,
    /// Size after the change, in bytes.
    pub bytes: u64,
    /// Content after the change, for files.
    pub content: Option<ContentHash>,
}

/// All changes of a view against the world below it, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The changes.
    pub changes: Vec<Change>,
    /// Paths that were edited in the world below after the view was opened: committing would overwrite that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
}

impl Difference {
    /// The name of exactly this difference; approvals bind to it.
    #[must_use]
    pub fn fingerprint(&self) -> ContentHash {
        ContentHash::of_json(self)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |kind| self.changes.iter().filter(|change| change.kind == kind).count();
        let (added, modified, removed) =
            (count(ChangeKind::Added), count(ChangeKind::Modified), count(ChangeKind::Removed));
        write!(f, "{added} added, {modified} modified, {removed} removed")?;
        if !self.conflicts.is_empty() {
            write!(f, ", {} in conflict", self.conflicts.len())?;
        }
        Ok(())
    }
}

/// Where a view is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewState {
    /// It collects changes.
    Open,
    /// Its changes are in the workspace; undo is possible.
    Committed,
    /// Its changes are gone.
    Dropped,
    /// Its changes were in the workspace and were taken back.
    Undone,
}

/// A view as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewInfo {
    /// Its id.
    pub id: ViewId,
    /// The folder below it.
    pub workspace: String,
    /// Where it is in its life.
    pub state: ViewState,
}

/// What the daemon does with a view when the kernel asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewAction {
    /// List the changes.
    Diff,
    /// Put them into the workspace, keeping what they replace.
    Commit,
    /// Throw them away.
    Drop,
    /// Take a commit back.
    Undo,
}

/// What came of a [`ViewAction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewReport {
    /// The view.
    pub view: ViewId,
    /// What was asked.
    pub action: ViewAction,
    /// The changes that were listed, committed, dropped or undone.
    pub difference: Difference,
}
