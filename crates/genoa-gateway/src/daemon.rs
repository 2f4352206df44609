//! The daemon, asked for one thing at a time over a connection of its own. Where nobody waits for an answer any more, the connection
//! is closed, and with it ends what the daemon did for it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use genoa_abi::model::{InferReply, InferRequest, WrittenToken};
use genoa_abi::session::{News, SessionRequest};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;
use tokio::sync::mpsc::Sender;

/// Connections that are kept for the next request.
const IDLE: usize = 8;
/// How often it is looked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// What a request is told of one of its answers.
#[derive(Debug)]
pub(crate) struct Told {
    /// Which answer.
    pub(crate) index: usize,
    /// What.
    pub(crate) what: What,
}

/// What is told of an answer.
#[derive(Debug)]
pub(crate) enum What {
    /// New text.
    Words(Words),
    /// The end.
    End(Box<Result<InferReply, Failure>>),
}

/// New text, and the tokens that it ends, where they were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// The text.
    pub(crate) text: String,
    /// The tokens.
    pub(crate) tokens: Vec<WrittenToken>,
}

/// Who waits for an answer. Telling blocks while much is unread: a client that never reads is given up by who watches its connection,
/// and then nobody listens any more.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Which answer it is.
    pub(crate) index: usize,
    /// Where it is told.
    pub(crate) teller: Sender<Told>,
}

impl Listener {
    fn tell(&self, what: What) -> Result<(), ()> {
        self.teller.blocking_send(Told { index: self.index, what }).map_err(drop)
    }
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
    pub(crate) fn infer(&self, request: InferRequest, listener: &Listener) {
        match self.try_infer(request, listener) {
            Ok(None) => {}
            Ok(Some(outcome)) => drop(listener.tell(What::End(Box::new(outcome)))),
            Err(failure) => drop(listener.tell(What::End(Box::new(Err(failure))))),
        }
    }

    /// The outcome, or nothing where nobody listens any more.
    fn try_infer(
        &self,
        request: InferRequest,
        listener: &Listener,
    ) -> Result<Option<Result<InferReply, Failure>>, Failure> {
        let mut client = self.client()?;
        let id = client.start(&Syscall::Infer(request))?;
        loop {
            if listener.teller.is_closed() {
                return Ok(None);
            }
            match client.next_news_within(LOOK)? {
                Some(News::Writing { request, text, written: tokens, .. }) if request == id => {
                    if listener.tell(What::Words(Words { text, tokens })).is_err() {
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

fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, "the daemon gave an answer of the wrong kind").because(format!("{reply:?}"))
}
