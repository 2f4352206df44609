//! What kind of document it is, by its content, and its text.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};

use super::{Archive, name, office, pdf};
use crate::tool::file_failure;
use crate::{sheets, walk};

/// The largest file that is parsed.
const DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The text of the document at `path`: PDF, Word, Excel, PowerPoint, OpenDocument, HTML, mail, Markdown, CSV, plain
/// text in any encoding. What it is, the content decides; the name only helps where the content leaves it open.
///
/// Text beyond [`READ_BYTES`] is left out, and the end says so.
///
/// # Errors
/// [`ErrorCode::Unsupported`] for other kinds, [`ErrorCode::TooLarge`] for files over 64 MiB,
/// [`ErrorCode::ToolFailed`] and [`ErrorCode::TimedOut`] for damaged ones.
pub fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = read_whole(path)?;
    let about_file = |failure: Failure| Failure { what: format!("{}: {}", name(path), failure.what), ..failure };
    text_of_bytes(path, bytes).map_err(about_file)
}

/// As [`text_of`], for content that is here already; `path` gives the name.
///
/// # Errors
/// As [`text_of`].
pub(crate) fn text_of_bytes(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    unbounded_text(path, bytes).map(bounded)
}

fn unbounded_text(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    // Where a parser takes the whole process down, the last words of its log are quoted: they name the file.
    let _ = writeln!(std::io::stderr(), "reading {}", crate::text::one_line(&name(path)));
    if bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-") {
        return pdf::text(bytes);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return text_of_archive(&bytes);
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return sheets::read(&bytes).map(|sheets| sheets::to_text(&sheets));
    }
    if bytes.starts_with(b"{\\rtf") || is_binary(&bytes) {
        return Err(Failure::new(ErrorCode::Unsupported, "this kind of file has no text that Genoa can read")
            .try_next("Save it as PDF, .docx or plain text"));
    }
    if walk::extension(path) == "eml" {
        return Ok(mail_text(&bytes));
    }
    let text = decode(&bytes);
    let start = text.trim_start().get(..15).unwrap_or_default().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") || is_web_page(path) {
        return Ok(mail_parser::decoders::html::html_to_text(&text));
    }
    Ok(text)
}

fn text_of_archive(bytes: &[u8]) -> Result<String, Failure> {
    let mut archive = Archive::open(bytes)?;
    if archive.has("word/document.xml") {
        return office::docx(&mut archive);
    }
    if archive.has("ppt/presentation.xml") {
        return office::pptx(&mut archive);
    }
    let is_sheet = archive.has("xl/workbook.xml")
        || archive.has("xl/workbook.bin")
        || (archive.has("mimetype") && archive.read("mimetype")?.ends_with(b"spreadsheet"));
    if is_sheet {
        return sheets::read(bytes).map(|sheets| sheets::to_text(&sheets));
    }
    if archive.has("content.xml") {
        return office::open_document(&mut archive);
    }
    let names = archive.names();
    let shown = names.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
    Err(Failure::new(ErrorCode::Unsupported, "an archive, not a document")
        .because(format!("it holds {} files: {shown}", names.len())))
}

fn is_web_page(path: &Path) -> bool {
    matches!(walk::extension(path).as_str(), "html" | "htm" | "xhtml")
}

/// Zero bytes mean no text, except in the two-byte encodings, which begin with a mark.
fn is_binary(bytes: &[u8]) -> bool {
    let has_mark = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    !has_mark && crate::text::is_binary(bytes)
}

/// `bytes` as text: by its byte order mark, as UTF-8, or in the encoding that the letters suggest.
pub(crate) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

fn mail_text(bytes: &[u8]) -> String {
    let Some(mail) = mail_parser::MessageParser::default().parse(bytes) else { return decode(bytes) };
    let sender = mail
        .from()
        .and_then(|from| from.first())
        .map(|sender| format!("{} <{}>", sender.name().unwrap_or_default(), sender.address().unwrap_or_default()));
    let mut text = String::new();
    for (header, value) in [
        ("From", sender),
        ("Date", mail.date().map(mail_parser::DateTime::to_rfc3339)),
        ("Subject", mail.subject().map(str::to_owned)),
    ] {
        text.extend(value.map(|value| format!("{header}: {}\n", crate::text::one_line(&value))));
    }
    text.push('\n');
    for place in 0..mail.text_body_count() {
        text.extend(mail.body_text(place).as_deref());
    }
    text
}

/// The whole file.
///
/// # Errors
/// [`ErrorCode::TooLarge`] over [`DOCUMENT_BYTES`], [`ErrorCode::InvalidInput`] for what is not a file.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: &std::io::Error| file_failure(format!("{} cannot be read", name(path)), error);
    // Opening a pipe would wait for ever, so the kind comes first.
    if !path.metadata().map_err(|error| failed(&error))?.is_file() {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not a file", name(path))));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(DOCUMENT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > DOCUMENT_BYTES {
        let what = format!("{} is over the limit of {DOCUMENT_BYTES} bytes", name(path));
        return Err(Failure::new(ErrorCode::TooLarge, what));
    }
    Ok(bytes)
}

/// `text` up to [`READ_BYTES`]; where something is left out, the end says so.
pub(crate) fn bounded(mut text: String) -> String {
    if text.len() > READ_BYTES {
        text.truncate(text.floor_char_boundary(READ_BYTES));
        text.push_str(&format!("\n[the rest is left out: the limit is {READ_BYTES} bytes]\n"));
    }
    text
}
