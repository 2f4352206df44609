//! Every tool's denials, by the real kernel with the real catalogue: without a right to the tool, and with a right to it
//! but to nothing that it needs.

use std::collections::BTreeMap;

use genoa_abi::grant::{GrantRequest, Right};
use genoa_abi::schema::{Catalog, Needs, ToolSchema, Type};
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::{AgentId, GrantId};
use serde_json::{Value as Json, json};

use crate::desk::{BUDGET, Desk};
use crate::installed;
use crate::settings::Settings;

/// What a child with these rights only is told when it calls the tool.
fn told(
    desk: &mut Desk,
    parent: AgentId,
    grant: GrantId,
    rights: Vec<Right>,
    tool: &ToolSchema,
    catalog: &Catalog,
) -> String {
    let request = GrantRequest { rights, life_ms: 60_000, budget: BUDGET, may_pass_on: true };
    let parent = Caller::Agent(parent);
    let Reply::Grant(grant) = desk.ask(parent, Syscall::Attenuate { grant, request }).unwrap() else {
        panic!("no grant")
    };
    let spawn = Syscall::Spawn { agent: "everything".into(), task: "try it".into(), grant };
    let Reply::Agent(child) = desk.ask(parent, spawn).unwrap() else { panic!("no child") };
    let arguments = arguments(tool, catalog);
    let told = desk.ask(Caller::Agent(child), Syscall::Call { tool: tool.name.clone(), arguments });
    desk.ask(parent, Syscall::Signal { agent: child }).unwrap();
    match told {
        Ok(_) => "is begun".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

/// The smallest arguments that the schema takes.
fn arguments(tool: &ToolSchema, catalog: &Catalog) -> serde_json::Map<String, Json> {
    let required = tool.parameters.iter().filter(|parameter| parameter.required);
    required.map(|parameter| (parameter.name.clone(), smallest(&parameter.ty, catalog))).collect()
}

fn smallest(ty: &Type, catalog: &Catalog) -> Json {
    match ty {
        Type::None | Type::Optional(_) => Json::Null,
        Type::Bool => json!(true),
        Type::Int => json!(1),
        Type::Number => json!(1.0),
        Type::Time => json!("today"),
        Type::Choice(words) => json!(words[0]),
        Type::Fields => json!(["total"]),
        Type::List(item) => json!([smallest(item, catalog)]),
        Type::Record(name) => {
            let fields = catalog.records[name].fields.iter();
            Json::Object(fields.map(|field| (field.name.clone(), smallest(&field.ty, catalog))).collect())
        }
        Type::Text | Type::Path | Type::Any | Type::Content => json!("a@example.org"),
    }
}

#[test]
fn every_tool_is_denied_without_its_rights_and_says_why() {
    let catalog = installed::of(&Settings::default(), &[]).unwrap().catalog;
    let (mut desk, agent, grant) = Desk::new(&catalog);
    let mut lines = Vec::new();
    for tool in catalog.tools.values().filter(|tool| tool.name.contains('.')) {
        let without_tool = told(&mut desk, agent, grant, vec![Right::Model], tool, &catalog);
        assert_ne!(without_tool, "is begun", "{}", tool.name);
        let own = Right::Tool { name: tool.name.clone(), arguments: BTreeMap::new() };
        let bare = told(&mut desk, agent, grant, vec![own], tool, &catalog);
        let needs_nothing = tool.needs == Needs::default();
        assert_eq!(bare == "is begun", needs_nothing, "{}: {bare}", tool.name);
        lines.push(format!("{}\n  without the tool: {without_tool}\n  with the tool alone: {bare}", tool.name));
    }
    // A new tool must not change the numbers in all that follow.
    let numbers = regex::Regex::new(r"\bg\d+\.\d+").unwrap();
    insta::assert_snapshot!(numbers.replace_all(&lines.join("\n"), "g…"));
}
