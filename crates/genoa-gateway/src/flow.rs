//! The words of one answer as they come, in whichever protocol: what was told of them, and what may be a call.

use genoa_abi::model::WrittenToken;
use serde_json::Value as Json;

use crate::asking::Manner;
use crate::daemon::Words;
use crate::logprobs::Waiting;
use crate::tools::words_in;

/// Words under way.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    manner: Manner,
    /// Whether it is known to be words.
    is_words: bool,
    /// What was written: of words the words alone, once it is known that they are.
    text: String,
    /// Bytes of it that were told.
    told: usize,
    tokens: Waiting,
}

/// A piece of an answer that can be told.
#[derive(Debug)]
pub(crate) struct Piece {
    /// New text.
    pub(crate) text: String,
    /// The tokens that it ends.
    pub(crate) tokens: Vec<Json>,
}

impl Flow {
    pub(crate) fn new(manner: Manner) -> Self {
        Self { manner, ..Self::default() }
    }

    /// What can be told now that these words came.
    pub(crate) fn wrote(&mut self, words: &Words) -> Option<Piece> {
        self.text.push_str(&words.text);
        self.tokens.push(&words.tokens);
        if self.manner.has_tools && !self.is_words {
            let words = words_in(&self.text)?.len();
            let before = self.text.len() - words;
            self.text.drain(..before);
            self.tokens.skip(before);
            self.is_words = true;
        }
        self.piece()
    }

    /// What is left to tell of an answer that is words, with its tokens. News are told at times; what came after the last stands in
    /// the reply.
    pub(crate) fn ended(&mut self, words: &str, tokens: &[WrittenToken]) -> Option<Piece> {
        words.clone_into(&mut self.text);
        self.tokens.end(tokens);
        self.piece()
    }

    fn piece(&mut self) -> Option<Piece> {
        let text = self.text.get(self.told..).unwrap_or_default().to_owned();
        if text.is_empty() && self.tokens.is_empty() {
            return None;
        }
        self.told = self.text.len();
        Some(Piece { text, tokens: self.tokens.take() })
    }
}
