//! A brief: what matters, point by point, each with its source.

use genoa_abi::schema::{EffectClass, FileNeed, Needs};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::documents::write::document;
use crate::facts::{Event, Fact, source_link, sources};
use crate::files;
use crate::markdown::{Block, Kind, Span};
use crate::text::one_line;
use crate::tool::{Call, Tool, answer, schema};

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "brief.write",
            "Write a brief from facts, with their sources.",
            EffectClass::Change,
            needs,
            "File",
        )
        .required("path", "path", "where to")
        .ending_in("docx html md")
        .required("title", "str", "its title")
        .required("facts", "list[Fact]", "what it says")
        .optional("event", "Event", "the meeting it is for")
        .asked_by(
            "brief|summar|page|handout|ready|gather|report|overview|digest|sheet|memo|prepar|document|write-up|writ|agenda|point|dossier|paper|note|collect",
        )
        .phrase("Write the brief {path} titled {title}"),
        run: write,
    }]
}

fn write(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    let facts: Vec<Fact> = call.argument("facts")?;
    let event: Option<Event> = call.argument("event")?;
    if facts.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "there is nothing to brief about")
            .because("no facts were given")
            .try_next("Collect material and extract facts from it first"));
    }
    let shown = call.relative(&path);
    let folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
    let blocks = lay_out(&facts, event.as_ref(), folder);
    files::put(call, &path, document(&path, &one_line(&call.text("title")?), &blocks)?)?;
    answer(files::describe(call, &path)?)
}

fn lay_out(facts: &[Fact], event: Option<&Event>, folder: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(event) = event {
        let lines = [one_line(&event.title), event.when_and_where(), event.names()];
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        blocks.push(Block {
            kind: Kind::Paragraph,
            spans: vec![Span { italic: true, ..Span::plain(lines.join(" · ")) }],
        });
    }
    let mut headings: Vec<String> = Vec::new();
    for fact in facts {
        let heading = one_line(&fact.about);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in &headings {
        if !heading.is_empty() {
            blocks.push(Block::plain(Kind::Heading(1), heading));
        }
        let of_heading = facts.iter().filter(|fact| one_line(&fact.about) == *heading && !fact.text.trim().is_empty());
        blocks.extend(of_heading.map(|fact| point(fact, folder)));
    }
    let links = sources(facts, folder);
    if !links.is_empty() {
        blocks.push(Block::plain(Kind::Heading(1), "Sources"));
    }
    for (number, link) in (1..).zip(links) {
        let words = if link.path.is_empty() || link.path == link.title {
            link.title
        } else {
            format!("{} ({})", link.title, link.path)
        };
        let span = Span { link: link.target, ..Span::plain(words) };
        blocks.push(Block { kind: Kind::Item { depth: 0, number: Some(number) }, spans: vec![span] });
    }
    blocks
}

fn point(fact: &Fact, folder: &str) -> Block {
    let mut spans = vec![Span::plain(one_line(&fact.text))];
    match source_link(fact, folder) {
        Some(link) => {
            spans.push(Span::plain(" ("));
            spans.push(Span { link: link.target, ..Span::plain(link.title) });
            spans.push(Span::plain(")"));
        }
        None => spans.push(Span { italic: true, ..Span::plain(" (no source)") }),
    }
    Block { kind: Kind::Item { depth: 0, number: None }, spans }
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    fn facts() -> serde_json::Value {
        json!([
            { "about": "date", "text": "The demo is on Thursday.", "source": "Invitation", "path": "mail/1.eml" },
            { "about": "date", "text": "It was [moved](javascript:x) <b>twice</b>.", "source": "Notes", "path": "notes/a b.md" },
            { "about": "budget", "text": "40 000 are left.", "source": "", "path": null },
        ])
    }

    #[test]
    fn every_claim_has_its_source() {
        let bench = Bench::new();
        bench.ok("brief.write", json!({ "path": "out/brief.md", "title": "Demo", "facts": facts() }));
        insta::assert_snapshot!(bench.text("out/brief.md"), @r"
        # Demo

        ## date

        - The demo is on Thursday. ([Invitation](../mail/1.eml))
        - It was \[moved\](javascript:x) \<b>twice\</b>. ([Notes](../notes/a%20b.md))

        ## budget

        - 40 000 are left.* (no source)*

        ## Sources

        1. [Invitation (mail/1.eml)](../mail/1.eml)
        2. [Notes (notes/a b.md)](../notes/a%20b.md)
        ");
    }

    #[test]
    fn other_formats_hold_the_same_words() {
        let bench = Bench::new();
        for name in ["brief.html", "brief.docx"] {
            bench.ok("brief.write", json!({ "path": name, "title": "Demo", "facts": facts() }));
            let text = crate::documents::text_of(&bench.path().join(name)).unwrap();
            for wanted in ["Demo", "The demo is on Thursday.", "<b>twice</b>", "Invitation", "40 000 are left."] {
                assert!(text.contains(wanted), "{wanted} is missing in {name}: {text}");
            }
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let bench = Bench::new();
        let refused =
            |path: &str, facts| bench.refused("brief.write", json!({ "path": path, "title": "x", "facts": facts }));
        assert_eq!(refused("brief.exe", facts()), ErrorCode::InvalidInput);
        assert_eq!(refused("/etc/brief.md", facts()), ErrorCode::NotGranted);
        assert_eq!(refused("brief.md", json!([])), ErrorCode::NotFound);
    }
}
