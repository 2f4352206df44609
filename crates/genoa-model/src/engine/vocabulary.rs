//! The model's tokens as the grammar engine sees them.

use std::sync::Arc;

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

/// Tokenises exactly as the model was trained, so that text which a grammar forces can be appended as tokens.
struct Vocabulary {
    model: Arc<LlamaModel>,
    trie: TokTrie,
    canonical: bool,
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            let tokens = self.model.vocab().tokenize(text.as_bytes(), false, false);
            tokens.into_iter().map(|token| token.0.cast_unsigned()).collect()
        })
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.canonical
    }
}

/// Reads the vocabulary of a model. Takes a few hundred milliseconds for a large one.
pub(super) fn read(model: &Arc<LlamaModel>) -> TokEnv {
    let vocab = model.vocab();
    let count = vocab.n_tokens();
    let end = if vocab.eot().0 >= 0 { vocab.eot() } else { vocab.eos() };
    let mut ends = vec![end.0.max(0).cast_unsigned()];
    let mut words = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    for token in (0..count).map(LlamaToken::new) {
        if vocab.is_eog(token) && token != end {
            ends.push(token.0.cast_unsigned());
        }
        words.push(word(model, token));
    }
    let info = TokRxInfo::new(count.cast_unsigned(), ends[0]);
    let trie = TokTrie::from(&info, &words).with_eos_tokens(&ends);
    Arc::new(Vocabulary { model: Arc::clone(model), trie, canonical: is_canonical(model) })
}

/// The bytes of a token; a control token is marked, so that no text in a grammar can stand for it.
fn word(model: &LlamaModel, token: LlamaToken) -> Vec<u8> {
    let vocab = model.vocab();
    let plain = vocab.token_to_piece(token, false, None);
    if !plain.is_empty() && !vocab.is_control(token) && !vocab.is_eog(token) {
        return plain;
    }
    let special = vocab.token_to_piece(token, true, None);
    if special.is_empty() {
        return special;
    }
    [&[TokTrie::SPECIAL_TOKEN_MARKER], special.as_slice()].concat()
}

/// Some tokenisers put a space before the first word; their tokens can't be joined in the middle of a text.
fn is_canonical(model: &LlamaModel) -> bool {
    let vocab = model.vocab();
    let bytes: Vec<u8> = vocab
        .tokenize(b"word", false, false)
        .into_iter()
        .flat_map(|token| vocab.token_to_piece(token, false, None))
        .collect();
    bytes == b"word"
}
