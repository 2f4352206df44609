//! Typed syscalls over a socket: the user library of surfaces and agents.
//!
//! One thread, blocking. News that arrive while an answer is awaited are kept, in order, and handed out by
//! [`Client::next_news`]; so nothing is lost and nothing needs a second thread.

#![forbid(unsafe_code)]

mod client;
pub mod descriptors;
mod handing;

pub use client::{Client, Incoming};
pub use handing::{Handed, Opener, handing_pair};
