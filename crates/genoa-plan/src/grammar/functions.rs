//! Which functions can be written in a plan, and which of them stand alone.

use genoa_abi::schema::ToolSchema;

use super::rules::is_name;

/// The function that asks the person.
pub(super) const ASK: &str = "ask";
/// Functions that stand alone: a plan that refuses or asks does nothing else.
pub(super) const WHOLE_PLANS: [&str; 2] = ["refuse", ASK];

/// Whether a tool's name, and those of the arguments that it needs, can be written in a plan.
pub(super) fn is_writable(tool: &ToolSchema) -> bool {
    let required_can_be_named = tool.parameters.iter().all(|parameter| !parameter.required || is_name(&parameter.name));
    !WHOLE_PLANS.contains(&tool.name.as_str()) && tool.name.split('.').all(is_name) && required_can_be_named
}
