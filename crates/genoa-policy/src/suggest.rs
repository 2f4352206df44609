//! What would have to change for a call to be allowed: the narrowest rule that does it.

use genoa_abi::Timestamp;
use genoa_abi::policy::{CallFacts, Decision, Layer, RuleName, Verdict};

use crate::facts::moment;

/// The shortest change under which a call would not have been refused or asked about; nothing where none is needed.
#[must_use]
pub fn change_that_allows(facts: &CallFacts, decision: &Decision) -> Option<String> {
    let forbidding = || decision.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match decision.verdict {
        Verdict::Allow => None,
        Verdict::Forbid if decision.rules.is_empty() => {
            Some(format!("Add a rule that permits it:\n{}", allowing(facts, None)))
        }
        Verdict::Forbid => Some(format!("Take out or narrow what forbids it: {}", forbidding())),
        Verdict::Ask if decision.rules.iter().any(is_always) => None,
        // A rule would open the way for whatever others write there next time.
        Verdict::Ask if !facts.unmet.is_empty() => {
            let parameters: Vec<&str> = facts.unmet.iter().map(String::as_str).collect();
            Some(format!("Say it in your own words: {}", parameters.join(", ")))
        }
        Verdict::Ask => Some(format!("To be asked no more about just this, add:\n{}", allowing(facts, None))),
    }
}

/// Whether a shipped rule wants it asked, which no other rule changes.
fn is_always(rule: &RuleName) -> bool {
    rule.layer == Layer::Shipped && matches!(rule.id.as_str(), "govern-asks" | "suspect-asks")
}

/// The rule that permits calls like this one and no others: the same agent, tool and folder, to the same people; until
/// a time, if one is given.
#[must_use]
pub fn allowing(facts: &CallFacts, until: Option<Timestamp>) -> String {
    let principal = match &facts.agent {
        Some(agent) => format!("principal == Agent::{}", quoted(agent)),
        None => "principal == Person::\"you\"".to_owned(),
    };
    let mut conditions = Vec::new();
    if !facts.recipients.is_empty() {
        let addresses: Vec<String> = facts.recipients.iter().map(|address| quoted(address)).collect();
        conditions.push(format!("[{}].containsAll(context.recipients)", addresses.join(", ")));
    }
    if let Some(until) = until {
        conditions.push(format!("context.now < datetime({})", quoted(&moment(until))));
    }
    let annotation = if facts.new_to.is_empty() { "" } else { "@disclosing(\"allowed\")\n" };
    let when = if conditions.is_empty() { String::new() } else { format!("\nwhen {{ {} }}", conditions.join(" && ")) };
    format!(
        "{annotation}permit ({principal}, action == Action::{}, resource == Workspace::{}){when};",
        quoted(&facts.tool),
        quoted(&facts.workspace)
    )
}

/// A text as Cedar writes it.
pub(crate) fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            other if other.is_control() => format!("\\u{{{:x}}}", u32::from(other)),
            other => other.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}
