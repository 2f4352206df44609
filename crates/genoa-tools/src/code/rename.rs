//! A name that is changed wherever it stands as a word.

use std::path::Path;

use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::tool::{Call, answer};
use crate::{files, project, text, walk};

/// Larger files are no source code.
const SOURCE_BYTES: u64 = 1024 * 1024;

/// Replaces `find` by `replace` in every text file of the project, or of the workspace; answers with the files.
pub(super) fn rename(call: &Call<'_>, manifest: &str) -> Result<Json, Failure> {
    let (find, replace) = (call.text("find")?, call.text("replace")?);
    if find.trim().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "there is nothing to look for"));
    }
    let folder = project::named(call, manifest)?;
    let mut changed = Vec::new();
    for entry in walk::entries(&folder)? {
        if !entry.metadata.is_file() || entry.metadata.len() > SOURCE_BYTES || is_built(&folder, &entry.path) {
            continue;
        }
        // What is no text holds no name.
        let Ok(old) = text::read_to_change(&entry.path, &call.relative(&entry.path)) else { continue };
        let new = replaced(&old, &find, &replace);
        if new != old {
            files::put(call, &entry.path, new)?;
            changed.push(files::describe(call, &entry.path)?);
        }
    }
    if changed.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, format!("no file holds {find} as a word of its own"))
            .try_next("Search for a part of it"));
    }
    answer(changed)
}

/// What a build made, and the state of version control.
fn is_built(folder: &Path, path: &Path) -> bool {
    let inner = path.strip_prefix(folder).unwrap_or(path);
    inner.iter().any(|part| part == "target" || part == ".git" || part == "node_modules")
}

fn replaced(old: &str, find: &str, replace: &str) -> String {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let mut new = String::with_capacity(old.len());
    let mut rest = 0;
    for (place, _) in old.match_indices(find) {
        let end = place + find.len();
        if place < rest || is_part(old[..place].chars().next_back()) || is_part(old[end..].chars().next()) {
            continue;
        }
        new.push_str(&old[rest..place]);
        new.push_str(replace);
        rest = end;
    }
    new + &old[rest..]
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use super::replaced;
    use crate::testing::Bench;

    #[test]
    fn only_whole_words_are_renamed() {
        assert_eq!(replaced("max(MAX, MAX_KG, äMAX)+MAX", "MAX", "TOP"), "max(TOP, MAX_KG, äMAX)+TOP");
        assert_eq!(replaced("aa", "a", "b"), "aa");
        assert_eq!(replaced("x", "y", "z"), "x");
    }

    #[test]
    fn a_name_is_changed_in_every_file_of_the_project() {
        let bench = Bench::new()
            .with("app/Cargo.toml", "[package]\nname = \"app\"\n")
            .with("app/src/a.rs", "const KG: u8 = 1;\n")
            .with("app/src/main.rs", "use a::KG;\nfn kg() { KG_B; }\n")
            .with("app/target/old.rs", "KG\n")
            .with("app/logo.png", [0xff, 0xd8, 0x00, b'K', b'G'])
            .with("notes.md", "KG\n");
        let changed = bench.ok("code.rename", json!({ "find": "KG", "replace": "KILOS", "project": "app" }));
        assert_eq!((&changed[0]["path"], &changed[1]["path"]), (&json!("app/src/a.rs"), &json!("app/src/main.rs")));
        assert_eq!(bench.text("app/src/main.rs"), "use a::KILOS;\nfn kg() { KG_B; }\n");
        assert_eq!((bench.text("app/target/old.rs"), bench.text("notes.md")), ("KG\n".into(), "KG\n".into()));
        let nothing = json!({ "find": "KG", "replace": "X", "project": "app" });
        assert_eq!(bench.refused("code.rename", nothing), ErrorCode::NotFound);
        assert_eq!(bench.refused("code.rename", json!({ "find": " ", "replace": "X" })), ErrorCode::InvalidInput);
        let outside = json!({ "find": "KG", "replace": "X", "project": "../other" });
        assert_eq!(bench.refused("code.rename", outside), ErrorCode::NotGranted);
    }
}
