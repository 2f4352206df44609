//! Snapshots of the kernel's state, so that a start need not replay all of history.

use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use rusqlite::{Row, params};
use serde_json::{Value as Json, json};

use crate::failures;
use crate::journal::Journal;
use crate::limits;
use crate::reader::JournalReader;
use crate::write::{Cause, Draft, Durability};

/// The kind of the record that binds a snapshot to the chain: a changed snapshot has another hash than its record.
const KIND: &str = "journal.snapshot";

/// A state.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The state is that after this record; go on with the next.
    pub seq: u64,
    /// The state.
    pub state: Json,
}

/// The newest good snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundSnapshot {
    /// It, if there is one.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that are not what was saved, and why. They were not used.
    pub passed_over: Vec<String>,
}

impl Journal {
    /// Keeps `state` as the state after record `seq`, and forgets all but the last [`limits::SNAPSHOTS`].
    ///
    /// # Errors
    /// `InvalidInput` if there is no record `seq` or the state could not be read back; `StorageFailed` if the disk is
    /// full or fails.
    pub fn save_snapshot(&mut self, seq: u64, state: &Json, now: Timestamp) -> Result<u64, Failure> {
        let head = self.head()?;
        let bytes = state.to_string().into_bytes();
        let readable = serde_json::from_slice::<Json>(&bytes).is_ok();
        if seq == 0 || seq > head.seq || !readable {
            let why =
                if readable { format!("there is no record {seq}") } else { "the state nests too deep".to_owned() };
            return Err(Failure::new(ErrorCode::InvalidInput, "the snapshot cannot be kept").because(why));
        }
        let body = json!({"at": seq, "state": ContentHash::of(&bytes)});
        let draft = Draft::new(now, KIND, Cause::None, body, Vec::new())?;
        let seqs = self.append_drafts(&[draft], Durability::Group)?;
        let record = seqs.first().copied().unwrap_or(head.seq + 1);
        self.transact(Durability::Disk, |transaction| {
            let fail = failures::database("the snapshot cannot be kept");
            let insert = "INSERT OR REPLACE INTO snapshots (seq, record, state) VALUES (?1, ?2, ?3)";
            transaction.execute(insert, params![seq.cast_signed(), record.cast_signed(), bytes]).map_err(&fail)?;
            let forget =
                "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?1)";
            transaction.execute(forget, [limits::SNAPSHOTS]).map_err(&fail)
        })?;
        Ok(record)
    }
}

impl JournalReader {
    /// The newest snapshot that is what was saved.
    ///
    /// # Errors
    /// `StorageFailed` if the journal cannot be read.
    pub fn load_snapshot(&self) -> Result<FoundSnapshot, Failure> {
        let fail = failures::database("the snapshots cannot be read");
        let mut statement = self
            .connection
            .prepare_cached("SELECT seq, record, state FROM snapshots ORDER BY seq DESC")
            .map_err(&fail)?;
        let row = |row: &Row<'_>| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?))
        };
        let mut found = FoundSnapshot::default();
        for row in statement.query_map([], row).map_err(&fail)? {
            let (seq, record, bytes): (u64, u64, Vec<u8>) = row.map_err(&fail)?;
            match self.check_snapshot(seq, record, &bytes) {
                Ok(state) => {
                    found.snapshot = Some(Snapshot { seq, state });
                    break;
                }
                Err(why) => found.passed_over.push(format!("the snapshot after record {seq} was passed over: {why}")),
            }
        }
        Ok(found)
    }

    fn check_snapshot(&self, seq: u64, record: u64, bytes: &[u8]) -> Result<Json, String> {
        let saved = self.record(record).map_err(|failure| failure.to_string())?;
        let expected = json!({"at": seq, "state": ContentHash::of(bytes)});
        if saved.kind != KIND || saved.body != Some(expected) {
            return Err(format!("it is not what record {record} says was saved"));
        }
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}
