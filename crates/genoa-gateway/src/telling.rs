//! An answer on its way to who asked: whole, or event by event.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use genoa_abi::model::InferReply;
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json_;
use tokio::sync::mpsc::Receiver;

use crate::asking::Blame;
use crate::daemon::Told;
use crate::failures::ApiFailure;

/// How often a stream in which nothing is written yet shows that it is alive.
const ALIVE: Duration = Duration::from_secs(10);
/// How long a stream waits for its first piece before it begins.
const FIRST: Duration = Duration::from_secs(2);

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// Its kind, where the protocol has kinds.
    pub(crate) kind: Option<&'static str>,
    /// What it says.
    pub(crate) data: Json_,
}

impl Said {
    fn event(&self) -> Event {
        let event = Event::default().data(self.data.to_string());
        match self.kind {
            Some(kind) => event.event(kind),
            None => event,
        }
    }
}

/// How a protocol tells an answer.
pub(crate) trait Shape: Send + 'static {
    /// The whole answer.
    fn whole(&mut self, reply: &InferReply) -> Json_;
    /// The events before anything is written.
    fn begun(&mut self) -> Vec<Said>;
    /// The events for new text.
    fn wrote(&mut self, text: &str) -> Vec<Said>;
    /// The events for the end.
    fn ended(&mut self, reply: &InferReply) -> Vec<Said>;
    /// The events for an end that should not be.
    fn failed(&mut self, failure: &ApiFailure) -> Vec<Said>;
}

/// What is told, to whom, and how.
pub(crate) struct Telling<S, K> {
    pub(crate) shape: S,
    pub(crate) listener: Receiver<Told>,
    pub(crate) blame: Blame,
    /// What lasts as long as the telling.
    pub(crate) _kept: K,
}

impl<S: Shape, K: Send + 'static> Telling<S, K> {
    /// The answer in one piece.
    pub(crate) async fn whole(mut self) -> Result<Response, ApiFailure> {
        loop {
            match self.next().await {
                Told::Words(_) => {}
                Told::End(outcome) => {
                    let reply = (*outcome).map_err(|failure| self.blame.told(failure))?;
                    return Ok(Json(self.shape.whole(&reply)).into_response());
                }
            }
        }
    }

    /// The answer as it comes. A failure that shows at once still has a status of its own.
    pub(crate) async fn stream(mut self) -> Result<Response, ApiFailure> {
        let first = tokio::time::timeout(FIRST, self.next()).await.ok();
        let first = match first {
            Some(Told::End(outcome)) => {
                Some(Told::End(Box::new(Ok((*outcome).map_err(|failure| self.blame.told(failure))?))))
            }
            other => other,
        };
        let waiting = self.shape.begun().into();
        let mut course = Course { telling: self, waiting, is_over: false };
        if let Some(told) = first {
            course.take(told);
        }
        let events = stream::unfold(Some(course), Course::next);
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
    }

    async fn next(&mut self) -> Told {
        let gone = || Told::End(Box::new(Err(Failure::new(ErrorCode::Internal, "the daemon gave no answer"))));
        self.listener.recv().await.unwrap_or_else(gone)
    }
}

/// A stream under way.
struct Course<S, K> {
    telling: Telling<S, K>,
    waiting: VecDeque<Said>,
    is_over: bool,
}

impl<S: Shape, K: Send + 'static> Course<S, K> {
    fn take(&mut self, told: Told) {
        let Telling { shape, blame, .. } = &mut self.telling;
        match told {
            Told::Words(text) => self.waiting.extend(shape.wrote(&text)),
            Told::End(outcome) => {
                self.is_over = true;
                self.waiting.extend(match *outcome {
                    Ok(reply) => shape.ended(&reply),
                    Err(failure) => shape.failed(&blame.told(failure)),
                });
            }
        }
    }

    /// The next event, and what comes after it; nothing after the last.
    async fn next(course: Option<Self>) -> Option<(Result<Event, Infallible>, Option<Self>)> {
        let mut course = course?;
        loop {
            if let Some(said) = course.waiting.pop_front() {
                return Some((Ok(said.event()), Some(course)));
            }
            if course.is_over {
                return Some((Ok(Event::default().data("[DONE]")), None));
            }
            let told = course.telling.next().await;
            course.take(told);
        }
    }
}
