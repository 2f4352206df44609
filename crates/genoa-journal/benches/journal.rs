//! What a record costs, beside the bare write of the same bytes to a file in the same run. Prints one JSON object.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use genoa_abi::event::{Effect, Event};
use genoa_abi::syscall::WhySubject;
use genoa_abi::{ErrorCode, Failure, Timestamp};
use genoa_journal::{Cause, Durability, Journal, NewRecord, Step};
use serde_json::{Value as Json, json};

#[path = "../tests/journal/story.rs"]
mod story;

/// What the story's test helper calls by this name.
mod home {
    pub(crate) const NOW: genoa_abi::Timestamp = genoa_abi::Timestamp(1_795_000_000_000);
}

const GROUP_APPENDS: usize = 2000;
const DISK_APPENDS: usize = 300;
const WHY_RECORDS: u64 = 100_000;
const WHY_QUESTIONS: u64 = 200;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(failed)?;
    let (mut journal, _) = Journal::open(&folder.path().join("journal.db"), &folder.path().join("keys"))?;
    let mut rows = Vec::new();
    append_rows(&mut journal, folder.path(), &mut rows)?;
    why_rows(&mut journal, &mut rows)?;
    let report = json!({"suite": "journal", "rows": rows});
    writeln!(std::io::stdout(), "{report}").map_err(failed)
}

fn append_rows(journal: &mut Journal, folder: &Path, rows: &mut Vec<Json>) -> Result<(), Failure> {
    let (event, effects) = typical_step()?;
    let bytes = bytes_of(&event, &effects);
    let step = Step { now: Timestamp(1_795_000_000_000), event: &event, effects: &effects };
    let group = sample(GROUP_APPENDS, || journal.append_steps(&[step]).map(drop))?;
    let mut plain = OpenOptions::new().create(true).append(true).open(folder.join("plain")).map_err(failed)?;
    let write = sample(GROUP_APPENDS, || plain.write_all(&bytes).map_err(failed))?;
    let records = [record(&event)?, caused(&effects[0])?, caused(&effects[1])?];
    // Turn by turn, so that both meet the same state of the disk.
    let (mut disk, mut synced) = (Vec::new(), Vec::new());
    for _ in 0..DISK_APPENDS {
        disk.extend(sample(1, || journal.append(&records, Durability::Disk).map(drop))?);
        synced.extend(sample(1, || plain.write_all(&bytes).and_then(|()| plain.sync_data()).map_err(failed))?);
    }
    for (percent, name) in [(50, "p50"), (99, "p99")] {
        let figure = format!("group append of an event with 2 effects, {name}");
        rows.push(row(&figure, "us", "write", percentile(&group, percent), percentile(&write, percent), &group));
        let figure = format!("disk append of an event with 2 effects, {name}");
        rows.push(row(
            &figure,
            "us",
            "write and fdatasync",
            percentile(&disk, percent),
            percentile(&synced, percent),
            &disk,
        ));
    }
    let seconds: f64 = group.iter().sum::<f64>() / 1e6;
    let plain_seconds: f64 = write.iter().sum::<f64>() / 1e6;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand records")]
    let count = (3 * GROUP_APPENDS) as f64;
    rows.push(row("records in groups", "1/s", "write", count / seconds, count / plain_seconds, &[]));
    Ok(())
}

fn why_rows(journal: &mut Journal, rows: &mut Vec<Json>) -> Result<(), Failure> {
    let mut stories = 0;
    while journal.len()? < WHY_RECORDS {
        stories += 1;
        story::Story::new(stories).append_to(journal);
    }
    let mut number = 0;
    let why = sample(usize::try_from(WHY_QUESTIONS).unwrap_or(1), || {
        number = (number + 7919) % stories;
        journal.why(&WhySubject::File(format!("demo{}.pptx", number + 1)), "/w").map(drop)
    })?;
    // The peer is what a system without an index does: read all records once.
    let scan = sample(3, || journal.replay(1, |_| Ok(())))?;
    for (percent, name) in [(50, "p50"), (99, "p99")] {
        let figure = format!("why of a file in {WHY_RECORDS} records, {name}");
        rows.push(row(&figure, "us", "replay of all records", percentile(&why, percent), percentile(&scan, 50), &why));
    }
    let verify = sample(3, || journal.verify().map(drop))?;
    rows.push(row(
        "verify of 100000 records",
        "us",
        "replay of all records",
        percentile(&verify, 50),
        percentile(&scan, 50),
        &verify,
    ));
    Ok(())
}

/// A tool that ended, the next tool that is started, and the news of it.
fn typical_step() -> Result<(Event, Vec<Effect>), Failure> {
    let story = story::Story::new(1);
    let (_, event, mut effects) = story.steps.into_iter().nth(7).ok_or_else(|| failed("the story is too short"))?;
    let news = json!({"kind": "tell", "session": 1, "news": {"kind": "step", "run": 1, "line": 2, "text": "Search mails about Demo"}});
    effects.push(serde_json::from_value(news).map_err(failed)?);
    if effects.len() == 2 { Ok((event, effects)) } else { Err(failed("the step has not two effects")) }
}

fn bytes_of(event: &Event, effects: &[Effect]) -> Vec<u8> {
    let texts = effects.iter().map(|effect| json!(effect).to_string());
    std::iter::once(json!(event).to_string()).chain(texts).collect::<String>().into_bytes()
}

fn record(event: &Event) -> Result<NewRecord, Failure> {
    let body = serde_json::to_value(event).map_err(failed)?;
    Ok(NewRecord { time: Timestamp(0), kind: "event.bench".to_owned(), cause: Cause::None, body })
}

fn caused(effect: &Effect) -> Result<NewRecord, Failure> {
    let body = serde_json::to_value(effect).map_err(failed)?;
    Ok(NewRecord { time: Timestamp(0), kind: "effect.bench".to_owned(), cause: Cause::InBatch(0), body })
}

/// Microseconds of each of `count` runs.
fn sample(count: usize, mut work: impl FnMut() -> Result<(), Failure>) -> Result<Vec<f64>, Failure> {
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        work()?;
        samples.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(samples)
}

fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

fn row(figure: &str, unit: &str, peer: &str, value: f64, peer_value: f64, samples: &[f64]) -> Json {
    let samples: Vec<f64> = samples.iter().map(|sample| (sample * 10.0).round() / 10.0).collect();
    json!({
        "figure": figure, "unit": unit, "value": value, "peer": peer, "peer_value": peer_value,
        "ratio": value / peer_value, "samples": samples
    })
}

fn failed(why: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, "the measurement failed").because(why)
}
