//! Grammars, compiled once.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use genoa_abi::limits::{GRAMMAR_BYTES, INFER_QUEUE};
use genoa_abi::model::Grammar;
use genoa_abi::{ContentHash, ErrorCode, Failure};
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value as Json, json};
use toktrie::{InferenceCapabilities, TokEnv};

use crate::limits::{GRAMMAR_STACK_BYTES, GRAMMARS};

/// Compiles grammars for one vocabulary, on a thread of its own, and keeps the latest: a large one takes seconds, and whoever writes
/// meanwhile is not to wait for it.
pub(super) struct Grammars {
    jobs: SyncSender<(Grammar, Compiled)>,
    kept: VecDeque<(ContentHash, Compiled)>,
}

/// A grammar that is compiled, or will be: a matcher at its beginning, or why it cannot be used.
#[derive(Clone, Default)]
pub(super) struct Compiled(Arc<Outcome>);

#[derive(Default)]
struct Outcome {
    came: Mutex<Option<Result<Matcher, Failure>>>,
    is_known: Condvar,
}

impl Compiled {
    /// What came of it, if that is known within this time.
    pub(super) fn within(&self, time: Duration) -> Option<Result<Matcher, Failure>> {
        let came = self.0.came.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.is_known.wait_timeout_while(came, time, |came| came.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn set(&self, came: Result<Matcher, Failure>) {
        *self.0.came.lock().unwrap_or_else(PoisonError::into_inner) = Some(came);
        self.0.is_known.notify_all();
    }
}

impl Grammars {
    pub(super) fn new(vocabulary: &TokEnv) -> Result<Self, Failure> {
        let forcing = vocabulary.tokenize_is_canonical();
        let abilities = InferenceCapabilities { ff_tokens: forcing, ..InferenceCapabilities::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(vocabulary, abilities, &slices).map_err(|error| {
            Failure::new(ErrorCode::ModelFailed, "the vocabulary cannot be constrained").because(error)
        })?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        let (jobs, taken) = sync_channel::<(Grammar, Compiled)>(INFER_QUEUE);
        // References are followed by recursion, and the end of a stack would be the end of everybody's calls: this one a grammar of
        // the largest size cannot use up.
        let compiler = std::thread::Builder::new().stack_size(GRAMMAR_STACK_BYTES);
        compiler.spawn(move || compile_all(&factory, &taken)).map_err(|error| could_not(&error))?;
        Ok(Self { jobs, kept: VecDeque::new() })
    }

    /// Has a grammar compiled, if it is not yet.
    pub(super) fn compiled(&mut self, grammar: &Grammar) -> Result<Compiled, Failure> {
        let (kind, text) = match grammar {
            Grammar::Lark(text) => ("lark", text.clone()),
            Grammar::JsonSchema(schema) => ("json", schema.to_string()),
        };
        if text.len() > GRAMMAR_BYTES {
            let what = format!("a grammar of {} bytes is over the limit of {GRAMMAR_BYTES}", text.len());
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        let key = ContentHash::of(format!("{kind}\n{text}").as_bytes());
        if let Some(place) = self.kept.iter().position(|(known, _)| *known == key)
            && let Some(found) = self.kept.remove(place)
        {
            let compiled = found.1.clone();
            self.kept.push_front(found);
            return Ok(compiled);
        }
        let compiled = Compiled::default();
        self.jobs.try_send((grammar.clone(), compiled.clone())).map_err(|error| match error {
            TrySendError::Full(_) => Failure::new(ErrorCode::TooLarge, format!("{INFER_QUEUE} grammars wait already")),
            TrySendError::Disconnected(_) => could_not(&"the compiler is gone"),
        })?;
        self.kept.push_front((key, compiled.clone()));
        self.kept.truncate(GRAMMARS);
        Ok(compiled)
    }
}

/// Compiles one after the other, until nobody can ask any more.
fn compile_all(factory: &ParserFactory, taken: &Receiver<(Grammar, Compiled)>) {
    // One that nobody waits for or keeps any more is left out.
    for (grammar, compiled) in taken.iter().filter(|(_, compiled)| Arc::strong_count(&compiled.0) > 1) {
        let came = catch_unwind(AssertUnwindSafe(|| compile(factory, &grammar)));
        compiled.set(came.unwrap_or_else(|_| Err(could_not(&"the compiler broke off"))));
    }
}

fn compile(factory: &ParserFactory, grammar: &Grammar) -> Result<Matcher, Failure> {
    let grammar = match grammar {
        Grammar::Lark(text) => TopLevelGrammar::from_lark(text.clone()),
        Grammar::JsonSchema(schema) => TopLevelGrammar::from_json_schema(on_one_line(schema.clone())),
    };
    let matcher = Matcher::new(factory.create_parser(grammar));
    match matcher.get_error().or_else(|| why_nothing_fits(&matcher)) {
        None => Ok(matcher),
        Some(error) => Err(Failure::new(ErrorCode::InvalidInput, "the grammar cannot be used").because(error)),
    }
}

fn could_not(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::ModelFailed, "the grammar could not be compiled").because(why)
}

/// What only refers to itself compiles, but no text begins in it, or none ends. That is told before the prompt is read for it.
fn why_nothing_fits(matcher: &Matcher) -> Option<String> {
    let mut matcher = matcher.deep_clone();
    let is_forced = !matcher.consume_ff_tokens().is_empty();
    let begins = is_forced
        || matcher.is_accepting().unwrap_or(false)
        || (!matcher.is_stopped() && matcher.compute_mask().is_ok_and(|mask| !mask.is_zero()));
    matcher.get_error().or_else(|| (!begins).then(|| "no text fits it: it only refers to itself".to_owned()))
}

/// With one way to put spaces, the grammar forces all that stands between the values, and no model loses itself in
/// indentation.
fn on_one_line(mut schema: Json) -> Json {
    if let Some(object) = schema.as_object_mut() {
        let spacing = json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
        object.entry("x-guidance").or_insert(spacing);
    }
    schema
}
