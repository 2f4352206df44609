//! `adopt`: what a text of somebody else's asks for becomes the person's own intention.

use clap::Args;
use genoa_abi::session::Proposal;
use genoa_abi::{ErrorCode, Failure, ProposalId};

use crate::context::Context;
use crate::follow::{Asking, adopt, show_proposal};
use crate::output::{Ending, Format};

/// Which.
#[derive(Debug, Args)]
pub(crate) struct AdoptArguments {
    /// Which proposal (`p3`) [default: the only one that waits]
    proposal: Option<ProposalId>,
}

/// Does it, in the folder that it was read in.
pub(crate) fn run(context: &Context, arguments: &AdoptArguments) -> Result<Ending, Failure> {
    let proposal = find(context, arguments.proposal)?;
    if context.format == Format::Text {
        show_proposal(&proposal);
    }
    let mut session = context.session_in(std::path::Path::new(&proposal.workspace))?;
    adopt(&mut session, &proposal, context.format, Asking::from_terminal())
}

fn find(context: &Context, wanted: Option<ProposalId>) -> Result<Proposal, Failure> {
    let proposals = context.status()?.proposals;
    match (wanted, proposals.as_slice()) {
        (Some(id), _) => proposals.into_iter().find(|proposal| proposal.id == id).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("nothing called {id} waits to be adopted"))
                .because("it was adopted, is too old, or never was")
                .try_next("`genoa status` lists what waits")
        }),
        (None, [proposal]) => Ok(proposal.clone()),
        (None, []) => Err(Failure::new(ErrorCode::NotFound, "no text asks for anything that waits to be adopted")),
        (None, several) => Err(Failure::new(ErrorCode::Ambiguous, format!("{} wait to be adopted", several.len()))
            .try_next("Name one: `genoa status` lists them")),
    }
}
