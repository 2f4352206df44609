//! The built-in tools: schemas, and the code that runs in a jail for one call.
//!
//! A module a group of tools. A tool trusts nothing: its arguments were checked against its schema by the kernel, but
//! what it reads (files, mails, pages) is hostile, and the jail is what keeps a mistake here from mattering.

#![forbid(unsafe_code)]

pub mod brief;
pub mod calendar;
pub mod calendar_file;
pub mod calendar_read;
pub mod chart;
pub mod code;
pub mod collect;
mod collect_sources;
mod collect_versions;
mod columns;
pub mod contacts;
pub mod disks;
pub mod documents;
mod facts;
mod file_names;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod git;
mod groups;
mod hours;
pub mod logs;
mod lookup;
pub mod mail;
pub mod mail_draft;
pub mod maildir;
mod markdown;
pub mod mcp;
pub mod notes;
pub mod packages;
pub mod processes;
mod program;
mod project;
pub mod relevance;
mod rows;
pub mod search;
pub mod serve;
pub mod services;
pub mod settings;
mod sheets;
pub mod shell;
pub mod slides;
pub mod system;
pub mod table;
pub mod text;
pub mod time;
pub mod tool;
pub mod walk;
pub mod web;

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod testing;

pub use groups::{records, tools};
pub use tool::{Call, Tool};
