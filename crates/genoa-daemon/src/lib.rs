//! Composition and the event loop: feeds the kernel, carries its effects out, supervises.
//!
//! The daemon decides nothing about authority. It turns what happens (a message, an exit, a moment) into events, asks
//! the kernel, writes both down, and then does what the kernel says.

#![forbid(unsafe_code)]

mod boot;
mod carry_out;
mod children;
mod config;
mod configuration;
mod connection;
mod daemon;
mod home;
mod outbox;
mod parent;
mod recall;
mod replaced;
mod sockets;
mod tools;
mod views;
mod worker;
mod workers;

pub use config::{Configured, DaemonConfig, ModelSource, Secret, Thinking};
pub use daemon::run;
pub use home::Home;
pub use parent::{end_as_told, end_with_me};
pub use replaced::end_if_replaced;
