//! The calls that are not over, by the model that answers them: what runs elsewhere takes no place of the model here.

use std::collections::BTreeMap;

use genoa_abi::model::InferClass;
use genoa_abi::{CallId, GrantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::inference::{Inference, Queued, Switch};

/// The queue of each model that calls wait for. Without a default: a state that was saved before there were several is not read,
/// and made anew from the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queues {
    models: BTreeMap<String, Inference>,
}

impl Queues {
    /// All calls, each with the model that it is for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, CallId, &Queued)> {
        self.models.iter().flat_map(|(model, queue)| queue.iter().map(|(id, call)| (model.as_str(), id, call)))
    }

    /// Whether it was handed to the model worker.
    pub(crate) fn has_begun(&self, call: CallId) -> bool {
        self.models.values().any(|queue| queue.has_begun(call))
    }

    /// A call comes, for a model.
    pub(crate) fn add(
        &mut self,
        model: &str,
        id: CallId,
        class: InferClass,
        grant: GrantId,
        tokens: u64,
        now: Timestamp,
    ) {
        self.models.entry(model.to_owned()).or_default().add(id, class, grant, tokens, now);
    }

    /// A call is over, or given up.
    pub(crate) fn remove(&mut self, id: CallId, now: Timestamp) {
        self.models.values_mut().filter(|queue| queue.has(id)).for_each(|queue| queue.remove(id, now));
        self.models.retain(|_, queue| !queue.is_empty());
    }

    /// A call that waits is for another model. How long it stood counts there, too.
    pub(crate) fn send_to(&mut self, model: &str, id: CallId, now: Timestamp) {
        let taken = self.models.values_mut().find_map(|queue| queue.take(id, now));
        if let Some(queued) = taken {
            self.models.entry(model.to_owned()).or_default().put(id, queued);
        }
        self.models.retain(|_, queue| !queue.is_empty());
    }

    /// Says what changes now, what stops first.
    pub(crate) fn decide(&mut self, now: Timestamp) -> Vec<Switch> {
        self.models.values_mut().flat_map(|queue| queue.decide(now)).collect()
    }

    /// When [`Queues::decide`] may say something else though nothing happened.
    pub(crate) fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.models.values().filter_map(|queue| queue.next_change(now)).min()
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::limits::INFER_PLACES;
    use genoa_abi::model::{InferClass, InferStage};
    use genoa_abi::{CallId, GrantId, Timestamp};

    use super::Queues;
    use crate::inference::Switch;

    #[test]
    fn a_model_elsewhere_takes_no_place_of_another() {
        let mut queues = Queues::default();
        let mut add = |model: &str, id: u64, class| {
            queues.add(model, CallId(id), class, GrantId { index: 1, generation: 1 }, 100, Timestamp(0));
        };
        let places = INFER_PLACES as u64;
        (1..=places + 1).for_each(|id| add("small", id, InferClass::Background));
        (101..=102).for_each(|id| add("lab/big", id, InferClass::Interactive));
        let begun = queues.decide(Timestamp(0));
        assert_eq!(begun.len(), INFER_PLACES + 2, "nobody stands still for what runs elsewhere");
        // What waits goes elsewhere, and what is over makes room.
        queues.send_to("lab/big", CallId(places + 1), Timestamp(1));
        queues.remove(CallId(101), Timestamp(1));
        queues.remove(CallId(102), Timestamp(1));
        assert_eq!(queues.decide(Timestamp(1)), [Switch::Begin(CallId(places + 1))]);
        assert!(queues.iter().all(|(_, _, call)| call.stage == InferStage::Running));
        (1..=places + 1).for_each(|id| queues.remove(CallId(id), Timestamp(2)));
        assert_eq!(queues, Queues::default(), "nothing is kept of a model that nobody waits for");
    }
}
