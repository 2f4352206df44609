//! A call as a Cedar request.

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, Schema};
use genoa_abi::policy::CallFacts;
use genoa_abi::schema::{ToolSchema, Type};
use genoa_abi::{ErrorCode, Failure, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::schema::{AGENT, PERSON, WORKSPACE};

/// Whether the person said yes to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yes {
    Said,
    NotSaid,
}

/// The request that puts a call to the rules.
pub(crate) fn request(facts: &CallFacts, tool: &ToolSchema, yes: Yes, schema: &Schema) -> Result<Request, Failure> {
    let principal = match &facts.agent {
        Some(agent) => entity(AGENT, agent)?,
        None => entity(PERSON, "you")?,
    };
    let action = entity("Action", &facts.tool)?;
    let resource = entity(WORKSPACE, &facts.workspace)?;
    let context = Context::from_json_value(context(facts, tool, yes), Some((schema, &action))).map_err(wrong)?;
    Request::new(principal, action, resource, context, Some(schema)).map_err(wrong)
}

fn context(facts: &CallFacts, tool: &ToolSchema, yes: Yes) -> Json {
    let given = |name: &str, ty: &Type| argument(facts.arguments.get(name)?, ty);
    let arguments: Map<String, Json> = tool
        .parameters
        .iter()
        .filter_map(|parameter| Some((parameter.name.clone(), given(&parameter.name, &parameter.ty)?)))
        .collect();
    json!({
        "approved": yes == Yes::Said,
        "now": moment(facts.now),
        "workspace": facts.workspace,
        "recipients": facts.recipients,
        "unmet": facts.unmet,
        "new_to": facts.new_to,
        "from": facts.from,
        "args": arguments,
    })
}

/// An argument as a rule sees it: a record by its address, its path or its title, a time by its words.
fn argument(json: &Json, ty: &Type) -> Option<Json> {
    match (ty, json) {
        (Type::Optional(inner), _) => argument(json, inner),
        (Type::Bool, Json::Bool(_)) => Some(json.clone()),
        (Type::Int, Json::Number(number)) => number.as_i64().map(Json::from),
        (Type::Text | Type::Path | Type::Choice(_) | Type::Time, Json::String(_)) => Some(json.clone()),
        (Type::Time, Json::Object(moment)) => moment.get("words").filter(|words| words.is_string()).cloned(),
        (Type::Record(_), Json::Object(record)) => {
            let named = ["email", "path", "title", "name", "id"];
            Some(named.iter().find_map(|name| record.get(*name).filter(|value| value.is_string())).cloned()?)
        }
        (Type::List(inner), Json::Array(items)) if takes_texts(inner) => {
            Some(Json::Array(items.iter().filter_map(|item| argument(item, inner)).collect()))
        }
        _ => None,
    }
}

fn takes_texts(ty: &Type) -> bool {
    matches!(ty, Type::Text | Type::Path | Type::Choice(_) | Type::Record(_))
}

/// A time as Cedar writes it, to the second.
pub(crate) fn moment(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_second(time.0.div_euclid(1000)).unwrap_or_default();
    time.to_string()
}

fn entity(kind: &str, id: &str) -> Result<EntityUid, Failure> {
    let kind: EntityTypeName = kind.parse().map_err(wrong)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

pub(crate) fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, "a call could not be put to the rules").because(error)
}
