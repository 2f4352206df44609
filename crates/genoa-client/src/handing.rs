//! Connections that one process opens and another uses: what the second may ask for was agreed before it got them.
//!
//! The one who uses them says [`WANTED`] on a socket that keeps messages apart; the one who opens them answers with a failure, or
//! with the connection beside [`HERE`].

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Client;
use crate::descriptors::{pair, receive, send};

/// What asks for a connection.
const WANTED: &[u8] = b"connection";
/// What comes with one.
const HERE: &[u8] = b"here";
/// The longest message: a failure, or what the user of the connections is told first.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The two ends of a way for connections: of who opens them, and of who uses them.
///
/// # Errors
/// What making sockets says.
pub fn handing_pair() -> io::Result<(Opener, OwnedFd)> {
    let (ours, theirs) = pair()?;
    Ok((Opener(ours), theirs))
}

/// The end of who opens connections.
#[derive(Debug)]
pub struct Opener(OwnedFd);

impl Opener {
    /// Tells who uses the connections something, once, before all else.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if nobody is there any more.
    pub fn tell(&self, what: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(what).map_err(|error| broken(&error))?;
        send(&self.0, &bytes, &[]).map_err(|error| broken(&error))
    }

    /// Opens connections for as long as they are asked for.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if the way breaks; nothing where the other end closes it.
    pub fn serve(&self, mut open: impl FnMut() -> Result<Client, Failure>) -> Result<(), Failure> {
        while let Some((asked, _)) = receive(&self.0, MESSAGE_BYTES).map_err(|error| broken(&error))? {
            if asked != WANTED {
                return Err(broken(&"something else than a connection was asked for"));
            }
            match open() {
                Ok(client) => send(&self.0, HERE, &[client.as_fd()]),
                Err(failure) => send(&self.0, &serde_json::to_vec(&failure).unwrap_or_default(), &[]),
            }
            .map_err(|error| broken(&error))?;
        }
        Ok(())
    }
}

/// The end of who uses connections.
#[derive(Debug)]
pub struct Handed(OwnedFd);

impl Handed {
    /// Over the socket that was inherited, with what is told there first.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if nothing comes, [`ErrorCode::InvalidInput`] if it is something else.
    pub fn over<T: DeserializeOwned>(socket: OwnedFd) -> Result<(Self, T), Failure> {
        let (bytes, _) =
            receive(&socket, MESSAGE_BYTES).map_err(|error| broken(&error))?.ok_or_else(|| broken(&"it was closed"))?;
        let told = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, "what was told first is not understood").because(error)
        })?;
        Ok((Self(socket), told))
    }

    /// Another connection. Blocks, and takes `&mut` so that answers are not mixed up.
    ///
    /// # Errors
    /// Why there is none, or [`ErrorCode::Interrupted`] if nobody is there any more who opens them.
    pub fn connection(&mut self) -> Result<Client, Failure> {
        send(&self.0, WANTED, &[]).map_err(|error| broken(&error))?;
        match receive(&self.0, MESSAGE_BYTES).map_err(|error| broken(&error))? {
            Some((said, fds)) => match fds.into_iter().next() {
                Some(fd) => Ok(Client::over(UnixStream::from(fd))),
                None => Err(serde_json::from_slice(&said).unwrap_or_else(|error| broken(&error))),
            },
            None => Err(broken(&"it was closed")),
        }
    }
}

fn broken(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Interrupted, "the way to new connections broke").because(why)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use genoa_abi::syscall::Syscall;
    use genoa_abi::{ErrorCode, Failure};

    use super::{Handed, handing_pair};
    use crate::Client;

    #[test]
    fn connections_pass_from_one_process_to_the_other() {
        let (opener, theirs) = handing_pair().unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        let refused = Failure::new(ErrorCode::NotFound, "no daemon answers").because("why").try_next("what");
        let refusal = refused.clone();
        let opening = std::thread::spawn(move || {
            opener.tell(&("a name", 7)).unwrap();
            let mut near = Some(near);
            opener.serve(|| near.take().map(Client::over).ok_or_else(|| refusal.clone()))
        });
        let (mut handed, told) = Handed::over::<(String, u32)>(theirs).unwrap();
        assert_eq!(told, ("a name".to_owned(), 7));
        let mut client = handed.connection().unwrap();
        client.start(&Syscall::List {}).unwrap();
        let mut first = [0; 1];
        far.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"{", "it is the connection that was opened");
        far.write_all(b"\n").unwrap();
        assert_eq!(handed.connection().err(), Some(refused), "whole");
        drop(handed);
        assert_eq!(opening.join().unwrap(), Ok(()), "it ends with who used it");
    }

    #[test]
    fn who_asks_for_something_else_gets_nothing() {
        let (opener, theirs) = handing_pair().unwrap();
        rustix::io::write(&theirs, b"everything").unwrap();
        let opened = opener.serve(|| panic!("nothing is opened"));
        assert_eq!(opened.map_err(|failure| failure.code), Err(ErrorCode::Interrupted));
        drop(opener);
        assert_eq!(Handed::over::<()>(theirs).err().map(|failure| failure.code), Some(ErrorCode::Interrupted));
    }
}
