//! Rules about the form of Rust files.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::finding::Finding;
use crate::source::Source;
use crate::tree::Tree;

/// The longest function that a file which only wires modules may hold.
const WIRING_FUNCTION_LINES: usize = 15;
/// The one crate that may hold unsafe code.
const UNSAFE_CRATE: &str = "crates/genoa-sys/";

/// The first line says what the file is for.
pub(super) fn taglines(tree: &Tree) -> Vec<Finding> {
    let has_tagline = |source: &Source| source.text.lines().next().is_some_and(|line| line.starts_with("//! "));
    let message = "the first line must be a tagline: `//! What this is for, in one line.`";
    tree.sources().iter().filter(|source| !has_tagline(source)).map(|s| Finding::at(&s.path, 1, message)).collect()
}

/// `lib.rs` and `mod.rs` say what there is; what it does stands elsewhere.
pub(super) fn wiring(tree: &Tree) -> Vec<Finding> {
    let wires = |source: &&Source| source.path.ends_with("/lib.rs") || source.path.ends_with("/mod.rs");
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(wires) {
        for function in source.functions.iter().filter(|function| function.length() > WIRING_FUNCTION_LINES) {
            let message = format!(
                "`{}` has {} lines: this file only wires modules, so move it into one",
                function.name,
                function.length()
            );
            findings.push(Finding::at(&source.path, *function.lines.start(), message));
        }
    }
    findings
}

/// A lint that is switched off says why.
pub(super) fn reasons(tree: &Tree) -> Vec<Finding> {
    struct Attributes<'a> {
        path: &'a str,
        findings: Vec<Finding>,
    }
    impl<'ast> Visit<'ast> for Attributes<'_> {
        fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
            let text = match &attribute.meta {
                syn::Meta::List(list) => list.tokens.to_string(),
                _ => return,
            };
            let path = attribute.path();
            let switches = path.is_ident("allow") || path.is_ident("expect");
            let switches_if = path.is_ident("cfg_attr") && (text.contains("allow (") || text.contains("expect ("));
            if (switches || switches_if) && !text.contains("reason =") {
                let message = "a lint is switched off without a reason: add `reason = \"…\"`";
                self.findings.push(Finding::at(self.path, attribute.span().start().line, message));
            }
            visit::visit_attribute(self, attribute);
        }
    }
    let mut findings = Vec::new();
    for source in tree.sources() {
        let mut attributes = Attributes { path: &source.path, findings: Vec::new() };
        if let Some(syntax) = &source.syntax {
            attributes.visit_file(syntax);
        }
        findings.append(&mut attributes.findings);
    }
    findings
}

/// The word `unsafe` stands in one crate, macros included. The others also forbid it to the compiler.
pub(super) fn unsafe_code(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| !source.path.starts_with(UNSAFE_CRATE)) {
        let tokens: TokenStream = source.text.parse().unwrap_or_default();
        if let Some(line) = line_of_unsafe(tokens) {
            findings.push(Finding::at(
                &source.path,
                line,
                "unsafe code belongs into genoa-sys, behind a safe function",
            ));
        }
        let path = source.path.as_str();
        let is_root = path.ends_with("/src/lib.rs") || (path.ends_with("/src/main.rs") && !has_library(tree, path));
        if is_root && path.starts_with("crates/") && !source.text.contains("#![forbid(unsafe_code)]") {
            findings.push(Finding::about(path, "the crate's root must say `#![forbid(unsafe_code)]`"));
        }
    }
    findings
}

fn has_library(tree: &Tree, main: &str) -> bool {
    main.strip_suffix("main.rs").is_some_and(|folder| tree.contains(&format!("{folder}lib.rs")))
}

fn line_of_unsafe(tokens: TokenStream) -> Option<usize> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => line_of_unsafe(group.stream()),
        TokenTree::Ident(word) => (word == "unsafe").then(|| word.span().start().line),
        TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{reasons, taglines, unsafe_code, wiring};
    use crate::finding::listing;
    use crate::tree::Tree;

    #[test]
    fn a_file_without_a_tagline_is_found() {
        let tree = Tree::of([
            ("crates/a/src/lib.rs", "//! What a is.\n"),
            ("crates/a/src/one.rs", "use std::fmt;\n"),
            ("crates/a/src/two.rs", "//!\n//! Late.\n"),
        ]);
        insta::assert_snapshot!(listing(taglines(&tree)), @r"
        crates/a/src/one.rs:1: the first line must be a tagline: `//! What this is for, in one line.`
        crates/a/src/two.rs:1: the first line must be a tagline: `//! What this is for, in one line.`
        ");
    }

    #[test]
    fn logic_in_a_wiring_file_is_found() {
        let long = format!("//! A.\nfn work() {{\n{}}}\n", "    step();\n".repeat(20));
        let tree = Tree::of([
            ("crates/a/src/lib.rs", long.as_str()),
            ("crates/a/src/x/mod.rs", "//! X.\nmod y;\nfn short() {}\n"),
            ("crates/a/src/work.rs", &long),
        ]);
        insta::assert_snapshot!(listing(wiring(&tree)),
            @"crates/a/src/lib.rs:2: `work` has 22 lines: this file only wires modules, so move it into one");
    }

    #[test]
    fn a_switched_off_lint_without_a_reason_is_found() {
        let text = "//! A.\n#![allow(dead_code)]\n#[expect(unused, reason = \"shown\")]\nfn a() {}\n\
                    #[cfg_attr(test, allow(unused))]\nfn b() {}\n#[cfg_attr(test, derive(Debug))]\nstruct C;\n";
        insta::assert_snapshot!(listing(reasons(&Tree::of([("crates/a/src/lib.rs", text)]))), @r#"
        crates/a/src/lib.rs:2: a lint is switched off without a reason: add `reason = "…"`
        crates/a/src/lib.rs:5: a lint is switched off without a reason: add `reason = "…"`
        "#);
    }

    #[test]
    fn unsafe_code_outside_its_crate_is_found() {
        let tree = Tree::of([
            ("crates/genoa-sys/src/lib.rs", "//! Sys.\nunsafe fn a() {}\n"),
            ("crates/a/src/lib.rs", "//! A: nothing unsafe here.\n#![forbid(unsafe_code)]\n"),
            ("crates/b/src/main.rs", "//! B.\nmacro_rules! m { () => { unsafe { f() } } }\n"),
            ("crates/c/src/lib.rs", "//! C.\n#![forbid(unsafe_code)]\n"),
            ("crates/c/src/main.rs", "//! The library forbids it.\n"),
        ]);
        insta::assert_snapshot!(listing(unsafe_code(&tree)), @r"
        crates/b/src/main.rs: the crate's root must say `#![forbid(unsafe_code)]`
        crates/b/src/main.rs:2: unsafe code belongs into genoa-sys, behind a safe function
        ");
    }
}
