//! The tail of the distribution: the longest functions and files, and how large each crate is.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::tree::Tree;

/// How many of the longest are shown.
const SHOWN: usize = 10;

/// The report as text.
#[must_use]
pub fn report(tree: &Tree) -> String {
    let mut functions = Vec::new();
    let mut files = Vec::new();
    let mut crates: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for source in tree.sources() {
        let lines = source.lines_without_tests();
        let is_shipped = source.path.contains("/src/");
        if is_shipped {
            files.push((lines, source.path.clone()));
        }
        for function in &source.functions {
            functions
                .push((function.length(), format!("{}:{} {}", source.path, function.lines.start(), function.name)));
        }
        let name = source.path.split('/').nth(1).unwrap_or_default();
        let (code, tests) = crates.entry(name).or_default();
        let all = source.text.lines().count();
        *code += if is_shipped { lines } else { 0 };
        *tests += if is_shipped { all - lines } else { all };
    }
    let mut text = String::new();
    list_longest(&mut text, "Longest functions", functions);
    list_longest(&mut text, "Longest files, tests not counted", files);
    let _ = writeln!(text, "Lines per crate: code, tests");
    for (name, (code, tests)) in crates {
        let _ = writeln!(text, "{code:>6} {tests:>6}  {name}");
    }
    text
}

fn list_longest(text: &mut String, title: &str, mut entries: Vec<(usize, String)>) {
    entries.sort_by(|a, b| b.cmp(a));
    let _ = writeln!(text, "{title}");
    for (lines, name) in entries.into_iter().take(SHOWN) {
        let _ = writeln!(text, "{lines:>6}  {name}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::tree::Tree;

    #[test]
    fn the_longest_come_first_and_tests_are_counted_apart() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", "//! A.\nfn one() {\n}\n#[cfg(test)]\nmod tests {\n}\n"),
            ("crates/a/src/b.rs", "//! B.\nfn two() {\n\n}\n"),
            ("crates/a/tests/t.rs", "//! T.\n#[test]\nfn works() {}\n"),
        ]);
        insta::assert_snapshot!(report(&tree), @r"
        Longest functions
             3  crates/a/src/b.rs:2 two
             2  crates/a/src/lib.rs:2 one

        Longest files, tests not counted
             4  crates/a/src/b.rs
             3  crates/a/src/lib.rs

        Lines per crate: code, tests
             7      6  a
        ");
    }
}
