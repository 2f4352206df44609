//! Operators on values, each of which unites its operands' labels; and how values are shown as text.

use std::cmp::Ordering;

use genoa_abi::limits::{LIST_ITEMS, RUN_STATE_BYTES};
use genoa_abi::{Datum, ErrorCode, Failure, Labels, Value};
use jiff::Timestamp;

use crate::ast::{Arithmetic, Comparison};
use crate::code::Piece;

/// Whether a condition holds: true, not zero, not empty, not None.
pub(crate) fn truth(value: &Value) -> bool {
    match &value.datum {
        Datum::None => false,
        Datum::Bool(truth) => *truth,
        Datum::Int(number) => *number != 0,
        Datum::Number(number) => *number != 0.0,
        Datum::Text(text) => !text.is_empty(),
        Datum::List(items) => !items.is_empty(),
        Datum::Record { .. } => true,
    }
}

/// A value as text, for f-strings and for arguments that are shown. A record is shown by its title field if it says
/// so itself; [`crate::coerce`] does that with the catalogue, here all short fields are shown.
pub(crate) fn shown(value: &Value) -> String {
    match &value.datum {
        Datum::None => "nothing".to_owned(),
        Datum::Bool(true) => "yes".to_owned(),
        Datum::Bool(false) => "no".to_owned(),
        Datum::Int(number) => number.to_string(),
        Datum::Number(number) => number.to_string(),
        Datum::Text(text) => text.clone(),
        Datum::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Datum::Record { fields, .. } => match ["title", "subject", "name"].iter().find_map(|name| fields.get(*name)) {
            Some(title) => shown(title),
            None => {
                fields.iter().map(|(name, field)| format!("{name}: {}", shown(field))).collect::<Vec<_>>().join("; ")
            }
        },
    }
}

/// Fills an f-string.
pub(crate) fn format(pieces: &[Piece], values: &[Value]) -> Result<Value, Failure> {
    let mut text = String::new();
    let mut labels = Labels::none();
    let mut values = values.iter();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Value(decimals) => {
                let Some(value) = values.next() else { return Err(mismatch()) };
                labels.join(&value.deep_labels());
                match (&value.datum, decimals) {
                    (Datum::Number(number), Some(decimals)) => {
                        text.push_str(&format!("{number:.*}", usize::from(*decimals)))
                    }
                    (Datum::Int(number), Some(decimals)) => {
                        text.push_str(&format!("{:.*}", usize::from(*decimals), as_number(*number)));
                    }
                    _ => text.push_str(&shown(value)),
                }
            }
        }
        if text.len() > RUN_STATE_BYTES {
            return Err(too_much(text.len()));
        }
    }
    Ok(Value::labelled(Datum::Text(text), labels))
}

/// `+ - * /`.
pub(crate) fn arithmetic(operator: Arithmetic, left: Value, right: Value) -> Result<Value, Failure> {
    let labels = left.labels.union(&right.labels);
    let datum = match (left.datum, right.datum) {
        (Datum::Text(mut left), Datum::Text(right)) if operator == Arithmetic::Add => {
            if left.len() + right.len() > RUN_STATE_BYTES {
                return Err(too_much(left.len() + right.len()));
            }
            left.push_str(&right);
            Datum::Text(left)
        }
        (Datum::List(mut left), Datum::List(right)) if operator == Arithmetic::Add => {
            check_length(left.len() + right.len())?;
            left.extend(right);
            Datum::List(left)
        }
        (Datum::Int(left), Datum::Int(right)) => whole(operator, left, right)?,
        (left, right) => fraction(operator, number(&left)?, number(&right)?)?,
    };
    Ok(Value::labelled(datum, labels))
}

fn whole(operator: Arithmetic, left: i64, right: i64) -> Result<Datum, Failure> {
    let outcome = match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide => return fraction(operator, as_number(left), as_number(right)),
    };
    outcome.map(Datum::Int).ok_or_else(|| Failure::new(ErrorCode::InvalidInput, "the number gets too large"))
}

fn fraction(operator: Arithmetic, left: f64, right: f64) -> Result<Datum, Failure> {
    if operator == Arithmetic::Divide && right == 0.0 {
        return Err(Failure::new(ErrorCode::InvalidInput, "division by zero").try_next("Test the divisor with `if`"));
    }
    let outcome = match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
    };
    if outcome.is_finite() {
        return Ok(Datum::Number(outcome));
    }
    Err(Failure::new(ErrorCode::InvalidInput, "the number gets too large"))
}

/// Minus.
pub(crate) fn negate(value: Value) -> Result<Value, Failure> {
    let datum = match value.datum {
        Datum::Int(number) => whole(Arithmetic::Subtract, 0, number)?,
        Datum::Number(number) => Datum::Number(-number),
        _ => return Err(mismatch()),
    };
    Ok(Value::labelled(datum, value.labels))
}

/// Comparisons, membership included.
pub(crate) fn compare(operator: Comparison, left: &Value, right: &Value) -> Value {
    let order = || compare_order(&left.datum, &right.datum);
    let outcome = match operator {
        Comparison::Equal => equal(left, right),
        Comparison::NotEqual => !equal(left, right),
        Comparison::Less => order() == Ordering::Less,
        Comparison::LessOrEqual => order() != Ordering::Greater,
        Comparison::Greater => order() == Ordering::Greater,
        Comparison::GreaterOrEqual => order() != Ordering::Less,
        Comparison::In => contains(right, left),
        Comparison::NotIn => !contains(right, left),
    };
    Value::labelled(Datum::Bool(outcome), left.deep_labels().union(&right.deep_labels()))
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (&whole.datum, &part.datum) {
        (Datum::Text(whole), Datum::Text(part)) => whole.contains(part.as_str()),
        (Datum::List(items), _) => items.iter().any(|item| equal(item, part)),
        _ => false,
    }
}

/// Equal data; labels do not count.
fn equal(left: &Value, right: &Value) -> bool {
    match (&left.datum, &right.datum) {
        (Datum::Int(int), Datum::Number(number)) | (Datum::Number(number), Datum::Int(int)) => {
            as_number(*int) == *number
        }
        (Datum::List(left), Datum::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Datum::Record { kind, fields }, Datum::Record { kind: other_kind, fields: other }) => {
            kind == other_kind
                && fields.len() == other.len()
                && fields.iter().all(|(name, field)| other.get(name).is_some_and(|other| equal(field, other)))
        }
        (left, right) => left == right,
    }
}

/// The order that `<` and `sorted` use: None first; texts that are both points in time by time, others by letter.
pub(crate) fn compare_order(left: &Datum, right: &Datum) -> Ordering {
    match (left, right) {
        (Datum::Text(left), Datum::Text(right)) => match (instant(left), instant(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.cmp(right),
        },
        (Datum::Bool(left), Datum::Bool(right)) => left.cmp(right),
        (Datum::Int(left), Datum::Int(right)) => left.cmp(right),
        (Datum::None, Datum::None) => Ordering::Equal,
        (Datum::None, _) => Ordering::Less,
        (_, Datum::None) => Ordering::Greater,
        (left, right) => match (number(left), number(right)) {
            (Ok(left), Ok(right)) => left.total_cmp(&right),
            _ => Ordering::Equal,
        },
    }
}

/// A text as a point in time, if it is RFC 3339.
fn instant(text: &str) -> Option<Timestamp> {
    let looks_right = text.len() >= 20 && text.len() <= 40 && text.as_bytes()[0].is_ascii_digit();
    looks_right.then(|| text.parse().ok()).flatten()
}

fn number(datum: &Datum) -> Result<f64, Failure> {
    match datum {
        Datum::Int(number) => Ok(as_number(*number)),
        Datum::Number(number) => Ok(*number),
        _ => Err(mismatch()),
    }
}

/// Whole numbers beyond 2^53 lose their last digits, as in every language with floats.
#[expect(clippy::cast_precision_loss, reason = "the conversion that the language defines")]
pub(crate) fn as_number(number: i64) -> f64 {
    number as f64
}

/// A defect: the check let through what it must not.
pub(crate) fn mismatch() -> Failure {
    Failure::new(ErrorCode::Internal, "a step got a value of another type than the check found")
}

/// How many values a value is made of, itself included.
pub(crate) fn parts(value: &Value) -> usize {
    1 + match &value.datum {
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) | Datum::Text(_) => 0,
        Datum::List(items) => items.iter().map(parts).sum(),
        Datum::Record { fields, .. } => fields.values().map(parts).sum(),
    }
}

/// About how many bytes a value takes as JSON, labels included.
pub(crate) fn measure(value: &Value) -> usize {
    8 + 32 * value.labels.entries()
        + match &value.datum {
            Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) => 8,
            Datum::Text(text) => text.len(),
            Datum::List(items) => items.iter().map(measure).sum(),
            Datum::Record { fields, .. } => fields.iter().map(|(name, field)| name.len() + measure(field)).sum(),
        }
}

/// The failure of a value that would be over the limit.
pub(crate) fn too_much(bytes: usize) -> Failure {
    Failure::new(ErrorCode::TooLarge, format!("the plan's values would take {bytes} bytes"))
        .because(format!("RUN_STATE_BYTES is {RUN_STATE_BYTES}"))
        .try_next("Filter the lists, or work on fewer items")
}

/// Refuses a list over the limit.
pub(crate) fn check_length(items: usize) -> Result<(), Failure> {
    if items <= LIST_ITEMS {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::TooLarge, format!("a list of {items} items"))
        .because(format!("LIST_ITEMS is {LIST_ITEMS}")))
}
