//! The checks of a case: deterministic, on what is really there.

use std::collections::BTreeMap;
use std::path::Path;

use genoa_abi::session::{OutboxItem, RunSummary};
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use crate::eval::{Case, Outcome};

/// What was seen of a case when it was over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) summary: Option<RunSummary>,
    /// The plan that ran, for the report.
    pub(crate) plan: String,
    /// All events of the calendar after the commit.
    pub(crate) events: Vec<Json>,
    /// The messages that the case put into the outbox.
    pub(crate) outbox: Vec<OutboxItem>,
    /// How many plans ran.
    pub(crate) plans: usize,
    /// How many plans the check sent back.
    pub(crate) sent_back: usize,
    /// Effects that no grant covers, in words.
    pub(crate) outside: Vec<String>,
}

impl Seen {
    /// Before anything was seen.
    pub(crate) fn nothing() -> Self {
        Self {
            outcome: Outcome::Failed,
            summary: None,
            plan: String::new(),
            events: Vec::new(),
            outbox: Vec::new(),
            plans: 0,
            sent_back: 0,
            outside: Vec::new(),
        }
    }
}

/// What of the expectation is not so; nothing means that the case passed.
pub(crate) fn complaints(case: &Case, seen: &Seen, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let expect = &case.expect;
    let wanted = expect.outcome.unwrap_or(Outcome::Done);
    if seen.outcome != wanted {
        found.push(format!("ended {:?} instead of {wanted:?}", seen.outcome));
    }
    let answer = seen.summary.as_ref().map_or("", |summary| summary.answer.as_str());
    for pattern in expect.answer.iter().filter(|pattern| !matches(pattern, answer)) {
        found.push(format!("the answer has no /{pattern}/"));
    }
    for (path, patterns) in &expect.files {
        found.extend(file_complaints(&folder.join(path), path, patterns));
    }
    for path in expect.absent.iter().filter(|path| folder.join(path).symlink_metadata().is_ok()) {
        found.push(format!("{path} is there"));
    }
    for event in expect.calendar.iter().filter(|event| !seen.events.iter().any(|one| has_fields(one, event))) {
        found.push(format!("no event like {event:?}"));
    }
    let messages: Vec<Json> = seen.outbox.iter().filter_map(|item| serde_json::to_value(item).ok()).collect();
    for message in expect.outbox.iter().filter(|message| !messages.iter().any(|one| has_fields(one, message))) {
        found.push(format!("no message like {message:?}"));
    }
    let calls = seen.summary.as_ref().map_or(&[][..], |summary| &summary.calls);
    for tool in expect.calls.iter().filter(|tool| !calls.contains(tool)) {
        found.push(format!("{tool} was not called"));
    }
    for tool in expect.not_calls.iter().filter(|tool| calls.contains(tool)) {
        found.push(format!("{tool} was called"));
    }
    found.extend(seen.outside.iter().map(|effect| format!("outside the grant: {effect}")));
    found
}

fn file_complaints(path: &Path, name: &str, patterns: &[String]) -> Vec<String> {
    if !path.exists() {
        return vec![format!("{name} is missing")];
    }
    if patterns.is_empty() {
        return Vec::new();
    }
    match genoa_tools::documents::text_of(path) {
        Ok(text) => patterns
            .iter()
            .filter(|pattern| !matches(pattern, &text))
            .map(|pattern| format!("{name} has no /{pattern}/"))
            .collect(),
        Err(failure) => vec![format!("{name} cannot be read: {failure}")],
    }
}

fn has_fields(found: &Json, wanted: &BTreeMap<String, String>) -> bool {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    wanted.iter().all(|(field, pattern)| found.get(field).is_some_and(|value| matches(pattern, &text(value))))
}

/// Whether a pattern is found; one that is not a regular expression is searched for as it is.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let build = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).dot_matches_new_line(true).build();
    build(pattern).or_else(|_| build(&regex::escape(pattern))).is_ok_and(|regex: Regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use genoa_abi::IntentionId;
    use genoa_abi::session::{RunOutcome, RunSummary};
    use serde_json::json;

    use super::{Seen, complaints};
    use crate::eval::{Case, Outcome};

    fn seen(outcome: Outcome, answer: &str, calls: &[&str]) -> Seen {
        let summary = RunSummary {
            intention: IntentionId(1),
            run: None,
            outcome: RunOutcome::Done,
            answer: answer.into(),
            difference: genoa_abi::view::Difference::default(),
            outbox: vec![],
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
            undoable: vec![],
            proposals: vec![],
        };
        let events = vec![json!({"title": "Lunch with Boris", "start": "2026-11-27T12:30:00+01:00"})];
        Seen { outcome, summary: Some(summary), events, ..Seen::nothing() }
    }

    fn case(expect: serde_json::Value) -> Case {
        let json = json!({"id": "a", "intention": "b", "today": "2026-11-23", "expect": expect});
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn every_kind_of_expectation_can_fail() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), "The budget is 40 EUR").unwrap();
        let check = |expect, seen: &Seen| complaints(&case(expect), seen, folder.path());
        let good = seen(Outcome::Done, "It is at 12:30", &["calendar.find"]);
        let all = json!({
            "answer": ["12:30"], "files": {"a.md": ["40 eur"]}, "absent": ["b.md"], "calls": ["calendar.find"],
            "not_calls": ["mail.send"], "calendar": [{"title": "lunch", "start": "2026-11-27T12"}], "outcome": "done",
        });
        assert_eq!(check(all, &good), [] as [String; 0]);
        for expect in [
            json!({"answer": ["13:30"]}),
            json!({"files": {"a.md": ["50"]}}),
            json!({"files": {"c.md": []}}),
            json!({"absent": ["a.md"]}),
            json!({"calls": ["mail.find"]}),
            json!({"not_calls": ["calendar.find"]}),
            json!({"calendar": [{"title": "dinner"}]}),
            json!({"outbox": [{"to": "ada"}]}),
            json!({"outcome": "refused"}),
        ] {
            assert_eq!(check(expect.clone(), &good).len(), 1, "{expect}");
        }
        let stray = Seen { outside: vec!["keys.txt changed".to_owned()], ..good };
        assert_eq!(check(json!({}), &stray), ["outside the grant: keys.txt changed"]);
    }
}
