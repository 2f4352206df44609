//! A model at the other end of a connection: any endpoint that speaks the OpenAI protocol.

mod broker;
mod chat;
mod endpoint;
mod key;
mod options;
mod serve;

pub use key::{check_key, read_key};
pub use options::RemoteOptions;
pub(crate) use serve::serve_remote;
