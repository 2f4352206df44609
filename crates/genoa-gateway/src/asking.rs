//! What a client asks, whichever protocol it says it in, and what the model is asked for it.

use genoa_abi::limits::{ANSWER_TOKENS, LIKELIEST_TOKENS};
use genoa_abi::model::{ChatMessage, Grammar, InferClass, InferRequest, Role};
use genoa_abi::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::content::{Content, Message};
use crate::failures::ApiFailure;
use crate::token::random_number;
use crate::tools::{BEGINS, Tools, is_call, shown_call, shown_result, shown_words};

/// Stop texts of one request, as OpenAI has it.
const STOPS: usize = 4;

/// What both protocols can say.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// The conversation, in order.
    pub(crate) messages: Vec<Message>,
    /// Functions, where some may be called.
    pub(crate) tools: Option<Tools>,
    /// What the answer must look like.
    pub(crate) form: Option<Grammar>,
    /// Tokens to write at most, by the name of the field that says so.
    pub(crate) max_tokens: Option<u32>,
    /// How much is left to chance.
    pub(crate) temperature: Option<f32>,
    /// Where chance begins.
    pub(crate) seed: Option<i64>,
    /// Texts that end the answer.
    pub(crate) stop: Vec<String>,
    /// Whether to tell how likely each token was, and how many of the likeliest beside it.
    pub(crate) likeliest: Option<usize>,
    /// Whether the answer is told as it comes.
    pub(crate) stream: bool,
    /// How its protocol names what may be wrong.
    pub(crate) fields: Fields,
}

/// The names of fields in one protocol, so that a failure names what its reader wrote.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    /// The conversation.
    pub(crate) messages: &'static str,
    /// The form of the answer.
    pub(crate) form: &'static str,
    /// The length of the answer.
    pub(crate) max_tokens: &'static str,
}

/// What the model is asked, and how its answer is to be told.
#[derive(Debug)]
pub(crate) struct Asked {
    /// For the model.
    pub(crate) infer: InferRequest,
    /// Whether the answer is told as it comes.
    pub(crate) stream: bool,
    /// How it is told.
    pub(crate) manner: Manner,
    /// How a failure is told.
    pub(crate) blame: Blame,
}

/// How an answer is told, whole or not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Whether it may be calls.
    pub(crate) has_tools: bool,
    /// Whether its tokens are told with their chances.
    pub(crate) has_chances: bool,
}

impl Wish {
    /// What the model is asked.
    pub(crate) fn asked(self) -> Result<Asked, ApiFailure> {
        let fields = self.fields;
        if self.messages.is_empty() {
            return Err(ApiFailure::of_field(fields.messages, "A conversation needs a message at least"));
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(ApiFailure::of_field("temperature", "It is a number from 0 to 2"));
        }
        if self.max_tokens == Some(0) {
            return Err(ApiFailure::of_field(fields.max_tokens, "It is 1 at least"));
        }
        if self.stop.len() > STOPS || self.stop.iter().any(String::is_empty) {
            return Err(ApiFailure::of_field("stop", format!("At most {STOPS} texts, none of them empty")));
        }
        if self.likeliest.is_some_and(|count| count > LIKELIEST_TOKENS) {
            return Err(ApiFailure::of_field("top_logprobs", format!("It is a number from 0 to {LIKELIEST_TOKENS}")));
        }
        if self.tools.is_some() && self.form.is_some() {
            let what = "Functions and a form of the answer cannot both be asked for: leave one of them out";
            return Err(ApiFailure::of_field(fields.form, what));
        }
        let blame = Blame {
            messages: fields.messages,
            grammar: self.tools.as_ref().map(|_| "tools").or(self.form.as_ref().map(|_| fields.form)),
        };
        let most = u32::try_from(ANSWER_TOKENS).unwrap_or(u32::MAX);
        // Small models do best without chance, and who wants it asks for it.
        let temperature = self.temperature.unwrap_or(0.0);
        let has_results = matches!(self.messages.last(), Some(Message::Tool { .. }));
        let thresholds = self.tools.as_ref().map(|tools| tools.thresholds(has_results)).unwrap_or_default();
        let infer = InferRequest {
            messages: messages(self.messages, self.tools.as_ref(), fields.messages)?,
            answer_begins: self.tools.as_ref().map(|_| BEGINS.to_owned()).unwrap_or_default(),
            thresholds,
            grammar: self.tools.as_ref().map(|tools| Grammar::Lark(tools.grammar())).or(self.form),
            max_tokens: self.max_tokens.unwrap_or(most).min(most),
            temperature,
            seed: seed(self.seed, temperature)?,
            stop: self.stop,
            likeliest: self.likeliest,
            class: InferClass::Agent,
            stream: self.stream,
            ..InferRequest::default()
        };
        let manner = Manner { has_tools: self.tools.is_some(), has_chances: self.likeliest.is_some() };
        Ok(Asked { infer, stream: self.stream, manner, blame })
    }
}

/// Who asks for chance and names no beginning of it gets other words each time.
fn seed(wanted: Option<i64>, temperature: f32) -> Result<u64, Failure> {
    match wanted {
        Some(seed) => Ok(seed.cast_unsigned()),
        None if temperature > 0.0 => random_number(),
        None => Ok(0),
    }
}

/// Texts that end an answer: one, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Stop {
    One(String),
    Several(Vec<String>),
}

impl Stop {
    pub(crate) fn texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// What every object is, whatever stands in it.
pub(crate) fn any_object() -> Grammar {
    Grammar::JsonSchema(json!({ "type": "object" }))
}

/// The form that a schema is.
pub(crate) fn form_of(schema: Option<Json>, field: &str) -> Result<Grammar, ApiFailure> {
    match schema {
        Some(schema @ Json::Object(_)) => Ok(Grammar::JsonSchema(schema)),
        _ => Err(ApiFailure::of_field(field, "`json_schema` has no `schema`: send the schema itself, an object")),
    }
}

/// Whose fault a failure of the model's call is, in the words of the protocol.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blame {
    /// The field that holds the conversation.
    messages: &'static str,
    /// The field that the grammar was made of.
    grammar: Option<&'static str>,
}

impl Blame {
    /// The failure of a call as its client reads it.
    pub(crate) fn told(self, failure: Failure) -> ApiFailure {
        let is_limit = |name: &str| failure.why.contains(name);
        match (failure.code, self.grammar) {
            (ErrorCode::TooLarge, _) if is_limit("INFER_QUEUE") => ApiFailure::too_many(),
            (ErrorCode::InvalidInput, Some(field)) => {
                let next = "Simplify the schema, or leave out what is named here";
                let next = if failure.next.is_empty() { next.to_owned() } else { failure.next.clone() };
                ApiFailure::of_schema(field, failure.try_next(next))
            }
            (ErrorCode::TooLarge, Some(field)) if is_limit("GRAMMAR_BYTES") => ApiFailure::of_schema(field, failure),
            (ErrorCode::TooLarge, _) => ApiFailure::of_window(self.messages, failure),
            _ => failure.into(),
        }
    }
}

/// The conversation as the model sees it.
fn messages(messages: Vec<Message>, tools: Option<&Tools>, field: &str) -> Result<Vec<ChatMessage>, ApiFailure> {
    let text = |content: &Content| {
        content.text().map_err(|kind| {
            let what = format!("A piece of type `{}` cannot be read: the model reads text", kind.escape_debug());
            ApiFailure::of_field(field, what)
        })
    };
    let mut seen = Vec::with_capacity(messages.len() + 1);
    let mut told = tools.map(Tools::told);
    for message in messages {
        let message = match message {
            Message::System { content } => {
                // What the model is told of functions comes after the first instructions.
                let told = told.take().map(|told| format!("\n\n{told}")).unwrap_or_default();
                ChatMessage::new(Role::System, format!("{}{told}", text(&content)?))
            }
            Message::User { content } => ChatMessage::new(Role::User, text(&content)?),
            Message::Assistant { content, tool_calls } => {
                let words = content.as_ref().map(text).transpose()?.unwrap_or_default();
                let calls = tool_calls.iter().map(|call| shown_call(&call.function.name, &call.arguments()));
                let parts = std::iter::once(words).chain(calls).filter(|part| !part.is_empty());
                ChatMessage::new(Role::Assistant, parts.collect::<Vec<_>>().join("\n"))
            }
            Message::Tool { content } => ChatMessage::new(Role::User, shown_result(&text(&content)?)),
        };
        push(&mut seen, message);
    }
    if let Some(told) = told {
        seen.insert(0, ChatMessage::new(Role::System, told));
    }
    if tools.is_some() {
        seen.iter_mut().for_each(show_words);
    }
    Ok(seen)
}

/// What the model said without a call it is shown in the form in which it says such words, where there are functions.
fn show_words(message: &mut ChatMessage) {
    if message.role == Role::Assistant && !message.content.lines().any(is_call) {
        message.content = shown_words(&message.content);
    }
}

/// Several messages of one speaker are one, as the results of several calls are: some chat templates want the roles to take turns.
fn push(seen: &mut Vec<ChatMessage>, message: ChatMessage) {
    match seen.last_mut() {
        Some(last) if last.role == message.role && message.role != Role::System => {
            last.content.push('\n');
            last.content.push_str(&message.content);
        }
        _ => seen.push(message),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::{ErrorCode, Failure};

    use super::{Blame, seed};

    #[test]
    fn who_asks_for_chance_without_a_seed_gets_another_each_time() {
        assert_eq!(
            (seed(None, 0.0).unwrap(), seed(Some(7), 1.0).unwrap(), seed(Some(-1), 0.0).unwrap()),
            (0, 7, u64::MAX)
        );
        assert_ne!(seed(None, 1.0).unwrap(), seed(None, 1.0).unwrap());
    }

    #[test]
    fn a_failure_of_the_call_names_the_field_that_it_is_about() {
        let blame = Blame { messages: "input", grammar: Some("text.format") };
        let told = |blame: Blame, failure: Failure| {
            let body = blame.told(failure).body();
            format!("{} {}: {}", body["error"]["code"], body["error"]["param"], body["error"]["message"])
        };
        let impossible = Failure::new(ErrorCode::InvalidInput, "the grammar cannot be used").because("unsatisfiable");
        insta::assert_snapshot!(told(blame, impossible), @r#""invalid_schema" "text.format": "the grammar cannot be used: unsatisfiable. Simplify the schema, or leave out what is named here""#);
        let long = Failure::new(ErrorCode::TooLarge, "the prompt has 9 tokens").try_next("Ask about less");
        insta::assert_snapshot!(told(blame, long.clone()), @r#""context_length_exceeded" "input": "the prompt has 9 tokens. Ask about less""#);
        insta::assert_snapshot!(told(Blame { grammar: None, ..blame }, long), @r#""context_length_exceeded" "input": "the prompt has 9 tokens. Ask about less""#);
        let full =
            Failure::new(ErrorCode::TooLarge, "too many model calls wait").because("the limit is 256 (INFER_QUEUE)");
        assert!(told(blame, full).starts_with("\"rate_limit_exceeded\" null"));
    }
}
