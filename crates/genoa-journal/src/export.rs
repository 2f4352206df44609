//! The journal as lines of JSON that can be checked without the database.

use std::io::{BufRead, Read, Write};

use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use serde::{Deserialize, Serialize};

use crate::check::{Break, BreakKind, Checker, VerifyReport};
use crate::checkpoint::VerifierKey;
use crate::failures;
use crate::limits;
use crate::reader::{JournalReader, StoredRecord};

/// The version of the export's form.
const VERSION: u32 = 1;

/// One line. Bodies and contents are texts, not JSON in JSON, because their hashes are over exactly these bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Header { genoa_journal: u32, key: Option<String> },
    Content { content: ContentHash, text: String },
    Record(Box<RecordForm>),
    Checkpoint { checkpoint: String },
    End { records: u64 },
}

#[derive(Serialize, Deserialize)]
struct RecordForm {
    seq: u64,
    time: Timestamp,
    kind: String,
    cause: Option<u64>,
    body_hash: ContentHash,
    hash: ContentHash,
    body: Option<String>,
}

impl JournalReader {
    /// Writes the whole journal: a header, the contents, the records with the checkpoints between them, an end.
    ///
    /// # Errors
    /// `StorageFailed` if the journal cannot be read or the target cannot be written.
    pub fn export(&self, target: &mut impl Write) -> Result<(), Failure> {
        let consistent =
            self.connection.unchecked_transaction().map_err(failures::database("the journal cannot be exported"))?;
        let key = VerifierKey::load(&self.keys).ok().map(|key| key.to_string());
        write_line(target, &Line::Header { genoa_journal: VERSION, key })?;
        self.each_content(|content, bytes| {
            write_line(target, &Line::Content { content, text: text(bytes.to_vec())? })
        })?;
        let notes = self.checkpoint_notes()?;
        let mut notes = notes.into_iter().peekable();
        let mut records = 0;
        self.each_record(0, u64::MAX, |record| {
            let seq = record.seq;
            records += 1;
            write_line(target, &Line::Record(Box::new(RecordForm::of(record)?)))?;
            while let Some((_, checkpoint)) = notes.next_if(|(size, _)| *size <= seq) {
                write_line(target, &Line::Checkpoint { checkpoint })?;
            }
            Ok(())
        })?;
        for (_, checkpoint) in notes {
            write_line(target, &Line::Checkpoint { checkpoint })?;
        }
        write_line(target, &Line::End { records })?;
        drop(consistent);
        target.flush().map_err(unwritable)
    }
}

impl RecordForm {
    fn of(record: StoredRecord) -> Result<Self, Failure> {
        let StoredRecord { seq, time, kind, cause, body_hash, hash, body } = record;
        Ok(Self { seq, time, kind, cause, body_hash, hash, body: body.map(text).transpose()? })
    }

    fn stored(self) -> StoredRecord {
        let Self { seq, time, kind, cause, body_hash, hash, body } = self;
        StoredRecord { seq, time, kind, cause, body_hash, hash, body: body.map(String::into_bytes) }
    }
}

/// Checks an exported journal. With a `key` that came by another way than the export, nobody but its owner can have
/// made or changed it; without, only that it is whole and fits the key that it names itself.
///
/// # Errors
/// `StorageFailed` if the source cannot be read, `InvalidInput` if it is not an export. What is wrong with the
/// journal is in the report.
pub fn verify_export(source: &mut impl BufRead, key: Option<&VerifierKey>) -> Result<VerifyReport, Failure> {
    let Some(Line::Header { genoa_journal, key: own }) = read_line(source)? else {
        return Err(not_an_export("it does not begin with a header"));
    };
    if genoa_journal > VERSION {
        return Err(
            Failure::new(ErrorCode::Unsupported, "the export was written by a newer Genoa").try_next("Update Genoa")
        );
    }
    let own = own.map(|text| text.parse::<VerifierKey>()).transpose().map_err(not_an_export)?;
    let mut checker = Checker::new(key.cloned().or(own));
    let mut count = 0;
    loop {
        let result = match read_line(source)? {
            Some(Line::Content { content, text }) => {
                checker.content(content, text.as_bytes());
                Ok(())
            }
            Some(Line::Record(record)) => {
                count += 1;
                checker.record(&record.stored())
            }
            Some(Line::Checkpoint { checkpoint }) => checker.checkpoint(&checkpoint),
            Some(Line::Header { .. }) => return Err(not_an_export("it has a second header")),
            Some(Line::End { records }) if records == count => return Ok(checker.report(Ok(()))),
            Some(Line::End { .. }) | None => Err(Break {
                seq: count,
                kind: BreakKind::Truncated,
                text: format!("the export stops after record {count} without its proper end"),
            }),
        };
        if result.is_err() {
            return Ok(checker.report(result));
        }
    }
}

fn read_line(source: &mut impl BufRead) -> Result<Option<Line>, Failure> {
    let mut line = Vec::new();
    let limit = limits::EXPORT_LINE_BYTES as u64;
    let read = source.take(limit).read_until(b'\n', &mut line);
    let read =
        read.map_err(|error| Failure::new(ErrorCode::StorageFailed, "the export cannot be read").because(error))?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 == limit {
        return Err(not_an_export(format!("a line is longer than {limit} bytes")));
    }
    serde_json::from_slice(&line).map(Some).map_err(not_an_export)
}

fn write_line(target: &mut impl Write, line: &Line) -> Result<(), Failure> {
    let mut bytes = serde_json::to_vec(line)
        .map_err(|error| Failure::new(ErrorCode::Internal, "a record has no JSON form").because(error))?;
    bytes.push(b'\n');
    target.write_all(&bytes).map_err(unwritable)
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| failures::damaged("a body in the journal is not text"))
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::new(ErrorCode::StorageFailed, "the export cannot be written").because(error)
}

fn not_an_export(why: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::InvalidInput, "this is not an exported journal").because(why)
}
