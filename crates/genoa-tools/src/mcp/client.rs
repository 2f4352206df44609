//! The conversation with one server: JSON-RPC, one message a line.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use genoa_abi::limits::{MESSAGE_BYTES, READ_BYTES, TOOL_MS};
use genoa_abi::mcp::McpServer;
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Map, Value as Json, json};

use crate::program::{end_group, program};
use crate::text::{one_line, shorten};

/// The versions of the protocol that are understood, the newest first: that one is offered, and a server may answer with
/// an older one. What is used of them is the same in all.
const PROTOCOLS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Under which name a server finds the idempotency key in what comes along with a call (`_meta`). The protocol has none of its own
/// for it; a prefix keeps this one out of its way.
const KEY: &str = "genoa/idempotency-key";
/// How long a server may take to start, and again for its whole list.
const START_TIME: Duration = Duration::from_secs(10);
/// How long a tool may take: a little less than the call.
const CALL_TIME: Duration = Duration::from_millis(TOOL_MS - 25_000);
/// Pages of the list of tools.
const PAGES: usize = 20;
/// Tools of one server.
const TOOLS: usize = 256;
/// Messages that wait unread: more makes the server wait.
const WAITING_MESSAGES: usize = 16;
/// Messages that a server may send before its answer.
const SIDE_MESSAGES: usize = 10_000;
/// Bytes of what a server printed last that are kept, and letters of it that are quoted.
const LAST_WORDS_BYTES: usize = 2_000;
const LAST_WORDS_LETTERS: usize = 300;
/// How long its last words may take once it has ended.
const LAST_WORDS_TIME: Duration = Duration::from_millis(300);

/// A running server. It ends, with all that it started, when this is dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<Result<String, Failure>>,
    /// What it printed beside the protocol, once it has ended.
    last_words: Receiver<String>,
    requests: u64,
}

impl Server {
    /// Starts the server in `folder` and agrees on the protocol.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if the jail shows no such program, [`ErrorCode::TimedOut`], [`ErrorCode::ToolFailed`] and
    /// [`ErrorCode::Unsupported`] for servers that do not speak the protocol.
    pub fn start(server: &McpServer, folder: &Path) -> Result<Self, Failure> {
        let mut command = program(&server.program);
        command.args(&server.arguments).current_dir(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| not_started(server, &error))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            end_group(&mut child);
            return Err(Failure::new(ErrorCode::Internal, "the MCP server has no streams"));
        };
        let mut started = Self {
            name: server.name.clone(),
            child,
            input,
            lines: read_lines(output),
            last_words: read_last_words(errors),
            requests: 0,
        };
        started.agree()?;
        Ok(started)
    }

    /// Agrees on the protocol.
    fn agree(&mut self) -> Result<(), Failure> {
        let client = json!({ "name": "genoa", "version": env!("CARGO_PKG_VERSION") });
        let hello = json!({ "protocolVersion": PROTOCOLS[0], "capabilities": {}, "clientInfo": client });
        let welcome = self.request("initialize", hello, Instant::now() + START_TIME)?;
        match welcome["protocolVersion"].as_str() {
            Some(version) if PROTOCOLS.contains(&version) => {
                self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            }
            Some(version) => {
                let version = shorten(&one_line(version), 40);
                Err(self
                    .failure(ErrorCode::Unsupported, format!("speaks version {version} of the protocol"))
                    .because(format!("what is understood here is {}", PROTOCOLS.join(", "))))
            }
            None => Err(self.failure(ErrorCode::ToolFailed, "does not say which protocol it speaks".to_owned())),
        }
    }

    /// The descriptions of all its tools, as it sends them.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for more than 256 tools or 20 pages; as [`Server::start`].
    pub fn list_tools(&mut self) -> Result<Vec<Json>, Failure> {
        let deadline = Instant::now() + START_TIME;
        let mut tools = Vec::new();
        let mut params = json!({});
        for _ in 0..PAGES {
            let mut page = self.request("tools/list", params, deadline)?;
            // Indexing to change would panic on what is no object.
            match page.get_mut("tools").map(Json::take) {
                Some(Json::Array(more)) => tools.extend(more),
                _ => return Err(self.failure(ErrorCode::ToolFailed, "answered tools/list without a list".to_owned())),
            }
            if tools.len() > TOOLS {
                return Err(self.failure(ErrorCode::TooLarge, format!("offers more than {TOOLS} tools")));
            }
            match page.get_mut("nextCursor").map(Json::take) {
                Some(Json::String(cursor)) => params = json!({ "cursor": cursor }),
                _ => return Ok(tools),
            }
        }
        Err(self.failure(ErrorCode::TooLarge, format!("lists its tools on more than {PAGES} pages")))
    }

    /// Calls a tool under the server's own names, with the idempotency key of a call that leaves the machine. The text of its
    /// answer.
    ///
    /// # Errors
    /// [`ErrorCode::ToolFailed`] with the server's words; as [`Server::start`].
    pub fn call_tool(
        &mut self,
        tool: &str,
        arguments: Map<String, Json>,
        key: Option<&str>,
    ) -> Result<String, Failure> {
        let mut params = json!({ "name": tool, "arguments": arguments });
        if let Some(key) = key {
            params["_meta"] = json!({ KEY: key });
        }
        let result = self.request("tools/call", params, Instant::now() + CALL_TIME)?;
        let text = text_of(&result);
        if text.len() > READ_BYTES {
            return Err(self.failure(ErrorCode::TooLarge, format!("answered with more than {READ_BYTES} bytes")));
        }
        if result["isError"] == true {
            return Err(self
                .failure(ErrorCode::ToolFailed, format!("failed in {tool}"))
                .because(shorten(&one_line(&text), 500)));
        }
        Ok(text)
    }

    fn request(&mut self, method: &str, params: Json, deadline: Instant) -> Result<Json, Failure> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        for _ in 0..SIDE_MESSAGES {
            let mut message = self.receive(method, deadline)?;
            if message["method"].is_string() {
                self.decline(&message)?;
            } else if message["id"] == id {
                if let Some(error) = message.get("error") {
                    let words = shorten(&one_line(error["message"].as_str().unwrap_or("no reason given")), 500);
                    return Err(self.failure(ErrorCode::ToolFailed, format!("refused {method}")).because(words));
                }
                return Ok(message.get_mut("result").map(Json::take).unwrap_or_default());
            }
        }
        Err(self.failure(ErrorCode::TooLarge, format!("sent more than {SIDE_MESSAGES} messages before its answer")))
    }

    /// A server may ask for things as well; all it gets is the sign of life.
    fn decline(&mut self, message: &Json) -> Result<(), Failure> {
        let Some(id) = message.get("id") else { return Ok(()) };
        if message["method"] == "ping" {
            return self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
        }
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32601, "message": "not offered" } }))
    }

    fn send(&mut self, message: &Json) -> Result<(), Failure> {
        let sent = self.input.write_all(format!("{message}\n").as_bytes()).and_then(|()| self.input.flush());
        sent.map_err(|_| self.ended("has ended"))
    }

    fn receive(&self, method: &str, deadline: Instant) -> Result<Json, Failure> {
        let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Timeout) => {
                return Err(self.failure(ErrorCode::TimedOut, format!("did not answer {method} in time")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(self.ended(&format!("ended before it answered {method}")));
            }
        };
        serde_json::from_str(&line).map_err(|error| {
            self.failure(ErrorCode::ToolFailed, "does not speak the protocol".to_owned()).because(error)
        })
    }

    /// The failure for a server that is gone, with what it said at last.
    fn ended(&self, what: &str) -> Failure {
        let failure = self.failure(ErrorCode::Interrupted, what.to_owned());
        let words = self.last_words.recv_timeout(LAST_WORDS_TIME).unwrap_or_default();
        let words = one_line(&words);
        let tail: Vec<char> = words.chars().rev().take(LAST_WORDS_LETTERS).collect();
        let tail: String = tail.into_iter().rev().collect();
        let failure = if tail.is_empty() { failure } else { failure.because(format!("it said: {tail}")) };
        failure.try_next("A jail shows the system's folders and no network: what lies in a home folder is not there")
    }

    fn failure(&self, code: ErrorCode, what: String) -> Failure {
        Failure::new(code, format!("the MCP server {} {what}", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end_group(&mut self.child);
    }
}

/// Why a program does not run: most often because the jail does not show it.
fn not_started(server: &McpServer, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    let what = format!("the MCP server {} cannot be started", server.name);
    let program = shorten(&one_line(&server.program), 200);
    if !matches!(error.kind(), NotFound | PermissionDenied) {
        return Failure::new(ErrorCode::ToolFailed, what).because(format!("{program}: {error}"));
    }
    Failure::new(ErrorCode::NotFound, what)
        .because(format!("a jail shows no program `{program}`: it is not installed, or not in a folder of the system"))
        .try_next("Install it for the whole system, under /usr or /usr/local; a home folder is out of a jail's reach")
}

/// Reads what a server prints beside the protocol, on a thread of its own, and gives the end of it when it has ended.
fn read_last_words(mut errors: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = errors.read(&mut chunk) {
            kept.extend_from_slice(&chunk[..count]);
            kept.drain(..kept.len().saturating_sub(LAST_WORDS_BYTES));
        }
        // Nobody may be there to hear it.
        let _ = sender.send(String::from_utf8_lossy(&kept).into_owned());
    });
    receiver
}

/// Reads lines on a thread of its own, each at most [`MESSAGE_BYTES`] long.
fn read_lines(output: impl Read + Send + 'static) -> Receiver<Result<String, Failure>> {
    let (sender, receiver) = sync_channel(WAITING_MESSAGES);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            let read = reader.by_ref().take(MESSAGE_BYTES as u64 + 1).read_until(b'\n', &mut line);
            let message = match read {
                Ok(0) | Err(_) => return,
                Ok(_) if line.len() > MESSAGE_BYTES => Err(Failure::new(
                    ErrorCode::TooLarge,
                    format!("a message of the MCP server is over {MESSAGE_BYTES} bytes"),
                )),
                Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
            };
            let is_over = message.is_err();
            if sender.send(message).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

/// The texts of an answer; what is no text is named. Structured content counts only where there is nothing else.
fn text_of(result: &Json) -> String {
    let part = |part: &Json| match part["type"].as_str() {
        Some("text") => part["text"].as_str().unwrap_or_default().to_owned(),
        Some("resource") => part["resource"]["text"].as_str().map_or_else(|| "[a resource]".to_owned(), str::to_owned),
        Some("resource_link") => part["uri"].as_str().map(one_line).unwrap_or_default(),
        other => format!("[{}]", shorten(&one_line(other.unwrap_or("unknown content")), 40)),
    };
    let parts: Vec<String> = result["content"].as_array().into_iter().flatten().map(part).collect();
    match result.get("structuredContent") {
        Some(content) if parts.is_empty() => content.to_string(),
        _ => parts.join("\n"),
    }
}
