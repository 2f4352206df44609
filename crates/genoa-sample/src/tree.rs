//! The folder that the sample is written to.

use std::fs::File;
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};
use jiff::Zoned;

/// Writes files with their times, and counts them.
#[derive(Debug)]
pub struct Tree {
    folder: PathBuf,
    /// Files that were written.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

impl Tree {
    /// A tree in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if something is in it already: a person's files are never mixed with made-up ones.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        let failure = |error| failure(folder, &error);
        std::fs::create_dir_all(folder).map_err(failure)?;
        if std::fs::read_dir(folder).map_err(failure)?.next().is_some() {
            return Err(Failure::new(ErrorCode::Conflict, format!("{} is not empty", folder.display()))
                .try_next("Choose a new folder for the sample"));
        }
        Ok(Self { folder: folder.to_owned(), files: 0, bytes: 0 })
    }

    /// Writes one file that was last changed at `changed`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&mut self, path: &str, content: impl AsRef<[u8]>, changed: &Zoned) -> Result<(), Failure> {
        let whole = self.folder.join(path);
        let content = content.as_ref();
        let written = whole.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
            std::fs::write(&whole, content)?;
            File::options().append(true).open(&whole)?.set_modified(changed.timestamp().into())
        });
        written.map_err(|error| failure(&whole, &error))?;
        self.files += 1;
        self.bytes += content.len() as u64;
        Ok(())
    }

    /// Makes a folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder(&self, path: &str) -> Result<(), Failure> {
        let whole = self.folder.join(path);
        std::fs::create_dir_all(&whole).map_err(|error| failure(&whole, &error))
    }
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::ToolFailed, format!("{} cannot be written", path.display())).because(error)
}
