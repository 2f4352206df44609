//! Texts become vectors: the mean of the model's last hidden layer, scaled to length one.
//!
//! A language model that was not trained for it makes mediocre vectors; `docs/models.md` says what to expect.

use std::num::NonZeroU32;

use genoa_abi::limits::EMBED_TEXTS;
use genoa_abi::{ErrorCode, Failure};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_batch::LlamaBatch;

use super::loaded::{LoadedModel, backend};
use crate::limits::EMBED_TOKENS;

/// A small context of its own, made when the first text is embedded.
pub(super) struct Embedder<'m> {
    loaded: &'m LoadedModel,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    most_tokens: usize,
}

impl<'m> Embedder<'m> {
    pub(super) fn new(loaded: &'m LoadedModel) -> Result<Self, Failure> {
        let most_tokens = EMBED_TOKENS.min(usize::try_from(loaded.context_tokens).unwrap_or(EMBED_TOKENS));
        let size = u32::try_from(most_tokens).unwrap_or(u32::MAX);
        let threads = i32::try_from(loaded.threads).unwrap_or(1);
        // The mean is taken over one batch, so the whole text has to fit into it.
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(size))
            .with_n_batch(size)
            .with_n_ubatch(size)
            .with_n_seq_max(1)
            .with_embeddings(true)
            .with_pooling_type(LlamaPoolingType::Mean)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = loaded.model.new_context(backend()?, parameters).map_err(|error| failed(&error))?;
        Ok(Self { loaded, context, batch: LlamaBatch::new(most_tokens, 1), most_tokens })
    }

    pub(super) fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        if texts.len() > EMBED_TEXTS {
            let what = format!("{} texts are over the limit of {EMBED_TEXTS} of one embed call", texts.len());
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        texts.iter().map(|text| self.embed_one(text)).collect()
    }

    fn embed_one(&mut self, text: &str) -> Result<Vec<f32>, Failure> {
        let tokens = self.loaded.model.vocab().tokenize(text.as_bytes(), true, false);
        if tokens.len() > self.most_tokens {
            let what =
                format!("a text of {} tokens is over the limit of {} for embedding", tokens.len(), self.most_tokens);
            return Err(Failure::new(ErrorCode::TooLarge, what).try_next("Embed it in parts"));
        }
        if tokens.is_empty() {
            return Err(Failure::new(ErrorCode::InvalidInput, "an empty text has no direction to embed"));
        }
        self.context.clear_kv_cache();
        self.batch.clear();
        for (position, token) in (0..).zip(&tokens) {
            self.batch.add(*token, position, &[0], true).map_err(|error| failed(&error))?;
        }
        self.context.decode(&mut self.batch).map_err(|error| failed(&error))?;
        let vector = self.context.embeddings_seq_ith(0).map_err(|error| failed(&error))?;
        let length = vector.iter().map(|part| f64::from(*part).powi(2)).sum::<f64>().sqrt();
        if !length.is_normal() {
            return Err(failed(&"the model's hidden layer has no length"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "parts of a vector of length one fit into f32")]
        Ok(vector.iter().map(|part| (f64::from(*part) / length) as f32).collect())
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ModelFailed, "the text could not be embedded").because(error)
}
