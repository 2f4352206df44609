//! What is asked of a model, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::ids::CallId;

/// Who waits for a model call; decides who runs first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InferClass {
    /// Nobody looks.
    Background,
    /// An agent's step.
    #[default]
    Agent,
    /// A person looks at the words as they come.
    Interactive,
}

/// How far a model call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InferStage {
    /// It has not begun.
    #[default]
    Waiting,
    /// It has a place.
    Running,
    /// It stands still between two tokens, and keeps what it has.
    Paused,
}

/// Who speaks in a chat message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions.
    System,
    /// The person, or what stands for them.
    User,
    /// The model.
    Assistant,
}

/// One chat message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl ChatMessage {
    /// A message.
    #[must_use]
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

/// What the answer must look like; the decoder can then write nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grammar {
    /// A Lark grammar as llguidance reads it; the start rule is `start`.
    Lark(String),
    /// A JSON Schema.
    JsonSchema(Json),
}

/// One request for text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InferRequest {
    /// The conversation, in order.
    pub messages: Vec<ChatMessage>,
    /// The beginning of the answer, which the model goes on from; it is not repeated in the reply. A caller that asks
    /// again and again with a longer beginning pays only for what is new: the worker keeps the state.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer_begins: String,
    /// The form of what is still to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<Grammar>,
    /// Choices that are made by a chance of their own; at most `THRESHOLDS`. A model that is elsewhere passes them over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Tokens to write at most.
    pub max_tokens: u32,
    /// 0 for the likeliest token every time; above it, sampling from `seed`.
    #[serde(default)]
    pub temperature: f32,
    /// Start of the random numbers when sampling.
    #[serde(default)]
    pub seed: u64,
    /// Texts that end the answer; they are not part of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// How many of the likeliest first tokens to tell, with their chances; at most `ALTERNATIVES`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub alternatives: usize,
    /// Whether to tell how likely each written token was, and how many of the likeliest beside it; at most
    /// `LIKELIEST_TOKENS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeliest: Option<usize>,
    /// Who waits.
    #[serde(default)]
    pub class: InferClass,
    /// Whether the asker is told of the text as it comes, by `news` of the kind `writing`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// Whether nothing of it may be kept on disk by the model worker: no state, no words. A worker that dies then begins anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off_disk: bool,
    /// What the messages are made of, for whoever asks later what the model saw and what it did not; at most `FRAGMENTS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fragments: Vec<Fragment>,
}

/// A text that is written as soon as its chance is high enough, and never below that, however likely others are: what a small model
/// finds unlikely where it should be sure is calibrated so. Its chance is that of all tokens together with which it is written, among all
/// that the grammar allows, before a temperature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threshold {
    /// Where it may stand.
    pub place: ThresholdPlace,
    /// The text, of `THRESHOLD_BYTES` at most.
    pub text: String,
    /// The least chance, in millionths.
    pub chance_ppm: u32,
}

/// Where a [`Threshold`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdPlace {
    /// What is written begins with it: its tokens are those that do. Once such a beginning is taken, no other threshold counts any more.
    Beginning,
    /// Wherever the grammar leaves the choice: its tokens are those that contain it.
    Anywhere,
}

/// A part of a prompt, with its share of the model's window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// What it is: `functions`, `examples`, `text`.
    pub name: String,
    /// How long it is, in letters.
    pub chars: usize,
    /// How long it may be.
    pub most_chars: usize,
    /// What of it is not there, in words; nothing where it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

impl Fragment {
    /// A part that is whole.
    #[must_use]
    pub fn whole(name: &str, text: &str, most_chars: usize) -> Self {
        Self { name: name.to_owned(), chars: text.chars().count(), most_chars, left_out: None }
    }

    /// The same, without what these words name.
    #[must_use]
    pub fn without(self, left_out: Option<String>) -> Self {
        Self { left_out, ..self }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(crate) fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done: an end token, a stop text, or a grammar that allows nothing more.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// The caller cancelled.
    Cancelled,
}

/// What a model call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Prompt tokens whose state was at hand.
    pub cached_tokens: u32,
    /// Tokens written, forced ones included.
    pub written_tokens: u32,
    /// Tokens that the grammar left no choice about, and that were not sampled.
    pub forced_tokens: u32,
    /// Tokens written that were guessed from what stands before, and right.
    #[serde(default)]
    pub copied_tokens: u32,
    /// Time until the first token was chosen, in milliseconds.
    pub prefill_ms: u32,
    /// Time from then on, in milliseconds.
    pub decode_ms: u32,
    /// Processor time spent on it, all threads together, in milliseconds; 0 for a remote model.
    #[serde(default)]
    pub cpu_ms: u32,
}

impl InferUsage {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            cached_tokens: self.cached_tokens.saturating_add(other.cached_tokens),
            written_tokens: self.written_tokens.saturating_add(other.written_tokens),
            forced_tokens: self.forced_tokens.saturating_add(other.forced_tokens),
            copied_tokens: self.copied_tokens.saturating_add(other.copied_tokens),
            prefill_ms: self.prefill_ms.saturating_add(other.prefill_ms),
            decode_ms: self.decode_ms.saturating_add(other.decode_ms),
            cpu_ms: self.cpu_ms.saturating_add(other.cpu_ms),
        }
    }
}

/// The answer to an [`InferRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferReply {
    /// What was written.
    pub text: String,
    /// Why it stopped.
    pub finish: Finish,
    /// What it used.
    pub usage: InferUsage,
    /// Which model: its catalogue name, or `provider/name` for a remote one.
    pub model: String,
    /// The likeliest first tokens, best first, as far as they were asked for and the provider tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The tokens of the text, where their chances were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<WrittenToken>,
}

/// A token that could have stood first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// Its text.
    pub text: String,
    /// Its chance among all tokens that the grammar allows, in millionths.
    pub chance_ppm: u32,
}

/// A token that was written, and what could have stood in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenToken {
    /// The token.
    #[serde(flatten)]
    pub token: ScoredToken,
    /// The likeliest tokens at this place, best first, as many as were asked for. The written one need not be among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub likeliest: Vec<ScoredToken>,
}

/// A token, and how likely it was among all that the grammar allows, before a temperature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoredToken {
    /// Its text.
    pub text: String,
    /// Its bytes, where they are no text alone: a part of a character.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytes: Vec<u8>,
    /// The natural logarithm of its chance, in millionths.
    pub log_millionths: i32,
}

/// What the daemon says to a model worker. One JSON-RPC request each; the method is the variant's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one at a time, and nearly all of them are the large one")]
pub enum WorkerRequest {
    /// Write text. While it writes, the worker sends `token` notifications with a [`TokenNews`].
    Infer {
        /// The kernel's name for the call.
        call: CallId,
        /// What is wanted.
        request: InferRequest,
    },
    /// Turn texts into vectors of length one; answered with a list of lists of numbers.
    Embed {
        /// The kernel's name for the call.
        call: CallId,
        /// The texts.
        texts: Vec<String>,
    },
    /// Stop a call; it is answered with what is there and [`Finish::Cancelled`].
    Cancel {
        /// Which.
        call: CallId,
    },
    /// Let a call stand still at its next token. Not an error for a call that is over.
    Pause {
        /// Which.
        call: CallId,
    },
    /// Let a call go on where it stood still.
    Resume {
        /// Which.
        call: CallId,
    },
    /// Answered with a [`WorkerStatus`].
    Status {},
}

/// Text of a running call, as it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenNews {
    /// The call.
    pub call: CallId,
    /// After how many bytes of the answer the text stands. A worker that goes on with a call of one that died begins at 0.
    #[serde(default)]
    pub from: usize,
    /// What is new since the last news.
    pub text: String,
    /// Tokens written so far.
    pub written_tokens: u32,
    /// The tokens that `text` ends, where their chances were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<WrittenToken>,
}

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The model's name.
    pub model: String,
    /// Its context window, in tokens.
    pub context_tokens: u32,
    /// How long loading took, in milliseconds.
    pub load_ms: u32,
    /// What it works on, and what it did so far.
    #[serde(default)]
    pub work: EngineWork,
}

/// What a worker works on. While it works it tells this again and again, by `work` notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineWork {
    /// Threads in use; 0 for a model that is elsewhere.
    #[serde(default)]
    pub threads: u32,
    /// The calls that are not over.
    pub calls: Vec<CallWork>,
    /// What all calls used since the worker started, those that are over included.
    pub used: InferUsage,
    /// Tokens that have room in memory.
    pub room_tokens: usize,
    /// Tokens whose room is taken or set aside.
    pub taken_tokens: usize,
    /// What the states on disk take, in bytes.
    pub state_bytes: u64,
    /// How often a state on disk was at hand.
    pub state_hits: u64,
    /// How often one would have helped and was not there.
    pub state_misses: u64,
}

/// A call as its worker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallWork {
    /// Which.
    pub call: CallId,
    /// Who waits.
    pub class: InferClass,
    /// How far it is.
    pub state: CallState,
    /// What it used so far.
    pub usage: InferUsage,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// It has no sequence yet.
    Waiting,
    /// Its prompt is read.
    Reading,
    /// It writes.
    Writing,
    /// It stands still, and its state is in memory.
    Parked,
    /// It stands still, and its state is on disk.
    Spilled,
}
