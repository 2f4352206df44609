//! Where text comes from: the local engine, remote endpoints, and the catalogue of models.
//!
//! [`worker`] serves a model over one socket and knows nothing of who asks or why: policy is the kernel's. What it runs
//! on is either [`engine`] (a model file, on this machine) or [`remote`] (an endpoint that speaks the OpenAI protocol).
//! [`catalogue`], [`fetch`], [`gguf`] and [`store`] bring model files onto the machine and refuse what does not verify;
//! [`foreign`] is how they look into files without parsing them in the process of whoever asks. [`quantise`] makes a model of
//! another one, on the [`workbench`].

#![forbid(unsafe_code)]

mod archive;
pub mod bench;
pub mod catalogue;
mod durations;
pub mod engine;
pub mod fetch;
pub mod fetch_news;
pub mod foreign;
pub mod gguf;
mod hub;
pub mod limits;
mod once;
pub mod quantise;
pub mod remote;
pub mod store;
mod text;
mod wheels;
pub mod workbench;
pub mod worker;
