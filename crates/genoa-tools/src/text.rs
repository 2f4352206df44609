//! Reading files as text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};

use crate::tool::file_failure;

/// The text of the file at `path`. What is not UTF-8 is replaced.
///
/// # Errors
/// [`ErrorCode::TooLarge`] beyond [`READ_BYTES`], [`ErrorCode::Unsupported`] for what is not text.
pub fn read(path: &Path) -> Result<String, Failure> {
    Ok(String::from_utf8_lossy(&read_encoded(path)?).into_owned())
}

/// The bytes of a text file, in whatever encoding they are: for whoever writes them back.
///
/// # Errors
/// As [`read`].
pub fn read_encoded(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read_bytes(path)?;
    if is_binary(&bytes) {
        return Err(Failure::new(ErrorCode::Unsupported, format!("{} is not a text file", path.display()))
            .try_next("documents.text reads PDF files, office documents and pictures"));
    }
    Ok(bytes)
}

/// The text of a file that is changed and written back: only of UTF-8 is nothing lost on the way.
///
/// # Errors
/// As [`read`], and [`ErrorCode::Unsupported`] for another encoding.
pub fn read_to_change(path: &Path, shown: &str) -> Result<String, Failure> {
    String::from_utf8(read_encoded(path)?).map_err(|error| not_utf8(shown, error.utf8_error().valid_up_to()))
}

/// The failure for a file that would be damaged by writing it back; `place` is its first byte that is no UTF-8.
pub fn not_utf8(shown: &str, place: usize) -> Failure {
    Failure::new(ErrorCode::Unsupported, format!("{shown} cannot be changed: it is not UTF-8 text"))
        .because(format!("its byte {place} is no letter, and would be lost by writing the file back"))
        .try_next("Save it as UTF-8 in the program that made it")
}

/// The text that a person would see: as [`read`], and without the markup of a web page.
///
/// # Errors
/// As [`read`].
pub fn read_visible(path: &Path) -> Result<String, Failure> {
    let text = read(path)?;
    Ok(match crate::walk::extension(path).as_str() {
        "html" | "htm" => mail_parser::decoders::html::html_to_text(&text),
        _ => text,
    })
}

/// Whether the beginning of a file says that it is not text.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8 * 1024).any(|byte| *byte == 0)
}

/// The first `limit` characters of `text`; what was cut is said.
#[must_use]
pub fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// `text` in one line, without control characters: for headers, names of files and titles.
#[must_use]
pub fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes of the file at `path`.
///
/// # Errors
/// [`ErrorCode::TooLarge`] beyond [`READ_BYTES`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error: &std::io::Error| file_failure(format!("{} cannot be read", path.display()), error);
    if !path.metadata().map_err(|error| failure(&error))?.is_file() {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not a file", path.display())));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failure(&error))?;
    file.take(READ_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| failure(&error))?;
    if bytes.len() > READ_BYTES {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{} is too large to read", path.display()))
            .because(format!("the limit is {READ_BYTES} bytes"))
            .try_next("search.text finds single lines in it"));
    }
    Ok(bytes)
}
