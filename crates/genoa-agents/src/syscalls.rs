//! The syscalls that an agent makes, and the answer that each of them has.

use genoa_abi::agent::{Assignment, PlanReport};
use genoa_abi::model::{InferReply, InferRequest};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;

/// What the agent is to work on.
pub(crate) fn receive(client: &mut Client) -> Result<Assignment, Failure> {
    match client.call(&Syscall::Receive {})? {
        Reply::Message(message) => serde_json::from_value(message).map_err(|error| {
            Failure::new(ErrorCode::Internal, "the first message is not an assignment").because(error)
        }),
        other => Err(unexpected(&other)),
    }
}

/// Has a plan checked and run.
pub(crate) fn submit(client: &mut Client, source: String) -> Result<PlanReport, Failure> {
    match client.call(&Syscall::Plan { source })? {
        Reply::Plan(report) => Ok(report),
        other => Err(unexpected(&other)),
    }
}

/// Asks the model.
pub(crate) fn infer(client: &mut Client, request: InferRequest) -> Result<InferReply, Failure> {
    match client.call(&Syscall::Infer(request))? {
        Reply::Text(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the daemon gave an answer of the wrong kind: {reply:?}"))
}
