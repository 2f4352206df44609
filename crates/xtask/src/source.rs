//! One Rust file, parsed: its functions with their lengths, its tests, its comments.

use std::fmt;
use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A Rust file. One that does not parse has no syntax; the compiler says why better than we could.
pub struct Source {
    /// Its path from the root.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Its syntax, where it parses.
    pub syntax: Option<syn::File>,
    /// Its functions that are not tests.
    pub functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Where it starts and ends, without its comments and attributes.
    pub lines: RangeInclusive<usize>,
}

impl Function {
    /// How many lines it has, signature and braces included.
    #[must_use]
    pub fn length(&self) -> usize {
        self.lines.end() + 1 - self.lines.start()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).field("functions", &self.functions).finish_non_exhaustive()
    }
}

impl Source {
    /// Parses a file.
    #[must_use]
    pub fn new(path: String, text: String) -> Self {
        let syntax = syn::parse_file(&text).ok();
        let mut outline = Outline::default();
        if let Some(syntax) = &syntax {
            outline.visit_file(syntax);
        }
        let is_test_file = path.contains("/tests/") || path.contains("/benches/");
        let functions = if is_test_file { Vec::new() } else { outline.functions };
        Self { path, text, syntax, functions, test_lines: outline.tests }
    }

    /// Lines that are not part of a `#[cfg(test)]` item.
    #[must_use]
    pub fn lines_without_tests(&self) -> usize {
        let tests: usize = self.test_lines.iter().map(|lines| lines.end() + 1 - lines.start()).sum();
        self.text.lines().count().saturating_sub(tests)
    }

    /// Each line's number and its comment, from `//` on; documentation included.
    pub fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().filter_map(|(place, line)| Some((place + 1, comment_of(line)?)))
    }

    /// Whether a line that matches is within `lines`.
    pub fn any_line(&self, lines: &RangeInclusive<usize>, matches: impl Fn(&str) -> bool) -> bool {
        self.text.lines().enumerate().any(|(place, line)| lines.contains(&(place + 1)) && matches(line))
    }
}

/// The comment at the end of a line. `//` after a colon is taken for a URL in a text.
fn comment_of(line: &str) -> Option<&str> {
    let place = line.match_indices("//").map(|(place, _)| place).find(|place| !line[..*place].ends_with(':'))?;
    let is_in_text = line[..place].matches('"').count() % 2 == 1;
    (!is_in_text).then(|| &line[place..])
}

#[derive(Default)]
struct Outline {
    functions: Vec<Function>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Outline {
    fn add(&mut self, name: &syn::Ident, start: proc_macro2::Span, end: proc_macro2::Span) {
        self.functions.push(Function { name: name.to_string(), lines: start.start().line..=end.end().line });
    }
}

impl<'ast> Visit<'ast> for Outline {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_test(&module.attrs) {
            let span = module.span();
            self.tests.push(span.start().line..=span.end().line);
        } else {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !is_test(&function.attrs) {
            self.add(&function.sig.ident, function.sig.span(), function.block.span());
            visit::visit_item_fn(self, function);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig.ident, function.sig.span(), function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig.ident, function.sig.span(), block.span());
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test")))
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, comment_of};

    #[test]
    fn functions_are_measured_without_their_comments_and_tests() {
        let text = "/// Doc.\n#[must_use]\nfn one() -> u8 {\n    1\n}\nimpl A {\n    fn two() {}\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn three() {\n    }\n}\n";
        let source = Source::new("crates/a/src/lib.rs".into(), text.into());
        let lengths: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.length())).collect();
        assert_eq!(lengths, [("one", 3), ("two", 1)]);
        assert_eq!(source.lines_without_tests(), 8);
    }

    #[test]
    fn a_url_in_a_text_is_no_comment() {
        assert_eq!(comment_of("let a = 1; // why"), Some("// why"));
        assert_eq!(comment_of(r#"let a = "https://example.org";"#), None);
        assert_eq!(comment_of(r#"let a = "a // b";"#), None);
        assert_eq!(comment_of("//! Tagline."), Some("//! Tagline."));
    }
}
