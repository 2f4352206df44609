//! The built-in agents.

use genoa_abi::agent::AgentManifest;

/// The agents that ship with Genoa, by name.
///
/// # Panics
/// If a shipped manifest is not one: a defect that the first test finds.
#[must_use]
pub fn builtin_agents() -> Vec<AgentManifest> {
    [
        include_str!("../data/agents/communication.toml"),
        include_str!("../data/agents/content.toml"),
        include_str!("../data/agents/programming.toml"),
        include_str!("../data/agents/system.toml"),
    ]
    .into_iter()
    .map(|text| toml::from_str(text).unwrap_or_else(|error| panic!("a built-in manifest is wrong: {error}")))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::builtin_agents;

    #[test]
    fn the_built_in_manifests_are_manifests() {
        let names: Vec<String> = builtin_agents().into_iter().map(|agent| agent.name).collect();
        assert_eq!(names, ["communication", "content", "programming", "system"]);
    }
}
