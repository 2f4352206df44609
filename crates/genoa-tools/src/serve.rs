//! The tool process: one request in, one answer out.

use std::io::{BufRead, BufReader, Write};

use genoa_abi::frame::Message;
use genoa_abi::mcp::{DISCOVER, McpServer};
use genoa_abi::tool::ToolRequest;
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Value as Json, json};

use crate::mcp;
use crate::tool::{Call, Tool};

/// Reads one request from `reader`, runs the tool it names, and writes progress and the answer to `writer`.
///
/// # Errors
/// Only if the connection breaks: everything else is an answer.
pub fn serve(reader: impl std::io::Read, writer: impl Write, tools: &[Tool]) -> std::io::Result<()> {
    let mut line = Vec::new();
    BufReader::new(reader).read_until(b'\n', &mut line)?;
    let writer = std::cell::RefCell::new(writer);
    let send = |message: Message| writer.borrow_mut().write_all(&message.to_line());
    let message = match Message::from_line(&line) {
        Ok(Message::Request { id, method, params, .. }) if method == DISCOVER => Message::answer(id, describe(params)),
        Ok(Message::Request { id, params, .. }) => Message::answer(id, run(params, tools, &send)),
        Ok(_) => Message::failure(None, Failure::new(ErrorCode::InvalidInput, "a tool expects a request")),
        Err(failure) => Message::failure(None, failure),
    };
    send(message)?;
    writer.into_inner().flush()
}

/// What a server offers, in its own words.
fn describe(params: Json) -> Result<Json, Failure> {
    let server: McpServer = serde_json::from_value(params)
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the request names no MCP server").because(error))?;
    mcp::describe(&server, &std::env::temp_dir()).map(Json::Array)
}

fn run(params: Json, tools: &[Tool], send: &dyn Fn(Message) -> std::io::Result<()>) -> Result<Json, Failure> {
    let request: ToolRequest = serde_json::from_value(params)
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the request is not a tool request").because(error))?;
    if let Some(route) = &request.mcp {
        return mcp::call(route, &request).map(Json::String);
    }
    let Some(tool) = tools.iter().find(|tool| tool.schema.name == request.tool) else {
        return Err(Failure::new(ErrorCode::NotFound, format!("no built-in tool is called {}", request.tool)));
    };
    let progress = |text: &str| {
        // Progress is a courtesy: a broken connection shows when the answer is sent.
        let _ = send(Message::notification("progress", json!({ "text": text })));
    };
    (tool.run)(&Call { request: &request, progress: &progress })
}
