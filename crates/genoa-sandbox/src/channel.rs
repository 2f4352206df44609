//! How messages go between the daemon and its spawner, with the descriptors that belong to them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use genoa_client::descriptors;
pub(crate) use genoa_client::descriptors::pair;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::plan::{GIVEN_DESCRIPTORS, SPAWNER_MESSAGE_BYTES};

/// Descriptors in one message: those for the jail, its log.
const MESSAGE_DESCRIPTORS: usize = GIVEN_DESCRIPTORS + 1;

/// Sends one message as JSON.
pub(crate) fn send(socket: impl AsFd, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > SPAWNER_MESSAGE_BYTES || fds.len() > MESSAGE_DESCRIPTORS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the jail plan is over the limit of one message"));
    }
    descriptors::send(socket, &bytes, fds)
}

/// One received message.
pub(crate) type Received<T> = Option<(T, Vec<OwnedFd>)>;

/// Receives one message; nothing when the other side is gone.
pub(crate) fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Received<T>> {
    let Some((bytes, fds)) = descriptors::receive(socket, SPAWNER_MESSAGE_BYTES)? else { return Ok(None) };
    Ok(Some((serde_json::from_slice(&bytes)?, fds)))
}
