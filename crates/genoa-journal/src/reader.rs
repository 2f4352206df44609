//! Looking at a journal: records, the state's snapshots, the checks.

use std::path::{Path, PathBuf};

use genoa_abi::record::RecordLine;
use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use crate::chain::{Head, Link};
use crate::content;
use crate::schema::{self, Found};
use crate::{failures, limits};

/// A journal that is only looked at. It may be open for writing elsewhere at the same time.
#[derive(Debug)]
pub struct JournalReader {
    pub(crate) connection: Connection,
    pub(crate) database: PathBuf,
    pub(crate) keys: PathBuf,
}

impl JournalReader {
    /// Opens the journal at `database` for looking; `keys` is the folder with its public key.
    ///
    /// # Errors
    /// `NotFound` if there is none; else as [`crate::Journal::open`], except that no chain is checked.
    pub fn open(database: &Path, keys: &Path) -> Result<Self, Failure> {
        if !database.exists() {
            return Err(Failure::new(ErrorCode::NotFound, format!("there is no journal at {}", database.display())));
        }
        let fail = failures::database("the journal cannot be opened");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(database, flags).map_err(fail)?;
        harden(&connection)?;
        if schema::recognise(&connection)? == Found::Empty {
            return Err(Failure::new(ErrorCode::NotFound, format!("the journal at {} is empty", database.display())));
        }
        Ok(Self { connection, database: database.to_owned(), keys: keys.to_owned() })
    }

    /// The last `count` records, oldest first.
    ///
    /// # Errors
    /// `StorageFailed` if they cannot be read.
    pub fn tail(&self, count: u32) -> Result<Vec<RecordLine>, Failure> {
        let head = self.head()?.seq;
        self.records(head.saturating_sub(u64::from(count)) + 1, count)
    }

    /// Up to `count` records (and [`limits::READ_RECORDS`]) from number `from` on.
    ///
    /// # Errors
    /// `StorageFailed` if they cannot be read.
    pub fn records(&self, from: u64, count: u32) -> Result<Vec<RecordLine>, Failure> {
        let mut lines = Vec::new();
        let last = from.saturating_add(u64::from(count.min(limits::READ_RECORDS)));
        self.each_record(from, last, |record| {
            lines.push(self.line(record)?);
            Ok(())
        })?;
        Ok(lines)
    }

    /// One record.
    ///
    /// # Errors
    /// `NotFound` if there is none of that number, `StorageFailed` if it cannot be read.
    pub fn record(&self, seq: u64) -> Result<RecordLine, Failure> {
        let record = self.stored(seq)?;
        let record = record.ok_or_else(|| Failure::new(ErrorCode::NotFound, format!("there is no record {seq}")))?;
        self.line(record)
    }

    /// The number of the last record; 0 for an empty journal.
    ///
    /// # Errors
    /// `StorageFailed` if it cannot be read.
    pub fn len(&self) -> Result<u64, Failure> {
        self.head().map(|head| head.seq)
    }

    /// Whether there is no record.
    ///
    /// # Errors
    /// `StorageFailed` if it cannot be read.
    pub fn is_empty(&self) -> Result<bool, Failure> {
        self.len().map(|records| records == 0)
    }

    /// Where the newest checkpoint is kept a second time, outside of the database.
    pub(crate) fn checkpoint_file(&self) -> PathBuf {
        self.database.with_extension("checkpoint")
    }

    pub(crate) fn head(&self) -> Result<Head, Failure> {
        let fail = failures::database("the journal cannot be read");
        let row =
            |row: &Row<'_>| Ok(Head { seq: row.get::<_, i64>(0)?.cast_unsigned(), hash: ContentHash(row.get(1)?) });
        let last = self
            .connection
            .prepare_cached("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1")
            .and_then(|mut statement| statement.query_row([], row).optional())
            .map_err(fail)?;
        Ok(last.unwrap_or(Head::EMPTY))
    }

    pub(crate) fn stored(&self, seq: u64) -> Result<Option<StoredRecord>, Failure> {
        let fail = failures::database("the journal cannot be read");
        self.connection
            .prepare_cached("SELECT seq, time, kind, cause, body_hash, hash, body FROM records WHERE seq = ?1")
            .and_then(|mut statement| statement.query_row([seq.cast_signed()], StoredRecord::from_row).optional())
            .map_err(fail)
    }

    /// Feeds the records from number `from` up to but without `until` to `take`, in order.
    pub(crate) fn each_record(
        &self,
        from: u64,
        until: u64,
        mut take: impl FnMut(StoredRecord) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let fail = failures::database("the journal cannot be read");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT seq, time, kind, cause, body_hash, hash, body FROM records WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
            )
            .map_err(&fail)?;
        let clamp = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
        let rows = statement.query_map([clamp(from), clamp(until)], StoredRecord::from_row).map_err(&fail)?;
        for row in rows {
            take(row.map_err(&fail)?)?;
        }
        Ok(())
    }

    pub(crate) fn line(&self, record: StoredRecord) -> Result<RecordLine, Failure> {
        let body = match &record.body {
            Some(bytes) => Some(content::resolve(&self.connection, bytes)?.value),
            None => None,
        };
        let StoredRecord { seq, time, kind, cause, body_hash, hash, .. } = record;
        Ok(RecordLine { seq, time, kind, cause, body, body_hash, hash })
    }
}

/// A row of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRecord {
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) kind: String,
    pub(crate) cause: Option<u64>,
    pub(crate) body_hash: ContentHash,
    pub(crate) hash: ContentHash,
    pub(crate) body: Option<Vec<u8>>,
}

impl StoredRecord {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get::<_, i64>(0)?.cast_unsigned(),
            time: Timestamp(row.get(1)?),
            kind: row.get(2)?,
            cause: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
            body_hash: ContentHash(row.get(4)?),
            hash: ContentHash(row.get(5)?),
            body: row.get(6)?,
        })
    }

    pub(crate) fn link(&self) -> Link<'_> {
        Link { seq: self.seq, time: self.time, kind: &self.kind, cause: self.cause, body_hash: self.body_hash }
    }
}

/// The file may have been made by somebody else: nothing in it is run, and damage is noticed early.
pub(crate) fn harden(connection: &Connection) -> Result<(), Failure> {
    use rusqlite::config::DbConfig;
    let fail = failures::database("the journal cannot be opened");
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(&fail)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(&fail)?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;").map_err(&fail)
}
