//! What a planner may write next: a grammar made anew for each statement, from what the plan has bound so far.
//!
//! It is written in the Lark dialect of `llguidance`. Whatever it accepts passes the check: only functions, variables
//! and fields that exist, arguments of the right type, each once. It leaves out much that the check would accept
//! (nested calls, long expressions), because a small model writes better plans in small steps.

mod amounts;
mod answered;
mod calls;
mod clocks;
mod conditions;
mod deeds;
mod english;
mod functions;
mod named;
mod rules;
mod said;
mod scope;
mod served;
mod spoken_times;
mod statements;
mod terminals;
mod values;

pub use answered::with_answer;
pub use deeds::request_and_background;
pub(crate) use rules::{is_name, literal};
pub use said::Said;
pub use scope::{Scope, scope_after};
pub use statements::next_statement_grammar;
pub(crate) use values::literal_grammar;
