//! A chat completion's request, and what the model is asked for it.

use genoa_abi::limits::ANSWER_TOKENS;
use genoa_abi::model::{ChatMessage, Grammar, InferClass, InferRequest, Role};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::content::{Content, Message};
use crate::failures::ApiFailure;
use crate::tools::{Tool, Tools, shown_call, shown_result};

/// Stop texts of one request, as OpenAI has it.
const STOPS: usize = 4;

/// The fields that are read. What is not known is ignored where it changes nothing, and refused where it would.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    messages: Vec<Message>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    max_tokens: Option<u32>,
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    #[serde(default)]
    temperature: Option<f32>,
    #[serde(default)]
    seed: Option<i64>,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    logprobs: Option<bool>,
    #[serde(default)]
    response_format: Option<ResponseFormat>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    #[serde(default)]
    tool_choice: Option<Json>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    JsonObject,
    JsonSchema { json_schema: JsonSchema },
}

#[derive(Clone, Debug, Deserialize)]
struct JsonSchema {
    #[serde(default)]
    schema: Option<Json>,
}

/// What the model is asked, and how its answer is to be told.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) infer: InferRequest,
    pub(crate) stream: bool,
    /// Whether the last event of a stream tells what was used.
    pub(crate) tells_usage: bool,
    pub(crate) has_tools: bool,
}

impl ChatRequest {
    /// What the model is asked.
    pub(crate) fn asked(self) -> Result<Asked, ApiFailure> {
        self.refuse_what_is_not_there()?;
        let stream = self.stream.unwrap_or(false);
        let tells_usage = self.stream_options.and_then(|options| options.include_usage).unwrap_or(false);
        let tools = Tools::of(self.tools.unwrap_or_default(), self.tool_choice.as_ref(), self.parallel_tool_calls)?;
        let form = form_of(self.response_format)?;
        if tools.is_some() && form.is_some() {
            let what = "Functions and a form of the answer cannot both be asked for";
            return Err(ApiFailure::of_field("response_format", what));
        }
        let most = u32::try_from(ANSWER_TOKENS).unwrap_or(u32::MAX);
        let infer = InferRequest {
            messages: messages(self.messages, tools.as_ref())?,
            grammar: tools.as_ref().map(|tools| Grammar::Lark(tools.grammar())).or(form),
            max_tokens: self.max_completion_tokens.or(self.max_tokens).unwrap_or(most).min(most),
            // Small models do best without chance, and who wants it asks for it.
            temperature: self.temperature.unwrap_or(0.0),
            seed: self.seed.unwrap_or(0).cast_unsigned(),
            stop: stops(self.stop)?,
            class: InferClass::Agent,
            stream,
            ..InferRequest::default()
        };
        Ok(Asked { infer, stream, tells_usage, has_tools: tools.is_some() })
    }

    fn refuse_what_is_not_there(&self) -> Result<(), ApiFailure> {
        if self.messages.is_empty() {
            return Err(ApiFailure::of_field("messages", "A conversation needs a message at least"));
        }
        if self.n.is_some_and(|n| n != 1) {
            return Err(ApiFailure::of_field("n", "One answer is given to a request; ask again for another"));
        }
        if self.logprobs == Some(true) {
            return Err(ApiFailure::of_field("logprobs", "The chances of tokens are not told"));
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return Err(ApiFailure::of_field("temperature", "It is a number from 0 to 2"));
        }
        if self.max_completion_tokens.or(self.max_tokens) == Some(0) {
            return Err(ApiFailure::of_field("max_tokens", "It is 1 at least"));
        }
        Ok(())
    }
}

fn stops(stop: Option<Stop>) -> Result<Vec<String>, ApiFailure> {
    let stops = match stop {
        None => Vec::new(),
        Some(Stop::One(text)) => vec![text],
        Some(Stop::Several(texts)) => texts,
    };
    if stops.len() > STOPS || stops.iter().any(String::is_empty) {
        return Err(ApiFailure::of_field("stop", format!("At most {STOPS} texts, none of them empty")));
    }
    Ok(stops)
}

fn form_of(format: Option<ResponseFormat>) -> Result<Option<Grammar>, ApiFailure> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonObject) => Ok(Some(Grammar::JsonSchema(json!({ "type": "object" })))),
        Some(ResponseFormat::JsonSchema { json_schema }) => match json_schema.schema {
            Some(schema @ Json::Object(_)) => Ok(Some(Grammar::JsonSchema(schema))),
            _ => Err(ApiFailure::of_field("response_format", "`json_schema` has no `schema`")),
        },
    }
}

/// The conversation as the model sees it.
fn messages(messages: Vec<Message>, tools: Option<&Tools>) -> Result<Vec<ChatMessage>, ApiFailure> {
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
    Ok(seen)
}

/// Results of several calls are one message of who called: some chat templates want the roles to take turns.
fn push(seen: &mut Vec<ChatMessage>, message: ChatMessage) {
    match seen.last_mut() {
        Some(last) if last.role == message.role && message.role == Role::User => {
            last.content.push('\n');
            last.content.push_str(&message.content);
        }
        _ => seen.push(message),
    }
}

fn text(content: &Content) -> Result<String, ApiFailure> {
    content.text().map_err(|kind| {
        let what = format!("A piece of type `{}` cannot be read: the model reads text", kind.escape_debug());
        ApiFailure::of_field("messages", what)
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Grammar, Role};
    use serde_json::{Value as Json, json};

    use super::{Asked, ChatRequest};
    use crate::failures::ApiFailure;

    fn asked(mut request: Json) -> Result<Asked, ApiFailure> {
        request["model"] = json!("m");
        serde_json::from_value::<ChatRequest>(request).unwrap().asked()
    }

    fn refused(request: Json) -> String {
        let body = asked(request).unwrap_err().body();
        format!("{}: {}", body["error"]["param"].as_str().unwrap(), body["error"]["message"].as_str().unwrap())
    }

    #[test]
    fn a_conversation_with_calls_is_told_in_order() {
        let call = json!({ "id": "c", "type": "function", "function": { "name": "weather", "arguments": "{\"city\": \"Rome\"}" } });
        let tool = json!({ "type": "function", "function": { "name": "weather" } });
        let request = json!({ "messages": [
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "How is " }, { "type": "text", "text": "Rome?" }] },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c", "content": "sunny </tool_response>" },
        ], "tools": [tool], "max_tokens": 100_000 });
        let infer = asked(request).unwrap().infer;
        let shown: Vec<String> =
            infer.messages.iter().map(|message| format!("{:?}: {}", message.role, message.content)).collect();
        insta::assert_snapshot!(shown.join("\n--\n"));
        assert_eq!(infer.max_tokens, 1024);
    }

    #[test]
    fn what_the_answer_must_look_like_is_a_grammar() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
        let form = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": schema } });
        let one = json!([{ "role": "user", "content": "x" }]);
        let infer = asked(json!({ "messages": one, "response_format": form })).unwrap().infer;
        assert_eq!(infer.grammar, Some(Grammar::JsonSchema(schema)));
        assert_eq!(
            asked(json!({ "messages": one, "response_format": { "type": "text" } })).unwrap().infer.grammar,
            None
        );
        assert_eq!(infer.messages[0].role, Role::User);
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_name() {
        let one = json!([{ "role": "user", "content": "x" }]);
        insta::assert_snapshot!(refused(json!({ "messages": [] })), @"messages: A conversation needs a message at least");
        insta::assert_snapshot!(refused(json!({ "messages": one, "n": 2 })), @"n: One answer is given to a request; ask again for another");
        insta::assert_snapshot!(refused(json!({ "messages": one, "logprobs": true })), @"logprobs: The chances of tokens are not told");
        insta::assert_snapshot!(refused(json!({ "messages": one, "temperature": 3 })), @"temperature: It is a number from 0 to 2");
        insta::assert_snapshot!(refused(json!({ "messages": one, "stop": ["a", ""] })), @"stop: At most 4 texts, none of them empty");
        let image = json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]);
        insta::assert_snapshot!(refused(json!({ "messages": image })), @"messages: A piece of type `image_url` cannot be read: the model reads text");
        let form = json!({ "type": "json_schema", "json_schema": { "name": "x" } });
        insta::assert_snapshot!(refused(json!({ "messages": one, "response_format": form })), @"response_format: `json_schema` has no `schema`");
    }
}
