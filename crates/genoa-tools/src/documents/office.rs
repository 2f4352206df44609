//! The text inside office documents: streams of XML in zip archives, read without building a tree.

use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::Archive;

/// The text of a Word document, with its footnotes.
pub(super) fn docx(archive: &mut Archive<'_>) -> Result<String, Failure> {
    let mut text = xml_text(&archive.read("word/document.xml")?)?;
    for part in ["word/footnotes.xml", "word/endnotes.xml"] {
        if archive.has(part) && text.len() <= READ_BYTES {
            text.push_str(&xml_text(&archive.read(part)?)?);
        }
    }
    Ok(text)
}

/// The text of a presentation, slide by slide, with the speaker's notes.
pub(super) fn pptx(archive: &mut Archive<'_>) -> Result<String, Failure> {
    let mut slides: Vec<u32> = archive.names().iter().filter_map(|name| slide_number(name)).collect();
    slides.sort_unstable();
    let mut text = String::new();
    for number in slides {
        if text.len() > READ_BYTES {
            break;
        }
        let slide = xml_text(&archive.read(&format!("ppt/slides/slide{number}.xml"))?)?;
        text.push_str(&format!("Slide {number}\n{slide}\n"));
        let notes = format!("ppt/notesSlides/notesSlide{number}.xml");
        if archive.has(&notes) {
            text.push_str(&format!("Notes: {}\n", xml_text(&archive.read(&notes)?)?));
        }
    }
    Ok(text)
}

fn slide_number(name: &str) -> Option<u32> {
    name.strip_prefix("ppt/slides/slide")?.strip_suffix(".xml")?.parse().ok()
}

/// The text of an OpenDocument text or presentation.
pub(super) fn open_document(archive: &mut Archive<'_>) -> Result<String, Failure> {
    xml_text(&archive.read("content.xml")?)
}

/// What one element means for the text.
enum Meaning {
    Line,
    Tab,
    Cell,
    Skip,
    Nothing,
}

fn meaning(name: &str) -> Meaning {
    match name {
        "w:p" | "a:p" | "text:p" | "text:h" | "w:br" | "a:br" | "text:line-break" | "w:tr" | "a:tr"
        | "table:table-row" => Meaning::Line,
        "w:tab" | "text:tab" => Meaning::Tab,
        "w:tc" | "a:tc" | "table:table-cell" => Meaning::Cell,
        "w:del" | "w:instrText" | "text:tracked-changes" | "office:annotation" | "a:fld" => Meaning::Skip,
        _ => Meaning::Nothing,
    }
}

/// The character data of `xml`, with lines where paragraphs end and ` | ` between cells, up to [`READ_BYTES`] and a
/// little. Entities beyond the five of XML itself are not resolved: a document needs none.
fn xml_text(xml: &[u8]) -> Result<String, Failure> {
    let xml = super::decode(xml);
    let mut reader = Reader::from_str(&xml);
    reader.config_mut().check_end_names = false;
    let mut text = String::new();
    let (mut skipped_depth, mut cell_depth) = (0_usize, 0_usize);
    while text.len() <= READ_BYTES {
        let event = reader.read_event().map_err(|error| damaged(&error))?;
        match event {
            Event::Start(element) => match meaning(element.name().as_ref()) {
                _ if skipped_depth > 0 => skipped_depth += 1,
                Meaning::Skip => skipped_depth = 1,
                Meaning::Cell => cell_depth += 1,
                _ => {}
            },
            Event::End(_) if skipped_depth > 0 => skipped_depth -= 1,
            Event::End(element) => match meaning(element.name().as_ref()) {
                Meaning::Line if cell_depth > 0 => text.push(' '),
                Meaning::Line => end_line(&mut text),
                Meaning::Cell => {
                    cell_depth = cell_depth.saturating_sub(1);
                    text.push_str("| ");
                }
                _ => {}
            },
            Event::Empty(element) if skipped_depth == 0 => match meaning(element.name().as_ref()) {
                Meaning::Line => end_line(&mut text),
                Meaning::Tab => text.push('\t'),
                _ => {}
            },
            // Line feeds between elements are how the file is laid out, not what it says.
            Event::Text(piece) if skipped_depth == 0 && !(piece.trim().is_empty() && piece.contains('\n')) => {
                text.push_str(&piece);
            }
            Event::GeneralRef(reference) if skipped_depth == 0 => text.extend(character(&reference)),
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(text)
}

fn end_line(text: &mut String) {
    let end = text.trim_end_matches([' ', '|']).len();
    text.truncate(end);
    text.push('\n');
}

fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character);
    }
    match reference.as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

fn damaged(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ToolFailed, "the document is damaged").because(error)
}
