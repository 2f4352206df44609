//! Pages of the web, through the egress broker: a tool has no network of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine;
use genoa_abi::egress::{FETCH, FetchBody, FetchReply, FetchRequest};
use genoa_abi::frame::Message;
use genoa_abi::ids::RequestId;
use genoa_abi::limits::{MESSAGE_BYTES, TOOL_MS};
use genoa_abi::schema::{Demand, EffectClass, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::documents::text_of_bytes;
use crate::text::{one_line, shorten};
use crate::tool::{Call, Tool, answer, record, schema};

/// Letters of an address.
const URL_LETTERS: usize = 2_000;
/// How long the broker may take: a little less than the call.
const FETCH_TIME: Duration = Duration::from_millis(TOOL_MS - 10_000);

/// The socket to the broker. A tool process serves one call, and inherits at most one.
static BROKER: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// Hands over the inherited socket to the broker, at the start of the process. Only the first one counts.
pub fn use_broker(socket: UnixStream) {
    let _ = BROKER.set(Mutex::new(socket));
}

#[derive(Debug, Serialize)]
struct Page {
    url: String,
    title: String,
    text: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut page = record(
        "Page",
        &[("url", "str", "its address"), ("title", "str", "its title"), ("text", "str", "what it says")],
    );
    page.origin = Some("url".into());
    page.title = Some("title".into());
    vec![page]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { network: true, ..Needs::default() };
    vec![Tool {
        // The address leaves the machine, so data must not choose it.
        schema: schema("web.fetch", "Fetch a page of the web as text.", EffectClass::Observe, needs, "Page")
            .required("url", "str", "its address")
            .demanding(Demand::Person)
            .phrase("Fetch {url}"),
        run: fetch,
    }]
}

fn fetch(call: &Call<'_>) -> Result<Json, Failure> {
    let url = checked_url(&call.text("url")?)?;
    let Some(broker) = BROKER.get() else {
        return Err(Failure::new(ErrorCode::NotGranted, format!("{url} cannot be fetched"))
            .because("this call has no right to any host")
            .try_next("Grant requests to this host"));
    };
    let socket = broker.lock().unwrap_or_else(PoisonError::into_inner);
    answer(page(&ask(&socket, &url)?)?)
}

fn checked_url(url: &str) -> Result<String, Failure> {
    let url = url.trim();
    let wrong = |why: &str| Err(Failure::new(ErrorCode::InvalidInput, "this address cannot be fetched").because(why));
    let lower = url.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else {
        return wrong("it does not begin with https:// or http://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains(['@', '\\']) {
        return wrong("it names no host, or a person at one");
    }
    if url.chars().count() > URL_LETTERS || url.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return wrong("it is too long, or holds spaces");
    }
    Ok(url.to_owned())
}

fn ask(mut socket: &UnixStream, url: &str) -> Result<FetchReply, Failure> {
    let broken = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::Interrupted, "the egress broker does not answer").because(error)
    };
    let headers =
        BTreeMap::from([("accept".to_owned(), "text/html, text/plain, application/pdf, */*;q=0.5".to_owned())]);
    let request = FetchRequest { url: url.to_owned(), method: "GET".to_owned(), headers, body: None };
    let params = serde_json::to_value(request).map_err(|error| broken(&error))?;
    socket.set_read_timeout(Some(FETCH_TIME)).map_err(|error| broken(&error))?;
    socket.write_all(&Message::request(RequestId(1), FETCH, params).to_line()).map_err(|error| broken(&error))?;
    let mut line = Vec::new();
    let limit = MESSAGE_BYTES as u64 + 1;
    BufReader::new(socket.take(limit)).read_until(b'\n', &mut line).map_err(|error| broken(&error))?;
    match Message::from_line(&line)? {
        Message::Success { result, .. } => serde_json::from_value(result).map_err(|error| broken(&error)),
        Message::Error { error, .. } => Err(error.data),
        _ => Err(broken(&"it sent something else")),
    }
}

fn page(reply: &FetchReply) -> Result<Page, Failure> {
    let url = one_line(&reply.final_url);
    if !(200..300).contains(&reply.status) {
        let code = if reply.status == 404 || reply.status == 410 { ErrorCode::NotFound } else { ErrorCode::ToolFailed };
        return Err(Failure::new(code, format!("{url} answered with the status {}", reply.status)));
    }
    let bytes = match &reply.body {
        FetchBody::Text(text) => text.clone().into_bytes(),
        FetchBody::Base64(text) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| Failure::new(ErrorCode::ToolFailed, "the broker's answer is damaged").because(error))?,
    };
    let kind = reply.headers.get("content-type").map(String::as_str).unwrap_or_default();
    // The name only decides where the content leaves it open.
    let name = if kind.contains("html") { "page.html" } else { "page.txt" };
    let title = match &reply.body {
        FetchBody::Text(text) if kind.contains("html") => title(text),
        _ => None,
    };
    let text = text_of_bytes(Path::new(name), bytes)?;
    Ok(Page { title: title.unwrap_or_else(|| url.clone()), url, text })
}

/// What stands between `<title>` and its end.
fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = one_line(&mail_parser::decoders::html::html_to_text(&html[start..end]));
    (!title.is_empty()).then(|| shorten(&title, 300))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;

    use genoa_abi::egress::FetchReply;
    use genoa_abi::frame::Message;
    use genoa_abi::ids::RequestId;
    use genoa_abi::{ErrorCode, Failure};
    use serde_json::json;

    use super::{ask, checked_url, page};
    use crate::testing::Bench;

    fn reply(status: u16, kind: &str, body: serde_json::Value) -> FetchReply {
        let reply = json!({
            "status": status, "headers": { "content-type": kind }, "body": body, "final_url": "https://a.example/x",
        });
        serde_json::from_value(reply).unwrap()
    }

    /// Asks a broker that answers with `line`.
    fn asked(line: Vec<u8>) -> Result<FetchReply, Failure> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let broker = std::thread::spawn(move || {
            let mut request = String::new();
            BufReader::new(&theirs).read_line(&mut request).unwrap();
            (&theirs).write_all(&line).unwrap();
            request
        });
        let outcome = ask(&ours, "https://a.example/x");
        let request: serde_json::Value = serde_json::from_str(&broker.join().unwrap()).unwrap();
        assert_eq!((&request["method"], &request["params"]["method"]), (&json!("fetch"), &json!("GET")));
        outcome
    }

    #[test]
    fn a_page_comes_through_the_broker() {
        let html = "<html><head><TITLE>A &amp; b</TITLE><script>x()</script></head><body><p>Hello</p></body></html>";
        let html = reply(200, "text/html; charset=utf-8", json!({ "text": html }));
        let line = Message::answer(RequestId(1), Ok(serde_json::to_value(&html).unwrap())).to_line();
        let page = page(&asked(line).unwrap()).unwrap();
        assert_eq!((page.url.as_str(), page.title.as_str()), ("https://a.example/x", "A & b"));
        assert!(page.text.contains("Hello") && !page.text.contains("x()"), "{}", page.text);
    }

    #[test]
    fn refusals_and_broken_brokers_are_failures() {
        let refusal = Failure::new(ErrorCode::NotGranted, "no request to a.example");
        assert_eq!(asked(Message::answer(RequestId(1), Err(refusal.clone())).to_line()), Err(refusal));
        assert!(asked(b"nonsense\n".to_vec()).is_err());
        assert!(asked(Vec::new()).is_err());
        assert_eq!(
            page(&reply(404, "text/html", json!({ "text": "" }))).map_err(|failure| failure.code).err(),
            Some(ErrorCode::NotFound)
        );
        assert_eq!(
            page(&reply(200, "text/plain", json!({ "base64": "AAEC" }))).map_err(|failure| failure.code).err(),
            Some(ErrorCode::Unsupported)
        );
    }

    #[test]
    fn only_plain_addresses_are_asked_for_and_only_with_a_grant() {
        for url in [
            "file:///etc/passwd",
            "ftp://a.example",
            "https://",
            "https://a@b.example/",
            "https://a.example/\nx",
            "javascript:x",
            "http:///x",
        ] {
            assert_eq!(checked_url(url).map_err(|failure| failure.code), Err(ErrorCode::InvalidInput), "{url}");
        }
        assert!(checked_url("HTTPS://a.example:8443/x?y=1#z").is_ok());
        assert_eq!(Bench::new().refused("web.fetch", json!({ "url": "https://a.example" })), ErrorCode::NotGranted);
    }
}
