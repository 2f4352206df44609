//! The planner's prompt: a stable part first, so that its state can be kept, then what differs.

use std::fmt::Write;

use genoa_abi::agent::Assignment;
use genoa_abi::limits::{
    INTENTION_BYTES, PROMPT_ATTEMPTS_CHARS, PROMPT_EXAMPLES_CHARS, PROMPT_FUNCTIONS_CHARS, PROMPT_RULES_CHARS,
};
use genoa_abi::model::{ChatMessage, Fragment, Role};
use genoa_abi::schema::{Catalog, ToolSchema, Type};

use crate::attempt::Attempt;
use crate::window;

const RULES: &str = "\
You write plans. A plan is a few lines of a small Python-like language that calls the functions below. The system \
checks the plan, runs it, and shows the person what came of it. Write the plan and nothing else.

Rules:
- Use only these functions and the variables you have bound.
- Times are words, as the person said them: when=\"thursday\", start=\"friday 10:00\". Never compute a date.
- Paths are relative to the person's folder.
- For every person or file that the request names, some call must mention it.
- Do only what is asked: never delete, send or change anything that was not asked for.
- If the person asks a question, end with say(...) of what answers it.
- If the functions cannot do it, or it would do harm: refuse(reason=\"...\") as the only line.
- If something that is needed was not said: ask(question=\"...\").
";

/// How values of a type are read out of a text.
const TYPED: &str = "\
extract(text, fields={\"total\": \"number\", \"paid_on\": \"date\"}) gives a record with .total and .paid_on; of a list, one for each. \
Types: text, number, date, email, url, path, yes/no, and numbers, dates and so on for all of them\n";

/// The conversation that makes the model write a plan, and what it is made of. Functions that did not fit were left out before.
pub(crate) fn messages(
    assignment: &Assignment,
    left_out: &[String],
    attempts: &[Attempt],
) -> (Vec<ChatMessage>, Vec<Fragment>) {
    let (rules, functions) = (rules_text(assignment), functions_text(&assignment.catalog));
    let (examples, example_chars) = window::fitting_examples(assignment);
    let (last, attempt_chars) = window::fitting_attempts(attempts);
    let mut messages = vec![ChatMessage::new(Role::System, format!("{rules}\n{functions}"))];
    // The nearest stands last, next to the request.
    for example in assignment.examples[..examples].iter().rev() {
        messages.push(ChatMessage::new(Role::User, &example.intention));
        messages.push(ChatMessage::new(Role::Assistant, &example.plan));
    }
    messages.push(ChatMessage::new(Role::User, &assignment.text));
    for attempt in &attempts[attempts.len() - last..] {
        messages.push(ChatMessage::new(Role::Assistant, &attempt.plan));
        messages.push(ChatMessage::new(Role::User, &attempt.reply));
    }
    let part =
        |name: &str, chars, most_chars, left_out| Fragment { name: name.to_owned(), chars, most_chars, left_out };
    let of = |shown: usize, all: usize| (shown < all).then(|| format!("{} of {all}", all - shown));
    let functions_left_out = (!left_out.is_empty()).then(|| window::named(left_out));
    let fragments = vec![
        Fragment::whole("rules", &rules, PROMPT_RULES_CHARS),
        Fragment::whole("functions", &functions, PROMPT_FUNCTIONS_CHARS).without(functions_left_out),
        part("examples", example_chars, PROMPT_EXAMPLES_CHARS, of(examples, assignment.examples.len())),
        Fragment::whole("intention", &assignment.text, INTENTION_BYTES),
        part("earlier plans", attempt_chars, PROMPT_ATTEMPTS_CHARS, of(last, attempts.len())),
    ];
    (messages, fragments)
}

fn rules_text(assignment: &Assignment) -> String {
    let mut text = String::from(RULES);
    if !assignment.manifest.instructions.is_empty() {
        let _ = writeln!(text, "{}", assignment.manifest.instructions.trim());
    }
    text
}

/// The functions of a catalogue and their records, as the model reads them.
pub(crate) fn functions_text(catalog: &Catalog) -> String {
    let mut text = String::from("Functions:\n");
    for tool in catalog.tools.values() {
        let _ = writeln!(text, "{}", signature(tool));
    }
    text.push_str("len(xs), first(xs), last(xs), largest(xs, by=\"field\"), sorted(xs, by=\"field\", descending=True, count=3), sum(xs, by=\"field\"), count(xs), join(xs, \", \")\n");
    if catalog.tools.values().any(|tool| tool.parameters.iter().any(|p| p.ty == Type::Fields)) {
        text.push_str(TYPED);
    }
    text.push_str("\nRecords:\n");
    for line in record_lines(catalog) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn signature(tool: &ToolSchema) -> String {
    let parameter = |p: &genoa_abi::schema::Parameter| {
        let ty = if p.ty == Type::Fields { "list[str] or {name: type}".to_owned() } else { p.ty.to_string() };
        if p.required { format!("{}: {ty}", p.name) } else { format!("{}: {ty} = None", p.name) }
    };
    let parameters: Vec<String> = tool.parameters.iter().map(parameter).collect();
    format!("{}({}) -> {}  # {}", tool.name, parameters.join(", "), tool.returns, tool.about)
}

/// Only the records that some function of the catalogue gives or takes.
fn record_lines(catalog: &Catalog) -> Vec<String> {
    let types = catalog.tools.values().flat_map(|tool| {
        std::iter::once(tool.returns.to_string()).chain(tool.parameters.iter().map(|p| p.ty.to_string()))
    });
    let mentioned: Vec<String> = types.collect();
    let used = |name: &str| {
        let is_name = |text: &str| text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part == name);
        mentioned.iter().any(|ty| is_name(ty))
    };
    let line = |record: &genoa_abi::schema::RecordType| {
        let fields: Vec<String> = record.fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
        format!("{}({})", record.name, fields.join(", "))
    };
    catalog.records.values().filter(|record| used(&record.name)).map(line).collect()
}
