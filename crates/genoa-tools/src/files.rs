//! Files and folders of the workspace.

use std::path::{Path, PathBuf};

use genoa_abi::limits::SEARCH_ENTRIES;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::file_names::{KINDS, called, is_of_kind, kind_of};
use crate::time::{self, Span};
use crate::tool::{Call, SchemaBuilder, Tool, answer, file_failure, record, schema};
use crate::{lookup, text, walk};

/// Files that one `files.find` answers with.
const FOUND_FILES: usize = 10_000;

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Relative to the workspace.
    pub path: String,
    /// `folder`, `text`, `pdf` and so on.
    pub kind: String,
    /// Size in bytes; 0 for a folder.
    pub bytes: u64,
    /// When it was last changed, RFC 3339.
    pub changed: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut file = record(
        "File",
        &[
            ("name", "str", "name with extension"),
            ("path", "path", "where it is"),
            ("kind", "str", "folder, text, pdf, image, ..."),
            ("bytes", "int", "size"),
            ("changed", "str", "when it was last changed"),
        ],
    );
    file.origin = Some("path".into());
    file.title = Some("name".into());
    file.read_by = Some("documents.text".into());
    vec![file]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    [finding(), writing(), arranging()].concat()
}

fn finding() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let observe = |name: &str, about: &str, returns: &str| schema(name, about, EffectClass::Observe, read, returns);
    vec![
        Tool {
            schema: observe("files.find", "Find files and folders by name, kind or date.", "list[File]")
                .optional("name", "str", "part of the name, words of it, or a pattern like *.pdf")
                .topic()
                .optional("kind", KINDS, "text: txt, md, csv, …; document: Word, PDF, …; else as named")
                .optional("changed", "time", "when it was changed")
                .optional("under", "path", "folder to look in")
                .existing_folder()
                .phrase("Find files named {name} of kind {kind} under {under}"),
            run: find,
        },
        Tool {
            schema: observe("files.read", "Read a text file.", "str")
                .required("path", "path", "the file")
                .existing()
                .phrase("Read {path}"),
            run: read_file,
        },
    ]
}

fn change(name: &str, about: &str, returns: &str) -> SchemaBuilder {
    schema(name, about, EffectClass::Change, Needs { files: FileNeed::Write, ..Needs::default() }, returns)
}

fn writing() -> Vec<Tool> {
    vec![
        Tool {
            schema: change("files.write", "Write text to a file, replacing what it held.", "File")
                .required("path", "path", "the file")
                .not_ending_in(NO_TEXT)
                .required("text", "str", "its new content")
                .asked_by(
                    "writ|creat|need|save|put|mak|generat|summar|note|shorten|condens|boil|turn|convert|export|stor|dump|\
                     list|translat|into|file|correct|chang|fix|repair|mend|updat|adapt|edit|rewrit|improv|now|add|becom|swap|\
                     replac|enter|set|mark|sort|number|strike|cut|trim|join|merg|scribbl|jot|whip|knock|draft|clean|\
                     tidy|comment|instead|record|complet|fill|prepar|compos|produc|split|format|extract",
                )
                .phrase("Write {path}"),
            run: write_file,
        },
        Tool {
            schema: change("files.append", "Add text at the end of a file.", "File")
                .required("path", "path", "the file")
                .not_ending_in(NO_TEXT)
                .required("text", "str", "what to add")
                .asked_by("add|append|put|writ|not|extend|insert|end|also|enter|includ|attach|record|log|complet|list|line|jot|\
                     scribbl|tack|pop|stick|remember|set down|mark")
                .phrase("Add text to {path}"),
            run: append,
        },
    ]
}

fn arranging() -> Vec<Tool> {
    vec![
        Tool {
            schema: change("files.move", "Move or rename a file or folder.", "File")
                .required("source", "path", "what to move")
                .existing()
                .required("to", "path", "the folder, or the new name in the same folder")
                .asked_by(
                    "mov|renam|put|call|go|sort|tid|organis|organiz|archiv|belong|into|shift|transfer|bring|gather|collect|\
                     name|fil|stor|tak|clear|clean|group|end up|goes|send|stick|pop|drop|pull|separat|shelve|place|pack|home",
                )
                .phrase("Move {source} to {to}"),
            run: move_entry,
        },
        Tool {
            schema: change("files.copy", "Copy a file or folder.", "File")
                .required("source", "path", "what to copy")
                .existing()
                .required("to", "path", "the folder, or the new name in the same folder")
                .asked_by("cop|duplicat|back|sav|keep|clon|also|put|secur|version|second|template|base|spare|stash|another|start from")
                .phrase("Copy {source} to {to}"),
            run: copy_entry,
        },
        Tool {
            schema: change("files.delete", "Delete a file or folder.", "None")
                .required("path", "path", "what to delete")
                .existing()
                .asked_by(
                    "delet|remov|trash|eras|discard|purg|clean|clear|throw|drop|wipe|get rid|bin|destroy|\
                     dispose|not need|no longer|empty|chuck|rid of|out of the way|ditch|scrap|dump|prun|can go|toss|zap",
                )
                .phrase("Delete {path}"),
            run: delete,
        },
        Tool {
            schema: change("files.make_folder", "Make a folder.", "File")
                .required("path", "path", "the folder")
                .asked_by("folder|director|sort|tid|organis|organiz|archiv|mov|into|structur")
                .phrase("Make the folder {path}"),
            run: make_folder,
        },
    ]
}

/// The record of what is at `path`.
///
/// # Errors
/// [`ErrorCode::NotFound`] if nothing is.
pub fn describe(call: &Call<'_>, path: &Path) -> Result<File, Failure> {
    let metadata = path
        .symlink_metadata()
        .map_err(|error| file_failure(format!("{} is not there", call.relative(path)), &error))?;
    Ok(file_record(call, &walk::Entry { path: path.to_owned(), metadata }, &time::zone(call)))
}

fn file_record(call: &Call<'_>, entry: &walk::Entry, zone: &TimeZone) -> File {
    let is_folder = entry.metadata.is_dir();
    File {
        name: entry.name(),
        path: call.relative(&entry.path),
        kind: kind_of(&entry.path, is_folder).to_owned(),
        bytes: if is_folder { 0 } else { entry.metadata.len() },
        changed: time::show(time::of_system(entry.metadata.modified()), zone),
    }
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let kind = call.text("kind")?;
    let changed = Span::argument(call, "changed")?;
    let under = lookup::folder(call, &call.text("under")?)?;
    let zone = time::zone(call);
    let fits = |entry: &walk::Entry| {
        let is_folder = entry.metadata.is_dir();
        (if kind.is_empty() { !is_folder } else { is_of_kind(&kind, &entry.path, is_folder) })
            && changed.is_none_or(|span| span.holds(time::of_system(entry.metadata.modified())))
    };
    let mut entries = walk::entries(&under)?;
    entries.retain(fits);
    let lower = |entry: &walk::Entry| (entry.name().to_lowercase(), call.relative(&entry.path).to_lowercase());
    let named: Vec<_> = entries.iter().map(|entry| (lower(entry), entry)).collect();
    let name = call.text("name")?;
    // The folder itself, said once more: all that is in it is meant.
    let is_folder = under.file_name().is_some_and(|folder| folder.to_string_lossy().eq_ignore_ascii_case(&name));
    let found = if is_folder { called("", named) } else { called(&name, named) };
    let found: Vec<File> = found.into_iter().map(|entry| file_record(call, entry, &zone)).collect();
    if found.len() > FOUND_FILES {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{} files fit", found.len()))
            .because(format!("one search answers with at most {FOUND_FILES}"))
            .try_next("Name a folder, a kind or a part of the name"));
    }
    answer(found)
}

fn read_file(call: &Call<'_>) -> Result<Json, Failure> {
    answer(text::read(&lookup::file(call, &call.text("path")?)?)?)
}

/// Endings of files that hold no plain text: something that opens them would find them damaged.
const NO_TEXT: &str = "docx gif jpeg jpg mp3 mp4 odp ods odt pdf png pptx webp xlsx zip";

fn check_holds_text(path: &str) -> Result<(), Failure> {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    if !NO_TEXT.split(' ').any(|known| known == ending) {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::Unsupported, format!("a .{ending} file cannot be written as plain text"))
        .try_next("Use documents.write, slides.write or table.write, or another ending"))
}

fn write_file(call: &Call<'_>) -> Result<Json, Failure> {
    let given = call.text("path")?;
    check_holds_text(&given)?;
    // What the run has read under this name is what it means to write.
    let is_known = call.request.named.contains(&given);
    let path = if is_known { lookup::file_or_place(call, &given)? } else { call.resolve_entry(&given)? };
    put(call, &path, &call.text("text")?)?;
    answer(describe(call, &path)?)
}

fn append(call: &Call<'_>) -> Result<Json, Failure> {
    let given = call.text("path")?;
    check_holds_text(&given)?;
    let path = call.inside(lookup::file_or_place(call, &given)?)?;
    let mut content = if path.exists() { text::read_encoded(&path)? } else { Vec::new() };
    let more = call.text("text")?;
    // In a file of another encoding only the letters that all encodings share can be added.
    if let (Err(error), false) = (std::str::from_utf8(&content), more.is_ascii()) {
        return Err(text::not_utf8(&call.relative(&path), error.valid_up_to()));
    }
    if !content.is_empty() && !content.ends_with(b"\n") {
        content.push(b'\n');
    }
    content.extend(more.into_bytes());
    put(call, &path, &content)?;
    answer(describe(call, &path)?)
}

/// Writes `content` to `path` and makes the folders above it. A link at `path` is refused: it could lead anywhere.
///
/// # Errors
/// [`ErrorCode::Conflict`] where something else than a file is in the way.
pub fn put(call: &Call<'_>, path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    let shown = call.relative(path);
    if path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Failure::new(ErrorCode::Conflict, format!("{shown} is there and is not a file")));
    }
    make_parent(path)?;
    std::fs::write(path, content).map_err(|error| file_failure(format!("{shown} cannot be written"), &error))
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent)
        .map_err(|error| file_failure(format!("the folder {} cannot be made", parent.display()), &error))
}

fn move_entry(call: &Call<'_>) -> Result<Json, Failure> {
    let (source, to) = source_and_target(call)?;
    make_parent(&to)?;
    if std::fs::rename(&source, &to).is_err() {
        // A folder of the layer below a view cannot be renamed in place.
        copy_tree(&source, &to)?;
        remove(call, &source)?;
    }
    answer(describe(call, &to)?)
}

fn copy_entry(call: &Call<'_>) -> Result<Json, Failure> {
    let (source, to) = source_and_target(call)?;
    make_parent(&to)?;
    copy_tree(&source, &to)?;
    answer(describe(call, &to)?)
}

fn source_and_target(call: &Call<'_>) -> Result<(PathBuf, PathBuf), Failure> {
    let (source_text, to_text) = (call.text("source")?, call.text("to")?);
    let source = lookup::entry(call, &source_text)?;
    let metadata = source
        .symlink_metadata()
        .map_err(|error| file_failure(format!("{} is not there", call.relative(&source)), &error))?;
    // "Rename Photos/a.jpg to b.jpg": whoever says a new name alone means the same folder.
    let is_name = !to_text.contains('/') && metadata.is_file() && Path::new(&to_text).extension().is_some();
    let beside = source.parent().filter(|_| is_name).map(|folder| call.relative(&folder.join(&to_text)));
    let mut to = call.resolve(beside.as_deref().unwrap_or(&to_text))?;
    // Whoever moves `a.pdf` to `Papers` means the folder, whether it is there already or not.
    let means_folder =
        to_text.ends_with('/') || (metadata.is_file() && source.extension().is_some() && to.extension().is_none());
    if to.is_dir() || (means_folder && !to.exists()) {
        to.push(source.file_name().unwrap_or_default());
    }
    if to.symlink_metadata().is_ok() {
        return Err(Failure::new(ErrorCode::Conflict, format!("{} is there already", call.relative(&to)))
            .try_next("Choose another name, or delete it first"));
    }
    if to.starts_with(&source) {
        return Err(Failure::new(ErrorCode::InvalidInput, "a folder cannot be moved or copied into itself"));
    }
    Ok((source, to))
}

fn copy_tree(source: &Path, to: &Path) -> Result<(), Failure> {
    let mut waiting = vec![(source.to_owned(), to.to_owned())];
    let mut copied = 0;
    while let Some((source, to)) = waiting.pop() {
        copied += 1;
        if copied > SEARCH_ENTRIES {
            return Err(Failure::new(ErrorCode::TooLarge, format!("more than {SEARCH_ENTRIES} files to copy")));
        }
        let failure = |error: std::io::Error| file_failure(format!("{} cannot be copied", source.display()), &error);
        let kind = source.symlink_metadata().map_err(failure)?.file_type();
        if kind.is_dir() {
            std::fs::create_dir(&to).map_err(failure)?;
            for entry in std::fs::read_dir(&source).map_err(failure)? {
                let entry = entry.map_err(failure)?;
                waiting.push((entry.path(), to.join(entry.file_name())));
            }
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&source).map_err(failure)?, &to).map_err(failure)?;
        } else if kind.is_file() {
            std::fs::copy(&source, &to).map_err(failure)?;
        }
    }
    Ok(())
}

fn delete(call: &Call<'_>) -> Result<Json, Failure> {
    remove(call, &lookup::entry(call, &call.text("path")?)?)?;
    Ok(Json::Null)
}

fn remove(call: &Call<'_>, path: &Path) -> Result<(), Failure> {
    let is_folder = path.symlink_metadata().map(|metadata| metadata.is_dir());
    let removed = match is_folder {
        Ok(true) => std::fs::remove_dir_all(path),
        Ok(false) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.map_err(|error| file_failure(format!("{} cannot be deleted", call.relative(path)), &error))
}

fn make_folder(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    std::fs::create_dir_all(&path)
        .map_err(|error| file_failure(format!("the folder {} cannot be made", call.relative(&path)), &error))?;
    answer(describe(call, &path)?)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::{Bench, moment};

    fn bench() -> Bench {
        Bench::new()
            .with("Documents/report.pdf", "%PDF")
            .with("Documents/plan.docx", "x")
            .with("Downloads/Report copy.PDF", "%PDF-1")
            .with("Downloads/photo.png", [0, 1, 2])
            .with(".secret/report.pdf", "x")
            .with("notes.md", "one")
    }

    #[test]
    fn files_are_found_by_name_kind_folder_and_date() {
        let bench = bench();
        std::os::unix::fs::symlink("/etc", bench.path().join("link")).unwrap();
        let check = |arguments, expected: &[&str]| {
            assert_eq!(bench.column("files.find", arguments, "path"), expected);
        };
        check(json!({ "kind": "pdf" }), &["Documents/report.pdf", "Downloads/Report copy.PDF"]);
        check(json!({ "name": "REPORT", "under": "Downloads" }), &["Downloads/Report copy.PDF"]);
        check(json!({ "name": "*.p?f" }), &["Documents/report.pdf", "Downloads/Report copy.PDF"]);
        check(json!({ "name": "documents/*" }), &["Documents/plan.docx", "Documents/report.pdf"]);
        check(json!({ "kind": "folder" }), &["Documents", "Downloads"]);
        check(json!({ "name": "passwd" }), &[]);
        check(json!({ "name": "documents", "under": "Documents", "kind": "pdf" }), &["Documents/report.pdf"]);
        check(json!({ "name": "copy report", "kind": "document" }), &["Downloads/Report copy.PDF"]);
        check(json!({ "kind": "document", "under": "documents" }), &["Documents/plan.docx", "Documents/report.pdf"]);
        let old = std::fs::File::options().append(true).open(bench.path().join("notes.md")).unwrap();
        old.set_modified(std::time::UNIX_EPOCH).unwrap();
        check(json!({ "changed": moment("1969-12-31T00:00:00Z", "1970-01-02T00:00:00Z") }), &["notes.md"]);
    }

    #[test]
    fn a_folder_is_meant_in_any_case_and_a_file_is_not() {
        let bench = bench();
        bench.ok("files.move", json!({ "source": "notes.md", "to": "documents/New" }));
        assert_eq!(bench.text("Documents/New/notes.md"), "one");
        bench.ok("files.write", json!({ "path": "DOWNLOADS/PHOTO.txt", "text": "another" }));
        assert_eq!(bench.text("Downloads/PHOTO.txt"), "another");
        let bench = bench.with("downloads/x", "");
        bench.ok("files.write", json!({ "path": "DownLoads/y.txt", "text": "which?" }));
        assert_eq!(bench.text("DownLoads/y.txt"), "which?", "two are called so, and neither is meant");
    }

    #[test]
    fn text_is_written_read_and_added_to() {
        let bench = bench();
        bench.ok("files.write", json!({ "path": "new/a.txt", "text": "one" }));
        bench.ok("files.append", json!({ "path": "new/a.txt", "text": "two" }));
        assert_eq!(bench.ok("files.read", json!({ "path": "new/a.txt" })), json!("one\ntwo"));
        assert_eq!(bench.refused("files.read", json!({ "path": "Downloads/photo.png" })), ErrorCode::Unsupported);
        assert_eq!(bench.refused("files.read", json!({ "path": "Downloads" })), ErrorCode::InvalidInput);
        for tool in ["files.write", "files.append"] {
            assert_eq!(bench.refused(tool, json!({ "path": "a.PPTX", "text": "x" })), ErrorCode::Unsupported);
        }
        bench.put("big.txt", vec![b'a'; genoa_abi::limits::READ_BYTES + 1]);
        assert_eq!(bench.refused("files.read", json!({ "path": "big.txt" })), ErrorCode::TooLarge);
    }

    #[test]
    fn what_was_read_under_a_name_is_written_under_it() {
        let write = |bench: &Bench| bench.ok("files.write", json!({ "path": "points.sh", "text": "3" }));
        let bench = Bench::new().with("scripts/points.sh", "2");
        write(&bench);
        assert_eq!((bench.text("scripts/points.sh").as_str(), bench.text("points.sh").as_str()), ("2", "3"));
        let bench = Bench::new().with("scripts/points.sh", "2").having_read("points.sh");
        assert_eq!(write(&bench)["path"], "scripts/points.sh");
        assert_eq!(bench.text("scripts/points.sh"), "3");
    }

    #[test]
    fn entries_are_moved_copied_and_deleted() {
        let bench = bench();
        let moved = bench.ok("files.move", json!({ "source": "Documents/report.pdf", "to": "Documents/Papers" }));
        assert_eq!(moved["path"], "Documents/Papers/report.pdf");
        let copied = bench.ok("files.copy", json!({ "source": "Documents", "to": "Backup" }));
        assert_eq!((copied["kind"].as_str(), bench.text("Backup/Papers/report.pdf")), (Some("folder"), "%PDF".into()));
        bench.ok("files.delete", json!({ "path": "Documents" }));
        assert!(!bench.path().join("Documents").exists());
        let renamed = bench.ok("files.move", json!({ "source": "Downloads/photo.png", "to": "door.png" }));
        assert_eq!(renamed["path"], "Downloads/door.png");
        bench.ok("files.make_folder", json!({ "path": "a/b" }));
        bench.ok("files.move", json!({ "source": "notes.md", "to": "a/b" }));
        assert_eq!(bench.text("a/b/notes.md"), "one");
    }

    #[test]
    fn what_is_outside_or_in_the_way_is_refused() {
        let bench = bench();
        let outside = Bench::new().with("victim.txt", "precious");
        std::os::unix::fs::symlink(outside.path(), bench.path().join("exit")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("victim.txt"), bench.path().join("note")).unwrap();
        let check = |tool: &str, arguments, code| assert_eq!(bench.refused(tool, arguments), code, "{tool}");
        check("files.find", json!({ "under": "/etc" }), ErrorCode::NotGranted);
        check("files.read", json!({ "path": "../../etc/passwd" }), ErrorCode::NotGranted);
        check("files.read", json!({ "path": "exit/victim.txt" }), ErrorCode::NotGranted);
        check("files.write", json!({ "path": "/etc/passwd", "text": "" }), ErrorCode::NotGranted);
        check("files.write", json!({ "path": "exit/victim.txt", "text": "" }), ErrorCode::NotGranted);
        check("files.write", json!({ "path": "note", "text": "" }), ErrorCode::Conflict);
        check("files.append", json!({ "path": "note", "text": "" }), ErrorCode::NotGranted);
        check("files.move", json!({ "source": "notes.md", "to": "exit/x.md" }), ErrorCode::NotGranted);
        check("files.move", json!({ "source": "notes.md", "to": "Documents/report.pdf" }), ErrorCode::Conflict);
        check("files.copy", json!({ "source": "Documents", "to": "Documents/inner" }), ErrorCode::InvalidInput);
        check("files.delete", json!({ "path": "." }), ErrorCode::NotGranted);
        check("files.delete", json!({ "path": "missing" }), ErrorCode::NotFound);
        check("files.delete", json!({ "path": "exit/victim.txt" }), ErrorCode::NotGranted);
        check("files.make_folder", json!({ "path": "exit/new" }), ErrorCode::NotGranted);
        bench.ok("files.delete", json!({ "path": "exit" }));
        assert_eq!(outside.text("victim.txt"), "precious");
    }
}
