//! Notes: the Markdown files that a person wrote.

use std::path::{Path, PathBuf};

use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::relevance::{Document, select};
use crate::time::{self, Span};
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{files, text, walk};

/// Notes that one search reads.
const NOTES: usize = 20_000;
/// Notes that one search answers with.
const FOUND_NOTES: usize = 200;
/// What a search shows of a note; `files.read` gives the rest.
const SHOWN_CHARS: usize = 8_000;
/// Characters of a note's file name.
const NAME_CHARS: usize = 80;
/// Notes of the same title.
const SAME_TITLE: usize = 1_000;
/// Words that every note could be called.
const GENERIC: &str = "note notes memo";

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its first heading, or its file's name.
    pub title: String,
    /// Its text, with the heading.
    pub text: String,
    /// When it was last changed, RFC 3339.
    pub date: String,
    /// Its file, relative to the workspace.
    pub path: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut note = record(
        "Note",
        &[
            ("title", "str", "its title"),
            ("text", "str", "what it says"),
            ("date", "str", "when it was last changed"),
            ("path", "path", "its file"),
        ],
    );
    note.origin = Some("path".into());
    note.title = Some("title".into());
    vec![note]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![
        Tool {
            schema: schema("notes.find", "Find notes by topic or date.", EffectClass::Observe, read, "list[Note]")
                .optional("about", "str", "topic or words")
                .topic()
                .optional("changed", "time", "when it was changed")
                .phrase("Find notes about {about}"),
            run: find,
        },
        Tool {
            schema: schema("notes.write", "Write a new note.", EffectClass::Change, write, "Note")
                .required("title", "str", "its title")
                .required("text", "str", "what it says")
                .asked_by("not|writ|jot|rememb|record|sav|keep|down|list|creat|mak|captur|log|memo|scribbl|idea|put|file away")
                .phrase("Write the note “{title}”"),
            run: write_note,
        },
    ]
}

/// All notes of the workspace, the newest first: the Markdown files in folders called `Notes`, or, where there is no
/// such folder, all outside of programs' sources.
///
/// # Errors
/// Only if the workspace cannot be walked.
pub fn read_all(call: &Call<'_>) -> Result<Vec<(Timestamp, Note)>, Failure> {
    let files = walk::personal_files(call.workspace())?;
    let is_note = |entry: &&walk::Entry| matches!(entry.extension().as_str(), "md" | "markdown");
    let mut entries: Vec<&walk::Entry> = files.iter().filter(is_note).collect();
    let in_notes = |entry: &walk::Entry| {
        let below = entry.path.strip_prefix(call.workspace()).unwrap_or(&entry.path);
        below.parent().is_some_and(|parent| parent.iter().any(|part| part.eq_ignore_ascii_case("notes")))
    };
    if entries.iter().any(|entry| in_notes(entry)) {
        entries.retain(|entry| in_notes(entry));
    }
    if entries.len() > NOTES {
        return Err(Failure::new(ErrorCode::TooLarge, format!("there are more than {NOTES} notes")));
    }
    let mut notes: Vec<(Timestamp, Note)> = entries.iter().filter_map(|entry| read_note(call, entry)).collect();
    notes.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    Ok(notes)
}

fn read_note(call: &Call<'_>, entry: &walk::Entry) -> Option<(Timestamp, Note)> {
    let content = text::read(&entry.path).ok()?;
    let changed = time::of_system(entry.metadata.modified());
    let heading = content.lines().find_map(|line| line.strip_prefix("# ")).map(text::one_line);
    let title = heading.filter(|title| !title.is_empty()).unwrap_or_else(|| stem(&entry.path));
    let note =
        Note { title, text: content, date: time::show(changed, &time::zone(call)), path: call.relative(&entry.path) };
    Some((changed, note))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let changed = Span::argument(call, "changed")?;
    let mut notes = read_all(call)?;
    notes.retain(|(time, _)| changed.is_none_or(|span| span.holds(*time)));
    let documents = notes.iter().map(|(_, note)| Document { title: &note.title, text: &note.text });
    let found = select(&call.text("about")?, GENERIC, documents);
    let shown =
        |place: usize| Note { text: text::shorten(&notes[place].1.text, SHOWN_CHARS), ..notes[place].1.clone() };
    answer(found.into_iter().take(FOUND_NOTES).map(shown).collect::<Vec<_>>())
}

fn write_note(call: &Call<'_>) -> Result<Json, Failure> {
    let title = text::one_line(&call.text("title")?);
    let name: String = title
        .chars()
        .map(|letter| if "/\\:*?\"<>|".contains(letter) { '-' } else { letter })
        .take(NAME_CHARS)
        .collect();
    let name = name.trim_matches(['.', ' ', '-']);
    if name.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "a note needs a title"));
    }
    let path = free_path(&notes_folder(call)?, name)?;
    let content = call.text("text")?;
    let heading = if content.starts_with("# ") { String::new() } else { format!("# {title}\n\n") };
    files::put(call, &path, format!("{heading}{}\n", content.trim_end()))?;
    let metadata = path.metadata().map_err(|error| crate::tool::file_failure("the note is gone", &error))?;
    let written = read_note(call, &walk::Entry { path, metadata });
    answer(written.map(|(_, note)| note).ok_or_else(|| Failure::new(ErrorCode::ToolFailed, "the note cannot be read"))?)
}

fn notes_folder(call: &Call<'_>) -> Result<PathBuf, Failure> {
    let folders = walk::entries(call.workspace())?;
    let is_notes = |entry: &&walk::Entry| entry.metadata.is_dir() && entry.name().eq_ignore_ascii_case("notes");
    folders
        .iter()
        .filter(is_notes)
        .map(|entry| entry.path.clone())
        .min_by_key(|path| path.components().count())
        .map_or_else(|| call.resolve("Notes"), Ok)
}

/// A note never overwrites another.
fn free_path(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let candidates = (1..SAME_TITLE).map(|number| match number {
        1 => folder.join(format!("{name}.md")),
        _ => folder.join(format!("{name} {number}.md")),
    });
    let mut free = candidates.filter(|path| path.symlink_metadata().is_err());
    free.next().ok_or_else(|| Failure::new(ErrorCode::TooLarge, format!("there are {SAME_TITLE} notes called {name}")))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn notes_are_the_markdown_files_of_the_notes_folder() {
        let bench = Bench::new()
            .with("readme.md", "# Readme")
            .with("project/Cargo.toml", "")
            .with("project/notes.md", "# Not a note");
        assert_eq!(bench.column("notes.find", json!({}), "title"), ["Readme"]);
        bench.put("Notes/garden.md", "text\n# Garden plan\nRoses and herbs");
        bench.put("Notes/work/demo.md", "no heading, about roses");
        assert_eq!(bench.column("notes.find", json!({ "about": "note about the garden" }), "title"), ["Garden plan"]);
        assert_eq!(bench.column("notes.find", json!({ "about": "rose" }), "path").len(), 2);
    }

    #[test]
    fn a_new_note_takes_nobodys_place() {
        let bench = Bench::new().with("Notes/Key.md", "mine");
        let note = bench.ok("notes.write", json!({ "title": "Key", "text": "With Mila." }));
        assert_eq!(
            (note["path"].as_str(), note["text"].as_str()),
            (Some("Notes/Key 2.md"), Some("# Key\n\nWith Mila.\n"))
        );
        assert_eq!(bench.text("Notes/Key.md"), "mine");
    }

    #[test]
    fn a_title_is_no_path() {
        let bench = Bench::new();
        let note = bench.ok("notes.write", json!({ "title": "../../etc/passwd\n", "text": "x" }));
        assert_eq!(note["path"], "Notes/etc-passwd.md");
        assert_eq!(bench.refused("notes.write", json!({ "title": "../", "text": "x" })), ErrorCode::InvalidInput);
    }
}
