//! The command line: one table of commands, and the dispatch to their files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;

use crate::commands;
use crate::context::Context;
use crate::output::{self, Ending, Format};
use crate::settings::Settings;

/// Lets an assistant work on your machine: what it may do is granted, what it does is shown first, and why anything
/// happened can be asked.
#[derive(Debug, Parser)]
#[command(name = "genoa", version, disable_help_subcommand = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 waits for your answer.")]
pub(crate) struct Cli {
    /// Write results as JSON, one value a line
    #[arg(long, global = true)]
    json: bool,
    /// The folder that the assistant works in [default: the current one]
    #[arg(long, short, global = true, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Take this date for today (for trying things out)
    #[arg(long, global = true, value_name = "DATE", hide_short_help = true)]
    today: Option<jiff::civil::Date>,
    #[command(subcommand)]
    command: Command,
}

/// The commands, in the order of the help page.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Get ready and open the conversation: fetches the model once, starts the daemon
    Up,
    /// Do one thing: "Prepare the slides for Thursday's meeting with Ada"
    Do(IntentionArguments),
    /// Talk: one intention after the other, answers inline
    Chat,
    /// What runs, what waits for you, what can be undone
    Status,
    /// What the assistant changed in its view and not yet in your folder
    Diff(ViewArguments),
    /// Put the changes into your folder
    Commit(ViewArguments),
    /// Throw the changes away
    Drop(ViewArguments),
    /// Take back the last commit, or a message that has not left
    Undo(commands::views::UndoArguments),
    /// Answer a question: yes to exactly what is shown, a choice, or words
    Approve(commands::questions::ApproveArguments),
    /// Answer a question with no
    Deny(commands::questions::DenyArguments),
    /// Do what a text asked for: it becomes your own intention
    Adopt(commands::adopt::AdoptArguments),
    /// Why did this happen? Of a file, a run, a message or a journal record
    Why(commands::journal::WhyArguments),
    /// The record of all that happened
    #[command(subcommand)]
    Journal(commands::journal::JournalCommand),
    /// A run once more out of the journal: it must come to the same; or live from one of its steps on
    Replay(commands::replay::ReplayArguments),
    /// Where two runs part
    Bisect(commands::replay::BisectArguments),
    /// Check, explain or run a plan of your own
    #[command(subcommand)]
    Plan(commands::plan::PlanCommand),
    /// Save a plan that worked, and do it again with other values
    #[command(subcommand)]
    Skill(commands::skill::SkillCommand),
    /// The rules on top of grants: list, check, explain, prove, simulate
    #[command(subcommand)]
    Policy(commands::policy::PolicyCommand),
    /// Who may do what, until when
    Grants(commands::grants::GrantsArguments),
    /// The agents and what they may use
    Agents,
    /// The tools: what they take, what they give, how far they reach
    Tools(commands::tools::ToolsArguments),
    /// The models, here and elsewhere: list, fetch, use, bench
    #[command(subcommand)]
    Model(commands::model::ModelCommand),
    /// Serve the model to programs of yours that speak the OpenAI protocol
    Gateway(commands::gateway::GatewayArguments),
    /// What this machine offers for jails, and what is refused without it
    Doctor,
    /// Write a folder with a made-up person's work, to try things on
    Sample(commands::sample::SampleArguments),
    /// Run evaluation cases and report, category by category
    Eval(commands::eval::EvalArguments),
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// One intention.
#[derive(Debug, Args)]
pub(crate) struct IntentionArguments {
    /// What you want, in your words
    #[arg(value_name = "INTENTION", required = true, num_args = 1..)]
    words: Vec<String>,
    /// The agent that shall do it [default: the one that fits]
    #[arg(long, short)]
    agent: Option<String>,
}

/// One view.
#[derive(Debug, Args)]
pub(crate) struct ViewArguments {
    /// Which view [default: the newest open one of this folder]
    pub(crate) view: Option<genoa_abi::ViewId>,
}

/// With less free than this, hardly anything can be written.
const FULL_BELOW_BYTES: u64 = 256 * 1024;

/// Reads the arguments and does what they say.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let format = if cli.json { Format::Json } else { Format::Text };
    match dispatch(cli, format) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            output::failure(format, &failure);
            Ending::of(&failure).into()
        }
    }
}

fn dispatch(cli: Cli, format: Format) -> Result<Ending, Failure> {
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "genoa", &mut std::io::stdout());
        return Ok(Ending::Done);
    }
    let home = Home::resolve(|name| std::env::var_os(name))?;
    let settings = Settings::load(&home)?;
    let context = Context { home, settings, format, named_workspace: cli.workspace, named_today: cli.today };
    act(&context, cli.command).map_err(|failure| explained(failure, &context.home))
}

/// A failure with the commonest reason behind it, where that is so: the daemon cannot write down why it ends, then.
fn explained(failure: Failure, home: &Home) -> Failure {
    let is_full = home.free_bytes().is_some_and(|free| free < FULL_BELOW_BYTES);
    let may_come_of_it =
        matches!(failure.code, ErrorCode::Internal | ErrorCode::Interrupted | ErrorCode::StorageFailed);
    if is_full && may_come_of_it {
        let disk = home.state().display();
        return failure
            .because(format!("the disk that holds {disk} is full"))
            .try_next("Free some space; what was going on goes on then, and nothing that was written down is lost");
    }
    failure
}

fn act(context: &Context, command: Command) -> Result<Ending, Failure> {
    match command {
        Command::Up => commands::chat::up(context),
        Command::Do(arguments) => commands::chat::once(context, &arguments.words.join(" "), arguments.agent.as_deref()),
        Command::Chat => commands::chat::chat(context),
        Command::Status => commands::status::run(context),
        Command::Diff(arguments) => commands::views::diff(context, arguments.view),
        Command::Commit(arguments) => commands::views::commit(context, arguments.view),
        Command::Drop(arguments) => commands::views::drop(context, arguments.view),
        Command::Undo(arguments) => commands::views::undo(context, &arguments),
        Command::Approve(arguments) => commands::questions::approve(context, &arguments),
        Command::Adopt(arguments) => commands::adopt::run(context, &arguments),
        Command::Deny(arguments) => commands::questions::deny(context, &arguments),
        Command::Why(arguments) => commands::journal::why(context, &arguments),
        Command::Journal(command) => commands::journal::run(context, &command),
        Command::Replay(arguments) => commands::replay::replay(context, &arguments),
        Command::Bisect(arguments) => commands::replay::bisect(context, &arguments),
        Command::Plan(command) => commands::plan::run(context, &command),
        Command::Skill(command) => commands::skill::run(context, &command),
        Command::Policy(command) => commands::policy::run(context, &command),
        Command::Grants(arguments) => commands::grants::run(context, &arguments),
        Command::Agents => commands::tools::agents(context),
        Command::Tools(arguments) => commands::tools::run(context, &arguments),
        Command::Model(command) => commands::model::run(context, command),
        Command::Doctor => commands::doctor::run(context),
        Command::Gateway(arguments) => commands::gateway::run(context, &arguments),
        Command::Sample(arguments) => commands::sample::run(context, &arguments),
        Command::Eval(arguments) => commands::eval::run(context, &arguments),
        // Answered before there was a context.
        Command::Completions { .. } => Ok(Ending::Done),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_table_of_commands_is_consistent() {
        Cli::command().debug_assert();
    }
}
