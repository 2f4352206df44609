//! Who runs next, and on which sequence: carries out what [`super::slots`] decides.

use llama_cpp_2::context::LlamaContext;

use super::generation::Generation;
use super::prefix_files::PrefixFiles;
use super::slots::{Placement, Slots};

/// The sequences of a context with the state that they hold.
pub(super) struct Sequences<'m> {
    pub(super) context: LlamaContext<'m>,
    pub(super) slots: Slots,
    pub(super) files: Option<PrefixFiles>,
    pub(super) parallel: usize,
}

impl Sequences<'_> {
    /// Gives slots to the calls of the highest class, one that reads its prompt at a time: those that come after it may
    /// share what it reads. Calls of a lower class give theirs back, and go on later from the state that is left.
    pub(super) fn admit(&mut self, calls: &mut [Generation]) {
        let Some(top) = calls.iter().map(|call| call.class).max() else { return };
        for call in calls.iter_mut().filter(|call| call.class < top) {
            self.release(call);
        }
        loop {
            let running = calls.iter().filter(|call| call.slot.is_some());
            let (count, reading) =
                running.fold((0, false), |(count, reading), call| (count + 1, reading || call.reads()));
            let waiting = calls.iter_mut().filter(|call| call.slot.is_none() && call.class == top);
            let Some(next) = waiting.min_by_key(|call| call.arrival) else { return };
            if reading || count >= self.parallel || !self.start(next) {
                return;
            }
        }
    }

    /// The call gives its slot back; the state stays until the room is needed.
    pub(super) fn release(&mut self, call: &mut Generation) {
        if let Some(slot) = call.slot.take() {
            self.slots.release(slot);
        }
    }

    /// Forgets all state that no call runs on; says whether there was any.
    pub(super) fn forget_idle(&mut self) -> bool {
        let idle = self.slots.idle();
        for slot in &idle {
            self.forget(*slot);
        }
        !idle.is_empty()
    }

    /// Forgets the state of one slot.
    pub(super) fn forget(&mut self, slot: usize) {
        self.remove_from(slot, 0);
        self.slots.set(slot, &[]);
    }

    fn start(&mut self, call: &mut Generation) -> bool {
        let Some(placement) = self.slots.place(&call.tokens, call.cells()) else { return false };
        call.slot = Some(placement.slot);
        let mut keep = self.carry_out(&placement);
        if keep < call.stable {
            keep = self.load_prefix(placement.slot, call).unwrap_or(keep);
        }
        self.slots.set(placement.slot, &call.tokens[..keep]);
        call.start(keep);
        true
    }

    /// Says how many tokens have their state in the slot afterwards.
    fn carry_out(&mut self, placement: &Placement) -> usize {
        let mut keep = placement.keep;
        if let Some(source) = placement.copy_from {
            self.remove_from(placement.slot, 0);
            let end = u32::try_from(keep).ok();
            let copied = self.context.kv_cache_seq_cp(number(source), number(placement.slot), None, end);
            keep = if copied.is_ok() { keep } else { 0 };
        }
        for slot in &placement.forget {
            self.remove_from(*slot, 0);
        }
        if self.remove_from(placement.slot, keep) { keep } else { 0 }
    }

    /// Removes the state from a position on. A model that can't do that by halves loses all of it: then `false`.
    fn remove_from(&mut self, slot: usize, position: usize) -> bool {
        let from = u32::try_from(position).ok();
        let removed = self.context.kv_cache_seq_rm(number(slot), from, None).is_ok();
        if !removed {
            // Removing a whole sequence works for every kind of model.
            let _ = self.context.kv_cache_seq_rm(number(slot), None, None);
        }
        removed
    }

    fn load_prefix(&mut self, slot: usize, call: &Generation) -> Option<usize> {
        let files = self.files.as_ref()?;
        let prefix = call.tokens.get(..call.stable).filter(|_| call.stable < call.tokens.len())?;
        if !files.has(prefix) {
            return None;
        }
        self.remove_from(slot, 0);
        let loaded = self.files.as_ref()?.load(&mut self.context, number(slot), prefix);
        if !loaded {
            self.remove_from(slot, 0);
        }
        Some(if loaded { call.stable } else { 0 })
    }
}

/// A slot's number in the context.
pub(super) fn number(slot: usize) -> i32 {
    i32::try_from(slot).unwrap_or(i32::MAX)
}
