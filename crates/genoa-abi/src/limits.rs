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

/// Syscalls of one caller that wait for their answer at once.
pub const WAITING_SYSCALLS: usize = 64;
/// Sessions that the kernel remembers at once: those that are connected, and those whose work goes on without them.
pub const SESSIONS: usize = 1024;
/// Tool calls of one session, until its surface begins it anew.
pub const SESSION_CALLS: u64 = 100_000;
/// Bytes that the calls of one session return.
pub const SESSION_BYTES: u64 = 16 * 1024 * 1024 * 1024;
/// Model tokens of one session.
pub const SESSION_TOKENS: u64 = 50_000_000;
/// Seconds of tool and model time of one session.
pub const SESSION_SECONDS: u64 = 7 * 24 * 60 * 60;
/// Hosts that a person allows; all of them are handed to the egress broker of a call.
pub const NETWORK_HOSTS: usize = 100;
/// Providers of models that one person configures.
pub const MODEL_PROVIDERS: usize = 16;
/// Rules about which model answers.
pub const MODEL_ROUTES: usize = 64;
/// The largest limit that a person sets for a day of a provider: tokens.
pub const PROVIDER_DAY_TOKENS: u64 = 10_000_000_000;
/// The largest limit, and the largest price of a million tokens, that a person states for a provider: units of their money.
pub const PROVIDER_MONEY: u64 = 1_000_000;
/// The time within which a provider's limit of a day holds, whenever it begins.
pub const PROVIDER_DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Requests that one egress broker carries out at once.
pub const EGRESS_REQUESTS: usize = 16;
/// How long the other end of a streamed answer may be silent, whatever the request says.
pub const STREAM_SILENCE_MS: u64 = 10 * 60 * 1000;
/// One streamed answer.
pub const STREAM_BYTES: usize = 64 * 1024 * 1024;
/// Servers of other people's tools that one person configures.
pub const MCP_SERVERS: usize = 16;
/// Tools that a program offers to its session, and record types beside them.
pub const OFFERED_TOOLS: usize = 128;
/// Calls by tools with a counterpart that are remembered, to be taken back.
pub const UNDOABLE_CALLS: usize = 256;
/// What such an offer takes as JSON, in bytes.
pub const OFFER_BYTES: usize = 512 * 1024;
/// Arguments of one such server, all together.
pub const MCP_ARGUMENTS_BYTES: usize = 64 * 1024;
/// How long such a server may take to say what it offers; the jail in which it is asked ends then.
pub const MCP_DISCOVERY_MS: u64 = 20_000;
/// What the tools of all servers together may add to one agent's prompt: about a quarter of its window.
pub const MCP_PROMPT_BYTES: usize = 8 * 1024;
/// Views that are open at once, and views that are over and still listed.
pub const VIEWS: usize = 256;
/// Files of one view whose content the kernel knows, to tell when an attachment changed after its approval.
pub const VIEW_FILES: usize = 10_000;
/// Messages and calls that wait in the outbox, and those that left it and are still listed.
pub const OUTBOX_MESSAGES: usize = 256;
/// Recipients, and attachments, of one message.
pub const MESSAGE_RECIPIENTS: usize = 100;
/// Parts of a prompt that a request names, and bytes of the words about one.
pub const FRAGMENTS: usize = 16;
/// Bytes of what a request says that a part of its prompt is, and of what it says that was left out.
pub const FRAGMENT_BYTES: usize = 2 * 1024;
/// Of the planner's prompt: its rules and the agent's own instructions, in letters. About three and a half letters are a token.
pub const PROMPT_RULES_CHARS: usize = 4_000;
/// Of the planner's prompt: the functions with their records. Those that are nearest to the person's words are there.
pub const PROMPT_FUNCTIONS_CHARS: usize = 12_000;
/// Of the planner's prompt: examples, the nearest.
pub const PROMPT_EXAMPLES_CHARS: usize = 4_000;
/// Of the planner's prompt: earlier plans and what came of them, the last.
pub const PROMPT_ATTEMPTS_CHARS: usize = 4_000;
/// A notice or a question to a person, in bytes of UTF-8.
pub const NOTICE_BYTES: usize = 16 * 1024;
/// Sources that are shown of where a step's result is from; the rest is counted.
pub const PROVENANCE_SOURCES: usize = 12;
/// Notices of one agent.
pub const NOTICES: u32 = 100;
/// Options of one question.
pub const OPTIONS: usize = 100;

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
/// How often a planner may ask the person something before it plans.
pub const PLAN_QUESTIONS: usize = 3;
/// How often a planner may go on with fewer conditions or other words after its plan found nothing.
pub const PLAN_RETRIES: usize = 3;

/// How deep brackets and `if`s of one rule may nest; 32 times as many words and signs may stand in it between two commas.
pub const RULE_DEPTH: usize = 64;
/// How long a solver may work on one question about rules.
pub const PROOF_QUESTION_MS: u64 = 20_000;
/// How long all questions of one proof may take, unless its command says otherwise.
pub const PROOF_MS: u64 = 300_000;
/// What the prover is handed, and what it answers: all files of rules and all tools fit.
pub const PROOF_BYTES: usize = 64 * 1024 * 1024;

/// A tool's result, as JSON.
pub const TOOL_RESULT_BYTES: usize = 4 * 1024 * 1024;
/// How long one tool call may take unless its schema says less.
pub const TOOL_MS: u64 = 120_000;
/// How long after its limit the kernel gives up on a call that nobody reported the end of.
pub const CALL_GRACE_MS: u64 = 15_000;
/// Address space of a tool.
pub const TOOL_MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Processes and threads in one tool's jail.
pub const TOOL_PROCESSES: u64 = 256;
/// The largest file that a tool may write.
pub const TOOL_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Text of one tool's answer that the sensor looks at. What lies beyond is not looked at, and not less foreign for that.
pub const SENSOR_BYTES: usize = 1024 * 1024;
/// Places of one tool's answer that are marked.
pub const MARKS: usize = 64;
/// Characters of a marked place that are shown.
pub const MARK_CHARS: usize = 120;
/// Bytes of a mark's place: an answer nests no deeper than that names.
pub const MARK_PLACE_BYTES: usize = 512;

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
/// First tokens that one model call may be asked to tell.
pub const ALTERNATIVES: usize = 64;
/// Tokens beside each written one whose chance one model call may be asked to tell.
pub const LIKELIEST_TOKENS: usize = 20;
/// Choices of one model call that are made by a chance of their own.
pub const THRESHOLDS: usize = 4;
/// The text that such a choice is about.
pub const THRESHOLD_BYTES: usize = 32;
/// How long one model call may take, with the time that it waits for others.
pub const INFER_MS: u64 = 30 * 60 * 1000;
/// Texts of one embed call.
pub const EMBED_TEXTS: usize = 256;
/// Skills that one person has.
pub const SKILLS: usize = 500;
/// Plan examples nearest to an intention that its agent is given; a refusal and a question come on top.
pub const EXAMPLES: usize = 6;
/// Records that one `extract` reads.
pub const EXTRACT_RECORDS: usize = 50;
/// Fields that one `extract` looks for.
pub const EXTRACT_FIELDS: usize = 16;
/// Values of one kind in one text that `extract` lets the model choose among.
pub const EXTRACT_CANDIDATES: usize = 200;
/// Characters of one record that `extract` shows the model: about 700 tokens, some eight seconds of reading on two cores.
pub const EXTRACT_CHARS: usize = 2_600;
/// Tokens of a summary: some sentences, twenty seconds of writing on two cores.
pub const SUMMARY_TOKENS: u32 = 256;
/// Characters that `summarise` shows the model in all.
pub const SUMMARY_CHARS: usize = 6_000;
/// Characters of a text that `rewrite` takes; a longer one is refused, since what is not shown would be lost.
pub const REWRITE_CHARS: usize = 2_800;
/// Characters of a text that `edit` takes: with the numbers of its lines it must fit the context, beside the answer.
pub const EDIT_CHARS: usize = 9_000;
/// What a text asks for that `propose` reads out of one record.
pub const RECORD_PROPOSALS: usize = 8;
/// Characters of one proposal.
pub const PROPOSAL_CHARS: usize = 400;
/// Proposals that wait for a person at once; the oldest go first.
pub const PROPOSALS: usize = 64;
/// How long a proposal waits for a person.
pub const PROPOSAL_WAIT_MS: u64 = QUESTION_WAIT_MS;
/// Characters of one fact.
pub const FACT_CHARS: usize = 240;
/// Model calls that one `extract` keeps going at once.
pub const READING_CALLS: usize = 4;
/// A grammar's text.
pub const GRAMMAR_BYTES: usize = 512 * 1024;
/// Model calls that wait.
pub const INFER_QUEUE: usize = 256;
/// Calls of one model that run at the same time, in one batch.
pub const INFER_PLACES: usize = 16;
/// What the calls that run may need of the model's memory together, in tokens.
pub const INFER_ROOM_TOKENS: u64 = 2 * CONTEXT_TOKENS as u64;
/// How long a model call keeps its place while others of its class wait.
pub const INFER_TURN_MS: u64 = 5_000;
/// After this time a model call that stands is taken for one of the next higher class.
pub const INFER_AGEING_MS: u64 = 30_000;

/// How long a message, or a call that reaches outside, stays in the outbox before it may leave, unless the person says otherwise:
/// the undo window.
pub const OUTBOX_HOLD_MS: u64 = 30_000;
/// The longest undo window that a person can configure.
pub const UNDO_WINDOW_MS: u64 = 60 * 60 * 1000;
/// Restarts of one supervised process within [`RESTART_WINDOW_MS`] before the supervisor gives up.
pub const RESTARTS: usize = 5;
/// The window in which [`RESTARTS`] are counted.
pub const RESTART_WINDOW_MS: u64 = 60_000;

const _: () = assert!(TOOL_RESULT_BYTES < MESSAGE_BYTES, "a tool's result must fit into a message");
const _: () = assert!(PLAN_BYTES < MESSAGE_BYTES && GRAMMAR_BYTES < MESSAGE_BYTES);
const _: () = assert!(ANSWER_TOKENS < CONTEXT_TOKENS);
