//! The journal as its callers see it.

mod append;
mod home;
mod tamper;
