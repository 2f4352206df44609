//! The sentences of a graph of causes. Foreign words are quoted, cut, and kept on one line.

use genoa_abi::Timestamp;
use genoa_abi::event::ToolJob;
use genoa_abi::model::InferReply;
use genoa_abi::syscall::{Caller, WhySubject};
use jiff::tz::TimeZone;

use crate::limits;

/// Shows times in one zone.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    zone: TimeZone,
}

impl Times {
    pub(crate) fn utc() -> Self {
        Self { zone: TimeZone::UTC }
    }

    /// In the zone of that IANA name; in UTC if there is no such zone.
    pub(crate) fn of(name: &str) -> Self {
        Self { zone: TimeZone::get(name).unwrap_or(TimeZone::UTC) }
    }

    /// `2026-11-22 14:03`
    pub(crate) fn show(&self, time: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(time.0) {
            Ok(moment) => moment.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
            Err(_) => format!("{} ms", time.0),
        }
    }
}

/// Foreign words as one line of bounded length.
fn line(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut line: String = letters.by_ref().take(limits::WHY_TEXT_CHARS).collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

/// A name, a path, a line of a plan.
pub(crate) fn code(text: &str) -> String {
    format!("`{}`", line(text))
}

/// Somebody's words.
pub(crate) fn quote(text: &str) -> String {
    format!("“{}”", line(text))
}

/// `you`, `agent a1.0`
pub(crate) fn caller(caller: Caller) -> String {
    match caller {
        Caller::Person(_) => "you".to_owned(),
        Caller::Agent(agent) => format!("agent {agent}"),
    }
}

/// `slides.write, line 5 of the plan`
pub(crate) fn call(job: &ToolJob) -> String {
    match job.line {
        0 => job.schema.name.clone(),
        number => format!("{}, line {number} of the plan", job.schema.name),
    }
}

/// `2 calls of model qwen (900 tokens read, 41 written)`
pub(crate) fn model_calls(replies: &[InferReply]) -> String {
    let mut models: Vec<&str> = replies.iter().map(|reply| reply.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let read: u64 = replies.iter().map(|reply| u64::from(reply.usage.prompt_tokens)).sum();
    let written: u64 = replies.iter().map(|reply| u64::from(reply.usage.written_tokens)).sum();
    let calls = replies.len();
    format!(
        "{calls} {} of model {} ({read} tokens read, {written} written)",
        plural(calls, "call"),
        line(&models.join(", "))
    )
}

/// `line`, `lines`
pub(crate) fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// What was asked about.
pub(crate) fn subject(subject: &WhySubject) -> String {
    match subject {
        WhySubject::File(path) => code(path),
        WhySubject::Record(seq) => format!("record {seq}"),
        WhySubject::Run(run) => format!("run {run}"),
        WhySubject::Outbox(item) => format!("message or call {item}"),
    }
}
