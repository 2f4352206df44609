//! How the command line speaks: data on standard output, everything about it on standard error.

use anstyle::{AnsiColor, Style};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::json;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Emphasis.
pub(crate) const BOLD: Style = Style::new().bold();
/// What matters less.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What went well, what is new.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What went wrong, what is gone.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What needs a look.
pub(crate) const CARE: Style = AnsiColor::Yellow.on_default();

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON value a line.
    Json,
}

/// How a command ended, beyond plain success: the process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was done.
    Done,
    /// It was refused, by policy or by the assistant.
    Refused,
    /// It waits for an answer.
    Asked,
    /// It failed.
    Failed,
}

impl From<Ending> for ExitCode {
    /// The documented exit statuses: 0 done, 1 failed, 3 refused, 4 waits for an answer; 2 is clap's, for bad usage.
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::Refused => 3,
            Ending::Asked => 4,
        })
    }
}

impl Ending {
    /// The ending that a failure means.
    pub(crate) fn of(failure: &Failure) -> Self {
        match failure.code {
            ErrorCode::NotGranted | ErrorCode::Denied | ErrorCode::Revoked | ErrorCode::Expired => Self::Refused,
            ErrorCode::Ambiguous => Self::Asked,
            _ => Self::Failed,
        }
    }
}

/// `text` in a style; the style is dropped where the output is not a terminal.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Foreign text as it can be shown: what would steer the terminal is spelled out. Line ends of both kinds stay.
pub(crate) fn visible(text: &str) -> String {
    let shown = |letter: char| if matches!(letter, '\n' | '\t') { letter.to_string() } else { spelled(letter) };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// As [`visible`], for what has one line only: a second one would look like our own words.
pub(crate) fn visible_line(text: &str) -> String {
    text.chars().map(spelled).collect()
}

/// Control characters, and those that show what follows in another order, as they are written in a plan.
fn spelled(letter: char) -> String {
    let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if turns || letter.is_control() { letter.escape_debug().to_string() } else { letter.to_string() }
}

/// One line of data.
pub(crate) fn line(text: impl Display) {
    // A reader that has gone away (`| head`) is no failure of ours.
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// One line about what is going on.
pub(crate) fn remark(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A value: as JSON, or as the lines that `text` makes of it.
pub(crate) fn value<T: Serialize>(format: Format, value: &T, text: impl FnOnce(&T) -> Vec<String>) {
    match format {
        Format::Json => line(serde_json::to_string(value).unwrap_or_default()),
        Format::Text => text(value).iter().for_each(line),
    }
}

/// A failure: what happened, why, and what to do next.
pub(crate) fn failure(format: Format, failure: &Failure) {
    if format == Format::Json {
        line(json!({ "error": failure }));
        return;
    }
    // A failure may quote what was read, or a server's words.
    remark(format!("{}: {}", styled(BAD, "error"), visible(&failure.what)));
    if !failure.why.is_empty() {
        remark(format!("  because {}", visible(&failure.why)));
    }
    if !failure.next.is_empty() {
        remark(format!("  {} {}", styled(CARE, "→"), visible(&failure.next)));
    }
}

/// A size for people: `3.4 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["bytes", "KB", "MB", "GB", "TB"];
    let mut whole = count;
    let mut tenths = 0;
    let mut unit = 0;
    while whole >= 1000 && unit + 1 < units.len() {
        tenths = (whole % 1000) / 100;
        whole /= 1000;
        unit += 1;
    }
    if unit == 0 { format!("{whole} bytes") } else { format!("{whole}.{tenths} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::{bytes, visible, visible_line};

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(visible("one\r\ntwo"), "one\ntwo");
        assert_eq!(visible("a\nb\tc \u{1b}[2J\u{9b}x\r"), "a\nb\tc \\u{1b}[2J\\u{9b}x\\r");
        assert_eq!(visible("pay \u{202e}001\u{202c} kr"), "pay \\u{202e}001\\u{202c} kr");
        assert_eq!(visible("שלום\u{200f}, hello"), "שלום\u{200f}, hello");
        assert_eq!(visible_line("a\n+ b\tc\u{7f}"), "a\\n+ b\\tc\\u{7f}");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(3_450), "3.4 KB");
        assert_eq!(bytes(1_117_320_768), "1.1 GB");
    }
}
