//! The state of token sequences on disk: of system prompts, so that a restarted worker does not read them again, and of calls
//! that had to make room for others.
//!
//! A file is named after what it is the state of (the model, the engine's version, the tokens) and the hash of its
//! content; what does not match is removed and computed again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use genoa_abi::ContentHash;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::token::LlamaToken;

use super::loaded::LoadedModel;
use super::written::CALLS;
use crate::limits::{STATE_FILE_MIN_TOKENS, WRITTEN_FILE_DAYS};
use crate::store::hash_file;

/// Changes when the engine's state format does.
const FORMAT: &str = "llama-cpp-2 0.1.160";
const ENDING: &str = "kv";
/// Of what only one call of this worker goes on from.
const OWN_ENDING: &str = "own";
/// Of what is being written.
const PART_ENDING: &str = "part";
/// What the engine's files of one sequence begin with, and the version of what follows: the number of tokens and the tokens.
const MAGIC: u32 = 0x6767_7371;
const VERSION: u32 = 4;

/// The folder of one model.
#[derive(Debug)]
pub(super) struct StateFiles {
    folder: PathBuf,
    /// What all its states depend on besides their tokens.
    model: String,
    /// At multiples of how many tokens a call may go on from the state of another; above 1, what a call leaves that stands still
    /// is for itself.
    grain: usize,
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
    is_own: bool,
    bytes: u64,
    used: SystemTime,
}

/// Who may go on from a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Whoever has the same beginning.
    All,
    /// The call that it is of; others as well where nothing but the tokens decides what is computed.
    Own,
}

/// A state that is kept.
#[derive(Debug)]
pub(super) struct Found {
    place: usize,
    /// How many of the tokens that were looked for it holds.
    pub(super) tokens: usize,
}

impl StateFiles {
    pub(super) fn new(loaded: &LoadedModel) -> Option<Self> {
        let options = &loaded.options;
        let folder = options.kept_in()?.to_owned();
        let mut model = options.sha256.clone()?;
        if options.deterministic {
            model.push_str(&format!(" in pieces of {} by {} threads", loaded.grain(), loaded.threads));
        }
        fs::create_dir_all(&folder).ok()?;
        let mut files = Self {
            folder,
            model,
            grain: loaded.grain(),
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
        tokens.len() >= STATE_FILE_MIN_TOKENS
            && !self.entries.iter().any(|entry| !entry.is_own && entry.tokens == tokens)
    }

    /// Keeps the state of a sequence that holds exactly `tokens`; says whether it is there. A disk that does not take it only
    /// costs time later.
    pub(super) fn save(&mut self, context: &LlamaContext<'_>, sequence: i32, tokens: &[LlamaToken], by: Use) -> bool {
        let key = self.key(tokens);
        let is_own = by == Use::Own && self.grain > 1;
        let ending = if is_own { OWN_ENDING } else { ENDING };
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key && entry.is_own == is_own) {
            entry.used = SystemTime::now();
            return true;
        }
        let part = self.folder.join(format!("{key}.{}.{PART_ENDING}", std::process::id()));
        let kept = context.state_seq_save_file(&part, sequence, tokens).ok().and_then(|_| {
            let hash = hash_file(&part).ok()?;
            let path = self.folder.join(format!("{key}-{hash}.{ending}"));
            fs::rename(&part, &path).ok()?;
            let bytes = fs::metadata(&path).ok()?.len();
            Some(Entry { path, key, tokens: tokens.to_vec(), is_own, bytes, used: SystemTime::now() })
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
        if !self.pinned.remove(&key) {
            return;
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.key == key) {
            entry.used = SystemTime::UNIX_EPOCH;
        }
        let goes = |entry: &Entry| entry.is_own && entry.key == key && fs::remove_file(&entry.path).is_ok();
        self.entries.retain(|entry| !goes(entry));
    }

    /// The kept state that shares the longest beginning with `tokens`, where that is longer than what is `known` elsewhere. One
    /// that holds more than twice of what is wanted is not worth its reading. `own` tokens of the call are on disk for it.
    pub(super) fn find(&mut self, tokens: &[LlamaToken], known: usize, own: usize) -> Option<Found> {
        let fits = |(place, entry): (usize, &Entry)| {
            let shared = entry.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
            let shared = match entry.is_own {
                false => shared - shared % self.grain,
                true if shared == own && own == entry.tokens.len() => shared,
                true => return None,
            };
            let is_worth_it = shared >= STATE_FILE_MIN_TOKENS && shared > known && entry.tokens.len() <= 2 * shared;
            is_worth_it.then_some(Found { place, tokens: shared })
        };
        let found = self.entries.iter().enumerate().filter_map(fits).max_by_key(|found| found.tokens);
        let would_help = known < STATE_FILE_MIN_TOKENS && tokens.len() >= STATE_FILE_MIN_TOKENS;
        self.misses += u64::from(found.is_none() && would_help);
        found
    }

    /// Puts a state into an empty sequence, and cuts what is not wanted of it; says whether it is there now.
    pub(super) fn load(&mut self, context: &mut LlamaContext<'_>, sequence: i32, found: &Found) -> bool {
        let entry = &self.entries[found.place];
        let is_whole = hash_file(&entry.path).is_ok_and(|hash| is_named(&entry.path, &entry.key, &hash));
        if !is_whole {
            let entry = self.entries.swap_remove(found.place);
            let _ = fs::remove_file(&entry.path);
            return false;
        }
        let loaded = context.state_seq_load_file(&entry.path, sequence, entry.tokens.len());
        let is_it = loaded.is_ok_and(|(tokens, _)| tokens == entry.tokens);
        let end = u32::try_from(found.tokens).ok();
        let is_cut = found.tokens == entry.tokens.len() || context.kv_cache_seq_rm(sequence, end, None).is_ok();
        if !(is_it && is_cut) {
            return false;
        }
        self.hits += 1;
        // Its time tells other workers which file was needed last.
        let now = SystemTime::now();
        let _ = fs::File::options().append(true).open(&entry.path).and_then(|file| file.set_modified(now));
        self.entries[found.place].used = now;
        true
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
            let ending = path.extension()?;
            if ending == OWN_ENDING && is_left_behind(&data) {
                let _ = fs::remove_file(&path);
            }
            (ending == ENDING).then_some(())?;
            let tokens = tokens_of(&path, data.len())?;
            (self.key(&tokens) == key).then_some(())?;
            Some(Entry { path, key, tokens, is_own: false, bytes: data.len(), used: data.modified().ok()? })
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

/// Removes what workers kept in a folder, of all models: states, and what calls wrote. What is gone already is fine.
pub(super) fn remove_all(folder: &Path) -> io::Result<()> {
    let is_ours = |path: &PathBuf| {
        path.extension().is_some_and(|ending| [ENDING, OWN_ENDING, PART_ENDING].iter().any(|own| ending == *own))
    };
    for file in unless_gone(fs::read_dir(folder))?.into_iter().flatten() {
        let path = file?.path();
        if is_ours(&path) {
            unless_gone(fs::remove_file(path))?;
        }
    }
    unless_gone(fs::remove_dir_all(folder.join(CALLS))).map(drop)
}

fn unless_gone<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
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
    path.file_stem().and_then(|name| name.to_str()) == Some(format!("{key}-{hash}").as_str())
}

/// Whether a file is so old that the worker whose call it was for is gone.
fn is_left_behind(data: &fs::Metadata) -> bool {
    let age = data.modified().ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age > Duration::from_secs(WRITTEN_FILE_DAYS * 24 * 60 * 60))
}
