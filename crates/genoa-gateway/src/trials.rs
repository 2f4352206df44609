//! The server over real sockets, with a daemon that only pretends: what it does to clients that do nothing, and to too many of them.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use genoa_abi::RequestId;
use genoa_abi::frame::Message;
use genoa_abi::model::{Finish, InferReply, InferUsage};
use genoa_abi::session::News;
use genoa_abi::syscall::Reply;
use genoa_client::{Client, handing_pair};
use serde_json::{Value as Json, json};

use crate::limits::Limits;
use crate::server::{GatewayOptions, serve_within};

const TOKEN: &str = "genoa-of-a-test";
const MODEL: &str = "m";
/// Longer than anything here takes, on a machine that is busy with other things.
const LONG: Duration = Duration::from_secs(30);

/// How the pretended daemon answers an `infer`.
#[derive(Clone, Copy)]
enum Writes {
    /// A word, after a while.
    AWordAfter(Duration),
    /// A word, once it may.
    AWordOnceOpen,
    /// Words without end.
    WithoutEnd,
}

/// A daemon that knows one syscall, and counts the calls that it works on and that were left.
#[derive(Default)]
struct Pretended {
    at_work: AtomicUsize,
    most_at_work: AtomicUsize,
    left: AtomicUsize,
    is_open: AtomicBool,
}

impl Pretended {
    fn at(socket: &PathBuf, writes: Writes) -> Arc<Self> {
        let listener = UnixListener::bind(socket).unwrap();
        let daemon = Arc::new(Self::default());
        let of_thread = Arc::clone(&daemon);
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let daemon = Arc::clone(&of_thread);
                spawn(move || daemon.serve(&stream, writes));
            }
        });
        daemon
    }

    fn serve(&self, stream: &UnixStream, writes: Writes) {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let Ok(Message::Request { id, .. }) = Message::from_line(&line) else { return };
            let reply = self.infer(stream, id, writes);
            let message = Message::answer(id, Ok(serde_json::to_value(reply).unwrap()));
            if { stream }.write_all(&message.to_line()).is_err() {
                return;
            }
        }
    }

    fn infer(&self, stream: &UnixStream, request: RequestId, writes: Writes) -> Reply {
        let now = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_work.fetch_max(now, Ordering::SeqCst);
        match writes {
            Writes::AWordAfter(time) => sleep(time),
            Writes::AWordOnceOpen => wait_for("it may answer", || self.is_open.load(Ordering::SeqCst)),
            Writes::WithoutEnd => {
                let news = News::Writing { request, text: "word ".repeat(1_000), tokens: 1, written: vec![] };
                let line = Message::notification("news", serde_json::to_value(news).unwrap()).to_line();
                while { stream }.write_all(&line).is_ok() {}
                self.left.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        let usage = InferUsage { prompt_tokens: 1, written_tokens: 1, ..InferUsage::default() };
        Reply::Text(InferReply {
            text: "word".into(),
            finish: Finish::Stop,
            usage,
            model: MODEL.into(),
            alternatives: vec![],
            tokens: vec![],
        })
    }
}

/// A gateway before a pretended daemon.
struct Gateway {
    address: SocketAddr,
    daemon: Arc<Pretended>,
    folder: PathBuf,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Gateway {
    fn new(name: &str, writes: Writes, limits: Limits) -> Self {
        let folder = std::env::temp_dir().join(format!("genoa-gateway-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("daemon.sock");
        let daemon = Pretended::at(&socket, writes);
        let (opener, way) = handing_pair().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        spawn(move || {
            opener.tell(&GatewayOptions { model: MODEL.into(), token: TOKEN.into() }).unwrap();
            opener.serve(|| Client::connect(&socket)).unwrap();
        });
        spawn(move || serve_within(way, listener, limits));
        Self { address, daemon, folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(format!("{}{body}", head(method, path, body.len())).as_bytes()).unwrap();
        stream
    }

    fn chat(&self, more: &Json) -> TcpStream {
        let mut body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "x" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("POST", "/v1/chat/completions", &body.to_string())
    }
}

fn head(method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n\
        Content-Length: {length}\r\n\r\n"
    )
}

/// The head and the body of one answer whose length is told.
fn answer(stream: &TcpStream) -> (u16, String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "it ended in its head: {head:?}");
    }
    let head = head.to_lowercase();
    let length = head.split_once("content-length: ").unwrap().1.split_once("\r\n").unwrap().0.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, String::from_utf8(body).unwrap())
}

/// How long it takes until the other side ends the connection.
fn until_it_ends(mut stream: &TcpStream) -> Duration {
    let began = Instant::now();
    match stream.read(&mut [0; 16]) {
        Ok(0) => began.elapsed(),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => began.elapsed(),
        other => panic!("{other:?}"),
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(10));
    }
}

fn quick() -> Writes {
    Writes::AWordAfter(Duration::from_millis(1))
}

#[test]
fn who_does_not_say_what_it_wants_is_let_go() {
    let limits = Limits { head: Duration::from_millis(400), ..Limits::default() };
    let gateway = Gateway::new("head", quick(), limits);
    let silent = gateway.connect();
    let took = until_it_ends(&silent);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    // A byte now and then is no head.
    let mut slow = gateway.connect();
    let began = Instant::now();
    for byte in head("GET", "/v1/models", 0).bytes() {
        if slow.write_all(&[byte]).is_err() {
            break;
        }
        sleep(Duration::from_millis(40));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "it was heard to its end after {:?}", began.elapsed());
    until_it_ends(&slow);
    assert_eq!(answer(&gateway.ask("GET", "/v1/models", "")).0, 200);
}

#[test]
fn an_idle_connection_is_closed_and_one_that_waits_for_its_answer_is_not() {
    let limits = Limits { idle: Duration::from_millis(300), head: Duration::from_millis(300), ..Limits::default() };
    let gateway = Gateway::new("idle", Writes::AWordAfter(Duration::from_millis(1_500)), limits);
    for stream in [false, true] {
        let waiting = gateway.chat(&json!({ "stream": stream }));
        let mut all = String::new();
        { &waiting }.read_to_string(&mut all).unwrap();
        assert!(all.contains("200 OK") && all.contains("word"), "{all}");
    }
    let mut twice = gateway.ask("GET", "/v1/models", "");
    assert_eq!(answer(&twice).0, 200);
    twice.write_all(head("GET", "/v1/models", 0).as_bytes()).unwrap();
    assert_eq!(answer(&twice).0, 200, "one after the other, on one connection");
    let took = until_it_ends(&twice);
    assert!(took >= Duration::from_millis(200), "{took:?}");
}

#[test]
fn a_body_that_is_too_large_or_too_slow_is_refused() {
    let limits = Limits { body: Duration::from_millis(300), ..Limits::default() };
    let gateway = Gateway::new("body", quick(), limits);
    let mut slow = gateway.connect();
    slow.write_all(format!("{}{{", head("POST", "/v1/chat/completions", 100)).as_bytes()).unwrap();
    let (status, _, body) = answer(&slow);
    assert_eq!(status, 408, "{body}");
    assert!(body.contains("request_timeout"), "{body}");
    let large = format!("{{\"model\": \"{}\"}}", "m".repeat(5 * 1024 * 1024));
    let mut stream = gateway.connect();
    stream.write_all(head("POST", "/v1/responses", large.len()).as_bytes()).unwrap();
    // It may be refused before all of it was sent.
    let _ = stream.write_all(large.as_bytes());
    let (status, _, body) = answer(&stream);
    assert!(status == 413 && body.contains("request_too_large"), "{status} {body}");
}

/// Some clients send the head and the body one after the other, and the next request right after the answer.
#[test]
fn who_is_refused_can_ask_again_on_the_same_connection() {
    let gateway = Gateway::new("again", quick(), Limits::default());
    let mut client = gateway.connect();
    for (path, status) in [("/v1/responses/compact", 404), ("/v1/nothing", 404), ("/v1/models", 405)] {
        client.write_all(head("POST", path, 100_000).as_bytes()).unwrap();
        sleep(Duration::from_millis(50));
        client.write_all(&[b' '; 100_000]).unwrap();
        assert_eq!(answer(&client).0, status, "{path}");
    }
    client.write_all(head("GET", "/v1/models", 0).replace(TOKEN, "another").as_bytes()).unwrap();
    assert_eq!(answer(&client).0, 401);
    client.write_all(head("GET", "/v1/models", 0).as_bytes()).unwrap();
    assert_eq!(answer(&client).0, 200);
}

#[test]
fn who_never_reads_is_given_up_and_what_was_written_for_it_ends() {
    let limits = Limits { running: 1, waiting: 0, unread: Duration::from_millis(500), ..Limits::default() };
    let gateway = Gateway::new("unread", Writes::WithoutEnd, limits);
    let deaf = gateway.chat(&json!({ "stream": true }));
    wait_for("the call begins", || gateway.daemon.at_work.load(Ordering::SeqCst) == 1);
    wait_for("the call is given up", || gateway.daemon.left.load(Ordering::SeqCst) == 1);
    // Its place is free again.
    let next = gateway.chat(&json!({ "stream": true }));
    let mut first = [0; 12];
    { &next }.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    drop(next);
    wait_for("who leaves is not written for", || gateway.daemon.left.load(Ordering::SeqCst) == 2);
    drop(deaf);
}

#[test]
fn where_all_connections_are_taken_the_one_that_was_idle_longest_makes_room() {
    let limits = Limits { connections: 4, spared: Duration::from_millis(200), ..Limits::default() };
    let gateway = Gateway::new("room", quick(), limits);
    let idle: Vec<TcpStream> = (0..4).map(|_| gateway.ask("GET", "/v1/models", "")).collect();
    idle.iter().for_each(|stream| assert_eq!(answer(stream).0, 200));
    assert_eq!(answer(&gateway.ask("GET", "/v1/models", "")).0, 200);
    until_it_ends(&idle[0]);
    let mut last = &idle[3];
    last.write_all(head("GET", "/v1/models", 0).as_bytes()).unwrap();
    assert_eq!(answer(last).0, 200, "the others stay");
}

#[test]
fn of_a_thousand_clients_each_is_answered_or_told_to_come_again() {
    let gateway = Gateway::new("thousand", Writes::AWordOnceOpen, Limits::default());
    let clients: Vec<TcpStream> = (0..1_000).map(|_| gateway.chat(&json!({}))).collect();
    let hears = |client: &&TcpStream| client.peek(&mut [0]).is_ok_and(|count| count > 0);
    clients.iter().for_each(|client| client.set_nonblocking(true).unwrap());
    wait_for("who finds no place is told so while others wait", || clients.iter().filter(hears).count() == 744);
    let small = Instant::now();
    assert_eq!(answer(&gateway.ask("GET", "/v1/models", "")).0, 200, "who wants little does not starve");
    assert!(small.elapsed() < Duration::from_secs(5), "{:?}", small.elapsed());
    gateway.daemon.is_open.store(true, Ordering::SeqCst);
    let (mut answered, mut refused) = (0, 0);
    for client in &clients {
        client.set_nonblocking(false).unwrap();
        match answer(client) {
            (200, _, body) if body.contains("word") => answered += 1,
            (429, head, body) => {
                assert!(head.contains("retry-after: 5") && body.contains("rate_limit_exceeded"), "{head}{body}");
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((answered, refused), (256, 744));
    assert_eq!(gateway.daemon.most_at_work.load(Ordering::SeqCst), 16);
}
