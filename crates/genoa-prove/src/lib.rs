//! Proofs about rules: for every call that there can be, not for those that somebody thought of.
//!
//! What the daemon asks of the rules is written out as one condition for each tool and caller, `cedar-policy-symcc` makes a
//! question to a solver of it, and what the solver finds is put to the rules themselves before it is told. A call is whatever
//! fits a tool's schema: what is proved of those is true of all that really happen.
//!
//! The solver sees nothing but rules. It is an ordinary child of the command that asks, with a limit of its time; the daemon
//! never starts one.

#![forbid(unsafe_code)]

mod call;
mod claims;
mod expression;
mod findings;
mod place;
mod prove;
mod prover;
mod ruling;
mod solver;

pub use prove::prove;
