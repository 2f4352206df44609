//! Documents from blocks: Word, a self-contained web page, Markdown.

use std::io::Cursor;
use std::path::Path;

use docx_rs::{
    AbstractNumbering, Docx, Hyperlink, HyperlinkType, IndentLevel, Level, LevelJc, LevelText, LineSpacing,
    NumberFormat, Numbering, NumberingId, PageMargin, Paragraph, Run, RunFonts, SpecialIndentType, Start, Style,
    StyleType, Table, TableCell, TableRow,
};
use genoa_abi::{ErrorCode, Failure};

use crate::markdown::{Block, Kind, Span};
use crate::walk;

/// The document in the form that the extension of `path` names.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for another extension than `.docx`, `.html` or `.md`.
pub(crate) fn document(path: &Path, title: &str, blocks: &[Block]) -> Result<Vec<u8>, Failure> {
    match walk::extension(path).as_str() {
        "docx" => docx(title, blocks),
        "html" | "htm" => Ok(html(title, blocks).into_bytes()),
        "md" | "markdown" => Ok(markdown(title, blocks).into_bytes()),
        other => Err(Failure::new(ErrorCode::InvalidInput, format!("documents cannot be written as `.{other}`"))
            .try_next("Use a path that ends in .docx, .html or .md")),
    }
}

/// `text` for the content and the attributes of XML and HTML. What XML cannot hold becomes a space.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push(' '),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

const HTML_STYLE: &str = "body{font:17px/1.6 Georgia,'Liberation Serif',serif;color:#1d2430;max-width:44rem;margin:3rem auto;\
padding:0 1.5rem}h1,h2,h3,h4{font-family:'Helvetica Neue',Arial,'Liberation Sans',sans-serif;line-height:1.25;color:#12304f}\
h1{font-size:2rem;border-bottom:2px solid #2f6fb0;padding-bottom:.4rem}code,pre{font:.9em 'DejaVu Sans Mono',monospace;\
background:#f2f4f7}pre{padding:1rem;white-space:pre-wrap}blockquote{border-left:3px solid #b9c4d0;margin:0;padding:0 1rem;\
color:#465264}table{border-collapse:collapse}th,td{border:1px solid #c9d1da;padding:.35rem .7rem;text-align:left}\
th{background:#eef2f6}a{color:#1f5f9f}@media print{body{margin:0;max-width:none}}";

/// A page that needs nothing from outside, and by its policy could not fetch it.
pub(crate) fn html(title: &str, blocks: &[Block]) -> String {
    let title = escape(title);
    let mut body = String::new();
    let mut lists: Vec<&str> = Vec::new();
    for block in blocks {
        let depth = if let Kind::Item { depth, .. } = &block.kind { depth + 1 } else { 0 };
        while lists.len() > depth {
            body.push_str(lists.pop().map_or("", |list| if list == "ol" { "</ol>\n" } else { "</ul>\n" }));
        }
        if let Kind::Item { number, .. } = &block.kind {
            while lists.len() < depth {
                let list = if number.is_some() { "ol" } else { "ul" };
                body.push_str(&format!("<{list}>\n"));
                lists.push(list);
            }
        }
        body.push_str(&html_block(block));
    }
    for list in lists.iter().rev() {
        body.push_str(&format!("</{list}>\n"));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\"><title>{title}</title><style>{HTML_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n\
         {body}</body></html>\n"
    )
}

fn html_block(block: &Block) -> String {
    let inner: String = block.spans.iter().map(html_span).collect();
    match &block.kind {
        Kind::Heading(level) => format!("<h{0}>{inner}</h{0}>\n", (level + 1).min(6)),
        Kind::Paragraph => format!("<p>{inner}</p>\n"),
        Kind::Quote => format!("<blockquote><p>{inner}</p></blockquote>\n"),
        Kind::Item { .. } => format!("<li>{inner}</li>\n"),
        Kind::Code => format!("<pre>{}</pre>\n", escape(&block.text())),
        Kind::Table(rows) => {
            let row = |(place, cells): (usize, &Vec<String>)| {
                let tag = if place == 0 { "th" } else { "td" };
                let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect();
                format!("<tr>{cells}</tr>\n")
            };
            format!("<table>\n{}</table>\n", rows.iter().enumerate().map(row).collect::<String>())
        }
    }
}

fn html_span(span: &Span) -> String {
    let mut text = escape(&span.text).replace('\n', "<br>");
    for (is_on, tag) in [(span.code, "code"), (span.italic, "em"), (span.bold, "strong")] {
        if is_on {
            text = format!("<{tag}>{text}</{tag}>");
        }
    }
    match &span.link {
        Some(target) => format!("<a href=\"{}\" rel=\"noreferrer\">{text}</a>", escape(target)),
        None => text,
    }
}

/// The blocks as Markdown, in which no word can become markup.
pub(crate) fn markdown(title: &str, blocks: &[Block]) -> String {
    let mut text = format!("# {}\n", escape_markdown(title));
    let mut in_list = false;
    for block in blocks {
        let inner: String = block.spans.iter().map(markdown_span).collect();
        let is_item = matches!(block.kind, Kind::Item { .. });
        if !(is_item && in_list) {
            text.push('\n');
        }
        in_list = is_item;
        text.push_str(&match &block.kind {
            Kind::Heading(level) => format!("{} {inner}\n", "#".repeat(usize::from(level + 1).min(6))),
            Kind::Paragraph => format!("{inner}\n"),
            Kind::Quote => format!("> {inner}\n"),
            Kind::Item { depth, number } => {
                let mark = number.map_or_else(|| "-".to_owned(), |number| format!("{number}."));
                format!("{}{mark} {inner}\n", "   ".repeat(*depth))
            }
            Kind::Code => {
                let code = block.text();
                let fence = "`".repeat(longest_run(&code, '`').max(2) + 1);
                format!("{fence}\n{}\n{fence}\n", code.trim_end())
            }
            Kind::Table(rows) => markdown_table(rows),
        });
    }
    text
}

fn markdown_span(span: &Span) -> String {
    let mut text = if span.code {
        let fence = "`".repeat(longest_run(&span.text, '`') + 1);
        format!("{fence}{}{fence}", span.text)
    } else {
        escape_markdown(&span.text)
    };
    for (is_on, mark) in [(span.italic, "*"), (span.bold, "**")] {
        if is_on {
            text = format!("{mark}{text}{mark}");
        }
    }
    match &span.link {
        Some(target) => {
            let target = target.replace(' ', "%20").replace('(', "%28").replace(')', "%29").replace(['<', '>'], "");
            format!("[{text}]({target})")
        }
        None => text,
    }
}

/// A table in Markdown, its heads first.
pub(crate) fn markdown_table(rows: &[Vec<String>]) -> String {
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        let cells = (0..width)
            .map(|column| row.get(column).map_or(String::new(), |cell| escape_markdown(&crate::text::one_line(cell))));
        text.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if place == 0 {
            text.push_str(&format!("|{}\n", "---|".repeat(width)));
        }
    }
    text
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|letter| letter != wanted).map(|run| run.chars().count()).max().unwrap_or_default()
}

fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, letter) in text.chars().enumerate() {
        let begins = place == 0 && matches!(letter, '#' | '-' | '+' | '>');
        if begins || matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '!') {
            escaped.push('\\');
        }
        escaped.push(if letter == '\n' { ' ' } else { letter });
    }
    escaped
}

/// The library has a numbering of its own under 1.
const BULLETS: usize = 2;
const FONT: &str = "Liberation Sans";

fn docx(title: &str, blocks: &[Block]) -> Result<Vec<u8>, Failure> {
    let mut document = Docx::new()
        .default_fonts(RunFonts::new().ascii(FONT).hi_ansi(FONT).cs(FONT))
        .default_size(22)
        .page_size(11_906, 16_838)
        .page_margin(PageMargin::new().top(1_300).bottom(1_300).left(1_300).right(1_300));
    for style in styles() {
        document = document.add_style(style);
    }
    document = document.add_abstract_numbering(bullets()).add_numbering(Numbering::new(BULLETS, BULLETS));
    document = document.add_paragraph(Paragraph::new().style("Title").add_run(run(&Span::plain(title))));
    for block in blocks {
        document = match &block.kind {
            Kind::Table(rows) => document.add_table(docx_table(rows)).add_paragraph(Paragraph::new()),
            Kind::Code => block.text().trim_end().lines().fold(document, |document, line| {
                document.add_paragraph(Paragraph::new().add_run(run(&Span { code: true, ..Span::plain(line) })))
            }),
            _ => document.add_paragraph(docx_paragraph(block)),
        };
    }
    let mut bytes = Cursor::new(Vec::new());
    document
        .build()
        .pack(&mut bytes)
        .map_err(|error| Failure::new(ErrorCode::Internal, "the document cannot be packed").because(error))?;
    Ok(bytes.into_inner())
}

fn styles() -> Vec<Style> {
    let spacing = |before: u32, after: u32| LineSpacing::new().before(before).after(after);
    let style = |id: &str, name: &str, size: usize, before: u32| {
        Style::new(id, StyleType::Paragraph)
            .name(name)
            .size(size)
            .bold()
            .color("12304F")
            .line_spacing(spacing(before, 120))
    };
    vec![
        style("Title", "Title", 44, 0),
        style("Heading1", "heading 1", 32, 320),
        style("Heading2", "heading 2", 26, 260),
        style("Heading3", "heading 3", 23, 220),
    ]
}

fn bullets() -> AbstractNumbering {
    (0..=4).fold(AbstractNumbering::new(BULLETS), |numbering, depth: usize| {
        let left = i32::try_from(depth).unwrap_or_default() * 360 + 360;
        let level = Level::new(
            depth,
            Start::new(1),
            NumberFormat::new("bullet"),
            LevelText::new(if depth.is_multiple_of(2) { "•" } else { "–" }),
            LevelJc::new("left"),
        );
        numbering.add_level(level.indent(Some(left), Some(SpecialIndentType::Hanging(300)), None, None))
    })
}

fn docx_paragraph(block: &Block) -> Paragraph {
    let spacing = LineSpacing::new().after(120).line(290);
    let mut paragraph = match &block.kind {
        Kind::Heading(level) => {
            Paragraph::new().style(["Heading1", "Heading2", "Heading3"][usize::from(*level).clamp(1, 3) - 1])
        }
        Kind::Item { depth, number: None } => Paragraph::new()
            .numbering(NumberingId::new(BULLETS), IndentLevel::new(*depth))
            .line_spacing(LineSpacing::new().after(60).line(280)),
        Kind::Item { depth, number: Some(number) } => {
            let left = i32::try_from(*depth).unwrap_or_default() * 360 + 360;
            Paragraph::new()
                .indent(Some(left), Some(SpecialIndentType::Hanging(360)), None, None)
                .line_spacing(LineSpacing::new().after(60).line(280))
                .add_run(Run::new().add_text(format!("{number}. ")))
        }
        Kind::Quote => Paragraph::new().indent(Some(500), None, None, None).line_spacing(spacing),
        _ => Paragraph::new().line_spacing(spacing),
    };
    for span in &block.spans {
        paragraph = match &span.link {
            Some(target) => {
                let words = run(span).color("1F5F9F").underline("single");
                paragraph.add_hyperlink(Hyperlink::new(target.clone(), HyperlinkType::External).add_run(words))
            }
            None => paragraph.add_run(run(span)),
        };
    }
    paragraph
}

fn run(span: &Span) -> Run {
    // The library writes text as XML; what XML cannot hold at all must not reach it.
    let clean = |line: &str| line.chars().filter(|letter| !letter.is_control() || *letter == '\t').collect::<String>();
    let mut run = Run::new();
    for (place, line) in span.text.split('\n').enumerate() {
        if place > 0 {
            run = run.add_break(docx_rs::BreakType::TextWrapping);
        }
        run = run.add_text(clean(line));
    }
    if span.bold {
        run = run.bold();
    }
    if span.italic {
        run = run.italic();
    }
    if span.code {
        run = run.fonts(RunFonts::new().ascii("DejaVu Sans Mono").hi_ansi("DejaVu Sans Mono")).size(19);
    }
    run
}

fn docx_table(rows: &[Vec<String>]) -> Table {
    let row = |(place, cells): (usize, &Vec<String>)| {
        let cell = |text: &String| {
            let span = Span { bold: place == 0, ..Span::plain(text) };
            TableCell::new().add_paragraph(Paragraph::new().add_run(run(&span)))
        };
        TableRow::new(cells.iter().map(cell).collect())
    };
    Table::new(rows.iter().enumerate().map(row).collect())
}
