//! The rules on top of grants: what the system, an administrator and a person lay down, and what it says of a call.
//!
//! A grant says what may be done at all; rules only make it less, or say for which of it nobody has to be asked. They are
//! Cedar policies, because every answer of Cedar names the rules that decided it. A call is put to them twice: as it is, and
//! as if the person had said yes. What is permitted at once is allowed; what is permitted only then is asked about; all else
//! is forbidden. `forbid` wins over `permit`, whoever wrote it.
//!
//! Pure: no file, no clock. The texts and the time come in with the question.

#![forbid(unsafe_code)]

mod check;
mod draft;
mod engine;
mod facts;
mod guard;
mod proof;
mod schema;
mod suggest;

pub use check::{Remark, RemarkKind, check};
pub use draft::{Draft, DraftVerdict, Recipients, draft_schema};
pub use engine::{Broken, Engine, Rule, SUSPECT};
pub use proof::{Claim, ClaimKind, Example, Finding, FindingKind, Proof, ProofQuestion, ProofReport, Wanted};
pub use schema::{cedar_schema, class_name};
pub use suggest::{allowing, change_that_allows};

#[cfg(test)]
mod draft_tests;
#[cfg(test)]
mod tests;
