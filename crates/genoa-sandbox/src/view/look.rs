//! Cheap looks at a view, to see what a call changed in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::tool::WrittenFile;
use genoa_abi::{ContentHash, ErrorCode, Failure};
use rustix::fs::{FileType, Stat};

use crate::view::layout::ViewLayout;
use crate::view::scan::{is_opaque, is_whiteout, node, touched_ns};
use crate::view::tree::{self, FailureExt, shown};

/// What the upper folder held at one moment: no contents, only who was touched when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<PathBuf, (u64, i128, u32)>,
}

impl ViewLayout {
    /// Looks at the view without reading contents.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] over [`SEARCH_ENTRIES`] entries, [`ErrorCode::Internal`] for what cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, Failure> {
        let mut snapshot = Snapshot::default();
        let root = tree::open_root(&self.upper())?;
        each_entry(&root, Path::new(""), &mut |path, _, _, stat| {
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                snapshot.entries.insert(path.to_owned(), stamp(stat));
            }
            if snapshot.entries.len() > SEARCH_ENTRIES {
                return Err(Failure::new(
                    ErrorCode::TooLarge,
                    format!("the view has more than {SEARCH_ENTRIES} entries"),
                ));
            }
            Ok(())
        })?;
        Ok(snapshot)
    }

    /// The files that changed in the view since `snapshot`, sorted by path. A folder that was removed with all that was
    /// in it is one entry.
    ///
    /// # Errors
    /// As [`ViewLayout::snapshot`].
    pub fn written_since(&self, snapshot: &Snapshot) -> Result<Vec<WrittenFile>, Failure> {
        let (root, now) = (tree::open_root(&self.upper())?, self.snapshot()?);
        let mut written = Vec::new();
        for (path, _) in now.entries.iter().filter(|(path, stamp)| snapshot.entries.get(*path) != Some(*stamp)) {
            let what = || format!("the view cannot be read at {}", shown(path));
            let (folder, name) = tree::open_parent(&root, path).failing(what)?;
            let Some(stat) = tree::stat(&folder, name).failing(what)? else { continue };
            let whiteout = is_whiteout(&folder, name, &stat);
            let found = if whiteout { None } else { node(&folder, name, &stat).failing(what)? };
            if found.is_some() || whiteout {
                written.push(WrittenFile { path: shown(path), content: found.and_then(|node| node.content) });
            }
        }
        let gone = snapshot.entries.keys().filter(|path| !now.entries.contains_key(*path));
        written.extend(gone.map(|path| WrittenFile { path: shown(path), content: None }));
        written.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(written)
    }
}

impl ViewLayout {
    /// Whether the view holds exactly this at `path`, relative to the workspace: a file or link of this content, or nothing at
    /// all. What is not in the upper folder shines through from the workspace. A view that was not opened yet has nothing above.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for a path that leads elsewhere, [`ErrorCode::Internal`] for what cannot be read.
    pub fn holds(&self, path: &str, content: Option<&ContentHash>) -> Result<bool, Failure> {
        let found = self.look_at(Path::new(path))?;
        Ok(match (found, content) {
            (None, None) => true,
            (Some(found), Some(content)) => found.as_ref() == Some(content),
            (None, Some(_)) | (Some(_), None) => false,
        })
    }

    /// What is at a path of the view: nothing, something without content (a folder), or a content.
    fn look_at(&self, path: &Path) -> Result<Option<Option<ContentHash>>, Failure> {
        let what = || format!("the view cannot be read at {}", shown(path));
        let mut parts = Vec::new();
        for part in path.components() {
            let Component::Normal(part) = part else {
                return Err(Failure::new(ErrorCode::InvalidInput, format!("{} leads elsewhere", shown(path))));
            };
            parts.push(part);
        }
        let Some((name, folders)) = parts.split_last() else { return Ok(Some(None)) };
        let upper = self.upper();
        let mut layers = Layers {
            above: upper.exists().then(|| tree::open_root(&upper)).transpose()?,
            below: Some(tree::open_root(&self.workspace)?),
        };
        for folder in folders {
            if !layers.enter(folder).failing(what)? {
                return Ok(None);
            }
        }
        layers.content(name).failing(what)
    }
}

/// A folder of a view: what was changed in it, above what shines through.
struct Layers {
    above: Option<OwnedFd>,
    below: Option<OwnedFd>,
}

impl Layers {
    /// Goes into a folder; says whether it is there. A link is no folder.
    fn enter(&mut self, name: &OsStr) -> io::Result<bool> {
        let is_folder = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let below = match &self.below {
            Some(folder) if tree::stat(folder, name)?.as_ref().is_some_and(is_folder) => {
                Some(tree::open_folder(folder, name)?)
            }
            _ => None,
        };
        let above = match &self.above {
            Some(folder) => tree::stat(folder, name)?,
            None => None,
        };
        match (&self.above, above) {
            (Some(folder), Some(stat)) if is_folder(&stat) => {
                let inner = tree::open_folder(folder, name)?;
                self.below = below.filter(|_| !is_opaque(&inner));
                self.above = Some(inner);
            }
            // What is above covers it: a file, or the mark that it is gone.
            (Some(_), Some(_)) => return Ok(false),
            _ => (self.above, self.below) = (None, below),
        }
        Ok(self.above.is_some() || self.below.is_some())
    }

    fn content(&self, name: &OsStr) -> io::Result<Option<Option<ContentHash>>> {
        for (place, folder) in [&self.above, &self.below].into_iter().enumerate() {
            let Some(folder) = folder else { continue };
            let Some(stat) = tree::stat(folder, name)? else { continue };
            if place == 0 && is_whiteout(folder, name, &stat) {
                return Ok(None);
            }
            return Ok(node(folder, name, &stat)?.map(|node| node.content));
        }
        Ok(None)
    }
}

fn stamp(stat: &Stat) -> (u64, i128, u32) {
    (stat.st_ino, touched_ns(stat), stat.st_mode)
}

type Visit<'a> = &'a mut dyn FnMut(&Path, &OwnedFd, &std::ffi::OsStr, &Stat) -> Result<(), Failure>;

fn each_entry(folder: &OwnedFd, path: &Path, visit: Visit<'_>) -> Result<(), Failure> {
    let what = || format!("the view cannot be read at {}", shown(path));
    for name in tree::names(folder).failing(what)? {
        let Some(stat) = tree::stat(folder, &name).failing(what)? else { continue };
        let inner = path.join(&name);
        visit(&inner, folder, &name, &stat)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            each_entry(&tree::open_folder(folder, &name).failing(what)?, &inner, visit)?;
        }
    }
    Ok(())
}
