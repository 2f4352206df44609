//! One random plan, tried in every way.

use genoa_abi::schema::{Catalog, Type};
use genoa_plan::{Checked, check};
use serde_json::Value as Json;

use crate::random::Random;

use super::agreement::{self, Excess};
use super::answers::Answers;
use super::generator::random_program;
use super::interference::{self, Flows, Side};
use super::oracle::{Asked, End, interpret};
use super::programs::Program;
use super::runner::{Course, carry_out};
use super::tools::catalog;

/// Changed answers that one plan is tried with.
const CHANGES: usize = 3;

/// What became of some plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanReport {
    /// Plans that the check refused, which it should not.
    pub rejected: usize,
    /// What it said of the last of them.
    pub reason: String,
    /// Plans that came to their end.
    pub done: usize,
    /// Plans that ended early, because data did not go with them.
    pub failed: usize,
    /// Calls that were made, and compared.
    pub calls: usize,
    /// Pairs of runs with another answer.
    pub changes: usize,
    /// What was different then.
    pub flows: Flows,
    /// What is labelled more than it must be.
    pub excess: Excess,
}

/// A run by the oracle and by the product.
struct Both {
    calls: Vec<Asked>,
    end: End,
    course: Course,
}

impl Both {
    fn side(&self) -> Side<'_> {
        Side { course: &self.course, calls: &self.calls, is_whole: matches!(self.end, End::Done(_)) }
    }
}

/// Makes the plan of a seed, holds the product against the oracle, and the product against itself with other answers.
///
/// # Errors
/// What is wrong, with the plan.
pub fn try_plan(seed: u64, report: &mut PlanReport) -> Result<(), String> {
    let catalog = catalog();
    let mut random = Random::new(seed);
    let program = random_program(&mut random, &catalog);
    let source = program.to_string();
    let tried = tried(&program, &source, &catalog, &mut random, report);
    tried.map_err(|wrong| format!("{wrong}\n{source}"))
}

fn tried(
    program: &Program,
    source: &str,
    catalog: &Catalog,
    random: &mut Random,
    report: &mut PlanReport,
) -> Result<(), String> {
    let checked = match check(source, catalog, "") {
        Ok(checked) => checked,
        Err(findings) => {
            report.rejected += 1;
            report.reason = format!("{findings:?}\n{source}");
            return Ok(());
        }
    };
    let answers = Answers { seed: random.next(), changed: None };
    let first = both(program, &checked, catalog, &answers, &mut report.excess)?;
    report.calls += first.calls.len();
    match first.end {
        End::Done(_) => report.done += 1,
        _ => report.failed += 1,
    }
    let tells = |asked: &Asked| catalog.tools.get(&asked.tool).is_some_and(|tool| tool.returns != Type::None);
    let telling: Vec<usize> = (0..first.calls.len()).filter(|place| tells(&first.calls[*place])).collect();
    for _ in 0..CHANGES {
        let Some(place) = random.pick(&telling).copied() else { return Ok(()) };
        let asked = &first.calls[place];
        let changed = Answers { changed: Some(asked.point.clone()), ..answers.clone() };
        let second = both(program, &checked, catalog, &changed, &mut report.excess)?;
        let flows = interference::flows(&first.side(), &second.side(), place)?;
        report.changes += 1;
        report.flows.arguments += flows.arguments;
        report.flows.calls += flows.calls;
    }
    Ok(())
}

/// Carries a plan out twice: by the oracle, and with the same answers by the product.
fn both(
    program: &Program,
    checked: &Checked,
    catalog: &Catalog,
    answers: &Answers,
    excess: &mut Excess,
) -> Result<Both, String> {
    let mut given: Vec<Json> = Vec::new();
    let (calls, end) = interpret(program, catalog, &mut |_, asked| {
        let answer = answers.to(asked, catalog);
        given.push(answer.clone());
        Some(answer)
    });
    let course = carry_out(checked.plan.clone(), catalog, &given)?;
    agreement::compare(&course, &calls, &end, catalog, excess)?;
    Ok(Both { calls, end, course })
}
