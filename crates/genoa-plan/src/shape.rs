//! What a planner may know of a value: its type and size, never its content.

use genoa_abi::schema::Catalog;
use genoa_abi::{Datum, Value};

/// `list[Mail], 7 items`.
pub(crate) fn shape(value: &Value, catalog: &Catalog) -> String {
    match &value.datum {
        Datum::List(items) if items.len() == 1 => format!("{}, 1 item", kind(value, catalog)),
        Datum::List(items) => format!("{}, {} items", kind(value, catalog), items.len()),
        Datum::Text(text) => format!("str, {} characters", text.chars().count()),
        _ => kind(value, catalog),
    }
}

/// The shape of a variable, out of the lines `name: shape` of a run's report.
#[must_use]
pub fn shape_of<'s>(shapes: &'s [String], name: &str) -> Option<&'s str> {
    shapes.iter().filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).map(|(_, shape)| shape)
}

/// Whether a shape is that of an empty list.
#[must_use]
pub fn is_empty_list(shape: &str) -> bool {
    shape.ends_with(" 0 items")
}

fn kind(value: &Value, catalog: &Catalog) -> String {
    match &value.datum {
        Datum::None => "nothing".to_owned(),
        Datum::Bool(_) => "bool".to_owned(),
        Datum::Int(_) => "int".to_owned(),
        Datum::Number(_) => "float".to_owned(),
        Datum::Text(_) => "str".to_owned(),
        // The name comes from a tool's answer; only one that the catalogue knows is repeated.
        Datum::Record { kind, .. } if catalog.records.contains_key(kind) => kind.clone(),
        Datum::Record { .. } => "record".to_owned(),
        Datum::List(items) => match items.first() {
            Some(item) => format!("list[{}]", self::kind(item, catalog)),
            None => "list".to_owned(),
        },
    }
}
