//! A made-up person's workspace, written the same way every time, for tests, evaluations and demonstrations.
//!
//! Nora Lindqvist works at Fjordlight, which makes the product Lumen. On Thursday she shows it to Ada Okafor of
//! Harbour Hotels; what belongs to that demo is spread over mails, notes, documents and the calendar, between much that
//! does not. All dates are relative to the day that the caller names.

#![forbid(unsafe_code)]

pub mod days;
pub mod tree;
pub mod world;

mod beacon;
mod calendar;
mod documents;
mod mail;
mod notes;
mod office;
mod pdf;
mod people;
mod pictures;

pub use world::{Summary, write};
