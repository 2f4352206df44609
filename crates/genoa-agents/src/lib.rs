//! The one agent loop, and the built-in agents as data.
//!
//! An agent is a process without any authority of its own: it reads its assignment, has the model write a plan, and
//! submits it. What the plan may do is decided elsewhere. It never sees what tools read, only shapes and counts.

#![forbid(unsafe_code)]

mod agent_loop;
mod attempt;
mod examples;
mod filling;
mod functions;
mod manifests;
mod planner;
mod prompt;
mod statement;
mod syscalls;
mod window;

pub use agent_loop::run;
pub use examples::builtin_examples;
pub use manifests::builtin_agents;
pub use planner::{GrammarUse, PlannerOptions};
