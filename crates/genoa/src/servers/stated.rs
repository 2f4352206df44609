//! What the person states about single tools of a server, in the place of what is taken for granted of every tool of others: that
//! it changes files, that all of its arguments have to be the person's own words, and that nothing takes its calls back.

use std::collections::BTreeMap;

use genoa_abi::schema::{Demand, EffectClass, FileNeed, ToolSchema, Type, Undoing};
use genoa_abi::{ErrorCode, Failure};
use genoa_tools::mcp::McpTool;
use serde::{Deserialize, Serialize};

/// What is stated about one tool, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ToolSettings {
    /// How far its calls reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effect: Option<EffectClass>,
    /// Whether that may be less far than is taken for granted.
    pub(crate) less_strict: bool,
    /// What arguments may be made of without a question, by parameter. The person's own words, where nothing is stated.
    pub(crate) demands: BTreeMap<String, Demand>,
    /// Which parameters name those who will get to read an argument, by its parameter.
    pub(crate) shown_to: BTreeMap<String, Vec<String>>,
    /// The call that takes one of its calls back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) undone_by: Option<Undoing>,
    /// Whether a call that leaves the machine does so as soon as it is approved, without an undo window.
    pub(crate) at_once: bool,
}

/// The tools of a server with what is stated about them.
///
/// # Errors
/// What is stated of something that is not there, or less strictly than the person says they want to.
pub(super) fn with_stated(
    tools: Vec<McpTool>,
    stated: &BTreeMap<String, ToolSettings>,
) -> Result<Vec<McpTool>, Failure> {
    let mut with = tools.clone();
    for (name, settings) in stated {
        let Some(tool) = with.iter_mut().find(|tool| verb(&tool.schema) == name) else {
            return Err(not_there("the server", "tool", name, tools.iter().map(|tool| verb(&tool.schema))));
        };
        state(&mut tool.schema, settings, &tools)?;
    }
    Ok(with)
}

/// A tool's name without its group.
pub(super) fn verb(tool: &ToolSchema) -> &str {
    tool.name.split_once('.').map_or(tool.name.as_str(), |(_, verb)| verb)
}

fn state(tool: &mut ToolSchema, settings: &ToolSettings, all: &[McpTool]) -> Result<(), Failure> {
    if let Some(effect) = settings.effect {
        if effect < tool.effect && !settings.less_strict {
            let (stated, known) = (class(effect), class(tool.effect));
            return Err(wrong(tool, format!("`{stated}` is less strict than `{known}`, which is taken for granted"))
                .try_next("Write less_strict = true beside it, if you know that the tool does no more than that"));
        }
        tool.effect = effect;
        if effect == EffectClass::Observe {
            // It gets a view that it cannot write to, so that what is stated is so.
            tool.needs.files = FileNeed::Read;
        }
    }
    for (name, demand) in &settings.demands {
        check_parameter(tool, name)?;
        tool.parameters
            .iter_mut()
            .filter(|parameter| parameter.name == *name)
            .for_each(|parameter| parameter.demand = *demand);
    }
    for (name, readers) in &settings.shown_to {
        check_parameter(tool, name)?;
        readers.iter().try_for_each(|reader| check_parameter(tool, reader))?;
        tool.parameters
            .iter_mut()
            .filter(|parameter| parameter.name == *name)
            .for_each(|parameter| parameter.shown_to.clone_from(readers));
    }
    if settings.at_once {
        state_at_once(tool, settings)?;
    }
    if let Some(undoing) = &settings.undone_by {
        tool.undone_by = Some(undoing_of(tool, undoing, all)?);
    }
    Ok(())
}

/// Does without the undo window of what leaves the machine.
fn state_at_once(tool: &mut ToolSchema, settings: &ToolSettings) -> Result<(), Failure> {
    if tool.effect != EffectClass::Emit {
        let why = format!("`at_once` is for what leaves the machine, and its effect is `{}`", class(tool.effect));
        return Err(wrong(tool, why).try_next("Leave it out, or state effect = \"emit\" beside it"));
    }
    if !settings.less_strict {
        let why = "`at_once` is less strict than the undo window, which is taken for granted".to_owned();
        return Err(wrong(tool, why)
            .try_next("Write less_strict = true beside it, if nobody needs time to take its calls back"));
    }
    tool.at_once = true;
    Ok(())
}

/// How a call is taken back, with the whole name of the tool that does it: another one of the same server.
fn undoing_of(tool: &ToolSchema, stated: &Undoing, all: &[McpTool]) -> Result<Undoing, Failure> {
    let group = tool.name.split('.').next().unwrap_or_default();
    let name = stated.tool.strip_prefix(&format!("{group}.")).unwrap_or(&stated.tool);
    let Some(by) = all.iter().map(|other| &other.schema).find(|other| verb(other) == name) else {
        return Err(not_there("the server", "tool", &stated.tool, all.iter().map(|other| verb(&other.schema))));
    };
    for (parameter, place) in &stated.arguments {
        check_parameter(by, parameter)?;
        let from = match place.as_str() {
            "result" => &tool.returns,
            argument => match tool.parameter(argument) {
                Some(parameter) => &parameter.ty,
                None => {
                    let there = tool.parameters.iter().map(|parameter| parameter.name.as_str()).chain(["result"]);
                    return Err(not_there(&tool.name, "argument", argument, there));
                }
            },
        };
        let to = by.parameter(parameter).map_or(&Type::Any, |parameter| &parameter.ty);
        if !fits(from, to) {
            let why = format!("`{parameter}` of {} is {to}, and `{place}` is {from}", by.name);
            return Err(wrong(tool, why).try_next("Take it from an argument of that type"));
        }
    }
    let is_missing = |parameter: &&genoa_abi::schema::Parameter| {
        parameter.required && !stated.arguments.contains_key(&parameter.name)
    };
    match by.parameters.iter().find(is_missing) {
        Some(missing) => Err(wrong(tool, format!("{} cannot take it back without `{}`", by.name, missing.name))
            .try_next(format!("Say where that is taken from: arguments = {{ {} = \"…\" }}", missing.name))),
        None => Ok(Undoing { tool: by.name.clone(), arguments: stated.arguments.clone() }),
    }
}

fn fits(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Optional(from), to) => fits(from, to),
        (from, Type::Optional(to)) => fits(from, to),
        (_, Type::Any) | (Type::Int, Type::Number) => true,
        (from, to) => from == to,
    }
}

fn check_parameter(tool: &ToolSchema, name: &str) -> Result<(), Failure> {
    if tool.parameter(name).is_some() {
        return Ok(());
    }
    Err(not_there(&tool.name, "parameter", name, tool.parameters.iter().map(|parameter| parameter.name.as_str())))
}

pub(super) fn not_there<'n>(whose: &str, what: &str, name: &str, there: impl Iterator<Item = &'n str>) -> Failure {
    let there: Vec<&str> = there.collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Failure::new(ErrorCode::NotFound, format!("{whose} has no {what} `{}`", name.escape_debug()))
        .try_next(format!("It has: {there}"))
}

fn wrong(tool: &ToolSchema, why: String) -> Failure {
    Failure::new(ErrorCode::InvalidInput, format!("what is stated about {} cannot be", tool.name)).because(why)
}

fn class(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::Observe => "observe",
        EffectClass::Change => "change",
        EffectClass::Emit => "emit",
        EffectClass::Govern => "govern",
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::mcp::McpServer;
    use genoa_abi::schema::{Demand, EffectClass, FileNeed};
    use genoa_tools::mcp::{McpTool, ReadOnlyHints, tools_of};
    use serde_json::json;

    use super::with_stated;
    use crate::settings::ServerSettings;

    /// A server with a tool that makes something, and one that takes it away.
    fn tools() -> Vec<McpTool> {
        let schema = |names: &[&str]| {
            let properties: serde_json::Map<_, _> =
                names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
            json!({ "type": "object", "properties": properties, "required": names })
        };
        let said = json!({ "tools": [
            { "name": "post", "description": "Posts", "inputSchema": schema(&["text", "room"]) },
            { "name": "erase", "description": "Erases", "inputSchema": schema(&["what"]) },
        ] });
        let server = McpServer { name: "board".into(), program: "board".into(), arguments: Vec::new() };
        tools_of(&server, ReadOnlyHints::Ignore, said["tools"].as_array().unwrap()).unwrap()
    }

    fn stated(text: &str) -> Result<Vec<McpTool>, String> {
        let settings: ServerSettings = toml::from_str(&format!("program = \"board\"\n{text}")).unwrap();
        with_stated(tools(), &settings.tool).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_is_stated_about_a_tool_is_in_its_schema_and_nothing_else_is_changed() {
        let text = "[tool.post]\neffect = \"emit\"\ndemands = { text = \"anything\" }\nshown_to = { text = [\"room\"] }\n\
            undone_by = { tool = \"erase\", arguments = { what = \"result\" } }\n";
        let with = stated(text).unwrap();
        let post = &with[0].schema;
        assert_eq!(
            (post.effect, post.parameters[0].demand, post.parameters[1].demand),
            (EffectClass::Emit, Demand::Anything, Demand::Person)
        );
        assert_eq!(post.parameters[0].shown_to, ["room"]);
        assert_eq!(post.undone_by.as_ref().map(|undoing| undoing.tool.as_str()), Some("board.erase"));
        assert_eq!(with[1], tools()[1], "of the other tool nothing was said");
        let hurries = stated("[tool.post]\neffect = \"emit\"\nat_once = true\nless_strict = true\n").unwrap();
        assert!(hurries[0].schema.at_once && !with[0].schema.at_once);
        let looks = stated("[tool.erase]\neffect = \"observe\"\nless_strict = true\n").unwrap();
        assert_eq!((looks[1].schema.effect, looks[1].schema.needs.files), (EffectClass::Observe, FileNeed::Read));
    }

    #[test]
    fn what_cannot_be_stated_is_refused_by_name() {
        let refused = |text: &str| stated(text).unwrap_err();
        insta::assert_snapshot!(refused("[tool.pots]\n"), @"the server has no tool `pots`. It has: post, erase");
        insta::assert_snapshot!(refused("[tool.post]\neffect = \"observe\"\n"), @"what is stated about board.post cannot be: `observe` is less strict than `change`, which is taken for granted. Write less_strict = true beside it, if you know that the tool does no more than that");
        insta::assert_snapshot!(refused("[tool.post]\nat_once = true\nless_strict = true\n"), @"what is stated about board.post cannot be: `at_once` is for what leaves the machine, and its effect is `change`. Leave it out, or state effect = \"emit\" beside it");
        insta::assert_snapshot!(refused("[tool.post]\neffect = \"emit\"\nat_once = true\n"), @"what is stated about board.post cannot be: `at_once` is less strict than the undo window, which is taken for granted. Write less_strict = true beside it, if nobody needs time to take its calls back");
        insta::assert_snapshot!(refused("[tool.post]\ndemands = { txt = \"anything\" }\n"), @"board.post has no parameter `txt`. It has: text, room");
        insta::assert_snapshot!(refused("[tool.post]\nshown_to = { text = [\"all\"] }\n"), @"board.post has no parameter `all`. It has: text, room");
        insta::assert_snapshot!(refused("[tool.post]\nundone_by = { tool = \"unpost\", arguments = {} }\n"), @"the server has no tool `unpost`. It has: post, erase");
        insta::assert_snapshot!(refused("[tool.post]\nundone_by = { tool = \"erase\", arguments = {} }\n"), @"what is stated about board.post cannot be: board.erase cannot take it back without `what`. Say where that is taken from: arguments = { what = \"…\" }");
        insta::assert_snapshot!(refused("[tool.post]\nundone_by = { tool = \"erase\", arguments = { what = \"number\" } }\n"), @"board.post has no argument `number`. It has: text, room, result");
    }
}
