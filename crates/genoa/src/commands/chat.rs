//! `up`, `do` and `chat`: intentions, once or one after the other.

use genoa_abi::{ErrorCode, Failure};
use rustyline::error::ReadlineError;

use crate::commands::model;
use crate::connect::Session;
use crate::context::Context;
use crate::follow::{Asking, intend};
use crate::output::{self, BOLD, Ending, FAINT, Format, remark, styled, visible_line};

const HELP: &str = "\
Say what you want, in your words. Besides:
  /diff  /commit  /drop  /undo     what was changed: look, make real, throw away, take back
  /why FILE                        why is this here?
  /status                          what runs and what waits
  /help  /quit";

/// Gets ready and opens the conversation; without a terminal it only gets ready.
pub(crate) fn up(context: &Context) -> Result<Ending, Failure> {
    context.home.create()?;
    model::ensure_default(context)?;
    if Asking::from_terminal() == Asking::Leave || context.format == Format::Json {
        crate::connect::connect_or_start(&context.home)?;
        remark(format!("Genoa is up. Its home is {}", context.home.state().display()));
        return Ok(Ending::Done);
    }
    chat(context)
}

/// Does one thing.
pub(crate) fn once(context: &Context, text: &str, agent: Option<&str>) -> Result<Ending, Failure> {
    context.home.create()?;
    model::ensure_default(context)?;
    let mut session = context.session()?;
    intend(&mut session, text, agent, context.format, Asking::from_terminal())
}

/// Talks until the person leaves.
pub(crate) fn chat(context: &Context) -> Result<Ending, Failure> {
    let folder = context.workspace()?;
    let mut session = context.session()?;
    let mut editor = rustyline::DefaultEditor::new().map_err(|error| unusable(&error))?;
    let history = context.home.state().join("history");
    // The first conversation has none.
    let _ = editor.load_history(&history);
    remark(format!("{} in {}", styled(BOLD, "Genoa"), visible_line(&folder.to_string_lossy())));
    remark(styled(FAINT, "Say what you want. /help for more, /quit or Ctrl-D to leave."));
    loop {
        match editor.readline("› ") {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => {
                // A history that cannot be written is not worth an interruption.
                let _ = editor.add_history_entry(text.trim());
                let _ = editor.save_history(&history);
                if text.trim() == "/quit" {
                    return Ok(Ending::Done);
                }
                if let Err(failure) = turn(context, &mut session, text.trim()) {
                    output::failure(context.format, &failure);
                    if failure.code == ErrorCode::Interrupted {
                        session = context.session()?;
                    }
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(Ending::Done),
            Err(error) => return Err(unusable(&error)),
        }
    }
}

fn turn(context: &Context, session: &mut Session, text: &str) -> Result<(), Failure> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("/help", _) => remark(HELP),
        ("/diff", _) => drop(crate::commands::views::diff(context, None)?),
        ("/commit", _) => drop(crate::commands::views::commit(context, None)?),
        ("/drop", _) => drop(crate::commands::views::drop(context, None)?),
        ("/undo", _) => drop(crate::commands::views::undo_last(context)?),
        ("/status", _) => drop(crate::commands::status::run(context)?),
        ("/why", file) => drop(crate::commands::journal::why_file(context, file)?),
        (command, _) if command.starts_with('/') => {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("there is no command {command}"))
                .try_next("/help lists them"));
        }
        _ => drop(intend(session, text, None, context.format, Asking::Inline)?),
    }
    Ok(())
}

fn unusable(error: &ReadlineError) -> Failure {
    Failure::new(ErrorCode::Unsupported, "the terminal cannot be used for a conversation")
        .because(error)
        .try_next("Use `genoa do \"…\"` for one intention")
}
