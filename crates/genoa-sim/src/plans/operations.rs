//! Operators, built-in functions and conversions as the oracle understands `docs/plan-language.md`.

use std::cmp::Ordering;

use genoa_abi::schema::{Catalog, Type};

use super::naive::{Data, Label, Naive};
use super::programs::Builtin;

/// Data does not go with the plan, so its run ends here.
pub(crate) struct Unfit;

pub(crate) type Outcome<T> = Result<T, Unfit>;

/// The value, which must be there.
pub(crate) fn needed(value: Naive) -> Outcome<Naive> {
    if value.data == Data::None { Err(Unfit) } else { Ok(value) }
}

pub(crate) fn field(record: Naive, name: &str) -> Outcome<Naive> {
    let Data::Record(_, mut fields) = record.data else { return Err(Unfit) };
    let field = fields.remove(name).unwrap_or_else(|| Naive::constant(Data::None));
    Ok(field.also(&record.label))
}

pub(crate) fn index(whole: &Naive, place: &Naive) -> Outcome<Naive> {
    let Data::Int(number) = place.data else { return Err(Unfit) };
    let elements: Vec<Naive> = match &whole.data {
        Data::List(items) => items.clone(),
        Data::Text(text) => text.chars().map(|letter| Naive::constant(Data::Text(letter.to_string()))).collect(),
        _ => return Err(Unfit),
    };
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let from_start = if number < 0 { number.saturating_add(length) } else { number };
    let element = usize::try_from(from_start).ok().and_then(|place| elements.into_iter().nth(place));
    Ok(element.ok_or(Unfit)?.also(&whole.label).also(&place.label))
}

pub(crate) fn arithmetic(operator: char, left: Naive, right: Naive) -> Outcome<Naive> {
    let label = left.label.and(&right.label);
    let data = match (left.data, right.data, operator) {
        (Data::Text(left), Data::Text(right), '+') => Data::Text(left + &right),
        (Data::List(left), Data::List(right), '+') => Data::List([left, right].concat()),
        (Data::Int(left), Data::Int(right), '+') => Data::Int(left.checked_add(right).ok_or(Unfit)?),
        (Data::Int(left), Data::Int(right), '-') => Data::Int(left.checked_sub(right).ok_or(Unfit)?),
        (Data::Int(left), Data::Int(right), '*') => Data::Int(left.checked_mul(right).ok_or(Unfit)?),
        (left, right, operator) => {
            let (left, right) = (number(&left)?, number(&right)?);
            let outcome = match operator {
                '+' => left + right,
                '-' => left - right,
                '*' => left * right,
                _ => left / right,
            };
            // Infinity and NaN are what a division by zero comes to.
            if !outcome.is_finite() {
                return Err(Unfit);
            }
            Data::Number(outcome)
        }
    };
    Ok(Naive::of(data, label))
}

#[expect(clippy::cast_precision_loss, reason = "that is what the language says")]
fn number(data: &Data) -> Outcome<f64> {
    match data {
        Data::Int(number) => Ok(*number as f64),
        Data::Number(number) => Ok(*number),
        _ => Err(Unfit),
    }
}

pub(crate) fn negated(value: Naive) -> Outcome<Naive> {
    let data = match value.data {
        Data::Int(number) => Data::Int(number.checked_neg().ok_or(Unfit)?),
        Data::Number(number) => Data::Number(-number),
        _ => return Err(Unfit),
    };
    Ok(Naive::of(data, value.label))
}

pub(crate) fn compared(operator: &str, left: &Naive, right: &Naive) -> Naive {
    let holds = match operator {
        "==" => same(left, right),
        "!=" => !same(left, right),
        "<" => order(left, right) == Ordering::Less,
        "<=" => order(left, right) != Ordering::Greater,
        ">" => order(left, right) == Ordering::Greater,
        ">=" => order(left, right) != Ordering::Less,
        "in" => holds_part(right, left),
        _ => !holds_part(right, left),
    };
    Naive::of(Data::Bool(holds), left.deep().and(&right.deep()))
}

fn holds_part(whole: &Naive, part: &Naive) -> bool {
    match (&whole.data, &part.data) {
        (Data::Text(whole), Data::Text(part)) => whole.contains(part),
        (Data::List(items), _) => items.iter().any(|item| same(item, part)),
        _ => false,
    }
}

/// Equal data, whatever the labels.
fn same(left: &Naive, right: &Naive) -> bool {
    match (&left.data, &right.data) {
        (Data::Int(_), Data::Number(_)) | (Data::Number(_), Data::Int(_)) => order(left, right) == Ordering::Equal,
        (Data::List(left), Data::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Data::Record(kind, left), Data::Record(other, right)) => {
            kind == other && left.iter().zip(right).all(|((_, left), (_, right))| same(left, right))
        }
        (left, right) => left == right,
    }
}

/// Nothing comes first.
fn order(left: &Naive, right: &Naive) -> Ordering {
    match (&left.data, &right.data) {
        (Data::Text(left), Data::Text(right)) => left.cmp(right),
        (Data::Bool(left), Data::Bool(right)) => left.cmp(right),
        (Data::Int(left), Data::Int(right)) => left.cmp(right),
        (Data::None, Data::None) => Ordering::Equal,
        (Data::None, _) => Ordering::Less,
        (_, Data::None) => Ordering::Greater,
        (left, right) => match (number(left), number(right)) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        },
    }
}

/// The elements as one text.
pub(crate) fn joined(list: &Naive, separator: &Naive) -> Outcome<Naive> {
    let (Data::List(items), Data::Text(between)) = (&list.data, &separator.data) else { return Err(Unfit) };
    let text = items.iter().map(Naive::shown).collect::<Vec<_>>().join(between);
    Ok(Naive::of(Data::Text(text), list.deep().and(&separator.label)))
}

pub(crate) fn built_in(builtin: &Builtin, value: &Naive) -> Outcome<Naive> {
    if let Builtin::Str = builtin {
        return Ok(Naive::of(Data::Text(value.shown()), value.deep()));
    }
    let count = |count: usize| Naive::of(Data::Int(i64::try_from(count).unwrap_or(i64::MAX)), value.label.clone());
    let items = match &value.data {
        Data::Text(text) => return Ok(count(text.chars().count())),
        Data::List(items) => items,
        _ => return Err(Unfit),
    };
    let picked = |item: Option<&Naive>| item.cloned().unwrap_or_else(|| Naive::constant(Data::None)).also(&value.label);
    Ok(match builtin {
        Builtin::Len | Builtin::Count | Builtin::Str => count(items.len()),
        Builtin::First => picked(items.first()),
        Builtin::Last => picked(items.last()),
        Builtin::Largest { by } => {
            let mut largest = items.first();
            for item in items {
                let is_larger = |best: &Naive| order(&key(item, by), &key(best, by)) == Ordering::Greater;
                if largest.is_some_and(is_larger) {
                    largest = Some(item);
                }
            }
            picked(largest).also(&keys(items, by))
        }
        Builtin::Sorted { by, descending, count } => {
            let mut sorted = items.clone();
            sorted.sort_by(|left, right| {
                let order = order(&key(left, by), &key(right, by));
                if *descending { order.reverse() } else { order }
            });
            let sorted = sorted.into_iter().take(count.unwrap_or(usize::MAX)).collect();
            Naive::of(Data::List(sorted), value.label.and(&keys(items, by)))
        }
        Builtin::Sum { by } => {
            let there = items.iter().map(|item| key(item, by)).filter(|key| key.data != Data::None);
            let sum = there
                .map(|key| Naive::constant(key.data))
                .try_fold(Naive::constant(Data::Int(0)), |sum, next| arithmetic('+', sum, next))?;
            sum.also(&value.label).also(&keys(items, by))
        }
    })
}

/// What an element is ordered or summed by, with all that it can be told by.
fn key(item: &Naive, by: &Option<String>) -> Naive {
    match (by, &item.data) {
        (Some(by), Data::Record(..)) => field(item.clone(), by).unwrap_or_else(|_| item.clone()),
        _ => item.clone(),
    }
}

fn keys(items: &[Naive], by: &Option<String>) -> Label {
    items.iter().fold(Label::default(), |all, item| all.and(&key(item, by).label))
}

/// An argument as its parameter wants it.
pub(crate) fn converted(value: Naive, to: &Type, catalog: &Catalog) -> Outcome<Naive> {
    let label = value.label.clone();
    match (value.data, to) {
        (data, Type::Any) => Ok(Naive::of(data, label)),
        (Data::None, Type::Optional(_)) => Ok(Naive::of(Data::None, label)),
        (data, Type::Optional(inner)) => converted(Naive::of(data, label), inner, catalog),
        (Data::None, _) => Err(Unfit),
        (Data::List(items), Type::List(inner)) => {
            let (mut flat, mut shape) = (Vec::new(), label);
            for item in items {
                match item.data {
                    Data::List(_) => {
                        let list = converted(item, to, catalog)?;
                        shape = shape.and(&list.label);
                        if let Data::List(items) = list.data {
                            flat.extend(items);
                        }
                    }
                    _ => flat.push(converted(item, inner, catalog)?),
                }
            }
            Ok(Naive::of(Data::List(flat), shape))
        }
        (data, Type::List(inner)) => {
            Ok(Naive::constant(Data::List(vec![converted(Naive::of(data, label), inner, catalog)?])))
        }
        (Data::Int(number), Type::Number) => number_of(number).map(|data| Naive::of(data, label)),
        (Data::Text(text), _) => Ok(Naive::of(Data::Text(text), label)),
        (Data::List(items), Type::Text) => {
            let list = Naive::of(Data::List(items.clone()), label);
            let lines: Vec<String> = items.iter().map(|item| title(item, catalog)).collect();
            Ok(Naive::of(Data::Text(lines.join("\n")), list.deep()))
        }
        (data, Type::Text) => {
            let value = Naive::of(data, label);
            Ok(Naive::of(Data::Text(title(&value, catalog)), value.deep()))
        }
        (data, _) => Ok(Naive::of(data, label)),
    }
}

fn number_of(whole: i64) -> Outcome<Data> {
    number(&Data::Int(whole)).map(Data::Number)
}

/// What a person calls it.
fn title(value: &Naive, catalog: &Catalog) -> String {
    let Data::Record(kind, fields) = &value.data else { return value.shown() };
    let title = catalog.records.get(kind).and_then(|record| record.title.as_ref());
    title.and_then(|title| fields.get(title)).map_or_else(|| value.shown(), Naive::shown)
}
