//! What the model wrote, as a chat completion: whole, or event by event.

use genoa_abi::model::{Finish, InferReply, InferUsage};
use serde_json::{Value as Json, json};

use crate::asking::Manner;
use crate::daemon::Words;
use crate::failures::ApiFailure;
use crate::flow::{Flow, Piece};
use crate::heading::Heading;
use crate::logprobs;
use crate::telling::{Said, Shape};
use crate::tools::{Call, Written};

/// The answer to a chat completion, in as many versions as were asked for.
pub(crate) struct ChatAnswer {
    heading: Heading,
    manner: Manner,
    tells_usage: bool,
    choices: Vec<Choice>,
    begun: bool,
}

/// One version.
struct Choice {
    flow: Flow,
    /// What it used, once it is there.
    used: Option<InferUsage>,
}

impl ChatAnswer {
    pub(crate) fn new(heading: Heading, manner: Manner, choices: usize, tells_usage: bool) -> Self {
        let choice = || Choice { flow: Flow::new(manner), used: None };
        let choices = std::iter::repeat_with(choice).take(choices).collect();
        Self { heading, manner, tells_usage, choices, begun: false }
    }

    /// The beginnings of all versions in their order, whichever is written first: clients count on it.
    fn begin(&mut self) -> Vec<Said> {
        if std::mem::replace(&mut self.begun, true) {
            return Vec::new();
        }
        let begun = |index| self.chunk(index, &json!({ "role": "assistant", "content": "" }), &Json::Null);
        (0..self.choices.len()).map(begun).collect()
    }

    fn tell(&mut self, index: usize, piece: Option<Piece>) -> Vec<Said> {
        let Some(Piece { text, tokens }) = piece else { return Vec::new() };
        let mut events = self.begin();
        let mut said = self.chunk(index, &json!({ "content": text }), &Json::Null);
        said.data["choices"][0]["logprobs"] = self.chances(tokens);
        events.push(said);
        events
    }

    fn chances(&self, tokens: Vec<Json>) -> Json {
        if self.manner.has_chances { json!({ "content": tokens, "refusal": null }) } else { Json::Null }
    }

    fn chunk(&self, index: usize, delta: &Json, finish: &Json) -> Said {
        let choice = json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish });
        let mut chunk = self.frame("chat.completion.chunk", vec![choice]);
        if self.tells_usage {
            chunk["usage"] = Json::Null;
        }
        Said { kind: None, data: chunk }
    }

    fn frame(&self, object: &str, choices: Vec<Json>) -> Json {
        let Heading { digits, created, model } = &self.heading;
        json!({
            "id": format!("chatcmpl-{digits}"), "object": object, "created": created, "model": model, "choices": choices,
        })
    }

    fn whole_choice(&self, index: usize, reply: &InferReply) -> Json {
        let written = Written::of(&reply.text, self.manner.has_tools);
        let mut message = json!({ "role": "assistant", "content": null, "refusal": null, "annotations": [] });
        let mut chances = Json::Null;
        match &written {
            Written::Calls(calls) => message["tool_calls"] = json!(self.numbered(index, calls)),
            Written::Words(words) => {
                message["content"] = json!(words);
                chances = self.chances(logprobs::told(logprobs::of_words(words, reply)));
            }
        }
        let reason = reason(reply.finish, &written);
        json!({ "index": index, "message": message, "logprobs": chances, "finish_reason": reason })
    }

    fn numbered(&self, index: usize, calls: &[Call]) -> Vec<Json> {
        let answer = if index == 0 { self.heading.digits.clone() } else { format!("{}_{index}", self.heading.digits) };
        let call = |(place, call): (usize, &Call)| {
            json!({
                "id": format!("call_{answer}_{place}"), "type": "function",
                "function": { "name": call.name, "arguments": call.arguments.to_string() },
            })
        };
        calls.iter().enumerate().map(call).collect()
    }
}

impl Shape for ChatAnswer {
    fn whole(&mut self, replies: &[InferReply]) -> Json {
        let choices = replies.iter().enumerate().map(|(index, reply)| self.whole_choice(index, reply)).collect();
        let mut whole = self.frame("chat.completion", choices);
        whole["usage"] = usage(replies.iter().map(|reply| &reply.usage));
        whole
    }

    fn begun(&mut self) -> Vec<Said> {
        Vec::new()
    }

    fn wrote(&mut self, index: usize, words: &Words) -> Vec<Said> {
        let piece = self.choices.get_mut(index).and_then(|choice| choice.flow.wrote(words));
        self.tell(index, piece)
    }

    fn ended(&mut self, index: usize, reply: &InferReply) -> Vec<Said> {
        let written = Written::of(&reply.text, self.manner.has_tools);
        let mut events = self.begin();
        match &written {
            Written::Calls(calls) => {
                let mut calls = self.numbered(index, calls);
                calls.iter_mut().enumerate().for_each(|(place, call)| call["index"] = json!(place));
                events.push(self.chunk(index, &json!({ "tool_calls": calls }), &Json::Null));
            }
            Written::Words(words) => {
                let left = self
                    .choices
                    .get_mut(index)
                    .and_then(|choice| choice.flow.ended(words, logprobs::of_words(words, reply)));
                events.extend(self.tell(index, left));
            }
        }
        events.push(self.chunk(index, &json!({}), &json!(reason(reply.finish, &written))));
        if let Some(choice) = self.choices.get_mut(index) {
            choice.used = Some(reply.usage);
        }
        let used: Option<Vec<&InferUsage>> = self.choices.iter().map(|choice| choice.used.as_ref()).collect();
        if let Some(used) = used.filter(|_| self.tells_usage) {
            let mut last = self.frame("chat.completion.chunk", Vec::new());
            last["usage"] = usage(used.into_iter());
            events.push(Said { kind: None, data: last });
        }
        events
    }

    fn failed(&mut self, failure: &ApiFailure) -> Vec<Said> {
        vec![Said { kind: None, data: failure.body() }]
    }
}

fn reason(finish: Finish, written: &Written<'_>) -> &'static str {
    match (finish, written) {
        (Finish::Length, _) => "length",
        (Finish::Stop | Finish::Cancelled, Written::Calls(_)) => "tool_calls",
        (Finish::Stop | Finish::Cancelled, Written::Words(_)) => "stop",
    }
}

/// What all versions used together, each with its prompt: it is what the budget is charged.
fn usage<'a>(used: impl Iterator<Item = &'a InferUsage>) -> Json {
    let [prompt, cached, written] = used.fold([0_u64; 3], |[prompt, cached, written], one| {
        [
            prompt + u64::from(one.prompt_tokens),
            cached + u64::from(one.cached_tokens),
            written + u64::from(one.written_tokens),
        ]
    });
    json!({
        "prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written,
        "prompt_tokens_details": { "cached_tokens": cached },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferUsage, ScoredToken, WrittenToken};
    use serde_json::json;

    use super::ChatAnswer;
    use crate::asking::Manner;
    use crate::daemon::Words;
    use crate::heading::Heading;
    use crate::telling::{Said, Shape};
    use crate::tools::tests::written_call;

    fn heading() -> Heading {
        Heading { digits: "1".into(), created: 7, model: "m".into() }
    }

    fn reply(text: &str, finish: Finish) -> InferReply {
        let usage = InferUsage { prompt_tokens: 5, cached_tokens: 3, written_tokens: 2, ..InferUsage::default() };
        InferReply { text: text.into(), finish, usage, model: "m".into(), alternatives: vec![], tokens: vec![] }
    }

    fn answer(has_tools: bool, choices: usize, tells_usage: bool) -> ChatAnswer {
        ChatAnswer::new(heading(), Manner { has_tools, has_chances: false }, choices, tells_usage)
    }

    fn words(text: &str) -> Words {
        Words { text: text.into(), tokens: vec![] }
    }

    fn told(events: &[Said]) -> String {
        let delta = |event: &Said| event.data["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned();
        events.iter().map(delta).collect()
    }

    #[test]
    fn an_answer_is_told_whole_however_it_comes() {
        let mut stream = answer(true, 1, true);
        let mut events = Vec::new();
        ["", "no", "ne\"}\nHel", "lo <tool", "_call> "]
            .iter()
            .for_each(|text| events.extend(stream.wrote(0, &words(text))));
        events.extend(stream.ended(0, &reply("none\"}\nHello <tool_call> you", Finish::Stop)));
        assert_eq!(told(&events), "Hello <tool_call> you");
        assert_eq!(events[0].data["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
        let last = events.last().unwrap();
        assert_eq!(
            last.data["usage"],
            json!({ "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": { "cached_tokens": 3 },
                "completion_tokens_details": { "reasoning_tokens": 0 } })
        );
        assert_eq!(events[events.len() - 2].data["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn calls_are_told_as_calls_and_never_as_words() {
        let text = written_call("weather", &json!({ "city": "Rome" }));
        let mut stream = answer(true, 1, false);
        let mut events: Vec<Said> =
            text.chars().flat_map(|letter| stream.wrote(0, &words(&letter.to_string()))).collect();
        assert!(events.is_empty());
        events.extend(stream.ended(0, &reply(&text, Finish::Stop)));
        assert_eq!(told(&events), "");
        let call = &events[1].data["choices"][0]["delta"]["tool_calls"][0];
        assert_eq!((&call["index"], &call["function"]["name"]), (&json!(0), &json!("weather")));
        assert_eq!(call["function"]["arguments"], json!("{\"city\":\"Rome\"}"));
        assert_eq!(events[2].data["choices"][0]["finish_reason"], "tool_calls");
        let answer = self::answer(true, 1, false).whole(&[reply(&text, Finish::Stop)]);
        assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["id"], json!("call_1_0"));
        let answer = self::answer(false, 1, false).whole(&[reply(&text, Finish::Length)]);
        assert_eq!(
            (&answer["choices"][0]["message"]["content"], &answer["choices"][0]["finish_reason"]),
            (&json!(text), &json!("length"))
        );
    }

    #[test]
    fn several_answers_are_told_each_by_its_index_and_counted_together() {
        let mut stream = answer(false, 2, true);
        let mut events = stream.wrote(1, &words("b"));
        assert_eq!(events.iter().map(|event| &event.data["choices"][0]["index"]).collect::<Vec<_>>(), [0, 1, 1]);
        events.extend(stream.wrote(0, &words("a")));
        events.extend(stream.ended(1, &reply("bb", Finish::Stop)));
        assert!(events.iter().all(|event| event.data["usage"].is_null()), "one is still written");
        events.extend(stream.ended(0, &reply("aa", Finish::Length)));
        let of = |index: usize| {
            let is_of = |event: &&Said| event.data["choices"][0]["index"] == json!(index);
            told(&events.iter().filter(is_of).cloned().collect::<Vec<_>>())
        };
        assert_eq!((of(0), of(1)), ("aa".into(), "bb".into()));
        assert_eq!(events.last().unwrap().data["usage"]["total_tokens"], 14);
        let whole = answer(false, 2, false).whole(&[reply("aa", Finish::Length), reply("bb", Finish::Stop)]);
        assert_eq!((&whole["choices"][1]["index"], &whole["usage"]["prompt_tokens"]), (&json!(1), &json!(10)));
    }

    #[test]
    fn tokens_are_told_with_their_words() {
        let token = |text: &str| {
            let token = ScoredToken { text: text.into(), bytes: vec![], log_millionths: -500_000 };
            WrittenToken { likeliest: vec![], token }
        };
        let all = InferReply { tokens: vec![token("Hel"), token("lo"), token("!")], ..reply("Hello!", Finish::Stop) };
        let with = |has_tools| ChatAnswer::new(heading(), Manner { has_tools, has_chances: true }, 1, false);
        let tokens = |choice: &serde_json::Value| {
            let tokens = choice["logprobs"]["content"].as_array().cloned().unwrap_or_default();
            tokens.iter().map(|token| token["token"].as_str().unwrap().to_owned()).collect::<String>()
        };
        let mut stream = with(false);
        let mut events = stream.wrote(0, &Words { text: "Hel".into(), tokens: vec![token("Hel")] });
        events.extend(stream.ended(0, &all));
        assert_eq!(
            events.iter().map(|event| tokens(&event.data["choices"][0])).collect::<Vec<_>>(),
            ["", "Hel", "lo!", ""]
        );
        let whole = with(false).whole(std::slice::from_ref(&all));
        assert_eq!(tokens(&whole["choices"][0]), "Hello!");
        let call = InferReply { text: written_call("a", &json!({})), ..all.clone() };
        assert!(with(true).whole(&[call])["choices"][0]["logprobs"].is_null(), "a call is told without");
        // Of an answer with functions the words alone have tokens.
        let before = ["none", "\"}", "\n"].map(token);
        let answer = InferReply {
            text: format!("none\"}}\n{}", all.text),
            tokens: before.iter().cloned().chain(all.tokens.clone()).collect(),
            ..all
        };
        let mut stream = with(true);
        let mut events = stream.wrote(0, &Words { text: "none\"}".into(), tokens: before[..2].to_vec() });
        let next = vec![before[2].clone(), token("Hel")];
        events.extend(stream.wrote(0, &Words { text: "\nHel".into(), tokens: next }));
        events.extend(stream.ended(0, &answer));
        assert_eq!(
            events.iter().map(|event| tokens(&event.data["choices"][0])).collect::<Vec<_>>(),
            ["", "Hel", "lo!", ""]
        );
        assert_eq!(tokens(&with(true).whole(std::slice::from_ref(&answer))["choices"][0]), "Hello!");
    }
}
