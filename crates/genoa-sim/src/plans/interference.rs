//! What becomes different when one answer does: a check of labels that trusts no implementation of them.
//!
//! A plan runs twice, and one tool answers the second time with something else. Every argument that is not the same then, and
//! every call that only one of the runs makes, must name the changed call, in both runs, or in the one that makes it. Calls
//! are paired by their place: the site in the plan, and the round of each loop around it.
//!
//! Two things are no flow here. That a run ends early because data did not go with the plan (no such element, a division by
//! zero) is not labelled: nothing comes after it, and a person sees the failure. So what the other run does after the
//! last call of one that failed is not looked at. And what tools do to files and tell from them later is theirs to label: the
//! answers here depend on the call, its place and its arguments only.

use std::collections::BTreeMap;

use genoa_abi::{Labels, Source, Value};

use super::oracle::{Asked, Point};
use super::runner::{Course, Made, id_of};

/// One of the two runs.
pub(super) struct Side<'a> {
    pub(super) course: &'a Course,
    pub(super) calls: &'a [Asked],
    /// Whether it came to the end of the plan.
    pub(super) is_whole: bool,
}

/// What two runs, with another answer to the call at this place, tell of each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// Arguments that were another one.
    pub arguments: usize,
    /// Calls that only one of the runs made.
    pub calls: usize,
}

/// Compares two runs; `changed` is the place of the call that was answered differently.
pub(super) fn flows(first: &Side<'_>, second: &Side<'_>, changed: usize) -> Result<Flows, String> {
    let mut flows = Flows::default();
    let source = Source::Call(id_of(changed));
    let (left, right) = (by_point(first), by_point(second));
    for (point, one) in &left {
        match right.get(point) {
            Some(other) => flows.arguments += differing(one, other, &source)?,
            None => flows.calls += only_here(one, first, second, &source)?,
        }
    }
    for (_, one) in right.iter().filter(|(point, _)| !left.contains_key(*point)) {
        flows.calls += only_here(one, second, first, &source)?;
    }
    Ok(flows)
}

struct Placed<'a> {
    place: usize,
    made: &'a Made,
}

fn by_point<'a>(side: &Side<'a>) -> BTreeMap<&'a Point, Placed<'a>> {
    let calls = side.calls.iter().zip(&side.course.calls).enumerate();
    calls.map(|(place, (asked, made))| (&asked.point, Placed { place, made })).collect()
}

/// Arguments that are not the same name the source on both sides.
fn differing(left: &Placed<'_>, right: &Placed<'_>, source: &Source) -> Result<usize, String> {
    let absent = Value::none();
    let names = left.made.arguments.keys().chain(right.made.arguments.keys());
    let mut count = 0;
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let [one, other] = [left, right].map(|side| side.made.arguments.get(name).unwrap_or(&absent));
        if one.to_json() == other.to_json() {
            continue;
        }
        count += 1;
        for (side, value) in [(left, one), (right, other)] {
            if !named(source, &value.deep_labels()) && !named(source, &side.made.context) {
                return Err(format!(
                    "call {}, {}: `{name}` is {} or {}, by what {source} answers, and does not name it",
                    side.place,
                    side.made.tool,
                    one.to_json(),
                    other.to_json()
                ));
            }
        }
    }
    Ok(count)
}

/// A call that the other run does not make names the source, unless that run ended before it.
fn only_here(one: &Placed<'_>, here: &Side<'_>, there: &Side<'_>, source: &Source) -> Result<usize, String> {
    let labels =
        one.made.arguments.values().fold(one.made.context.clone(), |all, value| all.union(&value.deep_labels()));
    if named(source, &labels) {
        return Ok(1);
    }
    if !there.is_whole && comes_after(one, here, there) {
        return Ok(0);
    }
    Err(format!("call {}, {}, is made or not by what {source} answers, and does not name it", one.place, one.made.tool))
}

/// Whether no later call of this side is one that the other made as well.
fn comes_after(one: &Placed<'_>, here: &Side<'_>, there: &Side<'_>) -> bool {
    let theirs: Vec<&Point> = there.calls.iter().map(|asked| &asked.point).collect();
    !here.calls.iter().skip(one.place + 1).any(|asked| theirs.contains(&&asked.point))
}

fn named(source: &Source, labels: &Labels) -> bool {
    labels.sources().any(|own| own == source)
}
