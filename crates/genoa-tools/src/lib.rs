//! The built-in tools: schemas, and the code that runs in a jail for one call.
//!
//! A module a group of tools. A tool trusts nothing: its arguments were checked against its schema by the kernel, but
//! what it reads (files, mails, pages) is hostile, and the jail is what keeps a mistake here from mattering.

#![forbid(unsafe_code)]

pub mod serve;
pub mod tool;

pub use tool::{Call, Tool};

/// All built-in tools, group by group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let groups: [fn() -> Vec<Tool>; 0] = [];
    groups.iter().flat_map(|group| group()).collect()
}

/// The record types that the built-in tools return.
#[must_use]
pub fn records() -> Vec<genoa_abi::schema::RecordType> {
    Vec::new()
}
