//! What a source consists of, by the words that declarations begin with. No parser: a file that does not compile, or is
//! written in a language that was never heard of, is outlined all the same, as far as its lines tell.

use std::path::Path;

use genoa_abi::Failure;

use crate::tool::Call;
use crate::{text, walk};

/// Files that are looked at.
const FILES: usize = 2_000;
/// Length of the outline.
const OUTLINE_BYTES: usize = 64 * 1024;
/// Letters that are kept of one declaration.
const LINE_LETTERS: usize = 140;

/// The outline of all sources below `folder`, or of the one file that it names.
pub(super) fn of_folder(call: &Call<'_>, folder: &Path) -> Result<String, Failure> {
    let mut outline = String::new();
    let paths = if folder.is_file() {
        vec![folder.to_owned()]
    } else {
        walk::entries(folder)?.into_iter().filter(|entry| entry.metadata.is_file()).map(|entry| entry.path).collect()
    };
    let sources: Vec<_> = paths.iter().filter(|path| language(path).is_some()).collect();
    for (place, path) in sources.iter().enumerate() {
        let Some(language) = language(path) else { continue };
        if outline.len() > OUTLINE_BYTES || place == FILES {
            outline.push_str(&format!("[{} more files left out]\n", sources.len() - place));
            break;
        }
        outline.push_str(&format!("{}\n", call.relative(path)));
        // A source that cannot be read is named all the same.
        outline.push_str(&declarations(language, &text::read(path).unwrap_or_default()));
    }
    Ok(outline)
}

/// How declarations look in one family of languages.
#[derive(Debug)]
struct Language {
    extensions: &'static [&'static str],
    /// Words that may stand before.
    modifiers: &'static [&'static str],
    /// Words that begin a declaration.
    keywords: &'static [&'static str],
    /// What begins a comment.
    comment: &'static str,
}

const LANGUAGES: [Language; 6] = [
    Language {
        extensions: &["rs"],
        modifiers: &["pub", "async", "const", "unsafe", "extern", "\"C\"", "default"],
        keywords: &["fn", "struct", "enum", "trait", "impl", "mod", "type", "union", "macro_rules!", "static"],
        comment: "//",
    },
    Language { extensions: &["py"], modifiers: &["async"], keywords: &["def", "class"], comment: "#" },
    Language {
        extensions: &["js", "ts", "tsx", "jsx", "mjs"],
        modifiers: &["export", "default", "async", "abstract", "declare"],
        keywords: &["function", "class", "interface", "type", "enum", "namespace"],
        comment: "//",
    },
    Language { extensions: &["go"], modifiers: &[], keywords: &["func", "type", "package"], comment: "//" },
    Language {
        extensions: &["java", "kt", "cs", "swift", "scala"],
        modifiers: &[
            "public",
            "private",
            "protected",
            "internal",
            "static",
            "final",
            "abstract",
            "sealed",
            "data",
            "open",
            "override",
        ],
        keywords: &[
            "class",
            "interface",
            "enum",
            "record",
            "fun",
            "func",
            "object",
            "struct",
            "trait",
            "protocol",
            "namespace",
        ],
        comment: "//",
    },
    Language {
        extensions: &["c", "h", "cpp", "hpp", "cc"],
        modifiers: &["typedef", "static", "template"],
        keywords: &["struct", "class", "enum", "union", "namespace"],
        comment: "//",
    },
];

fn language(path: &Path) -> Option<&'static Language> {
    let extension = walk::extension(path);
    LANGUAGES.iter().find(|language| language.extensions.contains(&extension.as_str()))
}

fn declarations(language: &Language, source: &str) -> String {
    let mut found = String::new();
    for (number, line) in source.lines().enumerate() {
        let words = line.trim_start();
        if words.starts_with(language.comment) || words.starts_with('*') || !declares(language, words) {
            continue;
        }
        let depth = (line.len() - words.len()).min(16) / 4 + 1;
        let head = words.split(" {").next().unwrap_or(words).trim_end_matches(['{', ';', ':', ' ']);
        found.push_str(&format!("{}{}: {}\n", "  ".repeat(depth), number + 1, text::shorten(head, LINE_LETTERS)));
    }
    found
}

fn declares(language: &Language, line: &str) -> bool {
    // `pub(crate)` is `pub`.
    let bare = |word: &str| word.split(['(', '<']).next().unwrap_or_default().to_owned();
    let mut words = line.split_whitespace().map(bare).filter(|word| !word.is_empty());
    let first = words.find(|word| !language.modifiers.contains(&word.as_str()));
    first.is_some_and(|word| language.keywords.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn declarations_are_listed_by_file() {
        let rust = "//! fn not_this\npub(crate) async fn run(x: &str) -> u8 {\n    let fn_like = 1;\n}\nimpl<T> Foo<T> {\n    pub const fn new() -> Self {\n}\nmod tests;\n";
        let bench = Bench::new()
            .with("src/main.rs", rust)
            .with("tool.py", "class A(Base):\n    async def go(self):\n        return 'def x'\n# def no\n")
            .with("web/app.ts", "export default class App extends X {\n  render() {}\n}\nexport function go() {\n")
            .with("notes.md", "fn none")
            .with("bad.rs", b"\0\xff");
        let outline = bench.ok("code.outline", json!({}));
        insta::assert_snapshot!(outline.as_str().unwrap(), @r"
        bad.rs
        src/main.rs
          2: pub(crate) async fn run(x: &str) -> u8
          5: impl<T> Foo<T>
            6: pub const fn new() -> Self
          8: mod tests
        tool.py
          1: class A(Base)
            2: async def go(self)
        web/app.ts
          1: export default class App extends X
          4: export function go()
        ");
        assert_eq!(bench.refused("code.outline", json!({ "project": "../x" })), ErrorCode::NotGranted);
    }
}
