//! An endpoint on the loopback interface that speaks the protocol of chat completions, as the test tells it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};

/// One request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Json,
}

/// A running endpoint. It ends with the test's process.
pub(crate) struct Lab {
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Lab {
    /// Answers the n-th request (from 0) as `script` says; the connection is closed after each.
    pub(crate) fn new(script: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, script) = (Arc::clone(&asked), Arc::new(script));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                std::thread::spawn(move || {
                    let Some(asked) = read(&stream) else { return };
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(asked);
                        seen.len() - 1
                    };
                    script(number, &mut stream);
                });
            }
        });
        Self { host, asked }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The section of the configuration for it, with more lines.
    pub(crate) fn section(&self, more: &str) -> String {
        format!("[providers.lab]\nurl = \"http://{}/v1\"\n{more}\n", self.host)
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut authorization) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => value.trim().clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, authorization, body: serde_json::from_slice(&body).ok()? })
}

/// Begins an answer.
pub(crate) fn begin(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
}

/// Says a part of an answer. A reader that is gone has heard enough.
pub(crate) fn say(stream: &mut TcpStream, text: &str) {
    let event = json!({ "choices": [{ "delta": { "content": text }, "finish_reason": null }] });
    let _ = stream.write_all(format!("data: {event}\n\n").as_bytes()).and_then(|()| stream.flush());
}

/// Ends an answer.
pub(crate) fn end(stream: &mut TcpStream) {
    let event = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let _ = stream.write_all(format!("data: {event}\n\ndata: [DONE]\n\n").as_bytes());
}

/// A whole answer, in two parts.
pub(crate) fn answer(stream: &mut TcpStream, text: &str) {
    begin(stream);
    let (first, second) = text.split_at(text.len() / 2);
    [first, second].into_iter().for_each(|part| say(stream, part));
    end(stream);
}

/// A refusal or a redirection, with the lines of its head and a body.
pub(crate) fn refuse(stream: &mut TcpStream, status: &str, more: &str, body: &str) {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{more}\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Says nothing for longer than any test waits.
pub(crate) fn stall() {
    std::thread::sleep(Duration::from_secs(120));
}
