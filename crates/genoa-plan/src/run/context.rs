//! What a step depends on by its place in the plan: the conditions and loops around it.

use genoa_abi::{Labels, Source};

use super::Run;

impl Run {
    /// What an argument depends on by its place in the plan. A literal that goes to an element of the person's own list of
    /// people tells that one nothing but that it is for them; so it may be read by whoever might read it before the loop.
    pub(super) fn context_of(&self, to_each: bool) -> Option<Labels> {
        let context = self.conditions.last()?.clone();
        let Some(innermost) = self.loops.last().filter(|_| to_each) else { return Some(context) };
        let is_own = |source: &Source| matches!(source, Source::Person | Source::Contacts | Source::Call(_));
        if self.conditions.len() != innermost.conditions || !innermost.shape.sources().all(is_own) {
            return Some(context);
        }
        let before = innermost.conditions.checked_sub(2).and_then(|place| self.conditions.get(place));
        let readers = before.map(|before| before.readers().clone()).unwrap_or_default();
        Some(context.for_readers(readers))
    }

    pub(super) fn depend_on(&mut self, labels: &Labels) {
        let context = self.conditions.last().cloned().unwrap_or_default().union(labels);
        self.note_work(32 * context.entries());
        self.conditions.push(context);
    }
}
