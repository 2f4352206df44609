//! One call while it waits and writes.

use std::time::{Duration, Instant};

use genoa_abi::model::{
    Alternative, CallState, CallWork, Finish, InferClass, InferReply, InferRequest, InferUsage, TokenNews, WrittenToken,
};
use genoa_abi::{CallId, ErrorCode, Failure};
use llama_cpp_2::context::session::SeqState;
use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;
use toktrie::{SimpleVob, TokTrie, TokenId};

use super::chances::Chances;
use super::lookup::Lookup;
use super::prompt::Prompt;
use super::sampler::{Sampler, chances};
use super::thresholds::Thresholds;
use super::written::{Written, WrittenFile};
use crate::durations::ms;
use crate::limits::{FIXED_PIECE_TOKENS, TOKEN_NEWS_MS};
use crate::text::TextStream;

/// A chance in millionths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a chance is from 0 to 1")]
fn ppm(chance: f64) -> u32 {
    (chance * 1_000_000.0).round() as u32
}

/// A grammar that cannot be gone on in.
fn dead_end(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::InvalidInput, "the grammar led the model to a dead end").because(why)
}

/// Where the state of a call is that had to make room.
#[derive(Debug, Default)]
pub(super) enum Away {
    /// Nowhere, or the call has a sequence.
    #[default]
    Nowhere,
    /// In memory, outside the sequences: that of so many of its tokens.
    Held(usize, SeqState),
    /// On disk: that of so many of its tokens.
    OnDisk(usize),
}

impl Away {
    /// What it takes in memory.
    pub(super) fn held_bytes(&self) -> usize {
        if let Self::Held(_, state) = self { state.byte_len() } else { 0 }
    }
}

pub(super) struct Generation {
    pub(super) call: CallId,
    pub(super) class: InferClass,
    pub(super) arrival: u64,
    /// The prompt and what was written.
    pub(super) tokens: Vec<LlamaToken>,
    /// How many tokens belong to the system's messages.
    pub(super) stable: usize,
    /// How many tokens there were each time before one was chosen: what was evaluated up to then.
    chosen_at: Vec<usize>,
    /// Where it runs; `None` while it waits or stands still.
    pub(super) slot: Option<usize>,
    /// Whether it is to stand still.
    pub(super) is_paused: bool,
    /// Which of the pauses of this engine it was.
    pub(super) paused_at: u64,
    /// Where its state is while it stands still.
    pub(super) parked: Option<usize>,
    /// Where its state is since it had to make room.
    pub(super) away: Away,
    /// Whether nothing of it may be written to disk.
    pub(super) is_kept_off_disk: bool,
    pub(super) finish: Option<Finish>,
    /// Why it cannot go on.
    pub(super) failure: Option<Failure>,
    pub(super) usage: InferUsage,
    max_tokens: u32,
    /// How many of the likeliest first tokens are wanted, and what they were.
    alternatives_wanted: usize,
    alternatives: Vec<Alternative>,
    thresholds: Thresholds,
    chances: Chances,
    context_tokens: usize,
    sampler: Sampler,
    pub(super) lookup: Lookup,
    matcher: Option<Matcher>,
    text: TextStream,
    started: Option<Instant>,
    first_token: Option<Instant>,
    told: Option<Instant>,
    /// How many bytes of the answer were told.
    told_bytes: usize,
    /// Processor time spent on it.
    cpu: Duration,
    /// Time that went by while its grammar was asked what may follow, and told what did.
    pub(super) grammar_time: Duration,
    /// Where what it writes is taken down, and what is not there yet.
    file: Option<WrittenFile>,
    unsaved: Vec<Written>,
}

impl Generation {
    pub(super) fn new(
        (call, arrival): (CallId, u64),
        request: &InferRequest,
        prompt: Prompt,
        context_tokens: usize,
        (matcher, thresholds): (Option<Matcher>, Thresholds),
    ) -> Self {
        let prompt_tokens = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
        Self {
            call,
            class: request.class,
            arrival,
            tokens: prompt.tokens,
            stable: prompt.stable,
            chosen_at: Vec::new(),
            slot: None,
            is_paused: false,
            paused_at: 0,
            parked: None,
            away: Away::Nowhere,
            is_kept_off_disk: request.off_disk,
            finish: (request.max_tokens == 0).then_some(Finish::Length),
            failure: None,
            usage: InferUsage { prompt_tokens, ..InferUsage::default() },
            max_tokens: request.max_tokens,
            alternatives_wanted: request.alternatives,
            alternatives: Vec::new(),
            thresholds,
            chances: Chances::new(request.likeliest),
            context_tokens,
            sampler: Sampler::new(request.temperature, request.seed),
            lookup: Lookup::new(),
            matcher,
            text: TextStream::new(&request.stop),
            started: None,
            first_token: None,
            told: None,
            told_bytes: 0,
            cpu: Duration::ZERO,
            grammar_time: Duration::ZERO,
            file: None,
            unsaved: Vec::new(),
        }
    }

    /// Goes on with what an earlier worker wrote down of this call, as far as it makes sense, and takes down what follows.
    pub(super) fn go_on_from(&mut self, (file, written): (WrittenFile, Vec<Written>), trie: &TokTrie) {
        for Written { token, is_forced } in written {
            let is_known = usize::try_from(token).is_ok_and(|token| token < trie.vocab_size());
            let is_allowed = |matcher: &mut Matcher| matcher.consume_token(token).is_ok();
            if self.is_over() || !is_known || !self.matcher.as_mut().is_none_or(is_allowed) {
                break;
            }
            self.usage.forced_tokens += u32::from(is_forced);
            if !is_forced {
                // What was asked of the first token is not known any more.
                self.alternatives_wanted = 0;
                self.thresholds.chose(token);
                self.sampler.skip();
                self.chosen_at.push(self.tokens.len());
            }
            self.write(token, None, trie);
        }
        self.unsaved.clear();
        self.file = Some(file);
    }

    /// Takes down what was written since the last time.
    pub(super) fn save_written(&mut self) {
        let is_whole = self.unsaved.is_empty() || self.file.as_mut().is_none_or(|file| file.append(&self.unsaved));
        if !is_whole {
            // A gap would be read as another text: without its beginning the rest is worth nothing.
            self.remove_file();
        }
        self.unsaved.clear();
    }

    fn remove_file(&mut self) {
        if let Some(file) = self.file.take() {
            file.remove();
        }
    }

    /// Processor time was spent on it.
    pub(super) fn charge(&mut self, cpu: Duration) {
        self.cpu += cpu;
    }

    /// How far it is, for those who look on.
    pub(super) fn work(&self) -> CallWork {
        CallWork {
            call: self.call,
            class: self.class,
            state: match (self.slot, self.parked, &self.away) {
                (Some(_), ..) if self.reads() => CallState::Reading,
                (Some(_), ..) => CallState::Writing,
                (None, Some(_), _) | (None, None, Away::Held(..)) => CallState::Parked,
                (None, None, Away::OnDisk(_)) => CallState::Spilled,
                (None, None, Away::Nowhere) => CallState::Waiting,
            },
            usage: self.usage_now(),
        }
    }

    /// Cells that it may need in the end.
    pub(super) fn cells(&self) -> usize {
        let left = self.max_tokens.saturating_sub(self.usage.written_tokens);
        (self.tokens.len() + usize::try_from(left).unwrap_or(usize::MAX)).min(self.context_tokens)
    }

    /// Where its prompt ends, with what the grammar left no choice about after it.
    pub(super) fn prompt_end(&self) -> usize {
        self.chosen_at.first().copied().unwrap_or(self.tokens.len())
    }

    /// Where the piece ends that begins at `from`, whenever it is evaluated: at a multiple of some tokens in the prompt, afterwards
    /// where the next token was chosen.
    pub(super) fn piece_end(&self, from: usize) -> usize {
        let prompt_end = self.prompt_end();
        if from < prompt_end {
            return prompt_end.min(from - from % FIXED_PIECE_TOKENS + FIXED_PIECE_TOKENS);
        }
        let next = self.chosen_at.partition_point(|place| *place <= from);
        self.chosen_at.get(next).copied().unwrap_or(self.tokens.len())
    }

    /// What it may write next, guessed from what stands before, where it writes.
    pub(super) fn guess(&mut self) -> Vec<LlamaToken> {
        if self.reads() {
            return Vec::new();
        }
        // The token after the guess has to have room as well.
        let room = self.cells().saturating_sub(self.tokens.len() + 1);
        self.lookup.guess(&self.tokens, room).to_vec()
    }

    /// Whether there is nothing left to do for it.
    pub(super) fn is_over(&self) -> bool {
        self.finish.is_some() || self.failure.is_some()
    }

    /// Whether its prompt is still being read.
    pub(super) fn reads(&self) -> bool {
        self.first_token.is_none()
    }

    /// It got a slot that already holds `cached` of its tokens.
    pub(super) fn start(&mut self, cached: usize) {
        if self.started.is_none() {
            self.started = Some(Instant::now());
            self.usage.cached_tokens = u32::try_from(cached).unwrap_or(u32::MAX).min(self.usage.prompt_tokens);
        }
    }

    /// Writes what the grammar leaves no choice about.
    pub(super) fn write_forced(&mut self, trie: &TokTrie) {
        let Some(matcher) = &mut self.matcher else { return };
        let begun = Instant::now();
        let forced = matcher.consume_ff_tokens();
        self.grammar_time += begun.elapsed();
        let (stopped, error) = (matcher.is_stopped(), matcher.get_error());
        for token in forced {
            if self.finish.is_none() {
                self.unsaved.push(Written { token, is_forced: true });
                let measured = self.chances.of_forced(token, trie);
                self.write(token, measured, trie);
                self.usage.forced_tokens += 1;
            }
        }
        if let Some(error) = error {
            self.failure = Some(dead_end(&error));
        } else if stopped && self.finish.is_none() {
            self.finish = Some(Finish::Stop);
        }
    }

    /// Chooses the next token from the model's scores, and writes it with all that follows from it.
    pub(super) fn advance(&mut self, scores: &[f32], trie: &TokTrie) -> Result<(), Failure> {
        self.first_token.get_or_insert_with(Instant::now);
        let begun = Instant::now();
        let mask = match &mut self.matcher {
            Some(matcher) => Some(matcher.compute_mask().map_err(|error| dead_end(&error))?),
            None => None,
        };
        self.grammar_time += begun.elapsed();
        self.note_alternatives(scores, mask.as_ref(), trie);
        let decided = self.thresholds.decide(scores, mask.as_ref());
        let Some(chosen) = self.sampler.choose(scores, decided.as_ref().or(mask.as_ref())) else {
            return Err(dead_end(&"no token is allowed, or the model's scores are no numbers"));
        };
        let token = TokenId::try_from(chosen).unwrap_or(TokenId::MAX);
        self.thresholds.chose(token);
        if trie.eos_tokens().contains(&token) {
            self.finish = Some(Finish::Stop);
            return Ok(());
        }
        if let Some(matcher) = &mut self.matcher {
            matcher.consume_token(token).map_err(|error| dead_end(&error))?;
        }
        self.unsaved.push(Written { token, is_forced: false });
        self.chosen_at.push(self.tokens.len());
        let measured = self.chances.of_chosen(token, scores, mask.as_ref(), trie);
        self.write(token, measured, trie);
        if self.finish.is_none() {
            self.write_forced(trie);
        }
        Ok(())
    }

    /// Notes the likeliest tokens before the first is chosen, where they are wanted.
    fn note_alternatives(&mut self, scores: &[f32], mask: Option<&SimpleVob>, trie: &TokTrie) {
        for (index, chance) in chances(scores, mask, std::mem::take(&mut self.alternatives_wanted)) {
            let token = TokenId::try_from(index).unwrap_or(TokenId::MAX);
            self.alternatives.push(Alternative { text: trie.token_str(token), chance_ppm: ppm(chance) });
        }
    }

    fn write(&mut self, token: TokenId, measured: Option<WrittenToken>, trie: &TokTrie) {
        self.tokens.push(LlamaToken(token.cast_signed()));
        self.usage.written_tokens += 1;
        let is_control = trie.is_special_token(token);
        let is_stopped = !is_control && self.text.push(trie.token(token));
        if !is_control {
            self.chances.push(measured, self.text.length());
        }
        if is_stopped {
            self.finish = Some(Finish::Stop);
        } else if self.usage.written_tokens >= self.max_tokens || self.tokens.len() >= self.context_tokens {
            self.finish = Some(Finish::Length);
        }
    }

    /// What to tell those who watch, if there is something and the last time is long enough ago.
    pub(super) fn news(&mut self) -> Option<TokenNews> {
        let now = Instant::now();
        let wait = Duration::from_millis(TOKEN_NEWS_MS);
        if self.finish.is_some() {
            self.text.end();
        } else if self.told.is_some_and(|told| now.duration_since(told) < wait) {
            return None;
        }
        let text = self.text.news();
        if text.is_empty() {
            return None;
        }
        self.told = Some(now);
        let from = self.told_bytes;
        self.told_bytes += text.len();
        let tokens = self.chances.news(self.text.shown());
        Some(TokenNews { call: self.call, from, text, written_tokens: self.usage.written_tokens, tokens })
    }

    /// The answer, with what is there.
    pub(super) fn into_outcome(mut self, model: &str) -> Result<InferReply, Failure> {
        self.remove_file();
        let usage = self.usage_now();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let finish = self.finish.unwrap_or(Finish::Cancelled);
        let tokens = self.chances.into_tokens(self.text.length());
        Ok(InferReply {
            text: self.text.into_text(),
            finish,
            usage,
            model: model.to_owned(),
            alternatives: self.alternatives,
            tokens,
        })
    }

    fn usage_now(&self) -> InferUsage {
        let mut usage = InferUsage { cpu_ms: ms(self.cpu), ..self.usage };
        let now = Instant::now();
        if let Some(started) = self.started {
            let first = self.first_token.unwrap_or(now);
            usage.prefill_ms = ms(first.duration_since(started));
            usage.decode_ms = ms(now.duration_since(first));
        }
        usage
    }
}
