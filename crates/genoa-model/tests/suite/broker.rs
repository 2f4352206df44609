//! An egress broker whose every answer is written by the test; nobody is asked behind it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use genoa_abi::egress::{FetchBody, StreamHead, StreamNews, StreamRequest};
use genoa_abi::frame::Message;
use genoa_abi::{ErrorCode, Failure, RequestId};
use serde_json::{Value as Json, json};

type Script = dyn Fn(usize, &Out) + Send + Sync;

/// A broker, as many sockets as a test wants.
#[derive(Clone)]
pub(crate) struct Broker {
    script: Arc<Script>,
    count: Arc<AtomicUsize>,
    /// What it was asked to send so far.
    pub(crate) asked: Arc<Mutex<Vec<StreamRequest>>>,
    /// What it was told to stop.
    pub(crate) stopped: Arc<Mutex<Vec<RequestId>>>,
}

/// Where the answer to one request goes.
pub(crate) struct Out {
    id: RequestId,
    socket: Arc<Mutex<UnixStream>>,
}

impl Broker {
    /// Answers the n-th request (from 0) as `script` says.
    pub(crate) fn new(script: impl Fn(usize, &Out) + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), count: Arc::default(), asked: Arc::default(), stopped: Arc::default() }
    }

    /// A worker's end of a socket to it.
    pub(crate) fn socket(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let broker = self.clone();
        std::thread::spawn(move || broker.serve(ours));
        theirs
    }

    fn serve(&self, socket: UnixStream) {
        let answers = Arc::new(Mutex::new(socket.try_clone().unwrap()));
        for line in BufReader::new(socket).lines().map_while(Result::ok) {
            match Message::from_line(line.as_bytes()).unwrap() {
                Message::Request { id, method, params, .. } => {
                    assert_eq!(method, "stream");
                    self.asked.lock().unwrap().push(serde_json::from_value(params).unwrap());
                    let (number, script) = (self.count.fetch_add(1, Ordering::SeqCst), Arc::clone(&self.script));
                    let out = Out { id, socket: Arc::clone(&answers) };
                    std::thread::spawn(move || script(number, &out));
                }
                Message::Notification { method, params, .. } => {
                    assert_eq!(method, "stop");
                    self.stopped.lock().unwrap().push(serde_json::from_value(params).unwrap());
                }
                other => panic!("a worker sent {other:?}"),
            }
        }
    }

    /// The body of the n-th request.
    pub(crate) fn body(&self, number: usize) -> Json {
        let asked = self.asked.lock().unwrap();
        let Some(FetchBody::Text(text)) = &asked[number].fetch.body else { panic!("no text") };
        serde_json::from_str(text).unwrap()
    }
}

impl Out {
    fn send(&self, message: &Message) {
        // A worker that is gone hears nothing.
        let _ = self.socket.lock().unwrap().write_all(&message.to_line());
    }

    pub(crate) fn head(&self, status: u16, headers: &[(&str, &str)]) {
        let headers: BTreeMap<String, String> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.send(&Message::answer(self.id, Ok(json!(StreamHead { status, headers }))));
    }

    pub(crate) fn part(&self, text: &str) {
        let part = StreamNews::Part { request: self.id, text: text.to_owned() };
        self.send(&Message::notification("stream", json!(part)));
    }

    pub(crate) fn end(&self, outcome: Result<(), ErrorCode>) {
        let outcome = outcome.map_err(|code| Failure::new(code, "as the test says"));
        self.send(&Message::notification("stream", json!(StreamNews::End { request: self.id, outcome })));
    }

    /// No answer at all, for this reason.
    pub(crate) fn fail(&self, code: ErrorCode) {
        self.send(&Message::failure(Some(self.id), Failure::new(code, "as the test says")));
    }

    /// A whole answer.
    pub(crate) fn whole(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        self.head(status, headers);
        self.part(body);
        self.end(Ok(()));
    }

    /// An answer in parts.
    pub(crate) fn parts(&self, parts: &[&str]) {
        self.head(200, &[("content-type", "text/event-stream")]);
        parts.iter().for_each(|part| self.part(part));
        self.end(Ok(()));
    }
}
