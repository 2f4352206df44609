//! How many plans that a model writes at temperature 1 parse and check: real intentions, assignments, planner, grammar and
//! model; no plan is run.
//!
//! `GENOA_BENCH_MODEL` names the models (comma between), `GENOA_BENCH_PLANS` the plans of each, `GENOA_BENCH_MINUTES` after
//! how many minutes no more are begun, `GENOA_BENCH_THREADS` how many threads work. Every plan is written to
//! `benches/results/plans-MODEL.jsonl`, one a line after what it was written with; what is there of the same tools, examples and
//! model is not written again, so that a long run can be had in parts.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use genoa_abi::agent::{Assignment, PlanOutcome, PlanReport};
use genoa_abi::event::{Effect, Event};
use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::installation::Installation;
use genoa_abi::model::{Finish, InferReply, InferRequest};
use genoa_abi::schema::Catalog;
use genoa_abi::session::SessionRequest;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{CallId, ContentHash, Failure, RequestId, SessionId, Timestamp};
use genoa_agents::PlannerOptions;
use genoa_client::Client;
use genoa_kernel::Kernel;
use genoa_model::engine::{Engine, EngineOptions, LoadedModel, Progress};
use genoa_model::store;
use serde::Deserialize;
use serde_json::{Value as Json, json};

const MODELS: &str = "qwen2.5-coder-0.5b,qwen2.5-coder-1.5b";
const PLANS: usize = 2_000;
/// Where the intentions are from.
const CASES: [&str; 5] = ["sample", "orchard", "choir", "studio", "clinic"];
/// Plans that are written at the same time, in one batch.
const AT_ONCE: u32 = 16;
/// Room for so many: cells that calls share are counted for each of them.
const CONTEXT_TOKENS: u32 = 16_384;
/// Plans of one intention that follow each other: they share its prompt.
const TOGETHER: usize = 16;
/// Shares no factor with the number of intentions, so that every part of them is reached early.
const STRIDE: usize = 97;
const TEMPERATURE: f32 = 1.0;

/// What the bench needs of a case.
#[derive(Clone, Debug, Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    agent: Option<String>,
    intention: String,
    today: String,
}

/// A request to the model, and where its answer goes.
type Asked = (InferRequest, SyncSender<Result<InferReply, Failure>>);

/// A plan, judged.
struct Written {
    seed: u64,
    id: String,
    plan: String,
    /// Whether the model came to an end before its tokens did.
    is_finished: bool,
    findings: Vec<String>,
    seconds: f64,
    /// What it took: calls of the model, prompt tokens that were new to it, and tokens that it wrote.
    took: [u32; 3],
}

fn main() {
    let set = |name: &str| std::env::var(name).ok();
    let number = |name: &str| set(name).and_then(|text| text.parse::<usize>().ok());
    let models = set("GENOA_BENCH_MODEL").unwrap_or_else(|| MODELS.to_owned());
    let plans = number("GENOA_BENCH_PLANS").unwrap_or(PLANS);
    let minutes = number("GENOA_BENCH_MINUTES").unwrap_or(usize::MAX / 60);
    let installation = installation();
    let cases = cases();
    let mut rows = Vec::new();
    for model in models.split(',') {
        let until = Instant::now().checked_add(Duration::from_secs(60 * minutes as u64));
        rows.extend(measure(model, &Job { installation: &installation, cases: &cases, plans, until }));
    }
    println!("{}", json!({"suite": "plans", "rows": rows}));
}

/// The plans that are to be written.
struct Job<'a> {
    installation: &'a Installation,
    cases: &'a [Case],
    plans: usize,
    until: Option<Instant>,
}

fn measure(model: &str, job: &Job<'_>) -> Vec<Json> {
    let found = store::find(&store::default_folder(), model).unwrap();
    let threads = std::env::var("GENOA_BENCH_THREADS").ok().and_then(|text| text.parse().ok());
    let loaded = LoadedModel::open(EngineOptions {
        threads,
        parallel: AT_ONCE,
        context_tokens: CONTEXT_TOKENS,
        ..EngineOptions::new(&found.path, model)
    })
    .unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    let (raw, before) = raw_file(model, &found.sha256, job.installation);
    let seeds: BTreeSet<u64> = before.iter().map(|written| written.seed).collect();
    let (raw, next, all) = (Mutex::new(raw), AtomicUsize::new(0), Mutex::new(before));
    let (ask, asked) = channel::<Asked>();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            let (ask, next, all, raw, seeds) = (ask.clone(), &next, &all, &raw, &seeds);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= job.plans || job.until.is_some_and(|until| Instant::now() >= until) {
                        return;
                    }
                    if seeds.contains(&(number as u64)) {
                        continue;
                    }
                    let written = write_plan(number, job, &ask);
                    writeln!(raw.lock().unwrap(), "{}", line(&written)).unwrap();
                    all.lock().unwrap().push(written);
                }
            });
        }
        drop(ask);
        think(&mut engine, &asked);
    });
    rows(model, &all.into_inner().unwrap())
}

/// The file of a model's plans, and those that were written already with the same.
fn raw_file(model: &str, sha256: &str, installation: &Installation) -> (std::fs::File, Vec<Written>) {
    let path = results_folder().join(format!("plans-{model}.jsonl"));
    let head = json!({ "with": ContentHash::of_json(&json!([installation, sha256, TEMPERATURE, TOGETHER, CASES])) });
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap_or_default());
    if lines.next().as_ref() == Some(&head) {
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        return (file, lines.filter_map(|line| written(&line)).collect());
    }
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{head}").unwrap();
    (file, Vec::new())
}

/// What [`line`] made of a plan.
fn written(line: &Json) -> Option<Written> {
    Some(Written {
        seed: line["seed"].as_u64()?,
        id: line["id"].as_str()?.to_owned(),
        plan: line["plan"].as_str()?.to_owned(),
        is_finished: line["finished"].as_bool()?,
        findings: serde_json::from_value(line["findings"].clone()).ok()?,
        seconds: line["seconds"].as_f64()?,
        took: serde_json::from_value(line["took"].clone()).ok()?,
    })
}

fn line(written: &Written) -> Json {
    json!({
        "seed": written.seed, "id": written.id, "finished": written.is_finished, "ok": written.findings.is_empty(),
        "findings": written.findings, "seconds": (written.seconds * 10.0).round() / 10.0, "took": written.took, "plan": written.plan,
    })
}

fn rows(model: &str, all: &[Written]) -> Vec<Json> {
    let finished: Vec<&Written> = all.iter().filter(|written| written.is_finished).collect();
    let good = finished.iter().filter(|written| written.findings.is_empty()).count();
    let row = |figure: &str, unit: &str, value: f64| {
        json!({
            "figure": format!("{model}: {figure}"), "unit": unit, "value": value,
            "peer": null, "peer_value": null, "ratio": null, "samples": [value]
        })
    };
    vec![
        row("plans that parse and check", "%", 100.0 * good as f64 / finished.len().max(1) as f64),
        row("plans that came to an end", "plans", finished.len() as f64),
        row("plans that were cut off by their tokens", "plans", (all.len() - finished.len()) as f64),
    ]
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn results_folder() -> PathBuf {
    repository().join("benches/results")
}

/// All intentions, in an order that goes through all parts of them again and again.
fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for name in CASES {
        let text = std::fs::read_to_string(repository().join(format!("evaluation/{name}.jsonl"))).unwrap();
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        all.extend(lines.map(|line| serde_json::from_str::<Case>(line).unwrap()));
    }
    (0..all.len()).map(|place| all[place * STRIDE % all.len()].clone()).collect()
}

/// The built-in tools, agents and examples.
fn installation() -> Installation {
    let agents = genoa_agents::builtin_agents();
    let examples =
        agents.iter().map(|agent| (agent.name.clone(), genoa_agents::builtin_examples(&agent.name))).collect();
    let tools = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    let mut records = genoa_tools::records();
    records.extend(Kernel::system_records());
    let catalog = Catalog::new(tools.chain(Kernel::system_tools()), records);
    Installation { catalog, agents, examples, ..Installation::default() }
}

/// What the kernel gives the agent that works on a case.
fn assignment(case: &Case, installation: &Installation) -> Assignment {
    let mut kernel = Kernel::new();
    let mut feed = |event: Event| kernel.step(event, Timestamp(1_000_000));
    feed(Event::Booted(installation.clone()));
    let session = SessionId(1);
    feed(Event::Connected { session });
    let mut requests = 0;
    let mut ask = |caller: Caller, syscall: Syscall| {
        requests += 1;
        let asked = RequestId(requests);
        let effects = feed(Event::Asked { caller, request: asked, syscall });
        let reply = effects.into_iter().find_map(|effect| match effect {
            Effect::Reply { request, outcome, .. } if request == asked => Some(outcome.unwrap()),
            _ => None,
        });
        reply.unwrap()
    };
    let clock = Clock { now: format!("{}T09:00:00+01:00", case.today), timezone: "Europe/Oslo".to_owned() };
    let request = SessionRequest { workspace: "/home/ada/work".to_owned(), person: Person::default(), clock };
    ask(Caller::Person(session), Syscall::Session(request));
    let intend = Syscall::Intend { text: case.intention.clone(), agent: case.agent.clone() };
    let Reply::Intention { agent, .. } = ask(Caller::Person(session), intend) else { panic!("no agent") };
    let Reply::Message(message) = ask(Caller::Agent(agent), Syscall::Receive {}) else { panic!("no assignment") };
    serde_json::from_value(message).unwrap()
}

/// Lets the real agent write one plan; whoever it asks is this program.
fn write_plan(number: usize, job: &Job<'_>, ask: &Sender<Asked>) -> Written {
    let case = &job.cases[number / TOGETHER % job.cases.len()];
    let assignment = assignment(case, job.installation);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let begun = Instant::now();
    let mut written = Written {
        seed: number as u64,
        id: case.id.clone(),
        plan: String::new(),
        is_finished: true,
        findings: vec!["no plan was submitted".to_owned()],
        seconds: 0.0,
        took: [0; 3],
    };
    std::thread::scope(|scope| {
        scope.spawn(move || genoa_agents::run(&mut Client::over(theirs), PlannerOptions::from_argument(None)));
        answer_all(ours, &assignment, ask, &mut written);
    });
    written.seconds = begun.elapsed().as_secs_f64();
    written
}

/// Answers the agent's syscalls as the daemon does, but that the model is warm and no plan is run.
fn answer_all(mut stream: UnixStream, assignment: &Assignment, ask: &Sender<Asked>, written: &mut Written) {
    let (mut lines, mut chunk, mut calls) = (LineBuffer::default(), vec![0; 64 * 1024], 0);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        lines.push(&chunk[..count]).unwrap();
        while let Some(line) = lines.next_line() {
            let Ok(Message::Request { id, method, params, .. }) = Message::from_line(&line) else { continue };
            let reply = match Syscall::from_request(&method, params).unwrap() {
                Syscall::Receive {} => Ok(Reply::Message(serde_json::to_value(assignment).unwrap())),
                Syscall::Infer(request) => {
                    calls += 1;
                    infer(request, written.seed * 1_000 + calls, ask, written)
                }
                Syscall::Plan { source } => {
                    let checked = genoa_plan::check(&source, &assignment.catalog, &assignment.text);
                    let findings = checked.err().unwrap_or_default();
                    written.findings = findings.iter().map(ToString::to_string).collect();
                    written.plan = source;
                    Ok(Reply::Plan(PlanReport { run: None, outcome: PlanOutcome::Done, shapes: Vec::new() }))
                }
                other => panic!("an agent that plans asks for {other:?}"),
            };
            let answer = reply.map(|reply| serde_json::to_value(reply).unwrap());
            stream.write_all(&Message::answer(id, answer).to_line()).unwrap();
        }
    }
}

fn infer(request: InferRequest, seed: u64, ask: &Sender<Asked>, written: &mut Written) -> Result<Reply, Failure> {
    let (answer, answered) = sync_channel(1);
    ask.send((InferRequest { temperature: TEMPERATURE, seed, ..request }, answer)).unwrap();
    let reply = answered.recv().unwrap()?;
    // A statement that is cut is asked for again: what counts is how the last one ended.
    written.is_finished = reply.finish != Finish::Length;
    let usage = &reply.usage;
    let more = [1, usage.prompt_tokens - usage.cached_tokens, usage.written_tokens];
    written.took.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
    Ok(Reply::Text(reply))
}

/// Answers until nobody asks any more.
fn think(engine: &mut Engine<'_>, asked: &Receiver<Asked>) {
    let (mut waiting, mut last) = (std::collections::BTreeMap::new(), 0);
    let mut take =
        |(request, answer): Asked, engine: &mut Engine<'_>, waiting: &mut std::collections::BTreeMap<CallId, _>| {
            last += 1;
            match engine.submit(CallId(last), &request) {
                Ok(()) => drop(waiting.insert(CallId(last), answer)),
                Err(failure) => answer.send(Err(failure)).unwrap(),
            }
        };
    loop {
        if engine.is_idle() {
            let Ok(next) = asked.recv() else { return };
            take(next, engine, &mut waiting);
        }
        while let Ok(next) = asked.try_recv() {
            take(next, engine, &mut waiting);
        }
        for progress in engine.step() {
            if let Progress::Done(call, outcome) = progress
                && let Some(answer) = waiting.remove(&call)
            {
                answer.send(outcome).unwrap();
            }
        }
    }
}
