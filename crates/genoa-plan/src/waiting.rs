//! What a run waits for while a call is made.

use genoa_abi::{Labels, Value};
use serde::{Deserialize, Serialize};

use crate::coerce::{LookUp, Spot};
use crate::several::Again;

/// What the answer of the call that was yielded last is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Waiting {
    /// It is the value of the call expression. `said` is the text, if the call says something.
    Result {
        influence: Labels,
        said: Option<Value>,
        /// The call itself, where it may have to be made again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<Again>,
    },
    /// It is the person's choice of what a path means; then the call is made again.
    Path { again: Again, parameter: String, options: Vec<String> },
    /// It tells which record a spot of a value means; the value is the top of the stack.
    Record(LookUp),
    /// It is the person's word for what this look-up did not find.
    Text(LookUp),
    /// It is what the file of the record in a spot holds.
    Content { spot: Spot, influence: Labels },
    /// It chooses one of the candidates for a spot.
    Choice { spot: Spot, options: Vec<String>, candidates: Vec<Value>, influence: Labels },
}
