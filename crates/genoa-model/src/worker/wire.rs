//! The socket of a worker: requests come in through a queue, answers and news go out.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::limits::INFER_QUEUE;
use genoa_abi::model::{EngineWork, InferClass, TokenNews, WorkerRequest};
use genoa_abi::{CallId, ErrorCode, Failure, RequestId};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::engine::Interrupt;

/// Requests as they arrive. The queue is bounded: a caller that sends more waits at its socket.
pub(crate) type Incoming = Receiver<(RequestId, WorkerRequest)>;

/// The writing side, shared by all who answer.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing(Arc<Mutex<UnixStream>>);

impl Outgoing {
    pub(crate) fn over(socket: &UnixStream) -> Result<Self, Failure> {
        Ok(Self(Arc::new(Mutex::new(socket.try_clone().map_err(|error| broken(&error))?))))
    }

    pub(crate) fn answer(&self, id: RequestId, outcome: Result<impl Serialize, Failure>) -> Result<(), Failure> {
        let outcome = outcome.and_then(|result| {
            serde_json::to_value(result)
                .map_err(|error| Failure::new(ErrorCode::Internal, "the answer has no JSON form").because(error))
        });
        self.send(&Message::answer(id, outcome))
    }

    pub(crate) fn token(&self, news: &TokenNews) -> Result<(), Failure> {
        self.send(&Message::notification("token", json!(news)))
    }

    pub(crate) fn work(&self, work: &EngineWork) -> Result<(), Failure> {
        self.send(&Message::notification("work", json!(work)))
    }

    /// Tells that no model did anything for a call that has failed; its answer comes next.
    pub(crate) fn unspent(&self, call: CallId) -> Result<(), Failure> {
        self.send(&Message::notification("unspent", json!(call)))
    }

    fn refuse(&self, id: Option<RequestId>, failure: Failure) -> Result<(), Failure> {
        self.send(&Message::failure(id, failure))
    }

    fn send(&self, message: &Message) -> Result<(), Failure> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&message.to_line()).map_err(|error| broken(&error))
    }
}

/// Reads the socket on a thread of its own, so that a cancellation is heard while the model works, and a step ends where a person
/// would wait for it.
pub(super) fn listen(socket: UnixStream, interrupt: Interrupt) -> Incoming {
    let (sender, receiver) = sync_channel(INFER_QUEUE);
    std::thread::spawn(move || {
        // The end of the queue tells the worker that nobody asks any more.
        let _ = read_all(socket, &sender, &interrupt);
    });
    receiver
}

fn read_all(
    mut socket: UnixStream,
    sender: &SyncSender<(RequestId, WorkerRequest)>,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let outgoing = Outgoing::over(&socket)?;
    let mut lines = LineBuffer::default();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = match socket.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(&error)),
        };
        if let Err(failure) = lines.push(&chunk[..count]) {
            return outgoing.refuse(None, failure);
        }
        while let Some(line) = lines.next_line() {
            match parse(&line) {
                Ok(request) => {
                    let is_urgent = is_for_a_person(&request.1);
                    if sender.send(request).is_err() {
                        return Ok(());
                    }
                    if is_urgent {
                        interrupt.ask();
                    }
                }
                Err((id, failure)) => outgoing.refuse(id, failure)?,
            }
        }
    }
}

fn is_for_a_person(request: &WorkerRequest) -> bool {
    matches!(request, WorkerRequest::Infer { request, .. } if request.class == InferClass::Interactive)
}

fn parse(line: &[u8]) -> Result<(RequestId, WorkerRequest), (Option<RequestId>, Failure)> {
    let (id, method, params) = match Message::from_line(line).map_err(|failure| (None, failure))? {
        Message::Request { id, method, params, .. } => (id, method, params),
        _ => return Err((None, Failure::new(ErrorCode::InvalidInput, "a model worker expects requests"))),
    };
    let params = if params.is_null() { json!({}) } else { params };
    serde_json::from_value::<WorkerRequest>(json!({ "method": method, "params": params }))
        .map(|request| (id, request))
        .map_err(|error| {
            let what = "this is not a request that a model worker knows";
            (Some(id), Failure::new(ErrorCode::InvalidInput, what).because(error))
        })
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::Interrupted, "the model worker's socket broke").because(error)
}

/// The answer to a request that has none.
pub(crate) const NOTHING: Json = Json::Null;

#[cfg(test)]
mod tests {
    use genoa_abi::model::WorkerRequest;
    use genoa_abi::{CallId, ErrorCode, RequestId};

    use super::parse;

    #[test]
    fn requests_are_read_and_the_rest_is_refused() {
        let read = |line: &str| parse(line.as_bytes());
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","id":7,"method":"cancel","params":{"call":3}}"#),
            Ok((RequestId(7), WorkerRequest::Cancel { call: CallId(3) }))
        );
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":8,"method":"status"}"#), Ok((RequestId(8), WorkerRequest::Status {})));
        let refused = [
            (r#"{"jsonrpc":"2.0","id":9,"method":"shell","params":{}}"#, Some(RequestId(9))),
            (r#"{"jsonrpc":"2.0","id":9,"method":"infer","params":{"call":1}}"#, Some(RequestId(9))),
            (r#"{"jsonrpc":"2.0","method":"status","params":{}}"#, None),
            ("nonsense", None),
        ];
        for (line, id) in refused {
            let (found, failure) = read(line).unwrap_err();
            assert_eq!((found, failure.code), (id, ErrorCode::InvalidInput), "{line}");
        }
    }
}
