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
/// What a call begins with, and nothing else that the model writes.
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
    description: String,
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
}

/// What a request says of functions; nothing where it says none, or that none may be called.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    tools: Vec<Function>,
    choice: Choice,
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
        let choice = match choice.unwrap_or(&Json::Null) {
            Json::Null => Choice::Auto,
            Json::String(word) if word == "auto" => Choice::Auto,
            Json::String(word) if word == "required" => Choice::Required,
            Json::String(word) if word == "none" => return Ok(None),
            Json::Object(object) => {
                let name = object.get("function").and_then(|function| function.get("name")).or(object.get("name"));
                let name = name.and_then(Json::as_str).unwrap_or_default().to_owned();
                if tools.iter().all(|tool| tool.name != name) {
                    let what = format!("The function `{}` is not among the tools", name.escape_debug());
                    return Err(ApiFailure::of_field("tool_choice", what));
                }
                Choice::Named(name)
            }
            _ => {
                return Err(ApiFailure::of_field(
                    "tool_choice",
                    "It is none of `auto`, `none`, `required` or a function",
                ));
            }
        };
        if tools.is_empty() {
            return match choice {
                Choice::Auto => Ok(None),
                _ => Err(ApiFailure::of_field("tool_choice", "There are no tools to choose from")),
            };
        }
        Ok(Some(Self { tools, choice, several: several.unwrap_or(true) }))
    }

    /// What the model is told of the functions.
    pub(crate) fn told(&self) -> String {
        let line = |tool: &Function| {
            spaced(&json!({ "name": tool.name, "description": tool.description, "parameters": tool.schema() }))
        };
        let lines: Vec<String> = self.tools.iter().map(line).collect();
        let how_many = if self.several { "one or more of these functions" } else { "one of these functions" };
        let when = match &self.choice {
            Choice::Auto => format!(
                "Where {how_many} serves what the user asks for, call it; where none does, answer in words and call nothing."
            ),
            Choice::Required => format!("Call {how_many}."),
            Choice::Named(name) => format!("Call {name}."),
        };
        format!(
            "Functions, each with the JSON schema of its arguments:\n{}\n\n{when} A call is written as\n{OPEN}\n{}\n{CLOSE}",
            lines.join("\n"),
            r#"{"name": "function", "arguments": {"argument": "value"}}"#,
        )
    }

    /// What the model may write, as a Lark grammar.
    pub(crate) fn grammar(&self) -> String {
        let offered = |tool: &&Function| match &self.choice {
            Choice::Named(name) => tool.name == *name,
            _ => true,
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
        let more = if self.several && !matches!(self.choice, Choice::Named(_)) {
            format!(r#"("\n" call){{0,{}}}"#, CALLS - 1)
        } else {
            String::new()
        };
        let start = match self.choice {
            Choice::Auto => "start: calls | WORDS",
            Choice::Required | Choice::Named(_) => "start: calls",
        };
        // Words may hold anything, but never begin like a call.
        format!(
            "{start}\ncalls: call {more}\ncall: \"{OPEN}\\n\" json \"\\n{CLOSE}\"\njson: %json {schema}\nWORDS: /[^<](.|\\n)*/\n"
        )
    }
}

impl Function {
    fn schema(&self) -> Json {
        match &self.parameters {
            Some(Json::Object(schema)) if !schema.is_empty() => Json::Object(schema.clone()),
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

/// Whether a text that is still being written may turn out to be calls.
pub(crate) fn may_be_calls(text: &str) -> bool {
    text.starts_with(OPEN) || OPEN.starts_with(text)
}

/// The calls in what the model wrote, one at least; nothing where it wrote words. One that was cut off is left out.
pub(crate) fn calls_in(text: &str) -> Option<Vec<Call>> {
    text.starts_with(OPEN).then_some(())?;
    let call = |part: &str| {
        let (body, _) = part.split_once(CLOSE)?;
        let json: Json = serde_json::from_str(body.trim()).ok()?;
        Some(Call { name: json.get("name")?.as_str()?.to_owned(), arguments: json.get("arguments")?.clone() })
    };
    let calls: Vec<Call> = text.split(OPEN).filter_map(call).collect();
    (!calls.is_empty()).then_some(calls)
}

/// The words in what the model wrote: none where it wrote calls, whole or not.
pub(crate) fn words_in(text: &str) -> &str {
    if text.starts_with(OPEN) { "" } else { text }
}

/// A call as it is shown to the model in the conversation that it made it in.
pub(crate) fn shown_call(name: &str, arguments: &Json) -> String {
    format!("{OPEN}\n{}\n{CLOSE}", spaced(&json!({ "name": name, "arguments": arguments })))
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
        assert!(of(json!("auto")).unwrap().grammar().starts_with("start: calls | WORDS"));
        assert!(of(json!("required")).unwrap().grammar().starts_with("start: calls\n"));
        let named = of(json!({ "type": "function", "function": { "name": "b" } })).unwrap().grammar();
        assert!(named.contains("\"b\"") && !named.contains("\"a\""), "{named}");
        assert!(Tools::of(Vec::new(), None, None).unwrap().is_none());
        insta::assert_snapshot!(refused(&["a"], &json!({ "function": { "name": "x" } })), @"The function `x` is not among the tools");
        insta::assert_snapshot!(refused(&["a"], &json!("often")), @"It is none of `auto`, `none`, `required` or a function");
        insta::assert_snapshot!(refused(&[], &json!("required")), @"There are no tools to choose from");
        insta::assert_snapshot!(refused(&["a b"], &json!("auto")), @"`a b` is no name of a function: letters, digits, `_`, `-` and `.`");
    }

    #[test]
    fn what_was_written_is_words_or_calls() {
        let text = format!("{}\n{}", shown_call("a", &json!({ "city": "<Rome>" })), shown_call("b", &json!({})));
        let call = |name: &str, arguments: Json| Call { name: name.into(), arguments };
        assert_eq!(calls_in(&text), Some(vec![call("a", json!({ "city": "<Rome>" })), call("b", json!({}))]));
        assert_eq!(calls_in(&text[..text.len() - 5]), Some(vec![call("a", json!({ "city": "<Rome>" }))]), "cut off");
        assert_eq!(calls_in("I think <tool_call> is a tag"), None);
        let first = "<tool_call>\n{\"name\": \"a";
        assert_eq!((calls_in(first), words_in(first), words_in("I <tool_call>")), (None, "", "I <tool_call>"));
        assert!(may_be_calls("<tool") && may_be_calls("") && may_be_calls("<tool_call>\n{") && !may_be_calls("<b>"));
    }
}
