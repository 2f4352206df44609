//! The model worker as the daemon sees it: what it was asked, and what has to be asked again if it dies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use genoa_abi::event::Event;
use genoa_abi::frame::Message;
use genoa_abi::limits::{RESTART_WINDOW_MS, RESTARTS};
use genoa_abi::model::{InferReply, WorkerRequest};
use genoa_abi::syscall::Caller;
use genoa_abi::{CallId, ErrorCode, Failure, IntentionId, RequestId, SessionId, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// Whether a worker process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Not started, or ended. The next call starts it.
    Absent,
    /// Started; it answers as soon as the model is loaded.
    Present,
    /// Another takes its place: it answers what it was asked, and is asked nothing more.
    Leaving,
}

/// Who sees what a call writes, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watcher {
    /// The surfaces of a session: the planner of this intention writes.
    Surfaces(SessionId, IntentionId),
    /// Whoever made the syscall.
    Asker(Caller, RequestId),
}

/// The calls that wait for the worker.
#[derive(Debug)]
pub(crate) struct Worker {
    life: Life,
    waiting: BTreeMap<CallId, WorkerRequest>,
    /// Those of the waiting calls that the present process was asked.
    asked: BTreeSet<CallId>,
    watched: BTreeMap<CallId, Watcher>,
    deaths: VecDeque<Timestamp>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self {
            life: Life::Absent,
            waiting: BTreeMap::new(),
            asked: BTreeSet::new(),
            watched: BTreeMap::new(),
            deaths: VecDeque::new(),
        }
    }

    /// Whether a process must be started before anything can be answered.
    pub(crate) fn must_start(&self) -> bool {
        self.life == Life::Absent && !self.waiting.is_empty()
    }

    /// A process was started: here is what to ask it.
    pub(crate) fn started(&mut self) -> Vec<Message> {
        self.life = Life::Present;
        self.asked = self.waiting.keys().copied().collect();
        self.waiting.iter().map(|(call, request)| to_message(*call, request)).collect()
    }

    /// Notes a call; gives the message for the worker if one is there to read it.
    pub(crate) fn ask(&mut self, call: CallId, request: WorkerRequest, watcher: Option<Watcher>) -> Option<Message> {
        let message = to_message(call, &request);
        self.waiting.insert(call, request);
        if let Some(watcher) = watcher {
            self.watched.insert(call, watcher);
        }
        (self.life == Life::Present).then(|| {
            self.asked.insert(call);
            message
        })
    }

    /// Gives up a call; gives the message that tells the worker, if it was asked.
    pub(crate) fn cancel(&mut self, call: CallId) -> Option<Message> {
        if !self.asked.contains(&call) {
            self.waiting.remove(&call);
            self.watched.remove(&call);
            return None;
        }
        // The answer to a cancellation is that of the call itself, so the number of the request does not matter.
        Some(to_message(CallId(u64::MAX), &WorkerRequest::Cancel { call }))
    }

    /// Another model was chosen: a process that is there finishes what it was asked, and is asked nothing more.
    pub(crate) fn replace(&mut self) {
        if self.life == Life::Present {
            self.life = Life::Leaving;
        }
    }

    /// Whether a process is there that has nothing more to do, ever.
    pub(crate) fn may_be_ended(&self) -> bool {
        self.life == Life::Leaving && self.asked.is_empty()
    }

    /// The process was ended, as it should be.
    pub(crate) fn ended(&mut self) {
        self.life = Life::Absent;
    }

    /// Who sees what this call writes.
    pub(crate) fn watcher(&self, call: CallId) -> Option<Watcher> {
        self.watched.get(&call).copied()
    }

    /// Takes an answer in: the event it makes, if it belongs to a call that waits.
    pub(crate) fn answered(&mut self, id: RequestId, outcome: Result<Json, Failure>) -> Option<Event> {
        let call = CallId(id.0);
        self.asked.remove(&call);
        let request = self.waiting.remove(&call)?;
        self.watched.remove(&call);
        Some(finished(call, &request, outcome))
    }

    /// The process ended. The calls that wait are asked again of the next one, unless it dies too often.
    pub(crate) fn died(&mut self, now: Timestamp, reason: &str) -> Vec<Event> {
        self.life = Life::Absent;
        self.asked.clear();
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| death.plus_ms(RESTART_WINDOW_MS) < now) {
            self.deaths.pop_front();
        }
        if self.deaths.len() <= RESTARTS {
            return Vec::new();
        }
        let failure = Failure::new(ErrorCode::ModelFailed, "the model worker stops again and again")
            .because(reason)
            .try_next("See logs/model.log in Genoa's home, or choose another model with `genoa model use`");
        self.fail_all(&failure)
    }

    /// Fails everything that waits.
    pub(crate) fn fail_all(&mut self, failure: &Failure) -> Vec<Event> {
        self.asked.clear();
        self.watched.clear();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().map(|(call, request)| finished(*call, request, Err(failure.clone()))).collect()
    }
}

fn to_message(call: CallId, request: &WorkerRequest) -> Message {
    let mut parts = serde_json::to_value(request).unwrap_or_default();
    let params = parts["params"].take();
    Message::request(RequestId(call.0), parts["method"].as_str().unwrap_or_default(), params)
}

fn finished(call: CallId, request: &WorkerRequest, outcome: Result<Json, Failure>) -> Event {
    match request {
        WorkerRequest::Embed { .. } => Event::EmbedFinished { call, outcome: outcome.and_then(vectors) },
        WorkerRequest::Infer { .. } | WorkerRequest::Cancel { .. } | WorkerRequest::Status {} => {
            Event::InferFinished { call, outcome: outcome.and_then(read::<InferReply>) }
        }
    }
}

/// Reads vectors; one that is not finite has no JSON form, so the journal could not keep it.
fn vectors(json: Json) -> Result<Vec<Vec<f32>>, Failure> {
    let vectors: Vec<Vec<f32>> = read(json)?;
    if vectors.iter().flatten().all(|number| number.is_finite()) {
        return Ok(vectors);
    }
    Err(Failure::new(ErrorCode::ModelFailed, "the model worker's vectors are not numbers"))
}

fn read<T: DeserializeOwned>(json: Json) -> Result<T, Failure> {
    serde_json::from_value(json).map_err(|error| {
        Failure::new(ErrorCode::ModelFailed, "the model worker's answer cannot be read").because(error)
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::event::Event;
    use genoa_abi::limits::RESTARTS;
    use genoa_abi::model::WorkerRequest;
    use genoa_abi::{CallId, RequestId, Timestamp};
    use serde_json::json;

    use super::Worker;

    #[test]
    fn calls_outlive_a_worker() {
        let mut worker = Worker::new();
        let embed = || WorkerRequest::Embed { texts: vec!["a".into()], call: CallId(1) };
        assert_eq!(worker.ask(CallId(1), embed(), None), None, "nobody is there yet");
        assert!(worker.must_start());
        let first = worker.started();
        assert_eq!(first.len(), 1);
        assert!(worker.died(Timestamp(0), "killed").is_empty());
        assert!(worker.must_start());
        assert_eq!(worker.started(), first, "the same is asked again");
        let event = worker.answered(RequestId(1), Ok(json!([[0.5]])));
        assert_eq!(event, Some(Event::EmbedFinished { call: CallId(1), outcome: Ok(vec![vec![0.5]]) }));
        assert_eq!(worker.answered(RequestId(1), Ok(json!([[0.5]]))), None, "an answer counts once");
        worker.ask(CallId(2), embed(), None);
        let event = worker.answered(RequestId(2), Ok(json!([[1e39]])));
        assert!(matches!(event, Some(Event::EmbedFinished { outcome: Err(_), .. })), "{event:?}");
    }

    #[test]
    fn a_worker_that_is_replaced_finishes_what_it_was_asked_and_nothing_more() {
        let mut worker = Worker::new();
        let embed = |call| WorkerRequest::Embed { texts: vec!["a".into()], call };
        let answer = |worker: &mut Worker, call: u64| worker.answered(RequestId(call), Ok(json!([[0.5]]))).is_some();
        worker.replace();
        assert!(!worker.may_be_ended(), "nobody is there");
        worker.ask(CallId(1), embed(CallId(1)), None);
        worker.started();
        worker.replace();
        assert!(!worker.may_be_ended(), "it is still at work");
        assert_eq!(worker.ask(CallId(2), embed(CallId(2)), None), None, "that waits for the next");
        worker.ask(CallId(3), embed(CallId(3)), None);
        assert_eq!(worker.cancel(CallId(3)), None, "nobody was asked");
        assert!(worker.cancel(CallId(1)).is_some());
        assert!(!worker.must_start());
        assert!(answer(&mut worker, 1) && worker.may_be_ended());
        worker.ended();
        assert!(!worker.may_be_ended() && worker.must_start());
        assert_eq!(worker.started().len(), 1, "what was given up is not asked");
        assert!(answer(&mut worker, 2) && !worker.may_be_ended());
        // One that dies on its way out is as dead as any other.
        worker.ask(CallId(4), embed(CallId(4)), None);
        worker.replace();
        assert!(worker.died(Timestamp(0), "killed").is_empty());
        assert_eq!((worker.may_be_ended(), worker.started().len()), (false, 1));
    }

    #[test]
    fn a_worker_that_dies_again_and_again_is_given_up() {
        let mut worker = Worker::new();
        worker.ask(CallId(1), WorkerRequest::Embed { call: CallId(1), texts: vec![] }, None);
        let deaths: Vec<usize> = (0..=RESTARTS).map(|_| worker.died(Timestamp(0), "killed").len()).collect();
        assert_eq!(deaths.iter().sum::<usize>(), 1);
        assert_eq!(deaths.last(), Some(&1));
    }
}
