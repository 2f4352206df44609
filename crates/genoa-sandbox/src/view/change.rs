//! One difference between a view and the world below it, with all that is needed to make it or take it back.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use genoa_abi::ContentHash;
use genoa_abi::view::{Change, ChangeKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::view::tree::shown;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Permissions, with the special bits.
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    /// For files and links; a link's is the hash of where it points.
    pub(crate) content: Option<ContentHash>,
    /// Last change of the content: seconds and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// Last change of anything, in nanoseconds.
    pub(crate) touched_ns: i128,
}

/// The kinds of things that a workspace can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Folder,
    File,
    Link,
}

/// One path where view and world differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Relative to the workspace.
    #[serde(serialize_with = "path_to_bytes", deserialize_with = "path_from_bytes")]
    pub(crate) path: PathBuf,
    pub(crate) before: Option<Node>,
    pub(crate) after: Option<Node>,
}

impl Node {
    /// Whether a person would see no difference.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.content == other.content && (self.mode == other.mode || self.kind == Kind::Link)
    }
}

impl Item {
    pub(crate) fn change(&self) -> Change {
        let kind = match (&self.before, &self.after) {
            (_, None) => ChangeKind::Removed,
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), Some(_)) => ChangeKind::Modified,
        };
        Change {
            path: shown(&self.path),
            kind,
            bytes: self.after.as_ref().map_or(0, |after| after.bytes),
            content: self.after.as_ref().and_then(|after| after.content),
        }
    }

    /// The same difference the other way round.
    pub(crate) fn reversed(self) -> Self {
        Self { path: self.path, before: self.after, after: self.before }
    }
}

fn path_to_bytes<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_os_str().as_bytes().serialize(serializer)
}

fn path_from_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(std::ffi::OsString::from_vec(Vec::deserialize(deserializer)?).into())
}
