//! Values of a type out of free text: which fields a plan asks for, what a text states of them, and how a model chooses.
//!
//! A model that reads a text is never trusted with a value. Code finds what the text states (numbers, dates, addresses),
//! the model chooses among it under a grammar that has nothing else, and what it chose is looked up in the text again: what
//! comes out is the text's own. Only a yes or no is the model's judgement.

mod answer;
mod dates;
mod fields;
mod signs;
mod stated;

pub use answer::{answer_grammar, chosen, has_choice};
pub use fields::{ENTRY, ENTRY_SOURCE, FieldKind, TypedField, typed_fields};
pub(crate) use fields::{entry_name, literal_fields, type_words, with_entries};
pub use stated::{Stated, stands_in, stated};
