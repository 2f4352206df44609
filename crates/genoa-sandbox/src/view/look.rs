//! Cheap looks at a view, to see what a call changed in it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::tool::WrittenFile;
use genoa_abi::{ErrorCode, Failure};
use rustix::fs::{FileType, Stat};

use crate::view::layout::ViewLayout;
use crate::view::scan::{is_whiteout, node, touched_ns};
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
