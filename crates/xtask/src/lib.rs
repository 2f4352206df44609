//! What keeps the source tree as its pages say: arrows, tidiness, generated pages, measurements.
//!
//! The checks are ordinary tests (`tests/workspace.rs`), so whoever runs the tests runs them. The binary prints the same
//! findings, and does what a test must not do: measure, and write generated pages.

#![forbid(unsafe_code)]

pub mod arrows;
pub mod bench;
pub mod cli_reference;
pub mod finding;
pub mod report;
pub mod source;
pub mod tidy;
pub mod tree;

pub use finding::Finding;
pub use tree::Tree;
