//! Presentations from facts: a .pptx file, and the same deck as a web page beside it.

use genoa_abi::schema::{EffectClass, FileNeed, Needs};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::facts::{Event, Fact};
use crate::tool::{Call, Tool, answer, schema};
use crate::{files, walk};

mod deck;
mod html;
mod package;
mod parts;
mod pptx;
#[cfg(test)]
mod tests;

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "slides.write",
            "Write slides from facts, with their sources.",
            EffectClass::Change,
            needs,
            "list[File]",
        )
        .required("path", "path", "where to")
        .ending_in("pptx")
        .required("title", "str", "title of the deck")
        .optional("facts", "list[Fact]", "what the slides say")
        .optional("sections", "list[str]", "headings, in order")
        .optional("event", "Event", "the meeting it is for")
        .optional("subtitle", "str", "a line below the title")
        .asked_by("slide|present|deck|pptx|powerpoint|talk|demo")
        .phrase("Write the slides {path} titled {title}"),
        run: write,
    }]
}

fn write(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    if walk::extension(&path) != "pptx" {
        return Err(Failure::new(ErrorCode::InvalidInput, "slides are written as .pptx")
            .try_next("Use a path that ends in .pptx; the same deck is written as .html beside it"));
    }
    let facts: Vec<Fact> = call.argument::<Option<_>>("facts")?.unwrap_or_default();
    let sections: Vec<String> = call.argument::<Option<_>>("sections")?.unwrap_or_default();
    let event: Option<Event> = call.argument("event")?;
    if facts.is_empty() && sections.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, "there is nothing to put on slides")
            .because("no facts and no sections were given")
            .try_next("Collect material and extract facts from it first"));
    }
    let shown = call.relative(&path);
    let folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
    let deck = deck::lay_out(&deck::Material {
        title: &call.text("title")?,
        subtitle: &call.text("subtitle")?,
        event: event.as_ref(),
        facts: &facts,
        sections: &sections,
        folder,
    });
    (call.progress)(&format!("{} slides", deck.slides.len()));
    let page = path.with_extension("html");
    files::put(call, &path, pptx::write(&deck)?)?;
    files::put(call, &page, html::write(&deck))?;
    answer([files::describe(call, &path)?, files::describe(call, &page)?])
}
