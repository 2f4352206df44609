//! What this installation offers: the built-in tools and agents, and what the person's configuration adds to them.

use std::collections::BTreeMap;

use genoa_abi::agent::AgentManifest;
use genoa_abi::grant::Right;
use genoa_abi::installation::Installation;
use genoa_abi::limits::MCP_PROMPT_BYTES;
use genoa_abi::policy::PolicyTexts;
use genoa_abi::schema::{Catalog, ToolSchema};
use genoa_abi::{ErrorCode, Failure};

use crate::servers::Known;
use crate::settings::Settings;

/// What there is with these settings and servers.
pub(crate) fn of(settings: &Settings, servers: &[Known]) -> Result<Installation, Failure> {
    let mut agents = genoa_agents::builtin_agents();
    let examples =
        agents.iter().map(|agent| (agent.name.clone(), genoa_agents::builtin_examples(&agent.name))).collect();
    let mut catalog = builtin();
    let mut mcp = BTreeMap::new();
    for known in servers {
        let Ok(tools) = &known.tools else { continue };
        mcp.extend(tools.iter().map(|tool| (tool.schema.name.clone(), tool.route(&known.server))));
        for tool in tools {
            // The group is nobody else's, so nothing is replaced; were it otherwise, what is built in stays.
            catalog.tools.entry(tool.schema.name.clone()).or_insert_with(|| tool.schema.clone());
        }
    }
    agents.iter_mut().for_each(|agent| give(agent, servers));
    let policy = PolicyTexts::default();
    let undo_window_ms = Some(settings.outbox.undo_window_ms()?);
    let network = settings.network_rights()?;
    Ok(Installation { catalog, agents, examples, network, mcp, policy, undo_window_ms, ..Installation::default() })
}

/// Gives an agent the tools of the servers that are for it, and the right to run their programs.
fn give(agent: &mut AgentManifest, servers: &[Known]) {
    for known in servers_of(&agent.name, servers) {
        let name = &known.server.name;
        agent.tools.push(format!("{name}.*"));
        let program = Right::Program { name: known.server.program_name().to_owned() };
        if !agent.rights.iter().any(|right| right.covers(&program)) {
            agent.rights.push(program);
        }
        // Names only: they are made of letters, digits and underscores. The router reads them.
        let tools = known.tools.iter().flatten().map(|tool| tool.schema.name.replace(['.', '_'], " "));
        agent.about.push_str(&format!(" Also {}.", tools.collect::<Vec<_>>().join(", ")));
    }
}

/// The servers whose tools an agent gets: those that are for it, as far as its prompt has room for them.
pub(crate) fn servers_of<'k>(agent: &str, servers: &'k [Known]) -> Vec<&'k Known> {
    let mut room = MCP_PROMPT_BYTES;
    let fits = |known: &&Known| {
        let Ok(tools) = &known.tools else { return false };
        let bytes: usize = tools.iter().map(|tool| prompt_bytes(&tool.schema)).sum();
        let is_for_it = known.settings.agents.iter().any(|name| name == agent) && bytes <= room;
        room -= if is_for_it { bytes } else { 0 };
        is_for_it
    };
    servers.iter().filter(fits).collect()
}

/// Why agents do not get the tools of servers that are for them.
pub(crate) fn left_out(servers: &[Known]) -> Vec<Failure> {
    let without = |known: &Known, agent: &str| {
        let name = &known.server.name;
        let is_given = servers_of(agent, servers).iter().any(|given| given.server.name == *name);
        (known.tools.is_ok() && !is_given).then(|| {
            Failure::new(ErrorCode::TooLarge, format!("the agent {agent} does without the tools of {name}"))
                .because(format!(
                    "all servers of an agent have {MCP_PROMPT_BYTES} bytes of its prompt (MCP_PROMPT_BYTES)"
                ))
                .try_next(format!("Name the tools that you need under [mcp.{name}]: tools = [\"…\"]"))
        })
    };
    servers
        .iter()
        .flat_map(|known| known.settings.agents.iter().filter_map(move |agent| without(known, agent)))
        .collect()
}

/// About how long a tool's line in a prompt is.
fn prompt_bytes(schema: &ToolSchema) -> usize {
    let parameters =
        schema.parameters.iter().map(|parameter| parameter.name.len() + parameter.ty.to_string().len() + 10);
    schema.name.len() + schema.about.len() + 16 + parameters.sum::<usize>()
}

/// All built-in tools and record types.
pub(crate) fn builtin() -> Catalog {
    let builtin = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    let mut records = genoa_tools::records();
    records.extend(genoa_kernel::Kernel::system_records());
    Catalog::new(builtin.chain(genoa_kernel::Kernel::system_tools()), records)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use genoa_abi::agent::{Assignment, PlanExample};
    use genoa_abi::event::{Effect, Event};
    use genoa_abi::grant::Right;
    use genoa_abi::installation::Installation;
    use genoa_abi::mcp::McpServer;
    use genoa_abi::schema::Catalog;
    use genoa_abi::session::{News, SessionRequest};
    use genoa_abi::syscall::{Caller, Reply, Syscall};
    use genoa_abi::tool::{Clock, Person};
    use genoa_abi::{AgentId, ErrorCode, RequestId, SessionId, Timestamp};
    use genoa_kernel::Kernel;
    use genoa_plan::{Said, check, next_statement_grammar, scope_after};
    use llguidance::api::TopLevelGrammar;
    use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
    use llguidance::{Matcher, ParserFactory};

    use genoa_tools::mcp::{ReadOnlyHints, tools_of};
    use serde_json::json;

    use super::of;
    use crate::servers::Known;
    use crate::settings::{ServerSettings, Settings};

    static FACTORY: LazyLock<ParserFactory> = LazyLock::new(|| {
        let environment = ApproximateTokEnv::single_byte_env();
        let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).unwrap();
        factory.quiet();
        factory
    });

    /// How much of `line` the model could write after `written`.
    fn writable<'a>(written: &str, line: &'a str, catalog: &Catalog, intention: &str) -> &'a str {
        let scope = scope_after(written, catalog).unwrap();
        let grammar =
            TopLevelGrammar::from_lark(next_statement_grammar(&scope, catalog, &Said::in_intention(intention)));
        let mut matcher = Matcher::new(FACTORY.create_parser(grammar));
        let bytes: Vec<u32> = line.bytes().map(u32::from).collect();
        &line[..matcher.try_consume_tokens(&bytes).unwrap()]
    }

    /// A kernel that was told of an agent's start: the agent, and what the person was told.
    struct Begun {
        kernel: Kernel,
        agent: AgentId,
        notices: Vec<String>,
    }

    impl Begun {
        fn new(installation: Installation, name: &str, text: &str) -> Self {
            let session = SessionId(1);
            let mut begun = Self { kernel: Kernel::new(), agent: AgentId { index: 0, generation: 0 }, notices: vec![] };
            begun.kernel.step(Event::Booted(installation), Timestamp(1));
            begun.kernel.step(Event::Connected { session }, Timestamp(1));
            let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
            let request = SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock };
            begun.ask(Caller::Person(session), Syscall::Session(request));
            let intend = Syscall::Intend { text: text.into(), agent: Some(name.into()) };
            for effect in begun.ask(Caller::Person(session), intend) {
                match effect {
                    Effect::StartAgent { agent, .. } => begun.agent = agent,
                    Effect::Tell { news: News::Notice { text, .. }, .. } => begun.notices.push(text),
                    _ => {}
                }
            }
            begun
        }

        fn ask(&mut self, caller: Caller, syscall: Syscall) -> Vec<Effect> {
            self.kernel.step(Event::Asked { caller, request: RequestId(1), syscall }, Timestamp(1))
        }

        /// The rights of the agent's grant, in words.
        fn rights(&self) -> Vec<String> {
            let grant = self.kernel.grants().into_iter().find(|grant| grant.parent.is_some()).unwrap();
            grant.rights.iter().map(ToString::to_string).collect()
        }

        /// The tools of its assignment.
        fn tools(&mut self) -> Vec<String> {
            let effects = self.ask(Caller::Agent(self.agent), Syscall::Receive {});
            let Some(Effect::Reply { outcome: Ok(Reply::Message(message)), .. }) = effects.first() else { panic!() };
            let assignment: Assignment = serde_json::from_value(message.clone()).unwrap();
            assignment.catalog.tools.into_keys().collect()
        }
    }

    /// An agent that was started for an intention with these hosts configured.
    fn begin(name: &str, text: &str, hosts: &[&str]) -> Begun {
        let mut settings = Settings::default();
        settings.network.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Begun::new(of(&settings, &[]).unwrap(), name, text)
    }

    #[test]
    fn the_content_agent_gets_the_hosts_that_are_configured_and_no_other() {
        let fetch = "What does https://docs.example.org/x say?";
        let has_fetch = |begun: &mut Begun| begun.tools().contains(&"web.fetch".to_owned());
        let network =
            |begun: &Begun| begun.rights().into_iter().filter(|right| right.contains("requests")).collect::<Vec<_>>();
        let mut begun = begin("content", fetch, &["docs.example.org", "*.wiki.example"]);
        assert_eq!(network(&begun), ["GET requests to docs.example.org", "GET requests to *.wiki.example"]);
        assert!(has_fetch(&mut begun) && begun.notices.is_empty(), "{:?}", begun.notices);
        let mut begun = begin("content", fetch, &[]);
        assert!(network(&begun).is_empty() && !has_fetch(&mut begun));
        assert_eq!(begun.notices.len(), 1);
        assert!(begun.notices[0].ends_with("hosts = [\"docs.example.org\"]"), "{:?}", begun.notices);
        // Who does not speak of an address is not told about it.
        assert!(begin("content", "Make slides about the move", &[]).notices.is_empty());
        for other in ["communication", "programming", "system"] {
            let mut begun = begin(other, fetch, &["docs.example.org"]);
            assert!(network(&begun).is_empty() && !has_fetch(&mut begun), "{other}");
        }
    }

    /// A server `weather` with two tools, for these agents.
    fn weather(agents: &[&str]) -> Known {
        let arguments = vec!["--stdio".to_owned()];
        let server = McpServer { name: "weather".into(), program: "/usr/bin/weather-server".into(), arguments };
        let property = json!({ "type": "object", "required": ["place-name"], "properties": {
            "place-name": { "type": "string" }, "daysAhead": { "type": "integer" }, "unit": { "enum": ["C", "F"] } } });
        let described = [
            json!({ "name": "getForecast", "description": "Says what comes", "inputSchema": property }),
            json!({ "name": "stations", "inputSchema": {} }),
        ];
        let tools = tools_of(&server, ReadOnlyHints::Ignore, &described);
        let settings = ServerSettings {
            program: server.program.clone(),
            arguments: server.arguments.clone(),
            trust_hints: false,
            agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
            tools: Vec::new(),
            tool: Default::default(),
        };
        Known { server, settings, tools }
    }

    fn forecast() -> Syscall {
        let arguments = json!({ "place_name": "Oslo" }).as_object().unwrap().clone();
        Syscall::Call { tool: "weather.getForecast".into(), arguments }
    }

    #[test]
    fn a_server_is_for_the_agents_that_are_named_and_for_the_person() {
        let installation = of(&Settings::default(), &[weather(&["content"])]).unwrap();
        let mut begun = Begun::new(installation.clone(), "content", "What will the weather be in Oslo?");
        assert!(begun.rights().contains(&"run the program weather-server".to_owned()), "{:?}", begun.rights());
        assert!(begun.tools().contains(&"weather.stations".to_owned()) && begun.notices.is_empty());
        let job = |effects: Vec<Effect>| {
            effects.into_iter().find_map(|effect| match effect {
                Effect::RunTool(job) => Some(job),
                _ => None,
            })
        };
        let own = job(begun.ask(Caller::Agent(begun.agent), forecast())).unwrap();
        let route = own.mcp.unwrap();
        assert_eq!((route.tool.as_str(), route.parameters["place_name"].as_str()), ("getForecast", "place-name"));
        assert!(own.rights.contains(&Right::Program { name: "weather-server".into() }), "{:?}", own.rights);
        assert!(job(begun.ask(Caller::Person(SessionId(1)), forecast())).is_some());
        for other in ["communication", "programming", "system"] {
            let mut begun = Begun::new(installation.clone(), other, "What will the weather be in Oslo?");
            assert!(!begun.tools().iter().any(|tool| tool.starts_with("weather.")), "{other}");
            let effects = begun.ask(Caller::Agent(begun.agent), forecast());
            let [Effect::Reply { outcome: Err(failure), .. }, ..] = effects.as_slice() else { panic!("{effects:?}") };
            assert_eq!(failure.code, ErrorCode::NotGranted, "{other}");
        }
    }

    #[test]
    fn who_speaks_of_a_servers_tools_comes_to_its_agent() {
        let installation = of(&Settings::default(), &[weather(&["system"])]).unwrap();
        let mut begun = Begun::new(installation, "content", "Make slides");
        let person = Caller::Person(SessionId(1));
        let text = "Give me the forecast of the weather stations".to_owned();
        begun.ask(person, Syscall::Intend { text, agent: None });
        let effects = begun.ask(person, Syscall::List {});
        let Some(Effect::Reply { outcome: Ok(Reply::Status(status)), .. }) = effects.first() else { panic!() };
        let names: Vec<&str> = status.agents.iter().map(|agent| agent.name.as_str()).collect();
        assert_eq!(names, ["content", "system"]);
    }

    #[test]
    fn a_planner_could_write_the_calls_of_a_server() {
        let catalog = of(&Settings::default(), &[weather(&["system"])]).unwrap().catalog;
        let plan = "found = weather.getForecast(place_name=\"Oslo\", daysAhead=3, unit=\"C\")\nsay(found)\n";
        let intention = "What will the weather be in Oslo in 3 days?";
        assert!(check(plan, &catalog, intention).is_ok());
        let first = plan.lines().next().map(|line| format!("{line}\n")).unwrap();
        assert_eq!(writable("", &first, &catalog, intention), first);
    }

    // One test an agent: each takes a while, and they run side by side.
    #[test]
    fn every_shipped_example_of_communication_can_be_written() {
        assert_eq!(what_cannot_be_written("communication"), "");
    }

    #[test]
    fn every_shipped_example_of_content_can_be_written() {
        assert_eq!(what_cannot_be_written("content"), "");
    }

    #[test]
    fn every_shipped_example_of_programming_can_be_written() {
        assert_eq!(what_cannot_be_written("programming"), "");
    }

    #[test]
    fn every_shipped_example_of_system_can_be_written() {
        assert_eq!(what_cannot_be_written("system"), "");
    }

    #[test]
    fn no_agent_is_forgotten_above() {
        let agents = of(&Settings::default(), &[]).unwrap().agents;
        let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
        assert_eq!(names, ["communication", "content", "programming", "system"]);
    }

    /// The examples of an agent that are no plans, or that its planner could not write, a line each.
    fn what_cannot_be_written(name: &str) -> String {
        let installation = of(&Settings::default(), &[]).unwrap();
        let agent = installation.agents.iter().find(|agent| agent.name == name).unwrap();
        let allowed = |name: &str| {
            let holds = |tool: &String| tool == name || tool.strip_suffix('*').is_some_and(|g| name.starts_with(g));
            agent.tools.iter().any(holds)
        };
        let catalog = installation.catalog.only(|tool| allowed(&tool.name));
        installation.examples[name].iter().flat_map(|example| complaints(example, &catalog)).collect()
    }

    fn complaints(example: &PlanExample, catalog: &Catalog) -> Vec<String> {
        let intention = &example.intention;
        if let Err(findings) = check(&example.plan, catalog, intention) {
            return vec![format!("{intention}: {}\n", findings[0])];
        }
        let mut complaints = Vec::new();
        let said = Said::in_intention(intention);
        let mut written = String::new();
        for line in example.plan.lines().map(|line| format!("{line}\n")) {
            if said.is_served_by(&written, catalog) {
                complaints.push(format!("{intention}: over before {line}"));
            }
            let start = writable(&written, &line, catalog, intention);
            if start != line {
                complaints.push(format!("{intention}: {start}<HERE>{}", &line[start.len()..]));
            }
            written.push_str(&line);
        }
        let acts = !["refuse(", "ask("].iter().any(|whole| written.starts_with(whole));
        if acts && said.misses_a_product(&written, catalog) {
            complaints.push(format!("{intention}: the product is missing\n"));
        }
        complaints
    }
}
