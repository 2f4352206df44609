//! The state of token sequences on disk: of system prompts, so that a restarted worker does not read them again, and of calls
//! that had to make room for others.
//!
//! A file is named after what it is the state of (the model, the engine's version, the tokens) and the hash of its
//! content; what does not match is removed and computed again.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use genoa_abi::ContentHash;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::token::LlamaToken;

use super::loaded::EngineOptions;
use crate::limits::STATE_FILE_MIN_TOKENS;
use crate::store::hash_file;

/// Changes when the engine's state format does.
const FORMAT: &str = "llama-cpp-2 0.1.160";
const ENDING: &str = "kv";
/// What the engine's files of one sequence begin with, and the version of what follows: the number of tokens and the tokens.
const MAGIC: u32 = 0x6767_7371;
const VERSION: u32 = 4;

/// The folder of one model.
#[derive(Debug)]
pub(super) struct StateFiles {
    folder: PathBuf,
    model: String,
    most_bytes: u64,
    entries: Vec<Entry>,
    /// Keys of what calls that stand still go on from: not removed to make room.
    pinned: BTreeSet<String>,
    /// How often a state was at hand, and how often one was looked for in vain.
    pub(super) hits: u64,
    pub(super) misses: u64,
}

/// One file.
#[derive(Debug)]
struct Entry {
    path: PathBuf,
    key: String,
    tokens: Vec<LlamaToken>,
    bytes: u64,
    used: SystemTime,
}

impl StateFiles {
    pub(super) fn new(options: &EngineOptions) -> Option<Self> {
        let folder = options.prefix_dir.clone()?;
        let model = options.sha256.clone()?;
        fs::create_dir_all(&folder).ok()?;
        let mut files = Self {
            folder,
            model,
            most_bytes: options.prefix_bytes,
            entries: Vec::new(),
            pinned: BTreeSet::new(),
            hits: 0,
            misses: 0,
        };
        files.entries = files.found();
        Some(files)
    }

    /// What all files take together.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// Whether the state of `tokens` is worth a file and has none yet.
    pub(super) fn wants(&self, tokens: &[LlamaToken]) -> bool {
        tokens.len() >= STATE_FILE_MIN_TOKENS && !self.entries.iter().any(|entry| entry.tokens == tokens)
    }

    /// Keeps the state of a sequence that holds exactly `tokens`; says whether it is there. A disk that does not take it only
    /// costs time later.
    pub(super) fn save(&mut self, context: &LlamaContext<'_>, sequence: i32, tokens: &[LlamaToken]) -> bool {
        let key = self.key(tokens);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.used = SystemTime::now();
            return true;
        }
        let part = self.folder.join(format!("{key}.{}.part", std::process::id()));
        let kept = context.state_seq_save_file(&part, sequence, tokens).ok().and_then(|_| {
            let hash = hash_file(&part).ok()?;
            let path = self.folder.join(format!("{key}-{hash}.{ENDING}"));
            fs::rename(&part, &path).ok()?;
            let bytes = fs::metadata(&path).ok()?.len();
            Some(Entry { path, key, tokens: tokens.to_vec(), bytes, used: SystemTime::now() })
        });
        let is_kept = kept.is_some();
        match kept {
            Some(entry) => self.entries.push(entry),
            None => drop(fs::remove_file(&part)),
        }
        self.remove_oldest();
        is_kept
    }

    /// Keeps the state of a call that stands still until it goes on.
    pub(super) fn pin(&mut self, tokens: &[LlamaToken]) {
        self.pinned.insert(self.key(tokens));
    }

    /// The call went on, or is over: its state may go when room is needed. It is of no use to others, so it goes first.
    pub(super) fn unpin(&mut self, tokens: &[LlamaToken]) {
        let key = self.key(tokens);
        if self.pinned.remove(&key)
            && let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key)
        {
            entry.used = SystemTime::UNIX_EPOCH;
        }
    }

    /// Whether more of `tokens` is kept than the beginning that is `known` elsewhere.
    pub(super) fn has_longer(&mut self, tokens: &[LlamaToken], known: usize) -> bool {
        let is_longer = self.longest(tokens).is_some_and(|(_, shared)| shared > known);
        self.misses += u64::from(!is_longer && known < STATE_FILE_MIN_TOKENS && tokens.len() >= STATE_FILE_MIN_TOKENS);
        is_longer
    }

    /// Puts the longest kept beginning of `tokens` into an empty sequence; says how many of them are there now. A longer state
    /// than is wanted is cut.
    pub(super) fn load(
        &mut self,
        context: &mut LlamaContext<'_>,
        sequence: i32,
        tokens: &[LlamaToken],
    ) -> Option<usize> {
        let (place, common) = self.longest(tokens)?;
        let entry = &self.entries[place];
        let is_whole = hash_file(&entry.path).is_ok_and(|hash| is_named(&entry.path, &entry.key, &hash));
        if !is_whole {
            let entry = self.entries.swap_remove(place);
            let _ = fs::remove_file(&entry.path);
            return None;
        }
        let loaded = context.state_seq_load_file(&entry.path, sequence, entry.tokens.len());
        let is_it = loaded.is_ok_and(|(found, _)| found == entry.tokens);
        let end = u32::try_from(common).ok();
        let is_cut = common == entry.tokens.len() || context.kv_cache_seq_rm(sequence, end, None).is_ok();
        if !(is_it && is_cut) {
            return None;
        }
        self.hits += 1;
        // Its time tells other workers which file was needed last.
        let now = SystemTime::now();
        let _ = fs::File::options().append(true).open(&entry.path).and_then(|file| file.set_modified(now));
        self.entries[place].used = now;
        Some(common)
    }

    /// Which state to take, and how much of it. One that holds more than twice of what is wanted is not worth its reading.
    fn longest(&self, tokens: &[LlamaToken]) -> Option<(usize, usize)> {
        let fits = |(place, entry): (usize, &Entry)| {
            let shared = entry.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
            (shared >= STATE_FILE_MIN_TOKENS && entry.tokens.len() <= 2 * shared).then_some((place, shared))
        };
        self.entries.iter().enumerate().filter_map(fits).max_by_key(|(_, shared)| *shared)
    }

    fn key(&self, tokens: &[LlamaToken]) -> String {
        let mut bytes = format!("{FORMAT}\n{}\n", self.model).into_bytes();
        bytes.extend(tokens.iter().flat_map(|token| token.0.to_le_bytes()));
        ContentHash::of(&bytes).to_string()
    }

    /// The files of this model in the folder, by what they say of themselves; their content is looked at when it is needed.
    fn found(&self) -> Vec<Entry> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let entry = |file: fs::DirEntry| {
            let data = file.metadata().ok().filter(fs::Metadata::is_file)?;
            let path = file.path();
            let key = path.file_name()?.to_str()?.split_once('-')?.0.to_owned();
            path.extension().is_some_and(|ending| ending == ENDING).then_some(())?;
            let tokens = tokens_of(&path, data.len())?;
            (self.key(&tokens) == key).then_some(())?;
            Some(Entry { path, key, tokens, bytes: data.len(), used: data.modified().ok()? })
        };
        entries.flatten().filter_map(entry).collect()
    }

    fn remove_oldest(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_key(|place| self.entries[*place].used);
        let mut total = self.bytes();
        let mut gone = BTreeSet::new();
        for place in order {
            let entry = &self.entries[place];
            if total <= self.most_bytes {
                break;
            }
            if !self.pinned.contains(&entry.key) && fs::remove_file(&entry.path).is_ok() {
                total -= entry.bytes;
                gone.insert(entry.key.clone());
            }
        }
        self.entries.retain(|entry| !gone.contains(&entry.key));
    }
}

/// The tokens that a file says it is the state of.
fn tokens_of(path: &Path, bytes: u64) -> Option<Vec<LlamaToken>> {
    let mut file = fs::File::open(path).ok()?;
    let mut head = [0_u8; 12];
    file.read_exact(&mut head).ok()?;
    let word = |place: usize| u32::from_le_bytes([head[place], head[place + 1], head[place + 2], head[place + 3]]);
    (word(0) == MAGIC && word(4) == VERSION && u64::from(word(8)) * 4 < bytes).then_some(())?;
    let mut tokens = vec![0_u8; usize::try_from(word(8)).ok()? * 4];
    file.read_exact(&mut tokens).ok()?;
    let token = |four: &[u8]| Some(LlamaToken(i32::from_le_bytes(four.try_into().ok()?)));
    tokens.chunks_exact(4).map(token).collect()
}

fn is_named(path: &Path, key: &str, hash: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()) == Some(format!("{key}-{hash}.{ENDING}").as_str())
}
