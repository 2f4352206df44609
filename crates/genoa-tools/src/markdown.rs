//! Markdown as a flat list of blocks: what documents are written from.
//!
//! Markup inside (HTML) is text like any other: nothing of the input reaches a document unescaped.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// How deep lists are indented at most.
const LIST_DEPTH: usize = 4;

/// A paragraph, heading, list item, row or line of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its words.
    pub(crate) spans: Vec<Span>,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A heading of level 1 to 6.
    Heading(u8),
    /// A paragraph.
    Paragraph,
    /// A quoted paragraph.
    Quote,
    /// An item of a list, with its depth from 0, and its number in a numbered list.
    Item {
        /// From 0.
        depth: usize,
        /// From 1, in a numbered list.
        number: Option<u64>,
    },
    /// Lines of code.
    Code,
    /// A table: rows of cells, the first being the heads. Its words are here, not in the spans.
    Table(Vec<Vec<String>>),
}

/// Some words in one form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The words.
    pub(crate) text: String,
    /// In bold.
    pub(crate) bold: bool,
    /// In italics.
    pub(crate) italic: bool,
    /// As code.
    pub(crate) code: bool,
    /// Where they lead; only what [`safe_link`] lets through.
    pub(crate) link: Option<String>,
}

impl Span {
    /// Plain words.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Block {
    /// A block of plain words.
    pub(crate) fn plain(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, spans: vec![Span::plain(text)] }
    }

    /// Its words without their form.
    pub(crate) fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// `target`, if following it can do no harm: a web or mail address, or a relative path.
pub(crate) fn safe_link(target: &str) -> Option<String> {
    let target = target.trim();
    if target.is_empty() || target.len() > 2_000 || target.chars().any(char::is_control) {
        return None;
    }
    let lower = target.to_ascii_lowercase();
    if ["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)) {
        return Some(target.to_owned());
    }
    let first = target.split(['/', '?', '#']).next().unwrap_or_default();
    let is_relative = !target.starts_with('/') && !target.starts_with('\\') && !first.contains(':');
    is_relative.then(|| target.to_owned())
}

/// The blocks of `source`.
pub(crate) fn parse(source: &str) -> Vec<Block> {
    let mut builder = Builder::default();
    for event in Parser::new_ext(source, Options::ENABLE_TABLES) {
        builder.take(event);
    }
    builder.close();
    builder.blocks
}

#[derive(Default)]
struct Builder {
    blocks: Vec<Block>,
    kind: Option<Kind>,
    spans: Vec<Span>,
    form: Span,
    lists: Vec<Option<u64>>,
    quotes: usize,
    rows: Vec<Vec<String>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.push(&text, false),
            Event::Code(text) => self.push(&text, true),
            Event::SoftBreak => self.push(" ", false),
            Event::HardBreak => self.push("\n", false),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.open(Kind::Heading(level_number(level))),
            Tag::Paragraph if self.kind.is_none() => {
                self.open(if self.quotes > 0 { Kind::Quote } else { Kind::Paragraph });
            }
            Tag::BlockQuote(_) => self.quotes += 1,
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => self.open(Kind::Code),
            Tag::List(start) => {
                self.close();
                self.lists.push(start);
            }
            Tag::Item => {
                let depth = self.lists.len().saturating_sub(1).min(LIST_DEPTH);
                let number = self.lists.last().copied().flatten();
                if let Some(Some(next)) = self.lists.last_mut() {
                    *next = next.saturating_add(1);
                }
                self.open(Kind::Item { depth, number });
            }
            Tag::Table(_) => self.close(),
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Strong => self.form.bold = true,
            Tag::Emphasis => self.form.italic = true,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.form.link = safe_link(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Item | TagEnd::HtmlBlock => self.close(),
            TagEnd::Paragraph => self.close(),
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::List(_) => {
                self.close();
                self.lists.pop();
            }
            TagEnd::TableCell => {
                let text = std::mem::take(&mut self.spans).iter().map(|span| span.text.as_str()).collect();
                self.rows.last_mut().into_iter().for_each(|row| row.push(String::clone(&text)));
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.blocks.push(Block { kind: Kind::Table(rows), spans: Vec::new() });
            }
            TagEnd::Strong => self.form.bold = false,
            TagEnd::Emphasis => self.form.italic = false,
            TagEnd::Link | TagEnd::Image => self.form.link = None,
            _ => {}
        }
    }

    fn push(&mut self, text: &str, is_code: bool) {
        self.spans.push(Span { text: text.to_owned(), code: is_code, ..self.form.clone() });
    }

    fn open(&mut self, kind: Kind) {
        self.close();
        self.kind = Some(kind);
    }

    fn close(&mut self) {
        let kind = self.kind.take().unwrap_or(Kind::Paragraph);
        let spans = std::mem::take(&mut self.spans);
        if spans.iter().any(|span| !span.text.trim().is_empty()) {
            self.blocks.push(Block { kind, spans });
        }
    }
}

fn level_number(level: HeadingLevel) -> u8 {
    level as u8
}

#[cfg(test)]
mod tests {
    use super::{Kind, parse, safe_link};

    #[test]
    fn blocks_come_out_in_order() {
        let source = "# One\n\nA **bold** and [linked](https://a.example) word.\n\n- first\n  1. inner\n- second\n\n> said\n\n\
                      ```\ncode\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        let kinds: Vec<String> =
            parse(source).iter().map(|block| format!("{:?}: {}", block.kind, block.text())).collect();
        insta::assert_snapshot!(kinds.join("\n"), @r#"
        Heading(1): One
        Paragraph: A bold and linked word.
        Item { depth: 0, number: None }: first
        Item { depth: 1, number: Some(1) }: inner
        Item { depth: 0, number: None }: second
        Quote: said
        Code: code

        Table([["a", "b"], ["1", "2"]]): 
        "#);
    }

    #[test]
    fn markup_is_text_and_links_are_harmless() {
        let blocks = parse("<script>alert(1)</script>\n\n[x](javascript:alert(1)) <b>y</b>");
        assert!(blocks.iter().all(|block| block.spans.iter().all(|span| span.link.is_none())));
        assert!(blocks[0].text().contains("<script>"));
        for (target, is_safe) in [
            ("https://a.example/b", true),
            ("notes/a.md", true),
            ("mailto:a@b.example", true),
            ("JavaScript:alert(1)", false),
            ("data:text/html,x", false),
            ("/etc/passwd", false),
            ("//evil.example", false),
            ("java\nscript:x", false),
        ] {
            assert_eq!(safe_link(target).is_some(), is_safe, "{target}");
        }
    }

    #[test]
    fn deep_nesting_ends() {
        for source in ["> ".repeat(20_000), "- ".repeat(20_000) + "x", "[".repeat(50_000), "*".repeat(50_000)] {
            assert!(parse(&source).len() < 100_000);
        }
    }

    #[test]
    fn a_heading_keeps_its_level() {
        let levels = |source: &str| parse(source).into_iter().map(|block| block.kind).collect::<Vec<_>>();
        assert_eq!(levels("## a\n###### b"), [Kind::Heading(2), Kind::Heading(6)]);
    }
}
