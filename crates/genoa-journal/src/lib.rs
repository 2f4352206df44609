//! The record of all that happened, and why.
//!
//! Every event and effect of the kernel is appended to one SQLite file as a record of a SHA-256 hash chain; signed
//! checkpoints pin the chain, so that changing, removing or rewriting history shows. The kernel's state is rebuilt from
//! the records after a crash, and the graph of causes behind a file or a message is read out of them.
//!
//! One [`Journal`] per home writes, from one thread; any number of [`JournalReader`]s look on. The format is described
//! in `docs/journal.md`, exactly enough to check an export without this crate.

#![forbid(unsafe_code)]

mod chain;
mod check;
mod checkpoint;
mod content;
mod export;
mod facts;
mod failures;
mod journal;
pub mod limits;
mod lock;
mod reader;
mod schema;
mod sentence;
mod snapshot;
mod steps;
mod wal;
mod why;
mod write;

pub use chain::Link;
pub use check::{Break, BreakKind, VerifyReport};
pub use checkpoint::{CheckpointNote, VerifierKey};
pub use export::verify_export;
pub use journal::{Journal, Opened};
pub use reader::JournalReader;
pub use snapshot::{FoundSnapshot, Snapshot};
pub use steps::{Replayed, Step};
pub use write::{Cause, Durability, NewRecord};
