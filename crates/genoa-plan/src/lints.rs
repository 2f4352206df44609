//! What a plan probably lacks: results nobody uses, names of the intention it never mentions, acts that nobody asked for.

use std::collections::BTreeSet;

use genoa_abi::schema::{Catalog, EffectClass, Executor};

use crate::ast::{Expression, ExpressionKind, Part, Place, Statement, StatementKind};
use crate::finding::Finding;
use crate::grammar::Said;

/// All warnings.
pub(crate) fn lint(statements: &[Statement], catalog: &Catalog, intention: &str) -> Vec<Finding> {
    let mut warnings = unused(statements, catalog);
    let is_refusal = matches!(statements, [Statement { kind: StatementKind::Expression(call), .. }]
        if matches!(&call.kind, ExpressionKind::Call { function, .. } if function == "refuse"));
    if !is_refusal {
        warnings.extend(unmentioned(statements, intention));
        warnings.extend(unasked(statements, catalog, intention));
    }
    warnings
}

/// Calls `visit` with every call and its function's name.
pub(crate) fn each_call<'a>(statements: &'a [Statement], visit: &mut dyn FnMut(&'a Expression, &'a str)) {
    each_expression(statements, &mut |expression| {
        if let ExpressionKind::Call { function, .. } = &expression.kind {
            visit(expression, function);
        }
    });
}

pub(crate) fn each_expression<'a>(statements: &'a [Statement], visit: &mut dyn FnMut(&'a Expression)) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Assign { value, .. } | StatementKind::Expression(value) => inside(value, visit),
            StatementKind::For { over, body, .. } => {
                inside(over, visit);
                each_expression(body, visit);
            }
            StatementKind::If { condition, body, otherwise } => {
                inside(condition, visit);
                each_expression(body, visit);
                each_expression(otherwise, visit);
            }
            StatementKind::Open => {}
        }
    }
}

fn inside<'a>(expression: &'a Expression, visit: &mut dyn FnMut(&'a Expression)) {
    visit(expression);
    match &expression.kind {
        ExpressionKind::List(items) | ExpressionKind::Junction { operands: items, .. } => {
            items.iter().for_each(|item| inside(item, visit));
        }
        ExpressionKind::Field { base, .. } | ExpressionKind::Negate(base) | ExpressionKind::Not(base) => {
            inside(base, visit)
        }
        ExpressionKind::Index { base: left, index: right }
        | ExpressionKind::Arithmetic { left, right, .. }
        | ExpressionKind::Compare { left, right, .. } => {
            inside(left, visit);
            inside(right, visit);
        }
        ExpressionKind::Call { positional, named, .. } => {
            positional.iter().for_each(|value| inside(value, visit));
            named.iter().for_each(|argument| inside(&argument.value, visit));
        }
        ExpressionKind::Format(parts) => {
            for part in parts {
                if let Part::Value(value, _) = part {
                    inside(value, visit);
                }
            }
        }
        ExpressionKind::Comprehension { element, over, conditions, .. } => {
            inside(element, visit);
            inside(over, visit);
            conditions.iter().for_each(|condition| inside(condition, visit));
        }
        ExpressionKind::None
        | ExpressionKind::Bool(_)
        | ExpressionKind::Int(_)
        | ExpressionKind::Number(_)
        | ExpressionKind::Text(_)
        | ExpressionKind::Fields(_)
        | ExpressionKind::Name(_) => {}
    }
}

/// Whether what a call of `function` gave is kept, and not used so far.
pub(crate) fn keeps_unused(statements: &[Statement], function: &str) -> bool {
    fn kept<'a>(statements: &'a [Statement], function: &str, names: &mut BTreeSet<&'a str>) {
        for statement in statements {
            match &statement.kind {
                StatementKind::Assign { name, value } if is_call(value, function) => {
                    names.insert(name.as_str());
                }
                StatementKind::For { body, .. } => kept(body, function, names),
                StatementKind::If { body, otherwise, .. } => {
                    kept(body, function, names);
                    kept(otherwise, function, names);
                }
                _ => {}
            }
        }
    }
    let mut names = BTreeSet::new();
    kept(statements, function, &mut names);
    !names.is_subset(&used_names(statements))
}

fn is_call(value: &Expression, name: &str) -> bool {
    matches!(&value.kind, ExpressionKind::Call { function, .. } if function == name)
}

fn used_names(statements: &[Statement]) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    each_expression(statements, &mut |expression| {
        if let ExpressionKind::Name(name) = &expression.kind {
            used.insert(name.as_str());
        }
    });
    used
}

/// Results that nobody uses. The last statement's is the answer.
fn unused(statements: &[Statement], catalog: &Catalog) -> Vec<Finding> {
    let used = used_names(statements);
    let mut warnings = Vec::new();
    unused_in(statements, catalog, &used, true, &mut warnings);
    warnings
}

fn unused_in(
    statements: &[Statement],
    catalog: &Catalog,
    used: &BTreeSet<&str>,
    holds_the_end: bool,
    warnings: &mut Vec<Finding>,
) {
    for (place, statement) in statements.iter().enumerate() {
        let is_last = holds_the_end && place + 1 == statements.len();
        match &statement.kind {
            StatementKind::Assign { name, value }
                if !is_last && !used.contains(name.as_str()) && !acts(value, catalog) =>
            {
                let message = format!("nobody uses `{name}`");
                warnings.push(Finding::new(statement.at, message, "use it, or leave the line out"));
            }
            StatementKind::Expression(value) if !is_last && !acts(value, catalog) => {
                let help = "give the result a name and use it, or say() it";
                warnings.push(Finding::new(statement.at, "nobody uses this result", help));
            }
            StatementKind::For { body, .. } => unused_in(body, catalog, used, is_last, warnings),
            StatementKind::If { body, otherwise, .. } => {
                unused_in(body, catalog, used, is_last, warnings);
                unused_in(otherwise, catalog, used, is_last, warnings);
            }
            _ => {}
        }
    }
}

/// Whether an expression does something beyond having a value.
fn acts(value: &Expression, catalog: &Catalog) -> bool {
    let mut acts = false;
    inside(value, &mut |expression| {
        if let ExpressionKind::Call { function, .. } = &expression.kind
            && let Some(tool) = catalog.tools.get(function)
        {
            acts |= tool.effect != EffectClass::Observe || tool.executor == Executor::Kernel;
        }
    });
    acts
}

/// File names, quoted texts and names of people in the intention that the plan never mentions.
fn unmentioned(statements: &[Statement], intention: &str) -> Vec<Finding> {
    let mut mentioned = String::new();
    each_expression(statements, &mut |expression| match &expression.kind {
        ExpressionKind::Text(text) => {
            mentioned.push_str(&text.to_lowercase());
            mentioned.push('\n');
        }
        ExpressionKind::Format(parts) => {
            for part in parts {
                if let Part::Text(text) = part {
                    mentioned.push_str(&text.to_lowercase());
                }
            }
            mentioned.push('\n');
        }
        _ => {}
    });
    let missing = named_things(intention).into_iter().filter(|thing| !mentioned.contains(&thing.to_lowercase()));
    missing
        .map(|thing| {
            let help = format!("did you mean to leave it out? An argument should hold \"{thing}\"");
            Finding::new(Place::default(), format!("the intention says “{thing}”, and no call mentions it"), help)
        })
        .collect()
}

/// What an intention names: `notes.md`, “quoted text”, Ada.
fn named_things(intention: &str) -> Vec<String> {
    let mut things: Vec<String> = Vec::new();
    let mut add = |thing: &str| {
        if !thing.is_empty() && !things.iter().any(|known| known == thing) {
            things.push(thing.to_owned());
        }
    };
    for (open, close) in [('"', '"'), ('“', '”')] {
        let mut rest = intention;
        while let Some((inner, after)) = rest.split_once(open).and_then(|(_, tail)| tail.split_once(close)) {
            add(inner.trim());
            rest = after;
        }
    }
    let mut begins_sentence = true;
    for word in intention.split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        let bare = bare.strip_suffix("'s").or(bare.strip_suffix("’s")).unwrap_or(bare);
        if is_file_name(bare) || (!begins_sentence && is_name(bare)) {
            add(bare);
        }
        begins_sentence = word.ends_with(['.', '!', '?', ':']);
    }
    things
}

fn is_file_name(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=5).contains(&extension.len())
            && extension.bytes().all(|letter| letter.is_ascii_alphanumeric())
            && extension.bytes().any(|letter| letter.is_ascii_alphabetic())
            && stem.chars().any(char::is_alphanumeric)
            && !word.contains('@')
    })
}

/// A capitalised word that is not a day, a month or an abbreviation.
fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    let is_capitalised = letters.next().is_some_and(char::is_uppercase);
    let rest: Vec<char> = letters.collect();
    is_capitalised
        && rest.len() >= 2
        && rest.iter().all(|letter| letter.is_lowercase())
        && !crate::time::is_calendar_word(&word.to_lowercase())
}

/// What must be asked for, and was not: a deletion, a message, a command.
fn unasked(statements: &[Statement], catalog: &Catalog, intention: &str) -> Vec<Finding> {
    let said = Said::in_intention(intention);
    let mut warnings = Vec::new();
    each_call(statements, &mut |call, function| {
        if catalog.tools.get(function).is_some_and(|tool| !said.asks_for(tool)) {
            let message = format!("the intention does not ask for `{function}`");
            warnings.push(Finding::new(call.at, message, "leave it out"));
        }
    });
    warnings
}
