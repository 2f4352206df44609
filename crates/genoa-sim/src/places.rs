//! The models as the kernel schedules their calls, kept by the plainest book: what runs, and what stands still.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::CallId;
use genoa_abi::limits::INFER_PLACES;
use genoa_abi::model::InferClass;

/// The calls that models were told of and that are not over, each with whether it stands still, and with its model.
#[derive(Debug, Default)]
pub(crate) struct Places {
    calls: BTreeMap<CallId, (InferClass, bool)>,
    models: BTreeMap<CallId, String>,
    /// Those that were told to stop: they do, also where they stand still.
    cancelled: BTreeSet<CallId>,
}

impl Places {
    pub(crate) fn begin(&mut self, call: CallId, class: InferClass, model: &str) -> Result<(), String> {
        self.models.insert(call, model.to_owned());
        match self.calls.insert(call, (class, false)) {
            Some(_) => Err(format!("the model call {call} begins twice")),
            None => Ok(()),
        }
    }

    pub(crate) fn pause(&mut self, call: CallId) -> Result<(), String> {
        self.set(call, true)
    }

    pub(crate) fn go_on(&mut self, call: CallId) -> Result<(), String> {
        self.set(call, false)
    }

    pub(crate) fn end(&mut self, call: CallId) {
        self.calls.remove(&call);
        self.models.remove(&call);
        self.cancelled.remove(&call);
    }

    pub(crate) fn cancel(&mut self, call: CallId) {
        self.cancelled.insert(call);
    }

    /// The worker died with the daemon.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.models.clear();
        self.cancelled.clear();
    }

    pub(crate) fn is_paused(&self, call: CallId) -> bool {
        !self.cancelled.contains(&call) && self.calls.get(&call).is_some_and(|(_, is_paused)| *is_paused)
    }

    fn set(&mut self, call: CallId, paused: bool) -> Result<(), String> {
        match self.calls.get_mut(&call) {
            Some((_, is_paused)) if *is_paused != paused => {
                *is_paused = paused;
                Ok(())
            }
            Some(_) => Err(format!("the model call {call} is told twice whether to stand still ({paused})")),
            None => Err(format!("the model is told of the call {call}, which it does not have")),
        }
    }

    /// After a step of the kernel: of no model more calls run than it has places, and of those of a lower class than the highest
    /// one at most. `is_known` says whether the kernel has the call still.
    pub(crate) fn check(&self, is_known: impl Fn(CallId) -> bool) -> Result<(), String> {
        let models: BTreeSet<&String> = self.models.values().collect();
        models.into_iter().try_for_each(|model| self.check_model(model, &is_known))
    }

    fn check_model(&self, model: &str, is_known: impl Fn(CallId) -> bool) -> Result<(), String> {
        let is_its = |call: CallId| is_known(call) && self.models.get(&call).is_some_and(|own| own == model);
        let known: Vec<(InferClass, bool)> =
            self.calls.iter().filter(|(call, _)| is_its(**call)).map(|(_, state)| *state).collect();
        let top = known.iter().map(|(class, _)| *class).max();
        let running: Vec<InferClass> =
            known.iter().filter(|(_, is_paused)| !is_paused).map(|(class, _)| *class).collect();
        let below = running.iter().filter(|class| Some(**class) < top).count();
        if running.len() > INFER_PLACES || below > 1 {
            return Err(format!("{} calls of {model} run, {below} of them below {top:?}", running.len()));
        }
        if running.is_empty() && !known.is_empty() {
            return Err(format!("{} calls of {model} stand, and none runs", known.len()));
        }
        Ok(())
    }
}
