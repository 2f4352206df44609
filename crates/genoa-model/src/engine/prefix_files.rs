//! The state of system prompts on disk, so that a restarted worker does not read them again.
//!
//! A file is named after what it is the state of (the model, the engine's version, the tokens) and the hash of its
//! content; what does not match is removed and computed again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use genoa_abi::ContentHash;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::token::LlamaToken;

use super::loaded::EngineOptions;
use crate::limits::PREFIX_FILE_MIN_TOKENS;
use crate::store::hash_file;

/// Changes when the engine's state format does.
const FORMAT: &str = "llama-cpp-2 0.1.160";
const ENDING: &str = "kv";

/// The folder of one model.
#[derive(Debug)]
pub(super) struct PrefixFiles {
    folder: PathBuf,
    model: String,
    most_bytes: u64,
}

impl PrefixFiles {
    pub(super) fn new(options: &EngineOptions) -> Option<Self> {
        let folder = options.prefix_dir.clone()?;
        let model = options.sha256.clone()?;
        fs::create_dir_all(&folder).ok()?;
        Some(Self { folder, model, most_bytes: options.prefix_bytes })
    }

    /// Whether the state of `tokens` is worth a file and has none yet.
    pub(super) fn wants(&self, tokens: &[LlamaToken]) -> bool {
        tokens.len() >= PREFIX_FILE_MIN_TOKENS && self.find(&self.key(tokens)).is_none()
    }

    /// Whether the state of `tokens` is kept.
    pub(super) fn has(&self, tokens: &[LlamaToken]) -> bool {
        tokens.len() >= PREFIX_FILE_MIN_TOKENS && self.find(&self.key(tokens)).is_some()
    }

    /// Keeps the state of a sequence that holds exactly `tokens`. A disk that does not take it only costs time later.
    pub(super) fn save(&self, context: &LlamaContext<'_>, sequence: i32, tokens: &[LlamaToken]) {
        let key = self.key(tokens);
        let part = self.folder.join(format!("{key}.{}.part", std::process::id()));
        let kept = context.state_seq_save_file(&part, sequence, tokens).ok().and_then(|_| {
            let hash = hash_file(&part).ok()?;
            fs::rename(&part, self.folder.join(format!("{key}-{hash}.{ENDING}"))).ok()
        });
        if kept.is_none() {
            let _ = fs::remove_file(&part);
        }
        self.remove_oldest();
    }

    /// Puts the kept state of `tokens` into an empty sequence; says whether it is there now.
    pub(super) fn load(&self, context: &mut LlamaContext<'_>, sequence: i32, tokens: &[LlamaToken]) -> bool {
        let key = self.key(tokens);
        let Some(path) = self.find(&key) else { return false };
        let whole = hash_file(&path).is_ok_and(|hash| is_named(&path, &key, &hash));
        let loaded = whole
            && context
                .state_seq_load_file(&path, sequence, tokens.len())
                .is_ok_and(|(found, _)| found.as_slice() == tokens);
        if loaded {
            // Its time tells which file was needed last.
            let _ = fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        } else {
            let _ = fs::remove_file(&path);
        }
        loaded
    }

    fn key(&self, tokens: &[LlamaToken]) -> String {
        let mut bytes = format!("{FORMAT}\n{}\n", self.model).into_bytes();
        bytes.extend(tokens.iter().flat_map(|token| token.0.to_le_bytes()));
        ContentHash::of(&bytes).to_string()
    }

    fn find(&self, key: &str) -> Option<PathBuf> {
        self.files().into_iter().map(|(path, ..)| path).find(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&format!("{key}-")))
        })
    }

    fn files(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let file = |entry: fs::DirEntry| {
            let data = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let path = entry.path();
            path.extension().is_some_and(|ending| ending == ENDING).then_some(())?;
            Some((path, data.len(), data.modified().ok()?))
        };
        entries.flatten().filter_map(file).collect()
    }

    fn remove_oldest(&self) {
        let mut files = self.files();
        files.sort_by_key(|(_, _, changed)| *changed);
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (path, bytes, _) in files {
            if total <= self.most_bytes {
                return;
            }
            if fs::remove_file(path).is_ok() {
                total -= bytes;
            }
        }
    }
}

fn is_named(path: &Path, key: &str, hash: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()) == Some(format!("{key}-{hash}.{ENDING}").as_str())
}
