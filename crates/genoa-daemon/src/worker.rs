//! The model worker as the daemon sees it: what it was asked, and what has to be asked again if it dies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use genoa_abi::event::Event;
use genoa_abi::frame::Message;
use genoa_abi::limits::{RESTART_WINDOW_MS, RESTARTS};
use genoa_abi::model::{EngineWork, InferReply, TokenNews, WorkerRequest};
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

/// A watcher, and how many bytes of the text they were told.
#[derive(Clone, Copy, Debug)]
struct Watch {
    watcher: Watcher,
    told: usize,
}

/// The calls that wait for the worker.
#[derive(Debug)]
pub(crate) struct Worker {
    life: Life,
    waiting: BTreeMap<CallId, WorkerRequest>,
    /// Those of the waiting calls that the present process was asked.
    asked: BTreeSet<CallId>,
    /// Those of the waiting calls that stand still.
    paused: BTreeSet<CallId>,
    watched: BTreeMap<CallId, Watch>,
    deaths: VecDeque<Timestamp>,
    /// What the present process said last of what it works on.
    work: Option<EngineWork>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self {
            life: Life::Absent,
            waiting: BTreeMap::new(),
            asked: BTreeSet::new(),
            paused: BTreeSet::new(),
            watched: BTreeMap::new(),
            deaths: VecDeque::new(),
            work: None,
        }
    }

    /// Whether a process must be started before anything can be answered.
    pub(crate) fn must_start(&self) -> bool {
        self.life == Life::Absent && !self.waiting.is_empty()
    }

    /// A process was started: here is what to ask it.
    pub(crate) fn started(&mut self) -> Vec<Message> {
        self.life = Life::Present;
        let runs = self.waiting.iter().filter(|(call, _)| !self.paused.contains(call));
        let messages = runs.clone().map(|(call, request)| to_message(*call, request)).collect();
        self.asked = runs.map(|(call, _)| *call).collect();
        messages
    }

    /// A call stands still; gives the message that tells the worker, if it was asked.
    pub(crate) fn pause(&mut self, call: CallId) -> Option<Message> {
        if self.waiting.contains_key(&call) {
            self.paused.insert(call);
        }
        self.asked.contains(&call).then(|| aside(&WorkerRequest::Pause { call }))
    }

    /// A call goes on. A worker that never heard of it, because the one before died, is asked anew.
    pub(crate) fn resume(&mut self, call: CallId) -> Option<Message> {
        self.paused.remove(&call);
        if self.asked.contains(&call) {
            return Some(aside(&WorkerRequest::Resume { call }));
        }
        let request = self.waiting.get(&call).filter(|_| self.life == Life::Present)?;
        self.asked.insert(call);
        Some(to_message(call, request))
    }

    /// Notes a call; gives the message for the worker if one is there to read it.
    pub(crate) fn ask(&mut self, call: CallId, request: WorkerRequest, watcher: Option<Watcher>) -> Option<Message> {
        let message = to_message(call, &request);
        self.waiting.insert(call, request);
        if let Some(watcher) = watcher {
            self.watched.insert(call, Watch { watcher, told: 0 });
        }
        (self.life == Life::Present).then(|| {
            self.asked.insert(call);
            message
        })
    }

    /// Gives up a call: gives the message that tells the worker, or the end of a call that it was not asked.
    pub(crate) fn cancel(&mut self, call: CallId) -> (Option<Message>, Option<Event>) {
        if self.asked.contains(&call) {
            return (Some(aside(&WorkerRequest::Cancel { call })), None);
        }
        let failure = Failure::new(ErrorCode::Interrupted, "the model call was given up before it began");
        (None, self.forget(call).map(|request| finished(call, &request, Err(failure))))
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
        self.work = None;
    }

    /// The process says what it works on.
    pub(crate) fn tells(&mut self, work: EngineWork) {
        self.work = Some(work);
    }

    /// What the process works on, as it said last; nothing where none is there, or none has said anything yet.
    pub(crate) fn work(&self) -> Option<&EngineWork> {
        self.work.as_ref()
    }

    /// Who sees what a call writes, and what of the news they have not seen yet: a worker that goes on where another died
    /// tells the text from its beginning.
    pub(crate) fn watched(&mut self, news: &TokenNews) -> Option<(Watcher, String)> {
        let watch = self.watched.get_mut(&news.call)?;
        let seen = watch.told.saturating_sub(news.from);
        let text = news.text.get(seen.min(news.text.len())..)?;
        watch.told = watch.told.max(news.from + news.text.len());
        (!text.is_empty()).then(|| (watch.watcher, text.to_owned()))
    }

    /// Takes an answer in: the event it makes, if it belongs to a call that waits.
    pub(crate) fn answered(&mut self, id: RequestId, outcome: Result<Json, Failure>) -> Option<Event> {
        let call = CallId(id.0);
        self.asked.remove(&call);
        let request = self.forget(call)?;
        Some(finished(call, &request, outcome))
    }

    /// The process ended. The calls that wait are asked again of the next one, unless it dies too often.
    pub(crate) fn died(&mut self, now: Timestamp, reason: &str) -> Vec<Event> {
        self.life = Life::Absent;
        self.work = None;
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

    fn forget(&mut self, call: CallId) -> Option<WorkerRequest> {
        self.watched.remove(&call);
        self.paused.remove(&call);
        self.waiting.remove(&call)
    }

    /// Fails everything that waits.
    pub(crate) fn fail_all(&mut self, failure: &Failure) -> Vec<Event> {
        self.asked.clear();
        self.paused.clear();
        self.watched.clear();
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().map(|(call, request)| finished(*call, request, Err(failure.clone()))).collect()
    }
}

/// A message whose answer says nothing: that of the call itself tells what came of it.
fn aside(request: &WorkerRequest) -> Message {
    to_message(CallId(u64::MAX), request)
}

fn to_message(call: CallId, request: &WorkerRequest) -> Message {
    let mut parts = serde_json::to_value(request).unwrap_or_default();
    let params = parts["params"].take();
    Message::request(RequestId(call.0), parts["method"].as_str().unwrap_or_default(), params)
}

fn finished(call: CallId, request: &WorkerRequest, outcome: Result<Json, Failure>) -> Event {
    match request {
        WorkerRequest::Embed { .. } => Event::EmbedFinished { call, outcome: outcome.and_then(vectors) },
        _ => Event::InferFinished { call, outcome: outcome.and_then(read::<InferReply>) },
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
    use genoa_abi::model::{InferRequest, TokenNews, WorkerRequest};
    use genoa_abi::syscall::Caller;
    use genoa_abi::{CallId, RequestId, SessionId, Timestamp};
    use serde_json::json;

    use super::{Watcher, Worker};

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
        let (_, over) = worker.cancel(CallId(3));
        assert!(matches!(over, Some(Event::EmbedFinished { outcome: Err(_), .. })), "nobody was asked: {over:?}");
        assert!(worker.cancel(CallId(1)).0.is_some());
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
    fn a_paused_call_is_asked_anew_when_its_turn_comes() {
        let mut worker = Worker::new();
        let infer = |call| WorkerRequest::Infer { call, request: InferRequest::default() };
        worker.ask(CallId(1), infer(CallId(1)), Some(Watcher::Asker(Caller::Person(SessionId(1)), RequestId(5))));
        worker.ask(CallId(2), infer(CallId(2)), None);
        assert_eq!(worker.started().len(), 2);
        assert!(worker.pause(CallId(1)).is_some());
        let news = |from, text: &str| TokenNews {
            call: CallId(1),
            from,
            text: text.into(),
            written_tokens: 1,
            tokens: Vec::new(),
        };
        let text = |worker: &mut Worker, from, text| worker.watched(&news(from, text)).map(|(_, text)| text);
        assert_eq!(text(&mut worker, 0, "one "), Some("one ".into()));
        worker.died(Timestamp(0), "killed");
        assert_eq!(worker.started().len(), 1, "who stands is not asked");
        assert_eq!(worker.pause(CallId(1)), None);
        assert!(worker.resume(CallId(1)).is_some());
        assert_eq!(text(&mut worker, 0, "one t"), Some("t".into()), "the rest of what was told before");
        assert_eq!(text(&mut worker, 5, "wo"), Some("wo".into()));
        assert!(worker.cancel(CallId(1)).0.is_some());
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
