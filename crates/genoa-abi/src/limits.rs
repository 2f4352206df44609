//! Every queue, loop, retry, message and prompt of Genoa is bounded by a constant of this page.
//!
//! The unit is the last word of the name. A limit that is reached is an error with [`crate::ErrorCode::TooLarge`],
//! [`crate::ErrorCode::TimedOut`] or [`crate::ErrorCode::BudgetSpent`] that names it, never a silent cut.

/// One JSON-RPC message on a socket.
pub const MESSAGE_BYTES: usize = 8 * 1024 * 1024;
/// What waits unsent for one connection before it is closed as one that never reads.
pub const UNSENT_BYTES: usize = 16 * 1024 * 1024;
/// Connections of people and programs to one daemon.
pub const CONNECTIONS: usize = 256;
/// Agents alive at once.
pub const AGENTS: usize = 64;
/// How deep agents may start agents.
pub const AGENT_DEPTH: usize = 8;
/// Messages waiting in one agent's mailbox.
pub const MAILBOX_MESSAGES: usize = 64;
/// Grants alive at once.
pub const GRANTS: usize = 4096;
/// The longest life of a grant: one day.
pub const GRANT_LIFE_MS: u64 = 24 * 60 * 60 * 1000;
/// Questions to people that are open at once.
pub const QUESTIONS: usize = 64;
/// How long a question waits for a person before the answer is no.
pub const QUESTION_WAIT_MS: u64 = 24 * 60 * 60 * 1000;

/// An intention, in bytes of UTF-8.
pub const INTENTION_BYTES: usize = 16 * 1024;
/// A plan's source text.
pub const PLAN_BYTES: usize = 64 * 1024;
/// Statements of one plan, nested ones included.
pub const PLAN_STATEMENTS: usize = 256;
/// How deep statements and expressions of a plan may nest.
pub const PLAN_DEPTH: usize = 32;
/// Interpreter steps of one run: one per statement, expression node and list element.
pub const PLAN_STEPS: u64 = 1_000_000;
/// Tool calls of one run.
pub const RUN_CALLS: u64 = 1_000;
/// Elements of one list in a plan.
pub const LIST_ITEMS: usize = 100_000;
/// All values of one run together, as JSON.
pub const RUN_STATE_BYTES: usize = 32 * 1024 * 1024;
/// How often a plan that failed its check goes back to the model before the person is asked.
pub const PLAN_REPAIRS: usize = 2;

/// A tool's result, as JSON.
pub const TOOL_RESULT_BYTES: usize = 4 * 1024 * 1024;
/// How long one tool call may take unless its schema says less.
pub const TOOL_MS: u64 = 120_000;
/// Address space of a tool.
pub const TOOL_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processes and threads in one tool's jail.
pub const TOOL_PROCESSES: u64 = 256;
/// The largest file that a tool may write.
pub const TOOL_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Text of one file or mail that a tool reads.
pub const READ_BYTES: usize = 1024 * 1024;
/// Entries of one workspace that a search looks at.
pub const SEARCH_ENTRIES: usize = 200_000;
/// Matches that a search answers with.
pub const SEARCH_MATCHES: usize = 500;

/// Tokens of one model call, prompt and answer together, unless the model's own window is smaller.
pub const CONTEXT_TOKENS: usize = 8192;
/// Tokens that one model call may write.
pub const ANSWER_TOKENS: usize = 1024;
/// A grammar's text.
pub const GRAMMAR_BYTES: usize = 512 * 1024;
/// Model calls that wait.
pub const INFER_QUEUE: usize = 256;

/// How long a message stays in the outbox before it may leave: the undo window.
pub const OUTBOX_HOLD_MS: u64 = 30_000;
/// Restarts of one supervised process within [`RESTART_WINDOW_MS`] before the supervisor gives up.
pub const RESTARTS: usize = 5;
/// The window in which [`RESTARTS`] are counted.
pub const RESTART_WINDOW_MS: u64 = 60_000;

const _: () = assert!(TOOL_RESULT_BYTES < MESSAGE_BYTES, "a tool's result must fit into a message");
const _: () = assert!(PLAN_BYTES < MESSAGE_BYTES && GRAMMAR_BYTES < MESSAGE_BYTES);
const _: () = assert!(ANSWER_TOKENS < CONTEXT_TOKENS);
