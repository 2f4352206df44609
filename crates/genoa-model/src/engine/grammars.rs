//! Grammars, compiled once.

use std::collections::VecDeque;

use genoa_abi::limits::GRAMMAR_BYTES;
use genoa_abi::model::Grammar;
use genoa_abi::{ContentHash, ErrorCode, Failure};
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value as Json, json};
use toktrie::{InferenceCapabilities, TokEnv};

use crate::limits::{GRAMMAR_STACK_BYTES, GRAMMARS};

/// Compiles grammars for one vocabulary, and keeps the latest.
pub(super) struct Grammars {
    factory: ParserFactory,
    kept: VecDeque<(ContentHash, Matcher)>,
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
        Ok(Self { factory, kept: VecDeque::new() })
    }

    /// A matcher at the beginning of `grammar`.
    pub(super) fn matcher(&mut self, grammar: &Grammar) -> Result<Matcher, Failure> {
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
            let matcher = found.1.clone();
            self.kept.push_front(found);
            return Ok(matcher);
        }
        let matcher = self.compile(grammar)?;
        self.kept.push_front((key, matcher.clone()));
        self.kept.truncate(GRAMMARS);
        Ok(matcher)
    }

    /// Compiles on a stack that a grammar of the largest size cannot use up: references are followed by recursion, and the end of a
    /// stack would be the end of everybody's calls.
    fn compile(&self, grammar: &Grammar) -> Result<Matcher, Failure> {
        let broken = |why: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::ModelFailed, "the grammar could not be compiled").because(why)
        };
        std::thread::scope(|scope| {
            let compiler = std::thread::Builder::new().stack_size(GRAMMAR_STACK_BYTES);
            let compiling =
                compiler.spawn_scoped(scope, || self.compile_here(grammar)).map_err(|error| broken(&error))?;
            compiling.join().map_err(|_| broken(&"the compiler broke off"))?
        })
    }

    fn compile_here(&self, grammar: &Grammar) -> Result<Matcher, Failure> {
        let grammar = match grammar {
            Grammar::Lark(text) => TopLevelGrammar::from_lark(text.clone()),
            Grammar::JsonSchema(schema) => TopLevelGrammar::from_json_schema(on_one_line(schema.clone())),
        };
        let matcher = Matcher::new(self.factory.create_parser(grammar));
        match matcher.get_error().or_else(|| why_nothing_fits(&matcher)) {
            None => Ok(matcher),
            Some(error) => Err(Failure::new(ErrorCode::InvalidInput, "the grammar cannot be used").because(error)),
        }
    }
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
