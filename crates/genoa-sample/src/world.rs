//! The whole of the sample.

use std::path::Path;

use genoa_abi::Failure;
use jiff::civil::Date;

use crate::days::Days;
use crate::tree::Tree;
use crate::{beacon, calendar, documents, mail, notes, people, pictures};

/// Name of the person whose workspace it is.
pub const PERSON_NAME: &str = "Nora Lindqvist";
/// Mail address of the person whose workspace it is.
pub const PERSON_EMAIL: &str = "nora@fjordlight.example";

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Number of files.
    pub files: usize,
    /// Their size together.
    pub bytes: u64,
    /// The day of the demo.
    pub demo: Date,
}

/// Writes the workspace into the empty folder `dir` as it is on the day `today`.
///
/// The same day gives the same bytes.
///
/// # Errors
/// [`genoa_abi::ErrorCode::Conflict`] if the folder is not empty; else what kept a file from being written.
pub fn write(dir: &Path, today: Date) -> Result<Summary, Failure> {
    let days = Days::new(today);
    let mut tree = Tree::new(dir)?;
    people::write(&mut tree, &days)?;
    calendar::write(&mut tree, &days)?;
    mail::write(&mut tree, &days)?;
    notes::write(&mut tree, &days)?;
    documents::write(&mut tree, &days)?;
    pictures::write(&mut tree, &days)?;
    beacon::write(&mut tree, &days)?;
    Ok(Summary { files: tree.files, bytes: tree.bytes, demo: days.demo })
}
