//! What the solver found, as a call that the rules can be asked about again.

use std::collections::BTreeSet;

use cedar_policy::{Entities, EvalResult, Expression, Request, eval_expression};
use genoa_abi::Timestamp;
use genoa_abi::policy::CallFacts;
use genoa_abi::schema::{ToolSchema, Type};
use serde_json::{Map, Value as Json, json};

use crate::place::{Caller, Place};

/// The time of a call, in milliseconds.
const MILLISECONDS: &str = "context.now.durationSince(datetime(\"1970-01-01\")).toMilliseconds()";

/// The call of a request; nothing where it is none that there could be.
pub(crate) fn call(request: &Request, place: &Place<'_>) -> Option<CallFacts> {
    let known = |name: &str| request.context()?.get(name);
    let texts = |name: &str| -> Option<BTreeSet<String>> {
        match known(name)? {
            EvalResult::Set(items) => items.iter().map(text).collect(),
            _ => None,
        }
    };
    let agent = || request.principal().map(|agent| AsRef::<str>::as_ref(agent.id()).to_owned());
    let arguments = match known("args")? {
        EvalResult::Record(arguments) => {
            let given = |tool: &ToolSchema| -> Option<Map<String, Json>> {
                let argument = |(name, value): (&String, &EvalResult)| {
                    Some((name.clone(), argument(value, &tool.parameter(name)?.ty)?))
                };
                arguments.iter().map(argument).collect()
            };
            given(place.tool)?
        }
        _ => return None,
    };
    Some(CallFacts {
        agent: if place.caller == Caller::Agent { Some(agent()?) } else { None },
        tool: place.tool.name.clone(),
        effect: place.tool.effect,
        workspace: text(&known("workspace")?)?,
        arguments,
        recipients: texts("recipients")?,
        unmet: texts("unmet")?,
        new_to: texts("new_to")?,
        from: texts("from")?,
        now: Timestamp(milliseconds(request)?),
    })
}

fn text(value: &EvalResult) -> Option<String> {
    match value {
        EvalResult::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// An argument as a tool gets it. What a rule sees of a record is one of its fields.
fn argument(value: &EvalResult, ty: &Type) -> Option<Json> {
    match (ty, value) {
        (Type::Optional(inner), _) => argument(value, inner),
        (Type::Record(_), EvalResult::String(text)) => Some(json!({ "email": text })),
        (_, EvalResult::String(text)) => Some(json!(text)),
        (_, EvalResult::Bool(value)) => Some(json!(value)),
        (_, EvalResult::Long(value)) => Some(json!(value)),
        (Type::List(inner), EvalResult::Set(items)) => items.iter().map(|item| argument(item, inner)).collect(),
        _ => None,
    }
}

fn milliseconds(request: &Request) -> Option<i64> {
    let expression: Expression = MILLISECONDS.parse().ok()?;
    match eval_expression(request, &Entities::empty(), &expression) {
        Ok(EvalResult::Long(milliseconds)) => Some(milliseconds),
        _ => None,
    }
}
