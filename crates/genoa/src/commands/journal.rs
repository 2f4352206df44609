//! `journal` and `why`: the record of all that happened.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};
use genoa_abi::record::{RecordLine, WhyNode};
use genoa_abi::syscall::{Reply, Syscall, WhySubject};
use genoa_abi::{ErrorCode, Failure};

use crate::connect::unexpected;
use crate::context::Context;
use crate::output::{BAD, BOLD, Ending, FAINT, GOOD, styled, value, visible_line};

/// What to ask about.
#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// A file, a run (`r2`), a message or call in the outbox (`o1`), or a record (`#120`)
    subject: String,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Check the whole chain: every record, every content, every signed checkpoint
    Verify,
    /// The last records
    Tail {
        /// How many
        #[arg(long, short, default_value_t = 20)]
        count: u32,
    },
    /// All records as JSON lines, which others can check
    Export {
        /// The file to write [default: standard output]
        file: Option<std::path::PathBuf>,
    },
}

/// Looks at the journal. Checking and exporting read the file itself, so that they work without a daemon.
pub(crate) fn run(context: &Context, command: &JournalCommand) -> Result<Ending, Failure> {
    match command {
        JournalCommand::Verify => verify(context),
        JournalCommand::Tail { count } => tail(context, *count),
        JournalCommand::Export { file } => export(context, file.as_deref()),
    }
}

fn reader(context: &Context) -> Result<genoa_journal::JournalReader, Failure> {
    genoa_journal::JournalReader::open(&context.home.journal(), &context.home.keys())
}

fn verify(context: &Context) -> Result<Ending, Failure> {
    let report = reader(context)?.verify()?;
    let sound = report.first_break.is_none();
    value(context.format, &report, |report| match &report.first_break {
        None => vec![format!(
            "{} {} records, {} of them signed: the chain is whole.",
            styled(GOOD, "✓"),
            report.records,
            report.signed_records
        )],
        Some(found) => vec![
            styled(BAD, "The journal is damaged, or somebody changed it."),
            format!("  from record #{} on: {}", found.seq, found.text),
        ],
    });
    Ok(if sound { Ending::Done } else { Ending::Failed })
}

fn tail(context: &Context, count: u32) -> Result<Ending, Failure> {
    match context.session()?.client.call(&Syscall::Journal { from: None, count })? {
        Reply::Records(records) => {
            value(context.format, &records, |records| records.iter().map(record_line).collect());
            Ok(Ending::Done)
        }
        other => Err(unexpected(&other)),
    }
}

fn record_line(record: &RecordLine) -> String {
    let time = jiff::Timestamp::from_millisecond(record.time.0).map(|time| time.to_string()).unwrap_or_default();
    let body = record.body.as_ref().map_or_else(|| "(destroyed)".to_owned(), ToString::to_string);
    let body: String = visible_line(&body).chars().take(100).collect();
    format!(
        "{} {} {} {}",
        styled(BOLD, format!("#{}", record.seq)),
        styled(FAINT, time),
        record.kind,
        styled(FAINT, body)
    )
}

fn export(context: &Context, file: Option<&Path>) -> Result<Ending, Failure> {
    let journal = reader(context)?;
    let fail =
        |error: std::io::Error| Failure::new(ErrorCode::StorageFailed, "the export cannot be written").because(error);
    match file {
        None => journal.export(&mut std::io::stdout().lock())?,
        Some(path) => {
            let mut output = std::io::BufWriter::new(std::fs::File::create_new(path).map_err(fail)?);
            journal.export(&mut output)?;
            output.flush().map_err(fail)?;
        }
    };
    Ok(Ending::Done)
}

/// Answers why something happened.
pub(crate) fn why(context: &Context, arguments: &WhyArguments) -> Result<Ending, Failure> {
    let text = arguments.subject.as_str();
    let number = |prefix: char| text.strip_prefix(prefix).and_then(|rest| rest.parse::<u64>().ok());
    if let Some(seq) = number('#') {
        return ask(context, WhySubject::Record(seq));
    }
    if let Some(run) = number('r') {
        return ask(context, WhySubject::Run(genoa_abi::RunId(run)));
    }
    if let Some(item) = number('o') {
        return ask(context, WhySubject::Outbox(genoa_abi::OutboxId(item)));
    }
    why_file(context, text)
}

/// Answers why a file is as it is.
pub(crate) fn why_file(context: &Context, file: &str) -> Result<Ending, Failure> {
    let path = context.workspace()?.join(file);
    // The folder may be reached through a link; the journal knows its real name.
    let parent = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    let path = parent.zip(path.file_name()).map_or(path.clone(), |(parent, name)| parent.join(name));
    ask(context, WhySubject::File(path.to_string_lossy().into_owned()))
}

fn ask(context: &Context, subject: WhySubject) -> Result<Ending, Failure> {
    match context.session()?.client.call(&Syscall::Why { subject })? {
        Reply::Why(node) => {
            value(context.format, &node, |node| {
                // The names of files are in it, and these may hold anything.
                let mut lines = vec![styled(BOLD, visible_line(&node.text))];
                tree(&node.causes, "", &mut lines);
                lines
            });
            Ok(Ending::Done)
        }
        other => Err(unexpected(&other)),
    }
}

fn tree(nodes: &[WhyNode], indent: &str, lines: &mut Vec<String>) {
    for (place, node) in nodes.iter().enumerate() {
        let last = place + 1 == nodes.len();
        let record = node.seq.map(|seq| styled(FAINT, format!(" #{seq}"))).unwrap_or_default();
        lines.push(format!("{indent}{} {}{record}", if last { "└─" } else { "├─" }, visible_line(&node.text)));
        tree(&node.causes, &format!("{indent}{}", if last { "   " } else { "│  " }), lines);
    }
}
