//! A plan in plain words, before it runs.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, Type};

use crate::ast::{Argument, Comparison, Expression, ExpressionKind, Part, Statement, StatementKind};
use crate::phrase::{fields_in_words, fill, quoted, shorten};
use crate::types::innermost;

/// One line a statement; inner statements are indented by two spaces.
pub(crate) fn preview(statements: &[Statement], catalog: &Catalog) -> Vec<String> {
    let mut lines = Vec::new();
    block(statements, catalog, 0, &mut lines);
    lines
}

fn block(statements: &[Statement], catalog: &Catalog, depth: usize, lines: &mut Vec<String>) {
    let margin = "  ".repeat(depth);
    for statement in statements {
        match &statement.kind {
            StatementKind::Assign { name, value } => {
                lines.push(format!("{margin}{} → {name}", step(value, catalog)));
            }
            StatementKind::Expression(value) => lines.push(format!("{margin}{}", step(value, catalog))),
            StatementKind::For { variable, over, body } => {
                lines.push(format!("{margin}For each {variable} in {}:", words(over, catalog)));
                block(body, catalog, depth + 1, lines);
            }
            StatementKind::If { condition, body, otherwise } => {
                lines.push(format!("{margin}If {}:", words(condition, catalog)));
                block(body, catalog, depth + 1, lines);
                if !otherwise.is_empty() {
                    lines.push(format!("{margin}Otherwise:"));
                    block(otherwise, catalog, depth + 1, lines);
                }
            }
            StatementKind::Open => {}
        }
    }
}

/// What a step does: a tool's phrase, or which value it takes.
fn step(value: &Expression, catalog: &Catalog) -> String {
    match &value.kind {
        ExpressionKind::Call { function, .. } if catalog.tools.contains_key(function) => {
            capitalised(&words(value, catalog))
        }
        _ => format!("Take {}", words(value, catalog)),
    }
}

fn words(expression: &Expression, catalog: &Catalog) -> String {
    match &expression.kind {
        ExpressionKind::Text(text) => quoted(text),
        ExpressionKind::None => "nothing".to_owned(),
        ExpressionKind::Bool(truth) => if *truth { "yes" } else { "no" }.to_owned(),
        ExpressionKind::Field { base, name, .. } => format!("{} of {}", name.replace('_', " "), words(base, catalog)),
        ExpressionKind::List(items) if !items.is_empty() => {
            items.iter().map(|item| words(item, catalog)).collect::<Vec<_>>().join(", ")
        }
        ExpressionKind::Fields(pairs) => {
            fields_in_words(pairs.iter().map(|(name, word)| (name.as_str(), word.clone())))
        }
        ExpressionKind::Call { function, positional, named } => call_words(function, positional, named, catalog),
        ExpressionKind::Format(parts) => quoted(&format_words(parts)),
        ExpressionKind::Not(operand) => format!("not {}", words(operand, catalog)),
        ExpressionKind::Junction { all, operands } => {
            let between = if *all { " and " } else { " or " };
            operands.iter().map(|operand| words(operand, catalog)).collect::<Vec<_>>().join(between)
        }
        ExpressionKind::Compare { operator, left, right } => {
            format!("{} {} {}", words(left, catalog), comparison(*operator), words(right, catalog))
        }
        ExpressionKind::Comprehension { element, variable, over, conditions } => {
            let (whole, over) = (words(element, catalog), words(over, catalog));
            let is_filter = matches!(&element.kind, ExpressionKind::Name(name) if name == variable);
            let mut text = if is_filter {
                format!("each {variable} in {over}")
            } else {
                format!("{whole} for each {variable} in {over}")
            };
            for condition in conditions {
                text.push_str(&format!(" if {}", words(condition, catalog)));
            }
            text
        }
        _ => shorten(&expression.source.replace('\n', " "), 80),
    }
}

fn format_words(parts: &[Part]) -> String {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(value, _) => format!("{{{}}}", value.source),
        })
        .collect()
}

fn comparison(operator: Comparison) -> &'static str {
    match operator {
        Comparison::Equal => "is",
        Comparison::NotEqual => "is not",
        Comparison::Less => "is less than",
        Comparison::LessOrEqual => "is at most",
        Comparison::Greater => "is more than",
        Comparison::GreaterOrEqual => "is at least",
        Comparison::In => "is in",
        Comparison::NotIn => "is not in",
    }
}

fn call_words(function: &str, positional: &[Expression], named: &[Argument], catalog: &Catalog) -> String {
    let Some(schema) = catalog.tools.get(function) else { return builtin_words(function, positional, named, catalog) };
    let mut shown = BTreeMap::new();
    let first = schema.parameters.first().map(|parameter| parameter.name.as_str());
    let arguments =
        first.into_iter().zip(positional).chain(named.iter().map(|given| (given.name.as_str(), &given.value)));
    for (name, value) in arguments {
        if matches!(value.kind, ExpressionKind::None) {
            continue;
        }
        let ty = schema.parameter(name).map(|parameter| &parameter.ty);
        shown.insert(name.to_owned(), argument_words(value, ty, catalog));
    }
    fill(function, Some(schema), &shown)
}

/// Times, paths and choices stand without quotes.
fn argument_words(value: &Expression, ty: Option<&Type>, catalog: &Catalog) -> String {
    let is_plain = ty.is_some_and(|ty| matches!(innermost(ty), Type::Time | Type::Path | Type::Choice(_)));
    match &value.kind {
        ExpressionKind::Text(text) if is_plain => shorten(text, 60),
        ExpressionKind::List(items) if !items.is_empty() => {
            items.iter().map(|item| argument_words(item, ty, catalog)).collect::<Vec<_>>().join(", ")
        }
        _ => words(value, catalog),
    }
}

fn builtin_words(name: &str, positional: &[Expression], named: &[Argument], catalog: &Catalog) -> String {
    let list = positional.first().map(|value| words(value, catalog)).unwrap_or_default();
    let by = named.iter().find(|argument| argument.name == "by").map(|argument| match &argument.value.kind {
        ExpressionKind::Text(by) => format!(" by {}", by.replace('_', " ")),
        _ => String::new(),
    });
    let by = by.unwrap_or_default();
    let count = named.iter().find(|argument| argument.name == "count").map(|argument| &argument.value.kind);
    let most = match count {
        Some(ExpressionKind::Int(count)) => format!(", the first {count}"),
        _ => String::new(),
    };
    let is_descending = named.iter().any(|argument| matches!(argument.value.kind, ExpressionKind::Bool(true)));
    match name {
        "len" | "count" => format!("number of {list}"),
        "first" | "last" => format!("{name} of {list}"),
        "largest" => format!("largest of {list}{by}"),
        "sum" => format!("total of {list}{by}"),
        "sorted" if is_descending => format!("{list} sorted{by}, largest first{most}"),
        "sorted" => format!("{list} sorted{by}{most}"),
        "join" => format!("{list} as one text"),
        "lower" => format!("{list} in small letters"),
        "number_in" => format!("the number in {list}"),
        "distinct" => format!("{list} without repetitions"),
        _ => list,
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
