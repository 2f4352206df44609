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
use crate::daemon::{Told, What, Words};
use crate::failures::ApiFailure;
use crate::limits::{ALIVE_SECONDS, FIRST_MS};

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
    /// The whole answer, with its versions in order; there is one at least.
    fn whole(&mut self, replies: &[InferReply]) -> Json_;
    /// The events before anything is written.
    fn begun(&mut self) -> Vec<Said>;
    /// The events for new text of one version.
    fn wrote(&mut self, index: usize, words: &Words) -> Vec<Said>;
    /// The events for the end of one version.
    fn ended(&mut self, index: usize, reply: &InferReply) -> Vec<Said>;
    /// The events for an end that should not be.
    fn failed(&mut self, failure: &ApiFailure) -> Vec<Said>;
}

/// What is told, to whom, and how.
pub(crate) struct Telling<S, K> {
    pub(crate) shape: S,
    /// How many versions are written.
    pub(crate) versions: usize,
    pub(crate) listener: Receiver<Told>,
    pub(crate) blame: Blame,
    /// What lasts as long as the telling.
    pub(crate) _kept: K,
}

impl<S: Shape, K: Send + 'static> Telling<S, K> {
    /// The answer in one piece.
    pub(crate) async fn whole(mut self) -> Result<Response, ApiFailure> {
        let mut replies: Vec<Option<InferReply>> = vec![None; self.versions];
        while replies.iter().any(Option::is_none) {
            let Told { index, what } = self.next().await;
            if let What::End(outcome) = what {
                let reply = (*outcome).map_err(|failure| self.blame.told(failure))?;
                if let Some(place) = replies.get_mut(index) {
                    *place = Some(reply);
                }
            }
        }
        let replies: Vec<InferReply> = replies.into_iter().flatten().collect();
        Ok(Json(self.shape.whole(&replies)).into_response())
    }

    /// The answer as it comes. A failure that shows at once still has a status of its own.
    pub(crate) async fn stream(mut self) -> Result<Response, ApiFailure> {
        let first = tokio::time::timeout(Duration::from_millis(FIRST_MS), self.next()).await.ok();
        let first = match first {
            Some(Told { what: What::End(outcome), .. }) if outcome.is_err() => {
                (*outcome).map_err(|failure| self.blame.told(failure))?;
                None
            }
            other => other,
        };
        let waiting = self.shape.begun().into();
        let mut course = Course { left: self.versions, telling: self, waiting };
        if let Some(told) = first {
            course.take(told);
        }
        let events = stream::unfold(Some(course), Course::next);
        let alive = KeepAlive::new().interval(Duration::from_secs(ALIVE_SECONDS));
        Ok(Sse::new(events).keep_alive(alive).into_response())
    }

    async fn next(&mut self) -> Told {
        let failure = || Failure::new(ErrorCode::Internal, "the daemon gave no answer");
        let gone = || Told { index: 0, what: What::End(Box::new(Err(failure()))) };
        self.listener.recv().await.unwrap_or_else(gone)
    }
}

/// A stream under way.
struct Course<S, K> {
    telling: Telling<S, K>,
    waiting: VecDeque<Said>,
    /// Versions that are still written.
    left: usize,
}

impl<S: Shape, K: Send + 'static> Course<S, K> {
    fn take(&mut self, told: Told) {
        let Telling { shape, blame, .. } = &mut self.telling;
        self.waiting.extend(match told.what {
            What::Words(words) => shape.wrote(told.index, &words),
            What::End(outcome) => match *outcome {
                Ok(reply) => {
                    self.left -= 1;
                    shape.ended(told.index, &reply)
                }
                Err(failure) => {
                    // With one the others end: nobody listens to them any more.
                    self.left = 0;
                    shape.failed(&blame.told(failure))
                }
            },
        });
    }

    /// The next event, and what comes after it; nothing after the last.
    async fn next(course: Option<Self>) -> Option<(Result<Event, Infallible>, Option<Self>)> {
        let mut course = course?;
        loop {
            if let Some(said) = course.waiting.pop_front() {
                return Some((Ok(said.event()), Some(course)));
            }
            if course.left == 0 {
                return Some((Ok(Event::default().data("[DONE]")), None));
            }
            let told = course.telling.next().await;
            course.take(told);
        }
    }
}
