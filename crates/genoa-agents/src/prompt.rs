//! The planner's prompt: a stable part first, so that its state can be kept, then what differs.

use std::fmt::Write;

use genoa_abi::agent::Assignment;
use genoa_abi::model::{ChatMessage, Role};
use genoa_abi::schema::{Catalog, ToolSchema, Type};

use crate::attempt::Attempt;

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

/// The conversation that makes the model write a plan.
pub(crate) fn messages(assignment: &Assignment, attempts: &[Attempt]) -> Vec<ChatMessage> {
    let mut messages = vec![ChatMessage::new(Role::System, system_message(assignment))];
    // The nearest stands last, next to the request.
    for example in assignment.examples.iter().rev() {
        messages.push(ChatMessage::new(Role::User, &example.intention));
        messages.push(ChatMessage::new(Role::Assistant, &example.plan));
    }
    messages.push(ChatMessage::new(Role::User, &assignment.text));
    for attempt in attempts {
        messages.push(ChatMessage::new(Role::Assistant, &attempt.plan));
        messages.push(ChatMessage::new(Role::User, &attempt.reply));
    }
    messages
}

fn system_message(assignment: &Assignment) -> String {
    let mut text = String::from(RULES);
    if !assignment.manifest.instructions.is_empty() {
        let _ = writeln!(text, "{}", assignment.manifest.instructions.trim());
    }
    text.push_str("\nFunctions:\n");
    for tool in assignment.catalog.tools.values() {
        let _ = writeln!(text, "{}", signature(tool));
    }
    text.push_str("len(xs), first(xs), last(xs), largest(xs, by=\"field\"), sorted(xs, by=\"field\", descending=True, count=3), sum(xs, by=\"field\"), count(xs), join(xs, \", \")\n");
    if assignment.catalog.tools.values().any(|tool| tool.parameters.iter().any(|p| p.ty == Type::Fields)) {
        text.push_str(TYPED);
    }
    text.push_str("\nRecords:\n");
    for line in record_lines(&assignment.catalog) {
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
