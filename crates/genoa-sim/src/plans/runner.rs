//! A plan carried out by the product, with answers that are known beforehand.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, Executor, ToolSchema, Yields};
use genoa_abi::tool::Clock;
use genoa_abi::{CallId, Labels, Readers, Source, Value};
use genoa_plan::{Plan, Run, Yield, not_found, value_from_json};
use serde_json::Value as Json;

/// A call that the product made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) tool: String,
    pub(super) arguments: BTreeMap<String, Value>,
    pub(super) context: Labels,
}

/// What came of a run: its calls, and its answer unless a step failed.
pub(super) struct Course {
    pub(super) calls: Vec<Made>,
    pub(super) answer: Option<Value>,
}

/// The call at this place of a run, as sources name it.
pub(super) fn id_of(place: usize) -> CallId {
    CallId(place as u64 + 1)
}

/// Who wrote what a tool answers, besides that the call did.
pub(super) fn writer(schema: &ToolSchema) -> Source {
    match schema.yields {
        Yields::Foreign => Source::Tool(schema.name.clone()),
        Yields::Machine => Source::Machine,
        Yields::Contacts => Source::Contacts,
    }
}

/// Carries a plan out. At every call the run is written and read again, as after a crash.
pub(super) fn carry_out(plan: Plan, catalog: &Catalog, answers: &[Json]) -> Result<Course, String> {
    let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
    let mut run = Run::new(plan);
    let mut calls: Vec<Made> = Vec::new();
    let mut answer = None;
    loop {
        let call = match run.advance(answer.take(), catalog, &clock) {
            Yield::Ended(value) => return Ok(Course { calls, answer: Some(value) }),
            Yield::Failed(failure) if failure.code == genoa_abi::ErrorCode::Internal => {
                return Err(format!("a defect: {failure}"));
            }
            Yield::Failed(_) => return Ok(Course { calls, answer: None }),
            Yield::Call(call) => call,
        };
        let schema = catalog.tools.get(&call.tool).ok_or_else(|| format!("{} is no tool", call.tool))?;
        run = read_again(&run)?;
        let given = |name: &String| call.arguments.get(name).is_some_and(|value| value.datum != genoa_abi::Datum::None);
        if let Some(missing) = schema.parameters.iter().find(|one| one.required && !given(&one.name)) {
            // As the kernel does it: the call is not made.
            answer = Some(Err(not_found(&missing.name)));
            continue;
        }
        let place = calls.len();
        calls.push(Made { tool: call.tool, arguments: call.arguments, context: call.context });
        let Some(json) = answers.get(place) else { return Ok(Course { calls, answer: None }) };
        answer = Some(labelled(schema, json, catalog, place));
    }
}

fn read_again(run: &Run) -> Result<Run, String> {
    let written = serde_json::to_string(run).map_err(|error| format!("a run has no JSON: {error}"))?;
    let read: Run = serde_json::from_str(&written).map_err(|error| format!("a run cannot be read: {error}"))?;
    if read == *run { Ok(read) } else { Err("a run is not the same after it was written and read".into()) }
}

fn labelled(schema: &ToolSchema, json: &Json, catalog: &Catalog, place: usize) -> Result<Value, genoa_abi::Failure> {
    let labels = match schema.executor {
        Executor::Kernel => Labels::none(),
        _ => [Source::Call(id_of(place)), writer(schema)]
            .into_iter()
            .collect::<Labels>()
            .for_readers(Readers::nobody_else()),
    };
    value_from_json(&schema.returns, json, catalog, &labels)
}
