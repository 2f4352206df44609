//! Zip archives that somebody else made: what is taken out is bounded, whatever the archive claims.

use std::io::{Cursor, Read};

use genoa_abi::{ErrorCode, Failure};
use zip::ZipArchive;

/// What all entries of one archive may unpack to together.
pub(crate) const UNPACKED_BYTES: u64 = 256 * 1024 * 1024;
/// Entries of one archive.
const ENTRIES: usize = 10_000;

/// An opened archive.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    /// # Errors
    /// [`ErrorCode::ToolFailed`] for what is not a whole archive, [`ErrorCode::TooLarge`] for too many entries.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
        if zip.len() > ENTRIES {
            let what = format!("the archive has {} entries, the limit is {ENTRIES}", zip.len());
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        Ok(Self { zip, left: UNPACKED_BYTES })
    }

    /// Whether there is an entry of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Names of all entries.
    pub(crate) fn names(&self) -> Vec<String> {
        self.zip.file_names().flatten().map(std::borrow::Cow::into_owned).collect()
    }

    /// The content of one entry.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] when everything taken so far is over [`UNPACKED_BYTES`].
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>, Failure> {
        let entry = self.zip.by_name(name).map_err(|error| damaged(&error))?;
        let mut bytes = Vec::new();
        entry.take(self.left + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
        let size = bytes.len() as u64;
        if size > self.left {
            return Err(too_large());
        }
        self.left -= size;
        Ok(bytes)
    }

    /// Unpacks everything once to nowhere, before a parser without limits of its own is let near it.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] over [`UNPACKED_BYTES`].
    pub(crate) fn check_size(&mut self) -> Result<(), Failure> {
        let mut left = UNPACKED_BYTES;
        for place in 0..self.zip.len() {
            let entry = self.zip.by_index(place).map_err(|error| damaged(&error))?;
            let size =
                std::io::copy(&mut entry.take(left + 1), &mut std::io::sink()).map_err(|error| damaged(&error))?;
            left = left.checked_sub(size).ok_or_else(too_large)?;
        }
        Ok(())
    }
}

fn too_large() -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("the document unpacks to more than {UNPACKED_BYTES} bytes"))
        .because("that is far more than a document needs; it may be made to do harm")
}

fn damaged(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ToolFailed, "the document is damaged").because(error)
}
