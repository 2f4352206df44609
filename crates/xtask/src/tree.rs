//! The source tree as data: every file that people write, by its path from the root.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

/// Folders that hold no source.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "node_modules", "corpus", "artifacts"];
/// Files larger than this are data, and are known by name only.
const TEXT_FILE_BYTES: u64 = 1024 * 1024;

/// The files of a source tree. A made-up one, for the tests of the rules, is made by [`Tree::of`].
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
    sources: Vec<Source>,
}

impl Tree {
    /// A tree of these files.
    #[must_use]
    pub fn of<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let files: BTreeMap<String, String> =
            files.into_iter().map(|(path, text)| (path.into(), text.into())).collect();
        let sources = files
            .iter()
            .filter(|(path, _)| is_source(path))
            .map(|(path, text)| Source::new(path.clone(), text.clone()))
            .collect();
        Self { files, sources }
    }

    /// Reads the tree below `root`.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files)?;
        Ok(Self::of(files))
    }

    /// The text of a file; `None` where there is no such file, empty for one that is not text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether a file or folder of that path is there.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    /// All files with this ending, and their text.
    pub fn files_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter(move |(path, _)| path.ends_with(ending)).map(|(path, text)| (&**path, &**text))
    }

    /// All files, and their text.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files_ending("")
    }

    /// The manifests of the crates: crate folder, path, text.
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.files().filter_map(|(path, text)| {
            let folder = path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!folder.contains('/')).then_some((folder, path, text))
        })
    }

    /// The Rust files of the crates and of the fuzz targets, parsed.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }
}

/// The root of the workspace that this crate belongs to.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.ancestors().nth(2).unwrap_or(crate_folder).to_owned()
}

/// Rust that Cargo builds. Rust that is data (a sample, a test's input) is not ours to judge.
fn is_source(path: &str) -> bool {
    let Some(path) = path.strip_suffix(".rs") else { return false };
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["fuzz", "fuzz_targets", _] => true,
        ["crates", _, "src" | "tests" | "benches" | "examples", rest @ ..] => {
            !rest.contains(&"data") && !rest.contains(&"fixtures")
        }
        _ => false,
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let fail = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                read_folder(&entry.path(), &format!("{prefix}{name}/"), files)?;
            }
        } else if kind.is_file() {
            files.insert(format!("{prefix}{name}"), read_text(&entry.path()));
        }
    }
    Ok(())
}

fn read_text(path: &Path) -> String {
    let is_small = fs::metadata(path).is_ok_and(|data| data.len() <= TEXT_FILE_BYTES);
    if is_small { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn folders_are_there_when_a_file_is_below_them() {
        let tree = Tree::of([("crates/a/src/lib.rs", ""), ("README.md", "")]);
        assert!(tree.contains("crates/a") && tree.contains("crates/a/") && tree.contains("README.md"));
        assert!(!tree.contains("crates/b") && !tree.contains("crates/a/src/li"));
    }

    #[test]
    fn rust_that_is_data_is_not_a_source() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", ""),
            ("crates/a/data/broken.rs", "}"),
            ("crates/a/tests/data/b.rs", "}"),
        ]);
        let paths: Vec<&str> = tree.sources().iter().map(|source| source.path.as_str()).collect();
        assert_eq!(paths, ["crates/a/src/lib.rs"]);
    }
}
