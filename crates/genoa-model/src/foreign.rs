//! Files that somebody else made are parsed in a process that holds nothing but them.
//!
//! Such looks are a [`Reading`]: one member of an archive, the header of a model file, how its weights are written. The command line has it done in a jail, by [`foreign_main`], over descriptors that it opened itself:
//! whatever goes wrong there can read one file and write one file, which is believed for its hash alone.

use std::fs::File;
use std::os::unix::net::UnixStream;

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use crate::{archive, gguf, once};

/// The method of the only request to the jailed process.
pub const READ: &str = "read";
/// The descriptor of the file that is read.
pub const INPUT_FD: i32 = 4;
/// The descriptor of the file that is written, for a reading that writes.
pub const OUTPUT_FD: i32 = 5;

/// A look into a foreign file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reading {
    /// Whether the header of a model file keeps what it promises. Gives the number of tensors.
    Header {
        /// What people know the file as.
        shown: String,
    },
    /// How the weights of a model file are written. Gives `general.file_type`, and what is no such number where the file does not say.
    FileType {
        /// What people know the file as.
        shown: String,
    },
    /// One member of an archive, written to the output. Gives the number of bytes.
    Member {
        /// What people know the file as.
        shown: String,
        /// The member's exact name.
        member: String,
        /// How long it may be.
        most_bytes: u64,
    },
}

/// Whoever carries readings out.
pub trait Foreign {
    /// Reads `input`, from its beginning; what comes out of it goes to `output`, at its place.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for what is wrong with the file, [`ErrorCode::JailUnavailable`] where it cannot be
    /// read safely, and then nothing was read.
    fn read(&self, reading: &Reading, input: File, output: Option<&File>) -> Result<u64, Failure>;
}

/// Reads in this process: for a process that is jailed already.
#[derive(Clone, Copy, Debug)]
pub struct InThisProcess;

impl Foreign for InThisProcess {
    fn read(&self, reading: &Reading, input: File, output: Option<&File>) -> Result<u64, Failure> {
        match reading {
            Reading::Header { shown } => gguf::check_open(input, shown).map(|header| header.tensors),
            Reading::FileType { shown } => {
                gguf::check_open(input, shown).map(|header| header.file_type.map_or(u64::MAX, u64::from))
            }
            Reading::Member { shown, member, most_bytes } => {
                let no_output = || Failure::new(ErrorCode::InvalidInput, "there is no file to write to");
                archive::extract(input, shown, (member.as_str(), *most_bytes), &mut output.ok_or_else(no_output)?)
            }
        }
    }
}

/// The jailed process: carries out the one reading that it is asked for.
///
/// # Errors
/// [`ErrorCode::Interrupted`] if the connection breaks: everything else is an answer.
pub fn foreign_main(socket: &UnixStream, input: File, output: Option<&File>) -> Result<(), Failure> {
    once::answer(socket, |reading: Reading| InThisProcess.read(&reading, input, output))
}
