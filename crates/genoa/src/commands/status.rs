//! `status`: what runs, what waits, what can be undone.

use genoa_abi::Failure;
use genoa_abi::provider::ProviderUse;
use genoa_abi::session::{OutboxItem, OutboxState, Outgoing, SystemStatus};
use genoa_abi::view::ViewState;

use crate::context::Context;
use crate::models;
use crate::money::Money;
use crate::output::{BOLD, Ending, FAINT, styled, value, visible, visible_line};
use crate::providers;

/// Letters of a call in the list; the whole of it is in what `--json` gives.
const CALL_LETTERS: usize = 160;

/// Shows the system's state.
pub(crate) fn run(context: &Context) -> Result<Ending, Failure> {
    let status = context.status()?;
    value(context.format, &status, |status| {
        let mut lines = lines(status);
        // A model of this machine is nothing to be reminded of.
        let is_elsewhere = providers::chosen(&context.settings).is_ok_and(|remote| remote.is_some());
        let chosen = is_elsewhere
            .then(|| models::described(&context.home, &context.settings).unwrap_or_else(|failure| failure.to_string()));
        let asked: Vec<String> = chosen.into_iter().chain(models::described_by_rule(&context.settings)).collect();
        if !asked.is_empty() {
            lines.push(styled(BOLD, "Model"));
            lines.extend(asked.iter().map(|line| format!("  {line}")));
        }
        let used: Vec<String> = status.providers.iter().filter_map(used).map(|line| format!("  {line}")).collect();
        if !used.is_empty() {
            lines.push(styled(BOLD, "Providers, last 24 hours"));
            lines.extend(used);
        }
        lines
    });
    Ok(Ending::Done)
}

fn lines(status: &SystemStatus) -> Vec<String> {
    let mut lines = Vec::new();
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            lines.push(styled(BOLD, title));
            lines.extend(rows.into_iter().map(|row| format!("  {row}")));
        }
    };
    let agent =
        |agent: &genoa_abi::session::AgentInfo| format!("{} {} works on {}", agent.id, agent.name, agent.intention);
    section("Agents", status.agents.iter().map(agent).collect());
    let question =
        |question: &genoa_abi::session::Question| format!("{} {}", question.id, visible_line(&question.title));
    section("Questions for you", status.questions.iter().map(question).collect());
    let view = |view: &genoa_abi::view::ViewInfo| {
        let state = match view.state {
            ViewState::Open => "open: genoa diff, commit or drop",
            ViewState::Committed => "committed: genoa undo takes it back",
            ViewState::Dropped => "dropped",
            ViewState::Undone => "undone",
        };
        format!("{} {} {}", view.id, view.workspace.escape_debug(), styled(FAINT, state))
    };
    section("Views", status.views.iter().map(view).collect());
    let proposal = |proposal: &genoa_abi::session::Proposal| {
        format!("{} {}  {}", proposal.id, visible_line(&proposal.text), styled(FAINT, "genoa adopt does it"))
    };
    section("What texts ask for", status.proposals.iter().map(proposal).collect());
    section("Outbox", status.outbox.iter().map(outgoing).collect());
    if lines.is_empty() {
        lines.push("Nothing runs and nothing waits.".to_owned());
    }
    lines
}

/// What was used of a provider, as a line; nothing where there is nothing to tell.
fn used(provider: &ProviderUse) -> Option<String> {
    let is_limited = provider.tokens_per_day.is_some() || provider.spend_per_day.is_some();
    if !is_limited && provider.tokens + provider.tokens_set_aside == 0 {
        return None;
    }
    let of = |limit: Option<String>| limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let mut line = format!(
        "{} {}{} tokens",
        visible(&provider.provider),
        provider.tokens,
        of(provider.tokens_per_day.map(|limit| limit.to_string()))
    );
    if provider.spend_per_day.is_some() || provider.spent > 0 {
        let limit = provider.spend_per_day.map(|limit| Money(limit).to_string());
        line.push_str(&format!(", {}{} spent", Money(provider.spent), of(limit)));
    }
    if provider.tokens_set_aside > 0 {
        line.push_str(&format!("; {} tokens are set aside for what is under way", provider.tokens_set_aside));
    }
    Some(line)
}

/// Something in the outbox, as a line.
pub(crate) fn outgoing(item: &OutboxItem) -> String {
    let state = match item.state {
        OutboxState::Held => "held",
        OutboxState::Leaving => "leaving",
        OutboxState::Withdrawn => "withdrawn",
        OutboxState::Dropped => "not carried out",
        OutboxState::Failed => "failed, may have left",
        OutboxState::Sent => "sent",
    };
    let id = item.id;
    match &item.content {
        Outgoing::Mail(mail) => {
            format!("{id} {state}: “{}” to {}", visible(&mail.subject), visible(&mail.to.join(", ")))
        }
        Outgoing::Call(call) => format!("{id} {state}: {} ({})", called(&call.text), call.call),
    }
}

/// A call on one line: its tool, and its arguments.
fn called(text: &str) -> String {
    let mut lines = text.lines();
    let tool = lines.next().unwrap_or_default();
    let arguments: Vec<String> = lines.map(|line| visible_line(line.trim())).collect();
    let whole = format!("{tool} {}", arguments.join(", "));
    let mut letters = whole.trim_end().chars();
    let line: String = letters.by_ref().take(CALL_LETTERS).collect();
    if letters.next().is_some() { format!("{line}…") } else { line }
}
