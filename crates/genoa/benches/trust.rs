//! What labels and rules cost: the operations of a plan with and without labels, its state saved and resumed, and a call
//! put to the rules.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

mod support;

use std::collections::BTreeSet;
use std::time::Instant;

use genoa_abi::policy::{CallFacts, PolicyTexts};
use genoa_abi::schema::{Catalog, EffectClass};
use genoa_abi::tool::Clock;
use genoa_abi::{CallId, Datum, Labels, Readers, Source, Timestamp, Value};
use genoa_plan::{Run, Yield, check};
use genoa_policy::Engine;
use serde_json::{Map, json};
use support::row;

const RUNS: usize = 30;
/// Records that the plan goes through.
const RECORDS: usize = 500;
/// Bytes of text in each, so that the saved state is about 1 MB.
const TEXT_BYTES: usize = 1_900;
const PLAN: &str = "found = notes.find(about=\"a\")\n\
                    titles = [f\"{note.title}: {len(note.text)}\" for note in found if \"a\" in note.title]\n\
                    long = [title for title in titles if len(title) > 3 and \"note\" in title]\n\
                    for note in found:\n    if note.date == \"2026-11-21\":\n        say(note.title)\n\
                    say(len(long))\n";

fn main() {
    let catalog = catalog();
    let (mut plain, mut labelled, mut overhead) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (without, with) = (per_second(&catalog, &Labels::none()), per_second(&catalog, &labels()));
        plain.push(without);
        labelled.push(with);
        overhead.push((1.0 / with - 1.0 / without) * 1e6);
    }
    let (mut saved, mut resumed, mut megabytes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (save, resume, size) = save_and_resume(&catalog);
        saved.push(save);
        resumed.push(resume);
        megabytes.push(size);
    }
    let (decided, made) = rules(&catalog);
    let rows = [
        row("plan operations, labelled values", "1/s", 0.5, &labelled, None),
        row("plan operations, values without labels", "1/s", 0.5, &plain, None),
        row("labels, more for an operation", "µs", 0.5, &overhead, None),
        row("state of a run, saved", "ms", 0.5, &saved, None),
        row("state of a run, read back", "ms", 0.5, &resumed, None),
        row("state of a run", "MB", 0.5, &megabytes, None),
        row("a call put to the rules", "µs", 0.5, &decided, None),
        row("the rules made ready, once", "ms", 0.5, &made, None),
    ];
    println!("{}", json!({"suite": "trust", "rows": rows}));
}

/// The built-in tools, with those of the kernel.
fn catalog() -> Catalog {
    let tools = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    let mut records = genoa_tools::records();
    records.extend(genoa_kernel::Kernel::system_records());
    Catalog::new(tools.chain(genoa_kernel::Kernel::system_tools()), records)
}

fn clock() -> Clock {
    Clock { now: "2026-11-26T09:00:00+01:00".into(), timezone: "Europe/Rome".into() }
}

fn labels() -> Labels {
    let sources = [Source::Call(CallId(1)), Source::Tool("notes.find".into()), Source::File("Notes/a.md".into())];
    sources.into_iter().collect::<Labels>().for_readers(Readers::only(["ada@x.example"]))
}

/// The answer to `notes.find`, everything in it labelled so.
fn notes(labels: &Labels) -> Value {
    let text = |text: String| Value::labelled(Datum::Text(text), labels.clone());
    let note = |number: usize| {
        let fields = [
            ("title", format!("a note {number}")),
            ("text", "x".repeat(TEXT_BYTES)),
            ("date", "2026-11-20".into()),
            ("path", format!("Notes/{number}.md")),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), text(value))).into();
        Value::labelled(Datum::Record { kind: "Note".into(), fields }, labels.clone())
    };
    Value::labelled(Datum::List((0..RECORDS).map(note).collect()), labels.clone())
}

/// A run that waits for the answer to its search.
fn begun(catalog: &Catalog) -> Run {
    let mut run = Run::new(check(PLAN, catalog, "").unwrap().plan);
    assert!(matches!(run.advance(None, catalog, &clock()), Yield::Call(_)));
    run
}

/// Operations a second from the answer to what is said.
fn per_second(catalog: &Catalog, labels: &Labels) -> f64 {
    let (mut run, answer) = (begun(catalog), notes(labels));
    let before = run.steps();
    let start = Instant::now();
    let next = run.advance(Some(Ok(answer)), catalog, &clock());
    let seconds = start.elapsed().as_secs_f64();
    assert!(matches!(next, Yield::Call(_)), "{next:?}");
    (run.steps() - before) as f64 / seconds
}

/// Milliseconds to write a run and to read it back, and its size in MB.
fn save_and_resume(catalog: &Catalog) -> (f64, f64, f64) {
    let mut run = begun(catalog);
    run.advance(Some(Ok(notes(&labels()))), catalog, &clock());
    let start = Instant::now();
    let bytes = serde_json::to_vec(&run).unwrap();
    let saved = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let read: Run = serde_json::from_slice(&bytes).unwrap();
    let resumed = start.elapsed().as_secs_f64() * 1e3;
    assert!(read == run);
    (saved, resumed, bytes.len() as f64 / 1e6)
}

/// Microseconds of a decision, and milliseconds to make the rules ready.
fn rules(catalog: &Catalog) -> (Vec<f64>, Vec<f64>) {
    let arguments = json!({ "to": [{ "email": "ada@x.example" }], "subject": "s", "body": "b" });
    let facts = CallFacts {
        agent: Some("communication".into()),
        tool: "mail.send".into(),
        effect: EffectClass::Emit,
        workspace: "/home/ada".into(),
        arguments: arguments.as_object().cloned().unwrap_or_else(Map::new),
        recipients: BTreeSet::from(["ada@x.example".into()]),
        unmet: BTreeSet::new(),
        new_to: BTreeSet::new(),
        from: BTreeSet::from(["file".into(), "file Notes/a.md".into()]),
        now: Timestamp(1_795_700_000_000),
    };
    let (mut decided, mut made) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let start = Instant::now();
        let engine = Engine::new(&PolicyTexts::default(), catalog).unwrap();
        made.push(start.elapsed().as_secs_f64() * 1e3);
        for _ in 0..20 {
            let start = Instant::now();
            engine.decide(&facts).unwrap();
            decided.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    (decided, made)
}
