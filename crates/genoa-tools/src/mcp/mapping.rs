//! A server's description of a tool becomes a schema. Pure.

use std::collections::BTreeMap;

use genoa_abi::mcp::{McpRoute, McpServer};
use genoa_abi::schema::{EffectClass, Executor, FileNeed, Needs, Parameter, ToolSchema, Type, Yields};
use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::Value as Json;

use crate::text::{one_line, shorten};

/// Letters of a description.
const ABOUT_LETTERS: usize = 200;
/// Letters of a name.
const NAME_LETTERS: usize = 64;
/// Parameters of one tool.
const PARAMETERS: usize = 32;
/// Words to choose from.
const CHOICES: usize = 64;
/// How deep lists of lists go.
const DEPTH: usize = 4;

/// Whether a server's word is taken that a tool only reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOnlyHints {
    /// No: every tool may change things.
    #[default]
    Ignore,
    /// Yes: the person trusts this server in that.
    Trust,
}

/// A tool of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpTool {
    /// How callers see it.
    pub schema: ToolSchema,
    /// What the server calls it.
    pub name: String,
    /// What the server calls its parameters, by our names.
    pub parameters: BTreeMap<String, String>,
}

impl McpTool {
    /// Where its calls go.
    #[must_use]
    pub fn route(&self, server: &McpServer) -> McpRoute {
        McpRoute { server: server.clone(), tool: self.name.clone(), parameters: self.parameters.clone() }
    }
}

/// Arguments under the server's names; what was not given stays away.
pub(super) fn theirs(route: &McpRoute, arguments: &Map<String, Json>) -> Map<String, Json> {
    let given = arguments.iter().filter(|(_, value)| !value.is_null());
    given.filter_map(|(name, value)| Some((route.parameters.get(name)?.clone(), value.clone()))).collect()
}

/// A group must be a name, so that no server passes itself off as a built-in group.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for what is no name, or is taken.
pub fn check_group(name: &str) -> Result<(), Failure> {
    let taken = crate::tools().iter().any(|tool| tool.schema.name.split('.').next() == Some(name));
    if identifier(name).as_deref() == Some(name) && !taken {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::InvalidInput,
        format!("an MCP server cannot be called `{}`", shorten(&one_line(name), NAME_LETTERS)),
    )
    .because("the name is taken by built-in tools, or is not made of letters, digits and underscores"))
}

/// The tool that `description` (an entry of `tools/list`) describes; nothing if a plan could not call it.
pub(super) fn tool(server: &McpServer, hints: ReadOnlyHints, description: &Json) -> Option<McpTool> {
    let name = description["name"].as_str().filter(|name| name.len() <= NAME_LETTERS)?;
    let input = &description["inputSchema"];
    let required: Vec<&str> = input["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let empty = Map::new();
    let properties = input["properties"].as_object().unwrap_or(&empty);
    if properties.len() > PARAMETERS {
        return None;
    }
    let mut parameters = Vec::new();
    let mut names = BTreeMap::new();
    for (theirs, property) in properties {
        let is_required = required.contains(&theirs.as_str());
        match identifier(theirs).filter(|ours| !names.contains_key(ours)) {
            Some(ours) => {
                names.insert(ours.clone(), theirs.clone());
                parameters.push(parameter(&ours, property, is_required));
            }
            // A parameter without a usable name can only be left out.
            None if is_required => return None,
            None => {}
        }
    }
    parameters.sort_by_key(|parameter| !parameter.required);
    let only_reads = hints == ReadOnlyHints::Trust && description["annotations"]["readOnlyHint"] == true;
    let (effect, files) =
        if only_reads { (EffectClass::Observe, FileNeed::Read) } else { (EffectClass::Change, FileNeed::Write) };
    let group = &server.name;
    let ours = identifier(name)?;
    let shown: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| format!("{{{}}}", parameter.name))
        .collect();
    let schema = ToolSchema {
        name: format!("{group}.{ours}"),
        about: clean(description["description"].as_str().unwrap_or_default()),
        parameters,
        returns: Type::Text,
        effect,
        executor: Executor::Jail,
        needs: Needs { files, programs: true, ..Needs::default() },
        phrase: format!("Call {ours} of the server {group} {}", shown.join(" ")).trim_end().to_owned(),
        asked_by: Vec::new(),
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
        yields: Yields::default(),
    };
    Some(McpTool { schema, name: name.to_owned(), parameters: names })
}

fn parameter(name: &str, property: &Json, required: bool) -> Parameter {
    let about = clean(property["description"].as_str().unwrap_or_default());
    Parameter::new(name, type_of(property, DEPTH), required, &about)
}

/// The type, as far as types map; `any` for the rest.
fn type_of(schema: &Json, depth: usize) -> Type {
    if let Some(words) = schema["enum"].as_array() {
        let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
        // The written form of a choice has quotes and bars of its own.
        let is_plain = |word: &String| {
            !word.is_empty() && word.len() <= NAME_LETTERS && !word.contains(['"', '|', '\\']) && clean(word) == *word
        };
        return match words.filter(|words| !words.is_empty() && words.len() <= CHOICES) {
            Some(words) if words.iter().all(is_plain) => Type::Choice(words),
            Some(_) => Type::Text,
            None => Type::Any,
        };
    }
    let one = match &schema["type"] {
        Json::String(one) => one.as_str(),
        // `["string", "null"]` is an optional text.
        Json::Array(several) => {
            let mut others = several.iter().filter_map(Json::as_str).filter(|name| *name != "null");
            match (others.next(), others.next()) {
                (Some(one), None) => one,
                _ => return Type::Any,
            }
        }
        _ => return Type::Any,
    };
    match one {
        "string" => Type::Text,
        "integer" => Type::Int,
        "number" => Type::Number,
        "boolean" => Type::Bool,
        "array" if depth > 0 => Type::list(type_of(&schema["items"], depth - 1)),
        _ => Type::Any,
    }
}

/// One short line without control characters, and without letters that are not seen or change the direction of writing.
fn clean(text: &str) -> String {
    let is_hidden = |letter: char| matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}');
    let seen: String = text.chars().take(ABOUT_LETTERS * 4).filter(|letter| !is_hidden(*letter)).collect();
    shorten(&one_line(&seen), ABOUT_LETTERS)
}

/// `name` as a name of the plan language: hyphens, dots, slashes and spaces become underscores.
fn identifier(name: &str) -> Option<String> {
    let ours: String = name.chars().map(|letter| if "-./ ".contains(letter) { '_' } else { letter }).collect();
    let begins_well = ours.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_good = begins_well
        && ours.len() <= NAME_LETTERS
        && ours.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    // The keywords of Python: a plan with one of these in the place of a name is no plan.
    const WORDS: [&str; 35] = [
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ];
    (is_good && !WORDS.contains(&ours.as_str())).then_some(ours)
}
