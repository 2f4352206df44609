//! A search with fewer conditions, for when it found nothing.
//!
//! A small model adds conditions that the person's words only seem to hold: a weekday that says whereto a meeting is
//! moved, a company as a person. Leaving one out is exact and costs nothing, where asking the model again costs seconds.

use genoa_abi::schema::{Catalog, EffectClass, Parameter, ToolSchema, Type};

use crate::ast::{Argument, Expression, ExpressionKind, Statement, StatementKind};
use crate::parse::parse;
use crate::types::present;

/// What a search may be loosened by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loosening {
    /// Any condition but times: somebody who asks about a day wants no other day.
    KeepTimes,
    /// Times as well.
    Everything,
}

/// `call` (a search that looks only) with one condition less: whoever it is about goes first, times go last. Where names
/// are all that tells what it is about, they become that: a name may be that of a place or a project. Nothing if no
/// condition would be left, or it is no such call.
#[must_use]
pub fn loosened(call: &str, catalog: &Catalog, loosening: Loosening) -> Option<String> {
    let statements = parse(call).ok()?;
    let [Statement { kind: StatementKind::Expression(expression), .. }] = statements.as_slice() else { return None };
    let ExpressionKind::Call { function, positional, named } = &expression.kind else { return None };
    let tool = catalog.tools.get(function).filter(|tool| tool.effect == EffectClass::Observe)?;
    if let Some(about) = names_as_topic(tool, positional, named) {
        return Some(format!("{function}({about})"));
    }
    if positional.len() + named.len() < 2 {
        return None;
    }
    let place = named.iter().enumerate().filter_map(|(place, argument)| {
        let rank = rank(tool, argument, loosening)?;
        Some((rank, std::cmp::Reverse(place)))
    });
    let (_, std::cmp::Reverse(left_out)) = place.min()?;
    let kept = named.iter().enumerate().filter(|(place, _)| *place != left_out);
    let arguments: Vec<String> = positional
        .iter()
        .map(|value: &Expression| value.source.clone())
        .chain(kept.map(|(_, argument)| format!("{}={}", argument.name, argument.value.source)))
        .collect();
    Some(format!("{function}({})", arguments.join(", ")))
}

/// The arguments with a list of names turned into what the search is about, where nothing else says that.
fn names_as_topic(tool: &ToolSchema, positional: &[Expression], named: &[Argument]) -> Option<String> {
    let is_given = |name: &str| named.iter().any(|argument| argument.name == name);
    let is_topic = |parameter: &&Parameter| !parameter.required && *present(&parameter.ty) == Type::Text;
    let topic =
        tool.parameters.iter().find(is_topic).filter(|topic| positional.is_empty() && !is_given(&topic.name))?;
    let names = |argument: &Argument| match &argument.value.kind {
        ExpressionKind::List(items) => {
            let texts = items.iter().map(|item| match &item.kind {
                ExpressionKind::Text(text) => Some(text.as_str()),
                _ => None,
            });
            texts.collect::<Option<Vec<_>>>().map(|texts| texts.join(" "))
        }
        _ => None,
    };
    let (place, about) = named
        .iter()
        .enumerate()
        .find_map(|(place, argument)| Some((place, names(argument).filter(|text| is_plain(text))?)))?;
    let written = |(other, argument): (usize, &Argument)| {
        if other == place {
            format!("{}=\"{about}\"", topic.name)
        } else {
            format!("{}={}", argument.name, argument.value.source)
        }
    };
    Some(named.iter().enumerate().map(written).collect::<Vec<_>>().join(", "))
}

/// Whether a text can stand between quotation marks as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['"', '\\', '\n'])
}

/// How early a condition is left out; `None` for one that stays.
fn rank(tool: &ToolSchema, argument: &Argument, loosening: Loosening) -> Option<u8> {
    let parameter = tool.parameter(&argument.name).filter(|parameter| !parameter.required)?;
    match present(&parameter.ty) {
        Type::List(_) => Some(0),
        Type::Time if loosening == Loosening::KeepTimes => None,
        Type::Time => Some(2),
        // What a search is about is what it is for.
        Type::Text => None,
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::schema::Catalog;
    use serde_json::json;

    use super::{Loosening, loosened};

    fn catalog() -> Catalog {
        let parameter = |name: &str, ty: &str, required: bool| json!({ "name": name, "type": ty, "required": required, "about": "" });
        let find = json!({
            "name": "calendar.find", "about": "", "returns": "list[str]", "effect": "observe", "executor": "jail",
            "parameters": [parameter("about", "str", false), parameter("people", "list[str]", false), parameter("when", "time", false)],
        });
        Catalog::new([serde_json::from_value(find).unwrap()], [])
    }

    #[test]
    fn conditions_go_one_by_one() {
        let mut call = "calendar.find(about=\"a, b)\", people=[\"Ada\", \"Bo\"], when=\"friday\")".to_owned();
        let mut steps = Vec::new();
        while let Some(looser) = loosened(&call, &catalog(), Loosening::Everything) {
            steps.push(looser.clone());
            call = looser;
        }
        assert_eq!(steps, ["calendar.find(about=\"a, b)\", when=\"friday\")", "calendar.find(about=\"a, b)\")"]);
    }

    #[test]
    fn a_question_keeps_its_day_and_the_last_condition_stays() {
        let looser = |call: &str| loosened(call, &catalog(), Loosening::KeepTimes);
        assert_eq!(looser("calendar.find(about=\"a\", when=\"friday\")"), None);
        assert_eq!(looser("calendar.find(people=[\"Ada\"])").unwrap(), "calendar.find(about=\"Ada\")");
        assert_eq!(
            looser("calendar.find(people=[\"Ada\", \"B\"], when=\"friday\")").unwrap(),
            "calendar.find(about=\"Ada B\", when=\"friday\")"
        );
        assert_eq!(looser("calendar.find(people=[ada.name])"), None);
        assert_eq!(looser("calendar.find(about=\"a\")"), None);
        assert_eq!(looser("other.find(people=[\"Ada\"], when=\"friday\")"), None);
        assert_eq!(looser("1 + 1"), None);
    }
}
