//! A deterministic simulator of a Genoa system.
//!
//! One seed decides everything: who connects, what agents submit, how tools answer and lie, when the machine crashes.
//! [`simulate`] drives the kernel with it and checks the invariants after every step. [`try_plan`] has the plan language alone
//! carry out a random plan, and holds it against a second implementation.

#![forbid(unsafe_code)]

mod actors;
mod adopting;
mod corpus;
mod going_on;
mod holding;
mod invariants;
mod offered;
mod places;
mod plans;
mod pledging;
mod random;
mod spending;
mod witness;
mod world;

pub use plans::{Excess, Flows, PlanReport, try_plan};
pub use world::{
    Report, simulate, simulate_going_on, simulate_holding, simulate_programs, simulate_random_plans, simulate_spending,
};
