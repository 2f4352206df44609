//! `diff`, `commit`, `drop`, `undo`: what happens to the changes in a view.

use clap::Args;
use genoa_abi::syscall::{Reply, Syscall, UndoSubject};
use genoa_abi::view::{ViewAction, ViewReport};
use genoa_abi::{CallId, ErrorCode, Failure, OutboxId, ViewId};

use crate::connect::unexpected;
use crate::context::Context;
use crate::follow::{call_asking, changes};
use crate::output::{BOLD, Ending, styled, value};

/// What to take back.
#[derive(Debug, Args)]
pub(crate) struct UndoArguments {
    /// A view (`v3`), a message or call in the outbox (`o2`) or a call whose tool can take it back (`c7`) [default: the last
    /// commit of this folder]
    subject: Option<String>,
}

/// Shows the changes.
pub(crate) fn diff(context: &Context, view: Option<ViewId>) -> Result<Ending, Failure> {
    match context.session()?.client.call(&Syscall::Diff { view })? {
        Reply::Difference(difference) => {
            value(context.format, &difference, |difference| {
                if difference.changes.is_empty() {
                    return vec!["Nothing was changed.".to_owned()];
                }
                let mut lines = vec![styled(BOLD, difference)];
                lines.extend(changes(difference));
                lines
            });
            Ok(Ending::Done)
        }
        other => Err(unexpected(&other)),
    }
}

/// Puts the changes into the folder.
pub(crate) fn commit(context: &Context, view: Option<ViewId>) -> Result<Ending, Failure> {
    act(context, &Syscall::Commit { view })
}

/// Throws the changes away.
pub(crate) fn drop(context: &Context, view: Option<ViewId>) -> Result<Ending, Failure> {
    act(context, &Syscall::Drop { view })
}

/// Takes something back.
pub(crate) fn undo(context: &Context, arguments: &UndoArguments) -> Result<Ending, Failure> {
    let subject = match arguments.subject.as_deref() {
        None => None,
        Some(text) if text.starts_with('o') => Some(UndoSubject::Outbox(parse::<OutboxId>(text)?)),
        Some(text) if text.starts_with('c') => Some(UndoSubject::Call(parse::<CallId>(text)?)),
        Some(text) => Some(UndoSubject::View(parse::<ViewId>(text)?)),
    };
    act(context, &Syscall::Undo { subject })
}

/// Takes the last commit back.
pub(crate) fn undo_last(context: &Context) -> Result<Ending, Failure> {
    act(context, &Syscall::Undo { subject: None })
}

fn parse<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: String| Failure::new(ErrorCode::InvalidInput, error))
}

fn act(context: &Context, syscall: &Syscall) -> Result<Ending, Failure> {
    match call_asking(&mut context.session()?, syscall)? {
        Reply::View(report) => value(context.format, &report, lines),
        Reply::Result(result) => value(context.format, &result, |_| vec!["Taken back.".to_owned()]),
        Reply::Done => value(context.format, &"done", |_| vec!["Taken back.".to_owned()]),
        other => return Err(unexpected(&other)),
    }
    Ok(Ending::Done)
}

fn lines(report: &ViewReport) -> Vec<String> {
    let what = match report.action {
        ViewAction::Diff => "Changes",
        ViewAction::Commit => "Committed; genoa undo takes it back",
        ViewAction::Drop => "Dropped",
        ViewAction::Undo => "Taken back",
    };
    let mut lines = vec![styled(BOLD, format!("{what}: {}", report.difference))];
    lines.extend(changes(&report.difference));
    lines
}
