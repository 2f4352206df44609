//! Servers of other people's tools: what the person configured, what the servers said, and what is made of it.

mod ask;
mod cache;
mod known;
mod stated;

pub(crate) use known::{Known, ask_all, ask_new, known};
pub(crate) use stated::ToolSettings;
