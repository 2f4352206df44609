//! One intention as the kernel records it: a mail is read, slides are written, committed and sent after an approval.

use genoa_abi::Timestamp;
use genoa_abi::event::{Effect, Event};
use genoa_journal::{Journal, Step};
use serde_json::{Value as Json, json};

use crate::home::NOW;

pub(crate) const PLAN: &str = "event = calendar.find(about=\"Ada\")\nmails = mail.search(about=event.title)\nslides.write(\n    path=\"demo.pptx\", facts=extract(mails, [\"price\"]))\nmail.send(to=event.people, subject=\"Demo\")";

pub(crate) struct Story {
    pub(crate) steps: Vec<(Timestamp, Event, Vec<Effect>)>,
}

impl Story {
    /// `number` keeps the ids of several stories apart.
    pub(crate) fn new(number: u64) -> Self {
        let mut story = Self { steps: Vec::new() };
        story.asks_and_plans(number);
        story.runs(number);
        story.commits_and_sends(number);
        story
    }

    fn step(&mut self, event: Json, effects: impl IntoIterator<Item = Json>) {
        let event = serde_json::from_value(event).expect("an event");
        let effects = effects.into_iter().map(|effect| serde_json::from_value(effect).expect("an effect")).collect();
        let time = NOW.plus_ms(60_000 * self.steps.len() as u64);
        self.steps.push((time, event, effects));
    }

    fn asks_and_plans(&mut self, number: u64) {
        let agent = format!("a{number}.0");
        let person = json!({"person": number});
        let clock = json!({"now": "2026-11-18T14:26:40+01:00", "timezone": "Europe/Rome"});
        let begin = json!({"workspace": "/w", "person": {"name": "Eva", "email": "eva@example.org"}, "clock": clock});
        self.step(asked(&person, 1, "session", begin), [reply(&person, 1, json!({"session": number}))]);
        let words = json!({"text": "Prepare the demo\nfor Ada", "agent": null});
        let taken = json!({"intention": {"intention": number, "agent": agent}});
        self.step(asked(&person, 2, "intend", words), [reply(&person, 2, taken)]);
        let agent = json!({ "agent": agent });
        for request in 1..=2 {
            let call = 100 * number + request;
            let infer = json!({"messages": [{"role": "user", "content": "Prepare the demo"}], "max_tokens": 64});
            let effect = json!({"kind": "infer", "call": call, "watch": null, "request": infer});
            self.step(asked(&agent, request, "infer", infer), [effect]);
            let written = model_reply("event = ");
            let event = json!({"kind": "infer_finished", "call": call, "outcome": {"Ok": written}});
            self.step(event, [reply(&agent, request, json!({ "text": written }))]);
        }
        let plan = json!({"kind": "plan", "run": number, "source": PLAN, "preview": [], "warnings": []});
        let effects = [tell(plan), job(number, 3, 1, "calendar.find", &json!([]))];
        self.step(asked(&agent, 3, "plan", json!({ "source": PLAN })), effects);
    }

    fn runs(&mut self, number: u64) {
        let call = |place: u64| json!({"call": 100 * number + place});
        let search = job(number, 4, 2, "mail.search", &json!([call(3)]));
        self.step(finished(number, 3, &json!([])), [search]);
        let extract = json!({"messages": [{"role": "user", "content": "price?"}], "max_tokens": 64});
        let extract = json!({"kind": "infer", "call": 100 * number + 5, "watch": null, "request": extract});
        self.step(finished(number, 4, &json!([])), [extract]);
        let reply =
            json!({"kind": "infer_finished", "call": 100 * number + 5, "outcome": {"Ok": model_reply("9 euro")}});
        let influences =
            json!(["person", call(3), call(4), call(5), {"mail": "<1@example.org>"}, {"file": "plans/old\n.md"}]);
        self.step(reply, [job(number, 6, 3, "slides.write", &influences)]);
        let hash = "ab".repeat(32);
        self.step(
            finished(number, 6, &json!([{"path": format!("demo{number}.pptx"), "content": hash}])),
            [ask(number)],
        );
    }

    fn commits_and_sends(&mut self, number: u64) {
        let person = json!({"person": number});
        let item = json!({
            "id": number, "run": number, "to": ["ada@example.org"], "subject": "Demo", "body": "Hello",
            "attachments": [format!("demo{number}.pptx")], "held_until": 0, "state": "held"
        });
        let yes = json!({"question": number, "answer": {"yes": {"fingerprint": "cd".repeat(32)}}});
        self.step(asked(&person, 3, "answer", yes), [json!({
            "kind": "hold", "item": item, "person": {"name": "Eva", "email": "eva@example.org"}, "view": number, "workspace": "/w"
        })]);
        let act = json!({"kind": "act_on_view", "call": 100 * number + 7, "view": number, "workspace": "/w", "action": "commit"});
        self.step(asked(&person, 4, "commit", json!({"view": null})), [act]);
        let change = json!({"path": format!("demo{number}.pptx"), "kind": "added", "bytes": 9, "content": null});
        let report = json!({"view": number, "action": "commit", "difference": {"changes": [change]}});
        self.step(json!({"kind": "view_finished", "call": 100 * number + 7, "outcome": {"Ok": report}}), []);
        self.step(json!({"kind": "tick"}), [json!({"kind": "send", "item": number})]);
        self.step(json!({"kind": "outbox_finished", "item": number, "outcome": {"Ok": null}}), []);
    }

    pub(crate) fn append_to(&self, journal: &mut Journal) -> Vec<u64> {
        let steps: Vec<_> = self.steps.iter().map(|(now, event, effects)| Step { now: *now, event, effects }).collect();
        journal.append_steps(&steps).expect("appended")
    }
}

fn asked(caller: &Json, request: u64, method: &str, params: Json) -> Json {
    json!({"kind": "asked", "caller": caller, "request": request, "syscall": {"method": method, "params": params}})
}

fn reply(caller: &Json, request: u64, reply: Json) -> Json {
    json!({"kind": "reply", "caller": caller, "request": request, "outcome": {"Ok": reply}})
}

fn tell(news: Json) -> Json {
    json!({"kind": "tell", "session": 1, "news": news})
}

fn ask(number: u64) -> Json {
    tell(json!({
        "kind": "asked", "id": number, "session": number, "wants": {"approval": {"fingerprint": "cd".repeat(32)}},
        "title": "Send this mail to Ada?", "content": "Hello", "consequence": "It leaves the machine", "expires": 0
    }))
}

fn finished(number: u64, place: u64, wrote: &Json) -> Json {
    let outcome = json!({"done": {"result": [], "wrote": wrote}});
    let usage = json!({"elapsed_ms": 5, "bytes": 2});
    json!({"kind": "tool_finished", "call": 100 * number + place, "outcome": outcome, "usage": usage})
}

fn model_reply(text: &str) -> Json {
    let usage = json!({
        "prompt_tokens": 400, "cached_tokens": 380, "written_tokens": 12, "forced_tokens": 3, "prefill_ms": 9, "decode_ms": 200
    });
    json!({"text": text, "finish": "stop", "usage": usage, "model": "small-coder"})
}

fn job(number: u64, place: u64, line: u32, tool: &str, influences: &Json) -> Json {
    let schema =
        json!({"name": tool, "about": "", "parameters": [], "returns": "any", "effect": "observe", "executor": "jail"});
    json!({
        "kind": "run_tool", "call": 100 * number + place, "session": number, "run": number, "line": line, "schema": schema,
        "arguments": {}, "influences": influences, "rights": [], "view": number, "workspace": "/w",
        "person": {"name": "Eva", "email": "eva@example.org"},
        "clock": {"now": "2026-11-18T14:26:40+01:00", "timezone": "Europe/Rome"}, "time_limit_ms": 1000
    })
}
