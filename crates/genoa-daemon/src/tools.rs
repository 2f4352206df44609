//! Tool calls that run: their time limits, what they say, and what they leave behind.

use std::collections::BTreeMap;

use genoa_abi::event::{Event, ToolJob};
use genoa_abi::frame::Message;
use genoa_abi::limits::{MARK_PLACE_BYTES, MARKS, TOOL_RESULT_BYTES};
use genoa_abi::session::News;
use genoa_abi::tool::{MARKED, Mark, ToolOutcome, ToolRequest, ToolUsage};
use genoa_abi::{CallId, ErrorCode, Failure, RequestId, Timestamp};
use genoa_sandbox::view::{Snapshot, ViewLayout};
use serde_json::Value as Json;

use crate::carry_out::to_json;
use crate::connection::Peer;
use crate::daemon::{Daemon, now};
use crate::views::snapshot_for;

/// The calls that run now.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    running: BTreeMap<CallId, RunningTool>,
}

#[derive(Debug)]
struct RunningTool {
    job: ToolJob,
    began: Timestamp,
    deadline: Timestamp,
    layout: ViewLayout,
    /// The view before the call; nothing if the call cannot write.
    before: Option<Snapshot>,
    /// What its sensor marked in the answer that comes next.
    marks: Vec<Mark>,
}

impl Tools {
    /// When the next time limit is reached.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.running.values().map(|running| running.deadline).min()
    }

    /// The calls whose time is over.
    pub(crate) fn take_overdue(&self, now: Timestamp) -> Vec<CallId> {
        self.running.iter().filter(|(_, running)| running.deadline <= now).map(|(call, _)| *call).collect()
    }

    /// The event for a call that was stopped on purpose, if it was still running.
    pub(crate) fn stopped(&mut self, call: CallId) -> Option<Event> {
        self.running
            .contains_key(&call)
            .then(|| self.finish(call, Err(Failure::new(ErrorCode::Interrupted, "the call was stopped"))))
    }

    /// The event for a call that took too long.
    pub(crate) fn timed_out(&mut self, call: CallId) -> Event {
        let limit_ms = self.running.get(&call).map_or(0, |running| running.job.time_limit_ms);
        let failure =
            Failure::new(ErrorCode::TimedOut, format!("the call was stopped after its limit of {limit_ms} ms"));
        self.finish(call, Err(failure))
    }

    /// The event for a call whose process ended without an answer, if the call was still running.
    pub(crate) fn ended(&mut self, call: CallId, last_words: &str) -> Option<Event> {
        let running = self.running.get(&call)?;
        let failure =
            Failure::new(ErrorCode::ToolFailed, format!("{} stopped without an answer", running.job.schema.name))
                .because(last_words);
        Some(self.finish(call, Err(failure)))
    }

    fn finish(&mut self, call: CallId, answer: Result<Json, Failure>) -> Event {
        let mut usage = ToolUsage::default();
        let (mut wrote, mut marks) = (Vec::new(), Vec::new());
        if let Some(running) = self.running.remove(&call) {
            usage.elapsed_ms = u64::try_from(now().0 - running.began.0).unwrap_or(0);
            marks = running.marks;
            // A view that cannot be looked at is told by the difference, which the run ends with.
            wrote = running.before.and_then(|before| running.layout.written_since(&before).ok()).unwrap_or_default();
        }
        let outcome = match answer.and_then(|result| sized(result, &mut usage)) {
            Ok(result) => ToolOutcome::Done { result, wrote, marks },
            Err(failure) => ToolOutcome::Failed { failure, wrote },
        };
        Event::ToolFinished { call, outcome, usage }
    }
}

fn sized(result: Json, usage: &mut ToolUsage) -> Result<Json, Failure> {
    let bytes = result.to_string().len();
    usage.bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if bytes > TOOL_RESULT_BYTES {
        let what = format!("the result of {bytes} bytes is over the limit of {TOOL_RESULT_BYTES}");
        return Err(
            Failure::new(ErrorCode::TooLarge, what).try_next("Ask for less: a narrower search, a part of the file")
        );
    }
    Ok(result)
}

impl Daemon {
    /// Starts a tool's process in its jail and sends it the request.
    pub(crate) fn start_tool(&mut self, job: ToolJob) -> Result<(), Failure> {
        let layout = self.views.open(job.view, &job.workspace)?;
        let began = now();
        let before = snapshot_for(&layout, &job)?;
        self.children.start_tool(&job, &layout, &self.machine, &mut self.sockets)?;
        let request = ToolRequest {
            call: job.call,
            tool: job.schema.name.clone(),
            key: job.key.clone(),
            arguments: job.arguments.clone(),
            named: job.named.clone(),
            workspace: job.workspace.clone(),
            person: job.person.clone(),
            clock: job.clock.clone(),
            mcp: job.mcp.clone(),
        };
        self.sockets.send(Peer::Tool(job.call), &Message::request(RequestId(job.call.0), "call", to_json(&request)));
        let deadline = began.plus_ms(job.time_limit_ms);
        self.tools.running.insert(job.call, RunningTool { job, began, deadline, layout, before, marks: Vec::new() });
        Ok(())
    }

    pub(crate) fn tool_said(&mut self, call: CallId, message: Message) {
        let answer = match message {
            Message::Success { result, .. } => Ok(result),
            Message::Error { error, .. } => Err(error.data),
            Message::Notification { method, params, .. } if method == MARKED => return self.tool_marked(call, params),
            Message::Notification { params, .. } => return self.tool_progress(call, &params),
            Message::Request { .. } => Err(Failure::new(ErrorCode::ToolFailed, "the tool asked instead of answering")),
        };
        let event = self.tools.finish(call, answer);
        self.inbox.push_back(event);
        self.sockets.remove(Peer::Tool(call));
        self.children.kill_tool(call);
    }

    /// The tool's process read what is hostile: what it says of marks is taken within bounds, and what cannot be read is none.
    fn tool_marked(&mut self, call: CallId, mut params: Json) {
        let Some(running) = self.tools.running.get_mut(&call) else { return };
        let marks: Vec<Mark> =
            serde_json::from_value(params.get_mut("marks").map(Json::take).unwrap_or_default()).unwrap_or_default();
        let is_named = |mark: &Mark| mark.at.len() <= MARK_PLACE_BYTES;
        running.marks = marks.into_iter().filter(is_named).take(MARKS).map(Mark::bounded).collect();
    }

    fn tool_progress(&mut self, call: CallId, params: &Json) {
        let Some(running) = self.tools.running.get(&call) else { return };
        if let (Some(run), Some(text)) = (running.job.run, params["text"].as_str()) {
            let text = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
            let session = running.job.session;
            self.tell(session, &News::Progress { run, text });
        }
    }
}
