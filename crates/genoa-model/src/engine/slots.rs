//! Which sequence keeps the state of which tokens, and who gets which: bookkeeping only, the engine carries it out.

use llama_cpp_2::token::LlamaToken;

/// A sequence of the context. Its number in the context is its index.
#[derive(Debug, Default)]
struct Slot {
    /// The tokens whose state it holds.
    tokens: Vec<LlamaToken>,
    /// Cells set aside for the call that runs on it; 0 while it is idle.
    reserved: usize,
    /// When it was used last.
    used: u64,
}

/// All sequences of a context, which share one pool of cells.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    clock: u64,
    pool: usize,
    /// Only at multiples of so many tokens may one call go on from the state of another.
    grain: usize,
}

/// What to do so that a call can run. The order matters: clear, copy, cut, then forget.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// Where it runs.
    pub(super) slot: usize,
    /// How many of its tokens have their state there, or where it is copied from.
    pub(super) keep: usize,
    /// Whose beginning to copy; the slot has to be cleared before.
    pub(super) copy_from: Option<usize>,
    /// Idle slots whose state has to go to make room.
    pub(super) forget: Vec<usize>,
}

impl Slots {
    pub(super) fn new(count: usize, pool: usize, grain: usize) -> Self {
        Self { slots: (0..count).map(|_| Slot::default()).collect(), clock: 0, pool, grain }
    }

    /// How many slots there are.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    /// How many cells there are.
    pub(super) fn pool(&self) -> usize {
        self.pool
    }

    /// How many cells hold state or are set aside, those that two sequences share counted twice.
    pub(super) fn taken(&self) -> usize {
        self.slots.iter().map(|slot| slot.reserved.max(slot.tokens.len())).sum()
    }

    /// The tokens that a slot holds the state of.
    pub(super) fn tokens(&self, slot: usize) -> &[LlamaToken] {
        &self.slots[slot].tokens
    }

    /// The engine evaluated more tokens.
    pub(super) fn extend(&mut self, slot: usize, tokens: &[LlamaToken]) {
        self.slots[slot].tokens.extend_from_slice(tokens);
    }

    /// The engine holds exactly these tokens now.
    pub(super) fn set(&mut self, slot: usize, tokens: &[LlamaToken]) {
        self.slots[slot].tokens = tokens.to_vec();
    }

    /// The call on it ended or was put aside; its state stays until the room is needed.
    pub(super) fn release(&mut self, slot: usize) {
        self.clock += 1;
        let slot = &mut self.slots[slot];
        slot.reserved = 0;
        slot.used = self.clock;
    }

    /// Sets cells aside for the call on a slot, which holds fewer tokens.
    pub(super) fn reserve(&mut self, slot: usize, cells: usize) {
        self.slots[slot].reserved = cells;
    }

    /// Sets `cells` aside for the call that goes on on `slot`; gives the idle slots whose state has to go. `None`: there is no
    /// room.
    pub(super) fn grow(&mut self, slot: usize, cells: usize) -> Option<Vec<usize>> {
        let forget = self.make_room(slot, slot, cells)?;
        for index in &forget {
            self.slots[*index].tokens.clear();
        }
        self.slots[slot].reserved = cells;
        Some(forget)
    }

    /// Idle slots that hold state.
    pub(super) fn idle(&self) -> Vec<usize> {
        let holds = |slot: &Slot| slot.reserved == 0 && !slot.tokens.is_empty();
        (0..self.slots.len()).filter(|index| holds(&self.slots[*index])).collect()
    }

    /// Finds a place for a call with `tokens` that needs `cells` in the end, and sets it aside. `None`: it has to wait.
    pub(super) fn place(&mut self, tokens: &[LlamaToken], cells: usize) -> Option<Placement> {
        let shared = |slot: &Slot| slot.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let best = (0..self.slots.len()).max_by_key(|index| (shared(&self.slots[*index]), self.slots[*index].used))?;
        // The last token is always evaluated: its scores are what the next one is chosen from.
        let keep = shared(&self.slots[best]).min(tokens.len().saturating_sub(1));
        let keep = keep - keep % self.grain;
        let slot = self.target(best, keep)?;
        let forget = self.make_room(slot, best, cells)?;
        self.clock += 1;
        self.slots[best].used = self.clock;
        self.slots[slot].used = self.clock;
        self.slots[slot].reserved = cells;
        self.slots[slot].tokens = tokens[..keep].to_vec();
        for index in &forget {
            self.slots[*index].tokens.clear();
        }
        Some(Placement { slot, keep, copy_from: (slot != best && keep > 0).then_some(best), forget })
    }

    /// The best slot itself if little of it is lost; else an empty one, else the one that was idle longest.
    fn target(&self, best: usize, keep: usize) -> Option<usize> {
        let slot = &self.slots[best];
        let lost = slot.tokens.len() - keep;
        if slot.reserved == 0 && lost * 4 <= slot.tokens.len() {
            return Some(best);
        }
        let idle = (0..self.slots.len()).filter(|index| self.slots[*index].reserved == 0);
        idle.min_by_key(|index| (*index == best, !self.slots[*index].tokens.is_empty(), self.slots[*index].used))
    }

    /// Cells that two sequences share are counted twice, so there is always at least as much room as counted.
    fn make_room(&self, target: usize, source: usize, cells: usize) -> Option<Vec<usize>> {
        let taken = |index: &usize| self.slots[*index].reserved.max(self.slots[*index].tokens.len());
        let others = (0..self.slots.len()).filter(|index| *index != target);
        let mut used: usize = others.clone().map(|index| taken(&index)).sum();
        let mut idle: Vec<usize> = others.filter(|index| self.slots[*index].reserved == 0).collect();
        idle.sort_by_key(|index| (*index == source, self.slots[*index].used));
        let mut forget = Vec::new();
        for index in idle {
            if used + cells <= self.pool {
                break;
            }
            if !self.slots[index].tokens.is_empty() {
                used -= taken(&index);
                forget.push(index);
            }
        }
        (used + cells <= self.pool).then_some(forget)
    }
}

#[cfg(test)]
mod tests {
    use llama_cpp_2::token::LlamaToken;
    use proptest::prelude::*;

    use super::{Placement, Slots};

    fn tokens(text: &str) -> Vec<LlamaToken> {
        text.bytes().map(|byte| LlamaToken(i32::from(byte))).collect()
    }

    /// Runs a call to its end, as the engine would.
    fn run(slots: &mut Slots, text: &str) -> Option<Placement> {
        let text = tokens(text);
        let placement = slots.place(&text, text.len())?;
        slots.extend(placement.slot, &text[placement.keep..]);
        slots.release(placement.slot);
        Some(placement)
    }

    #[test]
    fn a_longer_version_goes_on_in_its_slot() {
        let mut slots = Slots::new(3, 100, 1);
        let first = run(&mut slots, "system: plan").unwrap();
        let second = run(&mut slots, "system: plan a = b").unwrap();
        assert_eq!((second.slot, second.keep, second.copy_from), (first.slot, 12, None));
    }

    #[test]
    fn another_conversation_copies_what_it_shares() {
        let mut slots = Slots::new(3, 100, 1);
        run(&mut slots, "system: first question").unwrap();
        let other = run(&mut slots, "system: another one").unwrap();
        assert_eq!((other.copy_from, other.keep), (Some(2), 8));
        assert_eq!(run(&mut slots, "system: first question again").unwrap().keep, 22, "the first is still warm");
    }

    #[test]
    fn a_running_slot_is_never_taken() {
        let mut slots = Slots::new(2, 100, 1);
        let running = slots.place(&tokens("abcdef"), 10).unwrap();
        slots.extend(running.slot, &tokens("abcdef"));
        let second = slots.place(&tokens("abcdefgh"), 10).unwrap();
        assert_ne!(second.slot, running.slot);
        assert_eq!((second.copy_from, second.keep), (Some(running.slot), 6));
        assert_eq!(slots.place(&tokens("x"), 1), None, "no slot is left");
    }

    #[test]
    fn old_state_makes_room() {
        let mut slots = Slots::new(3, 20, 1);
        let old = run(&mut slots, "aaaaaaaa").unwrap();
        run(&mut slots, "bbbbbbbb").unwrap();
        let new = run(&mut slots, "cccccccc").unwrap();
        assert_eq!(new.forget, [old.slot]);
        assert_eq!(slots.place(&tokens("d"), 21), None, "more than the pool holds");
    }

    proptest! {
        #[test]
        fn the_pool_is_never_overdrawn(calls in prop::collection::vec(("[ab]{1,12}", 1..16usize, any::<bool>()), 1..40)) {
            let mut slots = Slots::new(3, 24, 1);
            let mut running = Vec::new();
            for (text, more, ends) in calls {
                let text = tokens(&text);
                let cells = text.len() + more;
                if let Some(placement) = slots.place(&text, cells) {
                    prop_assert!(placement.keep < text.len());
                    prop_assert!(!running.contains(&placement.slot));
                    prop_assert_eq!(slots.tokens(placement.slot), &text[..placement.keep]);
                    slots.extend(placement.slot, &text[placement.keep..]);
                    running.push(placement.slot);
                }
                if ends && let Some(slot) = running.pop() { slots.release(slot); }
                let held: usize = slots.slots.iter().map(|slot| slot.reserved.max(slot.tokens.len())).sum();
                prop_assert!(held <= 24);
            }
        }
    }
}
