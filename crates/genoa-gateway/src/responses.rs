//! A request of the protocol of responses, OpenAI's newer one, and what the model is asked for it.
//!
//! Nothing is kept between two requests: a client sends the items that were before, as the protocol allows it to.

use genoa_abi::model::Grammar;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::asking::{Asked, Fields, Wish, any_object, form_of};
use crate::content::{CalledFunction, Content, Message, ToolCall};
use crate::failures::ApiFailure;
use crate::tools::{Tool, Tools};

/// Pairs of `metadata`, as OpenAI has it.
const METADATA_PAIRS: usize = 16;
/// What the decoder looks at when it leaves something to chance: the likeliest tokens that have this chance together.
const TOP_P: f64 = 0.95;

/// What `include` asks for so that tokens are told with their chances.
const CHANCES: &str = "message.output_text.logprobs";

/// The fields that are read. What is not known is ignored where it changes nothing, and refused where it would.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ResponsesRequest {
    pub(crate) model: String,
    #[serde(default)]
    input: Option<Input>,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    tools: Option<Vec<Json>>,
    #[serde(default)]
    tool_choice: Option<Json>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    text: Option<TextOptions>,
    #[serde(default)]
    max_output_tokens: Option<u32>,
    #[serde(default)]
    temperature: Option<f32>,
    #[serde(default)]
    top_logprobs: Option<usize>,
    #[serde(default)]
    include: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    #[serde(default)]
    metadata: Option<serde_json::Map<String, Json>>,
    #[serde(default)]
    prompt_cache_key: Option<String>,
    #[serde(default)]
    safety_identifier: Option<String>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(default)]
    conversation: Option<Json>,
    #[serde(default)]
    prompt: Option<Json>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Json>),
}

#[derive(Clone, Debug, Default, Deserialize)]
struct TextOptions {
    #[serde(default)]
    format: Option<Json>,
}

impl ResponsesRequest {
    /// The answer as far as the request decides it: all fields that repeat what was asked.
    pub(crate) fn echo(&self) -> Json {
        let tools: Vec<Json> = self.tools.iter().flatten().map(full_tool).collect();
        json!({
            "object": "response", "status": "in_progress", "background": false, "completed_at": null, "error": null,
            "incomplete_details": null, "instructions": self.instructions, "max_output_tokens": self.max_output_tokens,
            "max_tool_calls": null, "metadata": self.metadata.clone().unwrap_or_default(), "output": [],
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true), "previous_response_id": null,
            "prompt_cache_key": self.prompt_cache_key, "safety_identifier": self.safety_identifier,
            "reasoning": { "effort": null, "summary": null }, "service_tier": "default", "store": false,
            "temperature": self.temperature.unwrap_or(0.0), "text": { "format": full_format(self.format()) },
            "tool_choice": self.tool_choice.clone().unwrap_or_else(|| json!("auto")), "tools": tools,
            "top_logprobs": self.top_logprobs.unwrap_or(0), "top_p": TOP_P, "presence_penalty": 0, "frequency_penalty": 0,
            "truncation": "disabled", "usage": null,
        })
    }

    /// What the model is asked.
    pub(crate) fn asked(self) -> Result<Asked, ApiFailure> {
        self.refuse_what_is_not_there()?;
        let form = form(self.format())?;
        let is_included = self.include.iter().flatten().any(|what| what == CHANCES);
        let tools = self.tools.unwrap_or_default().into_iter().map(tool).collect::<Result<Vec<_>, _>>()?;
        let wish = Wish {
            messages: messages(self.instructions, self.input)?,
            tools: Tools::of(tools, self.tool_choice.as_ref(), self.parallel_tool_calls)?,
            form,
            max_tokens: self.max_output_tokens,
            temperature: self.temperature,
            likeliest: self.top_logprobs.filter(|count| *count > 0).or(is_included.then_some(0)),
            stream: self.stream.unwrap_or(false),
            fields: Fields { messages: "input", form: "text.format", max_tokens: "max_output_tokens" },
            ..Wish::default()
        };
        wish.asked()
    }

    fn format(&self) -> Option<&Json> {
        self.text.as_ref().and_then(|text| text.format.as_ref())
    }

    fn refuse_what_is_not_there(&self) -> Result<(), ApiFailure> {
        let refused = |param, what: &str| Err(ApiFailure::unsupported(param, what));
        if self.previous_response_id.is_some() {
            return refused(
                "previous_response_id",
                "Answers are not kept here: send the earlier items in `input`, those of the answer's `output` as they came",
            );
        }
        if self.conversation.as_ref().is_some_and(|conversation| !conversation.is_null()) {
            return refused("conversation", "Conversations are not kept here: send the earlier items in `input`");
        }
        if self.store == Some(true) {
            return refused(
                "store",
                "Answers are not kept here: leave `store` out or send false, and send the earlier items in `input`",
            );
        }
        if self.background == Some(true) {
            return refused(
                "background",
                "Nothing is written for who does not wait: leave `background` out, and ask with `stream` for a long answer",
            );
        }
        if self.prompt.as_ref().is_some_and(|prompt| !prompt.is_null()) {
            return refused("prompt", "There are no prompts to name here: send the text in `instructions` and `input`");
        }
        if self.metadata.as_ref().is_some_and(|pairs| pairs.len() > METADATA_PAIRS) {
            return Err(ApiFailure::of_field("metadata", format!("At most {METADATA_PAIRS} pairs")));
        }
        Ok(())
    }
}

/// The conversation: the instructions, then the items.
fn messages(instructions: Option<String>, input: Option<Input>) -> Result<Vec<Message>, ApiFailure> {
    let instructions = instructions.filter(|text| !text.is_empty());
    let mut messages: Vec<Message> =
        instructions.map(|text| Message::System { content: Content::Text(text) }).into_iter().collect();
    let before = messages.len();
    match input {
        None => {}
        Some(Input::Text(text)) => messages.push(Message::User { content: Content::Text(text) }),
        Some(Input::Items(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                messages.extend(message(item).map_err(|what| ApiFailure::of_field(&format!("input[{index}]"), what))?);
            }
        }
    }
    if messages.len() == before {
        return Err(ApiFailure::of_field("input", "A text, or a list with one item at least, is what is answered"));
    }
    Ok(messages)
}

/// What an item is in the conversation; nothing where the model never sees it.
fn message(item: Json) -> Result<Option<Message>, String> {
    let kind = item.get("type").and_then(Json::as_str).unwrap_or("message").to_owned();
    let broken = |error: serde_json::Error| format!("This is no `{}`: {error}", kind.escape_debug());
    match kind.as_str() {
        "message" => serde_json::from_value(item).map(Some).map_err(broken),
        "function_call" => {
            let function: CalledFunction = serde_json::from_value(item).map_err(broken)?;
            Ok(Some(Message::Assistant { content: None, tool_calls: vec![ToolCall { function }] }))
        }
        "function_call_output" => {
            let output = item.get("output").cloned().unwrap_or_default();
            Ok(Some(Message::Tool { content: serde_json::from_value(output).map_err(broken)? }))
        }
        // What another model thought is no part of what was said.
        "reasoning" => Ok(None),
        "item_reference" => Err("Items are not kept here: send the item itself".to_owned()),
        other => Err(format!(
            "An item of type `{}` cannot be read: send `message`, `function_call` or `function_call_output`",
            other.escape_debug()
        )),
    }
}

/// A function, as the older protocol has it.
fn tool(mut tool: Json) -> Result<Tool, ApiFailure> {
    let kind = tool.get("type").and_then(Json::as_str).unwrap_or("function").to_owned();
    if kind != "function" {
        let what = format!("A tool of type `{}` is not there: offer a `function`", kind.escape_debug());
        return Err(ApiFailure::of_field("tools", what));
    }
    let function = if tool.get("function").is_some() { tool["function"].take() } else { tool };
    serde_json::from_value(json!({ "type": "function", "function": function }))
        .map_err(|error| ApiFailure::of_field("tools", format!("This is no function: {error}")))
}

/// A tool with all fields that an answer has of it.
fn full_tool(tool: &Json) -> Json {
    json!({
        "type": "function", "name": tool["name"], "description": tool["description"], "parameters": tool["parameters"],
        "strict": tool.get("strict").cloned().unwrap_or(json!(true)),
    })
}

fn form(format: Option<&Json>) -> Result<Option<Grammar>, ApiFailure> {
    let kind = format.and_then(|format| format.get("type")).and_then(Json::as_str);
    match (format, kind) {
        (None, _) | (Some(Json::Null), _) | (_, Some("text")) => Ok(None),
        (_, Some("json_object")) => Ok(Some(any_object())),
        (Some(format), Some("json_schema")) => form_of(format.get("schema").cloned(), "text.format").map(Some),
        _ => Err(ApiFailure::of_field("text.format", "It is none of `text`, `json_object` and `json_schema`")),
    }
}

/// A format with all fields that an answer has of it.
fn full_format(format: Option<&Json>) -> Json {
    match format.filter(|format| !format.is_null()) {
        None => json!({ "type": "text" }),
        Some(format) if format["type"] == "json_schema" => json!({
            "type": "json_schema", "name": format["name"], "description": format["description"],
            "schema": format["schema"], "strict": format.get("strict").cloned().unwrap_or(json!(true)),
        }),
        Some(format) => json!({ "type": format["type"] }),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::Grammar;
    use serde_json::{Value as Json, json};

    use super::ResponsesRequest;
    use crate::asking::Asked;
    use crate::failures::ApiFailure;

    fn asked(mut request: Json) -> Result<Asked, ApiFailure> {
        request["model"] = json!("m");
        serde_json::from_value::<ResponsesRequest>(request).unwrap().asked()
    }

    fn refused(request: Json) -> String {
        let body = asked(request).unwrap_err().body();
        let text = |field: &str| body["error"][field].as_str().unwrap().to_owned();
        format!("{} {}: {}", text("code"), text("param"), text("message"))
    }

    #[test]
    fn items_are_the_conversation_that_chat_completions_would_have() {
        let call = |id: &str, city: &str| json!({ "type": "function_call", "call_id": id, "name": "weather", "arguments": json!({ "city": city }).to_string() });
        let result = |id: &str, text: &str| json!({ "type": "function_call_output", "call_id": id, "output": text });
        let tool =
            json!({ "type": "function", "name": "weather", "description": null, "parameters": null, "strict": true });
        let infer = asked(json!({
            "instructions": "Be brief.",
            "input": [
                { "role": "user", "content": [{ "type": "input_text", "text": "Rome and Oslo?" }] },
                { "type": "reasoning", "summary": [] },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "I look." }] },
                call("1", "Rome"), call("2", "Oslo"), result("1", "sunny"), result("2", "snow"),
            ],
            "tools": [tool], "max_output_tokens": 20,
        }));
        let infer = infer.unwrap().infer;
        let shown: Vec<String> =
            infer.messages.iter().map(|message| format!("{:?}: {}", message.role, message.content)).collect();
        assert_eq!(shown.len(), 4, "{shown:?}");
        assert!(shown[0].starts_with("System: Be brief.\n\nFunctions"), "{}", shown[0]);
        assert_eq!(shown[1], "User: Rome and Oslo?");
        let written = |city: &str| format!("{{\"name\": \"weather\", \"arguments\": {{\"city\": \"{city}\"}}}}");
        assert_eq!(shown[2], format!("Assistant: I look.\n{}\n{}", written("Rome"), written("Oslo")));
        let response = |text: &str| format!("<tool_response>\n{text}\n</tool_response>");
        assert_eq!(shown[3], format!("User: {}\n{}", response("sunny"), response("snow")));
        assert_eq!(infer.max_tokens, 20);
    }

    #[test]
    fn a_format_is_a_grammar_and_is_repeated_in_the_answer() {
        let schema = json!({ "type": "object" });
        let format = json!({ "type": "json_schema", "name": "x", "schema": schema });
        let request = json!({ "model": "m", "input": "x", "text": { "format": format }, "metadata": { "a": "b" } });
        let request: ResponsesRequest = serde_json::from_value(request).unwrap();
        let echo = request.echo();
        assert_eq!((&echo["text"]["format"]["schema"], &echo["metadata"]["a"]), (&schema, &json!("b")));
        assert_eq!(request.asked().unwrap().infer.grammar, Some(Grammar::JsonSchema(schema)));
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_to_send_instead() {
        insta::assert_snapshot!(refused(json!({ "input": "x", "previous_response_id": "resp_1" })), @"unsupported_parameter previous_response_id: Answers are not kept here: send the earlier items in `input`, those of the answer's `output` as they came");
        insta::assert_snapshot!(refused(json!({ "input": "x", "store": true })), @"unsupported_parameter store: Answers are not kept here: leave `store` out or send false, and send the earlier items in `input`");
        insta::assert_snapshot!(refused(json!({ "input": "x", "background": true })), @"unsupported_parameter background: Nothing is written for who does not wait: leave `background` out, and ask with `stream` for a long answer");
        insta::assert_snapshot!(refused(json!({ "input": [] })), @"invalid_value input: A text, or a list with one item at least, is what is answered");
        insta::assert_snapshot!(refused(json!({ "instructions": "x" })), @"invalid_value input: A text, or a list with one item at least, is what is answered");
        insta::assert_snapshot!(refused(json!({ "input": [{ "type": "item_reference", "id": "msg_1" }] })), @"invalid_value input[0]: Items are not kept here: send the item itself");
        insta::assert_snapshot!(refused(json!({ "input": [{ "type": "computer_call" }] })), @"invalid_value input[0]: An item of type `computer_call` cannot be read: send `message`, `function_call` or `function_call_output`");
        insta::assert_snapshot!(refused(json!({ "input": [{ "role": "ghost", "content": "x" }] })), @"invalid_value input[0]: This is no `message`: unknown variant `ghost`, expected one of `developer`, `system`, `user`, `assistant`, `tool`");
        insta::assert_snapshot!(refused(json!({ "input": "x", "tools": [{ "type": "web_search" }] })), @"invalid_value tools: A tool of type `web_search` is not there: offer a `function`");
        insta::assert_snapshot!(refused(json!({ "input": "x", "text": { "format": { "type": "grammar" } } })), @"invalid_value text.format: It is none of `text`, `json_object` and `json_schema`");
        let image = json!([{ "role": "user", "content": [{ "type": "input_image", "image_url": "x" }] }]);
        insta::assert_snapshot!(refused(json!({ "input": image })), @"invalid_value input: A piece of type `input_image` cannot be read: the model reads text");
    }
}
