//! HTTP on loopback: the OpenAI protocol in front of the local model.
//!
//! A process of its own in a jail, which reaches nothing but the model: it listens at a socket that it is given, and gets connections to
//! the daemon that may ask nothing else. Every request brings the token that stands in a file which only the person can read.

#![forbid(unsafe_code)]

mod asking;
mod chat;
mod chat_answer;
mod connections;
mod content;
mod daemon;
mod embeddings;
mod failures;
mod flow;
mod heading;
mod limits;
mod logprobs;
mod response_answer;
mod responses;
mod server;
mod telling;
mod token;
mod tools;
#[cfg(test)]
mod trials;

pub use server::{GatewayOptions, LISTENER_FD, gateway_main};
pub use token::{TOKEN_FILE, token_in};
