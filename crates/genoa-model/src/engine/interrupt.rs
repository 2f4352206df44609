//! Ending a step before its time, where somebody came who is not to wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Asks the step that runs, or the next one, to end early. The engine decides whether it does.
#[derive(Clone, Debug)]
pub struct Interrupt {
    state: Arc<Mutex<State>>,
    /// What the computation looks at. It lives as long as the process, since the engine keeps its address.
    ends: &'static AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    is_asked: bool,
    /// Whether a step runs that may end early.
    is_possible: bool,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { state: Arc::default(), ends: Box::leak(Box::default()) }
    }
}

impl Interrupt {
    /// Somebody came who is not to wait.
    pub fn ask(&self) {
        let mut state = self.lock();
        state.is_asked = true;
        self.ends.store(state.is_possible, Ordering::Relaxed);
    }

    /// All who came until now are known.
    pub fn clear(&self) {
        self.lock().is_asked = false;
    }

    /// A step begins, and may end early or not.
    pub(super) fn begin(&self, is_possible: bool) {
        let mut state = self.lock();
        state.is_possible = is_possible;
        self.ends.store(is_possible && state.is_asked, Ordering::Relaxed);
    }

    /// The step is over.
    pub(super) fn end(&self) {
        self.begin(false);
    }

    pub(super) fn flag(&self) -> &'static AtomicBool {
        self.ends
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long steps may be ended early again and again: then one runs to its end, so that who is interrupted gets on.
const MOST_HELD_UP: Duration = Duration::from_secs(30);
/// No step is made smaller than this for it.
const LEAST_TOKENS: usize = 64;

/// How those fare whose steps end early.
#[derive(Debug)]
pub(super) struct HeldUp {
    /// When it began, if no step of theirs came to its end since.
    since: Option<Instant>,
    /// What one step of theirs may evaluate: less after each that was in vain, so that less is in vain the next time.
    pub(super) tokens: usize,
    most: usize,
}

impl HeldUp {
    pub(super) fn new(most: usize) -> Self {
        Self { since: None, tokens: most, most }
    }

    /// Whether a step of theirs that begins now may end early.
    pub(super) fn may_end(&self, now: Instant) -> bool {
        self.since.is_none_or(|since| now.duration_since(since) < MOST_HELD_UP)
    }

    /// A step with so many tokens was ended.
    pub(super) fn ended(&mut self, tokens: usize, now: Instant) {
        self.since.get_or_insert(now);
        self.tokens = (tokens / 2).max(LEAST_TOKENS);
    }

    /// A step came to its end.
    pub(super) fn finished(&mut self) {
        self.since = None;
        self.tokens = (self.tokens * 2).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use super::{HeldUp, Interrupt, LEAST_TOKENS, MOST_HELD_UP};

    #[test]
    fn a_step_ends_only_where_it_may_and_somebody_came() {
        let interrupt = Interrupt::default();
        let ends = || interrupt.flag().load(Ordering::Relaxed);
        interrupt.begin(true);
        assert!(!ends());
        interrupt.ask();
        assert!(ends());
        interrupt.end();
        assert!(!ends());
        interrupt.begin(true);
        assert!(ends(), "who came between two steps is not to wait either");
        interrupt.end();
        interrupt.begin(false);
        interrupt.ask();
        assert!(!ends());
        interrupt.end();
        interrupt.clear();
        interrupt.begin(true);
        assert!(!ends(), "who came is known");
    }

    #[test]
    fn who_is_held_up_for_long_gets_on() {
        let mut held_up = HeldUp::new(512);
        let begun = Instant::now();
        assert!(held_up.may_end(begun));
        for (tokens, next) in [(512, 256), (256, 128), (100, LEAST_TOKENS), (LEAST_TOKENS, LEAST_TOKENS)] {
            held_up.ended(tokens, begun);
            assert_eq!(held_up.tokens, next);
        }
        assert!(held_up.may_end(begun + MOST_HELD_UP - Duration::from_secs(1)));
        assert!(!held_up.may_end(begun + MOST_HELD_UP));
        held_up.finished();
        assert!(held_up.may_end(begun + MOST_HELD_UP));
        (0..4).for_each(|_| held_up.finished());
        assert_eq!(held_up.tokens, 512);
    }
}
