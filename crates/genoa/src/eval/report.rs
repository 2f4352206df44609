//! What came of an evaluation, for a screen and for a page.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) id: String,
    pub(crate) category: String,
    /// What of the expectation was not so; nothing means passed.
    pub(crate) complaints: Vec<String>,
    /// The plan that ran.
    pub(crate) plan: String,
    /// The answer.
    pub(crate) answer: String,
    pub(crate) seconds: f64,
    /// How many plans ran.
    pub(crate) plans: usize,
    /// How many plans the check sent back.
    pub(crate) sent_back: usize,
    /// How many effects no grant covers.
    pub(crate) outside: usize,
}

impl Verdict {
    pub(crate) fn passed(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// A line a category, one for all, and one for what happened to the plans.
pub(crate) fn summary_lines(verdicts: &[Verdict]) -> Vec<String> {
    let line = |row: Row| {
        format!(
            "{:<14} {:>3} of {:>3}  {:>5.1} %  median {:.1} s",
            row.name, row.passed, row.cases, row.percent, row.median
        )
    };
    rows(verdicts).into_iter().map(line).chain([plans_line(verdicts)]).collect()
}

/// How many plans ran and were sent back, and what happened outside of grants.
fn plans_line(verdicts: &[Verdict]) -> String {
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    format!(
        "Plans that passed the check and ran: {}; sent back by it: {}; effects outside the grant: {}.",
        sum(|verdict| verdict.plans),
        sum(|verdict| verdict.sent_back),
        sum(|verdict| verdict.outside)
    )
}

/// A section of a Markdown page: the table, and the cases that did not pass with the reason.
pub(crate) fn markdown(title: &str, verdicts: &[Verdict]) -> String {
    let mut page = format!("## {title}\n\n| category | passed | cases | rate | median time |\n|---|---|---|---|---|\n");
    for row in rows(verdicts) {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {:.1} % | {:.1} s |",
            row.name, row.passed, row.cases, row.percent, row.median
        );
    }
    let _ = writeln!(page, "\n{}", plans_line(verdicts));
    let failed: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.passed()).collect();
    if !failed.is_empty() {
        page.push_str("\nNot passed:\n\n");
        for verdict in failed {
            let _ = writeln!(page, "- `{}`: {}", verdict.id, verdict.complaints.join("; "));
        }
    }
    page
}

struct Row {
    name: String,
    passed: usize,
    cases: usize,
    percent: f64,
    median: f64,
}

fn rows(verdicts: &[Verdict]) -> Vec<Row> {
    let mut categories: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        categories.entry(&verdict.category).or_default().push(verdict);
    }
    let mut rows: Vec<Row> = categories.iter().map(|(name, verdicts)| row(name, verdicts)).collect();
    rows.push(row("all", &verdicts.iter().collect::<Vec<_>>()));
    rows
}

fn row(name: &str, verdicts: &[&Verdict]) -> Row {
    let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
    let mut seconds: Vec<f64> = verdicts.iter().map(|verdict| verdict.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    Row {
        name: name.to_owned(),
        passed,
        cases: verdicts.len(),
        percent: 100.0 * count(passed) / count(verdicts.len().max(1)),
        median: seconds.get(seconds.len() / 2).copied().unwrap_or(0.0),
    }
}
