//! The loop: assignment, plan, report; at most a few questions, repairs and second tries.

use genoa_abi::Failure;
use genoa_abi::agent::{Assignment, PlanOutcome};
use genoa_abi::limits::{PLAN_QUESTIONS, PLAN_REPAIRS, PLAN_RETRIES};
use genoa_abi::syscall::Syscall;
use genoa_client::Client;
use genoa_plan::{Loosening, Said, with_answer};

use crate::attempt::Attempt;
use crate::filling::fill;
use crate::planner::{PlannerOptions, write_plan};
use crate::syscalls::{receive, submit};
use crate::window::{fit_functions, told};

/// Works on one assignment: plans, submits, and plans again where the check found something.
///
/// # Errors
/// The first syscall that failed for a reason a better plan cannot mend.
pub fn run(client: &mut Client, options: PlannerOptions) -> Result<(), Failure> {
    let mut assignment = receive(client)?;
    let mut left_out = Vec::new();
    let mut attempts: Vec<Attempt> = Vec::new();
    for _ in 0..=PLAN_REPAIRS + PLAN_QUESTIONS + PLAN_RETRIES {
        let source = next_plan(client, (&mut assignment, &mut left_out), &attempts, options)?;
        let report = submit(client, source.clone())?;
        match report.outcome {
            PlanOutcome::Rejected { findings } => attempts.push(Attempt::rejected(source, &findings)),
            PlanOutcome::FoundNothing { line } => attempts.push(Attempt::found_nothing(source, line, &report.shapes)),
            PlanOutcome::NotAccepted { line } => attempts.push(Attempt::not_accepted(source, line)),
            PlanOutcome::Answered { question, answer } => {
                assignment.text = with_answer(&assignment.text, &question, &answer);
            }
            PlanOutcome::Done | PlanOutcome::Refused | PlanOutcome::Failed { .. } => return Ok(()),
        }
    }
    Ok(())
}

/// The next plan to try: the values of a saved one, where one serves and its values can be told; the last one with a
/// looser search, where that found nothing; or a new one.
fn next_plan(
    client: &mut Client,
    (assignment, left_out): (&mut Assignment, &mut Vec<String>),
    attempts: &[Attempt],
    options: PlannerOptions,
) -> Result<String, Failure> {
    if let Some(skill) = assignment.skill.take()
        && let Some(source) = fill(client, assignment, &skill)?
    {
        return Ok(source);
    }
    let asks = Said::in_intention(&assignment.text).is_question();
    let loosening = if asks { Loosening::KeepTimes } else { Loosening::Everything };
    if let Some(looser) = attempts.last().and_then(|last| last.loosened(&assignment.catalog, loosening)) {
        return Ok(looser);
    }
    left_out.extend(fit(client, assignment)?);
    let plan = write_plan(client, (assignment, left_out), attempts, options)?;
    // Where nothing else comes to mind, the earlier plan says why it failed.
    let is_empty = plan.trim().is_empty();
    Ok(attempts.last().filter(|_| is_empty).map_or(plan, |last| last.plan.clone()))
}

/// Leaves out the functions that the model has no room for, and tells the person; gives their names. A saved plan needs none of this.
fn fit(client: &mut Client, assignment: &mut Assignment) -> Result<Vec<String>, Failure> {
    let left_out = fit_functions(assignment);
    if !left_out.is_empty() {
        client.call(&Syscall::Notify { text: told(&left_out, assignment.catalog.tools.len()) })?;
    }
    Ok(left_out)
}
