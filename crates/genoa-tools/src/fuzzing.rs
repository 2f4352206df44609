//! What `./x fuzz` drives: the parsers of foreign files, given their content without the files. No part of the interface.

use std::collections::BTreeSet;
use std::path::Path;

use genoa_abi::Failure;
use genoa_abi::ids::CallId;
use genoa_abi::tool::{Clock, Person, ToolRequest};

use crate::calendar::horizon;
use crate::calendar_file::{CalendarFile, Times};
use crate::calendar_read::Event;
use crate::tool::Call;
use crate::{calendar_read, contacts, documents, maildir, time};

/// The name of the thread that parses PDF files. Its panics are contained, and mean nothing to a fuzzer.
pub const PDF_THREAD: &str = documents::PDF_THREAD;

fn with_call<T>(act: impl FnOnce(&Call<'_>) -> T) -> T {
    let request = ToolRequest {
        call: CallId(1),
        tool: "fuzzed".into(),
        key: None,
        arguments: serde_json::Map::new(),
        named: BTreeSet::new(),
        workspace: "/nowhere".into(),
        person: Person { name: "Ada".into(), email: "ada@example.org".into() },
        clock: Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
        mcp: None,
    };
    act(&Call { request: &request, progress: &|_| {} })
}

/// The number of events that a calendar has within a year.
#[must_use]
pub fn calendar(content: &str) -> usize {
    with_call(|call| {
        let Ok(now) = time::now(call) else { return 0 };
        let mut found = Vec::new();
        calendar_read::read_file(call, Path::new("/nowhere/a.ics"), content, horizon(now.timestamp()), &mut found);
        found.len()
    })
}

/// The unfolded lines of a calendar, and those after an event was put into it and taken out of it again.
///
/// # Errors
/// What creating or cancelling an event says.
pub fn edited_calendar(content: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
    with_call(|call| {
        let now = time::now(call)?;
        let mut file = CalendarFile::of(content);
        let before = file.lines().to_vec();
        let times = Times { start: now.timestamp(), end: now.timestamp(), whole_days: false };
        let event = Event { title: "New".into(), uid: "the only one of this name@genoa".into(), ..Event::default() };
        file.add(&event, &times, &call.request.person, &now)?;
        let mut file = CalendarFile::of(&file.to_text());
        file.cancel(&event.uid, times.start, &time::zone(call))?;
        Ok((before, CalendarFile::of(&file.to_text()).lines().to_vec()))
    })
}

/// The number of cards in a file of contacts.
#[must_use]
pub fn contacts(content: &str) -> usize {
    with_call(|call| {
        let mut cards = Vec::new();
        contacts::read_cards(content, Path::new("/nowhere/a.vcf"), call, &mut cards);
        cards.len()
    })
}

/// The length of the text of a mail.
///
/// # Errors
/// For what is no mail.
pub fn mail(bytes: &[u8]) -> Result<usize, Failure> {
    let slim = maildir::read_slim(bytes).unwrap_or_default();
    with_call(|call| maildir::understand(call, Path::new("/nowhere/Mail/cur/1"), &slim))
        .map(|mail| mail.mail.text.len())
}

/// The text of a document of this name.
///
/// # Errors
/// For what is no document.
pub fn document(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    documents::text_of_bytes(Path::new(name), bytes)
}
