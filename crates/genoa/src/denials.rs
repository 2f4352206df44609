//! Every tool's denials, by the real kernel with the real catalogue: without a right to the tool, and with a right to it
//! but to nothing that it needs.

use std::collections::BTreeMap;

use genoa_abi::agent::AgentManifest;
use genoa_abi::event::{Effect, Event};
use genoa_abi::grant::{Access, Budget, GrantRequest, Right};
use genoa_abi::schema::{Catalog, Needs, ToolSchema, Type};
use genoa_abi::session::SessionRequest;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{AgentId, Failure, GrantId, RequestId, SessionId, Timestamp};
use genoa_kernel::Kernel;
use serde_json::{Value as Json, json};

use crate::modes::catalog;

const SESSION: SessionId = SessionId(1);
const BUDGET: Budget = Budget { calls: 100, bytes: 1_000_000, tokens: 10_000, seconds: 600 };

/// A kernel with one agent that may do everything, and its grant.
struct Desk {
    kernel: Kernel,
    requests: u64,
}

impl Desk {
    fn new(catalog: &Catalog) -> (Self, AgentId, GrantId) {
        let mut desk = Self { kernel: Kernel::new(), requests: 0 };
        let files = Right::Files { under: "$workspace".into(), access: Access::Write };
        let everything = AgentManifest {
            name: "everything".into(),
            about: String::new(),
            instructions: String::new(),
            tools: catalog.tools.keys().cloned().collect(),
            rights: vec![Right::Model, files, Right::Program { name: "*".into() }, Right::Host { area: "*".into() }],
            budget: BUDGET,
        };
        desk.feed(Event::Booted { catalog: catalog.clone(), agents: vec![everything], examples: BTreeMap::new() });
        desk.feed(Event::Connected { session: SESSION });
        let person = Caller::Person(SESSION);
        desk.ask(
            person,
            Syscall::Session(SessionRequest {
                workspace: "/work".into(),
                person: Person::default(),
                clock: Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
            }),
        )
        .unwrap();
        let intend = Syscall::Intend { text: "everything".into(), agent: Some("everything".into()) };
        let Reply::Intention { agent, .. } = desk.ask(person, intend).unwrap() else { panic!("no agent") };
        let Reply::Grants(held) = desk.ask(Caller::Agent(agent), Syscall::Grants {}).unwrap() else { panic!("none") };
        (desk, agent, held[0].id)
    }

    fn feed(&mut self, event: Event) -> Vec<Effect> {
        self.kernel.step(event, Timestamp(1_000_000))
    }

    fn ask(&mut self, caller: Caller, syscall: Syscall) -> Result<Reply, Failure> {
        self.requests += 1;
        let asked = RequestId(self.requests);
        let effects = self.feed(Event::Asked { caller, request: asked, syscall });
        let answer = effects.into_iter().find_map(|effect| match effect {
            Effect::Reply { request, outcome, .. } if request == asked => Some(outcome),
            _ => None,
        });
        answer.unwrap_or(Ok(Reply::Done))
    }

    /// What a child with these rights only is told when it calls the tool.
    fn told(
        &mut self,
        parent: AgentId,
        grant: GrantId,
        rights: Vec<Right>,
        tool: &ToolSchema,
        catalog: &Catalog,
    ) -> String {
        let request = GrantRequest { rights, life_ms: 60_000, budget: BUDGET, may_pass_on: true };
        let parent = Caller::Agent(parent);
        let Reply::Grant(grant) = self.ask(parent, Syscall::Attenuate { grant, request }).unwrap() else {
            panic!("no grant")
        };
        let spawn = Syscall::Spawn { agent: "everything".into(), task: "try it".into(), grant };
        let Reply::Agent(child) = self.ask(parent, spawn).unwrap() else { panic!("no child") };
        let arguments = arguments(tool, catalog);
        let told = self.ask(Caller::Agent(child), Syscall::Call { tool: tool.name.clone(), arguments });
        self.ask(parent, Syscall::Signal { agent: child }).unwrap();
        match told {
            Ok(_) => "is begun".to_owned(),
            Err(failure) => failure.to_string(),
        }
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
        Type::List(item) => json!([smallest(item, catalog)]),
        Type::Record(name) => {
            let fields = catalog.records[name].fields.iter();
            Json::Object(fields.map(|field| (field.name.clone(), smallest(&field.ty, catalog))).collect())
        }
        Type::Text | Type::Path | Type::Any => json!("a@example.org"),
    }
}

#[test]
fn every_tool_is_denied_without_its_rights_and_says_why() {
    let catalog = catalog();
    let (mut desk, agent, grant) = Desk::new(&catalog);
    let mut lines = Vec::new();
    for tool in catalog.tools.values().filter(|tool| tool.name.contains('.')) {
        let without_tool = desk.told(agent, grant, vec![Right::Model], tool, &catalog);
        assert_ne!(without_tool, "is begun", "{}", tool.name);
        let own = Right::Tool { name: tool.name.clone(), arguments: BTreeMap::new() };
        let bare = desk.told(agent, grant, vec![own], tool, &catalog);
        let needs_nothing = tool.needs == Needs::default();
        assert_eq!(bare == "is begun", needs_nothing, "{}: {bare}", tool.name);
        lines.push(format!("{}\n  without the tool: {without_tool}\n  with the tool alone: {bare}", tool.name));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
