//! Random plans, held against what other people's code says of them.
//!
//! [`programs`] is a syntax tree of its own that renders to a plan's text, [`generator`] makes well-typed ones over the tools
//! of [`tools`], and [`answers`] what these tools say. [`oracle`] carries a tree out a second time, in the plainest way, with
//! labels of its own; [`agreement`] compares the product with it. [`interference`] trusts neither: it changes one answer and
//! looks at what becomes different.

mod agreement;
mod answers;
mod generator;
mod interference;
mod naive;
mod operations;
mod oracle;
mod programs;
mod runner;
mod tools;
mod trial;

pub use agreement::Excess;
pub(crate) use answers::by_type;
pub(crate) use generator::random_program;
pub use interference::Flows;
pub(crate) use naive::{Label, Naive};
pub(crate) use oracle::{Asked, End, interpret};
pub(crate) use programs::Program;
pub(crate) use tools::{GROUPS, catalog, records, tools};
pub use trial::{PlanReport, try_plan};
