//! The engine's step: one batch for all calls that run.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use genoa_abi::limits::INFER_QUEUE;
use genoa_abi::model::{
    CallState, CallWork, EngineWork, InferClass, InferReply, InferRequest, InferUsage, TokenNews, WorkerStatus,
};
use genoa_abi::{CallId, ErrorCode, Failure};
use genoa_sys::interrupt::ENDED;
use llama_cpp_2::DecodeError;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;

use super::admission::{Sequences, number};
use super::embed::{Embedder, Embedding};
use super::generation::Generation;
use super::grammars::{Compiled, Grammars};
use super::interrupt::HeldUp;
use super::loaded::LoadedModel;
use super::prompt::{self, Prompt};
use super::slots::Slots;
use super::state_files::{StateFiles, Use, remove_all};
use super::threads::{Advice, Threads, process_time, spin};
use super::thresholds::Thresholds;
use super::written::WrittenFiles;

use crate::limits::{LOOKUP_CALLS, SHARED_STEP_TOKENS, STEP_TOKENS, STOP_BYTES, STOPS};
use crate::store::{hash_file, storage};

/// How long a call waits for its grammar where others could go on: most are compiled by then, and begin at once.
const GRAMMAR_WAIT: Duration = Duration::from_millis(10);

/// What came out of a step.
#[derive(Debug)]
pub enum Progress {
    /// Text of a call that goes on.
    News(TokenNews),
    /// A call ended.
    Done(CallId, Result<InferReply, Failure>),
    /// The texts of a call are vectors of length one.
    Embedded(CallId, Result<Vec<Vec<f32>>, Failure>),
}

/// A call whose grammar is not compiled yet.
struct Arriving {
    call: CallId,
    arrival: u64,
    request: InferRequest,
    prompt: Prompt,
    grammar: Compiled,
    is_paused: bool,
}

/// What a step does for one call.
struct Part {
    /// The call's index.
    call: usize,
    /// Tokens to evaluate, from what is evaluated already.
    from: usize,
    to: usize,
    /// Where the scores of the last token are, and after them those of the guess; `None` while the prompt goes on.
    scores: Option<i32>,
    /// Tokens that may follow.
    guess: Vec<LlamaToken>,
}

/// How a batch went.
enum Evaluated {
    Whole,
    /// It was ended before its time, and nothing came of it.
    Ended,
}

/// A model that works on several calls at once.
pub struct Engine<'m> {
    loaded: &'m LoadedModel,
    threads: Threads,
    /// What is to be done about them.
    advice: Advice,
    held_up: HeldUp,
    sequences: Sequences<'m>,
    batch: LlamaBatch<'static>,
    grammars: Grammars,
    embedder: Option<Embedder<'m>>,
    embeddings: Vec<Embedding>,
    arriving: Vec<Arriving>,
    calls: Vec<Generation>,
    /// Where calls take down what they write; nowhere where nothing is kept on disk.
    written: Option<WrittenFiles>,
    arrivals: u64,
    pauses: u64,
    /// What the calls that are over used, and how long their grammars took.
    done: InferUsage,
    grammar_time: Duration,
}

impl std::fmt::Debug for Engine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("loaded", self.loaded).field("calls", &self.calls.len()).finish_non_exhaustive()
    }
}

impl<'m> Engine<'m> {
    /// Makes the context.
    ///
    /// # Errors
    /// [`ErrorCode::ModelFailed`] where memory is short, [`ErrorCode::StorageFailed`] where nothing is to be on disk and what is there
    /// cannot be removed.
    pub fn new(loaded: &'m LoadedModel) -> Result<Self, Failure> {
        let (count, pool) = loaded.room();
        let parallel = usize::try_from(loaded.options.parallel).unwrap_or(1).clamp(1, count);
        let threads = Threads::new(loaded.threads, loaded.fits_threads());
        let context = loaded.context(threads.now())?;
        let slots = Slots::new(count, usize::try_from(pool).unwrap_or(usize::MAX), loaded.grain());
        if let Some(folder) = loaded.options.prefix_dir.as_deref().filter(|_| loaded.options.off_disk) {
            remove_all(folder).map_err(|error| storage("cannot remove what the model kept in", folder, &error))?;
        }
        let files = StateFiles::new(loaded);
        Ok(Self {
            loaded,
            threads,
            advice: Advice::Stay,
            held_up: HeldUp::new(STEP_TOKENS),
            sequences: Sequences {
                context,
                slots,
                files,
                most_held_bytes: loaded.options.held_bytes,
                parallel,
                grain: loaded.grain(),
            },
            batch: LlamaBatch::new(STEP_TOKENS, 1),
            grammars: Grammars::new(&loaded.vocabulary)?,
            embedder: None,
            embeddings: Vec::new(),
            arriving: Vec::new(),
            calls: Vec::new(),
            written: WrittenFiles::new(&loaded.options),
            arrivals: 0,
            pauses: 0,
            done: InferUsage::default(),
            grammar_time: Duration::ZERO,
        })
    }

    /// Takes a call in; the steps that follow work on it.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for a prompt longer than the context window or a full queue, [`ErrorCode::InvalidInput`]
    /// for a call that is there already. A grammar that cannot be used is told here or in a step, when that is known.
    pub fn submit(&mut self, call: CallId, request: &InferRequest) -> Result<(), Failure> {
        if self.calls.len() + self.arriving.len() >= INFER_QUEUE {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{INFER_QUEUE} model calls wait already")));
        }
        let known = self.calls.iter().map(|known| known.call);
        if known.chain(self.arriving.iter().map(|known| known.call)).any(|known| known == call) {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("the model call {call} runs already")));
        }
        check_stops(&request.stop)?;
        let mut prompt = prompt::build(self.loaded, request)?;
        prompt.stable -= prompt.stable % self.loaded.grain();
        let window = self.window();
        if prompt.tokens.len() >= window {
            let what = format!(
                "the prompt has {} tokens, and {} has a window of {window} for prompt and answer",
                prompt.tokens.len(),
                self.loaded.name()
            );
            return Err(Failure::new(ErrorCode::TooLarge, what).try_next("Ask about less, or in parts"));
        }
        let grammar = request.grammar.as_ref().map(|grammar| self.grammars.compiled(grammar)).transpose()?;
        self.arrivals += 1;
        let arrival = self.arrivals;
        match grammar.as_ref().map(|grammar| grammar.within(GRAMMAR_WAIT)) {
            None => self.begin((call, arrival), request, prompt, None),
            Some(Some(matcher)) => self.begin((call, arrival), request, prompt, Some(matcher?)),
            Some(None) => {
                let (request, grammar) = (request.clone(), grammar.unwrap_or_default());
                self.arriving.push(Arriving { call, arrival, request, prompt, grammar, is_paused: false });
            }
        }
        Ok(())
    }

    fn window(&self) -> usize {
        usize::try_from(self.loaded.context_tokens).unwrap_or(usize::MAX)
    }

    fn begin(
        &mut self,
        (call, arrival): (CallId, u64),
        request: &InferRequest,
        prompt: Prompt,
        matcher: Option<Matcher>,
    ) {
        let trie = self.loaded.vocabulary.tok_trie();
        let thresholds = Thresholds::new(&request.thresholds, trie);
        let mut generation = Generation::new((call, arrival), request, prompt, self.window(), (matcher, thresholds));
        // How likely its tokens were is not written down: who asks for that begins anew.
        let written = self.written.as_ref().filter(|_| !request.off_disk && request.likeliest.is_none());
        if let Some(before) = written.and_then(|files| files.open(call, request)) {
            generation.go_on_from(before, trie);
        }
        if generation.finish.is_none() {
            generation.write_forced(trie);
        }
        self.calls.push(generation);
    }

    /// Begins the calls whose grammar is compiled by now. Where nothing else is to be done, it waits a little for the first of them:
    /// they are compiled in the order in which they came.
    fn take_arrived(&mut self) -> Vec<Progress> {
        let is_waited_for = self.rests() && self.arriving.iter().any(|arriving| !arriving.is_paused);
        let mut time = if is_waited_for { GRAMMAR_WAIT } else { Duration::ZERO };
        let mut failed = Vec::new();
        for arriving in std::mem::take(&mut self.arriving) {
            let Some(outcome) = arriving.grammar.within(std::mem::take(&mut time)) else {
                self.arriving.push(arriving);
                continue;
            };
            let Arriving { call, arrival, request, prompt, is_paused, .. } = arriving;
            match outcome {
                Ok(matcher) => self.begin((call, arrival), &request, prompt, Some(matcher)),
                Err(failure) => failed.push(Progress::Done(call, Err(failure))),
            }
            if is_paused {
                self.pause(call);
            }
        }
        failed
    }

    /// Takes texts in that shall become vectors; the steps that follow work on them.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for a text over the limit or a full queue, [`ErrorCode::InvalidInput`] for an empty one.
    pub fn embed(&mut self, call: CallId, texts: &[String]) -> Result<(), Failure> {
        if self.embeddings.len() >= INFER_QUEUE {
            return Err(Failure::new(ErrorCode::TooLarge, format!("{INFER_QUEUE} calls for vectors wait already")));
        }
        self.embeddings.push(Embedding::new(call, texts, self.loaded)?);
        Ok(())
    }

    /// Ends a call for vectors, of which there are none then; says whether it was there.
    pub fn cancel_embedding(&mut self, call: CallId) -> bool {
        let before = self.embeddings.len();
        self.embeddings.retain(|job| job.call != call);
        self.embeddings.len() < before
    }

    /// Ends a call with what is there; `None` if it is not known (any more).
    pub fn cancel(&mut self, call: CallId) -> Option<Result<InferReply, Failure>> {
        if let Some(place) = self.arriving.iter().position(|known| known.call == call) {
            self.arriving.remove(place);
            return Some(Err(Failure::new(ErrorCode::Interrupted, "the call was given up before it began")));
        }
        let index = self.calls.iter().position(|known| known.call == call)?;
        Some(self.finish(index))
    }

    /// Lets a call stand still after the step that runs, with all that it has.
    pub fn pause(&mut self, call: CallId) {
        self.pauses += 1;
        let pauses = self.pauses;
        if let Some(call) = self.calls.iter_mut().find(|known| known.call == call && !known.is_paused) {
            (call.is_paused, call.paused_at) = (true, pauses);
        }
        self.embeddings.iter_mut().filter(|job| job.call == call).for_each(|job| job.is_paused = true);
        self.arriving.iter_mut().filter(|known| known.call == call).for_each(|known| known.is_paused = true);
    }

    /// Lets a call go on where it stood still.
    pub fn resume(&mut self, call: CallId) {
        if let Some(call) = self.calls.iter_mut().find(|known| known.call == call) {
            call.is_paused = false;
        }
        self.embeddings.iter_mut().filter(|job| job.call == call).for_each(|job| job.is_paused = false);
        self.arriving.iter_mut().filter(|known| known.call == call).for_each(|known| known.is_paused = false);
    }

    /// Gives their sequences to the calls that shall run, as each step does first, and evaluates nothing.
    pub fn make_ready(&mut self) {
        self.sequences.admit(&mut self.calls);
    }

    /// The SHA-256 of exactly what the engine holds of a call, which is written to `scratch` for it; `None` while it holds
    /// nothing in memory.
    #[must_use]
    pub fn fingerprint(&mut self, call: CallId, scratch: &Path) -> Option<String> {
        let call = self.calls.iter().find(|known| known.call == call)?;
        let slot = call.slot.or(call.parked)?;
        let Sequences { context, slots, .. } = &mut self.sequences;
        // A state names its sequence in each cell: always the same one, so that equal states are equal.
        let spare = number(slots.count());
        context.kv_cache_seq_cp(number(slot), spare, None, None).ok()?;
        let written = context.state_seq_save_file(scratch, spare, slots.tokens(slot));
        context.kv_cache_seq_rm(spare, None, None).ok()?;
        written.ok()?;
        hash_file(scratch).ok()
    }

    /// Whether there is nothing to do: no call is there, or all that are stand still.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rests() && self.arriving.iter().all(|arriving| arriving.is_paused)
    }

    /// Whether the model has nothing to do.
    fn rests(&self) -> bool {
        self.calls.iter().all(|call| call.is_paused && !call.is_over())
            && self.embeddings.iter().all(|job| job.is_paused)
    }

    /// What the engine says of itself.
    #[must_use]
    pub fn status(&self) -> WorkerStatus {
        WorkerStatus {
            model: self.loaded.name().to_owned(),
            context_tokens: self.loaded.context_tokens,
            load_ms: self.loaded.load_ms(),
            work: self.work(),
        }
    }

    /// What it works on, and what it did so far.
    #[must_use]
    pub fn work(&self) -> EngineWork {
        let arriving = |known: &Arriving| CallWork {
            call: known.call,
            class: known.request.class,
            state: CallState::Waiting,
            usage: InferUsage::default(),
        };
        let calls = self.calls.iter().map(Generation::work).chain(self.arriving.iter().map(arriving));
        let calls: Vec<CallWork> = calls.collect();
        let used = calls.iter().fold(self.done, |all, call| all.plus(&call.usage));
        let files = self.sequences.files.as_ref();
        EngineWork {
            threads: self.threads.now(),
            calls,
            used,
            room_tokens: self.sequences.slots.pool(),
            taken_tokens: self.sequences.slots.taken(),
            state_bytes: files.map_or(0, StateFiles::bytes),
            state_hits: files.map_or(0, |files| files.hits),
            state_misses: files.map_or(0, |files| files.misses),
        }
    }

    /// Time that grammars took of the calls that are over, in which the model stood still.
    #[must_use]
    pub fn grammar_time(&self) -> Duration {
        self.grammar_time
    }

    /// Works on all calls that do not stand still: evaluates one batch, writes at least a token for each that is ready, and reads a
    /// piece of what shall become a vector.
    pub fn step(&mut self) -> Vec<Progress> {
        let mut progress = self.take_arrived();
        let begun = process_time();
        self.sequences.admit(&mut self.calls);
        let parts = self.fill_batch();
        match self.evaluate(&parts) {
            Ok(Evaluated::Whole) => parts.iter().for_each(|part| self.take_result(part)),
            Ok(Evaluated::Ended) => parts.iter().for_each(|part| self.take_back(part)),
            Err(failure) => self.give_up(&parts, &failure),
        }
        if let Advice::Change(count) = self.advice {
            self.use_threads(count);
        }
        self.charge(&parts, process_time().saturating_sub(begun));
        self.calls.iter_mut().for_each(Generation::save_written);
        progress.extend(self.calls.iter_mut().filter_map(Generation::news).map(Progress::News));
        while let Some(index) = self.calls.iter().position(Generation::is_over) {
            progress.push(Progress::Done(self.calls[index].call, self.finish(index)));
        }
        progress.extend(self.embed_piece());
        progress
    }

    /// The calls for vectors come one after the other.
    fn embed_piece(&mut self) -> Option<Progress> {
        let index = self.embeddings.iter().position(|job| !job.is_paused)?;
        let read = self.embedder().and_then(|mut embedder| {
            let read = embedder.read_piece(&mut self.embeddings[index]);
            self.embedder = Some(embedder);
            read
        });
        if read.is_ok() && !self.embeddings[index].is_over() {
            return None;
        }
        let job = self.embeddings.remove(index);
        Some(Progress::Embedded(job.call, read.map(|()| job.into_vectors())))
    }

    fn embedder(&mut self) -> Result<Embedder<'m>, Failure> {
        match self.embedder.take() {
            Some(embedder) => Ok(embedder),
            None => Embedder::new(self.loaded, self.threads.now()),
        }
    }

    fn finish(&mut self, index: usize) -> Result<InferReply, Failure> {
        let mut call = self.calls.remove(index);
        self.sequences.leave(&mut call);
        let used = call.work().usage;
        self.grammar_time += call.grammar_time;
        let outcome = call.into_outcome(self.loaded.name());
        self.done = self.done.plus(outcome.as_ref().map_or(&used, |reply| &reply.usage));
        outcome
    }

    /// Shares the processor time of a step out, by the tokens that each call had in it.
    fn charge(&mut self, parts: &[Part], spent: Duration) {
        let tokens = |part: &Part| u32::try_from(part.to - part.from).unwrap_or(u32::MAX);
        let all: u32 = parts.iter().map(tokens).sum();
        for part in parts {
            self.calls[part.call].charge(spent * tokens(part) / all.max(1));
        }
    }

    /// Calls that write come first; the rest of the batch goes to the prompt that is being read.
    fn fill_batch(&mut self) -> Vec<Part> {
        self.batch.clear();
        let mut order: Vec<usize> = (0..self.calls.len()).filter(|index| self.calls[*index].slot.is_some()).collect();
        order.sort_by_key(|index| (self.calls[*index].reads(), self.calls[*index].arrival));
        let is_fixed = self.loaded.options.deterministic;
        let shared = !is_fixed && order.iter().any(|index| !self.calls[*index].reads());
        let mut room = if shared { SHARED_STEP_TOKENS } else { STEP_TOKENS };
        if !is_fixed && self.can_wait(order.iter().copied()) {
            room = room.min(self.held_up.tokens);
        }
        let guesses = self.loaded.options.lookup && !is_fixed && order.len() <= LOOKUP_CALLS;
        let mut parts = Vec::new();
        for index in order {
            let Some(mut part) = self.add_part(index, room) else { continue };
            room -= part.to - part.from;
            if guesses {
                self.add_guess(&mut part, room);
                room -= part.guess.len();
            }
            parts.push(part);
        }
        parts
    }

    /// Adds what the call may write next, to be checked in the same step.
    fn add_guess(&mut self, part: &mut Part, room: usize) {
        let call = &mut self.calls[part.call];
        let (Some(slot), Some(_)) = (call.slot, part.scores) else { return };
        let mut guess = call.guess();
        guess.truncate(room);
        for (place, token) in (part.to..).zip(&guess) {
            let place = i32::try_from(place).unwrap_or(i32::MAX);
            if self.batch.add(*token, place, &[number(slot)], true).is_err() {
                // The batch has room for a whole step, so this can't fail.
                return;
            }
        }
        part.guess = guess;
    }

    fn add_part(&mut self, index: usize, room: usize) -> Option<Part> {
        let call = &self.calls[index];
        let slot = call.slot.filter(|_| !call.is_over())?;
        let from = self.sequences.slots.tokens(slot).len();
        let end = if self.loaded.options.deterministic { call.piece_end(from) } else { call.tokens.len() };
        let mut to = end.min(from + room);
        let stops_for_file = |files: &StateFiles| !call.is_kept_off_disk && files.wants(&call.tokens[..call.stable]);
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
        (from < to).then_some(Part { call: index, from, to, scores, guess: Vec::new() })
    }

    /// Evaluates the batch. Where nobody waits for it who may not wait, it can be ended.
    fn evaluate(&mut self, parts: &[Part]) -> Result<Evaluated, Failure> {
        if parts.is_empty() {
            return Ok(Evaluated::Whole);
        }
        let (begun, before) = (Instant::now(), process_time());
        let can_wait = self.can_wait(parts.iter().map(|part| part.call));
        // What was computed in other pieces would not be the same.
        let can_end = can_wait && !self.loaded.options.deterministic && self.held_up.may_end(begun);
        let tries = self.advice == Advice::Try;
        self.loaded.interrupt.begin(can_end);
        let (outcome, spun) = if tries { self.decode_beside_a_spinner() } else { (self.decode(), None) };
        self.loaded.interrupt.end();
        self.advice = match spun {
            // How the others fared beside it says nothing.
            Some(part) => self.threads.after_try(part),
            None => self.threads.after_step(begun.elapsed(), process_time().saturating_sub(before)),
        };
        match outcome {
            Err(DecodeError::Unknown(ENDED)) => {
                self.held_up.ended(parts.iter().map(|part| part.to - part.from).sum(), begun);
                Ok(Evaluated::Ended)
            }
            Err(error) => Err(Failure::new(ErrorCode::ModelFailed, "the model could not go on").because(error)),
            Ok(()) => {
                if can_wait {
                    self.held_up.finished();
                }
                Ok(Evaluated::Whole)
            }
        }
    }

    /// Whether no person waits for any of these calls.
    fn can_wait(&self, mut calls: impl Iterator<Item = usize>) -> bool {
        calls.all(|index| self.calls[index].class != InferClass::Interactive)
    }

    /// What a step that was ended began is computed anew later.
    fn take_back(&mut self, part: &Part) {
        if let Some(slot) = self.calls[part.call].slot {
            self.sequences.cut(slot, part.from);
        }
    }

    fn decode(&mut self) -> Result<(), DecodeError> {
        let outcome = self.sequences.context.decode(&mut self.batch);
        if outcome == Err(DecodeError::NoKvCacheSlot) && self.sequences.forget_idle() {
            return self.sequences.context.decode(&mut self.batch);
        }
        outcome
    }

    /// Has one more thread spin meanwhile; says for what part of the time it had a processor.
    fn decode_beside_a_spinner(&mut self) -> (Result<(), DecodeError>, Option<f64>) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let spinner = scope.spawn(|| spin(|| is_over.load(Ordering::Relaxed)));
            let outcome = self.decode();
            is_over.store(true, Ordering::Relaxed);
            (outcome, spinner.join().ok())
        })
    }

    /// Goes on with so many threads. That takes another context, which gets a copy of what is known: by calls, and of what others left.
    /// Where there is no room for the other context, all stays as it is.
    pub fn use_threads(&mut self, count: u32) {
        self.advice = Advice::Stay;
        let Ok(context) = self.loaded.context(count) else { return };
        self.sequences.move_to(context);
        self.embedder = None;
        self.threads.set(count);
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
        if part.to == call.stable
            && !call.is_kept_off_disk
            && let Sequences { files: Some(files), context, .. } = sequences
            && files.wants(prefix)
        {
            files.save(context, number(slot), prefix, Use::All);
        }
        if let Some(row) = part.scores {
            self.write(part, slot, row);
        }
    }

    /// Writes the next token, and goes on for as long as what was guessed is what was written.
    fn write(&mut self, part: &Part, slot: usize, row: i32) {
        let call = &mut self.calls[part.call];
        let trie = self.loaded.vocabulary.tok_trie();
        let mut right = 0;
        loop {
            // As many rows further as tokens were written.
            let row = row + i32::try_from(call.tokens.len() - part.to).unwrap_or(i32::MAX);
            call.failure = call.advance(self.sequences.context.get_logits_ith(row), trie).err();
            let written = &call.tokens[part.to..];
            right = written.iter().zip(&part.guess).take_while(|(a, b)| a == b).count().max(right);
            if call.is_over() || right < written.len() {
                break;
            }
        }
        if part.guess.is_empty() {
            return;
        }
        call.lookup.learn(part.guess.len(), right);
        call.usage.copied_tokens += u32::try_from(right).unwrap_or(u32::MAX);
        self.sequences.keep_guessed(slot, &part.guess, right);
    }
}

fn check_stops(stops: &[String]) -> Result<(), Failure> {
    if stops.len() > STOPS || stops.iter().any(|stop| stop.len() > STOP_BYTES) {
        let what = format!("a call takes at most {STOPS} stop texts of {STOP_BYTES} bytes");
        return Err(Failure::new(ErrorCode::TooLarge, what));
    }
    Ok(())
}
