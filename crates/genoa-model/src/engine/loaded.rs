//! A model file in memory, with everything that is derived from it once.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use genoa_abi::limits::{CONTEXT_TOKENS, INFER_PLACES};
use genoa_abi::{ErrorCode, Failure};
use genoa_sys::interrupt::that_can_end;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatTemplate, LlamaModel};
use serde::{Deserialize, Serialize};
use toktrie::TokEnv;

use super::interrupt::Interrupt;
use super::vocabulary;
use crate::durations::ms;
use crate::gguf;
use crate::limits::{FIXED_PIECE_TOKENS, HELD_STATES_BYTES, SLOTS, STATE_FILES_BYTES, STEP_TOKENS};

/// How to run a model file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineOptions {
    /// The model file.
    pub path: PathBuf,
    /// The name that replies carry.
    pub name: String,
    /// The file's SHA-256; without it no prefix is kept on disk, because it could not be told whose it is.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Context window of one call, in tokens; the model's own window limits it.
    #[serde(default = "default_context")]
    pub context_tokens: u32,
    /// Threads; without it one per physical core, eight at most, and fewer while others use the cores.
    #[serde(default)]
    pub threads: Option<u32>,
    /// Calls that write at the same time.
    #[serde(default = "default_parallel")]
    pub parallel: u32,
    /// Whether what an answer copies is guessed from what stands before, several tokens in one step.
    #[serde(default = "default_lookup")]
    pub lookup: bool,
    /// Whether what is computed of a call never depends on other calls, on what was there before, or on how often it stood still:
    /// one call at a time, in pieces that its own tokens decide.
    #[serde(default)]
    pub deterministic: bool,
    /// Whether nothing of any call is kept on disk, whatever it asks for; what was kept before is removed.
    #[serde(default)]
    pub off_disk: bool,
    /// Where the state of system prompts is kept across restarts; without it nowhere.
    #[serde(default)]
    pub prefix_dir: Option<PathBuf>,
    /// What the files there may take together.
    #[serde(default = "default_prefix_bytes")]
    pub prefix_bytes: u64,
    /// What the states of calls that had to make room may take in memory together; the others go to disk.
    #[serde(default = "default_held_bytes")]
    pub held_bytes: usize,
}

impl EngineOptions {
    /// Everything by default, for this file.
    #[must_use]
    pub fn new(path: &Path, name: &str) -> Self {
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            sha256: None,
            context_tokens: default_context(),
            threads: None,
            parallel: default_parallel(),
            lookup: default_lookup(),
            deterministic: false,
            off_disk: false,
            prefix_dir: None,
            prefix_bytes: default_prefix_bytes(),
            held_bytes: default_held_bytes(),
        }
    }

    /// The folder that something of calls may be kept in.
    pub(super) fn kept_in(&self) -> Option<&Path> {
        self.prefix_dir.as_deref().filter(|_| !self.off_disk)
    }
}

fn default_context() -> u32 {
    u32::try_from(CONTEXT_TOKENS).unwrap_or(u32::MAX)
}

fn default_parallel() -> u32 {
    u32::try_from(INFER_PLACES).unwrap_or(1)
}

fn default_lookup() -> bool {
    true
}

fn default_prefix_bytes() -> u64 {
    STATE_FILES_BYTES
}

fn default_held_bytes() -> usize {
    HELD_STATES_BYTES
}

/// A loaded model file. Engines borrow it.
pub struct LoadedModel {
    pub(super) model: Arc<LlamaModel>,
    pub(super) template: LlamaChatTemplate,
    pub(super) has_thinking_switch: bool,
    pub(super) vocabulary: TokEnv,
    pub(super) options: EngineOptions,
    pub(super) context_tokens: u32,
    pub(super) threads: u32,
    /// Lets steps end early in all its contexts.
    pub(super) interrupt: Interrupt,
    load_ms: u32,
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel").field("options", &self.options).finish_non_exhaustive()
    }
}

impl LoadedModel {
    /// Checks the header of a model file and loads it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] or [`ErrorCode::InvalidInput`] for the file, [`ErrorCode::ModelFailed`] where the engine
    /// refuses it, [`ErrorCode::Unsupported`] for a chat template that the engine does not know.
    pub fn open(options: EngineOptions) -> Result<Self, Failure> {
        Self::open_with(options, Interrupt::default())
    }

    /// As [`LoadedModel::open`], with what asks its steps to end early.
    ///
    /// # Errors
    /// As [`LoadedModel::open`].
    pub fn open_with(options: EngineOptions, interrupt: Interrupt) -> Result<Self, Failure> {
        let started = Instant::now();
        gguf::check_file(&options.path)?;
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::ModelFailed, format!("{} could not be loaded", options.path.display()))
                .because(error)
                .try_next("See the model log; `genoa model verify` tells whether the file is whole")
        };
        let parameters = LlamaModelParams::default().with_n_gpu_layers(0);
        let model =
            LlamaModel::load_from_file(backend()?, &options.path, &parameters).map_err(|error| failed(&error))?;
        let model = Arc::new(model);
        let template = model.chat_template(None).map_err(|error| {
            Failure::new(ErrorCode::Unsupported, format!("{} has no chat template", options.path.display()))
                .because(error)
                .try_next("Choose a model that was trained for conversations (its name often ends in Instruct)")
        })?;
        let has_thinking_switch = template.to_str().is_ok_and(|text| text.contains("enable_thinking"));
        let vocabulary = vocabulary::read(&model);
        let context_tokens = options.context_tokens.min(model.n_ctx_train()).max(1);
        let threads = options.threads.unwrap_or_else(default_threads).max(1);
        let load_ms = ms(started.elapsed());
        Ok(Self {
            model,
            template,
            has_thinking_switch,
            vocabulary,
            options,
            context_tokens,
            threads,
            interrupt,
            load_ms,
        })
    }

    /// How long loading took, in milliseconds.
    #[must_use]
    pub fn load_ms(&self) -> u32 {
        self.load_ms
    }

    /// Tokens that one call may use, prompt and answer together.
    #[must_use]
    pub fn context_tokens(&self) -> u32 {
        self.context_tokens
    }

    /// Threads in use.
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// How many sequences there are, and how many tokens have room in all of them: two calls of full length, so that what others left
    /// stays warm. Where nothing may depend on other calls there is one sequence, whose cells are always in the order of its tokens.
    pub(super) fn room(&self) -> (usize, u32) {
        if self.options.deterministic {
            (1, self.context_tokens)
        } else {
            (SLOTS, self.context_tokens.saturating_mul(2))
        }
    }

    /// A context with all that room, which works with so many threads.
    pub(super) fn context(&self, threads: u32) -> Result<LlamaContext<'_>, Failure> {
        let (count, pool) = self.room();
        let threads = i32::try_from(threads).unwrap_or(1);
        let step = u32::try_from(STEP_TOKENS).unwrap_or(u32::MAX);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(pool))
            .with_n_batch(step)
            .with_n_ubatch(step)
            // One more than there are slots, for what is compared.
            .with_n_seq_max(u32::try_from(count + 1).unwrap_or(u32::MAX))
            .with_kv_unified(true)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let parameters = that_can_end(parameters, self.interrupt.flag());
        self.model.new_context(backend()?, parameters).map_err(|error| {
            Failure::new(ErrorCode::ModelFailed, format!("{} has no room to work in", self.name()))
                .because(error)
                .try_next("Close other programs, or choose a smaller model with `genoa model use`")
        })
    }

    /// Whether the number of threads is found by measurement. The last bits of what is computed depend on it.
    pub(super) fn fits_threads(&self) -> bool {
        self.options.threads.is_none() && !self.options.deterministic
    }

    /// At multiples of how many tokens a state of one call may be gone on from by another.
    pub(super) fn grain(&self) -> usize {
        if self.options.deterministic { FIXED_PIECE_TOKENS } else { 1 }
    }

    /// The name that replies carry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.name
    }
}

/// The engine's global state; it can be made once in a process.
pub(super) fn backend() -> Result<&'static LlamaBackend, Failure> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let made = BACKEND.get_or_init(|| {
        let mut backend = LlamaBackend::init().ok()?;
        if std::env::var_os("GENOA_MODEL_LOG").is_none() {
            backend.void_logs();
        }
        Some(backend)
    });
    made.as_ref().ok_or_else(|| Failure::new(ErrorCode::ModelFailed, "the inference engine could not start"))
}

/// How many threads work where nothing else is said: one for each physical core, eight at most.
///
/// Two threads on one core make each other wait; more than eight gain nothing when memory is the limit.
#[must_use]
pub fn default_threads() -> u32 {
    const MOST: usize = 8;
    let available = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(physical_cores().unwrap_or(available).min(available).clamp(1, MOST)).unwrap_or(1)
}

fn physical_cores() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
    let mut cores = std::collections::BTreeSet::new();
    let mut package = String::new();
    for line in text.lines() {
        if line.starts_with("physical id") {
            package = value(line)?;
        } else if line.starts_with("core id") {
            cores.insert((package.clone(), value(line)?));
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}
