//! What is wrong with rules before they hold: errors, and what their writer most likely did not mean.

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::{ValidationMode, Validator};
use genoa_abi::Timestamp;
use genoa_abi::policy::{CallFacts, Layer, PolicyTexts, RuleName, Verdict};
use genoa_abi::schema::{Catalog, EffectClass, ToolSchema};

use crate::engine::{Broken, Engine, FOREIGN, Rule};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemarkKind {
    /// The rules do not hold.
    Wrong,
    /// They hold, and most likely not as they were meant.
    Doubtful,
}

/// Something to say about rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub kind: RemarkKind,
    /// Of which rule; nothing where it is about a whole file, or all of them.
    pub rule: Option<RuleName>,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "{} ({}, {}): {}", rule.id, rule.layer, rule.file, self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Looks at the rules of an administrator and a person together with the shipped ones.
#[must_use]
pub fn check(texts: &PolicyTexts, catalog: &Catalog) -> Vec<Remark> {
    let engine = match Engine::new(texts, catalog) {
        Ok(engine) => engine,
        Err(broken) => return broken.iter().map(unreadable).collect(),
    };
    let mut remarks = validation(&engine);
    remarks.extend(engine.rules().filter(|rule| is_careless(rule)).map(|rule| Remark {
        kind: RemarkKind::Doubtful,
        rule: Some(rule.name.clone()),
        text: "it covers also what others could have written, for calls of every kind; name the tool in `action ==`, or \
               take `@foreign` out"
            .to_owned(),
    }));
    remarks.extend(same_ids(&engine));
    if remarks.iter().all(|remark| remark.kind != RemarkKind::Wrong) {
        remarks.extend(lock_out(&engine));
    }
    remarks
}

fn unreadable(broken: &Broken) -> Remark {
    Remark { kind: RemarkKind::Wrong, rule: None, text: broken.to_string() }
}

/// What Cedar's own validator says: a tool or an argument that does not exist, a condition that can never hold.
fn validation(engine: &Engine) -> Vec<Remark> {
    let result = Validator::new(engine.schema.clone()).validate(engine.all(), ValidationMode::Strict);
    let errors = result
        .validation_errors()
        .map(|error| (RemarkKind::Wrong, error.policy_id().clone(), said(&error.to_string())));
    let warnings = result
        .validation_warnings()
        .map(|warning| (RemarkKind::Doubtful, warning.policy_id().clone(), said(&warning.to_string())));
    let mut said = BTreeSet::new();
    let mut remarks = Vec::new();
    // One thing about a rule is enough: what follows is mostly its consequence.
    for (kind, id, text) in errors.chain(warnings) {
        if said.insert(id.clone()) {
            remarks.push(Remark { kind, rule: engine.rule(&id).map(|rule| rule.name.clone()), text });
        }
    }
    remarks
}

/// Cedar's words without the internal name of the rule, which stands before them.
fn said(text: &str) -> String {
    text.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")).map_or(text, |(_, said)| said).to_owned()
}

/// Rules that could not be told apart by their name.
fn same_ids(engine: &Engine) -> Vec<Remark> {
    let mut known = BTreeSet::new();
    let again = engine.rules().filter(|rule| !known.insert((rule.name.layer, &rule.name.file, &rule.name.id)));
    let remark = |rule: &Rule| Remark {
        kind: RemarkKind::Doubtful,
        rule: Some(rule.name.clone()),
        text: "another rule of this file has the same id; both hold, and nobody can tell which one decided".to_owned(),
    };
    again.map(remark).collect()
}

/// A permit that opens every sink of every tool.
fn is_careless(rule: &Rule) -> bool {
    !rule.forbids
        && rule.name.layer != Layer::Shipped
        && rule.policy.annotation(FOREIGN).is_some()
        && !rule.text.contains("action ==")
}

/// Rules under which no tool of a class can be called at all, not even with a yes.
fn lock_out(engine: &Engine) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (class, what) in [
        (EffectClass::Observe, "read anything"),
        (EffectClass::Change, "change anything"),
        (EffectClass::Emit, "send anything"),
    ] {
        let tools: Vec<&ToolSchema> = engine.catalog.tools.values().filter(|tool| tool.effect == class).collect();
        let call = |tool: &ToolSchema| CallFacts::of_nothing_but(tool, Some("agent"), "/".to_owned(), Timestamp(0));
        let is_forbidden =
            |tool: &&ToolSchema| engine.decide(&call(tool)).map_or(true, |said| said.verdict == Verdict::Forbid);
        if !tools.is_empty() && tools.iter().all(is_forbidden) {
            remarks.push(Remark {
                kind: RemarkKind::Doubtful,
                rule: None,
                text: format!("under these rules nothing can {what}, whatever you say yes to"),
            });
        }
    }
    remarks
}
