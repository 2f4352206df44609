//! A question, answered.

use genoa_abi::Failure;
use genoa_policy::{ClaimKind, ProofQuestion, ProofReport, Wanted};

use crate::claims::{at_least, change, sound};
use crate::prover::Prover;

/// Proves what is wanted, or finds a call that shows that it is not so.
///
/// # Errors
/// Rules that do not hold, and a solver that cannot be asked.
pub fn prove(question: &ProofQuestion) -> Result<ProofReport, Failure> {
    let mut prover = Prover::new(question)?;
    let report = match &question.wanted {
        Wanted::Sound => sound(&mut prover),
        Wanted::Change(file) => change(&mut prover, file),
        Wanted::Refused(file) => at_least(&mut prover, file, ClaimKind::Refused),
        Wanted::RefusedOrAsked(file) => at_least(&mut prover, file, ClaimKind::RefusedOrAsked),
    };
    Ok(ProofReport { asked: prover.asked(), ..report? })
}
