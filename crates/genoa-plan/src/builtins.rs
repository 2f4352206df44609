//! The pure builtins: `len count first last largest sorted distinct sum join str lower number_in`.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use genoa_abi::limits::RUN_STATE_BYTES;
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Value};

use crate::code::BuiltinCall;
use crate::numbers::number_in;
use crate::operators::{compare_order, shown, too_much};

/// The names, which no variable may take.
pub(crate) const HELPERS: [&str; 12] =
    ["count", "distinct", "first", "join", "largest", "last", "len", "lower", "number_in", "sorted", "str", "sum"];

/// What a builtin's keyword arguments are called, for messages.
pub(crate) fn parameters(name: &str) -> &'static str {
    match name {
        "sorted" => "sorted(list, by=\"field\", descending=True, count=3)",
        "sum" => "sum(list, by=\"field\")",
        "largest" => "largest(list, by=\"field\")",
        "join" => "join(list, \", \")",
        "str" => "str(value)",
        "lower" => "lower(text)",
        "number_in" => "number_in(text)",
        "distinct" => "distinct(list)",
        "len" => "len(list)",
        "count" => "count(list)",
        "first" => "first(list)",
        _ => "last(list)",
    }
}

/// Applies a builtin other than `join` to a borrowed value.
pub(crate) fn apply(builtin: &BuiltinCall, value: &Value) -> Result<Value, Failure> {
    if let BuiltinCall::Str = builtin {
        return Ok(Value::labelled(Datum::Text(shown(value)), value.deep_labels()));
    }
    if let Datum::Text(text) = &value.datum {
        let datum = match builtin {
            BuiltinCall::Len => length(text.chars().count())?,
            BuiltinCall::Lower => Datum::Text(text.to_lowercase()),
            BuiltinCall::NumberIn => number_in(text).map_or(Datum::None, Datum::Number),
            _ => return Err(no_list()),
        };
        return Ok(Value::labelled(datum, value.labels.clone()));
    }
    let Datum::List(items) = &value.datum else { return Err(no_list()) };
    let pick = |item: Option<&Value>, labels: &Labels| {
        let mut picked = item.cloned().unwrap_or_else(Value::none);
        picked.labels.join(labels);
        picked
    };
    Ok(match builtin {
        BuiltinCall::Len => Value::labelled(length(items.len())?, value.labels.clone()),
        BuiltinCall::First => pick(items.first(), &value.labels),
        BuiltinCall::Last => pick(items.last(), &value.labels),
        BuiltinCall::Largest { by } => {
            let largest = items.iter().reduce(|best, item| match compare_by(item, best, by.as_deref()) {
                Ordering::Greater => item,
                Ordering::Less | Ordering::Equal => best,
            });
            pick(largest, &value.labels.union(&key_labels(items, by.as_deref())))
        }
        BuiltinCall::Sorted { by, descending, count } => {
            let mut sorted = items.clone();
            sorted.sort_by(|a, b| {
                let order = compare_by(a, b, by.as_deref());
                if *descending { order.reverse() } else { order }
            });
            sorted.truncate(count.unwrap_or(usize::MAX));
            // The order of the elements tells about their keys.
            Value::labelled(Datum::List(sorted), value.labels.union(&key_labels(items, by.as_deref())))
        }
        BuiltinCall::Sum { by } => {
            Value::labelled(total(items, by.as_deref())?, value.labels.union(&key_labels(items, by.as_deref())))
        }
        BuiltinCall::Distinct => {
            let mut known = BTreeSet::new();
            let kept = items.iter().filter(|item| known.insert(item.to_json().to_string())).cloned().collect();
            // Which are left tells about all of them.
            let all = items.iter().fold(value.labels.clone(), |all, item| all.union(&item.deep_labels()));
            Value::labelled(Datum::List(kept), all)
        }
        BuiltinCall::Join | BuiltinCall::Str | BuiltinCall::Lower | BuiltinCall::NumberIn => return Err(no_list()),
    })
}

/// The sum of the numbers, or of this field of the records; those without one count for nothing.
fn total(items: &[Value], by: Option<&str>) -> Result<Datum, Failure> {
    let mut whole: i64 = 0;
    let mut rest = 0.0;
    for item in items {
        match &key(item, by).datum {
            Datum::Int(number) => {
                whole = whole.checked_add(*number).ok_or_else(|| {
                    Failure::new(ErrorCode::TooLarge, "the total is larger than a whole number can be")
                })?;
            }
            Datum::Number(number) => rest += number,
            _ => {}
        }
    }
    let is_whole = items.iter().all(|item| !matches!(key(item, by).datum, Datum::Number(_)));
    #[expect(clippy::cast_precision_loss, reason = "a sum with fractions is one of fractions")]
    let sum = whole as f64 + rest;
    if !sum.is_finite() {
        return Err(Failure::new(ErrorCode::TooLarge, "the total is larger than a number can be"));
    }
    Ok(if is_whole { Datum::Int(whole) } else { Datum::Number(sum) })
}

/// The elements as one text.
pub(crate) fn join(list: &Value, separator: &Value) -> Result<Value, Failure> {
    let (Datum::List(items), Datum::Text(between)) = (&list.datum, &separator.datum) else { return Err(no_list()) };
    let parts: Vec<String> = items.iter().map(shown).collect();
    let bytes = parts.iter().map(String::len).sum::<usize>().saturating_add(between.len().saturating_mul(parts.len()));
    if bytes > RUN_STATE_BYTES {
        return Err(too_much(bytes));
    }
    let labels = list.deep_labels().union(&separator.labels);
    Ok(Value::labelled(Datum::Text(parts.join(between)), labels))
}

fn length(count: usize) -> Result<Datum, Failure> {
    i64::try_from(count).map(Datum::Int).map_err(|_| too_much(count))
}

fn no_list() -> Failure {
    Failure::new(ErrorCode::Internal, "a builtin got a value of another type than the check found")
}

fn key<'a>(item: &'a Value, by: Option<&str>) -> &'a Value {
    match (&item.datum, by) {
        (Datum::Record { fields, .. }, Some(by)) => fields.get(by).unwrap_or(item),
        _ => item,
    }
}

fn compare_by(a: &Value, b: &Value, by: Option<&str>) -> Ordering {
    compare_order(&key(a, by).datum, &key(b, by).datum)
}

fn key_labels(items: &[Value], by: Option<&str>) -> Labels {
    let mut labels = Labels::none();
    for item in items {
        labels.join(&item.labels);
        labels.join(&key(item, by).labels);
    }
    labels
}
