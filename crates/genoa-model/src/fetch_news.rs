//! What a fetch tells while it runs.

use genoa_abi::Failure;

/// News of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchNews {
    /// A source is tried.
    Trying {
        /// Which, for people.
        source: String,
    },
    /// A source did not work; the next one is tried.
    Failed {
        /// Which, for people.
        source: String,
        /// Why.
        failure: Failure,
    },
    /// Bytes of the model that are here.
    Bytes {
        /// How many.
        done: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
    },
    /// All bytes are here; their hash is computed.
    Verifying,
}
