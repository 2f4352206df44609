//! The model that the tests run, and short ways to ask it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use genoa_abi::model::{ChatMessage, Grammar, InferReply, InferRequest, Role};
use genoa_abi::{CallId, Failure};
use genoa_model::engine::{Engine, EngineOptions, LoadedModel, Progress};
use genoa_model::store;

/// The small model of the tests.
pub(crate) const TEST_MODEL: &str = "smollm2-135m";

/// Options for the small model; stops the test with what to do where it is not there.
pub(crate) fn options() -> EngineOptions {
    let folder = store::default_folder();
    match store::find(&folder, TEST_MODEL) {
        Ok(model) => EngineOptions {
            sha256: Some(model.sha256),
            context_tokens: 2048,
            // Several threads wait for each other, and other tests run at the same time.
            threads: Some(1),
            ..EngineOptions::new(&model.path, TEST_MODEL)
        },
        Err(failure) => panic!("{failure}. Looked in {}; GENOA_MODELS names another folder", folder.display()),
    }
}

/// The loaded model, shared by the tests of one program.
pub(crate) fn loaded() -> &'static LoadedModel {
    static LOADED: OnceLock<LoadedModel> = OnceLock::new();
    LOADED.get_or_init(|| LoadedModel::open(options()).unwrap())
}

/// Tests that run the model take turns: two at once would only wait for each other's threads.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A question under a short system prompt.
pub(crate) fn request(question: &str, max_tokens: u32) -> InferRequest {
    let system = "You are a careful assistant. You answer briefly and to the point, in plain English.";
    InferRequest {
        messages: vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, question)],
        max_tokens,
        ..InferRequest::default()
    }
}

/// The same under a Lark grammar.
pub(crate) fn under(grammar: &str, question: &str, max_tokens: u32) -> InferRequest {
    InferRequest { grammar: Some(Grammar::Lark(grammar.to_owned())), ..request(question, max_tokens) }
}

/// Runs one call to its end.
pub(crate) fn run(engine: &mut Engine<'_>, request: &InferRequest) -> Result<InferReply, Failure> {
    engine.submit(CallId(1), request)?;
    loop {
        for progress in engine.step() {
            if let Progress::Done(_, outcome) = progress {
                return outcome;
            }
        }
    }
}
