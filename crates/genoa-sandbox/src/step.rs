//! One step of setting up a jail, and which one failed.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// What a set-up may say about its failure.
pub(crate) const STATUS_BYTES: u64 = 8 * 1024;

/// What a set-up that failed tells: which step, and what the kernel said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepFailure {
    pub(crate) step: String,
    pub(crate) reason: String,
}

/// The outcome of one step.
pub(crate) type Step<T> = Result<T, StepFailure>;

/// Gives a failed step its name.
pub(crate) trait StepExt<T> {
    fn at(self, step: impl Into<String>) -> Step<T>;
}

impl<T, E: Display> StepExt<T> for Result<T, E> {
    fn at(self, step: impl Into<String>) -> Step<T> {
        self.map_err(|error| StepFailure { step: step.into(), reason: error.to_string() })
    }
}
