//! The key for an endpoint: one line, from a file or from wherever else it was kept.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};

use crate::limits::KEY_BYTES;

/// Reads the key in a file.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] where there is no file or no key in it; what is in it is not repeated.
pub fn read_key(path: &Path) -> Result<String, Failure> {
    let what = format!("the key file {} cannot be used", path.display());
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_BYTES).read_to_string(&mut text))
        .map_err(|error| Failure::new(ErrorCode::InvalidInput, what.clone()).because(error))?;
    check_key(&text, &what)
}

/// The key in a text, without the end of its line; `otherwise` is what happened if there is none.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for what is no key; it is not repeated.
pub fn check_key(text: &str, otherwise: &str) -> Result<String, Failure> {
    let key = text.trim();
    if key.is_empty() || key.len() as u64 >= KEY_BYTES || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            Failure::new(ErrorCode::InvalidInput, otherwise).because("a key is one line of letters, digits and signs")
        );
    }
    Ok(key.to_owned())
}
