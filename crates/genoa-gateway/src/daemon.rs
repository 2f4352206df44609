//! The daemon, asked for one thing at a time over a connection of its own. Where nobody waits for an answer any more, the connection
//! is closed, and with it ends what the daemon did for it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use genoa_abi::model::{InferReply, InferRequest};
use genoa_abi::session::{News, SessionRequest};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// Connections that are kept for the next request.
const IDLE: usize = 8;
/// How often it is looked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);
/// How long a client may leave what it is told unread.
const UNREAD: Duration = Duration::from_secs(60);
/// Between two looks whether it reads again.
const REST: Duration = Duration::from_millis(20);

/// What a request is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// New text.
    Words(String),
    /// The end.
    End(Box<Result<InferReply, Failure>>),
}

/// Where the daemon is, and in whose name it is asked.
#[derive(Debug)]
pub(crate) struct Daemon {
    socket: PathBuf,
    session: SessionRequest,
    idle: Mutex<Vec<Client>>,
}

impl Daemon {
    pub(crate) fn at(socket: PathBuf, session: SessionRequest) -> Self {
        Self { socket, session, idle: Mutex::default() }
    }

    /// Has the model write, and tells of it. Blocks until that is over, or nobody listens.
    pub(crate) fn infer(&self, request: InferRequest, listener: &Sender<Told>) {
        match self.try_infer(request, listener) {
            Ok(None) => {}
            Ok(Some(outcome)) => drop(tell(listener, Told::End(Box::new(outcome)))),
            Err(failure) => drop(tell(listener, Told::End(Box::new(Err(failure))))),
        }
    }

    /// The outcome, or nothing where nobody listens any more.
    fn try_infer(
        &self,
        request: InferRequest,
        listener: &Sender<Told>,
    ) -> Result<Option<Result<InferReply, Failure>>, Failure> {
        let mut client = self.client()?;
        let id = client.start(&Syscall::Infer(request))?;
        loop {
            if listener.is_closed() {
                return Ok(None);
            }
            match client.next_news_within(LOOK)? {
                Some(News::Writing { request, text, .. }) if request == id => {
                    if tell(listener, Told::Words(text)).is_err() {
                        return Ok(None);
                    }
                }
                Some(_) => {}
                None => {
                    if let Some(answer) = client.answer_within(id, Duration::from_millis(1))? {
                        self.keep(client);
                        return Ok(Some(answer.and_then(|reply| match reply {
                            Reply::Text(text) => Ok(text),
                            other => Err(unexpected(&other)),
                        })));
                    }
                }
            }
        }
    }

    /// Turns texts into vectors. Blocks.
    pub(crate) fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Failure> {
        let mut client = self.client()?;
        let answer = client.call(&Syscall::Embed { texts });
        self.keep(client);
        match answer? {
            Reply::Vectors(vectors) => Ok(vectors),
            other => Err(unexpected(&other)),
        }
    }

    /// A connection with a session. One that was kept may be dead by now: then the daemon was started anew.
    fn client(&self) -> Result<Client, Failure> {
        let kept = || self.lock().pop();
        while let Some(mut client) = kept() {
            if client.call(&Syscall::Session(self.session.clone())).is_ok() {
                return Ok(client);
            }
        }
        // Who asks for a model is not told that there is none because there is no daemon.
        let mut client =
            Client::connect(&self.socket).map_err(|failure| Failure { code: ErrorCode::Interrupted, ..failure })?;
        client.call(&Syscall::Session(self.session.clone()))?;
        Ok(client)
    }

    fn keep(&self, client: Client) {
        let mut idle = self.lock();
        if idle.len() < IDLE {
            idle.push(client);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells a listener something. One that does not read for long is given up.
fn tell(listener: &Sender<Told>, told: Told) -> Result<(), ()> {
    let (mut told, until) = (told, Instant::now() + UNREAD);
    loop {
        told = match listener.try_send(told) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(told)) if Instant::now() < until => told,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => return Err(()),
        };
        std::thread::sleep(REST);
    }
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, "the daemon gave an answer of the wrong kind").because(format!("{reply:?}"))
}
