//! What this installation offers: the built-in tools and agents, and what the person's configuration allows them.

use genoa_abi::Failure;
use genoa_abi::installation::Installation;
use genoa_abi::schema::Catalog;
use genoa_daemon::Home;

use crate::settings::Settings;

/// What there is in `home`, as its configuration stands now.
pub(crate) fn installation(home: &Home) -> Result<Installation, Failure> {
    let settings = Settings::load(home)?;
    of(&settings)
}

/// The same with these settings.
pub(crate) fn of(settings: &Settings) -> Result<Installation, Failure> {
    let agents = genoa_agents::builtin_agents();
    let examples =
        agents.iter().map(|agent| (agent.name.clone(), genoa_agents::builtin_examples(&agent.name))).collect();
    Ok(Installation { catalog: builtin(), agents, examples, network: settings.network_rights()? })
}

/// All built-in tools and record types.
fn builtin() -> Catalog {
    let builtin = genoa_tools::tools().into_iter().map(|tool| tool.schema);
    let mut records = genoa_tools::records();
    records.extend(genoa_kernel::Kernel::system_records());
    Catalog::new(builtin.chain(genoa_kernel::Kernel::system_tools()), records)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use genoa_abi::agent::Assignment;
    use genoa_abi::event::{Effect, Event};
    use genoa_abi::schema::Catalog;
    use genoa_abi::session::{News, SessionRequest};
    use genoa_abi::syscall::{Caller, Reply, Syscall};
    use genoa_abi::tool::{Clock, Person};
    use genoa_abi::{RequestId, SessionId, Timestamp};
    use genoa_kernel::Kernel;
    use genoa_plan::{Said, check, next_statement_grammar, scope_after};
    use llguidance::api::TopLevelGrammar;
    use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
    use llguidance::{Matcher, ParserFactory};

    use super::of;
    use crate::settings::Settings;

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

    /// What the agent `name` gets for an intention, with these hosts configured: its rights, its tools, and what the
    /// person is told.
    fn begin(name: &str, text: &str, hosts: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let mut settings = Settings::default();
        settings.network.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let (session, mut kernel) = (SessionId(1), Kernel::new());
        let mut step = |event: Event| kernel.step(event, Timestamp(1));
        step(Event::Booted(of(&settings).unwrap()));
        step(Event::Connected { session });
        let mut ask =
            |syscall: Syscall| step(Event::Asked { caller: Caller::Person(session), request: RequestId(1), syscall });
        let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
        ask(Syscall::Session(SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock }));
        let effects = ask(Syscall::Intend { text: text.into(), agent: Some(name.into()) });
        let notices = effects.iter().filter_map(|effect| match effect {
            Effect::Tell { news: News::Notice { text }, .. } => Some(text.clone()),
            _ => None,
        });
        let notices = notices.collect();
        let agent = effects.iter().find_map(|effect| match effect {
            Effect::StartAgent { agent, .. } => Some(*agent),
            _ => None,
        });
        let receive =
            Event::Asked { caller: Caller::Agent(agent.unwrap()), request: RequestId(1), syscall: Syscall::Receive {} };
        let effects = kernel.step(receive, Timestamp(1));
        let Some(Effect::Reply { outcome: Ok(Reply::Message(message)), .. }) = effects.first() else { panic!() };
        let assignment: Assignment = serde_json::from_value(message.clone()).unwrap();
        let grant = kernel.grants().into_iter().find(|grant| grant.parent.is_some()).unwrap();
        (
            grant.rights.iter().map(ToString::to_string).collect(),
            assignment.catalog.tools.into_keys().collect(),
            notices,
        )
    }

    #[test]
    fn the_content_agent_gets_the_hosts_that_are_configured_and_no_other() {
        let fetch = "What does https://docs.example.org/x say?";
        let (rights, tools, notices) = begin("content", fetch, &["docs.example.org", "*.wiki.example"]);
        let network: Vec<&String> = rights.iter().filter(|right| right.contains("requests")).collect();
        assert_eq!(network, ["GET requests to docs.example.org", "GET requests to *.wiki.example"]);
        assert!(tools.contains(&"web.fetch".to_owned()) && notices.is_empty(), "{notices:?}");
        let (rights, tools, notices) = begin("content", fetch, &[]);
        assert!(!rights.iter().any(|right| right.contains("requests")), "{rights:?}");
        assert!(!tools.contains(&"web.fetch".to_owned()));
        assert!(notices.len() == 1 && notices[0].ends_with("hosts = [\"docs.example.org\"]"), "{notices:?}");
        // Who does not speak of an address is not told about it.
        assert!(begin("content", "Make slides about the move", &[]).2.is_empty());
        for other in ["communication", "programming", "system"] {
            let (rights, tools, _) = begin(other, fetch, &["docs.example.org"]);
            assert!(!rights.iter().any(|right| right.contains("requests")) && !tools.contains(&"web.fetch".to_owned()));
        }
    }

    #[test]
    fn every_shipped_example_is_a_plan_that_the_planner_could_write() {
        let mut complaints = Vec::new();
        let installation = of(&Settings::default()).unwrap();
        for agent in &installation.agents {
            let allowed = |name: &str| {
                agent
                    .tools
                    .iter()
                    .any(|tool| tool == name || tool.strip_suffix('*').is_some_and(|g| name.starts_with(g)))
            };
            let catalog = installation.catalog.only(|tool| allowed(&tool.name));
            for example in &installation.examples[&agent.name] {
                let checked = check(&example.plan, &catalog, &example.intention);
                if let Err(findings) = checked {
                    complaints.push(format!("{}: {}\n", example.intention, findings[0]));
                    continue;
                }
                let mut written = String::new();
                for line in example.plan.lines().map(|line| format!("{line}\n")) {
                    let start = writable(&written, &line, &catalog, &example.intention);
                    if start != line {
                        complaints.push(format!("{}: {start}<HERE>{}", example.intention, &line[start.len()..]));
                    }
                    written.push_str(&line);
                }
            }
        }
        assert!(complaints.is_empty(), "{}", complaints.join(""));
    }
}
