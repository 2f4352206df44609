//! Conditions in Cedar's JSON form: put together, looked through, and with what is known put in.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

/// What is known of every call, besides what is asked of it.
pub(crate) const CONTEXT: [&str; 8] = ["approved", "args", "from", "new_to", "now", "recipients", "unmet", "workspace"];

pub(crate) fn constant(value: bool) -> Json {
    json!({ "Value": value })
}

pub(crate) fn text(text: &str) -> Json {
    json!({ "Value": text })
}

pub(crate) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Json {
    json!({ "Set": texts.into_iter().map(text).collect::<Vec<_>>() })
}

pub(crate) fn entity(kind: &str, id: &str) -> Json {
    json!({ "Value": { "__entity": { "type": kind, "id": id } } })
}

pub(crate) fn variable(name: &str) -> Json {
    json!({ "Var": name })
}

/// What is known of the call under this name.
pub(crate) fn known(name: &str) -> Json {
    attribute(variable("context"), name)
}

pub(crate) fn attribute(of: Json, name: &str) -> Json {
    json!({ ".": { "left": of, "attr": name } })
}

pub(crate) fn has(record: Json, name: &str) -> Json {
    json!({ "has": { "left": record, "attr": name } })
}

pub(crate) fn is_empty(set: Json) -> Json {
    json!({ "isEmpty": { "arg": set } })
}

/// An operator between two.
pub(crate) fn between(operator: &str, left: Json, right: Json) -> Json {
    json!({ operator: { "left": left, "right": right } })
}

pub(crate) fn if_then_else(condition: Json, then: Json, or_else: Json) -> Json {
    json!({ "if-then-else": { "if": condition, "then": then, "else": or_else } })
}

pub(crate) fn not(condition: Json) -> Json {
    simplified(json!({ "!": { "arg": condition } }))
}

pub(crate) fn and(left: Json, right: Json) -> Json {
    simplified(between("&&", left, right))
}

pub(crate) fn or(left: Json, right: Json) -> Json {
    simplified(between("||", left, right))
}

/// Whether two conditions differ.
pub(crate) fn differ(left: Json, right: Json) -> Json {
    if left == right { constant(false) } else { simplified(between("!=", left, right)) }
}

/// Whether one of them holds. As deep as the logarithm of their number: what reads it is recursive.
pub(crate) fn any(conditions: Vec<Json>) -> Json {
    joined(conditions, or, false)
}

/// Whether all of them hold.
pub(crate) fn all(conditions: Vec<Json>) -> Json {
    joined(conditions, and, true)
}

fn joined(mut conditions: Vec<Json>, join: fn(Json, Json) -> Json, nothing: bool) -> Json {
    while conditions.len() > 1 {
        let mut pairs = conditions.into_iter();
        let mut next = Vec::new();
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        conditions = next;
    }
    conditions.pop().unwrap_or_else(|| constant(nothing))
}

/// The truth of a condition that is a constant.
pub(crate) fn truth(condition: &Json) -> Option<bool> {
    condition.get("Value")?.as_bool()
}

/// The condition for calls that the person said yes to, or not to: `context.approved` is replaced by what it is.
pub(crate) fn with_answer(expression: &Json, approved: bool) -> Json {
    let Some((operator, body)) = parts(expression) else { return expression.clone() };
    let of_context = body.get("left").is_some_and(|left| *left == variable("context"));
    let name = body.get("attr").and_then(Json::as_str);
    match (operator, name) {
        (".", Some("approved")) if of_context => constant(approved),
        // Each of these is there in every call.
        ("has", Some(name)) if of_context && CONTEXT.contains(&name) => constant(true),
        ("." | "has", _) if of_context => expression.clone(),
        // The whole of it: written out, so that the answer can be put in.
        ("Var", _) if body == "context" => {
            let of = |name: &str| if name == "approved" { constant(approved) } else { known(name) };
            json!({ "Record": CONTEXT.map(|name| (name.to_owned(), of(name))).into_iter().collect::<Map<_, _>>() })
        }
        _ => simplified(with_children(expression, &mut |child| with_answer(child, approved))),
    }
}

/// The operator of an expression and what it is applied to.
fn parts(expression: &Json) -> Option<(&str, &Json)> {
    let mut parts = expression.as_object()?.iter();
    let (operator, body) = parts.next()?;
    parts.next().is_none().then_some((operator, body))
}

/// Places of an operator's body in which expressions stand; in the others are names and patterns.
const OPERANDS: [&str; 7] = ["left", "right", "arg", "if", "then", "else", "in"];

/// The expression with each of those in it replaced.
fn with_children(expression: &Json, replace: &mut dyn FnMut(&Json) -> Json) -> Json {
    let Some((operator, body)) = parts(expression) else { return expression.clone() };
    let body = match (operator, body) {
        ("Value" | "Var" | "Slot", _) => body.clone(),
        ("Record", Json::Object(fields)) => {
            fields.iter().map(|(name, value)| (name.clone(), replace(value))).collect::<Map<_, _>>().into()
        }
        (_, Json::Array(items)) => items.iter().map(replace).collect::<Vec<_>>().into(),
        (_, Json::Object(operands)) => {
            let mut replaced = |(name, value): (&String, &Json)| {
                let is_expression = OPERANDS.contains(&name.as_str());
                (name.clone(), if is_expression { replace(value) } else { value.clone() })
            };
            operands.iter().map(&mut replaced).collect::<Map<_, _>>().into()
        }
        _ => body.clone(),
    };
    json!({ operator: body })
}

/// An expression whose operands are simplified already, with what a constant in it decides left out. A part that could fail
/// is left out only where it would not have been worked out.
fn simplified(expression: Json) -> Json {
    let Some((operator, body)) = parts(&expression) else { return expression };
    let operand = |name: &str| body.get(name).cloned().unwrap_or(Json::Null);
    let known = |name: &str| body.get(name).and_then(truth);
    let simpler = match operator {
        "!" => known("arg").map(|value| constant(!value)),
        "&&" => match (known("left"), known("right")) {
            (Some(false), _) => Some(constant(false)),
            (Some(true), _) => Some(operand("right")),
            (None, Some(true)) => Some(operand("left")),
            _ => None,
        },
        "||" => match (known("left"), known("right")) {
            (Some(true), _) => Some(constant(true)),
            (Some(false), _) => Some(operand("right")),
            (None, Some(false)) => Some(operand("left")),
            _ => None,
        },
        "if-then-else" => known("if").map(|value| operand(if value { "then" } else { "else" })),
        "==" => known("left").zip(known("right")).map(|(left, right)| constant(left == right)),
        "!=" => match (known("left"), known("right")) {
            (Some(left), Some(right)) => Some(constant(left != right)),
            (Some(false), None) => Some(operand("right")),
            (None, Some(false)) => Some(operand("left")),
            _ => None,
        },
        _ => None,
    };
    simpler.unwrap_or(expression)
}

/// What an expression speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// The variables.
    pub(crate) variables: BTreeSet<String>,
    /// What is known of a call, of which it reads something.
    pub(crate) known: BTreeSet<String>,
    /// Whether it matters which parameters are unmet, and not only whether one is.
    pub(crate) which_unmet: bool,
    /// Folders that it names as entities.
    pub(crate) folders: BTreeSet<String>,
}

impl Mentions {
    pub(crate) fn of(expression: &Json) -> Self {
        let mut mentions = Self::default();
        mentions.add(expression);
        mentions
    }

    fn add(&mut self, expression: &Json) {
        let Some((operator, body)) = parts(expression) else { return };
        let operand = |name: &str| body.get(name).unwrap_or(&Json::Null);
        match operator {
            "Value" => {
                let entity = &body["__entity"];
                if entity["type"] == "Workspace" {
                    self.folders.extend(entity["id"].as_str().map(str::to_owned));
                }
            }
            "Var" => self.variables.extend(body.as_str().map(str::to_owned)),
            "isEmpty" if *operand("arg") == known("unmet") => {
                self.known.insert("unmet".to_owned());
            }
            "." | "has" if *operand("left") == variable("context") => {
                let name = operand("attr").as_str().unwrap_or_default();
                self.which_unmet |= name == "unmet";
                self.known.insert(name.to_owned());
            }
            _ => {
                with_children(expression, &mut |child| {
                    self.add(child);
                    Json::Null
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;
    use serde_json::Value as Json;

    use super::{Mentions, any, constant, known, with_answer};

    /// The condition of a rule.
    fn condition(text: &str) -> Json {
        let rule = format!("permit (principal, action, resource) when {{ {text} }};");
        Policy::parse(None, rule).unwrap().to_json().unwrap()["conditions"][0]["body"].clone()
    }

    #[test]
    fn what_the_person_said_is_put_in_wherever_it_stands() {
        for (text, yes, no) in [
            ("context.approved", "true", "false"),
            ("!context.approved", "false", "true"),
            ("context has approved && context.approved", "true", "false"),
            ("context.approved && context.unmet.isEmpty()", "context.unmet.isEmpty()", "false"),
            ("context.approved || context.unmet.isEmpty()", "true", "context.unmet.isEmpty()"),
            ("if context.approved then 1 < 2 else 3 < 4", "1 < 2", "3 < 4"),
            ("context.approved == true", "true", "false"),
            ("[context.approved].contains(true)", "[true].contains(true)", "[false].contains(true)"),
            ("{context: 1, Var: context.approved}.Var", "{context: 1, Var: true}.Var", "{context: 1, Var: false}.Var"),
            (
                "\"context.approved\" like \"*approved\"",
                "\"context.approved\" like \"*approved\"",
                "\"context.approved\" like \"*approved\"",
            ),
        ] {
            assert_eq!(with_answer(&condition(text), true), condition(yes), "{text}");
            assert_eq!(with_answer(&condition(text), false), condition(no), "{text}");
        }
        let whole = with_answer(&condition("context == context"), true).to_string();
        assert!(whole.contains("\"approved\":{\"Value\":true}") && !whole.contains("\"attr\":\"approved\""), "{whole}");
    }

    #[test]
    fn what_an_expression_speaks_of_is_seen() {
        let of = |text: &str| Mentions::of(&condition(text));
        let emptiness = of("context.unmet.isEmpty() && context.now < datetime(\"2027-01-01\")");
        assert!(!emptiness.which_unmet && emptiness.known.iter().eq(["now", "unmet"]), "{emptiness:?}");
        assert!(of("context.unmet.contains(\"to\")").which_unmet);
        let folder = of("resource == Workspace::\"/a\" && principal is Agent && context.args has path");
        assert!(
            folder.folders.iter().eq(["/a"]) && folder.variables.iter().eq(["principal", "resource"]),
            "{folder:?}"
        );
        assert!(folder.known.iter().eq(["args"]), "{folder:?}");
    }

    #[test]
    fn ten_thousand_conditions_are_no_deeper_than_a_few() {
        let many = any((0..10_000).map(|_| known("approved")).collect());
        fn depth(expression: &Json) -> usize {
            match expression {
                Json::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
                Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
                _ => 0,
            }
        }
        assert!(depth(&many) < 40, "{}", depth(&many));
        assert_eq!(any(vec![]), constant(false));
    }
}
