//! The journal as its callers see it.

mod append;
mod crash;
mod home;
mod python;
mod replay;
mod story;
mod tamper;
mod why;
