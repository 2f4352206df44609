//! Documents: the text of those that are here, and new ones.

use std::path::Path;

use genoa_abi::Failure;
use genoa_abi::schema::{EffectClass, FileNeed, Needs};
use serde_json::Value as Json;

use crate::markdown::{self, Kind};
use crate::tool::{Call, Tool, answer, schema};
use crate::{files, lookup, markdown::Block};

mod archive;
mod office;
mod pdf;
mod pdf_size;
mod read;
pub(crate) mod write;

pub(crate) use archive::Archive;
pub(crate) use pdf::THREAD as PDF_THREAD;
pub use read::text_of;
pub(crate) use read::{bounded, decode, read_whole, text_of_bytes};

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![
        Tool {
            schema: schema("documents.text", "The text of a document of any kind.", EffectClass::Observe, read, "str")
                .required("path", "path", "the document")
                .existing()
                .phrase("Read the document {path}"),
            run: text,
        },
        Tool {
            schema: schema(
                "documents.write",
                "Write a document from Markdown text.",
                EffectClass::Change,
                write,
                "File",
            )
            .required("path", "path", "where to")
            .ending_in("docx html md")
            .required("title", "str", "its title")
            .required("text", "str", "its content, as Markdown")
            .asked_by("writ|creat|mak|document|docx|word|pdf|html|export|convert|turn|sav|letter|report|produc|generat|prepar|draft|compos|page|list|summar")
            .phrase("Write the document {path}"),
            run: write_document,
        },
    ]
}

fn text(call: &Call<'_>) -> Result<Json, Failure> {
    let path = lookup::file(call, &call.text("path")?)?;
    answer(text_of(&path)?)
}

fn write_document(call: &Call<'_>) -> Result<Json, Failure> {
    let path = call.resolve(&call.text("path")?)?;
    let title = crate::text::one_line(&call.text("title")?);
    let blocks = without_title(markdown::parse(&call.text("text")?), &title);
    files::put(call, &path, write::document(&path, &title, &blocks)?)?;
    answer(files::describe(call, &path)?)
}

/// The blocks without a first heading that only repeats the title.
fn without_title(mut blocks: Vec<Block>, title: &str) -> Vec<Block> {
    let repeats = blocks.first().is_some_and(|first| matches!(first.kind, Kind::Heading(1)) && first.text() == title);
    if repeats {
        blocks.remove(0);
    }
    blocks
}

/// The name of `path` for messages.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
