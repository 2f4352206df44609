//! Turning an argument into what its parameter wants, as far as that goes without asking anybody.
//!
//! Where a text stands for a record, or several records stand where one is wanted, somebody has to be asked: a tool or
//! the person. Then the place is reported, the run yields the call, puts the answer there, and coerces again.

use genoa_abi::schema::{Catalog, Type};
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Value};
use serde::{Deserialize, Serialize};

use crate::operators::{as_number, check_length, shown};
use crate::types::{look_up, path_field, reader, record};

/// What has to be found out before a value fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    /// The record that a text stands for.
    Record { kind: String, text: String, labels: Labels },
    /// What a record's file holds.
    Content { tool: String, parameter: String, path: String, labels: Labels },
    /// One of several records.
    Choice { kind: String, candidates: Vec<Value>, labels: Labels },
}

/// A place inside a value, as indices into nested lists.
pub(crate) type Spot = Vec<usize>;

/// How a coercion ended.
#[derive(Debug)]
pub(crate) enum Coerced {
    /// The value fits now.
    Done(Value),
    /// Something must be found out for this spot of the value, which is given back.
    Open(Value, Spot, Wanted),
}

/// Coerces as far as possible. `what` is the source text of the value, for failures.
pub(crate) fn coerce(value: Value, to: &Type, what: &str, catalog: &Catalog) -> Result<Coerced, Failure> {
    let mut spot = Spot::new();
    match find_open(&value, to, what, catalog, &mut spot)? {
        Some(wanted) => Ok(Coerced::Open(value, spot, wanted)),
        None => convert(value, to, what, catalog).map(Coerced::Done),
    }
}

/// Puts what was found out at its spot.
pub(crate) fn put(value: &mut Value, spot: &[usize], found: Value) {
    if let Some(place) = at(value, spot) {
        *place = found;
    }
}

/// Adds what a record's file holds to the record at a spot.
pub(crate) fn put_content(value: &mut Value, spot: &[usize], content: Value) {
    if let Some(Value { datum: Datum::Record { fields, .. }, .. }) = at(value, spot) {
        fields.insert(CONTENT.to_owned(), content);
    }
}

/// The value at a spot.
fn at<'v>(value: &'v mut Value, spot: &[usize]) -> Option<&'v mut Value> {
    let Some((place, rest)) = spot.split_first() else { return Some(value) };
    let Datum::List(items) = &mut value.datum else { return None };
    at(items.get_mut(*place)?, rest)
}

/// The field that holds what was read.
const CONTENT: &str = "text";
/// How many files are read for one argument: more than a model reads in a few minutes.
const CONTENTS: usize = 30;

fn find_open(
    value: &Value,
    to: &Type,
    what: &str,
    catalog: &Catalog,
    spot: &mut Spot,
) -> Result<Option<Wanted>, Failure> {
    match (&value.datum, to) {
        (_, Type::Optional(inner)) => {
            if value.datum == Datum::None {
                Ok(None)
            } else {
                find_open(value, inner, what, catalog, spot)
            }
        }
        (Datum::Record { .. }, Type::Fields) => Ok(None),
        (_, Type::Fields) => find_open(value, &Type::list(Type::Text), what, catalog, spot),
        (Datum::List(items), Type::List(inner)) => {
            for (place, item) in items.iter().enumerate() {
                spot.push(place);
                // An inner list is flattened where its elements are wanted.
                let wanted = if is_flattened(item, inner) { to } else { &**inner };
                let open = find_open(item, wanted, what, catalog, spot)?;
                if open.is_some() {
                    return Ok(open);
                }
                spot.pop();
            }
            Ok(None)
        }
        (_, Type::List(inner)) => find_open(value, inner, what, catalog, spot),
        (Datum::List(items), Type::Content) => {
            if items.len() > CONTENTS && items.iter().any(|item| unread(item, catalog).is_some()) {
                return Err(too_many(items.len()));
            }
            for (place, item) in items.iter().enumerate() {
                spot.push(place);
                let open = find_open(item, to, what, catalog, spot)?;
                if open.is_some() {
                    return Ok(open);
                }
                spot.pop();
            }
            Ok(None)
        }
        (Datum::Record { .. }, Type::Content) => Ok(unread(value, catalog)),
        (Datum::Text(text), Type::Record(kind)) => {
            if look_up(catalog, kind).is_none() {
                return Err(Failure::new(ErrorCode::Unsupported, format!("no tool here finds a {kind} by text")));
            }
            Ok(Some(Wanted::Record { kind: kind.clone(), text: text.clone(), labels: value.labels.clone() }))
        }
        (Datum::List(items), Type::Record(kind)) => {
            if items.is_empty() {
                return Err(not_found(what));
            }
            let labels = value.labels.clone();
            Ok((items.len() > 1).then(|| Wanted::Choice { kind: kind.clone(), candidates: items.clone(), labels }))
        }
        _ => Ok(None),
    }
}

/// What is still to be read of a record whose type stands for a file.
fn unread(value: &Value, catalog: &Catalog) -> Option<Wanted> {
    let Datum::Record { kind, fields } = &value.datum else { return None };
    let (tool, field) = reader(catalog, kind).filter(|_| !fields.contains_key(CONTENT))?;
    let parameter = tool.parameters.first()?.name.clone();
    let path = fields.get(field)?;
    let Datum::Text(text) = &path.datum else { return None };
    Some(Wanted::Content { tool: tool.name.clone(), parameter, path: text.clone(), labels: value.deep_labels() })
}

fn too_many(count: usize) -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("{count} files are too many to be read at once"))
        .because(format!("the limit is {CONTENTS}"))
        .try_next("Choose the files that matter first")
}

fn is_flattened(item: &Value, inner: &Type) -> bool {
    matches!(item.datum, Datum::List(_)) && !matches!(inner, Type::List(_) | Type::Any | Type::Content)
}

/// The conversions that need nobody.
fn convert(mut value: Value, to: &Type, what: &str, catalog: &Catalog) -> Result<Value, Failure> {
    match (&mut value.datum, to) {
        (_, Type::Any | Type::Content) | (Datum::None, Type::Optional(_) | Type::None) => Ok(value),
        (_, Type::Optional(inner)) => convert(value, inner, what, catalog),
        (Datum::Record { kind, .. }, Type::Fields) if kind.is_empty() => Ok(value),
        (_, Type::Fields) => convert(value, &Type::list(Type::Text), what, catalog),
        (Datum::None, _) => Err(not_found(what)),
        (Datum::List(items), Type::List(inner)) => {
            let mut flat = Vec::with_capacity(items.len());
            for item in std::mem::take(items) {
                if is_flattened(&item, inner) {
                    flatten(item, to, what, catalog, &mut flat, &mut value.labels)?;
                } else {
                    flat.push(convert(item, inner, what, catalog)?);
                }
            }
            value.datum = Datum::List(flat);
            Ok(value)
        }
        (_, Type::List(inner)) => {
            let labels = value.labels.clone();
            Ok(Value::labelled(Datum::List(vec![convert(value, inner, what, catalog)?]), labels))
        }
        (Datum::List(items), Type::Record(_)) if items.len() == 1 => {
            let mut only = items.remove(0);
            only.labels.join(&value.labels);
            Ok(only)
        }
        (Datum::Text(word), Type::Choice(words)) if !words.contains(word) => {
            Err(Failure::new(ErrorCode::InvalidInput, format!("“{word}” is none of the choices"))
                .try_next(format!("Choose one of {to}")))
        }
        (Datum::Int(number), Type::Number) => {
            value.datum = Datum::Number(as_number(*number));
            Ok(value)
        }
        (Datum::Text(_), Type::Text | Type::Path | Type::Time | Type::Choice(_)) => Ok(value),
        (_, Type::Text) => Ok(as_text(&value, catalog)),
        (Datum::Record { kind, .. }, Type::Path) => {
            let field = path_field(catalog, kind).map(str::to_owned);
            convert(take_field(value, field.as_deref()), to, what, catalog)
        }
        _ => Ok(value),
    }
}

fn flatten(
    item: Value,
    to: &Type,
    what: &str,
    catalog: &Catalog,
    flat: &mut Vec<Value>,
    shape: &mut Labels,
) -> Result<(), Failure> {
    let inner = convert(item, to, what, catalog)?;
    shape.join(&inner.labels);
    match inner.datum {
        Datum::List(items) => flat.extend(items),
        datum => flat.push(Value::labelled(datum, inner.labels)),
    }
    check_length(flat.len())
}

/// A field of a record, with the record's own labels; None if it is not there.
pub(crate) fn take_field(record: Value, name: Option<&str>) -> Value {
    let Datum::Record { mut fields, .. } = record.datum else { return record };
    let mut field = name.and_then(|name| fields.remove(name)).unwrap_or_else(Value::none);
    field.labels.join(&record.labels);
    field
}

/// A value where text is wanted: a record by its title, a list one element a line.
fn as_text(value: &Value, catalog: &Catalog) -> Value {
    match &value.datum {
        Datum::Record { .. } => {
            let mut title = Value::text(title_of(value, catalog));
            title.labels = value.deep_labels();
            title
        }
        Datum::List(items) => {
            let lines: Vec<String> = items.iter().map(|item| line_of(item, catalog)).collect();
            Value::labelled(Datum::Text(lines.join("\n")), value.deep_labels())
        }
        _ => Value::labelled(Datum::Text(shown(value)), value.labels.clone()),
    }
}

/// A value on a line of its own: of a fact also what it is about and where it is from.
fn line_of(value: &Value, catalog: &Catalog) -> String {
    if let Datum::Record { fields, .. } = &value.datum
        && let (Some(about), Some(text), Some(source)) = (fields.get("about"), fields.get("text"), fields.get("source"))
    {
        return format!("- {}: {} ({})", shown(about), shown(text), shown(source));
    }
    title_of(value, catalog)
}

/// What a person calls this value.
pub(crate) fn title_of(value: &Value, catalog: &Catalog) -> String {
    if let Datum::Record { kind, fields } = &value.datum
        && let Some(title) = record(catalog, kind).and_then(|record| record.title.as_ref())
        && let Some(field) = fields.get(title)
    {
        return shown(field);
    }
    shown(value)
}

/// The call's arguments for looking a text up.
pub(crate) fn look_up_call<'a>(kind: &str, catalog: &'a Catalog) -> Result<(&'a str, &'a str), Failure> {
    let tool = look_up(catalog, kind);
    let parameter = tool.and_then(|tool| catalog.tools.get(tool)).and_then(|schema| schema.parameters.first());
    match (tool, parameter) {
        (Some(tool), Some(parameter)) => Ok((tool, &parameter.name)),
        _ => Err(Failure::new(ErrorCode::Unsupported, format!("no tool here finds a {kind} by text"))),
    }
}

/// The options to choose from: titles, told apart by their origin where they are the same.
pub(crate) fn options(candidates: &[Value], catalog: &Catalog) -> Vec<String> {
    let titles: Vec<String> = candidates.iter().map(|candidate| title_of(candidate, catalog)).collect();
    let mut options: Vec<String> = Vec::with_capacity(titles.len());
    for (title, candidate) in titles.iter().zip(candidates) {
        let mut option = title.clone();
        if titles.iter().filter(|other| looks_like(other, title)).count() > 1
            && let Some(origin) = origin_of(candidate, catalog)
        {
            option = format!("{title} ({origin})");
        }
        if options.contains(&option) {
            option = format!("{option} #{}", options.len() + 1);
        }
        options.push(option);
    }
    options
}

/// A record that is looked up for a text in a spot of a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LookUp {
    pub(crate) spot: Spot,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) influence: Labels,
    /// How often the person was asked for another text.
    #[serde(default)]
    pub(crate) asked: u32,
}

/// Whether a reader could take one text for the other: they are the same but for letters beyond plain ones, and for what
/// takes no ink.
fn looks_like(one: &str, other: &str) -> bool {
    let inked = |text: &str| -> Vec<char> {
        text.chars().filter(|letter| letter.is_ascii_graphic() || letter.is_alphanumeric() || *letter == ' ').collect()
    };
    let (one, other) = (inked(one), inked(other));
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a == b || !a.is_ascii() || !b.is_ascii())
}

fn origin_of(value: &Value, catalog: &Catalog) -> Option<String> {
    let Datum::Record { kind, fields } = &value.datum else { return None };
    let origin = record(catalog, kind)?.origin.as_ref()?;
    fields.get(origin).map(shown)
}

/// What a plan wanted is not there: the failure that lets its planner try other words.
#[must_use]
pub fn not_found(what: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("nothing was found for `{what}`"))
        .try_next("Search with other words, or test with `if` whether something was found")
}
