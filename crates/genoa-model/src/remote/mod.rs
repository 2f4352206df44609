//! A model at the other end of a connection: any endpoint that speaks the OpenAI protocol.

mod chat;
mod http;
mod serve;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use serve::serve_remote;

/// An endpoint and what it can do beyond the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteOptions {
    /// What replies call the provider; the model's name follows after a slash.
    pub name: String,
    /// The address before `/chat/completions`, such as `https://host/v1`.
    pub url: String,
    /// The model's name at the endpoint.
    pub model: String,
    /// The model for embeddings, where the endpoint has one.
    #[serde(default)]
    pub embedding_model: Option<String>,
    /// A file with the key, if the endpoint wants one.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The model's context window, in tokens; only reported.
    pub context_tokens: u32,
    /// The endpoint takes Lark grammars in `guided_grammar` (vLLM with the guidance backend does).
    #[serde(default)]
    pub guided_grammar: bool,
    /// The endpoint goes on from a last message of the assistant with `continue_final_message` (vLLM does).
    #[serde(default)]
    pub continue_final_message: bool,
    /// Allows an address without encryption on another machine.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long the endpoint may be silent, in milliseconds.
    #[serde(default = "default_silence")]
    pub silence_ms: u64,
}

fn default_silence() -> u64 {
    120_000
}
