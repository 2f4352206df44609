//! Who of those that wait for one model runs next: classes, fair shares, turns, ageing, and room.
//!
//! Bookkeeping only. [`Inference::decide`] says what is to begin, to stand still and to go on; the kernel makes effects of it,
//! and the model worker carries them out between two tokens.
//!
//! - Only calls of the highest class that is there run. Those of a lower class stand still and keep what they have.
//! - Within a class, places go to the grant (an agent, or a person's session) that had the least of them so far. Who runs keeps
//!   its place for [`INFER_TURN_MS`], then competes again.
//! - Nobody starves: a call of a lower class rises by one for each [`INFER_AGEING_MS`] that it stands, and then gets one place
//!   among the others for one turn, the one that stands longest first. With `n` calls there it stands at most
//!   `2 * INFER_AGEING_MS + n * INFER_TURN_MS`.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::limits::{INFER_AGEING_MS, INFER_PLACES, INFER_ROOM_TOKENS, INFER_TURN_MS};
use genoa_abi::model::{InferClass, InferStage};
use genoa_abi::{CallId, GrantId, Timestamp};
use serde::{Deserialize, Serialize};

/// One model call, from its request to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queued {
    pub(crate) class: InferClass,
    /// In whose name: what shares are counted by.
    pub(crate) grant: GrantId,
    /// What it may need of the model's memory in the end, in tokens.
    pub(crate) tokens: u64,
    pub(crate) stage: InferStage,
    /// Since when it is in this stage.
    pub(crate) since: Timestamp,
    /// Up to when its place is charged.
    charged: Timestamp,
    /// Whether it runs among calls of a higher class, because it stood so long.
    risen: bool,
}

/// What is to be done with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    /// It runs from now on, for the first time.
    Begin(CallId),
    /// It stands still at its next token.
    Pause(CallId),
    /// It goes on where it stood still.
    GoOn(CallId),
}

/// All calls of one model that are not over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inference {
    calls: BTreeMap<CallId, Queued>,
    /// How long the calls of each grant had places, in milliseconds, since the grant last came.
    had: BTreeMap<GrantId, u64>,
}

impl Inference {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, &Queued)> {
        self.calls.iter().map(|(id, call)| (*id, call))
    }

    /// Whether it was handed to the model worker.
    pub(crate) fn has_begun(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|call| call.stage != InferStage::Waiting)
    }

    /// A call comes. A grant that was not there begins with what the least served of the others had, so that nobody saves up
    /// for later.
    pub(crate) fn add(&mut self, id: CallId, class: InferClass, grant: GrantId, tokens: u64, now: Timestamp) {
        let stage = InferStage::Waiting;
        self.put(id, Queued { class, grant, tokens, stage, since: now, charged: now, risen: false });
    }

    /// The same for a call that waited elsewhere.
    pub(crate) fn put(&mut self, id: CallId, call: Queued) {
        let least = self.had.values().min().copied().unwrap_or(0);
        self.had.entry(call.grant).or_insert(least);
        self.calls.insert(id, call);
    }

    /// Takes out a call that goes elsewhere.
    pub(crate) fn take(&mut self, id: CallId, now: Timestamp) -> Option<Queued> {
        let call = self.calls.get(&id).cloned();
        self.remove(id, now);
        call
    }

    pub(crate) fn has(&self, id: CallId) -> bool {
        self.calls.contains_key(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// A call is over, or given up.
    pub(crate) fn remove(&mut self, id: CallId, now: Timestamp) {
        self.charge(now);
        self.calls.remove(&id);
        let left: BTreeSet<GrantId> = self.calls.values().map(|call| call.grant).collect();
        self.had.retain(|grant, _| left.contains(grant));
    }

    /// Says what changes now, what stops first.
    pub(crate) fn decide(&mut self, now: Timestamp) -> Vec<Switch> {
        self.charge(now);
        let (chosen, top) = (self.choose(now), self.top());
        let (mut stopped, mut begun) = (Vec::new(), Vec::new());
        for (id, call) in &mut self.calls {
            // Among its equals it runs like any of them.
            call.risen = call.risen && Some(call.class) < top;
            let switch = match (call.stage, chosen.contains(id)) {
                (InferStage::Running, false) => Switch::Pause(*id),
                (InferStage::Waiting, true) => Switch::Begin(*id),
                (InferStage::Paused, true) => Switch::GoOn(*id),
                _ => continue,
            };
            (call.since, call.charged) = (now, now);
            call.risen = chosen.contains(id) && Some(call.class) < top;
            match switch {
                Switch::Pause(_) => {
                    call.stage = InferStage::Paused;
                    stopped.push(switch);
                }
                Switch::Begin(_) | Switch::GoOn(_) => {
                    call.stage = InferStage::Running;
                    begun.push(switch);
                }
            }
        }
        stopped.extend(begun);
        stopped
    }

    /// When [`Inference::decide`] may say something else though nothing happened.
    pub(crate) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let top = self.top()?;
        let turn_ends = |call: &Queued| match call.stage {
            InferStage::Running => Some(call.since.plus_ms(INFER_TURN_MS)),
            InferStage::Waiting | InferStage::Paused if call.class < top => {
                Some(call.since.plus_ms(ageing_ms(call.class, top)))
            }
            InferStage::Waiting | InferStage::Paused => None,
        };
        self.calls.values().find(|call| call.stage != InferStage::Running)?;
        self.calls.values().filter_map(turn_ends).filter(|time| *time > now).min()
    }

    fn top(&self) -> Option<InferClass> {
        self.calls.values().map(|call| call.class).max()
    }

    fn charge(&mut self, now: Timestamp) {
        for call in self.calls.values_mut().filter(|call| call.stage == InferStage::Running) {
            *self.had.entry(call.grant).or_insert(0) += elapsed_ms(call.charged, now);
            call.charged = now;
        }
    }

    /// Whose places these are from now on.
    fn choose(&self, now: Timestamp) -> BTreeSet<CallId> {
        let Some(top) = self.top() else { return BTreeSet::new() };
        let mut places = Places::default();
        if let Some((id, call)) = self.risen(top, now) {
            places.take(id, call);
        }
        // Shares are counted as if the turns that are given now were over, so that one grant does not get all places.
        let mut had = self.had.clone();
        let mut left: Vec<(CallId, &Queued)> = self.iter().filter(|(_, call)| call.class == top).collect();
        while let Some(next) = (0..left.len()).min_by_key(|index| {
            let (id, call) = left[*index];
            (!call.keeps_its_place(now), had.get(&call.grant).copied(), call.stage != InferStage::Running, id)
        }) {
            let (id, call) = left.swap_remove(next);
            if !places.take(id, call) {
                break;
            }
            *had.entry(call.grant).or_insert(0) += INFER_TURN_MS;
        }
        places.taken
    }

    /// The call of a lower class that stood so long that it runs among those of the highest: for one turn.
    fn risen(&self, top: InferClass, now: Timestamp) -> Option<(CallId, &Queued)> {
        let below = || self.iter().filter(|(_, call)| call.class < top);
        let keeps = below().find(|(_, call)| call.risen && call.keeps_its_place(now));
        let has_risen = |call: &Queued| {
            call.stage != InferStage::Running && elapsed_ms(call.since, now) >= ageing_ms(call.class, top)
        };
        keeps.or_else(|| below().filter(|(_, call)| has_risen(call)).min_by_key(|(id, call)| (call.since, *id)))
    }
}

impl Queued {
    fn keeps_its_place(&self, now: Timestamp) -> bool {
        self.stage == InferStage::Running && elapsed_ms(self.since, now) < INFER_TURN_MS
    }
}

fn elapsed_ms(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0)
}

/// How long a call of a lower class stands until it runs among those of class `top`.
fn ageing_ms(class: InferClass, top: InferClass) -> u64 {
    INFER_AGEING_MS * u64::from((top as u8).saturating_sub(class as u8))
}

/// The places of the model, as they are given away.
#[derive(Default)]
struct Places {
    taken: BTreeSet<CallId>,
    tokens: u64,
}

impl Places {
    /// Whether there was a place with enough room. The first always fits: the worker refuses what is larger than all there is.
    fn take(&mut self, id: CallId, call: &Queued) -> bool {
        let has_room = self.taken.is_empty() || self.tokens + call.tokens <= INFER_ROOM_TOKENS;
        if self.taken.len() >= INFER_PLACES || !has_room {
            return false;
        }
        self.tokens += call.tokens;
        self.taken.insert(id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use genoa_abi::limits::{INFER_AGEING_MS, INFER_PLACES, INFER_ROOM_TOKENS, INFER_TURN_MS};
    use genoa_abi::model::{InferClass, InferStage};
    use genoa_abi::{CallId, GrantId, Timestamp};
    use proptest::prelude::*;

    use super::{Inference, Switch};

    const PLACES: u64 = INFER_PLACES as u64;
    const CLASSES: [InferClass; 3] = [InferClass::Background, InferClass::Agent, InferClass::Interactive];

    fn grant(number: u32) -> GrantId {
        GrantId { index: number, generation: 1 }
    }

    fn running(inference: &Inference) -> Vec<u64> {
        inference.iter().filter(|(_, call)| call.stage == InferStage::Running).map(|(id, _)| id.0).collect()
    }

    /// A model that needs `left` milliseconds of a place for each call, and the clock.
    #[derive(Default)]
    struct Model {
        inference: Inference,
        left: BTreeMap<CallId, u64>,
        now: i64,
        /// How long each grant had places.
        had: BTreeMap<u32, u64>,
    }

    impl Model {
        fn add(&mut self, id: u64, class: InferClass, of: u32, ms: u64) {
            self.inference.add(CallId(id), class, grant(of), 100, Timestamp(self.now));
            self.left.insert(CallId(id), ms);
            self.decide();
        }

        fn decide(&mut self) -> Vec<Switch> {
            self.inference.decide(Timestamp(self.now))
        }

        /// Lets time pass up to the next thing that happens, `most` milliseconds at most.
        fn pass(&mut self, most: u64) {
            let now = Timestamp(self.now);
            let turn = self.inference.next_change(now).map(|time| u64::try_from(time.0 - self.now).unwrap());
            let runs: Vec<(CallId, u32)> = self
                .inference
                .iter()
                .filter(|(_, call)| call.stage == InferStage::Running)
                .map(|(id, call)| (id, call.grant.index))
                .collect();
            let ends = runs.iter().map(|(id, _)| self.left[id]).min();
            let step = turn.into_iter().chain(ends).chain([most]).min().unwrap();
            self.now += i64::try_from(step).unwrap();
            for (id, of) in runs {
                *self.had.entry(of).or_insert(0) += step;
                let left = self.left.get_mut(&id).unwrap();
                *left -= step;
                if *left == 0 {
                    self.left.remove(&id);
                    self.inference.remove(id, Timestamp(self.now));
                }
            }
            self.decide();
        }
    }

    #[test]
    fn a_higher_class_stops_a_lower_one_at_once() {
        let mut model = Model::default();
        (1..=PLACES + 1).for_each(|id| model.add(id, InferClass::Background, 1, 60_000));
        assert_eq!(running(&model.inference), (1..=PLACES).collect::<Vec<_>>());
        model.inference.add(CallId(99), InferClass::Interactive, grant(2), 100, Timestamp(0));
        let switches = model.decide();
        let pauses = (1..=PLACES).map(|id| Switch::Pause(CallId(id)));
        assert_eq!(switches, pauses.chain([Switch::Begin(CallId(99))]).collect::<Vec<_>>());
        model.inference.remove(CallId(99), Timestamp(10));
        model.now = 10;
        let go_on: Vec<Switch> = (1..=PLACES).map(|id| Switch::GoOn(CallId(id))).collect();
        assert_eq!(model.decide(), go_on, "what began goes on");
    }

    #[test]
    fn places_go_to_the_grant_that_had_least() {
        let mut model = Model::default();
        (1..=2 * PLACES).for_each(|id| model.add(id, InferClass::Agent, 1, 6_000_000));
        model.add(100, InferClass::Agent, 2, 6_000_000);
        assert_eq!(running(&model.inference), (1..=PLACES).collect::<Vec<_>>(), "who runs keeps the place for a turn");
        model.pass(INFER_TURN_MS);
        assert_eq!(running(&model.inference), (1..PLACES).chain([100]).collect::<Vec<_>>());
        (101..101 + 2 * PLACES).for_each(|id| model.add(id, InferClass::Agent, 2, 6_000_000));
        model.had.clear();
        while model.now < 1_000_000 {
            model.pass(INFER_TURN_MS);
        }
        let (one, two) = (model.had[&1], model.had[&2]);
        assert!(one.abs_diff(two) <= INFER_TURN_MS * PLACES, "{one} and {two}");
    }

    #[test]
    fn what_does_not_fit_waits() {
        let mut inference = Inference::default();
        let mut add = |id, tokens| inference.add(CallId(id), InferClass::Agent, grant(1), tokens, Timestamp(0));
        add(1, INFER_ROOM_TOKENS * 2);
        add(2, 1);
        inference.decide(Timestamp(0));
        assert_eq!(running(&inference), [1], "the worker says what is too large; the rest waits for its end");
        inference.remove(CallId(1), Timestamp(1));
        inference.decide(Timestamp(1));
        assert_eq!(running(&inference), [2]);
    }

    #[test]
    fn a_standing_call_of_a_lower_class_gets_one_turn() {
        let mut model = Model::default();
        model.add(1, InferClass::Background, 1, 600_000);
        (2..=2 + PLACES).for_each(|id| model.add(id, InferClass::Interactive, 2, 6_000_000));
        assert_eq!(running(&model.inference), (2..2 + PLACES).collect::<Vec<_>>());
        let ageing = i64::try_from(2 * INFER_AGEING_MS).unwrap();
        while model.now < ageing {
            assert!(!running(&model.inference).contains(&1));
            model.pass(INFER_TURN_MS);
        }
        assert!(running(&model.inference).contains(&1), "it stood for {ageing} ms");
        model.pass(INFER_TURN_MS);
        assert!(!running(&model.inference).contains(&1), "one turn");
    }

    #[test]
    fn who_rose_is_one_of_many_again_when_nobody_above_is_left() {
        let mut model = Model::default();
        model.add(1, InferClass::Background, 1, 600_000);
        model.add(2, InferClass::Interactive, 2, 2 * INFER_AGEING_MS + 1_000);
        while model.inference.iter().count() == 2 {
            model.pass(1_000);
        }
        assert_eq!(running(&model.inference), [1], "it rose a second ago, and is alone now");
        model.add(3, InferClass::Interactive, 2, 1_000);
        assert_eq!(running(&model.inference), [3], "its turn among the higher ones is over");
    }

    proptest! {
        #[test]
        fn places_classes_and_the_bound_hold(
            calls in prop::collection::vec((0..3usize, 0..5u32, 1..60_000u64, 0..4_000u64), 1..80)
        ) {
            let mut model = Model::default();
            let mut stood: BTreeMap<CallId, i64> = BTreeMap::new();
            let most = i64::try_from(2 * INFER_AGEING_MS + (calls.len() as u64 + 1) * INFER_TURN_MS).unwrap();
            let mut calls = calls.into_iter().zip(1..);
            loop {
                let next = calls.next();
                let wait = match next {
                    Some(((class, of, ms, wait), id)) => {
                        model.add(id, CLASSES[class], of, ms);
                        wait
                    }
                    None if model.left.is_empty() => break,
                    None => 10_000,
                };
                let until = model.now + i64::try_from(wait).unwrap();
                while model.now < until {
                    model.pass(u64::try_from(until - model.now).unwrap());
                    let top = model.inference.iter().map(|(_, call)| call.class).max();
                    let now = model.now;
                    let mut below = 0;
                    for (id, call) in model.inference.iter() {
                        if call.stage == InferStage::Running {
                            stood.insert(id, now);
                            below += usize::from(Some(call.class) < top);
                        } else if call.class < InferClass::Interactive {
                            let since = *stood.entry(id).or_insert(now);
                            prop_assert!(now - since <= most, "{id} stood {} ms", now - since);
                        }
                    }
                    let running = running(&model.inference).len();
                    prop_assert!(running <= INFER_PLACES && below <= 1);
                    prop_assert_eq!(running == 0, model.left.is_empty());
                }
            }
        }
    }
}
