//! Which call runs on which sequence: carries out what [`super::slots`] decides. Whose turn it is the kernel says.

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::session::{LlamaStateSeqFlags, SeqState};
use llama_cpp_2::token::LlamaToken;

use super::generation::{Away, Generation};
use super::slots::{Placement, Slots};
use super::state_files::{StateFiles, Use};

/// The sequences of a context with the state that they hold.
pub(super) struct Sequences<'m> {
    pub(super) context: LlamaContext<'m>,
    pub(super) slots: Slots,
    pub(super) files: Option<StateFiles>,
    /// What the states may take together that are held in memory for calls which had to make room.
    pub(super) most_held_bytes: usize,
    pub(super) parallel: usize,
    /// At multiples of how many tokens a call may go on from what another left; above 1, it goes on from nothing else.
    pub(super) grain: usize,
}

impl<'m> Sequences<'m> {
    /// Gives slots to the calls that shall run, in the order in which they came, one that reads its prompt at a time: those
    /// that come after it may share what it reads. Where there is no room, calls that stand still make it.
    pub(super) fn admit(&mut self, calls: &mut [Generation]) {
        for call in calls.iter_mut().filter(|call| call.is_paused) {
            self.park(call);
        }
        loop {
            let running = calls.iter().filter(|call| call.slot.is_some());
            let (count, reading) =
                running.fold((0, false), |(count, reading), call| (count + 1, reading || call.reads()));
            let waiting = calls.iter_mut().filter(|call| call.slot.is_none() && !call.is_paused && !call.is_over());
            let Some(next) = waiting.min_by_key(|call| call.arrival) else { return };
            if reading || count >= self.parallel {
                return;
            }
            let wanted = next.arrival;
            if !self.start(next) && !self.make_one_leave(calls, wanted) {
                return;
            }
        }
    }

    /// The call stands still and keeps its sequence, until the room is needed.
    fn park(&mut self, call: &mut Generation) {
        if let Some(slot) = call.slot.take() {
            self.slots.reserve(slot, self.slots.tokens(slot).len().max(1));
            call.parked = Some(slot);
        }
    }

    /// Takes the sequence from the call that stands still for longest, but not from the one that room is `wanted` for.
    /// Says whether there was one. One that may go on and has no place yet leaves last.
    fn make_one_leave(&mut self, calls: &mut [Generation], wanted: u64) -> bool {
        let held: usize = calls.iter().map(|call| call.away.held_bytes()).sum();
        let parked = calls.iter_mut().filter(|call| call.parked.is_some() && call.arrival != wanted);
        let Some(call) = parked.min_by_key(|call| (!call.is_paused, call.paused_at)) else { return false };
        if let Some(slot) = call.parked {
            self.put_away(call, slot, self.most_held_bytes.saturating_sub(held));
            self.release(call);
            self.forget(slot);
        }
        true
    }

    /// Goes on with another context, which gets a copy of what each sequence holds. What cannot be copied is read again.
    pub(super) fn move_to(&mut self, mut context: LlamaContext<'m>) {
        for slot in 0..self.slots.count() {
            if self.slots.tokens(slot).is_empty() {
                continue;
            }
            let state = self.context.state_seq_get(number(slot), LlamaStateSeqFlags::empty());
            if !state.is_ok_and(|state| context.state_seq_set(&state, number(slot)).is_ok()) {
                let _ = context.kv_cache_seq_rm(number(slot), None, None);
                self.slots.set(slot, &[]);
            }
        }
        self.context = context;
    }

    /// Keeps the state of a call that makes room: in memory where that has so many bytes left, else on disk if it may be there.
    fn put_away(&mut self, call: &mut Generation, slot: usize, room_bytes: usize) {
        let tokens = self.slots.tokens(slot);
        if let Some(state) = self.copy_within(room_bytes, slot) {
            call.away = Away::Held(tokens.len(), state);
            return;
        }
        let Some(files) = self.files.as_mut().filter(|_| !call.is_kept_off_disk) else { return };
        // Pinned first, so that it is not the one that makes room for itself.
        files.pin(tokens);
        if files.save(&self.context, number(slot), tokens, Use::Own) {
            call.away = Away::OnDisk(tokens.len());
        } else {
            files.unpin(tokens);
        }
    }

    /// A copy of a sequence's state, where it has at most so many bytes.
    fn copy_within(&self, bytes: usize, slot: usize) -> Option<SeqState> {
        let flags = LlamaStateSeqFlags::empty();
        let is_small = self.context.state_seq_get_size_ext(number(slot), flags) <= bytes;
        is_small.then(|| self.context.state_seq_get(number(slot), flags).ok()).flatten()
    }

    /// The call gives its sequence back; the state stays until the room is needed, as far as others may go on from it.
    pub(super) fn release(&mut self, call: &mut Generation) {
        let Some(slot) = call.slot.take().or(call.parked.take()) else { return };
        self.slots.release(slot);
        let whole = call.prompt_end() - call.prompt_end() % self.grain;
        if self.grain > 1 && whole < self.slots.tokens(slot).len() {
            let left = if self.remove_from(slot, whole) { whole } else { 0 };
            self.slots.set(slot, &call.tokens[..left]);
        }
    }

    /// The call is over: nobody goes on from what was put away for it.
    pub(super) fn leave(&mut self, call: &mut Generation) {
        self.release(call);
        self.drop_away(call);
    }

    fn drop_away(&mut self, call: &mut Generation) {
        if let (Away::OnDisk(tokens), Some(files)) = (std::mem::take(&mut call.away), &mut self.files) {
            files.unpin(&call.tokens[..tokens]);
        }
    }

    /// Of a guess that was evaluated the first `right` tokens stay.
    pub(super) fn keep_guessed(&mut self, slot: usize, guess: &[LlamaToken], right: usize) {
        self.slots.extend(slot, &guess[..right]);
        if right < guess.len() {
            self.cut(slot, self.slots.tokens(slot).len());
        }
    }

    /// Of the state in the slot, so many tokens stay; all or nothing where the model cannot forget by halves.
    pub(super) fn cut(&mut self, slot: usize, tokens: usize) {
        if !self.remove_from(slot, tokens) {
            self.slots.set(slot, &[]);
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
        if let Some(slot) = call.parked {
            return self.go_on(call, slot);
        }
        let Some(placement) = self.slots.place(&call.tokens, call.cells()) else { return false };
        call.slot = Some(placement.slot);
        let keep = self.carry_out(&placement);
        let keep = self.bring_back(placement.slot, call, keep);
        self.drop_away(call);
        self.slots.set(placement.slot, &call.tokens[..keep]);
        call.start(keep);
        true
    }

    /// A call that stood still gets the room that it needs up to its end.
    fn go_on(&mut self, call: &mut Generation, slot: usize) -> bool {
        let Some(forget) = self.slots.grow(slot, call.cells()) else { return false };
        for idle in forget {
            self.forget(idle);
        }
        call.parked = None;
        call.slot = Some(slot);
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

    /// Takes the state that was put away for the call, or one from disk, where it is of more than the `keep` tokens in the slot; says
    /// of how many it is then. The last token is always evaluated: its scores are what the next one is chosen from.
    fn bring_back(&mut self, slot: usize, call: &Generation, keep: usize) -> usize {
        let wanted = &call.tokens[..call.tokens.len().saturating_sub(1)];
        let own = match &call.away {
            Away::Held(tokens, state) if (keep + 1..=wanted.len()).contains(tokens) => {
                self.remove_from(slot, 0);
                if self.context.state_seq_set(state, number(slot)).is_ok() {
                    return *tokens;
                }
                self.remove_from(slot, 0);
                return 0;
            }
            Away::OnDisk(tokens) => *tokens,
            Away::Held(..) | Away::Nowhere => 0,
        };
        let Some(files) = self.files.as_mut().filter(|_| !call.is_kept_off_disk) else { return keep };
        let Some(found) = files.find(wanted, keep, own) else { return keep };
        self.remove_from(slot, 0);
        let Some(files) = self.files.as_mut() else { return 0 };
        if files.load(&mut self.context, number(slot), &found) {
            return found.tokens;
        }
        self.remove_from(slot, 0);
        0
    }
}

/// A slot's number in the context.
pub(super) fn number(slot: usize) -> i32 {
    i32::try_from(slot).unwrap_or(i32::MAX)
}
