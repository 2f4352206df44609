//! The loop of a worker whose model is elsewhere: several calls at once, each on a thread that mostly waits.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use genoa_abi::limits::{EMBED_TEXTS, INFER_QUEUE};
use genoa_abi::model::{
    EngineWork, Finish, InferReply, InferRequest, InferUsage, TokenNews, WorkerRequest, WorkerStatus,
};
use genoa_abi::{CallId, ErrorCode, Failure, RequestId};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::RemoteOptions;
use super::broker::Answer;
use super::chat::{self, Chunk};
use super::endpoint::{Endpoint, Refused};
use crate::durations::ms;
use crate::limits::{REMOTE_ANSWER_BYTES, REMOTE_CALLS, REMOTE_EMBEDDINGS_BYTES, TOKEN_NEWS_MS};
use crate::text::TextStream;
use crate::worker::{Incoming, NOTHING, Outgoing};

/// A call that is not answered yet. Whoever takes the request's number answers it: the thread that works on it at its
/// end, or a cancellation before.
struct Call {
    call: CallId,
    request: InferRequest,
    open: Mutex<Option<RequestId>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    text: String,
    usage: InferUsage,
}

impl Call {
    fn is_answered(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn take(&self) -> Option<RequestId> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn reply(&self, finish: Finish, model: String) -> InferReply {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        InferReply {
            text: state.text.clone(),
            finish,
            usage: state.usage,
            model,
            alternatives: Vec::new(),
            tokens: Vec::new(),
        }
    }
}

enum Job {
    Infer(Arc<Call>),
    Embed(RequestId, CallId, Vec<String>),
}

/// Serves until nobody asks any more.
pub(crate) fn serve_remote(
    incoming: &Incoming,
    outgoing: &Outgoing,
    broker: Option<UnixStream>,
    options: RemoteOptions,
) -> Result<(), Failure> {
    let endpoint = match Endpoint::new(&options, broker) {
        Ok(endpoint) => endpoint,
        Err(failure) => {
            return incoming.iter().try_for_each(|(id, _)| outgoing.answer(id, Err::<(), _>(failure.clone())));
        }
    };
    let remote = Arc::new(Remote { endpoint, options, outgoing: outgoing.clone() });
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..REMOTE_CALLS {
        let (remote, receiver) = (Arc::clone(&remote), Arc::clone(&receiver));
        std::thread::spawn(move || remote.work(&receiver));
    }
    let mut calls = BTreeMap::new();
    incoming.iter().try_for_each(|(id, request)| remote.take(id, request, &mut calls, &sender))
}

struct Remote {
    endpoint: Endpoint,
    options: RemoteOptions,
    outgoing: Outgoing,
}

impl Remote {
    fn take(
        &self,
        id: RequestId,
        request: WorkerRequest,
        calls: &mut BTreeMap<CallId, Arc<Call>>,
        jobs: &Sender<Job>,
    ) -> Result<(), Failure> {
        calls.retain(|_, call| !call.is_answered());
        match request {
            WorkerRequest::Infer { .. } | WorkerRequest::Embed { .. } if calls.len() >= INFER_QUEUE => {
                let failure = Failure::new(ErrorCode::TooLarge, format!("{INFER_QUEUE} model calls wait already"));
                self.outgoing.answer(id, Err::<(), _>(failure))
            }
            WorkerRequest::Infer { call, request } => {
                let (open, state) = (Mutex::new(Some(id)), Mutex::new(State::default()));
                let waiting = Arc::new(Call { call, request, open, state });
                calls.insert(call, Arc::clone(&waiting));
                // The threads live as long as this sender.
                let _ = jobs.send(Job::Infer(waiting));
                Ok(())
            }
            WorkerRequest::Embed { call, texts } => {
                let _ = jobs.send(Job::Embed(id, call, texts));
                Ok(())
            }
            WorkerRequest::Cancel { call } => {
                if let Some(call) = calls.remove(&call)
                    && let Some(asked) = call.take()
                {
                    self.outgoing.answer(asked, Ok(call.reply(Finish::Cancelled, self.model())))?;
                }
                self.outgoing.answer(id, Ok(NOTHING))
            }
            // What is written elsewhere goes on there; its news come as they come.
            WorkerRequest::Pause { .. } | WorkerRequest::Resume { .. } => self.outgoing.answer(id, Ok(NOTHING)),
            WorkerRequest::Status {} => self.outgoing.answer(id, Ok(self.status())),
        }
    }

    fn status(&self) -> WorkerStatus {
        WorkerStatus {
            model: self.model(),
            context_tokens: self.options.context_tokens,
            load_ms: 0,
            work: EngineWork::default(),
        }
    }

    fn model(&self) -> String {
        format!("{}/{}", self.options.name, self.options.model)
    }

    fn work(&self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let sent = match job {
                Ok(Job::Infer(call)) => {
                    let outcome = self.infer(&call).map(|finish| call.reply(finish, self.model()));
                    call.take().map_or(Ok(()), |id| self.answer(id, call.call, outcome))
                }
                Ok(Job::Embed(id, call, texts)) => self.answer(id, call, self.embed(&texts)),
                Err(_) => return,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// Answers, and tells of a failure that cost nothing.
    fn answer(&self, id: RequestId, call: CallId, outcome: Result<impl Serialize, Refused>) -> Result<(), Failure> {
        if outcome.as_ref().is_err_and(|refused| refused.unspent) {
            self.outgoing.unspent(call)?;
        }
        self.outgoing.answer(id, outcome.map_err(|refused| *refused.failure))
    }

    fn infer(&self, call: &Call) -> Result<Finish, Refused> {
        if call.is_answered() {
            return Ok(Finish::Cancelled);
        }
        let started = Instant::now();
        let body = chat::body(&self.options, &call.request).map_err(Refused::unspent)?;
        let answer = self.endpoint.post("/chat/completions", &body, &|| call.is_answered())?;
        Ok(self.read_answer(call, answer, started)?)
    }

    fn read_answer(&self, call: &Call, mut answer: Answer, started: Instant) -> Result<Finish, Failure> {
        let mut stream = Stream::new(call, started);
        loop {
            let line = answer.line()?;
            let ended = line.is_none();
            let chunk = line.map_or(Ok(Chunk::default()), |line| chat::read_line(&line))?;
            let done = chunk.done || ended;
            stream.take(chunk)?;
            if let Some(news) = stream.news(done) {
                self.outgoing.token(&news)?;
            }
            if call.is_answered() {
                return Ok(Finish::Cancelled);
            }
            match (stream.finish, done) {
                (Some(Finish::Stop), _) if stream.stopped => return Ok(Finish::Stop),
                (Some(finish), true) => return Ok(finish),
                (None, true) => {
                    return Err(Failure::new(
                        ErrorCode::ModelFailed,
                        "the endpoint broke off in the middle of its answer",
                    ));
                }
                _ => {}
            }
        }
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Refused> {
        let Some(model) = &self.options.embedding_model else {
            let what = format!("the endpoint {} has no model for embeddings", self.options.name);
            let failure = Failure::new(ErrorCode::Unsupported, what).try_next("Set `embedding_model` for it");
            return Err(Refused::unspent(failure));
        };
        if texts.len() > EMBED_TEXTS {
            let what = format!("{} texts are over the limit of {EMBED_TEXTS} of one embed call", texts.len());
            return Err(Refused::unspent(Failure::new(ErrorCode::TooLarge, what)));
        }
        let answer = self.endpoint.post("/embeddings", &json!({ "model": model, "input": texts }), &|| false)?;
        let odd = |why: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::ModelFailed, "the endpoint's vectors cannot be used").because(why)
        };
        let json: Json = serde_json::from_str(&answer.text(REMOTE_EMBEDDINGS_BYTES)?).map_err(|error| odd(&error))?;
        let rows = json["data"].as_array().filter(|rows| rows.len() == texts.len());
        let rows = rows.ok_or_else(|| odd(&"there is not one for each text"))?;
        let vector = |row: &Json| unit(&row["embedding"]).ok_or_else(|| odd(&"one of them is no vector").into());
        rows.iter().map(vector).collect()
    }
}

fn unit(json: &Json) -> Option<Vec<f32>> {
    let parts: Vec<f64> = json.as_array()?.iter().map(Json::as_f64).collect::<Option<_>>()?;
    let length = parts.iter().map(|part| part * part).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "parts of a vector of length one fit into f32")]
    length.is_normal().then(|| parts.iter().map(|part| (part / length) as f32).collect())
}

/// An answer as it comes in.
struct Stream<'a> {
    call: &'a Call,
    text: TextStream,
    fresh: String,
    bytes: usize,
    started: Instant,
    first: Option<Instant>,
    told: Option<Instant>,
    told_bytes: usize,
    finish: Option<Finish>,
    stopped: bool,
}

impl<'a> Stream<'a> {
    fn new(call: &'a Call, started: Instant) -> Self {
        let text = TextStream::new(&call.request.stop);
        Self {
            call,
            text,
            fresh: String::new(),
            bytes: 0,
            started,
            first: None,
            told: None,
            told_bytes: 0,
            finish: None,
            stopped: false,
        }
    }

    fn take(&mut self, chunk: Chunk) -> Result<(), Failure> {
        self.bytes += chunk.text.len();
        if self.bytes > REMOTE_ANSWER_BYTES {
            let what = format!("the endpoint's answer is over the limit of {REMOTE_ANSWER_BYTES} bytes");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        self.finish = chunk.finish.or(self.finish);
        if chunk.done {
            self.text.end();
        }
        if self.text.push(chunk.text.as_bytes()) && !chunk.done {
            self.stopped = true;
            self.finish = Some(Finish::Stop);
        }
        let fresh = self.text.news();
        let now = Instant::now();
        let mut state = self.call.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !chunk.text.is_empty() {
            self.first.get_or_insert(now);
            state.usage.written_tokens += 1;
        }
        if let Some(usage) = chunk.usage {
            state.usage.prompt_tokens = usage.prompt_tokens;
            state.usage.written_tokens = usage.completion_tokens;
            state.usage.cached_tokens = usage.prompt_tokens_details.unwrap_or_default().cached_tokens;
        }
        let first = self.first.unwrap_or(now);
        state.usage.prefill_ms = ms(first - self.started);
        state.usage.decode_ms = ms(now - first);
        state.text.push_str(&fresh);
        self.fresh.push_str(&fresh);
        Ok(())
    }

    fn news(&mut self, at_once: bool) -> Option<TokenNews> {
        let early = self.told.is_some_and(|told| told.elapsed() < Duration::from_millis(TOKEN_NEWS_MS));
        if self.fresh.is_empty() || (early && !at_once && !self.stopped) {
            return None;
        }
        self.told = Some(Instant::now());
        let written_tokens = self.call.state.lock().unwrap_or_else(PoisonError::into_inner).usage.written_tokens;
        let text = std::mem::take(&mut self.fresh);
        let from = self.told_bytes;
        self.told_bytes += text.len();
        Some(TokenNews { call: self.call.call, from, text, written_tokens, tokens: Vec::new() })
    }
}
