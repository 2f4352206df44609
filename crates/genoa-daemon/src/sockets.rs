//! All connections of the daemon, by token and by peer.

use std::collections::BTreeMap;
use std::io;

use genoa_abi::frame::Message;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use crate::connection::{Connection, Peer, Received};

/// The first token that is a connection; those below are the loop's own.
const FIRST_CONNECTION: usize = 16;

/// The connections, registered with the loop's poll.
#[derive(Debug)]
pub(crate) struct Sockets {
    registry: Registry,
    connections: BTreeMap<Token, Connection>,
    tokens: BTreeMap<Peer, Token>,
    lost: Vec<Peer>,
    next_token: usize,
}

impl Sockets {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            connections: BTreeMap::new(),
            tokens: BTreeMap::new(),
            lost: Vec::new(),
            next_token: FIRST_CONNECTION,
        }
    }

    /// Takes a connection in.
    pub(crate) fn add(&mut self, mut stream: UnixStream, peer: Peer) -> io::Result<()> {
        let token = Token(self.next_token);
        self.next_token += 1;
        self.registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.connections.insert(token, Connection::new(stream, peer));
        self.tokens.insert(peer, token);
        Ok(())
    }

    /// Closes the connection to a peer, if there is one.
    pub(crate) fn remove(&mut self, peer: Peer) {
        if let Some(token) = self.tokens.remove(&peer)
            && let Some(mut connection) = self.connections.remove(&token)
        {
            // The stream is closed right after; a failure here changes nothing.
            let _ = self.registry.deregister(&mut connection.stream);
        }
    }

    /// From now on the connection of one peer is another's.
    pub(crate) fn rename(&mut self, peer: Peer, other: Peer) {
        if let Some(token) = self.tokens.remove(&peer)
            && let Some(connection) = self.connections.get_mut(&token)
        {
            connection.peer = other;
            self.tokens.insert(other, token);
        }
    }

    /// Sends to a peer. One that is not there, or does not read, is reported by [`Sockets::take_lost`].
    pub(crate) fn send(&mut self, peer: Peer, message: &Message) {
        let Some(connection) = self.tokens.get(&peer).and_then(|token| self.connections.get_mut(token)) else { return };
        if connection.send(message).is_err() {
            self.lost.push(peer);
        }
    }

    /// Sends what waits for the peer at `token`.
    pub(crate) fn flush(&mut self, token: Token) {
        if let Some(connection) = self.connections.get_mut(&token)
            && connection.flush().is_err()
        {
            self.lost.push(connection.peer);
        }
    }

    /// Reads what the peer at `token` sent.
    pub(crate) fn receive(&mut self, token: Token) -> Option<(Peer, Received)> {
        let connection = self.connections.get_mut(&token)?;
        Some((connection.peer, connection.receive()))
    }

    /// The token of a peer's connection.
    pub(crate) fn token(&self, peer: Peer) -> Option<Token> {
        self.tokens.get(&peer).copied()
    }

    /// Whether a peer is connected.
    pub(crate) fn has(&self, peer: Peer) -> bool {
        self.tokens.contains_key(&peer)
    }

    /// How many surfaces are connected.
    pub(crate) fn surfaces(&self) -> usize {
        self.tokens.keys().filter(|peer| matches!(peer, Peer::Surface(_))).count()
    }

    /// The peers that were found gone while sending.
    pub(crate) fn take_lost(&mut self) -> Vec<Peer> {
        std::mem::take(&mut self.lost)
    }
}
