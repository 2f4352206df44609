//! The crate from outside: with servers on the loopback interface, and with a real, small model on this machine.
//!
//! They are one program, because linking the engine takes longer than running them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broker;
mod chances;
mod common;
mod deterministic;
mod engine;
mod fetch;
mod loopback;
mod quantise;
mod remote;
mod schemas;
mod wire;
mod worker;
