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
    /// Those that some process was asked, be it gone or not.
    sent: BTreeSet<CallId>,
    /// Those for which no model did anything, as the process says.
    unspent: BTreeSet<CallId>,
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
            sent: BTreeSet::new(),
            unspent: BTreeSet::new(),
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
        self.sent.extend(&self.asked);
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
        self.sent.insert(call);
        Some(to_message(call, request))
    }

    /// Notes a call; gives the message for the worker if one is there to read it.
    pub(crate) fn ask(&mut self, request: WorkerRequest, watcher: Option<Watcher>) -> Option<Message> {
        let call = call_of(&request)?;
        let message = to_message(call, &request);
        self.waiting.insert(call, request);
        if let Some(watcher) = watcher {
            self.watched.insert(call, Watch { watcher, told: 0 });
        }
        (self.life == Life::Present).then(|| {
            self.asked.insert(call);
            self.sent.insert(call);
            message
        })
    }

    /// Gives up a call: gives the message that tells the worker, or the end of a call that it was not asked.
    pub(crate) fn cancel(&mut self, call: CallId) -> (Option<Message>, Option<Event>) {
        if self.asked.contains(&call) {
            return (Some(aside(&WorkerRequest::Cancel { call })), None);
        }
        let failure = Failure::new(ErrorCode::Interrupted, "the model call was given up before it began");
        (None, self.end(call, Err(failure)))
    }

    /// Whether a call is there.
    pub(crate) fn has(&self, call: CallId) -> bool {
        self.waiting.contains_key(&call)
    }

    /// Whether nothing is there, and nobody.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.asked.is_empty()
    }

    /// The process says that no model did anything for a call.
    pub(crate) fn did_nothing_for(&mut self, call: CallId) {
        if self.asked.contains(&call) {
            self.unspent.insert(call);
        }
    }

    /// The end of a call that nobody was asked.
    pub(crate) fn refused(request: &WorkerRequest, failure: Failure) -> Option<Event> {
        Some(finished(call_of(request)?, request, Err(failure), true))
    }

    /// Another model was chosen: a process that is there finishes what it was asked, and is asked nothing more.
    pub(crate) fn replace(&mut self) {
        if self.life == Life::Present {
            self.life = Life::Leaving;
        }
    }

    /// No other takes its place: it finishes what it was asked, and what it was not asked has failed.
    pub(crate) fn retire(&mut self, failure: &Failure) -> Vec<Event> {
        self.replace();
        let asked = std::mem::take(&mut self.asked);
        let rest: Vec<CallId> = self.waiting.keys().copied().filter(|call| !asked.contains(call)).collect();
        self.asked = asked;
        rest.into_iter().filter_map(|call| self.end(call, Err(failure.clone()))).collect()
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
        self.end(call, outcome)
    }

    /// The process could not be started: it was asked nothing, and nor was another before, where each call is asked for once.
    pub(crate) fn never_ran(&mut self) {
        self.sent.retain(|call| !self.asked.contains(call));
    }

    /// The process ended. The calls that wait are asked again of the next one, unless it dies too often; where each may be asked
    /// once only, those that it was asked have failed.
    pub(crate) fn died(&mut self, now: Timestamp, reason: &str, asks_once: bool) -> Vec<Event> {
        self.life = Life::Absent;
        self.work = None;
        let asked = std::mem::take(&mut self.asked);
        let mut over = Vec::new();
        if asks_once {
            let failure = Failure::new(ErrorCode::Interrupted, "the model worker stopped while the call was under way")
                .because(reason)
                .try_next("Try again: it is not sent a second time by itself, because the first may have been counted");
            let sent: Vec<CallId> = asked.intersection(&self.sent).copied().collect();
            over.extend(sent.into_iter().filter_map(|call| self.end(call, Err(failure.clone()))));
        }
        self.deaths.push_back(now);
        while self.deaths.front().is_some_and(|death| death.plus_ms(RESTART_WINDOW_MS) < now) {
            self.deaths.pop_front();
        }
        if self.deaths.len() <= RESTARTS {
            return over;
        }
        let failure = Failure::new(ErrorCode::ModelFailed, "the model worker stops again and again")
            .because(reason)
            .try_next("See logs/model.log in Genoa's home, or choose another model with `genoa model use`");
        over.extend(self.fail_all(&failure));
        over
    }

    /// Ends a call that waits.
    fn end(&mut self, call: CallId, outcome: Result<Json, Failure>) -> Option<Event> {
        self.watched.remove(&call);
        self.paused.remove(&call);
        let was_sent = self.sent.remove(&call);
        let unspent = self.unspent.remove(&call) || !was_sent;
        let request = self.waiting.remove(&call)?;
        Some(finished(call, &request, outcome, unspent))
    }

    /// Fails everything that waits.
    pub(crate) fn fail_all(&mut self, failure: &Failure) -> Vec<Event> {
        self.asked.clear();
        let waiting: Vec<CallId> = self.waiting.keys().copied().collect();
        waiting.into_iter().filter_map(|call| self.end(call, Err(failure.clone()))).collect()
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

/// `unspent` counts for failures: an answer that cannot be read was answered.
fn finished(call: CallId, request: &WorkerRequest, outcome: Result<Json, Failure>, unspent: bool) -> Event {
    let unspent = unspent && outcome.is_err();
    match request {
        WorkerRequest::Embed { .. } => Event::EmbedFinished { call, outcome: outcome.and_then(vectors), unspent },
        _ => Event::InferFinished { call, outcome: outcome.and_then(read::<InferReply>), unspent },
    }
}

fn call_of(request: &WorkerRequest) -> Option<CallId> {
    match request {
        WorkerRequest::Infer { call, .. } | WorkerRequest::Embed { call, .. } => Some(*call),
        _ => None,
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
    use genoa_abi::{CallId, ErrorCode, Failure, RequestId, SessionId, Timestamp};
    use serde_json::json;

    use super::{Watcher, Worker};

    #[test]
    fn calls_outlive_a_worker() {
        let mut worker = Worker::new();
        let embed = |call| WorkerRequest::Embed { texts: vec!["a".into()], call: CallId(call) };
        assert_eq!(worker.ask(embed(1), None), None, "nobody is there yet");
        assert!(worker.must_start());
        let first = worker.started();
        assert_eq!(first.len(), 1);
        assert!(worker.died(Timestamp(0), "killed", false).is_empty());
        assert!(worker.must_start());
        assert_eq!(worker.started(), first, "the same is asked again");
        let event = worker.answered(RequestId(1), Ok(json!([[0.5]])));
        assert_eq!(event, Some(Event::EmbedFinished { call: CallId(1), outcome: Ok(vec![vec![0.5]]), unspent: false }));
        assert_eq!(worker.answered(RequestId(1), Ok(json!([[0.5]]))), None, "an answer counts once");
        worker.ask(embed(2), None);
        let event = worker.answered(RequestId(2), Ok(json!([[1e39]])));
        assert!(matches!(event, Some(Event::EmbedFinished { outcome: Err(_), .. })), "{event:?}");
    }

    #[test]
    fn a_call_that_may_cost_is_not_asked_again_when_its_worker_dies() {
        let mut worker = Worker::new();
        let infer = |call| WorkerRequest::Infer { call: CallId(call), request: InferRequest::default() };
        let unspent = |events: &[Event]| -> Vec<(u64, bool)> {
            let told = |event: &Event| match event {
                Event::InferFinished { call, outcome: Err(_), unspent } => (call.0, *unspent),
                other => panic!("{other:?}"),
            };
            events.iter().map(told).collect()
        };
        worker.ask(infer(1), None);
        worker.started();
        worker.ask(infer(2), None);
        worker.pause(CallId(2));
        worker.replace();
        worker.ask(infer(3), None);
        assert_eq!(unspent(&worker.died(Timestamp(0), "killed", true)), [(1, false), (2, false)]);
        assert_eq!(worker.started().len(), 1, "who was not asked yet is asked");
        // Nothing was done for it, the process says.
        worker.did_nothing_for(CallId(3));
        worker.did_nothing_for(CallId(9));
        let failure = || Failure::new(ErrorCode::ModelFailed, "refused");
        assert_eq!(
            unspent(&worker.answered(RequestId(3), Err(failure())).into_iter().collect::<Vec<_>>()),
            [(3, true)]
        );
        // One that could not be started was asked nothing, and another is tried.
        worker.ask(infer(6), None);
        worker.never_ran();
        assert!(worker.died(Timestamp(0), "no jail", true).is_empty() && worker.must_start());
        worker.started();
        assert!(worker.answered(RequestId(6), Err(failure())).is_some());
        // A model that is not configured any more answers what it was asked, and nothing else.
        worker.ask(infer(4), None);
        worker.replace();
        worker.ask(infer(5), None);
        assert_eq!(unspent(&worker.retire(&failure())), [(5, true)]);
        assert!(!worker.may_be_ended() && !worker.is_idle());
        assert_eq!(
            unspent(&worker.answered(RequestId(4), Err(failure())).into_iter().collect::<Vec<_>>()),
            [(4, false)]
        );
        assert!(worker.may_be_ended() && worker.is_idle());
    }

    #[test]
    fn a_worker_that_is_replaced_finishes_what_it_was_asked_and_nothing_more() {
        let mut worker = Worker::new();
        let embed = |call| WorkerRequest::Embed { texts: vec!["a".into()], call };
        let answer = |worker: &mut Worker, call: u64| worker.answered(RequestId(call), Ok(json!([[0.5]]))).is_some();
        worker.replace();
        assert!(!worker.may_be_ended(), "nobody is there");
        worker.ask(embed(CallId(1)), None);
        worker.started();
        worker.replace();
        assert!(!worker.may_be_ended(), "it is still at work");
        assert_eq!(worker.ask(embed(CallId(2)), None), None, "that waits for the next");
        worker.ask(embed(CallId(3)), None);
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
        worker.ask(embed(CallId(4)), None);
        worker.replace();
        assert!(worker.died(Timestamp(0), "killed", false).is_empty());
        assert_eq!((worker.may_be_ended(), worker.started().len()), (false, 1));
    }

    #[test]
    fn a_paused_call_is_asked_anew_when_its_turn_comes() {
        let mut worker = Worker::new();
        let infer = |call| WorkerRequest::Infer { call, request: InferRequest::default() };
        worker.ask(infer(CallId(1)), Some(Watcher::Asker(Caller::Person(SessionId(1)), RequestId(5))));
        worker.ask(infer(CallId(2)), None);
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
        worker.died(Timestamp(0), "killed", false);
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
        worker.ask(WorkerRequest::Embed { call: CallId(1), texts: vec![] }, None);
        let deaths: Vec<usize> = (0..=RESTARTS).map(|_| worker.died(Timestamp(0), "killed", false).len()).collect();
        assert_eq!(deaths.iter().sum::<usize>(), 1);
        assert_eq!(deaths.last(), Some(&1));
    }
}
