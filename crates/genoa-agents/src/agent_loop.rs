//! The loop: assignment, plan, report; at most a few questions and repairs.

use genoa_abi::agent::{Assignment, PlanOutcome, PlanReport};
use genoa_abi::limits::{PLAN_QUESTIONS, PLAN_REPAIRS};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;

use crate::filling::fill;
use crate::planner::{PlannerOptions, write_plan};

/// Works on one assignment: plans, submits, and plans again where the check found something.
///
/// # Errors
/// The first syscall that failed for a reason a better plan cannot mend.
pub fn run(client: &mut Client, options: PlannerOptions) -> Result<(), Failure> {
    let mut assignment = receive(client)?;
    let mut rejected = Vec::new();
    for _ in 0..=PLAN_REPAIRS + PLAN_QUESTIONS {
        // A saved plan needs no planning, only its values; where they cannot be told, it is planned like anything else.
        let saved = assignment.skill.take().map(|skill| fill(client, &assignment, &skill)).transpose()?.flatten();
        let source = match saved {
            Some(source) => source,
            None => write_plan(client, &assignment, &rejected, options)?,
        };
        match submit(client, source.clone())?.outcome {
            PlanOutcome::Rejected { findings } => rejected.push((source, findings)),
            PlanOutcome::Answered { question, answer } => {
                assignment.text = format!("{}\n{question} {answer}", assignment.text);
            }
            PlanOutcome::Done | PlanOutcome::Refused | PlanOutcome::Failed { .. } => return Ok(()),
        }
    }
    Ok(())
}

fn receive(client: &mut Client) -> Result<Assignment, Failure> {
    match client.call(&Syscall::Receive {})? {
        Reply::Message(message) => serde_json::from_value(message).map_err(|error| {
            Failure::new(ErrorCode::Internal, "the first message is not an assignment").because(error)
        }),
        other => Err(unexpected(&other)),
    }
}

fn submit(client: &mut Client, source: String) -> Result<PlanReport, Failure> {
    match client.call(&Syscall::Plan { source })? {
        Reply::Plan(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}

pub(crate) fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the daemon gave an answer of the wrong kind: {reply:?}"))
}
