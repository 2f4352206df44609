//! One case a line: an intention, a workspace, and what must be true afterwards.

use std::collections::BTreeMap;
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};
use serde::Deserialize;

/// One case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Its name.
    pub(crate) id: String,
    /// The agent that shall do it; the category in reports. `null` leaves the choice to the router.
    #[serde(default)]
    pub(crate) agent: Option<String>,
    /// What the person says.
    pub(crate) intention: String,
    /// The plan that is run, where it is not the planner that is measured.
    #[serde(default)]
    pub(crate) plan: Option<String>,
    /// `sample`, or the path of a folder, relative to the case file.
    #[serde(default = "sample")]
    pub(crate) workspace: String,
    /// The date that counts as today.
    pub(crate) today: jiff::civil::Date,
    /// What the person answers: a regular expression on the question to the answer. Other questions get no answer.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, String>,
    /// What must be true afterwards.
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// What must be true after a case; all of it. Regular expressions are searched for, without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// Found in the answer.
    pub(crate) answer: Vec<String>,
    /// Files that are there after a commit, and what is found in their text.
    pub(crate) files: BTreeMap<String, Vec<String>>,
    /// Paths that are not there after a commit.
    pub(crate) absent: Vec<String>,
    /// Events in the calendar after a commit: field to regular expression.
    pub(crate) calendar: Vec<BTreeMap<String, String>>,
    /// Messages in the outbox: field to regular expression.
    pub(crate) outbox: Vec<BTreeMap<String, String>>,
    /// Tools that were called.
    pub(crate) calls: Vec<String>,
    /// Tools that were not called.
    pub(crate) not_calls: Vec<String>,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
}

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// The person was asked something that the case does not answer.
    Asked,
    /// It was refused.
    Refused,
    /// It failed; never expected.
    Failed,
}

fn sample() -> String {
    "sample".to_owned()
}

/// Reads a case file: JSON lines, blank lines and lines that begin with `#` apart.
pub(crate) fn read_cases(path: &Path) -> Result<Vec<Case>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(ErrorCode::NotFound, format!("cannot read the cases in {}", path.display())).because(error)
    })?;
    parse_cases(&text, &path.display().to_string())
}

/// The cases that Genoa is measured by, on its sample of a person's files.
pub(crate) fn shipped_cases() -> Result<Vec<Case>, Failure> {
    parse_cases(include_str!("../../../../evaluation/sample.jsonl"), "the shipped cases")
}

fn parse_cases(text: &str, shown: &str) -> Result<Vec<Case>, Failure> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                Failure::new(ErrorCode::InvalidInput, format!("{shown} line {} is not a case", number + 1))
                    .because(error)
                    .try_next("docs/evaluation-format.md describes the format")
            })
        })
        .collect()
}
