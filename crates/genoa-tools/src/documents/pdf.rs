//! The text of PDF files.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};
use pdf_extract::{ConvertToFmt, OutputError, PlainTextOutput, output_doc};

use super::pdf_size::{self, unreadable};

/// How long one file may take.
const PDF_TIME: Duration = Duration::from_secs(60);
/// The name of the thread that parses.
pub(crate) const THREAD: &str = "pdf";
/// Stack of the thread that parses: the parser descends into what the file nests.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The text of all pages, up to [`READ_BYTES`] and a little.
///
/// # Errors
/// [`ErrorCode::ToolFailed`] for damaged and encrypted files, also where the parser panics;
/// [`ErrorCode::TimedOut`] after [`PDF_TIME`].
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    let (sender, receiver) = channel();
    let parse = move || {
        let _ = sender.send(extract(&bytes));
    };
    // A thread of its own contains panics, and can be left behind: the process ends with the call.
    std::thread::Builder::new()
        .name(THREAD.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(parse)
        .map_err(|error| Failure::new(ErrorCode::ToolFailed, "no thread for the PDF file").because(error))?;
    match receiver.recv_timeout(PDF_TIME) {
        Ok(outcome) => outcome.map(|text| tidy(&text)),
        Err(RecvTimeoutError::Timeout) => {
            Err(Failure::new(ErrorCode::TimedOut, format!("the PDF file was not read within {} s", PDF_TIME.as_secs())))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Failure::new(ErrorCode::ToolFailed, "the PDF file cannot be read").because("its parser gave up on it"))
        }
    }
}

fn extract(bytes: &[u8]) -> Result<String, Failure> {
    let mut document = pdf_size::load(bytes)?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|_| {
            unreadable(&"it is protected by a password").try_next("Save it without its password and try again")
        })?;
        pdf_size::check_decrypted(&mut document)?;
    }
    let mut kept = Bounded::default();
    let mut output = PlainTextOutput::new(Writer(&mut kept));
    match output_doc(&document, &mut output) {
        Ok(()) => Ok(kept.text),
        Err(OutputError::FormatError(_)) if kept.is_full => Ok(kept.text),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Text that takes no more than [`READ_BYTES`] and a little, and then stops its writer.
#[derive(Default)]
struct Bounded {
    text: String,
    is_full: bool,
}

struct Writer<'a>(&'a mut Bounded);

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.text.len() > READ_BYTES {
            self.0.is_full = true;
            return Err(fmt::Error);
        }
        self.0.text.push_str(text);
        Ok(())
    }
}

impl<'a> ConvertToFmt for Writer<'a> {
    type Writer = Writer<'a>;

    fn convert(self) -> Self {
        self
    }
}

/// Without trailing spaces, and with at most one empty line between paragraphs.
fn tidy(text: &str) -> String {
    let mut tidied = String::new();
    let mut empty_lines = 1;
    for line in text.lines().map(str::trim_end) {
        empty_lines = if line.is_empty() { empty_lines + 1 } else { 0 };
        if empty_lines < 2 {
            tidied.push_str(line);
            tidied.push('\n');
        }
    }
    tidied
}
