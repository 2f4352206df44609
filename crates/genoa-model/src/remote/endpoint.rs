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
        })
    }

    /// Sends a request until it is answered well, a few times at most; `given_up` ends the waiting in between.
    pub(super) fn post(&self, path: &str, body: &Json, given_up: &dyn Fn() -> bool) -> Result<Answer, Failure> {
        let mut wait_ms = FIRST_WAIT_MS;
        let mut tries = 1;
        loop {
            let (failure, asked_ms) = match self.send(path, body) {
                Ok(answer) if answer.status() == OK => return Ok(answer),
                Ok(answer) => self.refused(answer)?,
                Err(failure) => (self.unreachable(failure)?, None),
            };
            if tries >= REMOTE_TRIES || !wait(asked_ms.unwrap_or(wait_ms), given_up) {
                return Err(failure.try_next(LATER));
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

    /// What is worth another try, and when; the rest is an error at once.
    fn refused(&self, answer: Answer) -> Result<(Failure, Option<u64>), Failure> {
        let status = answer.status();
        let seconds = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        let why = self.without_key(&answer.text(REMOTE_COMPLAINT_BYTES).unwrap_or_default());
        let what = format!("the endpoint {} answered with the status {status}", self.name);
        let is_servers = (500..600).contains(&status);
        if !is_servers && status != TOO_MANY_REQUESTS && status != REQUEST_TIMEOUT {
            let is_ours = (400..500).contains(&status);
            let code = if is_ours { ErrorCode::InvalidInput } else { ErrorCode::ModelFailed };
            return Err(Failure::new(code, what).because(why).try_next("Check the endpoint's address, key and model"));
        }
        let failure = Failure::new(ErrorCode::ModelFailed, what).because(why);
        Ok((failure, seconds.map(|seconds| seconds.saturating_mul(1000))))
    }

    /// A connection that failed is worth another try. Silence was waited for long enough, and a refusal stays one.
    fn unreachable(&self, failure: Failure) -> Result<Failure, Failure> {
        let silent =
            |code| Failure::new(code, format!("the endpoint {} does not answer", self.name)).because(&failure.what);
        match failure.code {
            ErrorCode::ToolFailed => {
                let why = self.without_key(&format!("{}: {}", failure.what, failure.why));
                Ok(silent(ErrorCode::ModelFailed).because(why))
            }
            ErrorCode::TimedOut => Err(silent(ErrorCode::TimedOut).try_next(LATER)),
            ErrorCode::NotFound => Err(silent(ErrorCode::ModelFailed).try_next("Check the endpoint's address")),
            _ => Err(failure),
        }
    }

    /// Some endpoints repeat the key in their complaints.
    fn without_key(&self, text: &str) -> String {
        let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| text.replace(key, "(key)"));
        text.chars().filter(|character| !character.is_control()).take(WHY_CHARACTERS).collect()
    }
}

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
