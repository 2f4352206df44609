//! The kernel: events in, effects out.
//!
//! [`Kernel::step`] is the whole of it: a pure function of the state, one event and the time. It does no I/O and knows
//! no clock, environment or randomness, so the daemon can rebuild it by replaying the journal, and the simulator can
//! drive it through years of crashes. What a state or a syscall means is told in `docs/kernel.md`.

#![forbid(unsafe_code)]

mod agents;
mod alike;
mod approvals;
mod calls;
mod choosing;
mod claims;
mod deeds;
mod demands;
mod editing;
mod flights;
mod going_on;
mod grants;
mod held_calls;
mod inference;
mod inspect;
mod kernel;
mod letters;
mod network;
mod offers;
mod outbox;
mod planning;
mod prompts;
mod proposals;
mod questions;
mod queues;
mod reading;
mod recorder;
mod render;
mod restart;
mod router;
mod rules;
mod runs;
mod sessions;
mod skills;
mod spending;
mod status;
mod summary;
mod suspicions;
mod system;
mod thinking;
mod turn;
mod typed;
mod undoing;
mod views;

pub use kernel::Kernel;
pub use recorder::Rerun;
