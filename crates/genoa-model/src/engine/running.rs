//! The engine's step: one batch for all calls that run.

use std::num::NonZeroU32;

use genoa_abi::limits::INFER_QUEUE;
use genoa_abi::model::{InferReply, InferRequest, TokenNews, WorkerStatus};
use genoa_abi::{CallId, ErrorCode, Failure};
use llama_cpp_2::DecodeError;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_batch::LlamaBatch;

use super::admission::{Sequences, number};
use super::embed::Embedder;
use super::generation::Generation;
use super::grammars::Grammars;
use super::loaded::{LoadedModel, backend};
use super::prefix_files::PrefixFiles;
use super::prompt;
use super::slots::Slots;
use crate::limits::{SHARED_STEP_TOKENS, SLOTS, STEP_TOKENS, STOP_BYTES, STOPS};

/// What came out of a step.
#[derive(Debug)]
pub enum Progress {
    /// Text of a call that goes on.
    News(TokenNews),
    /// A call ended.
    Done(CallId, Result<InferReply, Failure>),
}

/// What a step does for one call.
struct Part {
    /// The call's index.
    call: usize,
    /// Tokens to evaluate, from what is evaluated already.
    from: usize,
    to: usize,
    /// Where the scores of the last token are; `None` while the prompt goes on.
    scores: Option<i32>,
}

/// A model that works on several calls at once.
pub struct Engine<'m> {
    loaded: &'m LoadedModel,
    sequences: Sequences<'m>,
    batch: LlamaBatch<'static>,
    grammars: Grammars,
    embedder: Option<Embedder<'m>>,
    calls: Vec<Generation>,
    arrivals: u64,
}

impl std::fmt::Debug for Engine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("loaded", self.loaded).field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

impl<'m> Engine<'m> {
    /// Makes the context: room for two calls of full length, so that what others left stays warm.
    ///
    /// # Errors
    /// [`ErrorCode::ModelFailed`] where memory is short.
    pub fn new(loaded: &'m LoadedModel) -> Result<Self, Failure> {
        let parallel = usize::try_from(loaded.options.parallel).unwrap_or(1).clamp(1, SLOTS);
        let pool = loaded.context_tokens.saturating_mul(2);
        let threads = i32::try_from(loaded.threads).unwrap_or(1);
        let step = u32::try_from(STEP_TOKENS).unwrap_or(u32::MAX);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(pool))
            .with_n_batch(step)
            .with_n_ubatch(step)
            .with_n_seq_max(u32::try_from(SLOTS).unwrap_or(u32::MAX))
            .with_kv_unified(true)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = loaded.model.new_context(backend()?, parameters).map_err(|error| {
            Failure::new(ErrorCode::ModelFailed, format!("{} has no room to work in", loaded.name()))
                .because(error)
                .try_next("Close other programs, or choose a smaller model with `genoa model use`")
        })?;
        let slots = Slots::new(SLOTS, usize::try_from(pool).unwrap_or(usize::MAX));
        let files = PrefixFiles::new(&loaded.options);
        Ok(Self {
            loaded,
            sequences: Sequences { context, slots, files, parallel },
            batch: LlamaBatch::new(STEP_TOKENS, 1),
            grammars: Grammars::new(&loaded.vocabulary)?,
            embedder: None,
            calls: Vec::new(),
            arrivals: 0,
        })
    }

    /// Takes a call in; the steps that follow work on it.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for a prompt longer than the context window or a full queue, [`ErrorCode::InvalidInput`]
    /// for a grammar that cannot be used or a call that is there already.
    pub fn submit(&mut self, call: CallId, request: &InferRequest) -> Result<(), Failure> {
        if self.calls.len() >= INFER_QUEUE {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{INFER_QUEUE} model calls wait already")));
        }
        if self.calls.iter().any(|known| known.call == call) {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("the model call {call} runs already")));
        }
        check_stops(&request.stop)?;
        let prompt = prompt::build(self.loaded, request)?;
        let window = usize::try_from(self.loaded.context_tokens).unwrap_or(usize::MAX);
        if prompt.tokens.len() >= window {
            let what = format!(
                "the prompt has {} tokens, and {} has a window of {window} for prompt and answer",
                prompt.tokens.len(),
                self.loaded.name()
            );
            return Err(Failure::new(ErrorCode::TooLarge, what).try_next("Ask about less, or in parts"));
        }
        let matcher = request.grammar.as_ref().map(|grammar| self.grammars.matcher(grammar)).transpose()?;
        self.arrivals += 1;
        let mut generation = Generation::new((call, self.arrivals), request, prompt, window, matcher);
        if generation.finish.is_none() {
            generation.write_forced(self.loaded.vocabulary.tok_trie());
        }
        self.calls.push(generation);
        Ok(())
    }

    /// Ends a call with what is there; `None` if it is not known (any more).
    pub fn cancel(&mut self, call: CallId) -> Option<Result<InferReply, Failure>> {
        let index = self.calls.iter().position(|known| known.call == call)?;
        Some(self.finish(index))
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// What the engine says of itself.
    #[must_use]
    pub fn status(&self) -> WorkerStatus {
        WorkerStatus {
            model: self.loaded.name().to_owned(),
            context_tokens: self.loaded.context_tokens,
            threads: self.loaded.threads,
            load_ms: self.loaded.load_ms(),
        }
    }

    /// Turns texts into vectors of length one.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for a text over the limit, [`ErrorCode::ModelFailed`] where the engine fails.
    pub fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let embedder = match self.embedder.take() {
            Some(embedder) => embedder,
            None => Embedder::new(self.loaded)?,
        };
        self.embedder.insert(embedder).embed(texts)
    }

    /// Works on all calls of the highest class: evaluates one batch and writes at least a token for each that is ready.
    pub fn step(&mut self) -> Vec<Progress> {
        self.sequences.admit(&mut self.calls);
        let parts = self.fill_batch();
        match if parts.is_empty() { Ok(()) } else { self.evaluate() } {
            Ok(()) => parts.iter().for_each(|part| self.take_result(part)),
            Err(failure) => self.give_up(&parts, &failure),
        }
        let mut progress: Vec<Progress> =
            self.calls.iter_mut().filter_map(Generation::news).map(Progress::News).collect();
        while let Some(index) = self.calls.iter().position(Generation::is_over) {
            progress.push(Progress::Done(self.calls[index].call, self.finish(index)));
        }
        progress
    }

    fn finish(&mut self, index: usize) -> Result<InferReply, Failure> {
        let mut call = self.calls.remove(index);
        self.sequences.release(&mut call);
        call.into_outcome(self.loaded.name())
    }

    /// Calls that write come first; the rest of the batch goes to the prompt that is being read.
    fn fill_batch(&mut self) -> Vec<Part> {
        self.batch.clear();
        let mut order: Vec<usize> = (0..self.calls.len()).filter(|index| self.calls[*index].slot.is_some()).collect();
        order.sort_by_key(|index| (self.calls[*index].reads(), self.calls[*index].arrival));
        let shared = order.iter().any(|index| !self.calls[*index].reads());
        let mut room = if shared { SHARED_STEP_TOKENS } else { STEP_TOKENS };
        let mut parts = Vec::new();
        for index in order {
            if let Some(part) = self.add_part(index, room) {
                room -= part.to - part.from;
                parts.push(part);
            }
        }
        parts
    }

    fn add_part(&mut self, index: usize, room: usize) -> Option<Part> {
        let call = &self.calls[index];
        let slot = call.slot.filter(|_| !call.is_over())?;
        let from = self.sequences.slots.tokens(slot).len();
        let mut to = call.tokens.len().min(from + room);
        let stops_for_file = |files: &PrefixFiles| files.wants(&call.tokens[..call.stable]);
        if from < call.stable && call.stable < to && self.sequences.files.as_ref().is_some_and(stops_for_file) {
            to = call.stable;
        }
        let whole = to == call.tokens.len();
        let mut scores = None;
        for position in from..to {
            let last = whole && position + 1 == to;
            if last {
                scores = Some(self.batch.n_tokens());
            }
            // The batch has room for a whole step, so this can't fail.
            let place = i32::try_from(position).unwrap_or(i32::MAX);
            self.batch.add(call.tokens[position], place, &[number(slot)], last).ok()?;
        }
        (from < to).then_some(Part { call: index, from, to, scores })
    }

    fn evaluate(&mut self) -> Result<(), Failure> {
        let mut outcome = self.sequences.context.decode(&mut self.batch);
        if outcome == Err(DecodeError::NoKvCacheSlot) && self.sequences.forget_idle() {
            outcome = self.sequences.context.decode(&mut self.batch);
        }
        outcome.map_err(|error| Failure::new(ErrorCode::ModelFailed, "the model could not go on").because(error))
    }

    /// After a failed batch nobody knows what the sequences hold.
    fn give_up(&mut self, parts: &[Part], failure: &Failure) {
        for part in parts {
            let call = &mut self.calls[part.call];
            call.failure = Some(failure.clone());
            if let Some(slot) = call.slot {
                self.sequences.forget(slot);
            }
        }
    }

    fn take_result(&mut self, part: &Part) {
        let call = &mut self.calls[part.call];
        let Some(slot) = call.slot else { return };
        let sequences = &mut self.sequences;
        sequences.slots.extend(slot, &call.tokens[part.from..part.to]);
        let prefix = &call.tokens[..part.to];
        if part.to == call.stable && sequences.files.as_ref().is_some_and(|files| files.wants(prefix)) {
            let Sequences { files: Some(files), context, .. } = sequences else { return };
            files.save(context, number(slot), prefix);
        }
        let Some(row) = part.scores else { return };
        let trie = self.loaded.vocabulary.tok_trie();
        call.failure = call.advance(sequences.context.get_logits_ith(row), trie).err();
    }
}

fn check_stops(stops: &[String]) -> Result<(), Failure> {
    if stops.len() > STOPS || stops.iter().any(|stop| stop.len() > STOP_BYTES) {
        let what = format!("a call takes at most {STOPS} stop texts of {STOP_BYTES} bytes");
        return Err(Failure::new(ErrorCode::TooLarge, what));
    }
    Ok(())
}
