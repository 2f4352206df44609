//! The suites and what is promised of each figure; running one.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Where the suites are listed.
const LIST_PATH: &str = "benches/targets.toml";

/// One suite: a benchmark of one crate, and its figures.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Its name, and that of its result file.
    pub name: String,
    /// What it measures, one line.
    pub about: String,
    /// The crate.
    pub package: String,
    /// The crate's benchmark.
    pub bench: String,
    /// What it promises.
    #[serde(default, rename = "figure")]
    pub figures: Vec<Figure>,
}

/// One promised figure.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its name, as the benchmark prints it.
    pub figure: String,
    /// Its unit.
    pub unit: String,
    /// What it must reach. Without one it is reported only.
    #[serde(default)]
    pub target: Option<Target>,
}

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The value is not more.
    AtMost(f64),
    /// The value is not less.
    AtLeast(f64),
    /// The value divided by the peer's is not more.
    RatioAtMost(f64),
    /// The value divided by the peer's is not less.
    RatioAtLeast(f64),
}

impl Target {
    /// Whether a row reaches it; a ratio without a peer does not.
    #[must_use]
    pub fn is_met_by(self, row: &Row) -> bool {
        match self {
            Self::AtMost(limit) => row.value <= limit,
            Self::AtLeast(limit) => row.value >= limit,
            Self::RatioAtMost(limit) => row.ratio.is_some_and(|ratio| ratio <= limit),
            Self::RatioAtLeast(limit) => row.ratio.is_some_and(|ratio| ratio >= limit),
        }
    }
}

/// One measured figure, as a benchmark prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub figure: String,
    /// Its unit.
    pub unit: String,
    /// The value.
    pub value: f64,
    /// Whom it is compared with, measured in the same run.
    #[serde(default)]
    pub peer: Option<String>,
    /// The peer's value.
    #[serde(default)]
    pub peer_value: Option<f64>,
    /// Value divided by the peer's.
    #[serde(default)]
    pub ratio: Option<f64>,
    /// The single measurements, in the same unit.
    #[serde(default)]
    pub samples: Vec<f64>,
}

/// What a benchmark prints: one JSON object on standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The suite.
    pub suite: String,
    /// Its figures.
    pub rows: Vec<Row>,
}

/// Reads the list of suites.
///
/// # Errors
/// A list that is missing, or is not as it should be.
pub fn read_suites(root: &Path) -> Result<Vec<Suite>, String> {
    #[derive(Deserialize)]
    struct List {
        suite: Vec<Suite>,
    }
    let text = std::fs::read_to_string(root.join(LIST_PATH)).map_err(|error| format!("{LIST_PATH}: {error}"))?;
    toml::from_str::<List>(&text).map(|list| list.suite).map_err(|error| format!("{LIST_PATH}: {error}"))
}

/// Builds and runs a suite. What it says on standard error goes to the terminal.
///
/// # Errors
/// A benchmark that does not build, fails, or prints something else than its figures.
pub fn run(root: &Path, suite: &Suite) -> Result<Output, String> {
    let output = Command::new("cargo")
        .args(["bench", "--quiet", "--locked", "--package", &suite.package, "--bench", &suite.bench])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("the benchmark {} ended with {}", suite.name, output.status));
    }
    read_output(suite, &output.stdout)
}

fn read_output(suite: &Suite, stdout: &[u8]) -> Result<Output, String> {
    let found: Output = serde_json::from_slice(stdout)
        .map_err(|error| format!("the benchmark {} must print one JSON object {{suite, rows}}: {error}", suite.name))?;
    if found.suite != suite.name {
        return Err(format!("the benchmark says it is {}, {LIST_PATH} says {}", found.suite, suite.name));
    }
    let has = |figure: &Figure| found.rows.iter().any(|row| row.figure == figure.figure && row.unit == figure.unit);
    match suite.figures.iter().find(|figure| !has(figure)) {
        Some(missing) => Err(format!("the benchmark did not measure {} in {}", missing.figure, missing.unit)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Row, Suite, Target, read_output};

    fn suite() -> Suite {
        let figure = Figure { figure: "round trip".into(), unit: "µs".into(), target: None };
        let text = |text: &str| text.to_owned();
        Suite { name: text("s"), about: text("a"), package: text("p"), bench: text("b"), figures: vec![figure] }
    }

    #[test]
    fn a_benchmark_must_print_what_it_promises() {
        let check = |text: &str| read_output(&suite(), text.as_bytes());
        assert!(check(r#"{"suite":"s","rows":[{"figure":"round trip","unit":"µs","value":1.5}]}"#).is_ok());
        assert!(check(r#"{"suite":"t","rows":[{"figure":"round trip","unit":"µs","value":1.5}]}"#).is_err());
        assert!(check(r#"{"suite":"s","rows":[{"figure":"round trip","unit":"ms","value":1.5}]}"#).is_err());
        assert!(check("running 1 test").is_err());
    }

    #[test]
    fn a_ratio_without_a_peer_is_not_met() {
        let mut row = Row {
            figure: "f".into(),
            unit: "ms".into(),
            value: 2.0,
            peer: None,
            peer_value: None,
            ratio: None,
            samples: vec![],
        };
        assert!(Target::AtMost(2.0).is_met_by(&row) && !Target::AtMost(1.9).is_met_by(&row));
        assert!(Target::AtLeast(2.0).is_met_by(&row) && !Target::AtLeast(2.1).is_met_by(&row));
        assert!(!Target::RatioAtMost(9.0).is_met_by(&row));
        row.ratio = Some(0.96);
        assert!(Target::RatioAtLeast(0.95).is_met_by(&row) && !Target::RatioAtMost(0.95).is_met_by(&row));
    }
}
