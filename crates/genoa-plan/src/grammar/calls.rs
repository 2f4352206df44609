//! Calls of tools: required arguments in the order of the schema, then optional ones, each at most once.

use genoa_abi::schema::{ToolSchema, Type};

use super::rules::{is_name, literal};
use super::values::{Values, optional_name};

/// Whether a tool's name, and those of the arguments that it needs, can be written in a plan.
pub(super) fn is_writable(tool: &ToolSchema) -> bool {
    let required_can_be_named = tool.parameters.iter().all(|parameter| !parameter.required || is_name(&parameter.name));
    tool.name != "refuse" && tool.name.split('.').all(is_name) && required_can_be_named
}

impl Values<'_> {
    /// The calls that are possible here: all, and those that return something.
    pub(super) fn calls(&mut self) -> (Vec<String>, Vec<String>) {
        let catalog = self.catalog;
        let (mut all, mut returning) = (Vec::new(), Vec::new());
        for tool in catalog.tools.values().filter(|tool| is_writable(tool)) {
            let Some(call) = self.call_of(tool).and_then(|call| self.rules.rule(&[call])) else { continue };
            if tool.returns != Type::None {
                returning.push(call.clone());
            }
            all.push(call);
        }
        (all, returning)
    }

    /// The whole plan: `refuse("why")`.
    pub(super) fn refusal(&mut self) -> Option<String> {
        let tool = self.catalog.tools.get("refuse")?;
        let [parameter] = tool.parameters.as_slice() else { return None };
        let text = self.rules.terminal(super::terminals::TEXT);
        Some(format!("\"refuse(\" {} {text} \")\"", optional_name(&parameter.name)))
    }

    /// One call; nothing if a required argument can't be given yet.
    fn call_of(&mut self, tool: &ToolSchema) -> Option<String> {
        let mut required = Vec::new();
        let mut optional = Vec::new();
        for (place, parameter) in tool.parameters.iter().enumerate() {
            let value = self.argument(&parameter.ty);
            match (value, parameter.required) {
                (None, true) => return None,
                (Some(value), true) if place == 0 => {
                    required.push(format!("{} {value}", optional_name(&parameter.name)))
                }
                (Some(value), true) => required.push(format!("{} {value}", named(&parameter.name))),
                (Some(value), false) if is_name(&parameter.name) => {
                    optional.push(format!("{} {value}", named(&parameter.name)));
                }
                (_, false) => {}
            }
        }
        let arguments = if required.is_empty() { any_of(&optional) } else { all_of(&required, &optional) };
        Some(format!("{} {arguments} \")\"", literal(&format!("{}(", tool.name))))
    }
}

fn named(name: &str) -> String {
    literal(&format!("{name}="))
}

fn all_of(required: &[String], optional: &[String]) -> String {
    let optional: String = optional.iter().map(|argument| format!(" (\", \" {argument})?")).collect();
    format!("{}{optional}", required.join(" \", \" "))
}

/// Optional arguments alone: some of them in order, or none.
fn any_of(optional: &[String]) -> String {
    let from = |first: usize| {
        let rest: String = optional[first + 1..].iter().map(|argument| format!(" (\", \" {argument})?")).collect();
        format!("{}{rest}", optional[first])
    };
    if optional.is_empty() {
        return String::new();
    }
    let alternatives: Vec<String> = (0..optional.len()).map(from).collect();
    format!("({})?", alternatives.join(" | "))
}
