//! A worker on a thread, and the daemon's end of its socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use genoa_abi::frame::Message;
use genoa_abi::model::{EngineWork, InferReply, TokenNews};
use genoa_abi::{CallId, Failure, RequestId};
use genoa_model::worker::{WorkerOptions, worker_main};
use serde_json::Value as Json;

/// What a worker sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// News of a call.
    Token(TokenNews),
    /// What it works on.
    Work(EngineWork),
    /// That no model did anything for a call which has failed.
    Unspent(CallId),
    /// The answer to a request.
    Answer(u64, Result<Json, Failure>),
}

/// The daemon's end.
pub(crate) struct Worker {
    stream: BufReader<UnixStream>,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Worker {
    /// Starts a worker.
    pub(crate) fn start(options: WorkerOptions) -> Self {
        Self::build(options, None)
    }

    /// Starts a worker that reaches the network through `broker`.
    pub(crate) fn start_with_broker(options: WorkerOptions, broker: UnixStream) -> Self {
        Self::build(options, Some(broker))
    }

    fn build(options: WorkerOptions, broker: Option<UnixStream>) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let thread = std::thread::spawn(move || worker_main(theirs, broker, options));
        Self { stream: BufReader::new(ours), thread }
    }

    /// Sends a request.
    pub(crate) fn ask(&mut self, id: u64, method: &str, params: Json) {
        let line = Message::request(RequestId(id), method, params).to_line();
        self.stream.get_mut().write_all(&line).unwrap();
    }

    /// Waits for the next message.
    pub(crate) fn next(&mut self) -> Sent {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        match Message::from_line(&line).unwrap() {
            Message::Notification { method, params, .. } if method == "token" => {
                Sent::Token(serde_json::from_value(params).unwrap())
            }
            Message::Notification { method, params, .. } if method == "work" => {
                Sent::Work(serde_json::from_value(params).unwrap())
            }
            Message::Notification { method, params, .. } if method == "unspent" => {
                Sent::Unspent(serde_json::from_value(params).unwrap())
            }
            Message::Success { id, result, .. } => Sent::Answer(id.0, Ok(result)),
            Message::Error { id, error, .. } => Sent::Answer(id.map_or(0, |id| id.0), Err(error.data)),
            other => panic!("a worker sent {other:?}"),
        }
    }

    /// Waits for the answer to a request; gives the text that was shown before it, of whatever call.
    pub(crate) fn answer(&mut self, id: u64) -> (String, Result<Json, Failure>) {
        let mut shown = String::new();
        loop {
            match self.next() {
                Sent::Token(news) => shown.push_str(&news.text),
                Sent::Answer(answered, outcome) if answered == id => return (shown, outcome),
                Sent::Answer(..) | Sent::Work(_) | Sent::Unspent(_) => {}
            }
        }
    }

    /// The answer to a request for text.
    pub(crate) fn reply(&mut self, id: u64) -> (String, Result<InferReply, Failure>) {
        let (shown, outcome) = self.answer(id);
        (shown, outcome.map(|json| serde_json::from_value(json).unwrap()))
    }

    /// The failure of a call, and whether it was told before that nothing was done for it.
    pub(crate) fn failure(&mut self, id: u64) -> (Failure, bool) {
        let mut unspent = false;
        loop {
            match self.next() {
                Sent::Unspent(call) => unspent |= call == CallId(id),
                Sent::Answer(answered, outcome) if answered == id => return (outcome.unwrap_err(), unspent),
                Sent::Answer(..) | Sent::Work(_) | Sent::Token(_) => {}
            }
        }
    }

    /// Closes the socket; the worker ends.
    pub(crate) fn close(self) {
        drop(self.stream);
        self.thread.join().unwrap().unwrap();
    }
}
