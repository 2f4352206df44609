//! One question to a model, whoever runs it, and how it was answered.

use std::path::Path;
use std::time::{Duration, Instant};

use genoa_abi::model::{ChatMessage, InferClass, InferRequest, Role};
use genoa_abi::session::News;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_client::{Client, Incoming};
use serde_json::{Value as Json, json};

/// A conversation that ends with a question.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) messages: Vec<ChatMessage>,
    pub(crate) max_tokens: u32,
}

/// An answer, and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// Until its first word.
    pub(crate) first: Duration,
    pub(crate) whole: Duration,
    pub(crate) tokens: u64,
    pub(crate) text: String,
}

impl Ask {
    pub(crate) fn new(system: &str, question: &str, max_tokens: u32) -> Self {
        let messages = vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, question)];
        Self { messages, max_tokens }
    }

    /// The next step of the conversation.
    pub(crate) fn after(mut self, answer: &str, question: &str) -> Self {
        self.messages.push(ChatMessage::new(Role::Assistant, answer));
        self.messages.push(ChatMessage::new(Role::User, question));
        self
    }

    pub(crate) fn messages(&self) -> Json {
        json!(self.messages)
    }

    /// Asks Genoa's daemon by a connection of its own.
    pub(crate) fn genoa(&self, socket: &Path, workspace: &Path, class: InferClass) -> Answered {
        let mut client = Client::connect(socket).unwrap();
        client.call(&Syscall::Session(super::session(workspace))).unwrap();
        let request = InferRequest {
            messages: self.messages.clone(),
            max_tokens: self.max_tokens,
            class,
            stream: true,
            ..InferRequest::default()
        };
        let begun = Instant::now();
        let id = client.start(&Syscall::Infer(request)).unwrap();
        let mut first = None;
        loop {
            match client.next_of(id).unwrap() {
                Incoming::News(News::Writing { .. }) => {
                    first.get_or_insert_with(|| begun.elapsed());
                }
                Incoming::News(_) => {}
                Incoming::Answer(outcome) => {
                    let Reply::Text(reply) = outcome.unwrap() else { panic!("no text") };
                    let whole = begun.elapsed();
                    let tokens = u64::from(reply.usage.written_tokens);
                    return Answered { first: first.unwrap_or(whole), whole, tokens, text: reply.text };
                }
            }
        }
    }
}
