//! The broker's process: reads requests from its socket, and carries each out on a thread that mostly waits.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use genoa_abi::egress::{FETCH, STOP, STREAM, StreamNews, StreamRequest};
use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::limits::EGRESS_REQUESTS;
use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure, RequestId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::egress::RULES_VARIABLE;
use crate::egress::fetch::fetch;
use crate::egress::rules::Rules;
use crate::egress::stream::stream;

/// The egress broker's main: rules from [`RULES_VARIABLE`], requests on descriptor 3 until it is closed.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for unreadable rules, [`ErrorCode::Interrupted`] if the socket breaks.
pub fn egress_main() -> Result<(), Failure> {
    let text = std::env::var(RULES_VARIABLE).unwrap_or_default();
    let rights = serde_json::from_str(&text)
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the egress rules are unreadable").because(error))?;
    let socket = genoa_sys::inherit::take(TOOL_FD).map_err(|error| broken(&error))?;
    serve(UnixStream::from(socket), Rules::new(rights))
}

pub(crate) fn serve(mut socket: UnixStream, rules: Rules) -> Result<(), Failure> {
    let answers = Mutex::new(socket.try_clone().map_err(|error| broken(&error))?);
    let broker = Arc::new(Broker { rules, answers, running: Mutex::new(BTreeMap::new()) });
    let (mut lines, mut chunk) = (LineBuffer::default(), vec![0; 64 * 1024]);
    loop {
        while let Some(line) = lines.next_line() {
            if let Some(refusal) = broker.take(&line) {
                broker.send(&refusal)?;
            }
        }
        match socket.read(&mut chunk) {
            // The process ends, and with it what nobody waits for any more.
            Ok(0) => return Ok(()),
            Ok(count) => lines.push(&chunk[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(broken(&error)),
        }
    }
}

struct Broker {
    rules: Rules,
    answers: Mutex<UnixStream>,
    /// The requests that are being carried out, and whether their answer is still wanted.
    running: Mutex<BTreeMap<RequestId, Arc<AtomicBool>>>,
}

impl Broker {
    /// Starts what a line asks for; gives the answer to a line that nothing is started for.
    fn take(self: &Arc<Self>, line: &[u8]) -> Option<Message> {
        match Message::from_line(line) {
            Ok(Message::Request { id, method, params, .. }) => {
                self.start(id, method, params).err().map(|failure| Message::failure(Some(id), failure))
            }
            Ok(Message::Notification { method, params, .. }) if method == STOP => {
                let stopped: Option<RequestId> = serde_json::from_value(params).ok();
                if let Some(wanted) = stopped.and_then(|id| self.running().get(&id).cloned()) {
                    wanted.store(false, Ordering::Relaxed);
                }
                None
            }
            Ok(_) => {
                let what = "the egress broker answers requests only";
                Some(Message::failure(None, Failure::new(ErrorCode::InvalidInput, what)))
            }
            Err(failure) => Some(Message::failure(None, failure)),
        }
    }

    fn start(self: &Arc<Self>, id: RequestId, method: String, params: Json) -> Result<(), Failure> {
        if method != FETCH && method != STREAM {
            let what = format!("the egress broker does not know the method {method:?}");
            return Err(Failure::new(ErrorCode::Unsupported, what));
        }
        let mut running = self.running();
        if running.len() >= EGRESS_REQUESTS {
            let what = format!("{EGRESS_REQUESTS} requests to the network are under way already (EGRESS_REQUESTS)");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        if running.contains_key(&id) {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("a request {} is under way already", id.0)));
        }
        let (broker, wanted) = (Arc::clone(self), Arc::new(AtomicBool::new(true)));
        let is_wanted = Arc::clone(&wanted);
        let work = move || {
            let last = broker.carry_out(id, &method, params, &is_wanted);
            // Before it is sent: who has it may give the number to the next request.
            broker.running().remove(&id);
            // If this fails nobody is there any more: the loop above ends as well.
            let _ = last.and_then(|last| last.map_or(Ok(()), |last| broker.send(&last)));
        };
        std::thread::Builder::new().spawn(work).map_err(|error| {
            Failure::new(ErrorCode::Internal, "the egress broker cannot start a thread").because(error)
        })?;
        running.insert(id, wanted);
        Ok(())
    }

    /// Carries a request out; gives what is to be said at the end, if anybody wants to hear it.
    fn carry_out(
        &self,
        id: RequestId,
        method: &str,
        params: Json,
        wanted: &AtomicBool,
    ) -> Result<Option<Message>, Failure> {
        if method == FETCH {
            let reply = read(params, "this is not a request to fetch").and_then(|request| fetch(&self.rules, request));
            return Ok(Some(Message::answer(id, reply.map(|reply| to_json(&reply)))));
        }
        let request = read::<StreamRequest>(params, "this is not a request to stream");
        let (head, mut parts) = match request.and_then(|request| stream(&self.rules, request)) {
            Ok(begun) => begun,
            Err(failure) => return Ok(Some(Message::failure(Some(id), failure))),
        };
        self.send(&Message::answer(id, Ok(to_json(&head))))?;
        while wanted.load(Ordering::Relaxed) {
            let outcome = match parts.next() {
                Ok(Some(text)) => {
                    self.send(&news(&StreamNews::Part { request: id, text }))?;
                    continue;
                }
                Ok(None) => Ok(()),
                Err(failure) => Err(failure),
            };
            return Ok(Some(news(&StreamNews::End { request: id, outcome })));
        }
        Ok(None)
    }

    fn send(&self, message: &Message) -> Result<(), Failure> {
        let mut socket = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        socket.write_all(&message.to_line()).map_err(|error| broken(&error))
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<RequestId, Arc<AtomicBool>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn news(news: &StreamNews) -> Message {
    Message::notification(STREAM, to_json(news))
}

fn read<T: DeserializeOwned>(params: Json, otherwise: &str) -> Result<T, Failure> {
    serde_json::from_value(params).map_err(|error| Failure::new(ErrorCode::InvalidInput, otherwise).because(error))
}

fn to_json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::Interrupted, "the egress broker's socket broke").because(error)
}

#[cfg(test)]
mod tests;
