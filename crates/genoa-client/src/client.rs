//! The connection to the daemon.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::session::News;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure, RequestId};

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    received: LineBuffer,
    news: VecDeque<News>,
    last_request: u64,
}

impl Client {
    /// Connects to the daemon's socket.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if no daemon listens there.
    pub fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket).map_err(|error| {
            Failure::new(ErrorCode::NotFound, format!("no Genoa daemon answers at {}", socket.display()))
                .because(error)
                .try_next("Start it with `genoa up`")
        })?;
        Ok(Self::over(stream))
    }

    /// Speaks over a socket that is there already: the one that a jailed agent inherits.
    #[must_use]
    pub fn over(stream: UnixStream) -> Self {
        Self { stream, received: LineBuffer::default(), news: VecDeque::new(), last_request: 0 }
    }

    /// Makes a syscall and waits for its answer.
    ///
    /// # Errors
    /// The daemon's failure, or [`ErrorCode::Interrupted`] if the connection breaks.
    pub fn call(&mut self, syscall: &Syscall) -> Result<Reply, Failure> {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        let line = syscall.to_message(id).to_line();
        self.stream.write_all(&line).map_err(|error| broken(&error))?;
        loop {
            match self.receive()? {
                Message::Success { id: answered, result, .. } if answered == id => {
                    return serde_json::from_value(result).map_err(|error| {
                        Failure::new(ErrorCode::Internal, "the daemon's answer is not a reply").because(error)
                    });
                }
                Message::Error { id: answered, error, .. } if answered.is_none_or(|answered| answered == id) => {
                    return Err(error.data);
                }
                other => self.keep_news(other),
            }
        }
    }

    /// The next news, waiting for it.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if the connection breaks.
    pub fn next_news(&mut self) -> Result<News, Failure> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            let message = self.receive()?;
            self.keep_news(message);
        }
    }

    /// The next news, or nothing if none arrives in time.
    ///
    /// # Errors
    /// As [`Client::next_news`].
    pub fn next_news_within(&mut self, wait: Duration) -> Result<Option<News>, Failure> {
        if self.news.is_empty() {
            self.stream.set_read_timeout(Some(wait)).map_err(|error| broken(&error))?;
            let received = self.receive();
            self.stream.set_read_timeout(None).map_err(|error| broken(&error))?;
            match received {
                Ok(message) => self.keep_news(message),
                Err(failure) if failure.code == ErrorCode::TimedOut => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(self.news.pop_front())
    }

    fn keep_news(&mut self, message: Message) {
        if let Message::Notification { method, params, .. } = message
            && method == "news"
            && let Ok(news) = serde_json::from_value(params)
        {
            self.news.push_back(news);
        }
    }

    fn receive(&mut self) -> Result<Message, Failure> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            if let Some(line) = self.received.next_line() {
                return Message::from_line(&line);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(broken(&ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.received.push(&chunk[..count])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Err(Failure::new(ErrorCode::TimedOut, "nothing arrived in time"));
                }
                Err(error) => return Err(broken(&error)),
            }
        }
    }
}

fn broken(error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::Interrupted, "the connection to the daemon broke")
        .because(error)
        .try_next("Nothing is lost: the journal has it. `genoa status` shows where things stand")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use genoa_abi::frame::Message;
    use genoa_abi::session::News;
    use genoa_abi::syscall::{Reply, Syscall};
    use genoa_abi::{ErrorCode, Failure, RequestId};
    use serde_json::json;

    use super::Client;

    /// A daemon that answers one request with these messages.
    fn client_of(messages: Vec<Message>) -> Client {
        let (ours, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut line = String::new();
            BufReader::new(&theirs).read_line(&mut line).unwrap();
            messages.iter().for_each(|message| (&theirs).write_all(&message.to_line()).unwrap());
        });
        Client::over(ours)
    }

    #[test]
    fn news_that_come_before_the_answer_are_kept() {
        let notice = |text: &str| News::Notice { text: text.into() };
        let news = |text| Message::notification("news", serde_json::to_value(notice(text)).unwrap());
        let mut client =
            client_of(vec![news("one"), Message::answer(RequestId(1), Ok(json!("done"))), news("two")]);
        assert_eq!(client.call(&Syscall::List {}), Ok(Reply::Done));
        assert_eq!(client.next_news(), Ok(notice("one")));
        assert_eq!(client.next_news(), Ok(notice("two")));
        assert_eq!(client.next_news().map_err(|failure| failure.code), Err(ErrorCode::Interrupted));
    }

    #[test]
    fn failures_arrive_whole() {
        let failure = Failure::new(ErrorCode::NotGranted, "no").because("why").try_next("what");
        let mut client = client_of(vec![Message::answer(RequestId(1), Err(failure.clone()))]);
        assert_eq!(client.call(&Syscall::List {}), Err(failure));
    }

    #[test]
    fn waiting_for_news_ends_in_time() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut client = Client::over(ours);
        assert_eq!(client.next_news_within(Duration::from_millis(5)), Ok(None));
    }
}
