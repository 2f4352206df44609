//! The connection to an endpoint: the key, the timeouts, and sending again what was not begun to be answered.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::RemoteOptions;
use crate::hub::is_private;
use crate::limits::{KEY_BYTES, REMOTE_TRIES, REMOTE_WAIT_MS};

const CONNECT: Duration = Duration::from_secs(20);
const FIRST_WAIT_MS: u64 = 500;
const WHY_CHARACTERS: usize = 300;

pub(super) struct Endpoint {
    agent: Agent,
    url: String,
    key: Option<String>,
    name: String,
}

impl Endpoint {
    pub(super) fn new(options: &RemoteOptions) -> Result<Self, Failure> {
        if !options.allow_plain_http && !is_private(&options.url)? {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not encrypted", options.url))
                .try_next("Use an address that begins with https://, or set `allow_plain_http = true` for it"));
        }
        let silence = Duration::from_millis(options.silence_ms);
        let agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .http_status_as_error(false)
            // A redirection would send what was asked, and the key, to somebody that nobody chose.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("genoa")
            .build()
            .into();
        let key = options.key_file.as_ref().map(|path| read_key(path)).transpose()?;
        let url = options.url.trim_end_matches('/').to_owned();
        Ok(Self { agent, url, key, name: options.name.clone() })
    }

    /// Sends a request until it is answered well, a few times at most; `given_up` ends the waiting in between.
    pub(super) fn post(&self, path: &str, body: &Json, given_up: &dyn Fn() -> bool) -> Result<Body, Failure> {
        let mut wait_ms = FIRST_WAIT_MS;
        let mut tries = 1;
        loop {
            let (failure, asked_ms) = match self.send(path, body) {
                Ok(response) if response.status() == StatusCode::OK => return Ok(response.into_body()),
                Ok(response) => self.refused(response)?,
                Err(error) => (self.unreachable(&error), None),
            };
            if tries >= REMOTE_TRIES || !wait(asked_ms.unwrap_or(wait_ms), given_up) {
                return Err(failure.try_next("Try again later, or use a model on this machine with `genoa model use`"));
            }
            tries += 1;
            wait_ms *= 2;
        }
    }

    fn send(&self, path: &str, body: &Json) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        request.send_json(body)
    }

    /// What is worth another try, and when; the rest is an error at once.
    fn refused(&self, mut response: Response<Body>) -> Result<(Failure, Option<u64>), Failure> {
        let status = response.status();
        let why = self.without_key(&response.body_mut().read_to_string().unwrap_or_default());
        let what = format!("the endpoint {} answered {status}", self.name);
        let again = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
            || status.is_server_error();
        if !again {
            let code = if status.is_client_error() { ErrorCode::InvalidInput } else { ErrorCode::ModelFailed };
            return Err(Failure::new(code, what).because(why).try_next("Check the endpoint's address, key and model"));
        }
        let seconds =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        Ok((
            Failure::new(ErrorCode::ModelFailed, what).because(why),
            seconds.map(|seconds| seconds.saturating_mul(1000)),
        ))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let code = if matches!(error, ureq::Error::Timeout(_)) { ErrorCode::TimedOut } else { ErrorCode::ModelFailed };
        Failure::new(code, format!("the endpoint {} does not answer", self.name)).because(error)
    }

    /// Some endpoints repeat the key in their complaints.
    fn without_key(&self, text: &str) -> String {
        let text = self.key.as_ref().map_or_else(|| text.to_owned(), |key| text.replace(key, "(key)"));
        text.chars().filter(|character| !character.is_control()).take(WHY_CHARACTERS).collect()
    }
}

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

fn read_key(path: &std::path::Path) -> Result<String, Failure> {
    let unread = |why: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::InvalidInput, format!("the key file {} cannot be used", path.display())).because(why)
    };
    let mut text = String::new();
    let file = File::open(path).map_err(|error| unread(&error))?;
    file.take(KEY_BYTES).read_to_string(&mut text).map_err(|error| unread(&error))?;
    let key = text.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unread(&"a key is one line of letters, digits and signs"));
    }
    Ok(key.to_owned())
}
