//! A kept result: the figures of one run, judged, with the machine and the samples.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::machine::{self, Machine};
use super::suite::{Output, Row, Suite, Target};

/// Where results are kept, one file a suite.
pub const RESULTS_FOLDER: &str = "benches/results";

/// The result of one suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuiteResult {
    /// The suite.
    pub suite: String,
    /// What makes it anew.
    pub command: String,
    /// When it was measured.
    pub date: String,
    /// What was measured.
    pub commit: String,
    /// On what.
    pub machine: Machine,
    /// The figures.
    pub rows: Vec<JudgedRow>,
}

/// A figure, and whether it is what was promised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedRow {
    /// The figure.
    #[serde(flatten)]
    pub row: Row,
    /// The promise, where there is one.
    pub target: Option<Target>,
    /// Whether it is kept.
    pub met: Option<bool>,
}

/// Judges what a benchmark printed, and adds where and when.
#[must_use]
pub fn judge(suite: &Suite, output: Output) -> SuiteResult {
    let rows = output.rows.into_iter().map(|row| {
        let target = suite.figures.iter().find(|figure| figure.figure == row.figure).and_then(|figure| figure.target);
        JudgedRow { met: target.map(|target| target.is_met_by(&row)), target, row }
    });
    SuiteResult {
        suite: suite.name.clone(),
        command: format!("./x bench {}", suite.name),
        date: machine::today(),
        commit: machine::commit(),
        machine: Machine::this(),
        rows: rows.collect(),
    }
}

impl SuiteResult {
    /// Writes the result to its file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), String> {
        let folder = root.join(RESULTS_FOLDER);
        let path = folder.join(format!("{}.json", self.suite));
        let fail = |error: &dyn std::fmt::Display| format!("cannot write {}: {error}", path.display());
        let text = serde_json::to_string_pretty(self).map_err(|error| fail(&error))?;
        std::fs::create_dir_all(&folder).map_err(|error| fail(&error))?;
        std::fs::write(&path, text + "\n").map_err(|error| fail(&error))
    }
}

/// The kept results of these suites, by name.
///
/// # Errors
/// A result that cannot be read.
pub fn read_results(root: &Path, suites: &[Suite]) -> Result<BTreeMap<String, SuiteResult>, String> {
    let mut results = BTreeMap::new();
    for suite in suites {
        let path = root.join(RESULTS_FOLDER).join(format!("{}.json", suite.name));
        if path.exists() {
            let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let result = serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            results.insert(suite.name.clone(), result);
        }
    }
    Ok(results)
}
