//! A model file is written anew with other weights, in a process of its own.
//!
//! How fast a processor computes depends on how the weights are laid out, and the format that is best for the quality at a
//! given size is not the fastest everywhere. Writing weights anew loses something each time; how much is for whoever asks to measure.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use crate::{gguf, once};

/// The method of the only request to the process that writes.
pub const QUANTISE: &str = "quantise";

/// How the weights of a model file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weights {
    /// Eight bits, in blocks of 32 weights.
    #[serde(rename = "q8_0")]
    Eight,
    /// Four to six bits, in blocks of 256.
    #[serde(rename = "q4_k_m")]
    Mixed,
    /// Four bits, in blocks of 32: what most processors compute with fastest, and the least exact.
    #[serde(rename = "q4_0")]
    Four,
}

impl Weights {
    /// All of them, the most exact first.
    pub const ALL: [Self; 3] = [Self::Eight, Self::Mixed, Self::Four];

    /// Its name, as people who deal with models know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eight => "q8_0",
            Self::Mixed => "q4_k_m",
            Self::Four => "q4_0",
        }
    }

    /// What a header's `general.file_type` says of such a file (`llama_ftype` of llama.cpp).
    #[must_use]
    pub fn file_type(self) -> u32 {
        match self {
            Self::Eight => 7,
            Self::Mixed => 15,
            Self::Four => 2,
        }
    }

    /// What may be faster than a file of this type and is not more exact than it: nothing is gained by storing what is not there.
    #[must_use]
    pub fn worth_trying(file_type: Option<u32>) -> &'static [Self] {
        // 0, 1 and 32 are whole numbers of 32 and 16 bits. Everything else, or what does not say, is taken for about four bits.
        match file_type {
            Some(0 | 1 | 32) => &Self::ALL,
            Some(7) => &[Self::Mixed, Self::Four],
            Some(2) => &[],
            _ => &[Self::Four],
        }
    }
}

/// What is written from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewriting {
    /// The model file.
    pub from: PathBuf,
    /// The file that is made.
    pub to: PathBuf,
    /// Its weights.
    pub weights: Weights,
    /// Threads that work on it.
    pub threads: u32,
}

/// The jailed process: writes the file that it is asked for.
///
/// # Errors
/// [`ErrorCode::Interrupted`] if the connection breaks: everything else is an answer.
pub fn quantise_main(socket: &UnixStream) -> Result<(), Failure> {
    once::answer(socket, |rewriting: Rewriting| quantise(&rewriting))
}

/// Writes a model file anew; takes about ten seconds a gigabyte.
///
/// # Errors
/// What is wrong with the file, and [`ErrorCode::ModelFailed`] where the engine cannot write it.
pub fn quantise(rewriting: &Rewriting) -> Result<(), Failure> {
    gguf::check_file(&rewriting.from)?;
    let Rewriting { from, to, weights, threads } = rewriting;
    genoa_sys::quantise::quantise(from, to, weights.file_type(), *threads).map_err(|error| {
        Failure::new(ErrorCode::ModelFailed, format!("{} cannot be written as {}", from.display(), weights.name()))
            .because(error)
            .try_next("The model stays as it is; `genoa model verify` tells whether its file is whole")
    })
}

#[cfg(test)]
mod tests {
    use super::Weights;

    #[test]
    fn nothing_is_written_with_more_bits_than_there_were() {
        assert_eq!(Weights::worth_trying(Some(1)), Weights::ALL);
        for weights in Weights::ALL {
            let tried = Weights::worth_trying(Some(weights.file_type()));
            let exact = Weights::ALL.iter().position(|one| *one == weights);
            assert!(tried.iter().all(|one| Weights::ALL.iter().position(|other| other == one) > exact), "{weights:?}");
        }
        assert_eq!(Weights::worth_trying(None), [Weights::Four]);
    }
}
