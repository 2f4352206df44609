//! Whether the product did what the oracle did, and labelled all that the oracle labels.

use std::collections::BTreeSet;

use genoa_abi::schema::Catalog;
use genoa_abi::{Datum, Labels, Readers, Source, Value};

use super::naive::{Data, Label, Naive};
use super::oracle::{Asked, End};
use super::runner::{Course, Made, id_of, writer};

/// What the product labels and the oracle does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Arguments that were compared.
    pub arguments: usize,
    /// Those with a source more.
    pub sources: usize,
    /// Those with fewer readers.
    pub readers: usize,
    /// Of the first ones, where: tool and parameter.
    pub examples: BTreeSet<String>,
}

/// Compares calls, arguments and labels.
pub(super) fn compare(
    course: &Course,
    calls: &[Asked],
    end: &End,
    catalog: &Catalog,
    excess: &mut Excess,
) -> Result<(), String> {
    for (place, (made, asked)) in course.calls.iter().zip(calls).enumerate() {
        let compared = compare_call(made, asked, calls, catalog, excess);
        compared.map_err(|wrong| format!("call {place}, {}: {wrong}", asked.tool))?;
    }
    if course.calls.len() != calls.len() {
        let next = course.calls.get(calls.len()).map(|made| (&made.tool, &made.arguments));
        return Err(format!("{} calls, the oracle makes {}: {end:?}, {next:?}", course.calls.len(), calls.len()));
    }
    match (&course.answer, end) {
        (Some(value), End::Done(naive)) if is_same(value, naive) => Ok(()),
        (None, End::Failed | End::Waits) => Ok(()),
        (answer, end) => Err(format!("the answer is {answer:?}, the oracle's {end:?}")),
    }
}

fn compare_call(
    made: &Made,
    asked: &Asked,
    calls: &[Asked],
    catalog: &Catalog,
    excess: &mut Excess,
) -> Result<(), String> {
    if made.tool != asked.tool {
        return Err(format!("the call is of {}", made.tool));
    }
    if let Some(unknown) = made.arguments.keys().find(|name| !asked.arguments.contains_key(*name)) {
        return Err(format!("there is an argument `{unknown}`"));
    }
    covers(&made.context, &asked.context, calls, catalog).map_err(|lacks| format!("its context {lacks}"))?;
    let absent = Value::none();
    for (name, naive) in &asked.arguments {
        let value = made.arguments.get(name).unwrap_or(&absent);
        if !is_same(value, naive) {
            return Err(format!("`{name}` is {}, the oracle's {}", value.to_json(), naive.to_json()));
        }
        covers(&value.deep_labels(), &naive.deep(), calls, catalog).map_err(|lacks| format!("`{name}` {lacks}"))?;
        covers_parts(value, naive, &Labels::none(), &Label::default(), calls, catalog)
            .map_err(|lacks| format!("a part of `{name}` {lacks}"))?;
        note_excess(&value.deep_labels(), &naive.deep(), &format!("{}({name})", asked.tool), excess);
    }
    Ok(())
}

/// Whether a label holds all that the oracle's holds: the calls, who wrote what they answered, and no more readers.
fn covers(labels: &Labels, naive: &Label, calls: &[Asked], catalog: &Catalog) -> Result<(), String> {
    let has = |source: &Source| labels.sources().any(|own| own == source);
    for place in &naive.calls {
        let schema = calls.get(*place).and_then(|asked| catalog.tools.get(&asked.tool));
        let writer = schema.map(writer).ok_or("names a call that was not made")?;
        if !has(&Source::Call(id_of(*place))) || !has(&writer) {
            return Err(format!(
                "does not name call {place} ({writer}), but {:?}",
                labels.sources().collect::<Vec<_>>()
            ));
        }
    }
    let allowed = naive.readers.clone().map_or(Readers::Anyone, Readers::Only);
    if labels.readers().are_within(&allowed) {
        return Ok(());
    }
    Err(format!("may be read by {}, the oracle's by {allowed}", labels.readers()))
}

/// The same for every part, with what the containers around it tell.
fn covers_parts(
    value: &Value,
    naive: &Naive,
    around: &Labels,
    naive_around: &Label,
    calls: &[Asked],
    catalog: &Catalog,
) -> Result<(), String> {
    let (labels, label) = (around.union(&value.labels), naive_around.and(&naive.label));
    covers(&labels, &label, calls, catalog)?;
    match (&value.datum, &naive.data) {
        (Datum::List(items), Data::List(others)) => items
            .iter()
            .zip(others)
            .try_for_each(|(item, other)| covers_parts(item, other, &labels, &label, calls, catalog)),
        (Datum::Record { fields, .. }, Data::Record(_, others)) => fields
            .values()
            .zip(others.values())
            .try_for_each(|(field, other)| covers_parts(field, other, &labels, &label, calls, catalog)),
        _ => Ok(()),
    }
}

fn note_excess(labels: &Labels, naive: &Label, place: &str, excess: &mut Excess) {
    let known: BTreeSet<Source> = naive.calls.iter().map(|place| Source::Call(id_of(*place))).collect();
    let has_more = labels.sources().any(|source| matches!(source, Source::Call(_)) && !known.contains(source));
    let allowed = naive.readers.clone().map_or(Readers::Anyone, Readers::Only);
    let has_fewer = !allowed.are_within(labels.readers());
    excess.arguments += 1;
    excess.sources += usize::from(has_more);
    excess.readers += usize::from(has_fewer);
    if has_more || has_fewer {
        excess.examples.insert(place.to_owned());
    }
}

/// Equal data.
pub(super) fn is_same(value: &Value, naive: &Naive) -> bool {
    match (&value.datum, &naive.data) {
        (Datum::None, Data::None) => true,
        (Datum::Bool(left), Data::Bool(right)) => left == right,
        (Datum::Int(left), Data::Int(right)) => left == right,
        (Datum::Number(left), Data::Number(right)) => left == right,
        (Datum::Text(left), Data::Text(right)) => left == right,
        (Datum::List(left), Data::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Datum::Record { kind, fields }, Data::Record(other, others)) => {
            kind == other
                && fields.len() == others.len()
                && fields.iter().all(|(name, field)| others.get(name).is_some_and(|other| is_same(field, other)))
        }
        _ => false,
    }
}
