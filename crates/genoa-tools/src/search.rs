//! Searching the text of files.

use std::io::{BufRead, BufReader};
use std::path::Path;

use genoa_abi::ErrorCode;
use genoa_abi::Failure;
use genoa_abi::limits::SEARCH_MATCHES;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use serde::Serialize;
use serde_json::Value as Json;

use crate::tool::{Call, Tool, answer, record, schema};
use crate::{lookup, text, walk};

/// Larger files are not searched.
const SEARCHED_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// What is shown of one line.
const LINE_CHARS: usize = 300;

#[derive(Debug, Serialize)]
struct Match {
    path: String,
    line: usize,
    text: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut found = record(
        "Match",
        &[("path", "path", "the file"), ("line", "int", "line number, from 1"), ("text", "str", "the line")],
    );
    found.origin = Some("path".into());
    found.title = Some("text".into());
    vec![found]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Read, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "search.text",
            "Find lines in files that contain a text.",
            EffectClass::Observe,
            needs,
            "list[Match]",
        )
        .required("query", "str", "the text to look for")
        .optional("under", "path", "folder to look in")
        .existing_folder()
        .phrase("Search files for {query}"),
        run: search,
    }]
}

fn search(call: &Call<'_>) -> Result<Json, Failure> {
    let query = call.text("query")?.to_lowercase();
    if query.trim().is_empty() || query.contains('\n') {
        return Err(Failure::new(ErrorCode::InvalidInput, "a search needs a text of one line"));
    }
    let mut matches = Vec::new();
    let mut too_large = 0;
    for entry in walk::entries(&lookup::folder(call, &call.text("under")?)?)? {
        if !entry.metadata.is_file() {
            continue;
        }
        if entry.metadata.len() > SEARCHED_FILE_BYTES {
            too_large += 1;
            continue;
        }
        search_file(&entry.path, &query, &call.relative(&entry.path), &mut matches);
        if matches.len() >= SEARCH_MATCHES {
            (call.progress)(&format!("there are more matches; these are the first {SEARCH_MATCHES}"));
            break;
        }
    }
    if too_large > 0 {
        (call.progress)(&format!("{too_large} files are too large and were not searched"));
    }
    answer(matches)
}

fn search_file(path: &Path, query: &str, shown: &str, matches: &mut Vec<Match>) {
    let Ok(file) = std::fs::File::open(path) else { return };
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    if reader.fill_buf().map_or(true, text::is_binary) {
        return;
    }
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let content = String::from_utf8_lossy(&bytes);
        let content = content.trim();
        let lower = content.to_lowercase();
        if let Some(place) = lower.find(query) {
            matches.push(Match { path: shown.to_owned(), line, text: around(content, &lower, place) });
            if matches.len() >= SEARCH_MATCHES {
                return;
            }
        }
    }
}

/// A long line is shown from a little before the match.
fn around(content: &str, lower: &str, place: usize) -> String {
    let before = lower[..place].chars().count();
    if before + LINE_CHARS / 2 < LINE_CHARS {
        return text::shorten(content, LINE_CHARS);
    }
    let rest: String = content.chars().skip(before.saturating_sub(LINE_CHARS / 2)).collect();
    format!("…{}", text::shorten(&rest, LINE_CHARS))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use genoa_abi::limits::SEARCH_MATCHES;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn lines_are_found_whatever_their_case() {
        let long = format!("{}needle{}", "x".repeat(5000), "y".repeat(5000));
        let bench = Bench::new()
            .with("a.txt", "first\nThe ÅRSMØTE is here\n")
            .with("b/c.md", long)
            .with("binary.bin", b"needle\0needle")
            .with("latin.txt", b"caf\xe9 needle\n");
        assert_eq!(
            bench.ok("search.text", json!({ "query": "årsmøte" })),
            json!([{ "path": "a.txt", "line": 2, "text": "The ÅRSMØTE is here" }])
        );
        assert_eq!(bench.column("search.text", json!({ "query": "Needle" }), "path"), ["b/c.md", "latin.txt"]);
        let found = bench.ok("search.text", json!({ "query": "needle", "under": "b" }));
        assert!(found[0]["text"].as_str().unwrap().chars().count() < 400);
    }

    #[test]
    fn a_search_ends_at_its_limit() {
        let bench = Bench::new().with("many.txt", "needle\n".repeat(SEARCH_MATCHES * 2));
        assert_eq!(bench.ok("search.text", json!({ "query": "needle" })).as_array().unwrap().len(), SEARCH_MATCHES);
    }

    #[test]
    fn nothing_and_elsewhere_are_refused() {
        let bench = Bench::new();
        assert_eq!(bench.refused("search.text", json!({ "query": " " })), ErrorCode::InvalidInput);
        assert_eq!(bench.refused("search.text", json!({ "query": "root", "under": "/etc" })), ErrorCode::NotGranted);
        assert_eq!(bench.refused("search.text", json!({ "query": "a", "under": "none" })), ErrorCode::NotFound);
    }
}
