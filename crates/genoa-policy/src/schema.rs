//! The tools as Cedar sees them: an action each, in the groups of its effect class and of its name, with typed arguments.

use genoa_abi::schema::{Catalog, EffectClass, ToolSchema, Type};
use serde_json::{Map, Value as Json, json};

/// The entity type of agents.
pub(crate) const AGENT: &str = "Agent";
/// The entity type of the person, for calls that no agent makes.
pub(crate) const PERSON: &str = "Person";
/// The entity type of folders that are worked in.
pub(crate) const WORKSPACE: &str = "Workspace";

/// The name of an effect class as an action group.
#[must_use]
pub fn class_name(class: EffectClass) -> &'static str {
    match class {
        EffectClass::Observe => "observe",
        EffectClass::Change => "change",
        EffectClass::Emit => "emit",
        EffectClass::Govern => "govern",
    }
}

/// The Cedar schema of a catalogue, in its JSON form. Rules are validated against it, so that a rule about an argument that
/// no tool has is an error and not a rule that never applies.
#[must_use]
pub fn cedar_schema(catalog: &Catalog) -> Json {
    let mut actions = Map::new();
    for class in [EffectClass::Observe, EffectClass::Change, EffectClass::Emit, EffectClass::Govern] {
        actions.insert(class_name(class).to_owned(), json!({}));
    }
    for tool in catalog.tools.values() {
        let mut groups = vec![json!({ "id": class_name(tool.effect) })];
        if let Some((group, _)) = tool.name.split_once('.') {
            actions.entry(group.to_owned()).or_insert_with(|| json!({}));
            if group != class_name(tool.effect) {
                groups.push(json!({ "id": group }));
            }
        }
        let context = json!({ "type": "Record", "attributes": context_type(tool) });
        let applies = json!({ "principalTypes": [AGENT, PERSON], "resourceTypes": [WORKSPACE], "context": context });
        actions.insert(tool.name.clone(), json!({ "memberOf": groups, "appliesTo": applies }));
    }
    json!({ "": {
        "entityTypes": { AGENT: {}, PERSON: {}, WORKSPACE: {} },
        "actions": actions,
    } })
}

/// What is known of every call, and its arguments.
fn context_type(tool: &ToolSchema) -> Json {
    let texts = json!({ "type": "Set", "element": { "type": "String" } });
    let arguments: Map<String, Json> = tool
        .parameters
        .iter()
        .filter_map(|parameter| {
            let mut ty = cedar_type(&parameter.ty)?;
            ty["required"] = json!(false);
            Some((parameter.name.clone(), ty))
        })
        .collect();
    json!({
        "approved": { "type": "Boolean" },
        "now": { "type": "Extension", "name": "datetime" },
        "workspace": { "type": "String" },
        "recipients": texts,
        "unmet": texts,
        "new_to": texts,
        "from": texts,
        "args": { "type": "Record", "attributes": arguments },
    })
}

/// The Cedar type of an argument; nothing for what a rule cannot speak of.
fn cedar_type(ty: &Type) -> Option<Json> {
    Some(match ty {
        Type::Bool => json!({ "type": "Boolean" }),
        Type::Int => json!({ "type": "Long" }),
        Type::Text | Type::Path | Type::Time | Type::Choice(_) | Type::Record(_) => json!({ "type": "String" }),
        Type::List(inner) => match **inner {
            Type::Text | Type::Path | Type::Choice(_) | Type::Record(_) => {
                json!({ "type": "Set", "element": { "type": "String" } })
            }
            _ => return None,
        },
        Type::Optional(inner) => return cedar_type(inner),
        Type::None | Type::Number | Type::Any | Type::Content | Type::Fields => return None,
    })
}
