//! The model workers: one process for each model that is asked, started when it is asked the first time.
//!
//! Which model a call is for the kernel says. A worker whose model is no longer configured finishes what it began, and is gone.

use std::collections::BTreeMap;

use genoa_abi::frame::Message;
use genoa_abi::model::{EngineWork, TokenNews, WorkerRequest};
use genoa_abi::session::News;
use genoa_abi::{CallId, ErrorCode, Failure};
use serde_json::Value as Json;

use crate::carry_out::{peer_of, to_json};
use crate::config::{ModelSource, Thinking};
use crate::connection::Peer;
use crate::daemon::{Daemon, now};
use crate::worker::{Watcher, Worker};

/// A model, and who answers for it.
#[derive(Debug)]
struct Slot {
    model: String,
    source: ModelSource,
    worker: Worker,
    /// The configuration does not name it any more.
    is_retired: bool,
}

impl Slot {
    /// Whether each request may cost: then none is sent again whose fate is unknown.
    fn asks_once(&self) -> bool {
        matches!(self.source, ModelSource::Remote { asks_once: true, .. })
    }
}

/// All workers, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    slots: BTreeMap<u32, Slot>,
}

impl Workers {
    /// What each model of this machine works on, as its worker said last. Models that are elsewhere do not tell.
    pub(crate) fn work(&self) -> BTreeMap<String, EngineWork> {
        let work = |slot: &Slot| Some((slot.model.clone(), slot.worker.work()?.clone()));
        self.slots.values().filter_map(work).collect()
    }

    fn of_call(&mut self, call: CallId) -> Option<(u32, &mut Worker)> {
        let slot = self.slots.iter_mut().find(|(_, slot)| slot.worker.has(call))?;
        Some((*slot.0, &mut slot.1.worker))
    }

    fn worker(&mut self, number: u32) -> Option<&mut Worker> {
        self.slots.get_mut(&number).map(|slot| &mut slot.worker)
    }

    /// The number of the worker for a model, where that is configured.
    fn for_model(&mut self, name: &str, thinking: &Thinking) -> Option<u32> {
        let name = if name.is_empty() { &thinking.chosen } else { name };
        let source = thinking.models.get(name)?;
        let known = self.slots.iter().find(|(_, slot)| slot.model == name && !slot.is_retired);
        if let Some((number, _)) = known {
            return Some(*number);
        }
        let number = (0..=u32::MAX).find(|number| !self.slots.contains_key(number))?;
        let (model, source) = (name.to_owned(), source.clone());
        self.slots.insert(number, Slot { model, source, worker: Worker::new(), is_retired: false });
        Some(number)
    }
}

impl Daemon {
    /// Has a model do something, by the name that the kernel says.
    pub(crate) fn ask_model(&mut self, to: &str, request: WorkerRequest, watcher: Option<Watcher>) {
        let Some(number) = self.workers.for_model(to, &self.thinking) else {
            self.inbox.extend(Worker::refused(&request, no_model(to)));
            return;
        };
        let message = self.workers.worker(number).and_then(|worker| worker.ask(request, watcher));
        self.tell_worker(number, message);
    }

    pub(crate) fn pause_model_call(&mut self, call: CallId) {
        if let Some((number, worker)) = self.workers.of_call(call) {
            let message = worker.pause(call);
            self.tell_worker(number, message);
        }
    }

    pub(crate) fn resume_model_call(&mut self, call: CallId) {
        if let Some((number, worker)) = self.workers.of_call(call) {
            let message = worker.resume(call);
            self.tell_worker(number, message);
        }
    }

    pub(crate) fn cancel_model_call(&mut self, call: CallId) {
        if let Some((number, worker)) = self.workers.of_call(call) {
            let (message, over) = worker.cancel(call);
            self.inbox.extend(over);
            self.tell_worker(number, message);
        }
    }

    /// From now on agents are started like this, and these models answer what is asked from now on.
    pub(crate) fn think_with(&mut self, thinking: Thinking) {
        self.thinking = thinking;
        let numbers: Vec<u32> = self.workers.slots.keys().copied().collect();
        for number in numbers {
            let Some(slot) = self.workers.slots.get_mut(&number) else { continue };
            match self.thinking.models.get(&slot.model).filter(|_| !slot.is_retired) {
                Some(source) if *source == slot.source => continue,
                Some(source) => {
                    slot.source = source.clone();
                    slot.worker.replace();
                }
                None => {
                    slot.is_retired = true;
                    self.inbox.extend(slot.worker.retire(&no_model(&slot.model)));
                }
            }
            self.end_replaced_worker(number);
        }
    }

    /// What a worker was asked that could not be started, nobody was asked.
    pub(crate) fn worker_never_ran(&mut self, number: u32) {
        if let Some(slot) = self.workers.slots.get_mut(&number).filter(|slot| slot.asks_once()) {
            slot.worker.never_ran();
        }
    }

    /// The worker is gone; what waits is asked of the next one, until too many have died.
    pub(crate) fn worker_lost(&mut self, number: u32, reason: &str) {
        self.sockets.remove(Peer::Worker(number));
        self.children.kill_worker(number);
        if let Some(slot) = self.workers.slots.get_mut(&number) {
            let failed = slot.worker.died(now(), reason, slot.asks_once() || slot.is_retired);
            self.inbox.extend(failed);
        }
        self.start_if_needed(number);
        self.forget_retired(number);
    }

    pub(crate) fn worker_said(&mut self, number: u32, message: Message) {
        let Some(worker) = self.workers.worker(number) else { return };
        match message {
            Message::Success { id, result, .. } => self.inbox.extend(worker.answered(id, Ok(result))),
            Message::Error { id: Some(id), error, .. } => self.inbox.extend(worker.answered(id, Err(error.data))),
            Message::Notification { method, params, .. } => self.worker_tells(number, &method, params),
            Message::Request { .. } | Message::Error { id: None, .. } => {}
        }
        self.end_replaced_worker(number);
    }

    fn worker_tells(&mut self, number: u32, method: &str, params: Json) {
        let Some(worker) = self.workers.worker(number) else { return };
        match method {
            "work" => {
                if let Ok(work) = serde_json::from_value(params) {
                    worker.tells(work);
                }
            }
            "unspent" => {
                if let Ok(call) = serde_json::from_value(params) {
                    worker.did_nothing_for(call);
                }
            }
            _ => {
                if let Ok(news) = serde_json::from_value::<TokenNews>(params) {
                    let watched = worker.watched(&news);
                    self.tell_watcher(watched, &news);
                }
            }
        }
    }

    fn tell_watcher(&mut self, watched: Option<(Watcher, String)>, news: &TokenNews) {
        let tokens = news.written_tokens;
        match watched {
            Some((Watcher::Surfaces(session, intention), text)) => {
                self.tell(session, &News::Planning { intention, text, tokens });
            }
            Some((Watcher::Asker(caller, request), text)) => {
                let is_whole = text.len() == news.text.len();
                let written = if is_whole { news.tokens.clone() } else { Vec::new() };
                let news = News::Writing { request, text, tokens, written };
                self.sockets.send(peer_of(caller), &Message::notification("news", to_json(&news)));
            }
            None => {}
        }
    }

    /// Sends to a worker, after starting it where that is needed.
    fn tell_worker(&mut self, number: u32, message: Option<Message>) {
        if let Some(message) = message {
            self.sockets.send(Peer::Worker(number), &message);
        }
        self.start_if_needed(number);
    }

    fn start_if_needed(&mut self, number: u32) {
        let Some(slot) = self.workers.slots.get_mut(&number).filter(|slot| slot.worker.must_start()) else { return };
        match self.children.start_worker(number, &slot.source, &self.machine, &mut self.sockets) {
            Ok(()) => {
                for message in slot.worker.started() {
                    self.sockets.send(Peer::Worker(number), &message);
                }
            }
            Err(failure) => {
                // What was started for it, its broker, is of no use without it.
                self.sockets.remove(Peer::Worker(number));
                self.children.kill_worker(number);
                self.inbox.extend(slot.worker.fail_all(&failure));
            }
        }
    }

    /// Ends a worker whose place another takes, once it has answered what it was asked.
    fn end_replaced_worker(&mut self, number: u32) {
        if let Some(worker) = self.workers.worker(number).filter(|worker| worker.may_be_ended()) {
            worker.ended();
            self.sockets.remove(Peer::Worker(number));
            self.children.kill_worker(number);
            self.start_if_needed(number);
        }
        self.forget_retired(number);
    }

    fn forget_retired(&mut self, number: u32) {
        if self.workers.slots.get(&number).is_some_and(|slot| slot.is_retired && slot.worker.is_idle()) {
            self.sockets.remove(Peer::Worker(number));
            self.children.kill_worker(number);
            self.workers.slots.remove(&number);
        }
    }
}

fn no_model(name: &str) -> Failure {
    let what = format!("the model {} is not asked any more", name.escape_debug());
    Failure::new(ErrorCode::Conflict, what).because("the configuration was changed meanwhile").try_next("Try again")
}
