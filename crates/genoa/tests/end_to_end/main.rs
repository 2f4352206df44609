//! The whole binary, as a person runs it: real daemon, real jails, real journal; no model.

mod crashes;
mod views;
mod words;
mod world;
