//! One non-blocking socket that carries messages.

use std::io::{ErrorKind, Read, Write};

use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::limits::UNSENT_BYTES;
use genoa_abi::{AgentId, CallId, ErrorCode, Failure, SessionId};
use mio::net::UnixStream;

/// Who is at the other end. Known from how the socket came to be, never from what is said over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// A surface of the person.
    Surface(SessionId),
    /// An agent in its jail.
    Agent(AgentId),
    /// A tool in its jail.
    Tool(CallId),
    /// A model worker in its jail, by its number.
    Worker(u32),
}

/// What reading brought.
#[derive(Debug)]
pub(crate) struct Received {
    /// Whole messages, in order; a line that is not a message is its failure.
    pub(crate) messages: Vec<Result<Message, Failure>>,
    /// Whether the other end is gone.
    pub(crate) closed: bool,
}

/// A socket with its buffers.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    pub(crate) peer: Peer,
    received: LineBuffer,
    unsent: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream, peer: Peer) -> Self {
        Self { stream, peer, received: LineBuffer::default(), unsent: Vec::new() }
    }

    /// Reads until nothing is left to read.
    pub(crate) fn receive(&mut self) -> Received {
        let mut chunk = [0; 64 * 1024];
        let mut received = Received { messages: Vec::new(), closed: false };
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => received.closed = true,
                Ok(count) => {
                    if let Err(failure) = self.received.push(&chunk[..count]) {
                        // Where the message ends cannot be known any more.
                        received.messages.push(Err(failure));
                        received.closed = true;
                    }
                    while let Some(line) = self.received.next_line() {
                        received.messages.push(Message::from_line(&line));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return received,
                Err(_) => received.closed = true,
            }
            if received.closed {
                return received;
            }
        }
    }

    /// Sends a message, now or as soon as the other end reads.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for an end that never reads, [`ErrorCode::Interrupted`] for one that is gone.
    pub(crate) fn send(&mut self, message: &Message) -> Result<(), Failure> {
        let line = message.to_line();
        if self.unsent.len() + line.len() > UNSENT_BYTES {
            let what = format!("the other end reads too slowly: over {UNSENT_BYTES} bytes wait for it");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        self.unsent.extend_from_slice(&line);
        self.flush()
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if the other end is gone.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    return Err(Failure::new(ErrorCode::Interrupted, "the other end is gone").because(error));
                }
            }
        }
        self.unsent.drain(..sent);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use genoa_abi::frame::Message;
    use genoa_abi::limits::UNSENT_BYTES;
    use genoa_abi::{ErrorCode, SessionId};
    use mio::net::UnixStream;
    use serde_json::json;

    use super::{Connection, Peer};

    #[test]
    fn messages_pass_and_rubbish_is_answered_for() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(ours, Peer::Surface(SessionId(1)));
        let good = Message::notification("a", json!({}));
        (&theirs).write_all(&good.to_line()).unwrap();
        (&theirs).write_all(b"rubbish\n").unwrap();
        let received = connection.receive();
        assert_eq!(received.messages.len(), 2);
        assert_eq!(received.messages[0], Ok(good));
        assert!(received.messages[1].is_err() && !received.closed);
        drop(theirs);
        assert!(connection.receive().closed);
    }

    #[test]
    fn an_end_that_never_reads_is_given_up() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(ours, Peer::Surface(SessionId(1)));
        let message = Message::notification("a", json!("x".repeat(1_000_000)));
        let failure = (0..64).find_map(|_| connection.send(&message).err()).unwrap();
        assert_eq!(failure.code, ErrorCode::TooLarge);
        let mut chunk = vec![0; UNSENT_BYTES];
        assert!((&theirs).read(&mut chunk).unwrap() > 0);
    }
}
