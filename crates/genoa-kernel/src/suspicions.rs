//! What sensors marked: it is told wherever it got to, and asked about where something is done with it.
//!
//! A mark makes a call stricter and never laxer: it is a source of its own, which no demand minds, and which the rules take for
//! one more reason to ask.

use std::collections::BTreeSet;

use genoa_abi::{Labels, Suspicion};

use crate::calls::Order;
use crate::letters;
use crate::turn::{Origin, Turn};

/// Marks that are told of one call or in one answer.
const TOLD: usize = 4;
/// Marks that are kept of one run.
const KEPT: usize = 64;

impl Order {
    /// All that could have influenced the call.
    pub(crate) fn influences(&self) -> Labels {
        self.values.values().fold(self.context.clone(), |all, value| all.union(&value.deep_labels()))
    }
}

/// What a person is told before a call that marked words could have influenced.
pub(crate) fn told(order: &Order) -> Vec<String> {
    let intro = "this reads like instructions to an assistant and could have influenced it:";
    lines(&order.influences().suspicions().cloned().collect(), intro)
}

/// What is told below an answer that marked words got into.
pub(crate) fn beside_answer(all: &BTreeSet<Suspicion>) -> String {
    lines(all, "Beware: something in this answer is from a text that reads like instructions to an assistant:")
        .join("\n")
}

fn lines(all: &BTreeSet<Suspicion>, intro: &str) -> Vec<String> {
    // The words are somebody's, and may hold anything.
    let mut lines: Vec<String> =
        all.iter().take(TOLD).map(|one| format!("{intro} {}", letters::spelled(&one.to_string()))).collect();
    if all.len() > TOLD {
        lines.push(format!("and {} more texts like that", all.len() - TOLD));
    }
    lines
}

impl Turn<'_> {
    /// Notes what was marked in something that a run tells.
    pub(crate) fn note_suspicions(&mut self, origin: Origin, labels: &Labels) {
        let Origin::Run(id) = origin else { return };
        let Some(state) = self.kernel.runs.get_mut(&id) else { return };
        let free = KEPT.saturating_sub(state.suspicions.len());
        state.suspicions.extend(labels.suspicions().take(free).cloned());
    }
}
