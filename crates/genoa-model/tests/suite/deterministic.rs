//! The deterministic mode: what is computed of a call is the same to the bit, whatever happened before, beside it and to it.

use std::path::Path;

use crate::common::{options, request, turn};
use genoa_abi::CallId;
use genoa_abi::model::{CallState, ChatMessage, Grammar, InferClass, InferReply, InferRequest, Role};
use genoa_model::engine::{Engine, EngineOptions, Interrupt, LoadedModel, Progress};
use genoa_model::limits::HELD_STATES_BYTES;
use serde_json::json;

/// When the state is looked at, in written tokens, and when the call is disturbed before that.
const LOOKED_AT: u32 = 18;
const DISTURBED_AT: u32 = 12;
const WRITTEN: u32 = 24;

/// With states on disk only.
fn open(states: Option<&Path>) -> LoadedModel {
    open_holding(0, states)
}

fn open_holding(held_bytes: usize, states: Option<&Path>) -> LoadedModel {
    let prefix_dir = states.map(Path::to_owned);
    LoadedModel::open(EngineOptions { deterministic: true, prefix_dir, held_bytes, ..options() }).unwrap()
}

fn system() -> String {
    "You plan with care. Each step is small and can be undone. ".repeat(24)
}

fn story() -> InferRequest {
    let messages =
        vec![ChatMessage::new(Role::System, system()), ChatMessage::new(Role::User, "Tell of a lighthouse keeper.")];
    InferRequest { messages, temperature: 1.0, seed: 3, ..request("", WRITTEN) }
}

/// Some text of a form that is partly forced.
fn form() -> InferRequest {
    let schema = json!({
        "type": "object",
        "properties": {
            "name_of_the_person": { "type": "string", "minLength": 30, "maxLength": 60 },
            "what_that_person_does_all_day": { "type": "string", "minLength": 60, "maxLength": 90 }
        },
        "required": ["name_of_the_person", "what_that_person_does_all_day"], "additionalProperties": false
    });
    InferRequest { grammar: Some(Grammar::JsonSchema(schema)), max_tokens: 50, ..story() }
}

/// Works on until the call has written so much.
fn write_up_to(engine: &mut Engine<'_>, call: CallId, tokens: u32) {
    let written =
        |engine: &Engine<'_>| engine.work().calls.iter().find(|work| work.call == call).unwrap().usage.written_tokens;
    while written(engine) < tokens {
        engine.step();
    }
}

fn end(engine: &mut Engine<'_>, call: CallId) -> InferReply {
    loop {
        for progress in engine.step() {
            if let Progress::Done(ended, outcome) = progress
                && ended == call
            {
                return outcome.unwrap();
            }
        }
    }
}

/// The state when it was looked at, and the text in the end.
fn from_there(engine: &mut Engine<'_>, folder: &Path) -> (String, String) {
    write_up_to(engine, CallId(1), LOOKED_AT);
    let state = engine.fingerprint(CallId(1), &folder.join("scratch")).unwrap();
    (state, end(engine, CallId(1)).text)
}

/// The call with nothing before it and nothing beside it.
fn alone(request: &InferRequest, folder: &Path) -> (String, String) {
    let loaded = open(None);
    let mut engine = Engine::new(&loaded).unwrap();
    engine.submit(CallId(1), request).unwrap();
    from_there(&mut engine, folder)
}

/// Another call comes while it writes, and takes its place; then it goes on. Says where its state was.
fn disturbed(engine: &mut Engine<'_>, request: &InferRequest) -> CallState {
    engine.submit(CallId(1), request).unwrap();
    write_up_to(engine, CallId(1), DISTURBED_AT);
    engine.pause(CallId(1));
    let other = InferRequest { messages: story().messages, ..self::request("", 5) };
    engine.submit(CallId(2), &other).unwrap();
    end(engine, CallId(2));
    let state = engine.work().calls[0].state;
    engine.resume(CallId(1));
    state
}

#[test]
fn a_call_that_had_to_make_room_goes_on_as_if_it_had_not() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let off_disk = InferRequest { off_disk: true, ..story() };
    let (on_disk, nowhere, in_memory) = (CallState::Spilled, CallState::Waiting, CallState::Parked);
    for (request, without_memory) in [(story(), on_disk), (form(), on_disk), (off_disk, nowhere)] {
        let expected = alone(&request, folder.path());
        for (held_bytes, state) in [(0, without_memory), (HELD_STATES_BYTES, in_memory)] {
            let states = folder.path().join("states");
            let loaded = open_holding(held_bytes, Some(&states));
            let mut engine = Engine::new(&loaded).unwrap();
            assert_eq!(disturbed(&mut engine, &request), state);
            assert_eq!(from_there(&mut engine, folder.path()), expected);
            let own = std::fs::read_dir(&states)
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "own"));
            assert_eq!(own.count(), 0, "what was for the call alone is gone with it");
        }
    }
}

#[test]
fn no_step_is_ended_early() {
    let _turn = turn();
    let interrupt = Interrupt::default();
    let fixed = EngineOptions { deterministic: true, ..options() };
    let loaded = LoadedModel::open_with(fixed, interrupt.clone()).unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    engine.submit(CallId(1), &InferRequest { class: InferClass::Background, ..request("Say hello.", 4) }).unwrap();
    interrupt.ask();
    engine.step();
    assert_eq!(engine.work().calls[0].usage.written_tokens, 1);
    end(&mut engine, CallId(1));
}

#[test]
fn a_killed_worker_computes_the_same_again() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    for request in [story(), form()] {
        let expected = alone(&request, folder.path());
        let states = folder.path().join("states");
        {
            let loaded = open(Some(&states));
            let mut engine = Engine::new(&loaded).unwrap();
            engine.submit(CallId(1), &request).unwrap();
            write_up_to(&mut engine, CallId(1), DISTURBED_AT);
        }
        let loaded = open(Some(&states));
        let mut engine = Engine::new(&loaded).unwrap();
        engine.submit(CallId(1), &request).unwrap();
        assert!(engine.work().calls[0].usage.written_tokens >= DISTURBED_AT);
        assert_eq!(from_there(&mut engine, folder.path()), expected);
    }
}

#[test]
fn what_others_left_is_gone_on_from_only_where_it_is_the_same() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let expected = alone(&story(), folder.path());
    let states = folder.path().join("states");
    let loaded = open(Some(&states));
    let mut engine = Engine::new(&loaded).unwrap();
    // One that begins the same, goes on otherwise, and writes.
    let mut other = story();
    other.messages[1].content = "Tell of a lighthouse, and of a ship that comes too near.".into();
    engine.submit(CallId(2), &other).unwrap();
    end(&mut engine, CallId(2));
    engine.submit(CallId(1), &story()).unwrap();
    assert_eq!(from_there(&mut engine, folder.path()), expected);
    // The whole of the same call, and after a restart.
    engine.submit(CallId(1), &story()).unwrap();
    assert_eq!(from_there(&mut engine, folder.path()), expected);
    let loaded = open(Some(&states));
    let mut engine = Engine::new(&loaded).unwrap();
    engine.submit(CallId(1), &story()).unwrap();
    write_up_to(&mut engine, CallId(1), 1);
    assert!(engine.work().calls[0].usage.cached_tokens >= 256, "{:?}", engine.work());
    assert_eq!(from_there(&mut engine, folder.path()), expected);
}

#[test]
fn a_disk_that_takes_no_state_costs_time_and_nothing_else() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let expected = alone(&story(), folder.path());
    let states = folder.path().join("states");
    let loaded = open(Some(&states));
    let mut engine = Engine::new(&loaded).unwrap();
    engine.submit(CallId(1), &story()).unwrap();
    write_up_to(&mut engine, CallId(1), DISTURBED_AT);
    // Nothing can be written there from now on, whoever asks.
    std::fs::remove_dir_all(&states).unwrap();
    engine.pause(CallId(1));
    engine.submit(CallId(2), &InferRequest { messages: story().messages, ..request("", 5) }).unwrap();
    assert!(!end(&mut engine, CallId(2)).text.is_empty());
    assert_eq!(engine.work().calls[0].state, CallState::Waiting, "it has no state anywhere");
    engine.resume(CallId(1));
    assert_eq!(from_there(&mut engine, folder.path()), expected);
}
