//! Everything that a collection chooses from.

use std::collections::BTreeMap;
use std::path::Path;

use genoa_abi::Failure;
use jiff::Timestamp;

use crate::calendar::{horizon, keep_one_of_each_series};
use crate::calendar_read::read_events;
use crate::contacts::Contact;
use crate::maildir::StoredMail;
use crate::tool::Call;
use crate::{documents, maildir, notes, text, time, walk};

/// Documents that one collection reads: those that were changed nearest to its time.
const DOCUMENTS: usize = 400;
/// The largest document that it reads.
const DOCUMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Mails of one thread that are read, the newest.
const THREAD_MAILS: usize = 30;
/// What can hold something that a person wrote.
const READABLE: [&str; 13] =
    ["md", "markdown", "txt", "html", "htm", "csv", "pdf", "docx", "xlsx", "pptx", "odt", "ods", "odp"];

/// Something that could belong to a topic.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) title: String,
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) date: Timestamp,
    pub(crate) path: String,
    /// The event's id, of an event.
    pub(crate) uid: Option<String>,
    /// Who wrote it, got it or takes part.
    people: Vec<Contact>,
}

impl Candidate {
    /// Who wrote it, got it or takes part.
    pub(crate) fn people(&self) -> &[Contact] {
        &self.people
    }

    /// What a search looks at beside the title: folders are named for what is in them.
    pub(crate) fn searched(&self) -> String {
        if self.kind == "file" { format!("{}\n{}", self.path, self.text) } else { self.text.clone() }
    }

    /// How much it has to do with `person`, from 0 to 1: it is theirs, it names them, or it names their company.
    pub(crate) fn share_of(&self, person: &Contact) -> f64 {
        let says = |words: &str| {
            let words = words.to_lowercase();
            !words.is_empty()
                && (self.text.to_lowercase().contains(&words) || self.title.to_lowercase().contains(&words))
        };
        if self.people.iter().any(|other| other.is(person)) || says(&person.name) || self.path_says(person) {
            return 1.0;
        }
        if says(person.organisation.as_deref().unwrap_or_default()) { 0.8 } else { 0.0 }
    }

    /// Whether a folder on the way is called like the person or their company.
    fn path_says(&self, person: &Contact) -> bool {
        let names = [Some(person.name.as_str()), person.organisation.as_deref()];
        let called =
            |part: &str| names.iter().flatten().any(|name| !name.is_empty() && part.eq_ignore_ascii_case(name));
        Path::new(&self.path).iter().any(|part| called(&part.to_string_lossy()))
    }
}

/// All mails (a thread as one), notes, documents and events of the workspace.
///
/// # Errors
/// Only if the workspace cannot be walked; what cannot be read is skipped.
pub(crate) fn gather(call: &Call<'_>, focus: Timestamp) -> Result<Vec<Candidate>, Failure> {
    let mut found = threads(maildir::read_all(call)?);
    let mut events = read_events(call, horizon(focus))?;
    keep_one_of_each_series(&mut events, focus);
    found.extend(events.into_iter().map(|occurrence| Candidate {
        text: format!(
            "{}, {}\n{}\n{}",
            occurrence.event.start,
            occurrence.event.place.as_deref().unwrap_or("no place"),
            names(&occurrence.event.people),
            occurrence.event.description
        ),
        title: occurrence.event.title,
        kind: "event",
        date: occurrence.start,
        path: occurrence.event.path,
        uid: Some(occurrence.event.uid),
        people: occurrence.event.people,
    }));
    let notes = notes::read_all(call)?;
    let known: Vec<String> = notes.iter().map(|(_, note)| note.path.clone()).collect();
    found.extend(notes.into_iter().map(|(date, note)| Candidate {
        title: note.title,
        kind: "note",
        text: note.text,
        date,
        path: note.path,
        uid: None,
        people: Vec::new(),
    }));
    found.extend(files(call, focus, &known)?);
    Ok(found)
}

fn names(people: &[Contact]) -> String {
    people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn files(call: &Call<'_>, focus: Timestamp, known: &[String]) -> Result<Vec<Candidate>, Failure> {
    let mut entries = walk::personal_files(call.workspace())?;
    entries.retain(|entry| {
        READABLE.contains(&entry.extension().as_str())
            && entry.metadata.len() <= DOCUMENT_BYTES
            && !known.contains(&call.relative(&entry.path))
    });
    let changed = |entry: &walk::Entry| time::of_system(entry.metadata.modified());
    if entries.len() > DOCUMENTS {
        (call.progress)(&format!("only {DOCUMENTS} of {} documents are read", entries.len()));
        entries.sort_by_key(|entry| (changed(entry).duration_since(focus).unsigned_abs(), entry.path.clone()));
        entries.truncate(DOCUMENTS);
    }
    let mut unreadable = 0;
    let mut found = Vec::new();
    for entry in &entries {
        let Ok(text) = documents::text_of(&entry.path) else {
            unreadable += 1;
            continue;
        };
        let name = entry.name();
        let title = title_of(&text).filter(|_| is_prose(entry)).unwrap_or(name);
        let path = call.relative(&entry.path);
        found.push(Candidate { title, kind: "file", text, date: changed(entry), path, uid: None, people: Vec::new() });
    }
    if unreadable > 0 {
        (call.progress)(&format!("{unreadable} documents could not be read"));
    }
    Ok(found)
}

fn is_prose(entry: &walk::Entry) -> bool {
    !matches!(entry.extension().as_str(), "csv" | "xlsx" | "ods")
}

/// The first line, if it is short enough for a title.
fn title_of(content: &str) -> Option<String> {
    let line = content.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty())?;
    (line.chars().count() <= 100).then(|| text::one_line(line))
}

/// Every thread as one candidate, under the newest mail's path, its mails in their order.
fn threads(mails: Vec<StoredMail>) -> Vec<Candidate> {
    let parents: BTreeMap<String, String> =
        mails.iter().filter_map(|stored| Some((stored.mail.id.clone(), stored.references.first()?.clone()))).collect();
    let mut threads: BTreeMap<String, Vec<StoredMail>> = BTreeMap::new();
    for stored in mails {
        threads.entry(root(&stored, &parents)).or_default().push(stored);
    }
    threads.into_values().filter_map(thread).collect()
}

/// The id of the first mail of the thread, or the path of a mail without an id.
fn root(stored: &StoredMail, parents: &BTreeMap<String, String>) -> String {
    let own = if stored.mail.id.is_empty() { &stored.mail.path } else { &stored.mail.id };
    let mut current = own;
    // Headers are anybody's to write, so they may lead in a circle.
    for _ in 0..THREAD_MAILS {
        match parents.get(current) {
            Some(parent) if parent != current => current = parent,
            _ => break,
        }
    }
    current.clone()
}

/// The mails come newest first.
fn thread(mut mails: Vec<StoredMail>) -> Option<Candidate> {
    mails.truncate(THREAD_MAILS);
    let newest = mails.first()?;
    let (date, path) = (newest.sent, newest.mail.path.clone());
    let parts: Vec<String> = mails
        .iter()
        .rev()
        .map(|stored| {
            let mail = &stored.mail;
            format!(
                "{}, {}:\n{}",
                mail.sender.name,
                mail.date.split('T').next().unwrap_or_default(),
                without_quotes(&mail.text)
            )
        })
        .collect();
    let people =
        mails.iter().flat_map(|stored| stored.mail.recipients.iter().chain([&stored.mail.sender])).cloned().collect();
    let title = mails.last()?.mail.subject.clone();
    Some(Candidate { title, kind: "mail", text: parts.join("\n\n"), date, path, uid: None, people })
}

/// A mail's own words: what it quotes is in the thread already.
fn without_quotes(text: &str) -> String {
    let is_quote =
        |line: &&str| line.starts_with('>') || (line.starts_with("On ") && line.trim_end().ends_with("wrote:"));
    text.lines().filter(|line| !is_quote(line)).collect::<Vec<_>>().join("\n").trim().to_owned()
}
