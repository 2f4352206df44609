//! The shipped plans to learn from.

use genoa_abi::agent::PlanExample;
use serde::Deserialize;

/// The examples that ship with the agent called `name`, and those that every agent learns; none for an agent that a person added.
///
/// # Panics
/// If a shipped file is not one: a defect that the first test finds.
#[must_use]
pub fn builtin_examples(name: &str) -> Vec<PlanExample> {
    let text = match name {
        "communication" => include_str!("../data/examples/communication.toml"),
        "content" => include_str!("../data/examples/content.toml"),
        "programming" => include_str!("../data/examples/programming.toml"),
        "system" => include_str!("../data/examples/system.toml"),
        _ => return Vec::new(),
    };
    let common = include_str!("../data/examples/common.toml");
    [text, common].into_iter().flat_map(read).collect()
}

fn read(text: &str) -> Vec<PlanExample> {
    let file: ExampleFile = toml::from_str(text).unwrap_or_else(|error| panic!("a shipped example is wrong: {error}"));
    file.example
}

#[derive(Deserialize)]
struct ExampleFile {
    example: Vec<PlanExample>,
}

#[cfg(test)]
mod tests {
    use super::builtin_examples;
    use crate::manifests::builtin_agents;

    #[test]
    fn every_agent_ships_examples() {
        for agent in builtin_agents() {
            assert!(!builtin_examples(&agent.name).is_empty(), "{} has no examples", agent.name);
        }
    }
}
