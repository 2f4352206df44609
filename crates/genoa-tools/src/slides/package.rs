//! An Open Packaging Conventions archive: parts, their types, their relations; the same bytes for the same content.

use std::io::{Cursor, Write};

use genoa_abi::{ErrorCode, Failure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::documents::write::escape;

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A package that is being put together.
#[derive(Debug, Default)]
pub(super) struct Package {
    parts: Vec<(String, String)>,
    types: String,
}

/// Relations of one part to others and to the outside, numbered from `rId1`.
#[derive(Debug, Default)]
pub(super) struct Relations {
    rows: Vec<String>,
}

impl Relations {
    /// A relation of an Office kind (`slide`, `theme`) to another part; the id.
    pub(super) fn add_part(&mut self, kind: &str, target: &str) -> String {
        self.push(&format!("{RELATIONS}/{kind}"), target, "")
    }

    /// A link to the outside; the id.
    pub(super) fn add_link(&mut self, target: &str) -> String {
        self.push(&format!("{RELATIONS}/hyperlink"), target, " TargetMode=\"External\"")
    }

    /// A relation of another kind, by its whole name.
    pub(super) fn push(&mut self, kind: &str, target: &str, mode: &str) -> String {
        let id = format!("rId{}", self.rows.len() + 1);
        let target = escape(target);
        self.rows.push(format!("<Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{target}\"{mode}/>"));
        id
    }

    fn xml(&self) -> String {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{}</Relationships>",
            self.rows.concat()
        )
    }
}

impl Package {
    /// Adds a part of a content type, with its relations.
    pub(super) fn add(&mut self, name: &str, content_type: &str, xml: &str, relations: &Relations) {
        self.types.push_str(&format!("<Override PartName=\"/{name}\" ContentType=\"{content_type}\"/>"));
        self.parts.push((name.to_owned(), xml.to_owned()));
        if !relations.rows.is_empty() {
            let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
            self.parts.push((format!("{folder}/_rels/{file}.rels"), relations.xml()));
        }
    }

    /// The archive's bytes; `roots` are the relations of the package itself.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the archive cannot be made.
    pub(super) fn finish(self, roots: &Relations) -> Result<Vec<u8>, Failure> {
        let types = format!(
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
             <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Default Extension=\"xml\" ContentType=\"application/xml\"/>{}</Types>",
            self.types
        );
        let first = [("[Content_Types].xml".to_owned(), types), ("_rels/.rels".to_owned(), roots.xml())];
        pack(first.into_iter().chain(self.parts))
            .map_err(|error| Failure::new(ErrorCode::Internal, "the presentation cannot be packed").because(error))
    }
}

fn pack(parts: impl Iterator<Item = (String, String)>) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, xml) in parts {
        writer.start_file(name, options)?;
        writer.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n")?;
        writer.write_all(xml.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}
