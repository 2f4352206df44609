//! Requests and answers in the words of the OpenAI protocol.

use genoa_abi::model::{Finish, Grammar, InferRequest, Role};
use genoa_abi::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::RemoteOptions;

/// What the endpoint is sent.
pub(super) fn body(options: &RemoteOptions, request: &InferRequest) -> Result<Json, Failure> {
    let mut messages: Vec<Json> = request.messages.iter().map(|message| said(message.role, &message.content)).collect();
    let mut body = json!({
        "model": options.model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    if !request.answer_begins.is_empty() {
        if !options.continue_final_message {
            return Err(unsupported(
                options,
                "does not go on from the beginning of an answer",
                "continue_final_message",
            ));
        }
        messages.push(said(Role::Assistant, &request.answer_begins));
        body["continue_final_message"] = json!(true);
        body["add_generation_prompt"] = json!(false);
    }
    if request.likeliest.is_some() {
        let what = format!("the endpoint {} is not asked how likely its tokens are", options.name);
        return Err(
            Failure::new(ErrorCode::Unsupported, what).try_next("Ask without that, or use a model on this machine")
        );
    }
    if !request.stop.is_empty() {
        body["stop"] = json!(request.stop);
    }
    match &request.grammar {
        None => {}
        Some(Grammar::JsonSchema(schema)) => {
            let named = json!({ "name": "answer", "strict": true, "schema": schema });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": named });
        }
        Some(Grammar::Lark(text)) if options.guided_grammar => body["guided_grammar"] = json!(text),
        Some(Grammar::Lark(_)) => return Err(unsupported(options, "takes no Lark grammars", "guided_grammar")),
    }
    body["messages"] = json!(messages);
    Ok(body)
}

fn said(role: Role, content: &str) -> Json {
    json!({ "role": role, "content": content })
}

fn unsupported(options: &RemoteOptions, what: &str, setting: &str) -> Failure {
    Failure::new(ErrorCode::Unsupported, format!("the endpoint {} {what}", options.name))
        .try_next(format!("If it does, set `{setting} = true` for it; else use a model on this machine"))
}

/// One event of a streamed answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) text: String,
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
    pub(super) done: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    pub(super) prompt_tokens_details: Option<Cached>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Cached {
    pub(super) cached_tokens: u32,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Json>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

/// Reads one line of a streamed answer; lines that carry nothing give an empty chunk.
pub(super) fn read_line(line: &str) -> Result<Chunk, Failure> {
    let Some(data) = line.strip_prefix("data:") else { return Ok(Chunk::default()) };
    let data = data.trim();
    if data == "[DONE]" {
        return Ok(Chunk { done: true, ..Chunk::default() });
    }
    let wire: Wire = serde_json::from_str(data).map_err(|error| {
        Failure::new(ErrorCode::ModelFailed, "the endpoint's answer does not follow the protocol").because(error)
    })?;
    if let Some(error) = wire.error {
        let why = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Err(Failure::new(ErrorCode::ModelFailed, "the endpoint failed while it answered").because(why));
    }
    let choice = wire.choices.into_iter().next();
    let finish = choice.as_ref().and_then(|choice| choice.finish_reason.as_deref()).map(|reason| match reason {
        "length" => Finish::Length,
        _ => Finish::Stop,
    });
    let text = choice.and_then(|choice| choice.delta.content).unwrap_or_default();
    Ok(Chunk { text, finish, usage: wire.usage, done: false })
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use genoa_abi::model::Finish;
    use proptest::prelude::*;

    use super::read_line;

    #[test]
    fn events_are_read() {
        let text = read_line(r#"data: {"choices":[{"delta":{"content":"hi"},"finish_reason":null}]}"#).unwrap();
        assert_eq!((text.text.as_str(), text.finish, text.done), ("hi", None, false));
        let end = read_line(r#"data: {"choices":[{"delta":{},"finish_reason":"length"}]}"#).unwrap();
        assert_eq!(end.finish, Some(Finish::Length));
        let usage = read_line(r#"data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#).unwrap();
        assert_eq!(usage.usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((7, 2)));
        assert!(read_line("data: [DONE]").unwrap().done);
        assert_eq!(read_line(": keep-alive").unwrap(), super::Chunk::default());
        let failed = read_line(r#"data: {"error":{"message":"out of memory"}}"#).unwrap_err();
        assert_eq!((failed.code, failed.why.as_str()), (ErrorCode::ModelFailed, "out of memory"));
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_reader(line in ".{0,80}") {
            let _ = read_line(&line);
            let _ = read_line(&format!("data: {line}"));
        }
    }
}
