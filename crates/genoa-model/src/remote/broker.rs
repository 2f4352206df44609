//! The way out of the worker's jail: the egress broker sends what it is given, and passes on what comes as it comes.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use genoa_abi::egress::{STOP, STREAM, StreamHead, StreamNews, StreamRequest};
use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::{ErrorCode, Failure, RequestId};
use serde_json::json;

use crate::limits::{REMOTE_LINE_BYTES, REMOTE_PARTS};

/// What the broker says about one request, in order.
enum Said {
    Head(Result<StreamHead, Failure>),
    Part(String),
    End(Result<(), Failure>),
}

/// The socket to the broker, shared by all calls.
pub(super) struct Broker {
    asking: Mutex<Asking>,
    /// Who waits for the answer to which request; nothing once the broker is gone.
    waiting: Mutex<Option<BTreeMap<RequestId, SyncSender<Said>>>>,
}

struct Asking {
    socket: UnixStream,
    last: u64,
}

impl Broker {
    /// Takes the socket, and listens to it until it is closed.
    pub(super) fn over(socket: UnixStream) -> Result<Arc<Self>, Failure> {
        let listening = socket.try_clone().map_err(|_| gone())?;
        let asking = Mutex::new(Asking { socket, last: 0 });
        let broker = Arc::new(Self { asking, waiting: Mutex::new(Some(BTreeMap::new())) });
        let listener = Arc::clone(&broker);
        std::thread::spawn(move || {
            listener.listen(listening);
            // Whoever waits hears that nobody will answer.
            *listener.waiting() = None;
        });
        Ok(broker)
    }

    /// Sends a request, and waits until its answer begins.
    pub(super) fn ask(self: &Arc<Self>, request: &StreamRequest) -> Result<Answer, Failure> {
        let (sender, said) = sync_channel(REMOTE_PARTS);
        let id = self.send(request, sender)?;
        let mut answer = Answer { broker: Arc::clone(self), id, said, head: None, begun: String::new(), ended: false };
        match answer.said.recv() {
            Ok(Said::Head(Ok(head))) => {
                answer.head = Some(head);
                Ok(answer)
            }
            Ok(Said::Head(Err(failure))) => {
                answer.ended = true;
                Err(failure)
            }
            Ok(Said::Part(_) | Said::End(_)) | Err(_) => Err(gone()),
        }
    }

    fn send(&self, request: &StreamRequest, sender: SyncSender<Said>) -> Result<RequestId, Failure> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.last += 1;
        let id = RequestId(asking.last);
        // Before it is sent, so that no answer comes too early.
        self.waiting().as_mut().ok_or_else(gone)?.insert(id, sender);
        let message = Message::request(id, STREAM, json!(request));
        asking.socket.write_all(&message.to_line()).map_err(|_| gone())?;
        Ok(id)
    }

    fn listen(&self, mut socket: UnixStream) {
        let (mut lines, mut chunk) = (LineBuffer::default(), vec![0; 64 * 1024]);
        loop {
            match socket.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) if lines.push(&chunk[..count]).is_ok() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
            while let Some(line) = lines.next_line() {
                if let Some((id, said)) = Message::from_line(&line).ok().and_then(understand) {
                    self.pass_on(id, said);
                }
            }
        }
    }

    fn pass_on(&self, id: RequestId, said: Said) {
        let sender = self.waiting().as_ref().and_then(|waiting| waiting.get(&id).cloned());
        // Who does not wait any more has said so.
        let _ = sender.map(|sender| sender.send(said));
    }

    fn waiting(&self) -> MutexGuard<'_, Option<BTreeMap<RequestId, SyncSender<Said>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn understand(message: Message) -> Option<(RequestId, Said)> {
    match message {
        Message::Success { id, result, .. } => Some((id, Said::Head(serde_json::from_value(result).map_err(odd)))),
        Message::Error { id, error, .. } => Some((id?, Said::Head(Err(error.data)))),
        Message::Notification { params, .. } => match serde_json::from_value(params).ok()? {
            StreamNews::Part { request, text } => Some((request, Said::Part(text))),
            StreamNews::End { request, outcome } => Some((request, Said::End(outcome))),
        },
        Message::Request { .. } => None,
    }
}

/// An answer that has begun. Dropping it ends it.
pub(super) struct Answer {
    broker: Arc<Broker>,
    id: RequestId,
    said: Receiver<Said>,
    head: Option<StreamHead>,
    /// What came and was not taken yet.
    begun: String,
    ended: bool,
}

impl Answer {
    /// The HTTP status.
    pub(super) fn status(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status)
    }

    /// A header field, by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.as_ref()?.headers.get(name).map(String::as_str)
    }

    /// The next line, without its end; nothing where the answer is over.
    pub(super) fn line(&mut self) -> Result<Option<String>, Failure> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.begun[searched..].find('\n').map(|end| searched + end) {
                let rest = self.begun.split_off(end + 1);
                let line = std::mem::replace(&mut self.begun, rest);
                return Ok(Some(line.trim_end().to_owned()));
            }
            if self.begun.len() as u64 >= REMOTE_LINE_BYTES {
                let what = format!("a line of the endpoint's answer is over the limit of {REMOTE_LINE_BYTES} bytes");
                return Err(Failure::new(ErrorCode::TooLarge, what));
            }
            searched = self.begun.len();
            if !self.more()? {
                let line = std::mem::take(&mut self.begun);
                return Ok((!line.is_empty()).then(|| line.trim_end().to_owned()));
            }
        }
    }

    /// All of it, up to a limit.
    pub(super) fn text(mut self, limit_bytes: usize) -> Result<String, Failure> {
        while self.more()? {
            if self.begun.len() > limit_bytes {
                let what = format!("the endpoint's answer is over the limit of {limit_bytes} bytes");
                return Err(Failure::new(ErrorCode::TooLarge, what));
            }
        }
        Ok(std::mem::take(&mut self.begun))
    }

    /// Waits for more; says whether there is any.
    fn more(&mut self) -> Result<bool, Failure> {
        if self.ended {
            return Ok(false);
        }
        match self.said.recv() {
            Ok(Said::Part(text)) => {
                self.begun.push_str(&text);
                Ok(true)
            }
            Ok(Said::End(outcome)) => {
                self.ended = true;
                outcome.map(|()| false).map_err(|failure| {
                    let code =
                        if failure.code == ErrorCode::TimedOut { ErrorCode::TimedOut } else { ErrorCode::ModelFailed };
                    Failure::new(code, "the connection to the endpoint broke while it answered").because(failure)
                })
            }
            Ok(Said::Head(_)) | Err(_) => Err(gone()),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(waiting) = self.broker.waiting().as_mut() {
            waiting.remove(&self.id);
        }
        if !self.ended {
            let stop = Message::notification(STOP, json!(self.id));
            let mut asking = self.broker.asking.lock().unwrap_or_else(PoisonError::into_inner);
            // A broker that is gone has stopped.
            let _ = asking.socket.write_all(&stop.to_line());
        }
    }
}

fn gone() -> Failure {
    Failure::new(ErrorCode::Interrupted, "the egress broker, the only way to the endpoint, is gone")
        .try_next("Try again; the reason stands in logs/model.egress.log in Genoa's home")
}

fn odd(error: serde_json::Error) -> Failure {
    Failure::new(ErrorCode::Internal, "the egress broker's answer is damaged").because(error)
}
