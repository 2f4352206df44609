//! A journal in a folder of its own, and records to fill it.

use std::path::PathBuf;

use genoa_abi::Timestamp;
use genoa_journal::{Cause, Durability, Journal, JournalReader, NewRecord, Opened, VerifyReport};
use rusqlite::Connection;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);

pub(crate) struct Home {
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// In memory where that is possible: for tests that open hundreds of journals.
    pub(crate) fn in_memory() -> Self {
        tempfile::tempdir_in("/dev/shm").map_or_else(|_| Self::new(), |folder| Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("journal.db")
    }

    pub(crate) fn open(&self) -> (Journal, Opened) {
        self.try_open().expect("the journal opens")
    }

    pub(crate) fn try_open(&self) -> Result<(Journal, Opened), genoa_abi::Failure> {
        Journal::open(&self.database(), &self.path("keys"))
    }

    pub(crate) fn reader(&self) -> JournalReader {
        JournalReader::open(&self.database(), &self.path("keys")).expect("the journal can be read")
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        self.reader().verify().expect("the journal can be checked")
    }

    /// A journal with `count` records, closed again.
    pub(crate) fn with_records(count: u64) -> Self {
        let home = Self::new();
        let (mut journal, _) = home.open();
        for number in 1..=count {
            journal.append(&[note(&format!("number {number}"))], Durability::Group).expect("appended");
        }
        home
    }

    /// What somebody with access to the file does behind the journal's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.database()).expect("the database opens");
        connection.execute_batch(sql).expect("the change is made");
    }
}

pub(crate) fn record(kind: &str, body: Json) -> NewRecord {
    NewRecord { time: NOW, kind: kind.to_owned(), cause: Cause::None, body }
}

pub(crate) fn note(text: &str) -> NewRecord {
    record("test.note", json!({ "text": text }))
}
