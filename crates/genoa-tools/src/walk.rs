//! Walking through the workspace, in the order of names and never out of it.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::{ErrorCode, Failure};
use ignore::{DirEntry, WalkBuilder};

/// What marks a folder as a program's source.
const PROJECT_MARKS: [&str; 6] = [".git", "Cargo.toml", "package.json", "pyproject.toml", "go.mod", "Makefile"];

/// A file or folder that the walk met.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, kind and time.
    pub metadata: Metadata,
}

impl Entry {
    /// Its name, with what is not UTF-8 replaced.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its extension in lower case.
    #[must_use]
    pub fn extension(&self) -> String {
        extension(&self.path)
    }
}

/// All files and folders below `folder`, without hidden ones, what a repository ignores, what a build made, and links.
///
/// # Errors
/// [`ErrorCode::TooLarge`] beyond [`SEARCH_ENTRIES`], [`ErrorCode::NotFound`] if there is no such folder.
pub fn entries(folder: &Path) -> Result<Vec<Entry>, Failure> {
    collect(folder, |entry| !is_build_output(entry))
}

/// As [`entries`], but only files outside of programs' sources: what a person wrote or got.
///
/// # Errors
/// As [`entries`].
pub fn personal_files(folder: &Path) -> Result<Vec<Entry>, Failure> {
    let mut found =
        collect(folder, |entry| !is_build_output(entry) && !is_project(entry) && !is_maildir(entry.path()))?;
    found.retain(|entry| entry.metadata.is_file());
    Ok(found)
}

/// Files below `folder` whose extension is `extension`.
///
/// # Errors
/// As [`entries`].
pub fn files_with_extension(folder: &Path, wanted: &str) -> Result<Vec<PathBuf>, Failure> {
    let found = personal_files(folder)?;
    Ok(found.into_iter().filter(|entry| entry.extension() == wanted).map(|entry| entry.path).collect())
}

/// The extension of `path` in lower case, or an empty text.
#[must_use]
pub fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Whether `path` is a Maildir.
#[must_use]
pub fn is_maildir(path: &Path) -> bool {
    path.join("cur").is_dir() && path.join("new").is_dir()
}

/// All folders below `folder` that are Maildirs, hidden ones within a Maildir included.
///
/// # Errors
/// As [`entries`].
pub fn maildirs(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = entries(folder)?;
    folders.retain(|entry| entry.metadata.is_dir());
    for path in std::iter::once(folder.to_owned()).chain(folders.into_iter().map(|entry| entry.path)) {
        if is_maildir(&path) {
            found.extend(hidden_maildirs(&path));
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn hidden_maildirs(maildir: &Path) -> Vec<PathBuf> {
    let Ok(inside) = std::fs::read_dir(maildir) else { return Vec::new() };
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    inside.filter_map(|entry| Some(entry.ok()?.path())).filter(hidden).filter(|path| is_maildir(path)).collect()
}

fn collect(folder: &Path, enter: fn(&DirEntry) -> bool) -> Result<Vec<Entry>, Failure> {
    if !folder.is_dir() {
        return Err(Failure::new(ErrorCode::NotFound, format!("{} is not a folder", folder.display())));
    }
    let walk = WalkBuilder::new(folder)
        .follow_links(false)
        .git_global(false)
        .parents(false)
        .sort_by_file_name(std::cmp::Ord::cmp)
        .filter_entry(enter)
        .build();
    let mut found = Vec::new();
    // What cannot be read is as if it were not there: the jail decides what can be seen.
    for entry in walk.filter_map(Result::ok).filter(|entry| entry.depth() > 0) {
        if found.len() >= SEARCH_ENTRIES {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{} holds too much", folder.display()))
                .because(format!("a search looks at no more than {SEARCH_ENTRIES} entries"))
                .try_next("Name a folder further down"));
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() || metadata.is_dir() => {
                found.push(Entry { path: entry.into_path(), metadata });
            }
            _ => {}
        }
    }
    Ok(found)
}

fn is_build_output(entry: &DirEntry) -> bool {
    let beside = |name: &str| entry.path().parent().is_some_and(|parent| parent.join(name).exists());
    match entry.file_name().to_str() {
        Some("target") => beside("Cargo.toml"),
        Some("node_modules") => beside("package.json"),
        _ => false,
    }
}

fn is_project(entry: &DirEntry) -> bool {
    entry.depth() > 0
        && entry.file_type().is_some_and(|kind| kind.is_dir())
        && PROJECT_MARKS.iter().any(|mark| entry.path().join(mark).exists())
}
