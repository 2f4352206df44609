//! A chat completion's request.

use genoa_abi::model::Grammar;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::asking::{Asked, Fields, Stop, Wish, any_object, form_of};
use crate::content::Message;
use crate::failures::ApiFailure;
use crate::limits::CHOICES;
use crate::tools::{Tool, Tools};

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
    top_logprobs: Option<usize>,
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

impl ChatRequest {
    /// Whether the last event of a stream tells what was used.
    pub(crate) fn tells_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// How many answers are wanted.
    pub(crate) fn choices(&self) -> Result<u32, ApiFailure> {
        match self.n.unwrap_or(1) {
            n @ 1..=CHOICES => Ok(n),
            _ => Err(ApiFailure::of_field("n", format!("It is a number from 1 to {CHOICES}"))),
        }
    }

    /// What the model is asked.
    pub(crate) fn asked(self) -> Result<Asked, ApiFailure> {
        let has_chances = self.logprobs.unwrap_or(false);
        if self.top_logprobs.is_some() && !has_chances {
            return Err(ApiFailure::of_field("top_logprobs", "It goes with `logprobs`: set that to true as well"));
        }
        let wish = Wish {
            messages: self.messages,
            tools: Tools::of(self.tools.unwrap_or_default(), self.tool_choice.as_ref(), self.parallel_tool_calls)?,
            form: form(self.response_format)?,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            seed: self.seed,
            stop: self.stop.map(Stop::texts).unwrap_or_default(),
            likeliest: has_chances.then_some(self.top_logprobs.unwrap_or(0)),
            stream: self.stream.unwrap_or(false),
            fields: Fields { messages: "messages", form: "response_format", max_tokens: "max_tokens" },
        };
        wish.asked()
    }
}

fn form(format: Option<ResponseFormat>) -> Result<Option<Grammar>, ApiFailure> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonObject) => Ok(Some(any_object())),
        Some(ResponseFormat::JsonSchema { json_schema }) => form_of(json_schema.schema, "response_format").map(Some),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Grammar, Role};
    use serde_json::{Value as Json, json};

    use super::ChatRequest;
    use crate::asking::Asked;
    use crate::failures::ApiFailure;
    use crate::tools::NONE_AFTER_RESULTS_FROM_PPM;

    fn asked(mut request: Json) -> Result<Asked, ApiFailure> {
        request["model"] = json!("m");
        let request = serde_json::from_value::<ChatRequest>(request).unwrap();
        request.choices()?;
        request.asked()
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
        assert_eq!(infer.thresholds[0].chance_ppm, NONE_AFTER_RESULTS_FROM_PPM);
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
        insta::assert_snapshot!(refused(json!({ "messages": one, "n": 9 })), @"n: It is a number from 1 to 8");
        insta::assert_snapshot!(refused(json!({ "messages": one, "n": 0 })), @"n: It is a number from 1 to 8");
        insta::assert_snapshot!(refused(json!({ "messages": one, "top_logprobs": 2 })), @"top_logprobs: It goes with `logprobs`: set that to true as well");
        insta::assert_snapshot!(refused(json!({ "messages": one, "logprobs": true, "top_logprobs": 21 })), @"top_logprobs: It is a number from 0 to 20");
        insta::assert_snapshot!(refused(json!({ "messages": one, "temperature": 3 })), @"temperature: It is a number from 0 to 2");
        insta::assert_snapshot!(refused(json!({ "messages": one, "stop": ["a", ""] })), @"stop: At most 4 texts, none of them empty");
        let image = json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]);
        insta::assert_snapshot!(refused(json!({ "messages": image })), @"messages: A piece of type `image_url` cannot be read: the model reads text");
        let form = json!({ "type": "json_schema", "json_schema": { "name": "x" } });
        insta::assert_snapshot!(refused(json!({ "messages": one, "response_format": form })), @"response_format: `json_schema` has no `schema`: send the schema itself, an object");
    }
}
