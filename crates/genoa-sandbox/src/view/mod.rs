//! Views: copy-on-write worlds above a workspace, and what is done with them.
//!
//! A view's changes are what the kernel's overlay collected in `upper`. Everything here works on that folder and on the
//! workspace below through descriptors, without following links, because both hold what hostile programs wrote.

mod change;
mod commit;
mod layout;
mod look;
mod scan;
mod tree;

pub use layout::ViewLayout;
pub use look::Snapshot;
