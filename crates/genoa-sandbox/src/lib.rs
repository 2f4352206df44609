//! Rights become jails: jail plans, the spawner, copy-on-write views and the egress broker.
//!
//! [`compile`] turns rights into a [`plan::JailPlan`], which is data and can be looked at. The spawner, a small process
//! without threads, turns a plan into a process. There is no fall-through: what cannot be had is refused by name.

#![forbid(unsafe_code)]

mod allow_list;
mod channel;
pub mod compile;
pub mod egress;
mod filter;
mod handle;
mod jail;
mod landlock_rules;
pub mod machine;
mod messages;
pub mod plan;
mod primitives;
mod probe;
mod root;
mod spawner;
mod step;
pub mod view;

pub use compile::{
    ModelFiles, egress_rules, plan_agent, plan_discovery, plan_egress, plan_gateway, plan_model_bench, plan_model_file,
    plan_model_quantise, plan_model_worker, plan_remote_worker, plan_tool,
};
pub use handle::{SpawnerHandle, probe};
pub use machine::Machine;
pub use messages::{ChildEnd, SpawnerNews};
pub use plan::JailPlan;
pub use primitives::{Primitive, PrimitiveKind, Report};
pub use spawner::spawner_main;
pub use view::ViewLayout;
