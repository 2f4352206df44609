//! The edge to the tools: plain JSON in, labelled values; labelled values out, plain JSON.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, RecordType, Type};
use genoa_abi::tool::Clock;
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Source, Value};
use serde_json::Value as Json;

use crate::builtins::check_length;
use crate::time::resolve_time;
use crate::types::{innermost, present};

/// How deep a tool's result may nest, so that every run's state can be written as JSON and read again.
const RESULT_DEPTH: usize = 12;

/// A tool's result as a value of type `ty`, everything in it labelled with `labels`. A record gets, with all its fields,
/// also the label of where it came from: its origin field (a file or, for a URL, a host), and for a mail its id and the
/// address of its sender.
///
/// # Errors
/// [`ErrorCode::ToolFailed`] for what does not fit the type; [`ErrorCode::TooLarge`] for what nests or lists too much.
pub fn value_from_json(ty: &Type, json: &Json, catalog: &Catalog, labels: &Labels) -> Result<Value, Failure> {
    read(ty, json, catalog, labels, RESULT_DEPTH)
}

/// An argument as the tool gets it: without labels, and times resolved.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for words that mean no time.
pub fn argument_to_json(ty: &Type, value: &Value, clock: &Clock) -> Result<Json, Failure> {
    match (ty, &value.datum) {
        (Type::Optional(inner), datum) if *datum != Datum::None => argument_to_json(inner, value, clock),
        (Type::List(inner), Datum::List(items)) => {
            items.iter().map(|item| argument_to_json(inner, item, clock)).collect::<Result<_, _>>().map(Json::Array)
        }
        (Type::Time, Datum::Text(words)) => {
            let moment = resolve_time(words, clock)?;
            serde_json::to_value(moment).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
        }
        _ => Ok(value.to_json()),
    }
}

/// Refuses an argument with words that mean no time, before the call is made.
pub(crate) fn check_times(value: &Value, ty: &Type, clock: &Clock) -> Result<(), Failure> {
    if *innermost(ty) == Type::Time { argument_to_json(ty, value, clock).map(|_| ()) } else { Ok(()) }
}

fn read(ty: &Type, json: &Json, catalog: &Catalog, labels: &Labels, depth: usize) -> Result<Value, Failure> {
    let Some(inside) = depth.checked_sub(1) else {
        return Err(Failure::new(ErrorCode::TooLarge, format!("the result nests deeper than {RESULT_DEPTH}")));
    };
    let datum = match (ty, json) {
        (_, Json::Null) if matches!(ty, Type::None | Type::Optional(_) | Type::Any) => Datum::None,
        (Type::Optional(inner), _) => return read(inner, json, catalog, labels, depth),
        (Type::None, _) => Datum::None,
        (Type::List(inner), Json::Array(items)) => {
            check_length(items.len())?;
            let read_item = |item| read(inner, item, catalog, labels, inside);
            Datum::List(items.iter().map(read_item).collect::<Result<_, _>>()?)
        }
        (Type::Record(name), Json::Object(object)) => {
            let record = catalog.records.get(name).ok_or_else(|| wrong(ty, json))?;
            return read_record(record, object, catalog, labels, inside);
        }
        (Type::Bool | Type::Any, Json::Bool(truth)) => Datum::Bool(*truth),
        (Type::Number, Json::Number(number)) => Datum::Number(number.as_f64().ok_or_else(|| wrong(ty, json))?),
        (Type::Int, Json::Number(number)) => Datum::Int(number.as_i64().ok_or_else(|| wrong(ty, json))?),
        (Type::Any, Json::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Datum::Int(int),
            (None, Some(number)) => Datum::Number(number),
            (None, None) => return Err(wrong(ty, json)),
        },
        (Type::Choice(words), Json::String(word)) if !words.contains(word) => return Err(wrong(ty, json)),
        (Type::Text | Type::Path | Type::Choice(_) | Type::Any, Json::String(text)) => Datum::Text(text.clone()),
        // A moment is told by its words; what it meant was the caller's clock.
        (Type::Time, Json::String(text)) => Datum::Text(text.clone()),
        (Type::Any, other) => Datum::Text(other.to_string()),
        _ => return Err(wrong(ty, json)),
    };
    Ok(Value::labelled(datum, labels.clone()))
}

fn read_record(
    record: &RecordType,
    object: &serde_json::Map<String, Json>,
    catalog: &Catalog,
    labels: &Labels,
    depth: usize,
) -> Result<Value, Failure> {
    let mut labels = labels.clone();
    // A card of the person's own is theirs; that it lies in a file makes it nobody else's.
    if !labels.iter().any(|source| *source == Source::Contacts) {
        sources(record, object).into_iter().for_each(|source| labels.insert(source));
    }
    let mut fields = BTreeMap::new();
    for field in &record.fields {
        let json = object.get(&field.name).unwrap_or(&Json::Null);
        let value = read(&field.ty, json, catalog, &labels, depth)
            .map_err(|failure| failure.because(format!("in the field `{}` of a {}", field.name, record.name)))?;
        fields.insert(field.name.clone(), value);
    }
    Ok(Value::labelled(Datum::Record { kind: record.name.clone(), fields }, labels))
}

/// Who could have written a record.
fn sources(record: &RecordType, object: &serde_json::Map<String, Json>) -> Vec<Source> {
    let text = |name: &str| object.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let mut sources = Vec::new();
    if let Some(origin) = record.origin.as_deref().and_then(text) {
        sources.push(match host(origin) {
            Some(host) => Source::Web(host.to_owned()),
            None => Source::File(origin.to_owned()),
        });
    }
    if let Some(field) = record.field("url")
        && is_text_field(&field.ty)
        && let Some(host) = text("url").and_then(host)
    {
        sources.push(Source::Web(host.to_owned()));
    }
    if record.name == "Mail" {
        sources.extend(text("id").map(|id| Source::Mail(id.to_owned())));
        let sender = object.get("sender");
        let address = sender.and_then(|sender| sender.as_str().or_else(|| sender.get("email")?.as_str()));
        sources.extend(address.map(|address| Source::Sender(address.to_owned())));
    }
    sources
}

fn is_text_field(ty: &Type) -> bool {
    matches!(present(ty), Type::Text | Type::Path)
}

/// The host of an absolute URL.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let has_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let host = host.rsplit_once(':').filter(|(_, port)| has_port(port)).map_or(host, |(host, _)| host);
    if host.is_empty() { None } else { Some(host) }
}

fn wrong(ty: &Type, json: &Json) -> Failure {
    let found = match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    Failure::new(ErrorCode::ToolFailed, format!("a result that should be {ty} is {found}"))
}
