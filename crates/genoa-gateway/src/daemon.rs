//! The daemon, asked for one thing at a time over a connection of its own. Where nobody waits for an answer any more, the connection
//! is closed, and with it ends what the daemon did for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use genoa_abi::model::{InferReply, InferRequest, WrittenToken};
use genoa_abi::session::News;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::{Client, Handed};
use tokio::sync::mpsc::Sender;

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

/// The daemon behind connections that may ask the model and nothing else.
#[derive(Debug)]
pub(crate) struct Daemon(Mutex<Handed>);

impl Daemon {
    pub(crate) fn behind(handed: Handed) -> Self {
        Self(Mutex::new(handed))
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
        let mut client = self.connection()?;
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
        match self.connection()?.call(&Syscall::Embed { texts })? {
            Reply::Vectors(vectors) => Ok(vectors),
            other => Err(unexpected(&other)),
        }
    }

    /// A connection of its own for a request: when it ends, so does what was asked for, and a daemon that was started anew is no matter.
    fn connection(&self) -> Result<Client, Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).connection()
    }
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, "the daemon gave an answer of the wrong kind").because(format!("{reply:?}"))
}
