//! What calls wrote so far, on disk: a worker that was killed goes on where it was, and repeats nothing.
//!
//! One file for each call that runs, with four bytes for each written token; it is gone with the call. A file counts only for
//! the same request to the same model.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use genoa_abi::model::InferRequest;
use genoa_abi::{CallId, ContentHash};
use serde_json::json;

use super::loaded::EngineOptions;
use crate::limits::WRITTEN_FILE_DAYS;

/// Where they are, in the folder of what is kept.
pub(super) const CALLS: &str = "calls";
/// Marks a token that the grammar left no choice about.
const FORCED: u32 = 1 << 31;

/// A token that a call wrote, and whether it was forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) token: u32,
    pub(super) is_forced: bool,
}

/// The folder of all calls.
#[derive(Debug)]
pub(super) struct WrittenFiles {
    folder: PathBuf,
    model: String,
}

/// The file of one call.
#[derive(Debug)]
pub(super) struct WrittenFile {
    path: PathBuf,
    file: fs::File,
}

impl WrittenFiles {
    /// Files that nobody came back for are removed after some days.
    pub(super) fn new(options: &EngineOptions) -> Option<Self> {
        let folder = options.kept_in()?.join(CALLS);
        let model = options.sha256.clone()?;
        fs::create_dir_all(&folder).ok()?;
        let is_old = |entry: &fs::DirEntry| {
            let age = entry.metadata().ok()?.modified().ok()?.elapsed().ok()?;
            Some(age > Duration::from_secs(WRITTEN_FILE_DAYS * 24 * 60 * 60))
        };
        for entry in fs::read_dir(&folder).ok()?.flatten().filter(|entry| is_old(entry).unwrap_or(false)) {
            let _ = fs::remove_file(entry.path());
        }
        Some(Self { folder, model })
    }

    /// The file of a call, and what it wrote before. `None` where the disk does not take it: the call works without.
    pub(super) fn open(&self, call: CallId, request: &InferRequest) -> Option<(WrittenFile, Vec<Written>)> {
        let key = ContentHash::of_json(&json!([self.model, request]));
        let path = self.folder.join(format!("{call}-{key}.tokens"));
        let mut file = fs::File::options().read(true).append(true).create(true).open(&path).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let whole = bytes.len() - bytes.len() % 4;
        if whole < bytes.len() {
            file.set_len(whole as u64).ok()?;
        }
        let written = bytes
            .chunks_exact(4)
            .filter_map(|four| Some(Written::from_word(u32::from_le_bytes(four.try_into().ok()?))));
        Some((WrittenFile { path, file }, written.collect()))
    }
}

impl WrittenFile {
    /// Takes down what was written; says whether the disk took it.
    pub(super) fn append(&mut self, written: &[Written]) -> bool {
        let bytes: Vec<u8> = written.iter().flat_map(|one| one.word().to_le_bytes()).collect();
        self.file.write_all(&bytes).is_ok()
    }

    /// The call is over.
    pub(super) fn remove(self) {
        let _ = fs::remove_file(self.path);
    }
}

impl Written {
    fn from_word(word: u32) -> Self {
        Self { token: word & !FORCED, is_forced: word & FORCED != 0 }
    }

    fn word(self) -> u32 {
        self.token | if self.is_forced { FORCED } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use genoa_abi::CallId;
    use genoa_abi::model::InferRequest;

    use super::super::loaded::EngineOptions;
    use super::{Written, WrittenFiles};

    #[test]
    fn what_was_written_is_found_by_the_same_request_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = EngineOptions::new(Path::new("model.gguf"), "m");
        options.prefix_dir = Some(folder.path().to_owned());
        options.sha256 = Some("a".into());
        let files = WrittenFiles::new(&options).unwrap();
        let request = InferRequest { seed: 1, ..InferRequest::default() };
        let both = [Written { token: 7, is_forced: true }, Written { token: 8, is_forced: false }];
        let (mut file, before) = files.open(CallId(1), &request).unwrap();
        assert_eq!(before, []);
        assert!(file.append(&both));
        // A word that was cut by the end of its process.
        file.file.write_all(&[1, 2]).unwrap();
        let (mut file, before) = files.open(CallId(1), &request).unwrap();
        assert_eq!(before, both);
        assert!(file.append(&both[..1]));
        assert_eq!(files.open(CallId(1), &request).unwrap().1, [both[0], both[1], both[0]]);
        assert_eq!(files.open(CallId(2), &request).unwrap().1, []);
        assert_eq!(files.open(CallId(1), &InferRequest { seed: 2, ..request.clone() }).unwrap().1, []);
        file.remove();
        assert_eq!(files.open(CallId(1), &request).unwrap().1, []);
    }
}
