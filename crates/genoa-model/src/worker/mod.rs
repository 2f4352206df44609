//! The model worker: one process, one socket, one model.

mod local;
mod wire;

use std::os::unix::net::UnixStream;

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use crate::engine::{EngineOptions, Interrupt};
use crate::remote::{RemoteOptions, serve_remote};

pub(crate) use wire::{Incoming, NOTHING, Outgoing};

/// What a worker serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case")]
pub enum WorkerOptions {
    /// A model file on this machine.
    Local(EngineOptions),
    /// An endpoint that speaks the OpenAI protocol.
    Remote(RemoteOptions),
}

impl WorkerOptions {
    /// Reads options from JSON, as they come on a command line or in the environment.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] with what is wrong.
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, "the model worker's options are wrong").because(error)
        })
    }
}

/// Serves until the other side closes the socket. Where the model cannot be loaded, every request is answered with why.
/// `broker` is the socket to the egress broker, for a model that is elsewhere; there is no other way to one.
///
/// # Errors
/// [`ErrorCode::Interrupted`] where the socket breaks.
pub fn worker_main(socket: UnixStream, broker: Option<UnixStream>, options: WorkerOptions) -> Result<(), Failure> {
    let outgoing = Outgoing::over(&socket)?;
    let interrupt = Interrupt::default();
    let incoming = wire::listen(socket, interrupt.clone());
    match options {
        WorkerOptions::Local(options) => local::serve(&incoming, &outgoing, options, interrupt),
        WorkerOptions::Remote(options) => serve_remote(&incoming, &outgoing, broker, options),
    }
}
