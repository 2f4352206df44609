//! What the daemon and its spawner say to each other.

use std::fmt;
use std::path::PathBuf;

use genoa_abi::Failure;
use serde::{Deserialize, Serialize};

use crate::plan::JailPlan;
use crate::primitives::Report;

/// What the daemon asks of the spawner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Start a jail. The message carries the descriptors; the last one is the log if there is one.
    Spawn { id: u64, plan: Box<JailPlan>, logged: bool },
    /// End a jail.
    Kill { id: u64 },
    /// Find out what the machine offers.
    Probe { folder: PathBuf },
}

/// What the spawner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Saying {
    News(SpawnerNews),
    Report(Report),
}

/// Something that the spawner tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnerNews {
    /// The program runs in its jail.
    Started {
        /// Which.
        id: u64,
        /// Its process number outside the jail.
        pid: u32,
    },
    /// The jail could not be built; nothing ran.
    Failed {
        /// Which.
        id: u64,
        /// The step that failed, and why.
        failure: Failure,
    },
    /// The jail is over, with all that was in it.
    Exited {
        /// Which.
        id: u64,
        /// How.
        end: ChildEnd,
    },
}

/// How a jailed program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChildEnd {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was ended because it filled the disk beyond its limit.
    DiskFilled,
}

impl fmt::Display for ChildEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::DiskFilled => f.write_str("was stopped because it filled the disk beyond its limit"),
        }
    }
}
