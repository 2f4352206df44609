//! What distinguishes one answer from all others.

use std::time::{SystemTime, UNIX_EPOCH};

use genoa_abi::Failure;

use crate::token::random_digits;

/// Random bytes of an answer's name.
const ID_BYTES: usize = 12;

/// Which answer it is.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    /// What its name, and the names of its parts, end with.
    pub(crate) digits: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    /// Who writes.
    pub(crate) model: String,
}

impl Heading {
    /// A new answer of `model`.
    pub(crate) fn new(model: &str) -> Result<Self, Failure> {
        Ok(Self { digits: random_digits::<ID_BYTES>()?, created: now(), model: model.to_owned() })
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
