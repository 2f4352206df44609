//! The edge to the tools: plain JSON in, labelled values; labelled values out, plain JSON.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, RecordType, Type};
use genoa_abi::tool::Clock;
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Readers, Source, Value};
use serde_json::Value as Json;

use crate::operators::check_length;
use crate::time::resolve_time;
use crate::types::{innermost, present};

/// How deep a tool's result may nest, so that every run's state can be written as JSON and read again.
const RESULT_DEPTH: usize = 12;

/// A tool's result as a value of type `ty`, everything in it labelled with `labels`. A record gets, with all its fields,
/// also the label of where it came from: its origin field (a file or, for a URL, a host), and for a mail its id and the
/// address of its sender. Its readers are those whom its type says it names, where it says so; a list has those of all
/// that is in it.
///
/// # Errors
/// [`ErrorCode::ToolFailed`] for what does not fit the type; [`ErrorCode::TooLarge`] for what nests or lists too much.
pub fn value_from_json(ty: &Type, json: &Json, catalog: &Catalog, labels: &Labels) -> Result<Value, Failure> {
    Reader { catalog, names_readers: true }.read(ty, json, labels, RESULT_DEPTH)
}

/// As [`value_from_json`], of what an agent says: everything in it has these readers and no others, whomever it names.
///
/// # Errors
/// As for [`value_from_json`].
pub fn value_of_agent(ty: &Type, json: &Json, catalog: &Catalog, labels: &Labels) -> Result<Value, Failure> {
    Reader { catalog, names_readers: false }.read(ty, json, labels, RESULT_DEPTH)
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

/// How plain JSON becomes a value.
struct Reader<'a> {
    catalog: &'a Catalog,
    /// Whether a record says itself who has it.
    names_readers: bool,
}

impl Reader<'_> {
    fn read(&self, ty: &Type, json: &Json, labels: &Labels, depth: usize) -> Result<Value, Failure> {
        let Some(inside) = depth.checked_sub(1) else {
            return Err(Failure::new(ErrorCode::TooLarge, format!("the result nests deeper than {RESULT_DEPTH}")));
        };
        let datum = match (ty, json) {
            (_, Json::Null) if matches!(ty, Type::None | Type::Optional(_) | Type::Any) => Datum::None,
            (Type::Optional(inner), _) => return self.read(inner, json, labels, depth),
            (Type::None, _) => Datum::None,
            (Type::Fields, Json::Array(names)) => return self.read_list(&Type::Text, names, labels, inside),
            (Type::Fields, Json::Object(types)) => {
                let read = |(name, word): (&String, &Json)| {
                    self.read(&Type::Text, word, labels, inside).map(|word| (name.clone(), word))
                };
                let fields = types.iter().map(read).collect::<Result<_, _>>()?;
                Datum::Record { kind: String::new(), fields }
            }
            (Type::List(inner), Json::Array(items)) => return self.read_list(inner, items, labels, inside),
            (Type::Record(name), Json::Object(object)) => {
                let record = self.catalog.records.get(name).ok_or_else(|| wrong(ty, json))?;
                return self.read_record(record, object, labels, inside);
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

    /// Whoever has all that is in a list has the list.
    fn read_list(&self, inner: &Type, items: &[Json], labels: &Labels, depth: usize) -> Result<Value, Failure> {
        check_length(items.len())?;
        let items: Vec<Value> =
            items.iter().map(|item| self.read(inner, item, labels, depth)).collect::<Result<_, _>>()?;
        let readers = items.iter().map(|item| item.labels.readers().clone()).reduce(|all, next| all.meet(&next));
        let readers = readers.unwrap_or_else(|| labels.readers().clone());
        Ok(Value::labelled(Datum::List(items), labels.clone().for_readers(readers)))
    }

    fn read_record(
        &self,
        record: &RecordType,
        object: &serde_json::Map<String, Json>,
        labels: &Labels,
        depth: usize,
    ) -> Result<Value, Failure> {
        let mut labels = labels.clone();
        // A card of the person's own is theirs; that it lies in a file makes it nobody else's.
        if !labels.sources().any(|source| *source == Source::Contacts) {
            sources(record, object).into_iter().for_each(|source| labels.insert(source));
        }
        // What lies in a record that somebody has is had by them as well.
        if self.names_readers && !record.readers.is_empty() && *labels.readers() == Readers::nobody_else() {
            labels = labels.for_readers(readers(record, object));
        }
        let mut fields = BTreeMap::new();
        for field in &record.fields {
            let json = object.get(&field.name).unwrap_or(&Json::Null);
            let value = self
                .read(&field.ty, json, &labels, depth)
                .map_err(|failure| failure.because(format!("in the field `{}` of a {}", field.name, record.name)))?;
            fields.insert(field.name.clone(), value);
        }
        Ok(Value::labelled(Datum::Record { kind: record.name.clone(), fields }, labels))
    }
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

/// Who has a record already: the owners of the addresses in the fields that its type names for it.
fn readers(record: &RecordType, object: &serde_json::Map<String, Json>) -> Readers {
    let named = record.readers.iter().filter_map(|name| object.get(name));
    Readers::only(named.flat_map(addresses))
}

/// The addresses in a field: an address, a contact, or a list of them.
fn addresses(json: &Json) -> Vec<&str> {
    match json {
        Json::String(address) => vec![address],
        Json::Object(contact) => contact.get("email").and_then(Json::as_str).into_iter().collect(),
        Json::Array(items) => items.iter().flat_map(addresses).collect(),
        _ => Vec::new(),
    }
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
