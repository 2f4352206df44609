//! One request, with its redirects.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use genoa_abi::egress::{FetchBody, FetchReply, FetchRequest};
use genoa_abi::{ErrorCode, Failure};
use ureq::http::{HeaderMap, Request, Response, Uri, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

use crate::egress::address::{NOT_PUBLIC, PublicOnly};
use crate::egress::rules::{Reach, Rules};
use crate::egress::{BODY_BYTES, CONNECT_MS, FETCH_MS, HEADERS, REDIRECTS};

/// Header fields that are the broker's business, or that would lead past its checks.
const OWN_HEADERS: &[&str] =
    &["connection", "content-length", "host", "proxy-authorization", "transfer-encoding", "upgrade"];

/// Makes the request and follows redirects, each as far as `rules` allow.
pub(crate) fn fetch(rules: &Rules, request: FetchRequest) -> Result<FetchReply, Failure> {
    let patience = Patience::Until(Instant::now() + Duration::from_millis(FETCH_MS));
    let url = request.url.clone();
    let mut asked = Checked::read(request)?;
    for _ in 0..=REDIRECTS {
        let response = asked.send(rules, patience)?;
        let Some(next) = redirect(&response, &asked.uri)? else { return reply(response, &asked.uri, patience) };
        let status = response.status().as_u16();
        if status == 303 || (matches!(status, 301 | 302) && asked.method == "POST") {
            "GET".clone_into(&mut asked.method);
            asked.body.clear();
        }
        if next.authority() != asked.uri.authority() || next.scheme() != asked.uri.scheme() {
            // What was meant for one host is not for another.
            [header::AUTHORIZATION, header::COOKIE].iter().for_each(|name| drop(asked.headers.remove(name)));
        }
        asked.uri = next;
    }
    Err(Failure::new(ErrorCode::TooLarge, format!("{url} leads through more than {REDIRECTS} redirects")))
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// All of it must be here by then.
    Until(Instant),
    /// It may take as long as it likes, as long as it goes on.
    Silence(Duration),
}

/// A request that can be sent as far as its form goes; whether it may be is asked when it is.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) uri: Uri,
    method: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Checked {
    pub(crate) fn read(request: FetchRequest) -> Result<Self, Failure> {
        let headers = checked_headers(&request.headers)?;
        let body = request.body.map(into_bytes).transpose()?.unwrap_or_default();
        if body.len() as u64 > BODY_BYTES {
            let what = format!("a request's body is over the limit of {BODY_BYTES} bytes");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        Ok(Self { uri: parse(&request.url)?, method: request.method, headers, body })
    }

    /// Sends it, if `rules` allow; a redirection is given back like any other answer.
    pub(crate) fn send(&self, rules: &Rules, patience: Patience) -> Result<Response<Body>, Failure> {
        let reach = rules.check(&self.uri, &self.method)?;
        let mut request = Request::builder().method(self.method.as_str()).uri(self.uri.clone());
        if let Some(fields) = request.headers_mut() {
            fields.extend(self.headers.clone());
        }
        let invalid = |error| Failure::new(ErrorCode::InvalidInput, "the request is malformed").because(error);
        let agent = agent(reach, patience);
        let outcome = if self.body.is_empty() {
            agent.run(request.body(()).map_err(invalid)?)
        } else {
            agent.run(request.body(&self.body[..]).map_err(invalid)?)
        };
        outcome.map_err(|error| failed(&self.uri, &error, patience))
    }
}

fn agent(reach: Reach, patience: Patience) -> Agent {
    let config = Agent::config_builder().max_redirects(0).http_status_as_error(false).proxy(None).user_agent("genoa");
    let config = match patience {
        Patience::Until(time) => config.timeout_global(Some(time.saturating_duration_since(Instant::now()))),
        Patience::Silence(silence) => {
            let connect = silence.min(Duration::from_millis(CONNECT_MS));
            config
                .timeout_resolve(Some(connect))
                .timeout_connect(Some(connect))
                .timeout_per_write(Some(silence))
                .timeout_recv_response(Some(silence))
                .timeout_per_read(Some(silence))
        }
    };
    let config = config.build();
    match reach {
        Reach::Public => Agent::with_parts(config, DefaultConnector::default(), PublicOnly),
        Reach::Anywhere => Agent::with_parts(config, DefaultConnector::default(), DefaultResolver::default()),
    }
}

fn redirect(response: &Response<Body>, from: &Uri) -> Result<Option<Uri>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(header::LOCATION) else { return Ok(None) };
    let unreadable = || Failure::new(ErrorCode::ToolFailed, format!("{from} redirects to something unreadable"));
    let location = location.to_str().map_err(|_| unreadable())?;
    let next = url::Url::parse(&from.to_string()).and_then(|base| base.join(location)).map_err(|_| unreadable())?;
    parse(next.as_str()).map(Some)
}

/// The header fields of an answer, as far as there is room for them.
pub(crate) fn fields(response: &Response<Body>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers().iter().take(HEADERS) {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all}, {value}")).or_insert(value);
    }
    headers
}

fn reply(response: Response<Body>, uri: &Uri, patience: Patience) -> Result<FetchReply, Failure> {
    let (status, headers) = (response.status().as_u16(), fields(&response));
    let body = response.into_body().into_with_config().limit(BODY_BYTES);
    let bytes = body.read_to_vec().map_err(|error| failed(uri, &error, patience))?;
    Ok(FetchReply { status, headers, body: from_bytes(bytes), final_url: uri.to_string() })
}

fn from_bytes(bytes: Vec<u8>) -> FetchBody {
    match String::from_utf8(bytes) {
        Ok(text) => FetchBody::Text(text),
        Err(error) => FetchBody::Base64(STANDARD.encode(error.into_bytes())),
    }
}

fn into_bytes(body: FetchBody) -> Result<Vec<u8>, Failure> {
    match body {
        FetchBody::Text(text) => Ok(text.into_bytes()),
        FetchBody::Base64(text) => STANDARD
            .decode(text)
            .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the body is not base 64").because(error)),
    }
}

fn checked_headers(fields: &BTreeMap<String, String>) -> Result<HeaderMap, Failure> {
    if fields.len() > HEADERS {
        return Err(Failure::new(ErrorCode::TooLarge, format!("a request has more than {HEADERS} header fields")));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let invalid =
            || Failure::new(ErrorCode::InvalidInput, format!("{name:?} is not a header field that can be sent"));
        let name: header::HeaderName = name.parse().map_err(|_| invalid())?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(invalid());
        }
        headers.insert(name, value.parse().map_err(|_| invalid())?);
    }
    Ok(headers)
}

fn parse(url: &str) -> Result<Uri, Failure> {
    let invalid = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::InvalidInput, format!("{url:?} is not a web address")).because(error)
    };
    // The one reader of addresses that browsers agree with; what it makes of them is what is checked and sent.
    let mut url = url::Url::parse(url).map_err(|error| invalid(&error))?;
    url.set_fragment(None);
    url.as_str().parse().map_err(|error| invalid(&error))
}

pub(crate) fn failed(uri: &Uri, error: &ureq::Error, patience: Patience) -> Failure {
    let host = uri.host().unwrap_or_default();
    match error {
        ureq::Error::Timeout(_) => Failure::new(
            ErrorCode::TimedOut,
            match patience {
                Patience::Until(_) => format!("{host} took longer than {FETCH_MS} ms"),
                Patience::Silence(silence) => format!("{host} was silent for {} ms", silence.as_millis()),
            },
        ),
        ureq::Error::BodyExceedsLimit(limit) => {
            Failure::new(ErrorCode::TooLarge, format!("the answer of {host} is over the limit of {limit} bytes"))
        }
        ureq::Error::HostNotFound => Failure::new(ErrorCode::NotFound, format!("there is no host {host}")),
        // Nothing was sent: whoever asks may count on that.
        ureq::Error::Io(cause) if cause.kind() == ErrorKind::ConnectionRefused => {
            Failure::new(ErrorCode::NotFound, format!("the request to {host} failed")).because(error)
        }
        ureq::Error::Io(error) if error.to_string() == NOT_PUBLIC => {
            Failure::new(ErrorCode::NotGranted, format!("{host} is not reached: {NOT_PUBLIC}"))
                .try_next("Where that is meant, write the address with its port in config.toml instead: 10.0.0.7:8080")
        }
        other => Failure::new(ErrorCode::ToolFailed, format!("the request to {host} failed")).because(other),
    }
}
