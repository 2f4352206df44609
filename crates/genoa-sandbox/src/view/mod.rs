//! Views: copy-on-write worlds above a workspace, and what is done with them.

mod layout;

pub use layout::ViewLayout;
