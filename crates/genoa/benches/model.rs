//! How fast the local engine is, beside llama.cpp's own benchmark with the same model, threads and lengths, in turns:
//! `cargo bench -p genoa --bench model`, with the model of `GENOA_BENCH_MODEL`, `GENOA_BENCH_SAMPLES` times (5).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod support;

use std::time::Duration;

use genoa_abi::CallId;
use genoa_abi::model::{ChatMessage, Grammar, InferReply, InferRequest, Role};
use genoa_model::bench::{Figures, PROMPT_TOKENS, WRITTEN_TOKENS, bench};
use genoa_model::engine::{Engine, EngineOptions, LoadedModel, Progress, default_threads};
use genoa_model::{catalogue, store};
use serde_json::{Value as Json, json};
use support::peer::tokens_per_second;
use support::{Process, ending_with_me, row, wanted};

const SAMPLES: usize = 5;
const PEER: &str = "llama-bench";

fn main() {
    let name = wanted("GENOA_BENCH_MODEL", catalogue::DEFAULT_MODEL.to_owned());
    let samples = wanted("GENOA_BENCH_SAMPLES", SAMPLES);
    let model = store::find(&store::default_folder(), &name).unwrap().path;
    let options = EngineOptions::new(&model, &name);
    let (mut ours, mut read, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..samples.max(1) {
        ours.push(bench(options.clone()).unwrap());
        let threads = default_threads();
        read.push(tokens_per_second(&model, threads, &["-p", &PROMPT_TOKENS.to_string(), "-n", "0"]));
        // What is written follows a prompt.
        let depth = PROMPT_TOKENS.to_string();
        written.push(tokens_per_second(&model, threads, &["-p", "0", "-n", &WRITTEN_TOKENS.to_string(), "-d", &depth]));
    }
    let of = |figure: &str, unit: &str, pick: &dyn Fn(&Figures) -> f64, peer: Option<&[f64]>| {
        let values: Vec<f64> = ours.iter().map(pick).collect();
        row(&format!("{name}: {figure}"), unit, 0.5, &values, peer.map(|samples| (PEER, samples)))
    };
    let mut rows = vec![
        of("prefill of 512 tokens", "tokens/s", &|figures| figures.prefill_tokens_per_second, Some(&read)),
        of("decode, one call", "tokens/s", &|figures| figures.decode_tokens_per_second, Some(&written)),
        of("decode, four calls together", "tokens/s", &|figures| figures.batch_tokens_per_second, None),
        of("time to first token, new prompt of 512 tokens", "ms", &|figures| f64::from(figures.first_token_ms), None),
        of("time to first token, cached prompt", "ms", &|figures| f64::from(figures.cached_first_token_ms), None),
        of("loading", "ms", &|figures| f64::from(figures.load_ms), None),
    ];
    let loaded = LoadedModel::open(options.clone()).unwrap();
    rows.extend(plan(&name, &mut Engine::new(&loaded).unwrap()));
    drop(loaded);
    rows.push(beside_others(&name, &options));
    println!("{}", json!({ "suite": "model", "rows": rows }));
}

/// What a planner asks: about 1,500 tokens of tools and examples, then statement after statement under a grammar.
fn plan(name: &str, engine: &mut Engine<'_>) -> Vec<Json> {
    const STATEMENTS: usize = 4;
    let mut begun = String::new();
    let mut replies = Vec::new();
    for _ in 0..STATEMENTS {
        let request = InferRequest {
            answer_begins: begun.clone(),
            grammar: Some(Grammar::Lark(STATEMENT.to_owned())),
            ..request(&tools(60), "Find the notes about the budget and mail them to Ada.", 48)
        };
        let reply = run(engine, &request);
        begun.push_str(&reply.text);
        begun.push('\n');
        replies.push(reply);
    }
    eprintln!("{name} wrote under the grammar:\n{begun}");
    let first = replies[0].usage;
    let later = &replies[1..];
    let mean = |pick: &dyn Fn(&InferReply) -> f64| later.iter().map(pick).sum::<f64>() / (STATEMENTS - 1) as f64;
    let written: u32 = replies.iter().map(|reply| reply.usage.written_tokens).sum();
    let forced: u32 = replies.iter().map(|reply| reply.usage.forced_tokens).sum();
    let decode_ms: u32 = replies.iter().map(|reply| reply.usage.decode_ms).sum();
    vec![
        one(name, "planner, prompt", "tokens", f64::from(first.prompt_tokens)),
        one(name, "planner, first token of the first statement", "ms", f64::from(first.prefill_ms)),
        one(name, "planner, first token of a later statement", "ms", mean(&|reply| f64::from(reply.usage.prefill_ms))),
        one(
            name,
            "planner, a later statement",
            "ms",
            mean(&|reply| f64::from(reply.usage.prefill_ms + reply.usage.decode_ms)),
        ),
        one(name, "planner, written under the grammar", "tokens/s", f64::from(written) * 1000.0 / f64::from(decode_ms)),
        one(name, "planner, time that the grammar took of decoding", "%", share(engine.grammar_time(), decode_ms)),
        one(name, "planner, share of forced tokens", "%", f64::from(forced) * 100.0 / f64::from(written)),
    ]
}

/// What is written in a second on a machine that has other work for each core: with the number of threads found by measurement, and
/// with all of them.
fn beside_others(name: &str, options: &EngineOptions) -> Json {
    let threads = default_threads();
    let _others: Vec<Process> = (0..threads).map(|_| busy()).collect();
    let speed = |threads: Option<u32>| {
        let loaded = LoadedModel::open(EngineOptions { threads, ..options.clone() }).unwrap();
        let mut engine = Engine::new(&loaded).unwrap();
        // While it writes this it finds out what the machine has for it.
        run(&mut engine, &request("You answer at length.", "Tell a long story.", WRITTEN_TOKENS));
        let usage = run(&mut engine, &request("You answer at length.", "Tell another one.", WRITTEN_TOKENS / 2)).usage;
        f64::from(usage.written_tokens) * 1000.0 / f64::from(usage.decode_ms)
    };
    let (found, all) = (speed(None), speed(Some(threads)));
    let figure = format!("{name}: decode beside a busy program for each core");
    row(&figure, "tokens/s", 0.5, &[found], Some(("all threads", &[all])))
}

/// A program that takes a core wherever one is free, in a session of its own: the scheduler shares out by sessions.
fn busy() -> Process {
    Process(ending_with_me("setsid").args(["sh", "-c", "while :; do :; done"]).spawn().unwrap())
}

/// Per cent of `whole_ms`.
fn share(part: Duration, whole_ms: u32) -> f64 {
    part.as_secs_f64() * 100_000.0 / f64::from(whole_ms)
}

const STATEMENT: &str = r#"start: call | name " = " call
call: "notes.search(query=" text ")" | "mail.send(to=[" text "], subject=" text ", body=" (text | name) ")"
    | "contacts.find(name=" text ")" | "calendar.events(when=" text ")" | "say(text=" text ")"
name: "notes" | "contact" | "events"
text: /"[a-zA-Z0-9 .,@-]{1,40}"/"#;

fn tools(count: usize) -> String {
    let mut text =
        "You write plans: one call of a function on each line, and nothing else. The functions are:\n".to_owned();
    for number in 0..count {
        text.push_str(&format!(
            "area{number}.find(query: str, since: str?) -> list[Record]  finds what was asked for\n"
        ));
    }
    text + "notes.search(query: str) -> list[Note]\nmail.send(to: list[str], subject: str, body: str)\n"
}

fn request(system: &str, question: &str, max_tokens: u32) -> InferRequest {
    InferRequest {
        messages: vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, question)],
        max_tokens,
        ..InferRequest::default()
    }
}

fn run(engine: &mut Engine<'_>, request: &InferRequest) -> InferReply {
    engine.submit(CallId(1), request).unwrap();
    loop {
        for progress in engine.step() {
            if let Progress::Done(_, outcome) = progress {
                return outcome.unwrap();
            }
        }
    }
}

fn one(name: &str, figure: &str, unit: &str, value: f64) -> Json {
    row(&format!("{name}: {figure}"), unit, 0.5, &[value], None)
}
