//! Chat messages become tokens.
//!
//! The model's template is applied to placeholders, and the template's own text and the contents are tokenised apart:
//! control tokens are read in the template only. So a message that contains `<|im_end|>` shows the model these letters,
//! and can't end its own message to speak in another role.

use genoa_abi::model::{InferRequest, Role};
use genoa_abi::{ErrorCode, Failure};
use llama_cpp_2::model::LlamaChatMessage;
use llama_cpp_2::token::LlamaToken;

use super::loaded::LoadedModel;

/// Private-use characters around a message's number; they stand in the template where its content goes.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
/// What a model with a thinking switch gets at the beginning of its answer when it shall not think aloud.
const NO_THINKING: &str = "<think>\n\n</think>\n\n";

/// A prompt as the engine takes it.
#[derive(Debug)]
pub(super) struct Prompt {
    /// All of it, the beginning of the answer included.
    pub(super) tokens: Vec<LlamaToken>,
    /// How many of them come before the first message that is not the system's.
    pub(super) stable: usize,
}

pub(super) fn build(loaded: &LoadedModel, request: &InferRequest) -> Result<Prompt, Failure> {
    if request.messages.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "a model call needs at least one message"));
    }
    let frame = frame(loaded, request)?;
    let mut tokens = Vec::new();
    let mut stable = None;
    let mut rest = frame.as_str();
    while let Some((before, index, after)) = next_placeholder(rest) {
        let Some(message) = request.messages.get(index) else {
            return Err(Failure::new(ErrorCode::Internal, "the chat template made up a message"));
        };
        push_template(loaded, &mut tokens, before);
        if message.role != Role::System && stable.is_none() {
            stable = Some(tokens.len());
        }
        push_plain(loaded, &mut tokens, &message.content);
        rest = after;
    }
    push_template(loaded, &mut tokens, rest);
    if loaded.has_thinking_switch {
        push_template(loaded, &mut tokens, NO_THINKING);
    }
    push_plain(loaded, &mut tokens, &request.answer_begins);
    Ok(Prompt { stable: stable.unwrap_or(0), tokens })
}

/// The template's text with a placeholder for each content.
fn frame(loaded: &LoadedModel, request: &InferRequest) -> Result<String, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::Unsupported, format!("the chat template of {} cannot be used", loaded.name()))
            .because(error)
            .try_next("Choose another model with `genoa model use`")
    };
    let mut messages = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.iter().enumerate() {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let placeholder = format!("{OPEN}{index}{CLOSE}");
        messages.push(LlamaChatMessage::new(role.to_owned(), placeholder).map_err(|error| refused(&error))?);
    }
    loaded.model.apply_chat_template(&loaded.template, &messages, true).map_err(|error| refused(&error))
}

fn next_placeholder(text: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = text.split_once(OPEN)?;
    let (number, after) = rest.split_once(CLOSE)?;
    Some((before, number.parse().ok()?, after))
}

fn push_template(loaded: &LoadedModel, tokens: &mut Vec<LlamaToken>, text: &str) {
    let vocab = loaded.model.vocab();
    let starts = tokens.is_empty();
    if starts || !text.is_empty() {
        // The engine adds a start token where the model wants one; a template that spells it out has it already.
        let spelled = text.as_bytes().starts_with(&vocab.token_to_piece(vocab.bos(), true, None));
        tokens.extend(vocab.tokenize(text.as_bytes(), starts && !spelled, true));
    }
}

fn push_plain(loaded: &LoadedModel, tokens: &mut Vec<LlamaToken>, text: &str) {
    if !text.is_empty() {
        tokens.extend(loaded.model.vocab().tokenize(text.as_bytes(), false, false));
    }
}
