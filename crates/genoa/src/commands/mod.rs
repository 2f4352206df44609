//! The commands, a file each.

pub(crate) mod adopt;
pub(crate) mod chat;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod gateway;
pub(crate) mod grants;
pub(crate) mod journal;
pub(crate) mod model;
pub(crate) mod model_optimise;
pub(crate) mod model_top;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod policy_prove;
pub(crate) mod policy_say;
pub(crate) mod questions;
pub(crate) mod replay;
pub(crate) mod sample;
pub(crate) mod skill;
pub(crate) mod status;
pub(crate) mod tools;
pub(crate) mod views;
