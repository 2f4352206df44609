//! The functions of a catalogue, as the model reads them.

use std::fmt::Write;

use genoa_abi::schema::{Catalog, Parameter, RecordType, ToolSchema, Type};

/// How values of a type are read out of a text.
const TYPED: &str = "\
extract(text, fields={\"total\": \"number\", \"paid_on\": \"date\"}) gives a record with .total and .paid_on; of a list, one for each. \
Types: text, number, date, email, url, path, yes/no, and numbers, dates and so on for all of them\n";

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
    let parameter = |p: &Parameter| {
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
    let line = |record: &RecordType| {
        let fields: Vec<String> = record.fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
        format!("{}({})", record.name, fields.join(", "))
    };
    catalog.records.values().filter(|record| used(&record.name)).map(line).collect()
}
