//! What the model wrote, as a chat completion: whole, or event by event.

use genoa_abi::model::{Finish, InferReply, InferUsage};
use serde_json::{Value as Json, json};

use crate::failures::ApiFailure;
use crate::heading::Heading;
use crate::telling::{Said, Shape};
use crate::tools::{Call, Written, may_be_calls};

/// The answer to a chat completion.
pub(crate) struct ChatAnswer {
    heading: Heading,
    has_tools: bool,
    tells_usage: bool,
    /// What was written, as far as it was told or may still be a call.
    text: String,
    /// Bytes of it that were told.
    told: usize,
    begun: bool,
}

impl ChatAnswer {
    pub(crate) fn new(heading: Heading, has_tools: bool, tells_usage: bool) -> Self {
        Self { heading, has_tools, tells_usage, text: String::new(), told: 0, begun: false }
    }

    fn begin(&mut self) -> Option<Said> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        is_first.then(|| self.chunk(&json!({ "role": "assistant", "content": "" }), &Json::Null))
    }

    fn tell_words(&mut self) -> Vec<Said> {
        let Some(new) = self.text.get(self.told..).filter(|new| !new.is_empty()).map(str::to_owned) else {
            return Vec::new();
        };
        self.told = self.text.len();
        let mut events: Vec<Said> = self.begin().into_iter().collect();
        events.push(self.chunk(&json!({ "content": new }), &Json::Null));
        events
    }

    fn chunk(&self, delta: &Json, finish: &Json) -> Said {
        let heading = &self.heading;
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", heading.digits), "object": "chat.completion.chunk", "created": heading.created, "model": heading.model,
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }],
        });
        if self.tells_usage {
            chunk["usage"] = Json::Null;
        }
        Said { kind: None, data: chunk }
    }
}

impl Shape for ChatAnswer {
    fn whole(&mut self, reply: &InferReply) -> Json {
        let heading = &self.heading;
        let written = Written::of(&reply.text, self.has_tools);
        let message = match &written {
            Written::Calls(calls) => json!({
                "role": "assistant", "content": null, "refusal": null, "annotations": [],
                "tool_calls": numbered(heading, calls),
            }),
            Written::Words(words) => {
                json!({ "role": "assistant", "content": words, "refusal": null, "annotations": [] })
            }
        };
        json!({
            "id": format!("chatcmpl-{}", heading.digits), "object": "chat.completion", "created": heading.created, "model": heading.model,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": reason(reply.finish, &written) }],
            "usage": usage(&reply.usage),
        })
    }

    fn begun(&mut self) -> Vec<Said> {
        Vec::new()
    }

    fn wrote(&mut self, text: &str) -> Vec<Said> {
        self.text.push_str(text);
        if self.has_tools && may_be_calls(&self.text) {
            return Vec::new();
        }
        self.tell_words()
    }

    fn ended(&mut self, reply: &InferReply) -> Vec<Said> {
        let written = Written::of(&reply.text, self.has_tools);
        let mut events = Vec::new();
        match &written {
            Written::Calls(calls) => {
                let mut calls = numbered(&self.heading, calls);
                for (index, call) in calls.iter_mut().enumerate() {
                    call["index"] = json!(index);
                }
                events.extend(self.begin());
                events.push(self.chunk(&json!({ "tool_calls": calls }), &Json::Null));
            }
            Written::Words(words) => {
                // News are told at times; what came after the last stands in the reply.
                (*words).clone_into(&mut self.text);
                events.extend(self.begin());
                events.extend(self.tell_words());
            }
        }
        events.push(self.chunk(&json!({}), &json!(reason(reply.finish, &written))));
        if self.tells_usage {
            let mut last = self.chunk(&json!({}), &Json::Null);
            last.data["choices"] = json!([]);
            last.data["usage"] = usage(&reply.usage);
            events.push(last);
        }
        events
    }

    fn failed(&mut self, failure: &ApiFailure) -> Vec<Said> {
        vec![Said { kind: None, data: failure.body() }]
    }
}

fn numbered(heading: &Heading, calls: &[Call]) -> Vec<Json> {
    let id = &heading.digits;
    let call = |(index, call): (usize, &Call)| {
        json!({
            "id": format!("call_{id}_{index}"), "type": "function",
            "function": { "name": call.name, "arguments": call.arguments.to_string() },
        })
    };
    calls.iter().enumerate().map(call).collect()
}

fn reason(finish: Finish, written: &Written<'_>) -> &'static str {
    match (finish, written) {
        (Finish::Length, _) => "length",
        (Finish::Stop | Finish::Cancelled, Written::Calls(_)) => "tool_calls",
        (Finish::Stop | Finish::Cancelled, Written::Words(_)) => "stop",
    }
}

fn usage(usage: &InferUsage) -> Json {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.written_tokens,
        "total_tokens": usage.prompt_tokens.saturating_add(usage.written_tokens),
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferUsage};
    use serde_json::json;

    use super::ChatAnswer;
    use crate::heading::Heading;
    use crate::telling::{Said, Shape};
    use crate::tools::shown_call;

    fn heading() -> Heading {
        Heading { digits: "1".into(), created: 7, model: "m".into() }
    }

    fn reply(text: &str, finish: Finish) -> InferReply {
        let usage = InferUsage { prompt_tokens: 5, cached_tokens: 3, written_tokens: 2, ..InferUsage::default() };
        InferReply { text: text.into(), finish, usage, model: "m".into(), alternatives: vec![], tokens: vec![] }
    }

    fn told(events: &[Said]) -> String {
        let delta = |event: &Said| event.data["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
        events.iter().map(delta).collect()
    }

    #[test]
    fn an_answer_is_told_whole_however_it_comes() {
        let mut stream = ChatAnswer::new(heading(), true, true);
        let mut events = Vec::new();
        ["", "Hel", "lo <tool", "_call> "].iter().for_each(|text| events.extend(stream.wrote(text)));
        events.extend(stream.ended(&reply("Hello <tool_call> you", Finish::Stop)));
        assert_eq!(told(&events), "Hello <tool_call> you");
        assert_eq!(events[0].data["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
        let last = events.last().unwrap();
        assert_eq!(
            last.data["usage"],
            json!({ "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": { "cached_tokens": 3 } })
        );
        assert_eq!(events[events.len() - 2].data["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn calls_are_told_as_calls_and_never_as_words() {
        let text = shown_call("weather", &json!({ "city": "Rome" }));
        let mut stream = ChatAnswer::new(heading(), true, false);
        let mut events: Vec<Said> = text.chars().flat_map(|letter| stream.wrote(&letter.to_string())).collect();
        assert!(events.is_empty());
        events.extend(stream.ended(&reply(&text, Finish::Stop)));
        assert_eq!(told(&events), "");
        let call = &events[1].data["choices"][0]["delta"]["tool_calls"][0];
        assert_eq!((&call["index"], &call["function"]["name"]), (&json!(0), &json!("weather")));
        assert_eq!(call["function"]["arguments"], json!("{\"city\":\"Rome\"}"));
        assert_eq!(events[2].data["choices"][0]["finish_reason"], "tool_calls");
        let answer = ChatAnswer::new(heading(), true, false).whole(&reply(&text, Finish::Stop));
        assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["id"], json!("call_1_0"));
        let answer = ChatAnswer::new(heading(), false, false).whole(&reply(&text, Finish::Length));
        assert_eq!(
            (&answer["choices"][0]["message"]["content"], &answer["choices"][0]["finish_reason"]),
            (&json!(text), &json!("length"))
        );
    }
}
