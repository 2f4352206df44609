//! An endpoint: the key, how long it may be silent, and sending again what was not begun to be answered.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use genoa_abi::egress::{FetchBody, FetchRequest, StreamRequest};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use super::RemoteOptions;
use super::broker::{Answer, Broker};
use super::key::read_key;
use crate::limits::{REMOTE_COMPLAINT_BYTES, REMOTE_TRIES, REMOTE_WAIT_MS};

const FIRST_WAIT_MS: u64 = 500;
const WHY_CHARACTERS: usize = 300;

const OK: u16 = 200;
const REQUEST_TIMEOUT: u16 = 408;
const TOO_MANY_REQUESTS: u16 = 429;

pub(super) struct Endpoint {
    broker: Arc<Broker>,
    url: String,
    silence_ms: u64,
    key: Option<String>,
    name: String,
    asks_once: bool,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) failure: Box<Failure>,
    /// Whether it is certain that no model did anything for it.
    pub(super) unspent: bool,
    /// Whether it is worth another try, and after how many milliseconds if the endpoint says so.
    again: Option<Option<u64>>,
}

impl Refused {
    /// Nothing was sent, or the endpoint would not have it.
    pub(super) fn unspent(failure: Failure) -> Self {
        Self { failure: Box::new(failure), unspent: true, again: None }
    }

    /// It was sent, and what became of it is unknown.
    fn unknown(failure: Failure) -> Self {
        Self { failure: Box::new(failure), unspent: false, again: None }
    }

    fn worth_another_try(self, wait_ms: Option<u64>) -> Self {
        Self { again: Some(wait_ms), ..self }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::unknown(failure)
    }
}

impl Endpoint {
    /// An endpoint that is reached through `broker`. There is no other way to it.
    pub(super) fn new(options: &RemoteOptions, broker: Option<UnixStream>) -> Result<Self, Failure> {
        options.host()?;
        let broker = broker.ok_or_else(|| {
            let what = format!("the endpoint {} is not reached without an egress broker", options.name);
            Failure::new(ErrorCode::JailUnavailable, what).because("this worker was started without one")
        })?;
        Ok(Self {
            broker: Broker::over(broker)?,
            url: options.url.trim_end_matches('/').to_owned(),
            silence_ms: options.silence_ms,
            key: options.key_file.as_ref().map(|path| read_key(path)).transpose()?,
            name: options.name.clone(),
            asks_once: options.asks_once,
        })
    }

    /// Sends a request until it is answered well, a few times at most; `given_up` ends the waiting in between. Where each request
    /// may cost, one whose fate is unknown is not sent again. What an earlier try may have cost the failure of the last tells too.
    pub(super) fn post(&self, path: &str, body: &Json, given_up: &dyn Fn() -> bool) -> Result<Answer, Refused> {
        let (mut wait_ms, mut tries, mut unspent) = (FIRST_WAIT_MS, 1, true);
        loop {
            let mut refused = match self.send(path, body) {
                Ok(answer) if answer.status() == OK => return Ok(answer),
                Ok(answer) => self.refused(answer),
                Err(failure) => self.unreachable(failure),
            };
            unspent &= refused.unspent;
            refused.unspent = unspent;
            let Some(asked_ms) = refused.again else { return Err(refused) };
            let may_try = tries < REMOTE_TRIES && (unspent || !self.asks_once);
            if !may_try || !wait(asked_ms.unwrap_or(wait_ms), given_up) {
                return Err(Refused { failure: Box::new(refused.failure.try_next(LATER)), ..refused });
            }
            tries += 1;
            wait_ms *= 2;
        }
    }

    fn send(&self, path: &str, body: &Json) -> Result<Answer, Failure> {
        let mut headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        if let Some(key) = &self.key {
            headers.insert("authorization".to_owned(), format!("Bearer {key}"));
        }
        let fetch = FetchRequest {
            url: format!("{}{path}", self.url),
            method: "POST".to_owned(),
            headers,
            body: Some(FetchBody::Text(body.to_string())),
        };
        self.broker.ask(&StreamRequest { fetch, silence_ms: self.silence_ms })
    }

    /// What an endpoint would not have, or could not do. A status of 4xx says that it did nothing.
    fn refused(&self, answer: Answer) -> Refused {
        let status = answer.status();
        let seconds = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        let wait_ms = seconds.map(|seconds| seconds.saturating_mul(1000));
        let why = self.without_key(&answer.text(REMOTE_COMPLAINT_BYTES).unwrap_or_default());
        let what = format!("the endpoint {} answered with the status {status}", self.name);
        let failure = |code| Failure::new(code, &what).because(&why);
        match status {
            TOO_MANY_REQUESTS | REQUEST_TIMEOUT => {
                Refused::unspent(failure(ErrorCode::ModelFailed)).worth_another_try(wait_ms)
            }
            400..500 => Refused::unspent(failure(ErrorCode::InvalidInput).try_next(CHECK)),
            500..600 => Refused::unknown(failure(ErrorCode::ModelFailed)).worth_another_try(wait_ms),
            _ => Refused::unknown(failure(ErrorCode::ModelFailed).try_next(CHECK)),
        }
    }

    /// A connection that failed is worth another try. Silence was waited for long enough, and a refusal stays one.
    fn unreachable(&self, failure: Failure) -> Refused {
        let silent =
            |code| Failure::new(code, format!("the endpoint {} does not answer", self.name)).because(&failure.what);
        let why = || self.without_key(&format!("{}: {}", failure.what, failure.why));
        match failure.code {
            ErrorCode::ToolFailed => {
                Refused::unknown(silent(ErrorCode::ModelFailed).because(why())).worth_another_try(None)
            }
            // Nobody listens there, or there is no such host.
            ErrorCode::NotFound => {
                Refused::unspent(silent(ErrorCode::ModelFailed).because(why())).worth_another_try(None)
            }
            ErrorCode::TimedOut => Refused::unknown(silent(ErrorCode::TimedOut).try_next(LATER)),
            ErrorCode::NotGranted | ErrorCode::InvalidInput => Refused::unspent(failure),
            _ => Refused::unknown(failure),
        }
    }

    /// Some endpoints repeat the key in their complaints.
    fn without_key(&self, text: &str) -> String {
        let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| text.replace(key, "(key)"));
        text.chars().filter(|character| !character.is_control()).take(WHY_CHARACTERS).collect()
    }
}

/// What to do about an endpoint that does not take requests.
const CHECK: &str = "Check the endpoint's address, key and model";

/// What to do about an endpoint that does not answer.
const LATER: &str = "Try again later, or use a model on this machine with `genoa model use`";

/// Says whether the time passed, rather than that nobody waits any more.
fn wait(wait_ms: u64, given_up: &dyn Fn() -> bool) -> bool {
    const TICK_MS: u64 = 20;
    let mut left = wait_ms.min(REMOTE_WAIT_MS);
    while left > 0 && !given_up() {
        std::thread::sleep(Duration::from_millis(TICK_MS.min(left)));
        left = left.saturating_sub(TICK_MS);
    }
    !given_up()
}
