//! The answer to an intention: what the plan said, and what was really done.
//!
//! Composed from what the kernel knows, never by the model. "Sent" is never said here: a message is only in the outbox
//! when its run ends.

use genoa_abi::schema::Catalog;
use genoa_abi::session::OutboxItem;
use genoa_abi::view::{ChangeKind, Difference};
use genoa_abi::{Datum, ErrorCode, Failure, Value};
use genoa_plan::{is_empty_list, shape_of};

use crate::render;
use crate::runs::{Ending, RunState};

/// What a plan may say in its answer, in bytes of UTF-8.
pub(crate) const ANSWER_BYTES: usize = 256 * 1024;
/// Files that are named one by one.
const FILES_NAMED: usize = 20;

/// The answer, in paragraphs.
pub(crate) fn answer<'a>(
    state: &RunState,
    messages: impl Iterator<Item = &'a OutboxItem>,
    difference: Result<&Difference, &Failure>,
) -> String {
    let changed = changed(state, difference);
    let mut paragraphs = if !changed.is_empty() && is_the_change(state) { vec![] } else { vec![said(state)] };
    paragraphs.push(changed);
    paragraphs.extend(messages.filter_map(waits));
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

/// That a message is held.
pub(crate) fn waits(item: &OutboxItem) -> Option<String> {
    let message = item.mail()?;
    Some(format!(
        "The message \"{}\" to {} waits in the outbox as {}; it can still be taken back.",
        message.subject,
        message.to.join(", "),
        item.id
    ))
}

/// Whether the run said nothing and came to nothing but the files that it wrote, which are told of anyway.
fn is_the_change(state: &RunState) -> bool {
    let wrote = |path: &str| state.wrote.iter().any(|file| file.path == path);
    let is_written = |value: &Value| match &value.datum {
        Datum::Record { fields, .. } => {
            matches!(fields.get("path").map(|path| &path.datum), Some(Datum::Text(path)) if wrote(path))
        }
        _ => false,
    };
    match &state.ending {
        Some(Ending::Done(value)) if state.said.is_empty() => match &value.datum {
            Datum::List(items) => !items.is_empty() && items.iter().all(is_written),
            _ => is_written(value),
        },
        _ => false,
    }
}

fn said(state: &RunState) -> String {
    let said = state.said.join("\n");
    match &state.ending {
        Some(Ending::Refused(reason)) => reason.clone(),
        Some(Ending::Failed(failure)) => {
            let line = state.run.line();
            let stop = if failure.code == ErrorCode::Denied {
                format!("Stopped at line {line} of the plan: {failure}.")
            } else {
                format!("Failed at line {line} of the plan: {failure}.")
            };
            if said.is_empty() { stop } else { format!("{said}\n\n{stop}") }
        }
        Some(Ending::Done(Value { datum: Datum::List(texts), .. }))
            if said.is_empty() && !state.deeds.proposed.is_empty() =>
        {
            format!(
                "{} found there. Nothing of it is done unless you adopt it.",
                render::plural(texts.len(), "request")
            )
        }
        Some(Ending::Done(value)) if said.is_empty() => render::value(value),
        Some(Ending::Done(_)) | None => said,
    }
}

/// The calls of a plan that came back empty, as they stand in it.
pub(crate) fn empty_calls(state: &RunState, catalog: &Catalog) -> Vec<String> {
    let shapes = state.run.shapes(catalog);
    let is_empty = |name: &str| shape_of(&shapes, name).is_some_and(is_empty_list);
    let source = state.run.plan().source();
    let calls = source.lines().filter_map(|line| line.trim().split_once(" = "));
    calls.filter(|(name, call)| is_empty(name) && call.contains('.')).map(|(_, call)| call.to_owned()).collect()
}

/// The answer where what was asked for is not there.
pub(crate) fn nothing_found(state: &RunState, catalog: &Catalog) -> String {
    let calls: Vec<String> = empty_calls(state, catalog).iter().map(|call| format!("- {call}")).collect();
    format!("Nothing was found by:\n{}", calls.join("\n"))
}

/// The files that the run's calls left changed, as far as the view still shows the change.
fn changed(state: &RunState, difference: Result<&Difference, &Failure>) -> String {
    if state.wrote.is_empty() {
        return String::new();
    }
    let difference = match difference {
        Ok(difference) => difference,
        Err(failure) => return format!("What was changed could not be looked at. {failure}"),
    };
    let lines: Vec<String> = state
        .wrote
        .iter()
        .filter_map(|file| difference.changes.iter().find(|change| change.path == file.path))
        .map(|change| match change.kind {
            ChangeKind::Added => format!("- {} (new)", change.path.escape_debug()),
            ChangeKind::Modified => format!("- {} (changed)", change.path.escape_debug()),
            ChangeKind::Removed => format!("- {} (removed)", change.path.escape_debug()),
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let more = lines.len().saturating_sub(FILES_NAMED);
    let mut text = format!("Changed, and waiting for your commit:\n{}", lines[..lines.len() - more].join("\n"));
    if more > 0 {
        text.push_str(&format!("\n- and {more} more"));
    }
    text
}
