//! What the host's logs say: the journal of systemd, or the files in `/var/log`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use genoa_abi::limits::{READ_BYTES, SEARCH_MATCHES};
use genoa_abi::schema::{EffectClass, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;
use serde_json::Value as Json;

use crate::program::{ProgramLimits, program, run_well};
use crate::text::{one_line, shorten};
use crate::time::{self, Span};
use crate::tool::{Call, Tool, answer, record, schema};

/// Lines of the journal that are searched, the last ones.
const JOURNAL_LINES: &str = "20000";
/// What is taken of the journal's answer.
const JOURNAL_BYTES: usize = 32 * 1024 * 1024;
/// Log files that are looked at.
const FILES: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct LogLine {
    time: String,
    unit: String,
    text: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut line = record(
        "LogLine",
        &[("time", "str", "when, as far as it is known"), ("unit", "str", "who said it"), ("text", "str", "what")],
    );
    line.title = Some("text".into());
    vec![line]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { host: true, programs: true, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "logs.find",
            "Lines of the system's logs, the newest last.",
            EffectClass::Observe,
            needs,
            "list[LogLine]",
        )
        .optional("about", "str", "words that the line holds")
        .optional("unit", "str", "the service or program")
        .topic()
        .optional("when", "time", "from when")
        .phrase("Search the logs of {unit} for {about} {when}"),
        run: find,
    }]
}

struct Wanted {
    words: Vec<String>,
    unit: String,
    span: Option<Span>,
    zone: TimeZone,
    now: Zoned,
}

impl Wanted {
    /// Every word of `about` is wanted as a part of a line, in any case, at any time.
    fn new(about: &str, unit: &str, now: Zoned) -> Self {
        Self {
            words: about.to_lowercase().split_whitespace().map(str::to_owned).collect(),
            unit: unit.trim().to_lowercase().trim_end_matches(".service").to_owned(),
            span: None,
            zone: TimeZone::UTC,
            now,
        }
    }

    fn fits(&self, time: Option<Timestamp>, line: &LogLine) -> bool {
        let (text, unit) = (line.text.to_lowercase(), line.unit.to_lowercase());
        self.words.iter().all(|word| text.contains(word) || unit.contains(word))
            && (self.unit.is_empty() || unit.contains(&self.unit))
            && self.span.is_none_or(|span| time.is_some_and(|time| span.touches(time, time)))
    }
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let wanted = Wanted {
        span: Span::argument(call, "when")?,
        zone: time::zone(call),
        ..Wanted::new(&call.text("about")?, &call.text("unit")?, time::now(call)?)
    };
    let mut found = match journal(&wanted) {
        Ok(lines) if !lines.is_empty() => lines,
        _ => log_files(Path::new("/var/log"), &wanted)?,
    };
    let first = found.len().saturating_sub(SEARCH_MATCHES);
    answer(found.split_off(first))
}

fn journal(wanted: &Wanted) -> Result<Vec<LogLine>, Failure> {
    let mut command = program("journalctl");
    command.args(["--output=json", "--no-pager", "--quiet", "--lines", JOURNAL_LINES]);
    command.arg("--output-fields=MESSAGE,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,__REALTIME_TIMESTAMP");
    if let Some(span) = &wanted.span {
        command.args(["--since", &format!("@{}", span.start.as_second())]);
        if span.end > span.start {
            command.args(["--until", &format!("@{}", span.end.as_second())]);
        }
    }
    let text = run_well(&mut command, ProgramLimits { output_bytes: JOURNAL_BYTES, ..ProgramLimits::default() })?;
    let line = |text: &str| {
        let entry: Json = serde_json::from_str(text).ok()?;
        let (time, line) = journal_line(&entry, &wanted.zone)?;
        wanted.fits(Some(time), &line).then_some(line)
    };
    Ok(text.lines().filter_map(line).collect())
}

fn journal_line(entry: &Json, zone: &TimeZone) -> Option<(Timestamp, LogLine)> {
    let microseconds: i64 = entry["__REALTIME_TIMESTAMP"].as_str()?.parse().ok()?;
    let time = Timestamp::from_microsecond(microseconds).ok()?;
    let unit = entry["_SYSTEMD_UNIT"].as_str().or_else(|| entry["SYSLOG_IDENTIFIER"].as_str()).unwrap_or_default();
    // What is not UTF-8 comes as a list of bytes.
    let text = match &entry["MESSAGE"] {
        Json::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => other.as_str()?.to_owned(),
    };
    Some((time, LogLine { time: time::show(time, zone), unit: one_line(unit), text: shorten(&one_line(&text), 2_000) }))
}

/// Lines of the files in `folder`, file by file in the order of their last change.
fn log_files(folder: &Path, wanted: &Wanted) -> Result<Vec<LogLine>, Failure> {
    let list = std::fs::read_dir(folder).map_err(|error| {
        Failure::new(ErrorCode::NotGranted, "the logs cannot be seen")
            .because(error)
            .try_next("Grant a look at the host's logs")
    })?;
    let mut files: Vec<_> = list
        .flatten()
        .filter_map(|entry| {
            Some((entry.metadata().ok().filter(std::fs::Metadata::is_file)?.modified().ok()?, entry.path()))
        })
        .collect();
    files.sort();
    let mut found = Vec::new();
    for (_, path) in files.iter().rev().take(FILES).rev() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A file that may not be read, or is not text, has no lines for us.
        let Ok(text) = read_end(path) else { continue };
        if crate::text::is_binary(text.as_bytes()) {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (time, line) = file_line(line, name.split('.').next().unwrap_or_default(), wanted);
            if wanted.fits(time, &line) {
                found.push(line);
            }
        }
    }
    Ok(found)
}

/// The last [`READ_BYTES`] of a file, from the beginning of a line.
fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let start = size.saturating_sub(READ_BYTES as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(READ_BYTES as u64).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(if start == 0 { text } else { text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()) })
}

fn file_line(line: &str, file: &str, wanted: &Wanted) -> (Option<Timestamp>, LogLine) {
    let parsed = leading_time(line, wanted);
    let (time, rest) = parsed.map_or((None, line), |(time, rest)| (Some(time), rest));
    // `host program[12]: text`, as syslog writes it.
    let syslog = rest.trim_start().split_once(": ").and_then(|(head, text)| {
        let (_, program) = head.split_once(' ')?;
        (!program.contains(' ')).then(|| (program.split('[').next().unwrap_or_default(), text))
    });
    let (unit, text) = syslog.filter(|_| time.is_some()).unwrap_or((file, rest));
    let shown = time.map(|time| time::show(time, &wanted.zone)).unwrap_or_default();
    (time, LogLine { time: shown, unit: one_line(unit), text: shorten(&one_line(text), 2_000) })
}

/// The time at the beginning of a line, and the rest: RFC 3339, `2026-11-22 19:00:00`, or syslog's `Nov 22 19:00:00`.
fn leading_time<'a>(line: &'a str, wanted: &Wanted) -> Option<(Timestamp, &'a str)> {
    let line = line.trim_start_matches('[');
    if let Some((word, rest)) = line.split_once(' ')
        && let Ok(time) = word.trim_end_matches(']').parse::<Timestamp>()
    {
        return Some((time, rest));
    }
    let local = |time: DateTime| Some(time.to_zoned(wanted.zone.clone()).ok()?.timestamp());
    if let Some(head) = line.get(..19)
        && let Ok(time) = head.parse::<DateTime>()
    {
        return Some((local(time)?, line.get(19..)?));
    }
    // Syslog leaves the year out: it is the last one in which this is past.
    let head = line.get(..15)?;
    let guess = |year: i16| DateTime::strptime("%Y %b %d %H:%M:%S", format!("{year} {head}")).ok().and_then(local);
    let year = wanted.now.year();
    let this_year = guess(year)?;
    let time = if this_year > wanted.now.timestamp() { guess(year - 1)? } else { this_year };
    Some((time, line.get(15..)?))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::{Wanted, journal_line, log_files};
    use crate::testing::Bench;
    use crate::time::Span;

    fn wanted(words: &str, unit: &str, span: Option<(&str, &str)>) -> Wanted {
        Wanted {
            span: span.map(|(start, end)| Span { start: start.parse().unwrap(), end: end.parse().unwrap() }),
            ..Wanted::new(words, unit, "2026-11-23T09:00:00Z[UTC]".parse().unwrap())
        }
    }

    #[test]
    fn log_files_are_searched_by_word_unit_and_time() {
        let bench = Bench::new()
            .with(
                "syslog",
                "Nov 22 19:00:00 host sshd[12]: Accepted key\nDec 24 10:00:00 host cron: last year\nnonsense line\n",
            )
            .with("app.log", "2026-11-23T08:00:00Z ERROR disk \u{1b}[31mfull\n2026-11-23 08:30:00 more\n")
            .with("old.gz", b"\x1f\x8b\0\0");
        let found = |wanted: &Wanted| -> Vec<String> {
            let lines = log_files(bench.path(), wanted).unwrap();
            lines.iter().map(|line| format!("{} {}: {}", line.time, line.unit, line.text)).collect()
        };
        assert_eq!(found(&wanted("accepted", "", None)), ["2026-11-22T19:00:00+00:00 sshd: Accepted key"]);
        assert_eq!(found(&wanted("KEY Accept", "SSHD.service", None)), found(&wanted("accepted", "", None)));
        assert_eq!(found(&wanted("last", "cron", None)), ["2025-12-24T10:00:00+00:00 cron: last year"]);
        assert_eq!(found(&wanted("", "", Some(("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")))).len(), 2);
        assert_eq!(found(&wanted("disk", "app", None)), ["2026-11-23T08:00:00+00:00 app: ERROR disk [31mfull"]);
        assert_eq!(found(&wanted("nonsense", "", None)), [" syslog: nonsense line"]);
    }

    #[test]
    fn entries_of_the_journal_are_understood() {
        let entry = json!({ "__REALTIME_TIMESTAMP": "1795424400000000", "_SYSTEMD_UNIT": "a.service", "MESSAGE": [104, 105, 255] });
        let (_, line) = journal_line(&entry, &TimeZone::UTC).unwrap();
        assert_eq!((line.unit.as_str(), line.text.as_str()), ("a.service", "hi\u{fffd}"));
        for hostile in [json!({}), json!({ "__REALTIME_TIMESTAMP": "9".repeat(40), "MESSAGE": "x" }), json!([1])] {
            assert!(journal_line(&hostile, &TimeZone::UTC).is_none());
        }
    }

    #[test]
    fn without_a_grant_it_says_so() {
        let missing = Bench::new().path().join("none");
        assert_eq!(
            log_files(&missing, &wanted("", "", None)).map_err(|failure| failure.code),
            Err(ErrorCode::NotGranted)
        );
    }
}
