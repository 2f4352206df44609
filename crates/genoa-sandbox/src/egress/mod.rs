//! The egress broker: the one process with a network, and the rules it holds requests to.

/// The environment variable with the broker's rules: a JSON list of network rights.
pub const RULES_VARIABLE: &str = "GENOA_EGRESS_RULES";
