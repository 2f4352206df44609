//! Texts become vectors: the mean of the model's last hidden layer, scaled to length one.
//!
//! A language model that was not trained for it makes mediocre vectors; `docs/models.md` says what to expect. Texts are read in
//! pieces, so that calls that write go on between two of them, and whoever goes first does not wait for a whole text.

use std::num::NonZeroU32;

use genoa_abi::limits::EMBED_TEXTS;
use genoa_abi::{CallId, ErrorCode, Failure};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::{LlamaContextParams, LlamaPoolingType};
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use super::loaded::{LoadedModel, backend};
use crate::limits::{EMBED_TOKENS, SHARED_STEP_TOKENS};

/// Texts of one call, some of which are vectors already.
#[derive(Debug)]
pub(super) struct Embedding {
    pub(super) call: CallId,
    pub(super) is_paused: bool,
    texts: Vec<Vec<LlamaToken>>,
    vectors: Vec<Vec<f32>>,
    /// Of the text that is read: how many tokens were, and the sum of their vectors.
    read: usize,
    sum: Vec<f64>,
}

impl Embedding {
    /// Takes texts in.
    pub(super) fn new(call: CallId, texts: &[String], loaded: &LoadedModel) -> Result<Self, Failure> {
        if texts.len() > EMBED_TEXTS {
            let what = format!("{} texts are over the limit of {EMBED_TEXTS} of one embed call", texts.len());
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        let texts = texts.iter().map(|text| tokens_of(text, loaded)).collect::<Result<_, _>>()?;
        Ok(Self { call, is_paused: false, texts, vectors: Vec::new(), read: 0, sum: Vec::new() })
    }

    pub(super) fn is_over(&self) -> bool {
        self.vectors.len() == self.texts.len()
    }

    pub(super) fn into_vectors(self) -> Vec<Vec<f32>> {
        self.vectors
    }
}

fn tokens_of(text: &str, loaded: &LoadedModel) -> Result<Vec<LlamaToken>, Failure> {
    let tokens = loaded.model.vocab().tokenize(text.as_bytes(), true, false);
    let most = most_tokens(loaded);
    if tokens.len() > most {
        let what = format!("a text of {} tokens is over the limit of {most} for embedding", tokens.len());
        return Err(Failure::new(ErrorCode::TooLarge, what).try_next("Embed it in parts"));
    }
    if tokens.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "an empty text has no direction to embed"));
    }
    Ok(tokens)
}

fn most_tokens(loaded: &LoadedModel) -> usize {
    EMBED_TOKENS.min(usize::try_from(loaded.context_tokens).unwrap_or(EMBED_TOKENS))
}

/// A small context of its own, made when the first text is embedded.
pub(super) struct Embedder<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    /// Whose text it has read the beginning of.
    reads: Option<CallId>,
}

impl<'m> Embedder<'m> {
    pub(super) fn new(loaded: &'m LoadedModel, threads: u32) -> Result<Self, Failure> {
        let piece = u32::try_from(SHARED_STEP_TOKENS).unwrap_or(u32::MAX);
        let threads = i32::try_from(threads).unwrap_or(1);
        // A vector for each token: what the engine takes the mean of itself has to be read in one piece.
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(u32::try_from(most_tokens(loaded)).unwrap_or(u32::MAX)))
            .with_n_batch(piece)
            .with_n_ubatch(piece)
            .with_n_seq_max(1)
            .with_embeddings(true)
            .with_pooling_type(LlamaPoolingType::None)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = loaded.model.new_context(backend()?, parameters).map_err(|error| failed(&error))?;
        Ok(Self { context, batch: LlamaBatch::new(SHARED_STEP_TOKENS, 1), reads: None })
    }

    /// Reads the next piece of the texts.
    pub(super) fn read_piece(&mut self, job: &mut Embedding) -> Result<(), Failure> {
        let Some(text) = job.texts.get(job.vectors.len()) else { return Ok(()) };
        if self.reads != Some(job.call) {
            (job.read, self.reads) = (0, Some(job.call));
        }
        if job.read == 0 {
            self.context.clear_kv_cache();
            job.sum.clear();
        }
        let piece = &text[job.read..text.len().min(job.read + SHARED_STEP_TOKENS)];
        self.batch.clear();
        for (position, token) in (0..).zip(piece) {
            let position = i32::try_from(job.read).unwrap_or(i32::MAX) + position;
            self.batch.add(*token, position, &[0], true).map_err(|error| failed(&error))?;
        }
        self.context.decode(&mut self.batch).map_err(|error| failed(&error))?;
        for place in (0..).take(piece.len()) {
            let vector = self.context.embeddings_ith(place).map_err(|error| failed(&error))?;
            job.sum.resize(vector.len(), 0.0);
            job.sum.iter_mut().zip(vector).for_each(|(sum, part)| *sum += f64::from(*part));
        }
        job.read += piece.len();
        if job.read == text.len() {
            job.vectors.push(of_length_one(&job.sum)?);
            (job.read, self.reads) = (0, None);
        }
        Ok(())
    }
}

fn of_length_one(vector: &[f64]) -> Result<Vec<f32>, Failure> {
    let length = vector.iter().map(|part| part.powi(2)).sum::<f64>().sqrt();
    if !length.is_normal() {
        return Err(failed(&"the model's hidden layer has no length"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "parts of a vector of length one fit into f32")]
    Ok(vector.iter().map(|part| (part / length) as f32).collect())
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ModelFailed, "the text could not be embedded").because(error)
}
