//! The words of one answer as they come, in whichever protocol: what was told of them, and what may still turn out to be a call.

use genoa_abi::model::WrittenToken;
use serde_json::Value as Json;

use crate::asking::Manner;
use crate::daemon::Words;
use crate::logprobs::Waiting;
use crate::tools::may_be_calls;

/// Words under way.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    manner: Manner,
    /// What was written, as far as it was told or may still be a call.
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
        if self.manner.has_tools && may_be_calls(&self.text) {
            return None;
        }
        self.piece()
    }

    /// What is left to tell of an answer that is words. News are told at times; what came after the last stands in the reply.
    pub(crate) fn ended(&mut self, words: &str, tokens: &[WrittenToken]) -> Option<Piece> {
        words.clone_into(&mut self.text);
        // A call that was cut off is no words, and has no tokens.
        self.tokens.end(if words.is_empty() { &[] } else { tokens });
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
