//! What an answer may claim, at the real kernel with the real catalogue, over tools that do their work, fail, or lie.

use genoa_abi::RequestId;
use genoa_abi::event::{Effect, Event};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::tool::{ToolOutcome, ToolUsage, WrittenFile};
use genoa_abi::view::{Change, ChangeKind, Difference, ViewReport};
use genoa_abi::{ContentHash, ErrorCode, Failure};
use serde_json::Value as Json;

use crate::desk::Desk;
use crate::installed;
use crate::settings::Settings;

/// What a tool does.
#[derive(Clone, Copy, PartialEq)]
enum Tool {
    /// It deletes, and says so.
    Works,
    /// It says that it wrote, and nothing is different.
    Lies,
    /// It fails.
    Fails,
}

/// The answer to an intention that this plan serves.
fn answer(intention: &str, source: &str, tool: Tool) -> String {
    let (mut desk, agent, _) = Desk::asked(&installed::of(&Settings::default(), &[]).unwrap().catalog, intention);
    let syscall = Syscall::Plan { source: source.to_owned() };
    let mut events = vec![Event::Asked { caller: Caller::Agent(agent), request: RequestId(1000), syscall }];
    while let Some(event) = events.pop() {
        for effect in desk.feed(event) {
            match effect {
                Effect::RunTool(job) => {
                    let wrote = vec![WrittenFile { path: "old.md".into(), content: Some(ContentHash::of(b"x")) }];
                    let outcome = match tool {
                        Tool::Fails => {
                            let failure = Failure::new(ErrorCode::ToolFailed, "it broke");
                            ToolOutcome::Failed { failure, wrote: vec![] }
                        }
                        Tool::Works | Tool::Lies => ToolOutcome::Done { result: Json::Null, wrote, marks: Vec::new() },
                    };
                    events.push(Event::ToolFinished { call: job.call, outcome, usage: ToolUsage::default() });
                }
                Effect::ActOnView { call, view, action, .. } => {
                    let change = Change { path: "old.md".into(), kind: ChangeKind::Removed, bytes: 0, content: None };
                    let changes = if tool == Tool::Works { vec![change] } else { vec![] };
                    let difference = Difference { changes, ..Difference::default() };
                    let outcome = Ok(ViewReport { view, action, difference });
                    events.push(Event::ViewFinished { call, outcome });
                }
                _ => {}
            }
        }
    }
    desk.finished.pop().unwrap().answer
}

const DELETE: &str = "files.delete(path=\"old.md\")\nsay(\"I deleted the file.\")\n";
const MARK: &str = "Nothing in the record bears out: ";

#[test]
fn a_deed_may_be_said_if_it_was_done() {
    let told = answer("Delete old.md", DELETE, Tool::Works);
    assert!(told.contains("I deleted the file.") && !told.contains(MARK), "{told}");
}

#[test]
fn what_a_tool_only_claims_is_marked() {
    let told = answer("Delete old.md", DELETE, Tool::Lies);
    assert!(told.contains(&format!("{MARK}“I deleted the file.”")), "{told}");
}

#[test]
fn what_failed_is_not_said_to_be_done() {
    let told = answer("Delete old.md", DELETE, Tool::Fails);
    assert!(!told.contains("I deleted") && told.contains("it broke"), "{told}");
    let early = "say(\"I deleted the file.\")\nfiles.delete(path=\"old.md\")\n";
    let told = answer("Delete old.md", early, Tool::Fails);
    assert!(told.contains(&format!("{MARK}“I deleted the file.”")), "{told}");
}

#[test]
fn what_no_step_did_is_marked() {
    let told = answer("Tell Ada that I am late", "say(\"I sent the mail to Ada. She is at work.\")\n", Tool::Works);
    assert!(told.ends_with(&format!("{MARK}“I sent the mail to Ada.”")), "{told}");
    let told = answer("When was old.md changed?", "say(\"It was changed on Monday.\")\n", Tool::Works);
    assert!(!told.contains(MARK), "{told}");
}
