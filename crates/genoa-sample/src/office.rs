//! Office documents, with all their clocks stopped.

use std::io::Cursor;

use docx_rs::{Docx, Paragraph, Run, RunFonts};
use genoa_abi::{ErrorCode, Failure};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

/// Date and time of every entry of an archive: 1 January 2026, midnight, in the form of MS-DOS.
const ENTRY_TIME: [u8; 4] = [0, 0, 0x21, 0x5c];

/// A text document: a line that begins with `# ` is a heading.
///
/// # Errors
/// [`ErrorCode::Internal`] if the library fails.
pub(crate) fn document(lines: &[String]) -> Result<Vec<u8>, Failure> {
    let mut docx = Docx::new().default_fonts(RunFonts::new().ascii("Calibri"));
    for line in lines {
        let (text, is_heading) = line.strip_prefix("# ").map_or((line.as_str(), false), |heading| (heading, true));
        let run = Run::new().add_text(text);
        let run = if is_heading { run.bold().size(32) } else { run };
        let paragraph = Paragraph::new().add_run(run);
        docx = docx.add_paragraph(if is_heading { paragraph.style("Heading1") } else { paragraph });
    }
    let mut bytes = Cursor::new(Vec::new());
    docx.build().pack(&mut bytes).map_err(|error| defect(&error))?;
    stop_clocks(bytes.into_inner())
}

/// A workbook of one sheet; cells that are numbers become numbers.
///
/// # Errors
/// [`ErrorCode::Internal`] if the library fails.
pub(crate) fn workbook(sheet_name: &str, rows: &[Vec<String>]) -> Result<Vec<u8>, Failure> {
    let mut book = Workbook::new();
    let created = ExcelDateTime::from_ymd(2026, 1, 1).map_err(|error| defect(&error))?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let sheet = book.add_worksheet();
    sheet.set_name(sheet_name).map_err(|error| defect(&error))?;
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            let written = match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number),
                Err(_) => sheet.write_string(row, column, cell),
            };
            written.map_err(|error| defect(&error))?;
        }
    }
    stop_clocks(book.save_to_buffer().map_err(|error| defect(&error))?)
}

fn defect(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, "an office document of the sample cannot be made").because(error)
}

/// Sets the time of every entry, so that the same content is the same file: the libraries write the time of the day.
fn stop_clocks(mut archive: Vec<u8>) -> Result<Vec<u8>, Failure> {
    let broken = || defect(&"the archive has no directory");
    let end = archive.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").ok_or_else(broken)?;
    let number = |archive: &[u8], at: usize, length: usize| -> Option<usize> {
        let bytes = archive.get(at..at + length)?;
        Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let entries = number(&archive, end + 10, 2).ok_or_else(broken)?;
    let mut at = number(&archive, end + 16, 4).ok_or_else(broken)?;
    for _ in 0..entries {
        let local = number(&archive, at + 42, 4).ok_or_else(broken)?;
        let lengths = [28, 30, 32].map(|offset| number(&archive, at + offset, 2));
        archive.get_mut(local + 10..local + 14).ok_or_else(broken)?.copy_from_slice(&ENTRY_TIME);
        archive.get_mut(at + 12..at + 16).ok_or_else(broken)?.copy_from_slice(&ENTRY_TIME);
        at += 46 + lengths.into_iter().flatten().sum::<usize>();
    }
    Ok(archive)
}
