//! The plan language: a small checked program, written by the model, run by the system.
//!
//! A plan is restricted Python. [`check`] parses and types it against a catalogue, [`Plan::preview`] says it in plain
//! words, [`Run`] carries it out up to the next call and can be saved there, and [`next_statement_grammar`] is what a
//! planner may write next. The crate does no I/O and knows no clock but the one it is given. The language is described
//! in `docs/plan-language.md`.

#![forbid(unsafe_code)]

mod ast;
mod builtins;
mod calls;
mod check;
mod code;
mod coerce;
mod convert;
mod finding;
mod grammar;
mod guard;
mod infer;
mod lints;
mod loosen;
mod marks;
mod numbers;
mod operators;
mod parse;
mod phrase;
mod plan;
mod preview;
mod run;
mod several;
mod shape;
mod skill;
mod time;
mod typed;
mod types;
mod waiting;

pub use coerce::not_found;
pub use convert::{argument_to_json, value_from_json, value_of_agent};
pub use finding::Finding;
pub use grammar::{Said, Scope, next_statement_grammar, request_and_background, scope_after, with_answer};
pub use loosen::{Loosening, loosened};
pub use marks::mark;
pub use plan::{Checked, Plan, check};
pub use run::{PlanCall, Run, Yield};
pub use shape::{is_empty_list, shape_of};
pub use skill::{body, filled, parameter_grammar, parametrise};
pub use time::resolve_time;
pub use typed::{
    ENTRY, ENTRY_SOURCE, FieldKind, Stated, TypedField, answer_grammar, chosen, has_choice, stands_in, stated,
    typed_fields,
};
