//! The loop of a worker with a model of its own.

use std::collections::BTreeMap;
use std::sync::mpsc::TryRecvError;
use std::time::{Duration, Instant};

use genoa_abi::model::WorkerRequest;
use genoa_abi::{CallId, ErrorCode, Failure, RequestId};
use serde::Serialize;

use super::wire::{Incoming, NOTHING, Outgoing};
use crate::engine::{Engine, EngineOptions, Interrupt, LoadedModel, Progress};
use crate::limits::WORK_NEWS_MS;

pub(super) fn serve(
    incoming: &Incoming,
    outgoing: &Outgoing,
    options: EngineOptions,
    interrupt: Interrupt,
) -> Result<(), Failure> {
    let loaded = match LoadedModel::open_with(options, interrupt.clone()) {
        Ok(loaded) => loaded,
        Err(failure) => return refuse_all(incoming, outgoing, &failure),
    };
    match Engine::new(&loaded) {
        Ok(engine) => {
            let (requests, told) = (BTreeMap::new(), Instant::now());
            Worker { engine, incoming, outgoing, interrupt, requests, told }.run()
        }
        Err(failure) => refuse_all(incoming, outgoing, &failure),
    }
}

fn refuse_all(incoming: &Incoming, outgoing: &Outgoing, failure: &Failure) -> Result<(), Failure> {
    incoming.iter().try_for_each(|(id, _)| outgoing.answer(id, Err::<(), _>(failure.clone())))
}

struct Worker<'a> {
    engine: Engine<'a>,
    incoming: &'a Incoming,
    outgoing: &'a Outgoing,
    interrupt: Interrupt,
    /// Which request asked for a call.
    requests: BTreeMap<CallId, RequestId>,
    /// When it told last what it works on.
    told: Instant,
}

impl Worker<'_> {
    /// Sleeps while there is nothing to do; between two steps it hears what came in.
    fn run(mut self) -> Result<(), Failure> {
        loop {
            if self.engine.is_idle() {
                let Ok((id, request)) = self.incoming.recv() else { return Ok(()) };
                self.take(id, request)?;
            }
            // First, so that who comes while others are heard is not forgotten.
            self.interrupt.clear();
            loop {
                match self.incoming.try_recv() {
                    Ok((id, request)) => self.take(id, request)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            for progress in self.engine.step() {
                match progress {
                    Progress::News(news) => self.outgoing.token(&news)?,
                    Progress::Done(call, outcome) => self.end(call, outcome)?,
                    Progress::Embedded(call, outcome) => self.end(call, outcome)?,
                }
            }
            self.tell_work();
        }
    }

    /// Tells what it works on, not more often than somebody can read it; and always when it comes to rest.
    fn tell_work(&mut self) {
        let is_early = self.told.elapsed() < Duration::from_millis(WORK_NEWS_MS);
        if is_early && !self.engine.is_idle() {
            return;
        }
        self.told = Instant::now();
        // Where nobody listens any more the queue of requests ends, too, and that is no failure.
        let _ = self.outgoing.work(&self.engine.work());
    }

    fn take(&mut self, id: RequestId, request: WorkerRequest) -> Result<(), Failure> {
        match request {
            WorkerRequest::Infer { call, request } => {
                let taken = self.engine.submit(call, &request);
                self.note(id, call, taken)
            }
            WorkerRequest::Embed { call, texts } => {
                let taken = self.engine.embed(call, &texts);
                self.note(id, call, taken)
            }
            WorkerRequest::Cancel { call } => {
                if let Some(outcome) = self.engine.cancel(call) {
                    self.end(call, outcome)?;
                }
                if self.engine.cancel_embedding(call) {
                    let failure = Failure::new(ErrorCode::Interrupted, "nobody waits for the vectors any more");
                    self.end(call, Err::<(), _>(failure))?;
                }
                self.outgoing.answer(id, Ok(NOTHING))
            }
            WorkerRequest::Pause { call } => {
                self.engine.pause(call);
                self.outgoing.answer(id, Ok(NOTHING))
            }
            WorkerRequest::Resume { call } => {
                self.engine.resume(call);
                self.outgoing.answer(id, Ok(NOTHING))
            }
            WorkerRequest::Status {} => self.outgoing.answer(id, Ok(self.engine.status())),
        }
    }

    /// A call is over: whoever asked for it hears how.
    fn end(&mut self, call: CallId, outcome: Result<impl Serialize, Failure>) -> Result<(), Failure> {
        match self.requests.remove(&call) {
            Some(id) => self.outgoing.answer(id, outcome),
            None => Ok(()),
        }
    }

    /// Remembers who asked, or says at once why nothing comes of it.
    fn note(&mut self, id: RequestId, call: CallId, taken: Result<(), Failure>) -> Result<(), Failure> {
        match taken {
            Ok(()) => {
                self.requests.insert(call, id);
                Ok(())
            }
            Err(failure) => self.outgoing.answer(id, Err::<(), _>(failure)),
        }
    }
}
