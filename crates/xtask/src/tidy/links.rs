//! What the pages point at is there: links, headings, and files named in code font.

use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use crate::finding::Finding;
use crate::tree::Tree;

#[expect(clippy::unwrap_used, reason = "a constant pattern; the tests of this module compile it")]
static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").unwrap());
#[expect(clippy::unwrap_used, reason = "a constant pattern; the tests of this module compile it")]
static NAMED_FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"`((?:crates|docs|benches|packaging|fuzz|image|sdk|web|\.ci|\.cargo)/[\w./-]+)`").unwrap()
});

/// Links and file names of the Markdown pages that lead nowhere.
pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files_ending(".md").filter(|(path, _)| !path.contains("/data/") && !path.contains("/fixtures/"));
    pages.flat_map(|(path, text)| page(tree, path, text)).collect()
}

fn page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in lines_outside_fences(text) {
        for target in LINK.captures_iter(line).filter_map(|link| link.get(1)) {
            if let Some(message) = broken_link(tree, path, target.as_str()) {
                findings.push(Finding::at(path, number, message));
            }
        }
        for file in NAMED_FILE.captures_iter(line).filter_map(|name| name.get(1)) {
            if !tree.contains(file.as_str()) {
                findings.push(Finding::at(path, number, format!("there is no {}", file.as_str())));
            }
        }
    }
    findings
}

fn broken_link(tree: &Tree, page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.to_owned() } else { resolve(page, file)? };
    if !tree.contains(&path) {
        return Some(format!("the link to {target} leads nowhere"));
    }
    let headings = tree.text(&path).unwrap_or_default().lines().filter(|line| line.starts_with('#')).map(anchor);
    (path.ends_with(".md") && !heading.is_empty() && !headings.into_iter().any(|found| found == heading))
        .then(|| format!("{path} has no heading #{heading}"))
}

/// The path from the root of what `page` calls `file`; what leads out of the tree stays as it is, and is not found.
fn resolve(page: &str, file: &str) -> Option<String> {
    let mut path = PathBuf::new();
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    for part in folder.join(file).components() {
        if part == Component::ParentDir && !path.pop() {
            return Some(file.to_owned());
        }
        if let Component::Normal(name) = part {
            path.push(name);
        }
    }
    path.to_str().map(str::to_owned)
}

/// The anchor of a heading as forges make it: lower case, hyphens for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn lines_outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_fenced = false;
    text.lines().enumerate().filter_map(move |(place, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        (!is_fenced && !is_fence).then_some((place + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::links;
    use crate::finding::listing;
    use crate::tree::Tree;

    #[test]
    fn what_a_page_points_at_must_exist() {
        let page = "# One\n[good](docs/a.md#two-of-them) [far](https://example.org/x) [self](#one)\n\
                    [bad](docs/b.md) [no heading](docs/a.md#three) [out](../../etc/passwd)\n\
                    `crates/a/src/lib.rs` `crates/b/src/lib.rs` `docs/`\n```\n[in a fence](nowhere.md)\n```\n";
        let tree = Tree::of([
            ("README.md", page),
            ("docs/a.md", "# One\n## Two, of them\n[up](../README.md#one) [beside](b.md)\n"),
            ("crates/a/src/lib.rs", "//! A.\n"),
        ]);
        insta::assert_snapshot!(listing(links(&tree)), @r"
        README.md:3: docs/a.md has no heading #three
        README.md:3: the link to ../../etc/passwd leads nowhere
        README.md:3: the link to docs/b.md leads nowhere
        README.md:4: there is no crates/b/src/lib.rs
        docs/a.md:3: the link to b.md leads nowhere
        ");
    }
}
