//! What the model wrote, in the protocol of responses: whole, or as typed events in their order.

use genoa_abi::model::{Finish, InferReply, InferUsage};
use serde_json::{Value as Json, json};

use crate::asking::Manner;
use crate::daemon::Words;
use crate::failures::ApiFailure;
use crate::flow::{Flow, Piece};
use crate::heading::{Heading, now};
use crate::logprobs;
use crate::telling::{Said, Shape};
use crate::tools::{Call, Written};

/// The answer to a request of that protocol.
pub(crate) struct ResponseAnswer {
    /// What it is at its beginning.
    response: Json,
    digits: String,
    manner: Manner,
    flow: Flow,
    /// Whether its message was begun.
    begun: bool,
    /// The number of the next event.
    sequence: u64,
}

impl ResponseAnswer {
    /// An answer with what its request decided already.
    pub(crate) fn new(heading: Heading, mut echo: Json, manner: Manner) -> Self {
        echo["id"] = json!(format!("resp_{}", heading.digits));
        echo["created_at"] = json!(heading.created);
        echo["model"] = json!(heading.model);
        Self { response: echo, digits: heading.digits, manner, flow: Flow::new(manner), begun: false, sequence: 0 }
    }

    fn said(&mut self, kind: &'static str, mut data: Json) -> Said {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        Said { kind: Some(kind), data }
    }

    /// The whole response at its end.
    fn finished(&self, reply: &InferReply) -> Json {
        let mut response = self.response.clone();
        let is_whole = reply.finish != Finish::Length;
        let status = if is_whole { "completed" } else { "incomplete" };
        response["status"] = json!(status);
        if is_whole {
            response["completed_at"] = json!(now());
        } else {
            response["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        }
        response["output"] = match Written::of(&reply.text, self.manner.has_tools) {
            Written::Words(words) => {
                let tokens = logprobs::told(logprobs::of_words(words, reply));
                json!([self.message(status, Some(part(words, &tokens)))])
            }
            Written::Calls(calls) => {
                calls.iter().enumerate().map(|(index, call)| self.call(index, call, "completed")).collect()
            }
        };
        response["usage"] = usage(&reply.usage);
        response
    }

    fn message_id(&self) -> String {
        format!("msg_{}", self.digits)
    }

    fn message(&self, status: &str, part: Option<Json>) -> Json {
        let content: Vec<Json> = part.into_iter().collect();
        json!({ "type": "message", "id": self.message_id(), "status": status, "role": "assistant", "content": content })
    }

    fn call(&self, index: usize, call: &Call, status: &str) -> Json {
        let arguments = if status == "in_progress" { String::new() } else { call.arguments.to_string() };
        json!({
            "type": "function_call", "id": self.call_id("fc", index), "call_id": self.call_id("call", index),
            "name": call.name, "arguments": arguments, "status": status,
        })
    }

    fn call_id(&self, kind: &str, index: usize) -> String {
        format!("{kind}_{}_{index}", self.digits)
    }

    /// The beginning of the message, once.
    fn begin_message(&mut self) -> Vec<Said> {
        if std::mem::replace(&mut self.begun, true) {
            return Vec::new();
        }
        let item = self.message("in_progress", None);
        let mut place = self.place();
        place["part"] = part("", &[]);
        vec![
            self.said("response.output_item.added", json!({ "output_index": 0, "item": item })),
            self.said("response.content_part.added", place),
        ]
    }

    fn place(&self) -> Json {
        json!({ "item_id": self.message_id(), "output_index": 0, "content_index": 0 })
    }

    fn tell(&mut self, piece: Option<Piece>) -> Vec<Said> {
        let Some(Piece { text, tokens }) = piece else { return Vec::new() };
        let mut events = self.begin_message();
        let mut delta = self.place();
        delta["delta"] = json!(text);
        delta["logprobs"] = json!(tokens);
        events.push(self.said("response.output_text.delta", delta));
        events
    }

    fn end_message(&mut self, words: &str, reply: &InferReply, item: &Json) -> Vec<Said> {
        let mut events = self.begin_message();
        let left = self.flow.ended(words, logprobs::of_words(words, reply));
        events.extend(self.tell(left));
        let (mut text, mut whole) = (self.place(), self.place());
        whole["part"] = item["content"][0].clone();
        text["text"] = json!(words);
        text["logprobs"] = whole["part"]["logprobs"].clone();
        events.push(self.said("response.output_text.done", text));
        events.push(self.said("response.content_part.done", whole));
        events.push(self.said("response.output_item.done", json!({ "output_index": 0, "item": item })));
        events
    }

    fn tell_call(&mut self, index: usize, call: &Call) -> Vec<Said> {
        let (begun, ended) = (self.call(index, call, "in_progress"), self.call(index, call, "completed"));
        let place = json!({ "item_id": ended["id"], "output_index": index });
        let (mut delta, mut done) = (place.clone(), place);
        delta["delta"] = ended["arguments"].clone();
        done["arguments"] = ended["arguments"].clone();
        done["name"] = ended["name"].clone();
        vec![
            self.said("response.output_item.added", json!({ "output_index": index, "item": begun })),
            self.said("response.function_call_arguments.delta", delta),
            self.said("response.function_call_arguments.done", done),
            self.said("response.output_item.done", json!({ "output_index": index, "item": ended })),
        ]
    }
}

impl Shape for ResponseAnswer {
    fn whole(&mut self, replies: &[InferReply]) -> Json {
        replies.first().map(|reply| self.finished(reply)).unwrap_or_default()
    }

    fn begun(&mut self) -> Vec<Said> {
        let (created, in_progress) = (json!({ "response": self.response }), json!({ "response": self.response }));
        vec![self.said("response.created", created), self.said("response.in_progress", in_progress)]
    }

    fn wrote(&mut self, _: usize, words: &Words) -> Vec<Said> {
        let piece = self.flow.wrote(words);
        self.tell(piece)
    }

    fn ended(&mut self, _: usize, reply: &InferReply) -> Vec<Said> {
        let response = self.finished(reply);
        let mut events = match Written::of(&reply.text, self.manner.has_tools) {
            Written::Words(words) => self.end_message(words, reply, &response["output"][0]),
            Written::Calls(calls) => {
                calls.iter().enumerate().flat_map(|(index, call)| self.tell_call(index, call)).collect()
            }
        };
        let kind = if reply.finish == Finish::Length { "response.incomplete" } else { "response.completed" };
        events.push(self.said(kind, json!({ "response": response })));
        events
    }

    fn failed(&mut self, failure: &ApiFailure) -> Vec<Said> {
        let mut response = self.response.clone();
        response["status"] = json!("failed");
        response["error"] = failure.code_and_message();
        vec![self.said("response.failed", json!({ "response": response }))]
    }
}

fn part(text: &str, chances: &[Json]) -> Json {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": chances })
}

fn usage(usage: &InferUsage) -> Json {
    json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": { "cached_tokens": usage.cached_tokens, "cache_write_tokens": 0 },
        "output_tokens": usage.written_tokens,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": usage.prompt_tokens.saturating_add(usage.written_tokens),
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferUsage};
    use genoa_abi::{ErrorCode, Failure};
    use serde_json::json;

    use super::ResponseAnswer;
    use crate::asking::Manner;
    use crate::daemon::Words;
    use crate::heading::Heading;
    use crate::telling::{Said, Shape};
    use crate::tools::shown_call;
    use crate::tools::tests::written_call;

    fn answer(has_tools: bool) -> ResponseAnswer {
        let heading = Heading { digits: "7".into(), created: 7, model: "m".into() };
        ResponseAnswer::new(
            heading,
            json!({ "object": "response", "status": "in_progress", "output": [] }),
            Manner { has_tools, has_chances: false },
        )
    }

    fn words(text: &str) -> Words {
        Words { text: text.into(), tokens: vec![] }
    }

    fn reply(text: &str, finish: Finish) -> InferReply {
        let usage = InferUsage { prompt_tokens: 5, cached_tokens: 3, written_tokens: 2, ..InferUsage::default() };
        InferReply { text: text.into(), finish, usage, model: "m".into(), alternatives: vec![], tokens: vec![] }
    }

    fn order(events: &[Said]) -> String {
        let numbers: Vec<u64> = events.iter().map(|event| event.data["sequence_number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
        assert!(events.iter().all(|event| event.data["type"] == event.kind.unwrap()));
        events.iter().map(|event| event.kind.unwrap().trim_start_matches("response.")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_are_told_in_the_order_of_the_protocol() {
        let mut answer = answer(true);
        let mut events = answer.begun();
        ["none\"}\nHel", "lo <tool"].iter().for_each(|text| events.extend(answer.wrote(0, &words(text))));
        events.extend(answer.ended(0, &reply("none\"}\nHello <tool_call> you", Finish::Stop)));
        insta::assert_snapshot!(order(&events), @"created in_progress output_item.added content_part.added output_text.delta output_text.delta output_text.delta output_text.done content_part.done output_item.done completed");
        let told: String = events.iter().filter_map(|event| event.data["delta"].as_str()).collect();
        assert_eq!(told, "Hello <tool_call> you");
        let last = &events.last().unwrap().data["response"];
        assert_eq!(last["output"][0]["content"][0]["text"], json!(told));
        assert_eq!(
            (&last["id"], &last["status"], &last["usage"]["total_tokens"]),
            (&json!("resp_7"), &json!("completed"), &json!(7))
        );
        assert!(last["completed_at"].is_u64());
    }

    #[test]
    fn calls_are_items_of_their_own() {
        let text = format!("{}\n{}", written_call("a", &json!({ "city": "Rome" })), shown_call("b", &json!({})));
        let mut answer = answer(true);
        let mut events = answer.begun();
        text.chars().for_each(|letter| events.extend(answer.wrote(0, &words(&letter.to_string()))));
        assert_eq!(events.len(), 2, "what may be a call is no words");
        events.extend(answer.ended(0, &reply(&text, Finish::Stop)));
        let call = "output_item.added function_call_arguments.delta function_call_arguments.done output_item.done";
        assert_eq!(order(&events), format!("created in_progress {call} {call} completed"));
        let output = &events.last().unwrap().data["response"]["output"];
        assert_eq!(
            (&output[0]["call_id"], &output[0]["arguments"]),
            (&json!("call_7_0"), &json!("{\"city\":\"Rome\"}"))
        );
        assert_eq!((&output[1]["name"], &output[1]["status"]), (&json!("b"), &json!("completed")));
        assert_eq!(events[2].data["item"]["arguments"], json!(""), "at its beginning nothing of it is known");
    }

    #[test]
    fn an_answer_that_was_cut_off_is_incomplete_and_one_that_broke_has_failed() {
        let whole = answer(false).whole(&[reply("one two", Finish::Length)]);
        assert_eq!((&whole["status"], &whole["output"][0]["status"]), (&json!("incomplete"), &json!("incomplete")));
        assert_eq!(whole["incomplete_details"]["reason"], "max_output_tokens");
        let mut broken = answer(false);
        let mut events = broken.begun();
        events.extend(broken.wrote(0, &words("one")));
        events.extend(broken.failed(&Failure::new(ErrorCode::ModelFailed, "it died").into()));
        assert!(order(&events).ends_with("output_text.delta failed"));
        let error = &events.last().unwrap().data["response"]["error"];
        assert_eq!(error, &json!({ "code": "server_error", "message": "it died" }));
        assert_eq!(broken.sequence, 6);
    }
}
