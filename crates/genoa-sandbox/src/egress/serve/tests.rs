//! The broker against a web server on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use genoa_abi::egress::{StreamHead, StreamNews};
use genoa_abi::frame::Message;
use genoa_abi::grant::Right;
use genoa_abi::limits::EGRESS_REQUESTS;
use genoa_abi::{ErrorCode, RequestId};
use serde_json::{Value as Json, json};

use super::serve;
use crate::egress::rules::Rules;

/// A server that answers by path, each connection once, and sends on to the port `other`. Returns its port.
fn server(other: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length, mut seen) = (String::new(), 0, String::new());
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if lower.starts_with("authorization:") {
                    seen = line.trim().to_owned();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = stream.write_all(&respond(first.trim(), &body, &seen, other));
        }
    });
    port
}

fn respond(first: &str, body: &[u8], seen: &str, other: u16) -> Vec<u8> {
    let path = first.split(' ').nth(1).unwrap();
    let redirect =
        |to: String| format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let plain = |body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Test: yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    match path {
        "/to-hello" => redirect("/hello".into()).into_bytes(),
        "/to-other-server" => redirect(format!("http://127.0.0.1:{other}/hello")).into_bytes(),
        "/to-file" => redirect("file:///etc/passwd".into()).into_bytes(),
        "/loop" => redirect("/loop".into()).into_bytes(),
        "/big" => plain(&vec![b'x'; 5 * 1024 * 1024]),
        "/binary" => plain(&[0xff, 0xfe, 0]),
        "/echo" => plain(body),
        "/seen" => plain(seen.as_bytes()),
        "/lost" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
        _ => plain(b"hello"),
    }
}

fn rules(rights: &[(&str, &[&str])]) -> Rules {
    let right = |(host, methods): &(&str, &[&str])| Right::Network {
        host: (*host).to_owned(),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
    };
    Rules::new(rights.iter().map(right).collect())
}

/// What the broker answers: `status body final-path`, or the code of the failure.
fn ask(rights: &[(&str, &[&str])], request: Json) -> String {
    let rules = rules(rights);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let broker = std::thread::spawn(move || serve(theirs, rules));
    ours.write_all(&Message::request(RequestId(5), "fetch", request).to_line()).unwrap();
    let mut line = String::new();
    BufReader::new(ours.try_clone().unwrap()).read_line(&mut line).unwrap();
    ours.shutdown(std::net::Shutdown::Both).unwrap();
    broker.join().unwrap().unwrap();
    match Message::from_line(line.as_bytes()).unwrap() {
        Message::Success { result, .. } => {
            let url = result["final_url"].as_str().unwrap();
            format!("{} {} /{}", result["status"], result["body"], url.rsplit('/').next().unwrap())
        }
        Message::Error { id, error, .. } => {
            assert_eq!(id, Some(RequestId(5)));
            format!("{:?}", error.data.code)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_go_as_far_as_the_rules_allow() {
    let other = server(0);
    let port = server(other);
    let (here, also_here) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{other}"));
    let local: &[(&str, &[&str])] = &[(&here, &["GET"])];
    let check = |rights: &[(&str, &[&str])], path: &str, expected: &str| {
        assert_eq!(ask(rights, json!({"url": format!("http://{here}{path}")})), expected, "{path}");
    };
    check(local, "/hello", r#"200 {"text":"hello"} /hello"#);
    check(local, "/to-hello", r#"200 {"text":"hello"} /hello"#);
    check(local, "/lost", r#"404 {"text":""} /lost"#);
    check(local, "/binary", r#"200 {"base64":"//4A"} /binary"#);
    check(local, "/big", "TooLarge");
    check(local, "/loop", "TooLarge");
    check(local, "/to-file", "InvalidInput");
    check(local, "/to-other-server", "NotGranted");
    check(&[(&here, &[]), (&also_here, &[])], "/to-other-server", r#"200 {"text":"hello"} /hello"#);
    // Everything is not this machine: that must be named by its address and port.
    check(&[("*", &[])], "/hello", "NotGranted");
    check(&[("127.0.0.1", &[])], "/hello", "NotGranted");
    check(&[(&here, &["POST"])], "/hello", "NotGranted");
    check(&[], "/hello", "NotGranted");
    // A name with its port is a name all the same: where it leads is not this machine.
    let name = format!("localhost:{port}");
    let by_name = ask(&[(&name, &[])], json!({"url": format!("http://{name}/hello")}));
    assert_eq!(by_name, "NotGranted");
}

#[test]
fn bodies_and_headers_are_sent_and_do_not_leak_to_other_hosts() {
    let port = server(0);
    let here = format!("127.0.0.1:{port}");
    let rights: &[(&str, &[&str])] = &[(&here, &[])];
    let url = |path: &str| format!("http://{here}{path}");
    let post = json!({"url": url("/echo"), "method": "POST", "body": {"text": "sent"}});
    assert_eq!(ask(rights, post), r#"200 {"text":"sent"} /echo"#);
    let seen = json!({"url": url("/seen"), "headers": {"Authorization": "secret"}});
    assert_eq!(ask(rights, seen), r#"200 {"text":"authorization: secret"} /seen"#);
    let smuggled = json!({"url": url("/seen"), "headers": {"Host": "other"}});
    assert_eq!(ask(rights, smuggled), "InvalidInput");
    let broken = json!({"url": url("/seen"), "headers": {"X-Y": "a\r\nb"}});
    assert_eq!(ask(rights, broken), "InvalidInput");
    assert_eq!(ask(rights, json!({"url": "file:///etc/passwd"})), "InvalidInput");
    assert_eq!(ask(rights, json!({"link": "x"})), "InvalidInput");
}

/// A server whose answers are written by the test: it gives each connection away once its request was read.
fn hand_over() -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (sender, connections) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            if sender.send(stream).is_err() {
                return;
            }
        }
    });
    (host, connections)
}

const BEGIN: &[u8] = b"HTTP/1.1 200 OK\r\nX-Test: yes\r\nConnection: close\r\n\r\n";

/// One end of a broker's socket, with the broker at the other.
struct Asking {
    socket: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Asking {
    fn with(rules: Rules) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || serve(theirs, rules));
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let lines = BufReader::new(socket.try_clone().unwrap());
        Self { socket, lines }
    }

    fn say(&mut self, message: &Message) {
        self.socket.write_all(&message.to_line()).unwrap();
    }

    fn stream(&mut self, id: u64, url: &str, silence_ms: u64) {
        let params = json!({ "fetch": { "url": url, "method": "POST" }, "silence_ms": silence_ms });
        self.say(&Message::request(RequestId(id), "stream", params));
    }

    fn hear(&mut self) -> Message {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        Message::from_line(line.as_bytes()).unwrap()
    }

    /// The status with which the answer to a request begins, or the code of the failure.
    fn head(&mut self, id: u64) -> Result<u16, ErrorCode> {
        match self.hear() {
            Message::Success { id: answered, result, .. } if answered.0 == id => {
                Ok(serde_json::from_value::<StreamHead>(result).unwrap().status)
            }
            Message::Error { id: answered, error, .. } if answered == Some(RequestId(id)) => Err(error.data.code),
            other => panic!("{other:?}"),
        }
    }

    /// What comes next of a stream: its text, or how it ended.
    fn next(&mut self, id: u64) -> Result<String, Result<(), ErrorCode>> {
        let Message::Notification { params, .. } = self.hear() else { panic!("no news") };
        match serde_json::from_value::<StreamNews>(params).unwrap() {
            StreamNews::Part { request, text } if request.0 == id => Ok(text),
            StreamNews::End { request, outcome } if request.0 == id => Err(outcome.map_err(|failure| failure.code)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_is_passed_on_as_it_comes_and_others_do_not_wait_for_it() {
    let (host, connections) = hand_over();
    let url = format!("http://{host}/v1");
    let mut broker = Asking::with(rules(&[(&host, &["POST"])]));
    broker.stream(1, &url, 10_000);
    let mut first = connections.recv().unwrap();
    broker.stream(2, &url, 10_000);
    let mut second = connections.recv().unwrap();
    first.write_all(BEGIN).unwrap();
    // Half a character, and the other half only after the first text has arrived.
    first.write_all(b"caf\xc3").unwrap();
    assert_eq!((broker.head(1), broker.next(1)), (Ok(200), Ok("caf".to_owned())));
    second.write_all(&[BEGIN, b"second"].concat()).unwrap();
    drop(second);
    assert_eq!((broker.head(2), broker.next(2), broker.next(2)), (Ok(200), Ok("second".to_owned()), Err(Ok(()))));
    first.write_all(b"\xa9 \xff!\xe2\x82").unwrap();
    drop(first);
    let mut rest = String::new();
    let end = loop {
        match broker.next(1) {
            Ok(text) => rest.push_str(&text),
            Err(end) => break end,
        }
    };
    assert_eq!((rest.as_str(), end), ("\u{e9} \u{fffd}!\u{fffd}", Ok(())));
}

#[test]
fn a_stream_goes_where_the_rules_say_and_follows_nobody_elsewhere() {
    let (host, connections) = hand_over();
    let mut broker = Asking::with(rules(&[(&host, &["POST"])]));
    let (other, others_connections) = hand_over();
    broker.stream(1, &format!("http://{other}/v1"), 10_000);
    assert_eq!(broker.head(1), Err(ErrorCode::NotGranted));
    let get = json!({ "fetch": { "url": format!("http://{host}/v1") }, "silence_ms": 1000 });
    broker.say(&Message::request(RequestId(2), "stream", get));
    assert_eq!(broker.head(2), Err(ErrorCode::NotGranted), "only what was granted: POST");
    broker.stream(3, &format!("http://{host}/v1"), 10_000);
    let away = format!("HTTP/1.1 307 Away\r\nLocation: http://{other}/\r\nContent-Length: 0\r\n\r\n");
    connections.recv().unwrap().write_all(away.as_bytes()).unwrap();
    assert_eq!((broker.head(3), broker.next(3)), (Ok(307), Err(Ok(()))));
    assert!(others_connections.try_recv().is_err(), "nobody came");
}

#[test]
fn silence_ends_a_stream_before_and_after_it_has_begun() {
    let (host, connections) = hand_over();
    let url = format!("http://{host}/v1");
    let mut broker = Asking::with(rules(&[(&host, &["POST"])]));
    broker.stream(1, &url, 300);
    let _silent = connections.recv().unwrap();
    assert_eq!(broker.head(1), Err(ErrorCode::TimedOut));
    broker.stream(2, &url, 300);
    let mut stalling = connections.recv().unwrap();
    stalling.write_all(&[BEGIN, b"a word"].concat()).unwrap();
    assert_eq!((broker.head(2), broker.next(2)), (Ok(200), Ok("a word".to_owned())));
    assert_eq!(broker.next(2), Err(Err(ErrorCode::TimedOut)));
}

#[test]
fn what_nobody_wants_any_more_ends_and_makes_room() {
    let (host, connections) = hand_over();
    let url = format!("http://{host}/v1");
    let mut broker = Asking::with(rules(&[(&host, &["POST"])]));
    let mut open: Vec<TcpStream> = Vec::new();
    for id in 0..EGRESS_REQUESTS as u64 {
        broker.stream(id, &url, 20_000);
        open.push(connections.recv().unwrap());
    }
    broker.stream(0, &url, 20_000);
    assert_eq!(broker.head(0), Err(ErrorCode::TooLarge), "there is room for {EGRESS_REQUESTS}");
    open[0].write_all(BEGIN).unwrap();
    assert_eq!(broker.head(0), Ok(200));
    broker.say(&Message::notification("stop", json!(0)));
    // It may have looked just before; the next word at the latest is its last.
    while open[0].write_all(b"word ").is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let is_let_in = || {
        broker.stream(99, &url, 20_000);
        connections.recv_timeout(Duration::from_millis(200)).is_ok()
    };
    assert!(std::iter::repeat_with(is_let_in).take(50).any(|is_in| is_in), "there is room again");
}
