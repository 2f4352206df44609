//! The prover: a question on standard input, its answer on standard output, both as JSON.

#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::process::ExitCode;

use genoa_abi::limits::PROOF_BYTES;
use genoa_abi::{ErrorCode, Failure};
use genoa_policy::ProofReport;

/// Conditions are as deep as rules nest, and what looks through them is recursive.
const STACK_BYTES: usize = 256 * 1024 * 1024;

fn main() -> ExitCode {
    let answer = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(answer).map(std::thread::JoinHandle::join);
    let answer = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Failure::new(ErrorCode::Internal, "the prover broke")),
        Err(error) => Err(Failure::new(ErrorCode::Internal, "the prover has no room").because(error)),
    };
    let text = serde_json::to_string(&answer).unwrap_or_default();
    let is_told = std::io::stdout().write_all(text.as_bytes()).is_ok();
    if is_told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn answer() -> Result<ProofReport, Failure> {
    let mut text = String::new();
    let cannot =
        |why: &dyn std::fmt::Display| Failure::new(ErrorCode::InvalidInput, "there is no question").because(why);
    std::io::stdin().take(PROOF_BYTES as u64).read_to_string(&mut text).map_err(|error| cannot(&error))?;
    let question = serde_json::from_str(&text).map_err(|error| cannot(&error))?;
    genoa_prove::prove(&question)
}
