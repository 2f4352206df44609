//! What a refused or failed operation tells: what happened, why, and what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The closed set of reasons. Programs decide by the code; people read the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed, or an argument is outside what its schema allows.
    InvalidInput,
    /// Nothing of that name or id is there.
    NotFound,
    /// Several things match, and choosing one is the person's business.
    Ambiguous,
    /// No grant of the caller, or of one of its ancestors, allows it.
    NotGranted,
    /// The grant was good once; its time is over.
    Expired,
    /// The grant, or one above it, was revoked.
    Revoked,
    /// A budget (calls, bytes, tokens, seconds) is used up.
    BudgetSpent,
    /// A person said no, or nobody answered in time.
    Denied,
    /// The jail cannot be built as asked on this machine.
    JailUnavailable,
    /// The tool ran and failed.
    ToolFailed,
    /// The model could not be loaded, or failed while it worked.
    ModelFailed,
    /// Input or output is over a named limit.
    TooLarge,
    /// It took longer than its limit.
    TimedOut,
    /// The world changed meanwhile: a file of the view was edited outside, an approval no longer fits.
    Conflict,
    /// The process that worked on it stopped.
    Interrupted,
    /// A disk is full, or cannot be read or written.
    StorageFailed,
    /// This build, or this machine, does not offer it.
    Unsupported,
    /// A defect in Genoa.
    Internal,
}

/// A failure in the form that reaches people, models and programs alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, for programs.
    pub code: ErrorCode,
    /// What happened, one sentence without a full stop.
    pub what: String,
    /// Why, where that is known and not the same as `what`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do next, where there is something.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next: String,
    /// Of an ambiguity: what could be meant, each as it would have to be named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Failure {
    /// A failure that says only what happened; [`Failure::because`] and [`Failure::try_next`] add the rest.
    #[must_use]
    pub fn new(code: ErrorCode, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), why: String::new(), next: String::new(), options: Vec::new() }
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, why: impl fmt::Display) -> Self {
        self.why = why.to_string();
        self
    }

    /// Adds what could be meant.
    #[must_use]
    pub fn with_options(mut self, options: Vec<String>) -> Self {
        self.options = options;
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn try_next(mut self, next: impl fmt::Display) -> Self {
        self.next = next.to_string();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        if !self.next.is_empty() {
            write!(f, ". {}", self.next)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
