//! What this installation offers: the built-in tools and agents.

use genoa_abi::Failure;
use genoa_abi::installation::Installation;
use genoa_abi::schema::Catalog;
use genoa_daemon::Home;

use crate::settings::Settings;

/// What there is in `home`, as its configuration stands now.
pub(crate) fn installation(home: &Home) -> Result<Installation, Failure> {
    let settings = Settings::load(home)?;
    Ok(of(&settings))
}

/// The same with these settings.
pub(crate) fn of(_: &Settings) -> Installation {
    let agents = genoa_agents::builtin_agents();
    let examples =
        agents.iter().map(|agent| (agent.name.clone(), genoa_agents::builtin_examples(&agent.name))).collect();
    Installation { catalog: builtin(), agents, examples }
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

    use genoa_abi::schema::Catalog;
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

    #[test]
    fn every_shipped_example_is_a_plan_that_the_planner_could_write() {
        let mut complaints = Vec::new();
        let installation = of(&Settings::default());
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
