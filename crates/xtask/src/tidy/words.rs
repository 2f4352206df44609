//! Words that are not used here, each with what to say instead.

use regex::Regex;
use serde::Deserialize;

use crate::finding::Finding;
use crate::tree::Tree;

const LIST_PATH: &str = "crates/xtask/data/banned-words.toml";
const LIST: &str = include_str!("../../data/banned-words.toml");
/// Pages and licences that quote others, and the list itself.
const EXEMPT: &[&str] = &[LIST_PATH, "LICENSE-APACHE", "LICENSE-MIT", "Cargo.lock"];

/// Where a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// Names of files, modules, types and functions.
    Names,
    /// Comments and Markdown pages.
    Prose,
    /// Every line of every file that is text.
    Everywhere,
}

/// One banned word.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    pattern: String,
    place: Place,
    instead: String,
    /// Folders in which it may stand: what people say to an assistant, and their files.
    #[serde(default)]
    quoted_in: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    word: Vec<Word>,
}

/// Where banned words stand.
pub(super) fn words(tree: &Tree) -> Vec<Finding> {
    match read(LIST) {
        Ok(words) => words.iter().flat_map(|(word, pattern)| find(tree, word, pattern)).collect(),
        Err(message) => vec![Finding::about(LIST_PATH, message)],
    }
}

fn read(list: &str) -> Result<Vec<(Word, Regex)>, String> {
    let list: List = toml::from_str(list).map_err(|error| error.to_string())?;
    let compile = |word: Word| Ok((Regex::new(&word.pattern).map_err(|error| error.to_string())?, word));
    list.word.into_iter().map(|word| compile(word).map(|(pattern, word)| (word, pattern))).collect()
}

fn find(tree: &Tree, word: &Word, pattern: &Regex) -> Vec<Finding> {
    let lines: Vec<(&str, usize, &str)> = match word.place {
        Place::Names => names(tree),
        Place::Prose => prose(tree),
        Place::Everywhere => tree
            .files()
            .flat_map(|(path, text)| text.lines().enumerate().map(move |(n, line)| (path, n + 1, line)))
            .collect(),
    };
    let mut findings = Vec::new();
    let is_quoted = |path: &str| word.quoted_in.iter().any(|folder| path.starts_with(folder.as_str()));
    for (path, line, text) in lines.into_iter().filter(|(path, ..)| !EXEMPT.contains(path) && !is_quoted(path)) {
        if let Some(found) = pattern.find(text) {
            findings.push(Finding::at(path, line, format!("`{}`: {}", found.as_str().trim(), word.instead)));
        }
    }
    findings
}

fn prose(tree: &Tree) -> Vec<(&str, usize, &str)> {
    let comments = tree.sources().iter().flat_map(|source| source.comments().map(|(n, text)| (&*source.path, n, text)));
    let pages = tree.files_ending(".md");
    comments
        .chain(pages.flat_map(|(path, text)| text.lines().enumerate().map(move |(n, line)| (path, n + 1, line))))
        .collect()
}

/// The paths of Rust files, and the lines that define something.
fn names(tree: &Tree) -> Vec<(&str, usize, &str)> {
    const DEFINE: &[&str] = &["mod ", "struct ", "enum ", "trait ", "fn ", "type "];
    let mut names: Vec<_> = tree.sources().iter().map(|source| (&*source.path, 0, &*source.path)).collect();
    for source in tree.sources() {
        for (place, line) in source.text.lines().enumerate() {
            let code = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let code = code.trim_start_matches("pub ");
            if let Some(name) = DEFINE.iter().find_map(|keyword| code.strip_prefix(keyword)) {
                let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
                names.push((&source.path, place + 1, &name[..end]));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{find, read, words};
    use crate::finding::listing;
    use crate::tree::Tree;

    const LIST: &str = "[[word]]\npattern = '(?i)blob'\nplace = 'names'\ninstead = 'say what it holds'\n\
        [[word]]\npattern = '\\bvery\\b'\nplace = 'prose'\ninstead = 'leave it out'\n\
        [[word]]\npattern = 'Later:'\nplace = 'everywhere'\ninstead = 'do it now'\n";

    #[test]
    fn each_word_is_looked_for_in_its_place() {
        let tree = Tree::of([
            (
                "crates/a/src/blob.rs",
                "//! Very small, not very.\npub struct BlobList;\nlet blob = \"very\"; // Later: x\n",
            ),
            ("README.md", "A blob, very large.\n"),
            ("x", "echo Later:\n"),
        ]);
        let found = read(LIST).unwrap().iter().flat_map(|(word, pattern)| find(&tree, word, pattern)).collect();
        insta::assert_snapshot!(listing(found), @r"
        README.md:1: `very`: leave it out
        crates/a/src/blob.rs: `blob`: say what it holds
        crates/a/src/blob.rs:1: `very`: leave it out
        crates/a/src/blob.rs:2: `Blob`: say what it holds
        crates/a/src/blob.rs:3: `Later:`: do it now
        x:1: `Later:`: do it now
        ");
    }

    #[test]
    fn the_real_list_compiles_and_says_what_to_do() {
        assert!(read(super::LIST).unwrap().iter().all(|(word, _)| !word.instead.is_empty()));
        let tree = Tree::of([("crates/a/src/string_utils.rs", "//! Strings.\n")]);
        assert_eq!(words(&tree).len(), 1);
    }
}
