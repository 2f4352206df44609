//! Evaluation: cases with deterministic checks, run against a daemon of their own.

mod case;
mod check;
mod judge;
mod outside;
mod report;
mod stage;

pub(crate) use case::{Case, Outcome, read_cases, shipped_cases};
pub(crate) use check::Seen;
pub(crate) use judge::{case_settings, judge};
pub(crate) use report::{Verdict, markdown, summary_lines};
pub(crate) use stage::Stage;
