//! Skills: which values of a plan come from the person's words, and how others are put in their place.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, Parameter, Type};
use genoa_abi::skill::{Skill, SkillParameter};
use genoa_abi::{ErrorCode, Failure};

use crate::ast::{Expression, ExpressionKind};
use crate::grammar::{Said, is_name, literal_grammar};
use crate::lints::each_call;
use crate::parse::parse;
use crate::plan::check;
use crate::types::{innermost, is_text};

/// Parameters of one skill.
const PARAMETERS: usize = 8;

/// Turns the values that the intention names into parameters: the plan with a line `name = "value"` for each before it,
/// and what they are. A plan that takes nothing from the intention's words stays as it is.
#[must_use]
pub fn parametrise(source: &str, catalog: &Catalog, intention: &str) -> (String, Vec<SkillParameter>) {
    let (mut body, mut parameters) = (source.trim_end().to_owned() + "\n", Vec::new());
    for (literal, candidate) in candidates(source, catalog, intention) {
        let candidate = SkillParameter { name: fresh(&candidate.name, &body, &parameters, catalog), ..candidate };
        let changed = body.replace(&literal, &candidate.name);
        let mut tried = parameters.clone();
        tried.push(candidate);
        // Where a name cannot stand for the literal (a field to sort by), it stays.
        if check(&assemble(&tried, &changed), catalog, "").is_ok() {
            (body, parameters) = (changed, tried);
        }
    }
    (assemble(&parameters, &body), parameters)
}

/// The skill's plan with these values in the place of its own.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for a value of a parameter that it does not have, naming those that it has.
pub fn filled(skill: &Skill, values: &BTreeMap<String, String>) -> Result<String, Failure> {
    if let Some(unknown) = values.keys().find(|name| skill.parameters.iter().all(|known| known.name != **name)) {
        let known: Vec<&str> = skill.parameters.iter().map(|known| known.name.as_str()).collect();
        return Err(Failure::new(
            ErrorCode::InvalidInput,
            format!("the skill {} has no value `{unknown}`", skill.name),
        )
        .try_next(if known.is_empty() {
            "It takes none".to_owned()
        } else {
            format!("It takes: {}", known.join(", "))
        }));
    }
    let parameters: Vec<SkillParameter> = skill
        .parameters
        .iter()
        .map(|known| SkillParameter { value: values.get(&known.name).unwrap_or(&known.value).clone(), ..known.clone() })
        .collect();
    Ok(assemble(&parameters, body(skill)))
}

/// The statements after the parameters.
#[must_use]
pub fn body(skill: &Skill) -> &str {
    let lines: usize = skill.plan.split_inclusive('\n').take(skill.parameters.len()).map(str::len).sum();
    skill.plan.get(lines..).unwrap_or_default()
}

/// The grammar of a parameter's line for another intention; nothing if its words hold no value of the kind.
#[must_use]
pub fn parameter_grammar(parameter: &SkillParameter, said: &Said) -> Option<String> {
    literal_grammar(&format!("{} = ", parameter.name), &parameter.ty, said)
}

fn assemble(parameters: &[SkillParameter], body: &str) -> String {
    let lines: String = parameters.iter().map(|one| format!("{} = {}\n", one.name, quoted(&one.value))).collect();
    lines + body
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Literals of calls that the intention says, as they stand in the source, each once.
fn candidates(source: &str, catalog: &Catalog, intention: &str) -> Vec<(String, SkillParameter)> {
    let Ok(statements) = parse(source) else { return Vec::new() };
    let intention = intention.to_lowercase();
    let mut found: Vec<(String, SkillParameter)> = Vec::new();
    each_call(&statements, &mut |call, function| {
        let (Some(tool), ExpressionKind::Call { positional, named, .. }) = (catalog.tools.get(function), &call.kind)
        else {
            return;
        };
        let first = tool.parameters.first().map(|first| first.name.as_str()).unwrap_or_default();
        let unnamed = positional.iter().map(|value| (first, value));
        for (name, value) in unnamed.chain(named.iter().map(|argument| (argument.name.as_str(), &argument.value))) {
            let value_type = |parameter: &'_ Parameter| match innermost(&parameter.ty) {
                Type::Fields => Type::Text,
                other => other.clone(),
            };
            let Some(ty) = tool.parameter(name).map(value_type).filter(can_change) else {
                continue;
            };
            for (literal, text) in literals(value) {
                let is_new = found.len() < PARAMETERS && found.iter().all(|(known, _)| known != literal);
                if is_new && !text.trim().is_empty() && intention.contains(&text.to_lowercase()) {
                    let parameter = SkillParameter { name: name.to_owned(), ty: ty.clone(), value: text.to_owned() };
                    found.push((literal.to_owned(), parameter));
                }
            }
        }
    });
    found
}

fn can_change(ty: &Type) -> bool {
    matches!(ty, Type::Time | Type::Path | Type::Record(_)) || (is_text(ty) && !matches!(ty, Type::Choice(_)))
}

/// The texts of a value, or of the list that it is, with their source.
fn literals(value: &Expression) -> Vec<(&str, &str)> {
    match &value.kind {
        ExpressionKind::Text(text) => vec![(&value.source, text)],
        ExpressionKind::List(items) => items.iter().flat_map(literals).collect(),
        _ => Vec::new(),
    }
}

/// The wanted name, or one with a number if something in the plan has it.
fn fresh(wanted: &str, body: &str, parameters: &[SkillParameter], catalog: &Catalog) -> String {
    let is_bound = |name: &str| {
        let (assigned, looped) = (format!("{name} = "), format!("for {name} in "));
        body.lines().map(str::trim_start).any(|line| line.starts_with(&assigned) || line.starts_with(&looped))
    };
    let is_free = |name: &str| {
        let is_group = catalog.tools.keys().any(|tool| tool.split('.').next() == Some(name));
        !is_group && is_name(name) && !is_bound(name) && parameters.iter().all(|known| known.name != name)
    };
    let numbered = (2..=PARAMETERS + 1).map(|number| format!("{wanted}_{number}"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_else(|| wanted.to_owned())
}
