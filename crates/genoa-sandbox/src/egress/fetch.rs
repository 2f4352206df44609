//! One request, with its redirects.

use std::collections::BTreeMap;
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
use crate::egress::{BODY_BYTES, FETCH_MS, HEADERS, REDIRECTS};

/// Header fields that are the broker's business, or that would lead past its checks.
const OWN_HEADERS: &[&str] =
    &["connection", "content-length", "host", "proxy-authorization", "transfer-encoding", "upgrade"];

/// Makes the request and follows redirects, each as far as `rules` allow.
pub(crate) fn fetch(rules: &Rules, request: FetchRequest) -> Result<FetchReply, Failure> {
    let deadline = Instant::now() + Duration::from_millis(FETCH_MS);
    let mut headers = checked_headers(&request.headers)?;
    let mut body = request.body.map(into_bytes).transpose()?.unwrap_or_default();
    if body.len() as u64 > BODY_BYTES {
        return Err(Failure::new(
            ErrorCode::TooLarge,
            format!("a request's body is over the limit of {BODY_BYTES} bytes"),
        ));
    }
    let (mut uri, mut method) = (parse(&request.url)?, request.method);
    for _ in 0..=REDIRECTS {
        let reach = rules.check(&uri, &method)?;
        let response = send(reach, &uri, &method, &headers, &body, deadline)?;
        let Some(next) = redirect(&response, &uri)? else { return reply(response, &uri) };
        let status = response.status().as_u16();
        if status == 303 || (matches!(status, 301 | 302) && method == "POST") {
            "GET".clone_into(&mut method);
            body.clear();
        }
        if next.authority() != uri.authority() || next.scheme() != uri.scheme() {
            // What was meant for one host is not for another.
            [header::AUTHORIZATION, header::COOKIE].iter().for_each(|name| drop(headers.remove(name)));
        }
        uri = next;
    }
    Err(Failure::new(ErrorCode::TooLarge, format!("{} leads through more than {REDIRECTS} redirects", request.url)))
}

fn send(
    reach: Reach,
    uri: &Uri,
    method: &str,
    headers: &HeaderMap,
    body: &[u8],
    deadline: Instant,
) -> Result<Response<Body>, Failure> {
    let mut request = Request::builder().method(method).uri(uri.clone());
    if let Some(fields) = request.headers_mut() {
        fields.extend(headers.clone());
    }
    let invalid = |error| Failure::new(ErrorCode::InvalidInput, "the request is malformed").because(error);
    let agent = agent(reach, deadline);
    let outcome = if body.is_empty() {
        agent.run(request.body(()).map_err(invalid)?)
    } else {
        agent.run(request.body(body).map_err(invalid)?)
    };
    outcome.map_err(|error| failed(uri, &error))
}

fn agent(reach: Reach, deadline: Instant) -> Agent {
    let config = Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .user_agent("genoa")
        .timeout_global(Some(deadline.saturating_duration_since(Instant::now())))
        .build();
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

fn reply(response: Response<Body>, uri: &Uri) -> Result<FetchReply, Failure> {
    let status = response.status().as_u16();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers().iter().take(HEADERS) {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all}, {value}")).or_insert(value);
    }
    let bytes =
        response.into_body().into_with_config().limit(BODY_BYTES).read_to_vec().map_err(|error| failed(uri, &error))?;
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

fn failed(uri: &Uri, error: &ureq::Error) -> Failure {
    let host = uri.host().unwrap_or_default();
    match error {
        ureq::Error::Timeout(_) => Failure::new(ErrorCode::TimedOut, format!("{host} took longer than {FETCH_MS} ms")),
        ureq::Error::BodyExceedsLimit(limit) => {
            Failure::new(ErrorCode::TooLarge, format!("the answer of {host} is over the limit of {limit} bytes"))
        }
        ureq::Error::HostNotFound => Failure::new(ErrorCode::NotFound, format!("there is no host {host}")),
        ureq::Error::Io(error) if error.to_string() == NOT_PUBLIC => Failure::new(
            ErrorCode::NotGranted,
            format!("{host} is not reached: {NOT_PUBLIC}"),
        )
        .try_next(
            "Where that is meant, name the address with its port in config.toml: [network] hosts = [\"10.0.0.7:8080\"]",
        ),
        other => Failure::new(ErrorCode::ToolFailed, format!("the request to {host} failed")).because(other),
    }
}
