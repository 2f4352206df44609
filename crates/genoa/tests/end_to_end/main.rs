//! The whole binary, as a person runs it: real daemon, real jails, real journal; no model.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod bad_input;
mod bad_machine;
mod clients;
mod crashes;
mod eval;
mod far;
mod gateway;
mod held_calls;
mod lab;
mod mcp;
mod models;
mod network;
mod notices;
mod optimise;
mod plan_check;
mod privacy;
mod processes;
mod programs;
mod proofs;
mod remote;
mod replays;
mod routes;
mod rules;
mod site;
mod skills;
mod spending;
mod suspicions;
mod turns;
mod views;
mod words;
mod world;
