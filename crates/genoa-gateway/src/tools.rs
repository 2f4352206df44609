//! Functions of a client: how the model is told of them, what it may write then, and what it wrote.
//!
//! The model is bound by a grammar, so a call always names a function that is there, with arguments of its schema. Whether it
//! calls one at all is its own choice, unless the client makes it: it writes the name of a function first, or [`NONE`], and words after
//! that. So the choice is made where the model compares the functions with what is asked, and its chance can be measured.

use std::io;

use genoa_abi::model::{Threshold, ThresholdPlace};
use serde::{Deserialize, Serialize};
use serde_json::ser::Formatter;
use serde_json::{Value as Json, json};

use crate::failures::ApiFailure;

/// Functions of one request.
const TOOLS: usize = 128;
/// Calls of one answer.
const CALLS: usize = 8;
/// Where each answer begins that may be a call.
pub(crate) const BEGINS: &str = r#"{"name": ""#;
/// What stands there instead of a function's name where none serves.
const NONE: &str = "none";
/// An answer in words, as it goes on from [`BEGINS`].
const DECLINED: &str = "none\"}\n";
/// The least chance of [`NONE`] that is taken for it, in millionths and for each function that is offered. A small model finds the functions
/// that are there likelier than none of them nearly always, but by far less where none serves; and the more there are, the less sure it is of
/// each (`evaluation/bfcl/README.md` has the figures).
const NONE_FROM_PPM: u32 = 10_000;
/// As much at most, however many are offered.
const NONE_FROM_AT_MOST_PPM: u32 = 60_000;
/// The same where results of calls have just come, however many functions are offered: the model finds [`NONE`] likelier then, whether or
/// not another step is wanted.
pub(crate) const NONE_AFTER_RESULTS_FROM_PPM: u32 = 100_000;
/// The least chance of another line at the end of a call that is taken for another call, in millionths: such a model makes one call and
/// leaves it at that more often than it should.
const ANOTHER_FROM_PPM: u32 = 60_000;
/// What the model is told before the functions. Examples tell it what no description does: that several calls may be wanted, that one may
/// follow from another one's result, and when none is wanted.
const EXAMPLES: &str = r#"Functions are called by lines of JSON, one line for each call. Suppose that weather(city), home_of(person) and book_table(people, hour) are offered. Then
"How is it in Rome, Oslo and Lima?" is answered
{"name": "weather", "arguments": {"city": "Rome"}}
{"name": "weather", "arguments": {"city": "Oslo"}}
{"name": "weather", "arguments": {"city": "Lima"}}
and, when the results have come,
{"name": "none"}
It is sunny in Rome and in Lima, and it rains in Oslo.
"Is it warm where Ada lives?" is answered
{"name": "home_of", "arguments": {"person": "Ada"}}
and, when the result has come, since it is a step only,
{"name": "weather", "arguments": {"city": "Cairo"}}
and, when that has come,
{"name": "none"}
Yes: Ada lives in Cairo, where it is 30 degrees.
"Tables for two and for five people, at 7 and at 9 respectively, please." is answered
{"name": "book_table", "arguments": {"people": 2, "hour": 7}}
{"name": "book_table", "arguments": {"people": 5, "hour": 9}}
"How high is Mount Etna?" is answered, since no function tells that,
{"name": "none"}
Mount Etna is about 3,400 metres high.
and "Book a flight to Oslo for two people." is answered
{"name": "none"}
None of these functions can do that.

The functions that are offered now are these and no others, each with the JSON schema of its arguments:
"#;

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

    /// What the model is told of the functions, whichever it may call now: so the state of one prompt serves all choices.
    pub(crate) fn told(&self) -> String {
        let line = |tool: &Function| {
            spaced(
                &json!({ "name": tool.name, "description": tool.description.as_deref().unwrap_or_default(), "parameters": tool.schema() }),
            )
        };
        let lines: Vec<String> = self.tools.iter().map(line).collect();
        format!("{EXAMPLES}{}", lines.join("\n"))
    }

    /// What decides whether it calls one, and whether it calls another one. Where a function's name cannot be told from [`NONE`] by its
    /// beginning, the model itself does.
    pub(crate) fn thresholds(&self, has_results: bool) -> Vec<Threshold> {
        let is_free = self.choice == Choice::Auto;
        if is_free && self.tools.iter().any(|tool| tool.name.starts_with(NONE)) {
            return Vec::new();
        }
        let chance_ppm = self.none_from_ppm(has_results);
        let none = Threshold { place: ThresholdPlace::Beginning, text: NONE.to_owned(), chance_ppm };
        let more = Threshold { place: ThresholdPlace::Anywhere, text: "\n".to_owned(), chance_ppm: ANOTHER_FROM_PPM };
        let none = is_free.then_some(none);
        none.into_iter().chain((self.most() > 1).then_some(more)).collect()
    }

    fn none_from_ppm(&self, has_results: bool) -> u32 {
        if has_results {
            return NONE_AFTER_RESULTS_FROM_PPM;
        }
        let offered = u32::try_from(self.tools.len()).unwrap_or(u32::MAX);
        NONE_FROM_PPM.saturating_mul(offered).min(NONE_FROM_AT_MOST_PPM)
    }

    /// Calls of one answer.
    fn most(&self) -> usize {
        if self.several && !matches!(self.choice, Choice::Named(_)) { CALLS } else { 1 }
    }

    /// What the model may write after [`BEGINS`], as a Lark grammar.
    pub(crate) fn grammar(&self) -> String {
        let offered = |tool: &&Function| match (&self.choice, &self.allowed) {
            (Choice::Named(name), _) => tool.name == *name,
            (_, Some(allowed)) => allowed.contains(&tool.name),
            (_, None) => true,
        };
        let most = self.most();
        let more =
            if most > 1 { format!(r#" ("\n" {} call){{0,{}}}"#, json!(BEGINS), most - 1) } else { String::new() };
        let start = if self.choice == Choice::Auto { "calls | words" } else { "calls" };
        let mut grammar = format!("start: {start}\ncalls: call{more}\n");
        if self.choice == Choice::Auto {
            grammar.push_str(&format!("words: {} WORDS\nWORDS: /\\S(.|\\n)*/\n", json!(DECLINED)));
        }
        let mut calls = Vec::new();
        for (index, tool) in self.tools.iter().filter(offered).enumerate() {
            let mut schema = tool.schema();
            schema["x-guidance"] =
                json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
            let before = format!("{}\", \"arguments\": ", tool.name);
            grammar.push_str(&format!("call_{index}: {} arguments_{index} \"}}\"\n", json!(before)));
            grammar.push_str(&format!("arguments_{index}: %json {schema}\n"));
            calls.push(format!("call_{index}"));
        }
        grammar + "call: " + &calls.join(" | ") + "\n"
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
        if !has_tools {
            return Self::Words(text);
        }
        let calls = calls_in(text);
        if calls.is_empty() { Self::Words(words_in(text).unwrap_or_default()) } else { Self::Calls(calls) }
    }
}

/// The words of an answer that could have been a call, as far as they are there; nothing while it is none, or not yet.
pub(crate) fn words_in(text: &str) -> Option<&str> {
    text.strip_prefix(DECLINED)
}

/// The calls in what the model wrote after [`BEGINS`]. One that was cut off is left out.
fn calls_in(text: &str) -> Vec<Call> {
    if words_in(text).is_some() {
        return Vec::new();
    }
    // The grammar has each on a line of its own.
    before_circles(format!("{BEGINS}{text}").lines().filter_map(call_in).collect())
}

/// The call that a line is.
fn call_in(line: &str) -> Option<Call> {
    let json: Json = serde_json::from_str(line).ok()?;
    Some(Call { name: json.get("name")?.as_str()?.to_owned(), arguments: json.get("arguments")?.clone() })
}

/// Whether a line of a conversation is a call.
pub(crate) fn is_call(line: &str) -> bool {
    line.starts_with(BEGINS) && call_in(line).is_some()
}

/// A model that makes calls that it made already until no further one has room is going round in circles: what it made before counts.
fn before_circles(mut calls: Vec<Call>) -> Vec<Call> {
    let is_made = |place: &usize| calls.iter().take(*place).any(|before| calls.get(*place) == Some(before));
    if calls.len() == CALLS
        && let Some(first) = (1..CALLS).find(is_made)
    {
        calls.truncate(first);
    }
    calls
}

/// Words that the model said in a conversation with functions, as it is shown them: in the form in which it says such words.
pub(crate) fn shown_words(words: &str) -> String {
    format!("{BEGINS}{DECLINED}{words}")
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
pub(crate) mod tests {
    use serde_json::{Value as Json, json};

    use super::{
        ANOTHER_FROM_PPM, BEGINS, Call, NONE_AFTER_RESULTS_FROM_PPM, NONE_FROM_AT_MOST_PPM, NONE_FROM_PPM, TOOLS, Tool,
        Tools, Written, before_circles, shown_call, shown_words, words_in,
    };

    /// A call as the model writes it after [`BEGINS`].
    pub(crate) fn written_call(name: &str, arguments: &Json) -> String {
        shown_call(name, arguments).strip_prefix(BEGINS).unwrap().to_owned()
    }

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
        let is_free =
            |tools: &Tools| tools.grammar().starts_with("start: calls | words\n") && tools.thresholds(false).len() == 2;
        let must = |tools: &Tools| {
            let thresholds = tools.thresholds(false);
            tools.grammar().starts_with("start: calls\n") && thresholds.iter().all(|threshold| threshold.text == "\n")
        };
        assert!(is_free(&of(json!("auto")).unwrap()));
        assert!(must(&of(json!("required")).unwrap()));
        let named = of(json!({ "type": "function", "function": { "name": "b" } })).unwrap();
        let grammar = named.grammar();
        assert!(must(&named) && grammar.contains(r#""b\", "#) && !grammar.contains(r#""a\", "#), "{grammar}");
        assert!(Tools::of(Vec::new(), None, None).unwrap().is_none());
        let names = json!([{ "type": "function", "name": "b" }]);
        let only = of(json!({ "type": "allowed_tools", "mode": "required", "tools": names })).unwrap();
        assert!(must(&only) && !only.grammar().contains(r#""a\", "#) && only.told().contains("\"a\""));
        assert_eq!(only.told(), named.told(), "the state of one prompt serves all choices");
        let named = json!([{ "type": "function", "function": { "name": "a" } }]);
        let only = of(json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": named } })).unwrap();
        assert!(is_free(&only) && !only.grammar().contains(r#""b\", "#));
        insta::assert_snapshot!(refused(&["a"], &json!({ "type": "allowed_tools", "tools": [{ "name": "x" }] })), @"The function `x` is not among the tools");
        insta::assert_snapshot!(refused(&["a"], &json!({ "function": { "name": "x" } })), @"The function `x` is not among the tools");
        insta::assert_snapshot!(refused(&["a"], &json!("often")), @"It is none of `auto`, `none`, `required`, `allowed_tools` or a function");
        insta::assert_snapshot!(refused(&[], &json!("required")), @"There are no tools to choose from");
        insta::assert_snapshot!(refused(&["a b"], &json!("auto")), @"`a b` is no name of a function: letters, digits, `_`, `-` and `.`");
    }

    #[test]
    fn what_may_be_written_after_the_beginning() {
        let grammar = |several| Tools::of(tools(&["a", "b.c"]), None, several).unwrap().unwrap().grammar();
        insta::assert_snapshot!(grammar(None), @r#"
        start: calls | words
        calls: call ("\n" "{\"name\": \"" call){0,7}
        words: "none\"}\n" WORDS
        WORDS: /\S(.|\n)*/
        call_0: "a\", \"arguments\": " arguments_0 "}"
        arguments_0: %json {"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false,"x-guidance":{"whitespace_flexible":false,"item_separator":", ","key_separator":": "}}
        call_1: "b.c\", \"arguments\": " arguments_1 "}"
        arguments_1: %json {"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false,"x-guidance":{"whitespace_flexible":false,"item_separator":", ","key_separator":": "}}
        call: call_0 | call_1
        "#);
        assert!(grammar(Some(false)).contains("\ncalls: call\n"));
    }

    #[test]
    fn none_is_taken_later_the_more_functions_there_are_and_after_results() {
        let thresholds = |names: &[&str], several, has_results| {
            let thresholds = Tools::of(tools(names), None, several).unwrap().unwrap().thresholds(has_results);
            thresholds.into_iter().map(|threshold| (threshold.text, threshold.chance_ppm)).collect::<Vec<_>>()
        };
        let none_from = |chance_ppm| ("none".to_owned(), chance_ppm);
        let another = ("\n".to_owned(), ANOTHER_FROM_PPM);
        assert_eq!(thresholds(&["a"], None, false), [none_from(NONE_FROM_PPM), another]);
        assert_eq!(thresholds(&["a"], Some(false), false), [none_from(NONE_FROM_PPM)]);
        assert_eq!(thresholds(&["a", "b", "c"], Some(false), false), [none_from(3 * NONE_FROM_PPM)]);
        assert_eq!(thresholds(&["a"; TOOLS], Some(false), false), [none_from(NONE_FROM_AT_MOST_PPM)]);
        assert_eq!(thresholds(&["a"], Some(false), true), [none_from(NONE_AFTER_RESULTS_FROM_PPM)]);
        let no_way_to_tell = "the beginning of a function's name is not taken for none";
        assert_eq!(thresholds(&["nonempty", "a"], None, false), [], "{no_way_to_tell}");
    }

    #[test]
    fn what_was_written_is_words_or_calls() {
        let text =
            format!("{}\n{}", written_call("a", &json!({ "city": "<Rome>\n{" })), shown_call("none", &json!({})));
        let call = |name: &str, arguments: Json| Call { name: name.into(), arguments };
        let both = vec![call("a", json!({ "city": "<Rome>\n{" })), call("none", json!({}))];
        assert_eq!(Written::of(&text, true), Written::Calls(both.clone()));
        assert_eq!(Written::of(&text[..text.len() - 5], true), Written::Calls(both[..1].to_vec()), "cut off");
        for begun in ["", "a", "a\", \"arguments\": {\"ci", "no", "none\"", "none\"}"] {
            assert_eq!(Written::of(begun, true), Written::Words(""), "{begun}");
            assert_eq!(words_in(begun), None);
        }
        let words = "I {\"name\": \"a\", \"arguments\": {}}";
        let answer = shown_words(words);
        assert_eq!(Written::of(answer.strip_prefix(BEGINS).unwrap(), true), Written::Words(words));
        assert_eq!(Written::of(&text, false), Written::Words(text.as_str()));
    }

    #[test]
    fn what_was_called_before_going_round_in_circles_counts() {
        let calls = |names: &str| -> Vec<Call> {
            names.chars().map(|name| Call { name: name.to_string(), arguments: json!({}) }).collect()
        };
        for (written, counts) in [("abcabcab", "abc"), ("aaaaaaaa", "a"), ("abcdefde", "abcdef"), ("abbbbbbb", "ab")] {
            assert_eq!(before_circles(calls(written)), calls(counts));
        }
        for others in ["abcabc", "aa", "abcdefgh"] {
            assert_eq!(before_circles(calls(others)), calls(others));
        }
    }
}
