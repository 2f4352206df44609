//! A deterministic simulator of a Genoa system.
//!
//! One seed decides everything: who connects, what agents submit, how tools answer and lie, when the machine crashes.
//! [`simulate`] drives the kernel with it and checks the invariants after every step.

#![forbid(unsafe_code)]

mod actors;
mod corpus;
mod invariants;
mod random;
mod world;

pub use world::{Report, simulate};
