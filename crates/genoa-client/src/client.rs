//! The connection to the daemon.

use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
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
    answers: BTreeMap<RequestId, Result<Reply, Failure>>,
    last_request: u64,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// What comes in while a syscall is under way.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Something to show, or to answer.
    News(News),
    /// The syscall's answer.
    Answer(Result<Reply, Failure>),
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
        Self {
            stream,
            received: LineBuffer::default(),
            news: VecDeque::new(),
            answers: BTreeMap::new(),
            last_request: 0,
        }
    }

    /// Makes a syscall and waits for its answer.
    ///
    /// # Errors
    /// The daemon's failure, or [`ErrorCode::Interrupted`] if the connection breaks.
    pub fn call(&mut self, syscall: &Syscall) -> Result<Reply, Failure> {
        let id = self.start(syscall)?;
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            self.take_in()?;
        }
    }

    /// Makes a syscall without waiting; [`Client::next_of`] tells what comes of it.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if the connection breaks.
    pub fn start(&mut self, syscall: &Syscall) -> Result<RequestId, Failure> {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.stream.write_all(&syscall.to_message(id).to_line()).map_err(|error| broken(&error))?;
        Ok(id)
    }

    /// What comes next while syscall `id` is under way: news first, the answer last.
    ///
    /// # Errors
    /// [`ErrorCode::Interrupted`] if the connection breaks.
    pub fn next_of(&mut self, id: RequestId) -> Result<Incoming, Failure> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(Incoming::News(news));
            }
            if let Some(answer) = self.answers.remove(&id) {
                return Ok(Incoming::Answer(answer));
            }
            self.take_in()?;
        }
    }

    /// The answer to syscall `id`, or nothing if it does not come in time; news that come meanwhile are kept.
    ///
    /// # Errors
    /// As [`Client::next_news`].
    pub fn answer_within(&mut self, id: RequestId, wait: Duration) -> Result<Option<Result<Reply, Failure>>, Failure> {
        if !self.answers.contains_key(&id) {
            self.take_in_within(wait)?;
        }
        Ok(self.answers.remove(&id))
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
            self.take_in()?;
        }
    }

    /// The next news, or nothing if none arrives in time.
    ///
    /// # Errors
    /// As [`Client::next_news`].
    pub fn next_news_within(&mut self, wait: Duration) -> Result<Option<News>, Failure> {
        if self.news.is_empty() {
            self.take_in_within(wait)?;
        }
        Ok(self.news.pop_front())
    }

    /// Takes in one message, if one comes in time.
    fn take_in_within(&mut self, wait: Duration) -> Result<(), Failure> {
        self.stream.set_read_timeout(Some(wait)).map_err(|error| broken(&error))?;
        let received = self.take_in();
        self.stream.set_read_timeout(None).map_err(|error| broken(&error))?;
        match received {
            Err(failure) if failure.code == ErrorCode::TimedOut => Ok(()),
            received => received,
        }
    }

    /// Waits for one message and puts it where it belongs.
    fn take_in(&mut self) -> Result<(), Failure> {
        match self.receive()? {
            Message::Notification { method, params, .. } if method == "news" => {
                // News of a newer daemon that this client does not know are no reason to stop.
                self.news.extend(serde_json::from_value::<News>(params));
            }
            Message::Success { id, result, .. } => {
                let reply = serde_json::from_value(result).map_err(|error| {
                    Failure::new(ErrorCode::Internal, "the daemon's answer is not a reply").because(error)
                });
                self.answers.insert(id, reply);
            }
            Message::Error { id: Some(id), error, .. } => {
                self.answers.insert(id, Err(error.data));
            }
            Message::Error { id: None, error, .. } => return Err(error.data),
            Message::Notification { .. } | Message::Request { .. } => {}
        }
        Ok(())
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
    use genoa_abi::session::{News, Weight};
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
        let notice = |text: &str| News::Notice { text: text.into(), weight: Weight::Usual };
        let news = |text| Message::notification("news", serde_json::to_value(notice(text)).unwrap());
        let mut client = client_of(vec![news("one"), Message::answer(RequestId(1), Ok(json!("done"))), news("two")]);
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
