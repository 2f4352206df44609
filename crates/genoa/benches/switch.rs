//! What it takes to let somebody else think first, and what is lost by it: a call of about 2,000 tokens that writes is made to
//! leave its sequence and comes back, from memory or from disk, or its process is killed. A hundred times, in the deterministic
//! mode: the state afterwards must have the same SHA-256, and the text must be the same, as of the call that was never disturbed.
//!
//! `GENOA_BENCH_MODEL` names the model, `GENOA_BENCH_SAMPLES` how many trials there are (100), a third of each kind.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use genoa_abi::CallId;
use genoa_abi::model::{CallState, ChatMessage, InferRequest, Role};
use genoa_model::engine::{Engine, EngineOptions, LoadedModel, Progress};
use genoa_model::limits::HELD_STATES_BYTES;
use genoa_model::{catalogue, store};
use serde_json::{Value as Json, json};
use support::{row, wanted};

const TRIALS: u64 = 100;
/// Written tokens before the call is disturbed, before its state is looked at, and in all.
const DISTURBED_AT: u32 = 8;
const LOOKED_AT: u32 = 16;
const WRITTEN: u32 = 24;
/// Tells this program that it is the one that is killed: the trial's number, and the folder of the states.
const CHILD: &str = "GENOA_BENCH_CHILD";
const STATES: &str = "GENOA_BENCH_STATES";
const CALL: CallId = CallId(1);

fn main() {
    let name = wanted("GENOA_BENCH_MODEL", catalogue::DEFAULT_MODEL.to_owned());
    if let (Ok(trial), Some(states)) = (std::env::var(CHILD), std::env::var_os(STATES)) {
        return work_until_killed(&open(&name, Path::new(&states), 0), trial.parse().unwrap());
    }
    let trials = wanted("GENOA_BENCH_SAMPLES", TRIALS);
    let folder = tempfile::tempdir().unwrap();
    let [holding, not_holding] = [HELD_STATES_BYTES, 0].map(|held_bytes| open(&name, folder.path(), held_bytes));
    let (mut memory, mut disk) = (Engine::new(&holding).unwrap(), Engine::new(&not_holding).unwrap());
    let (mut by_memory, mut by_disk, mut same_state, mut same_text) = (Vec::new(), Vec::new(), 0.0, 0.0);
    let (mut trial, mut seed) = (0, 0);
    while trial < trials {
        seed += 1;
        memory.submit(CALL, &request(seed)).unwrap();
        let expected = rest(&mut memory, folder.path());
        // Chance ended the text before it could be disturbed.
        let Some(expected_state) = expected.0 else { continue };
        trial += 1;
        let engine = if trial % 3 == 1 { &mut disk } else { &mut memory };
        match trial % 3 {
            0 => {
                killed(seed, folder.path());
                engine.submit(CALL, &request(seed)).unwrap();
            }
            1 => by_disk.push(switched(engine, seed, CallState::Spilled)),
            _ => by_memory.push(switched(engine, seed, CallState::Parked)),
        }
        let found = rest(engine, folder.path());
        same_state += f64::from(u8::from(found.0.as_ref() == Some(&expected_state)));
        same_text += f64::from(u8::from(found.1 == expected.1));
    }
    let count = trials as f64;
    let last = [
        row(&format!("{name}: trials, a third of them killed"), "trials", 0.5, &[count], None),
        row(&format!("{name}: the same state afterwards"), "%", 0.5, &[100.0 * same_state / count], None),
        row(&format!("{name}: the same text in the end"), "%", 0.5, &[100.0 * same_text / count], None),
    ];
    let rows = [
        times(&format!("{name}: a switch"), &by_memory),
        times(&format!("{name}: a switch by way of the disk"), &by_disk),
        last.to_vec(),
    ];
    println!("{}", json!({ "suite": "switch", "rows": rows.concat() }));
}

/// Out, back and both, of what took how long to leave and to come back.
fn times(figure: &str, switches: &[(f64, f64)]) -> Vec<Json> {
    let (out, back): (Vec<f64>, Vec<f64>) = switches.iter().copied().unzip();
    let both: Vec<f64> = switches.iter().map(|(out, back)| out + back).collect();
    let kinds = [("out", out), ("back", back), ("out and back", both)];
    kinds.map(|(kind, samples)| row(&format!("{figure}, {kind}"), "ms", 0.5, &samples, None)).to_vec()
}

fn open(name: &str, states: &Path, held_bytes: usize) -> LoadedModel {
    let model = store::find(&store::default_folder(), name).unwrap();
    let options = EngineOptions {
        deterministic: true,
        sha256: Some(model.sha256),
        prefix_dir: Some(states.join("states")),
        held_bytes,
        ..EngineOptions::new(&model.path, name)
    };
    LoadedModel::open(options).unwrap()
}

/// About 1,850 tokens that all trials share, 150 of its own, and a text that chance writes.
fn request(trial: u64) -> InferRequest {
    let shared = "You plan with care. Each step is small, can be seen by the person, and can be undone. ".repeat(92);
    let own = format!("Case {trial}. {}Tell its story.", "The meeting was moved to the next day. ".repeat(15));
    InferRequest {
        messages: vec![ChatMessage::new(Role::System, shared), ChatMessage::new(Role::User, own)],
        max_tokens: WRITTEN,
        temperature: 1.0,
        seed: trial,
        ..InferRequest::default()
    }
}

/// The hash of the state when it is looked at, and the text in the end. No state, where the text ended before that.
fn rest(engine: &mut Engine<'_>, folder: &Path) -> (Option<String>, String) {
    if let Some(text) = write_up_to(engine, LOOKED_AT) {
        return (None, text);
    }
    let state = engine.fingerprint(CALL, &folder.join("scratch"));
    (state, write_up_to(engine, u32::MAX).unwrap())
}

/// Works on until the call has written so much; gives its text, if it ended before.
fn write_up_to(engine: &mut Engine<'_>, tokens: u32) -> Option<String> {
    while engine.work().calls.iter().any(|work| work.call == CALL && work.usage.written_tokens < tokens) {
        for progress in engine.step() {
            if let Progress::Done(CALL, outcome) = progress {
                return Some(outcome.unwrap().text);
            }
        }
    }
    None
}

/// Another call takes the place and gives it back; how long the one took to leave and to come back, in milliseconds. `away` is where
/// it was meanwhile.
fn switched(engine: &mut Engine<'_>, trial: u64, away: CallState) -> (f64, f64) {
    let other = CallId(2);
    engine.submit(CALL, &request(trial)).unwrap();
    write_up_to(engine, DISTURBED_AT);
    engine.pause(CALL);
    let short = vec![ChatMessage::new(Role::User, "Say hello.")];
    engine.submit(other, &InferRequest { messages: short, max_tokens: 2, ..InferRequest::default() }).unwrap();
    let out = timed(|| engine.make_ready());
    assert_eq!(engine.work().calls[0].state, away);
    engine.step();
    engine.cancel(other);
    engine.resume(CALL);
    (out, timed(|| engine.make_ready()))
}

fn timed(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1000.0
}

/// Has a process work on the call, and kills it while it writes.
fn killed(trial: u64, folder: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, trial.to_string())
        .env(STATES, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line.trim(), "writes");
}

fn work_until_killed(loaded: &LoadedModel, trial: u64) {
    let mut engine = Engine::new(loaded).unwrap();
    engine.submit(CALL, &request(trial)).unwrap();
    write_up_to(&mut engine, DISTURBED_AT);
    println!("writes");
    loop {
        std::thread::park();
    }
}
