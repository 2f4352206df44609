//! `grants`: who may do what, until when; and taking it back.

use clap::Args;
use genoa_abi::grant::GrantInfo;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{Failure, GrantId};

use crate::connect::unexpected;
use crate::context::Context;
use crate::output::{BAD, BOLD, Ending, FAINT, styled, value, visible_line};

/// What to do with grants.
#[derive(Debug, Args)]
pub(crate) struct GrantsArguments {
    /// Take this grant back, and all that were narrowed from it
    #[arg(long, value_name = "GRANT")]
    revoke: Option<GrantId>,
}

/// Lists the grants, or revokes one.
pub(crate) fn run(context: &Context, arguments: &GrantsArguments) -> Result<Ending, Failure> {
    let mut session = context.session()?;
    if let Some(grant) = arguments.revoke {
        let reply = session.client.call(&Syscall::Revoke { grant })?;
        let Reply::Revoked(_) = &reply else { return Err(unexpected(&reply)) };
        value(context.format, &reply, |_| vec![format!("{grant} and what was narrowed from it are revoked.")]);
        return Ok(Ending::Done);
    }
    match session.client.call(&Syscall::Grants {})? {
        Reply::Grants(grants) => {
            value(context.format, &grants, |grants| grants.iter().flat_map(lines).collect());
            Ok(Ending::Done)
        }
        other => Err(unexpected(&other)),
    }
}

fn lines(grant: &GrantInfo) -> Vec<String> {
    let parent = grant.parent.map(|parent| format!(", narrowed from {parent}")).unwrap_or_default();
    let state = if grant.revoked { styled(BAD, " revoked") } else { String::new() };
    let expires = jiff::Timestamp::from_millisecond(grant.expires.0).map(|time| time.to_string()).unwrap_or_default();
    let mut lines = vec![
        format!("{} held by {}{parent}{state}", styled(BOLD, grant.id), grant.holder),
        styled(
            FAINT,
            format!(
                "  until {expires}; {} of {} calls, {} of {} tokens used",
                grant.spent.calls, grant.budget.calls, grant.spent.tokens, grant.budget.tokens
            ),
        ),
    ];
    let thought = &grant.thought;
    if thought.prompt_tokens > 0 {
        lines.push(styled(
            FAINT,
            format!(
                "  model: {} tokens in, {} of them at hand; {} out, {} of them forced, {} copied; {:.1} s of processor",
                thought.prompt_tokens,
                thought.cached_tokens,
                thought.written_tokens,
                thought.forced_tokens,
                thought.copied_tokens,
                f64::from(thought.cpu_ms) / 1000.0
            ),
        ));
    }
    lines.extend(grant.rights.iter().map(|right| format!("  {}", visible_line(&right.to_string()))));
    lines
}
