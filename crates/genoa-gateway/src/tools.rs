//! Functions of a client: how the model is told of them, what it may write then, and what it wrote.
//!
//! The model is bound by a grammar, so a call always names a function that is there, with arguments of its schema. Whether it
//! calls one at all is its own choice, unless the client makes it.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;
use serde_json::{Value as Json, json};

use crate::failures::ApiFailure;

/// Functions of one request.
const TOOLS: usize = 128;
/// Calls of one answer.
const CALLS: usize = 8;
/// What some models were trained to put around a call. Others write the call alone, whatever they are told.
const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// A function that the client offers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tool {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    function: Function,
}

#[derive(Clone, Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Json>,
}

/// Whether the model may or must call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// As it likes.
    Auto,
    /// One function at least.
    Required,
    /// This one.
    Named(String),
    /// It may not.
    Never,
}

/// What a request says of functions; nothing where it says none, or that none may be called.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    tools: Vec<Function>,
    choice: Choice,
    /// Those that may be called now, where that is not all. The model is told of all: a client that allows now these and
    /// now those has the state of one prompt at hand.
    allowed: Option<Vec<String>>,
    several: bool,
}

impl Tools {
    /// Reads the fields of a request.
    pub(crate) fn of(
        tools: Vec<Tool>,
        choice: Option<&Json>,
        several: Option<bool>,
    ) -> Result<Option<Self>, ApiFailure> {
        if tools.len() > TOOLS {
            return Err(ApiFailure::of_field("tools", format!("At most {TOOLS} functions can be offered")));
        }
        if let Some(tool) = tools.iter().find(|tool| tool.kind.as_deref().is_some_and(|kind| kind != "function")) {
            let kind = tool.kind.as_deref().unwrap_or_default().escape_debug();
            return Err(ApiFailure::of_field(
                "tools",
                format!("A tool of type `{kind}` is not known, only `function`"),
            ));
        }
        let tools: Vec<Function> = tools.into_iter().map(|tool| tool.function).collect();
        if let Some(tool) = tools.iter().find(|tool| !is_name(&tool.name)) {
            let what =
                format!("`{}` is no name of a function: letters, digits, `_`, `-` and `.`", tool.name.escape_debug());
            return Err(ApiFailure::of_field("tools", what));
        }
        let (choice, allowed) = chosen(choice.unwrap_or(&Json::Null), &tools)?;
        match choice {
            Choice::Never => Ok(None),
            Choice::Auto if tools.is_empty() => Ok(None),
            _ if tools.is_empty() => Err(ApiFailure::of_field("tool_choice", "There are no tools to choose from")),
            _ => Ok(Some(Self { tools, choice, allowed, several: several.unwrap_or(true) })),
        }
    }

    /// What the model is told of the functions.
    pub(crate) fn told(&self) -> String {
        let line = |tool: &Function| {
            spaced(
                &json!({ "name": tool.name, "description": tool.description.as_deref().unwrap_or_default(), "parameters": tool.schema() }),
            )
        };
        let lines: Vec<String> = self.tools.iter().map(line).collect();
        let how_many = if self.several { "one or more of these functions" } else { "one of these functions" };
        let when = match &self.choice {
            Choice::Auto => format!(
                "Where {how_many} serves what the user asks for, call it; where none does, answer in words and call nothing."
            ),
            Choice::Required => format!("Call {how_many}."),
            Choice::Named(name) => format!("Call {name}."),
            Choice::Never => String::new(),
        };
        format!(
            "Functions, each with the JSON schema of its arguments:\n{}\n\n{when} A call is written as\n{}{}",
            lines.join("\n"),
            r#"{"name": "function", "arguments": {"argument": "value"}}"#,
            if self.several { "\nSeveral calls stand below each other, one a line." } else { "" },
        )
    }

    /// What the model may write, as a Lark grammar.
    pub(crate) fn grammar(&self) -> String {
        let offered = |tool: &&Function| match (&self.choice, &self.allowed) {
            (Choice::Named(name), _) => tool.name == *name,
            (_, Some(allowed)) => allowed.contains(&tool.name),
            (_, None) => true,
        };
        let call = |tool: &Function| {
            json!({
                "type": "object",
                "properties": { "name": { "const": tool.name }, "arguments": tool.schema() },
                "required": ["name", "arguments"],
                "additionalProperties": false,
            })
        };
        let calls: Vec<Json> = self.tools.iter().filter(offered).map(call).collect();
        let mut schema = json!({ "anyOf": calls });
        schema["x-guidance"] = json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
        let most = if self.several && !matches!(self.choice, Choice::Named(_)) { CALLS } else { 1 };
        let more = |one: &str| match most - 1 {
            0 => one.to_owned(),
            more => format!(r#"{one} ("\n" {one}){{0,{more}}}"#),
        };
        let start = match self.choice {
            Choice::Auto => "start: calls | tagged | WORDS",
            Choice::Required | Choice::Named(_) | Choice::Never => "start: calls | tagged",
        };
        // Words may hold anything, but never begin like a call.
        format!(
            "{start}\ncalls: {}\ntagged: {}\ntag: \"{OPEN}\\n\" call \"\\n{CLOSE}\"\ncall: %json {schema}\nWORDS: /[^<{{](.|\\n)*/\n",
            more("call"),
            more("tag")
        )
    }
}

/// What a request says of the choice, and the functions that it may be among.
fn chosen(choice: &Json, tools: &[Function]) -> Result<(Choice, Option<Vec<String>>), ApiFailure> {
    let wrong = |what: String| ApiFailure::of_field("tool_choice", what);
    let known = |function: &Json| {
        let name = function.get("function").unwrap_or(function).get("name").and_then(Json::as_str).unwrap_or_default();
        if tools.iter().any(|tool| tool.name == name) {
            return Ok(name.to_owned());
        }
        Err(wrong(format!("The function `{}` is not among the tools", name.escape_debug())))
    };
    match choice {
        Json::Null => Ok((Choice::Auto, None)),
        Json::String(word) if word == "auto" => Ok((Choice::Auto, None)),
        Json::String(word) if word == "required" => Ok((Choice::Required, None)),
        Json::String(word) if word == "none" => Ok((Choice::Never, None)),
        Json::Object(object) if object.get("type").and_then(Json::as_str) == Some("allowed_tools") => {
            // One protocol has it in an object of its own, the other has not.
            let allowed = object.get("allowed_tools").unwrap_or(choice);
            let names = allowed.get("tools").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            let names = names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
            if names.is_empty() {
                return Err(wrong("`allowed_tools` names no function: name one, or choose `none`".to_owned()));
            }
            let must = allowed.get("mode").and_then(Json::as_str) == Some("required");
            Ok((if must { Choice::Required } else { Choice::Auto }, Some(names)))
        }
        Json::Object(_) => Ok((Choice::Named(known(choice)?), None)),
        _ => Err(wrong("It is none of `auto`, `none`, `required`, `allowed_tools` or a function".to_owned())),
    }
}

impl Function {
    fn schema(&self) -> Json {
        match &self.parameters {
            Some(Json::Object(schema)) if !schema.is_empty() => {
                let mut schema = schema.clone();
                if schema.contains_key("properties") {
                    // A client that names its arguments means these and no others.
                    schema.entry("additionalProperties").or_insert(Json::Bool(false));
                }
                Json::Object(schema)
            }
            _ => json!({ "type": "object", "properties": {}, "additionalProperties": false }),
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    !name.is_empty() && name.len() <= 64 && name.chars().all(is_fit)
}

/// A call that the model wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// Which function.
    pub(crate) name: String,
    /// Its arguments.
    pub(crate) arguments: Json,
}

/// What the model wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written<'a> {
    /// Words, none where it began to call something and was cut off.
    Words(&'a str),
    /// Calls, one at least.
    Calls(Vec<Call>),
}

impl<'a> Written<'a> {
    /// What `text` is, where functions were offered or not.
    pub(crate) fn of(text: &'a str, has_tools: bool) -> Self {
        match calls_in(text) {
            Some(calls) if has_tools => Self::Calls(calls),
            _ if has_tools => Self::Words(words_in(text)),
            _ => Self::Words(text),
        }
    }
}

/// Whether a text that is still being written may turn out to be calls.
pub(crate) fn may_be_calls(text: &str) -> bool {
    begins_like_calls(text) || OPEN.starts_with(text)
}

fn begins_like_calls(text: &str) -> bool {
    text.starts_with('{') || text.starts_with(OPEN)
}

/// The calls in what the model wrote, one at least; nothing where it wrote words. One that was cut off is left out.
fn calls_in(text: &str) -> Option<Vec<Call>> {
    begins_like_calls(text).then_some(())?;
    let call = |line: &str| {
        let json: Json = serde_json::from_str(line).ok()?;
        Some(Call { name: json.get("name")?.as_str()?.to_owned(), arguments: json.get("arguments")?.clone() })
    };
    // The grammar has each on a line of its own.
    let calls: Vec<Call> = text.lines().filter_map(call).collect();
    (!calls.is_empty()).then_some(calls)
}

/// The words in what the model wrote: none where it wrote calls, whole or not.
fn words_in(text: &str) -> &str {
    if begins_like_calls(text) { "" } else { text }
}

/// A call as it is shown to the model in the conversation that it made it in.
pub(crate) fn shown_call(name: &str, arguments: &Json) -> String {
    spaced(&json!({ "name": name, "arguments": arguments }))
}

/// JSON as models know it, and as the grammar has it: with a space after each comma and colon.
fn spaced(json: &Json) -> String {
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Spaced);
    match json.serialize(&mut writer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => json.to_string(),
    }
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// A result as it is shown to the model. What stands in it cannot end it.
pub(crate) fn shown_result(text: &str) -> String {
    format!("<tool_response>\n{}\n</tool_response>", text.replace("</tool_response>", "</tool response>"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{Call, Tool, Tools, calls_in, may_be_calls, shown_call, words_in};

    fn tools(names: &[&str]) -> Vec<Tool> {
        let tool = |name: &&str| {
            let schema =
                json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
            serde_json::from_value(
                json!({ "type": "function", "function": { "name": name, "description": "d", "parameters": schema } }),
            )
            .unwrap()
        };
        names.iter().map(tool).collect()
    }

    fn refused(names: &[&str], choice: &Json) -> String {
        let failure = Tools::of(tools(names), Some(choice), None).unwrap_err();
        failure.body()["error"]["message"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_choice_is_understood_or_refused() {
        let of = |choice: Json| Tools::of(tools(&["a", "b"]), Some(&choice), None).unwrap();
        assert!(of(json!("none")).is_none());
        assert!(of(json!("auto")).unwrap().grammar().starts_with("start: calls | tagged | WORDS"));
        assert!(of(json!("required")).unwrap().grammar().starts_with("start: calls | tagged\n"));
        let named = of(json!({ "type": "function", "function": { "name": "b" } })).unwrap().grammar();
        assert!(named.contains("\"b\"") && !named.contains("\"a\""), "{named}");
        assert!(Tools::of(Vec::new(), None, None).unwrap().is_none());
        let names = json!([{ "type": "function", "name": "b" }]);
        let only = of(json!({ "type": "allowed_tools", "mode": "required", "tools": names })).unwrap();
        let grammar = only.grammar();
        assert!(
            grammar.starts_with("start: calls | tagged\n")
                && !grammar.contains("\"a\"")
                && only.told().contains("\"a\"")
        );
        let named = json!([{ "type": "function", "function": { "name": "a" } }]);
        let only = of(json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": named } })).unwrap();
        assert!(only.grammar().starts_with("start: calls | tagged | WORDS") && !only.grammar().contains("\"b\""));
        insta::assert_snapshot!(refused(&["a"], &json!({ "type": "allowed_tools", "tools": [{ "name": "x" }] })), @"The function `x` is not among the tools");
        insta::assert_snapshot!(refused(&["a"], &json!({ "function": { "name": "x" } })), @"The function `x` is not among the tools");
        insta::assert_snapshot!(refused(&["a"], &json!("often")), @"It is none of `auto`, `none`, `required`, `allowed_tools` or a function");
        insta::assert_snapshot!(refused(&[], &json!("required")), @"There are no tools to choose from");
        insta::assert_snapshot!(refused(&["a b"], &json!("auto")), @"`a b` is no name of a function: letters, digits, `_`, `-` and `.`");
    }

    #[test]
    fn what_was_written_is_words_or_calls() {
        let text = format!("{}\n{}", shown_call("a", &json!({ "city": "<Rome>\n{" })), shown_call("b", &json!({})));
        let call = |name: &str, arguments: Json| Call { name: name.into(), arguments };
        let both = vec![call("a", json!({ "city": "<Rome>\n{" })), call("b", json!({}))];
        assert_eq!(calls_in(&text), Some(both.clone()));
        let tagged: Vec<String> = text.lines().map(|line| format!("<tool_call>\n{line}\n</tool_call>")).collect();
        assert_eq!(calls_in(&tagged.join("\n")), Some(both.clone()), "as others write it");
        assert_eq!(calls_in(&text[..text.len() - 5]), Some(both[..1].to_vec()), "cut off");
        assert_eq!(calls_in("I think <tool_call> is a tag, and {} is none"), None);
        for first in ["<tool_call>\n{\"name\": \"a", "{\"name\": \"a", "{"] {
            assert_eq!((calls_in(first), words_in(first)), (None, ""), "{first}");
        }
        assert_eq!(words_in("I <tool_call> {"), "I <tool_call> {");
        assert!(["<tool", "", "<tool_call>\n{", "{", "{\"name"].into_iter().all(may_be_calls));
        assert!(!may_be_calls("<b>") && !may_be_calls("I {"));
    }
}
