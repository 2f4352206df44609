//! Statements: one more, at any of the open indentations, or the end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, EffectClass, Type};

use super::rules::{Rules, literal};
use super::said::Said;
use super::scope::{CHANGING, Level, Scope};
use super::terminals::fresh_name;
use super::values::Values;
use crate::builtins::HELPERS;

/// The grammar of exactly one more statement line, or of the end of the plan, in the Lark dialect of `llguidance`. A line
/// that opens a block ends with its newline. Any other may: without it, the plan ends there. Where nothing more can be
/// written, only the end is left. What the person said bounds times, people and the tools that must be asked for.
#[must_use]
pub fn next_statement_grammar(scope: &Scope, catalog: &Catalog, said: &Said) -> String {
    let mut known = Cow::Borrowed(catalog);
    if !scope.entries.is_empty() {
        known.to_mut().records.extend(scope.entries.iter().map(|entry| (entry.name.clone(), entry.clone())));
    }
    let catalog = &*known;
    let mut rules = Rules::default();
    let mut alternatives = Vec::new();
    for level in &scope.levels {
        if scope.only_acts {
            let acting = Values::new(&mut rules, catalog, said, &level.variables).acting();
            if let (Some(acting), true) = (rules.rule(&acting), level.margin.is_empty()) {
                alternatives.push(format!("{acting} \"\\n\"?"));
            }
            continue;
        }
        let (simple, headers) = statements(level, scope.is_first, catalog, said, &mut rules);
        let margin = if level.margin.is_empty() { String::new() } else { format!("{} ", literal(&level.margin)) };
        if let Some(simple) = rules.rule(&simple) {
            alternatives.push(format!("{margin}{simple} \"\\n\"?"));
        }
        if let Some(headers) = rules.rule(&headers) {
            alternatives.push(format!("{margin}{headers} \":\\n\""));
        }
    }
    if scope.may_end || alternatives.is_empty() {
        alternatives.push("\"\"".to_owned());
    }
    rules.finish(&alternatives)
}

/// The statements of a level: those that stand alone, and the headers of blocks without their colon.
fn statements(
    level: &Level,
    is_first: bool,
    catalog: &Catalog,
    said: &Said,
    rules: &mut Rules,
) -> (Vec<String>, Vec<String>) {
    let fresh = rules.terminal(&fresh_name(taken(&level.variables, catalog)));
    let mut values = Values::new(rules, catalog, said, &level.variables);
    let mut simple: Vec<String> = Vec::new();
    if is_first {
        simple.extend(values.whole_plans());
        let question = if said.wants_to_be_asked() { values.question() } else { None };
        if let Some(question) = question {
            return (vec![question], Vec::new());
        }
        let is_hopeless = said.names_nothing() || said.is_beyond(catalog) || said.is_out_of_reach(catalog);
        if is_hopeless && !simple.is_empty() {
            return (simple, Vec::new());
        }
    }
    if is_first && said.begins_with_a_program() {
        let programs = values.calls(|tool| tool.needs.programs && tool.takes_a_command());
        if let Some(program) = values.rules.rule(&programs.returning) {
            return (vec![format!("{fresh} \" = \" {program}")], Vec::new());
        }
    }
    let calls = values.calls(|tool| !(level.has_rewritten && CHANGING.contains(&tool.name.as_str())));
    let mut assigned = calls.returning;
    assigned.extend(values.kept());
    simple.extend(calls.acting);
    if let Some(assigned) = values.rules.rule(&assigned) {
        simple.push(format!("{fresh} \" = \" {assigned}"));
    }
    let mut headers = Vec::new();
    if level.may_nest {
        if let Some(list) = values.list_of(|_| true) {
            headers.push(format!("\"for \" {fresh} \" in \" {list}"));
        }
        headers.extend(values.condition().map(|condition| format!("\"if \" {condition}")));
        if let Some(variables) = &level.otherwise {
            headers.push("\"else\"".to_owned());
            let condition = Values::new(rules, catalog, said, variables).condition();
            headers.extend(condition.map(|condition| format!("\"elif \" {condition}")));
        }
    }
    (simple, headers)
}

/// The names that a target may not have.
fn taken<'a>(variables: &'a BTreeMap<String, Type>, catalog: &'a Catalog) -> impl Iterator<Item = &'a str> {
    let functions = catalog.tools.keys().filter_map(|tool| tool.split('.').next());
    variables.keys().map(String::as_str).chain(HELPERS).chain(functions.filter(|group| super::rules::is_name(group)))
}

impl Values<'_> {
    /// The calls that change something of the person's.
    fn acting(&mut self) -> Vec<String> {
        self.calls(|tool| tool.effect == EffectClass::Change && !tool.needs.programs).acting
    }

    /// What may be kept under a name, besides the results of calls. No text and no arithmetic: a model that has lost its
    /// way goes on with those without end.
    fn kept(&mut self) -> Vec<String> {
        let mut kept = self.chosen(None, false);
        kept.extend(self.chosen(None, true));
        kept.extend(self.totals());
        kept.extend(self.collected(|ty| *ty != Type::None));
        if let Some(list) = self.list_of(|_| true) {
            kept.push(format!("\"len(\" {list} \")\""));
        }
        kept
    }
}
