//! How fast a model is on this machine.

use std::os::unix::net::UnixStream;
use std::time::Instant;

use genoa_abi::model::{ChatMessage, InferReply, InferRequest, Role};
use genoa_abi::{CallId, ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineOptions, LoadedModel, Progress};
use crate::once;

/// The method of the only request to the process that measures.
pub const BENCH: &str = "bench";
/// Tokens of the prompt that is measured, about.
pub const PROMPT_TOKENS: u32 = 512;
/// Tokens that are written.
pub const WRITTEN_TOKENS: u32 = 64;

/// Measured figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The model's name.
    pub model: String,
    /// Threads in use.
    pub threads: u32,
    /// Loading, in milliseconds.
    pub load_ms: u32,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Prompt tokens read in a second.
    pub prefill_tokens_per_second: f64,
    /// Tokens written in a second, one call alone.
    pub decode_tokens_per_second: f64,
    /// Time to the first token of a prompt that is new, in milliseconds.
    pub first_token_ms: u32,
    /// Time to the first token of the same prompt again, in milliseconds.
    pub cached_first_token_ms: u32,
    /// Tokens written in a second by four calls together.
    pub batch_tokens_per_second: f64,
}

/// Loads a model and measures it; takes some ten seconds for a small one.
///
/// # Errors
/// What loading or running it says.
pub fn bench(options: EngineOptions) -> Result<Figures, Failure> {
    let loaded = LoadedModel::open(options)?;
    let mut engine = Engine::new(&loaded)?;
    // The first run pays for memory that is touched for the first time.
    run(&mut engine, &[request("warm up", 8)])?;
    let fresh = run_one(&mut engine, &request(&filler(0), WRITTEN_TOKENS))?;
    let again = run_one(&mut engine, &request(&filler(0), WRITTEN_TOKENS))?;
    let started = Instant::now();
    let batch: Vec<InferRequest> = (1..=4).map(|_| request(&filler(0), WRITTEN_TOKENS)).collect();
    let written: u32 = run(&mut engine, &batch)?.iter().map(|reply| reply.usage.written_tokens).sum();
    let seconds = started.elapsed().as_secs_f64();
    let read = fresh.usage.prompt_tokens - fresh.usage.cached_tokens;
    Ok(Figures {
        model: loaded.name().to_owned(),
        threads: loaded.threads(),
        load_ms: loaded.load_ms(),
        prompt_tokens: fresh.usage.prompt_tokens,
        prefill_tokens_per_second: per_second(read, fresh.usage.prefill_ms),
        decode_tokens_per_second: per_second(fresh.usage.written_tokens.saturating_sub(1), fresh.usage.decode_ms),
        first_token_ms: fresh.usage.prefill_ms,
        cached_first_token_ms: again.usage.prefill_ms,
        batch_tokens_per_second: f64::from(written) / seconds,
    })
}

/// The jailed process: measures the model that it is asked about.
///
/// # Errors
/// [`ErrorCode::Interrupted`] if the connection breaks: everything else is an answer.
pub fn bench_main(socket: &UnixStream) -> Result<(), Failure> {
    once::answer(socket, bench)
}

fn per_second(tokens: u32, ms: u32) -> f64 {
    f64::from(tokens) * 1000.0 / f64::from(ms.max(1))
}

/// Text of about [`PROMPT_TOKENS`] tokens that begins differently for each number.
fn filler(number: u32) -> String {
    let mut text = format!("Story {number}. ");
    for line in 0..PROMPT_TOKENS / 13 {
        text.push_str(&format!("On day {line} the ship sailed on and the crew sang. "));
    }
    text + "Tell a long story about what happened then."
}

fn request(text: &str, max_tokens: u32) -> InferRequest {
    InferRequest { messages: vec![ChatMessage::new(Role::User, text)], max_tokens, ..InferRequest::default() }
}

fn run_one(engine: &mut Engine<'_>, request: &InferRequest) -> Result<InferReply, Failure> {
    let replies = run(engine, std::slice::from_ref(request))?;
    replies.into_iter().next().ok_or_else(|| Failure::new(ErrorCode::Internal, "the model gave no reply"))
}

/// Runs calls to their end; the replies come in the order in which they ended.
fn run(engine: &mut Engine<'_>, requests: &[InferRequest]) -> Result<Vec<InferReply>, Failure> {
    for (number, request) in (0..).zip(requests) {
        engine.submit(CallId(number), request)?;
    }
    let mut replies = Vec::new();
    while !engine.is_idle() {
        for progress in engine.step() {
            if let Progress::Done(_, outcome) = progress {
                replies.push(outcome?);
            }
        }
    }
    Ok(replies)
}
