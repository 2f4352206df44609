//! The conversation with one server: JSON-RPC, one message a line.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use genoa_abi::limits::{MESSAGE_BYTES, READ_BYTES, TOOL_MS};
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Map, Value as Json, json};

use super::McpServer;
use crate::program::{end_group, program};
use crate::text::{one_line, shorten};

/// The version of the protocol that is offered; a server may answer with an older one.
const PROTOCOL: &str = "2025-06-18";
/// How long a server may take for its start and for its list.
const START_TIME: Duration = Duration::from_secs(20);
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

/// A running server. It ends, with all that it started, when this is dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<Result<String, Failure>>,
    requests: u64,
}

impl Server {
    /// Starts the server in `folder` and agrees on the protocol.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if there is no such program, [`ErrorCode::TimedOut`] and [`ErrorCode::ToolFailed`] for servers
    /// that do not speak the protocol.
    pub fn start(server: &McpServer, folder: &Path) -> Result<Self, Failure> {
        let mut command = program(&server.program);
        command.args(&server.arguments).current_dir(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| {
            let code =
                if error.kind() == std::io::ErrorKind::NotFound { ErrorCode::NotFound } else { ErrorCode::ToolFailed };
            Failure::new(code, format!("the MCP server {} cannot be started", server.name)).because(error)
        })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            end_group(&mut child);
            return Err(Failure::new(ErrorCode::Internal, "the MCP server has no streams"));
        };
        let mut started = Self { name: server.name.clone(), child, input, lines: read_lines(output), requests: 0 };
        let hello = json!({ "protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": { "name": "genoa", "version": env!("CARGO_PKG_VERSION") } });
        started.request("initialize", hello, START_TIME)?;
        started.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(started)
    }

    /// The descriptions of all its tools, as it sends them.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for more than 256 tools or 20 pages; as [`Server::start`].
    pub fn list_tools(&mut self) -> Result<Vec<Json>, Failure> {
        let mut tools = Vec::new();
        let mut params = json!({});
        for _ in 0..PAGES {
            let mut page = self.request("tools/list", params, START_TIME)?;
            if let Json::Array(more) = page["tools"].take() {
                tools.extend(more);
            }
            if tools.len() > TOOLS {
                return Err(self.failure(ErrorCode::TooLarge, format!("offers more than {TOOLS} tools")));
            }
            match page["nextCursor"].take() {
                Json::String(cursor) => params = json!({ "cursor": cursor }),
                _ => return Ok(tools),
            }
        }
        Err(self.failure(ErrorCode::TooLarge, format!("lists its tools on more than {PAGES} pages")))
    }

    /// Calls a tool under the server's own names. The text of its answer.
    ///
    /// # Errors
    /// [`ErrorCode::ToolFailed`] with the server's words; as [`Server::start`].
    pub fn call_tool(&mut self, tool: &str, arguments: Map<String, Json>) -> Result<String, Failure> {
        let result = self.request("tools/call", json!({ "name": tool, "arguments": arguments }), CALL_TIME)?;
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

    fn request(&mut self, method: &str, params: Json, time: Duration) -> Result<Json, Failure> {
        let deadline = Instant::now() + time;
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
                return Ok(message["result"].take());
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
        sent.map_err(|error| self.failure(ErrorCode::Interrupted, "has ended".to_owned()).because(error))
    }

    fn receive(&self, method: &str, deadline: Instant) -> Result<Json, Failure> {
        let line = match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Timeout) => {
                return Err(self.failure(ErrorCode::TimedOut, format!("did not answer {method} in time")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(self.failure(ErrorCode::Interrupted, format!("ended before it answered {method}")));
            }
        };
        serde_json::from_str(&line).map_err(|error| {
            self.failure(ErrorCode::ToolFailed, "does not speak the protocol".to_owned()).because(error)
        })
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
