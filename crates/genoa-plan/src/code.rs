//! What a checked plan becomes: instructions for a small stack machine.
//!
//! A tree cannot be stopped in the middle of an expression and saved; a place in a list of instructions can. Everything
//! that the check found out and the run needs (types to coerce to, what a value is called in messages) is in here.

use genoa_abi::Datum;
use genoa_abi::schema::Type;
use serde::{Deserialize, Serialize};

use crate::ast::{Arithmetic, Comparison};

/// One instruction and the line it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instruction {
    pub(crate) line: u32,
    pub(crate) operation: Operation,
}

/// What an instruction does with the stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// Pushes a literal.
    Constant(Datum),
    /// Pushes a variable.
    Load(String),
    /// Pops into a variable; it is also the plan's result so far.
    Store(String),
    /// Pops what an expression statement came to: the plan's result so far.
    Result,
    /// Pops this many elements and pushes their list.
    List(usize),
    /// Pops a record and pushes its field.
    Field(String),
    /// Pops an index and a list or text, and pushes the element.
    Index { what: String },
    /// Fails with "not found" if the top is None.
    Need { what: String },
    /// Pops the values among the pieces and pushes the text.
    Format(Vec<Piece>),
    /// Pops two operands and pushes the outcome.
    Arithmetic(Arithmetic),
    /// Negates a number.
    Negate,
    /// Pops a condition and pushes its opposite.
    Not,
    /// Pops two operands and pushes a truth value.
    Compare(Comparison),
    /// Pops a condition. If it decides an `and` (all) or `or`, pushes that and jumps; else what follows depends on it.
    Decide { all: bool, end: usize },
    /// Pops the last operand of an `and` or `or` and pushes its truth, which depends on the operand before it.
    EndDecide,
    /// Pops a condition; what follows depends on it until `EndBranch`. Jumps if it does not hold.
    Branch { otherwise: usize },
    /// Goes on elsewhere.
    Jump(usize),
    /// Ends the dependence on the innermost condition.
    EndBranch,
    /// Pops a list and walks it; what follows depends on its shape until `EndLoop`.
    Loop { collects: bool },
    /// Ends the dependence on the conditions of the round before, and binds the next element, or jumps if there is none.
    Next { variable: String, end: usize },
    /// Pops a comprehension's condition; if it does not hold, jumps to the next element.
    Filter { next: usize },
    /// Pops an element into the list that the loop collects.
    Collect,
    /// Ends the loop; pushes the list it collected, if it did. Forgets the variables that were bound inside.
    EndLoop { forget: Vec<String> },
    /// Calls a pure builtin.
    Builtin(BuiltinCall),
    /// Turns the top into a value of this type; may yield calls. `to_each`: it is a literal, and goes to the one of a list
    /// that the innermost loop is at.
    Coerce {
        to: Type,
        what: String,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_each: bool,
    },
    /// Pops one argument a name and yields the call; pushes its result.
    Call { tool: String, names: Vec<String> },
}

/// A builtin with its constant arguments; the first argument, and the separator of `join`, are on the stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BuiltinCall {
    Len,
    First,
    Last,
    Largest { by: Option<String> },
    Sorted { by: Option<String>, descending: bool, count: Option<usize> },
    Sum { by: Option<String> },
    Join,
    Str,
    Lower,
    NumberIn,
    Distinct,
}

/// A piece of an f-string.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Piece {
    /// As it stands.
    Text(String),
    /// The next value, with this many decimals if it says so.
    Value(Option<u8>),
}
