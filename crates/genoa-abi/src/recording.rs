//! An earlier run as the journal holds it, so that another can go on from one of its steps.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{ContentHash, OutboxId, RunId};
use crate::labels::Labels;
use crate::tool::{Clock, WrittenFile};
use crate::value::Value;

/// A step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStep {
    /// The run.
    pub run: RunId,
    /// Which of its steps, from 1, as `genoa replay` numbers them.
    pub step: u32,
}

impl fmt::Display for RunStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of {}", self.step, self.run)
    }
}

/// A run up to one of its steps, made out of the journal by feeding its events to a kernel once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The step that comes next.
    pub from: RunStep,
    /// Where that step stands in the plan; nothing where the run had ended before it.
    pub next_line: Option<u32>,
    /// The plan's text.
    pub plan: String,
    /// The person's words that it served; none for a plan of their own.
    pub words: String,
    /// Who could have influenced the plan's text.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub heard: Labels,
    /// When its intention was stated: what words for times mean in it.
    pub clock: Clock,
    /// The folder that it worked in.
    pub workspace: String,
    /// The steps before that one.
    pub steps: Vec<RecordedStep>,
}

/// One step, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedStep {
    /// Line of the plan, from 1.
    pub line: u32,
    /// The tool.
    pub tool: String,
    /// The arguments as the plan gave them, with their labels.
    pub arguments: BTreeMap<String, Value>,
    /// Who could have influenced that it was called at all.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub context: Labels,
    /// The call in words.
    pub text: String,
    /// What the plan went on with; nothing for a step that did not end.
    pub answer: Option<Result<Value, Failure>>,
    /// What came out, in a few words.
    pub came_to: String,
    /// Files that it changed in the view.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrote: Vec<WrittenFile>,
    /// Paths that it read, as they were given.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<String>,
    /// Messages that it put into the outbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<OutboxId>,
}

impl Recording {
    /// How the steps left the files that they changed: which step, from 1, wrote each last, and what.
    #[must_use]
    pub fn files(&self) -> BTreeMap<&str, (u32, Option<ContentHash>)> {
        let mut files = BTreeMap::new();
        for (step, number) in self.steps.iter().zip(1..) {
            files.extend(step.wrote.iter().map(|file| (file.path.as_str(), (number, file.content))));
        }
        files
    }
}
