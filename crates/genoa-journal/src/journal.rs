//! The one writer of a journal: open, append, sign, destroy.

use std::fs::{File, OpenOptions};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::json;

use crate::chain::Head;
use crate::checkpoint::{self, Signer, VerifierKey};
use crate::lock::WriterLock;
use crate::reader::{JournalReader, harden};
use crate::schema::{self, Found};
use crate::write::{self, Cause, Draft, Durability, NewRecord};
use crate::{failures, limits, wal};

/// How long a reader may keep the writer waiting.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A journal open for writing. There is one per file on the machine.
#[derive(Debug)]
pub struct Journal {
    reader: JournalReader,
    head: Head,
    checkpoint_size: u64,
    durability: Durability,
    signer: Signer,
    _lock: WriterLock,
}

/// What was found when a journal was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Whether the journal was made just now.
    pub created: bool,
    /// How many records it has.
    pub records: u64,
    /// Bytes of an append that a crash interrupted, and that were cut off. None of it was acknowledged as durable.
    pub cut_bytes: u64,
    /// How many records the newest signed checkpoint covers.
    pub checkpoint: Option<u64>,
}

/// A writer can do all that a reader can.
impl Deref for Journal {
    type Target = JournalReader;

    fn deref(&self) -> &JournalReader {
        &self.reader
    }
}

impl Journal {
    /// Opens the journal at `database`, or makes it. `keys` is the folder of its signing key, made on first use. The
    /// last [`limits::TAIL_RECORDS`] records are checked, and the newest checkpoint.
    ///
    /// # Errors
    /// `Conflict` if another process writes it, or if it is shorter than, or different from, what was signed;
    /// `Unsupported` if a newer Genoa wrote it; `InvalidInput` if it is something else; `StorageFailed` if it is
    /// damaged, or the disk does not do what it should.
    pub fn open(database: &Path, keys: &Path) -> Result<(Self, Opened), Failure> {
        let lock = WriterLock::take(&database.with_extension("lock"))?;
        make_private(database)?;
        let (connection, created) = connect(database)?;
        let reader = JournalReader { connection, database: database.to_owned(), keys: keys.to_owned() };
        let cut_bytes = cut_bytes(&reader)?;
        let signer = Signer::load_or_make(keys)?;
        let head = reader.head()?;
        reader.check_tail(limits::TAIL_RECORDS)?;
        let checkpoint = reader.check_newest_checkpoint(signer.verifier())?;
        let opened = Opened { created, records: head.seq, cut_bytes, checkpoint };
        let checkpoint_size = checkpoint.unwrap_or(0);
        let journal = Self { reader, head, checkpoint_size, durability: Durability::Group, signer, _lock: lock };
        Ok((journal, opened))
    }

    /// Appends `records`, all or none, and answers with their numbers.
    ///
    /// # Errors
    /// `InvalidInput` or `TooLarge` for a record that the journal does not take; `StorageFailed` if the disk is full
    /// or fails. Nothing was written then.
    pub fn append(&mut self, records: &[NewRecord], durability: Durability) -> Result<Vec<u64>, Failure> {
        let draft =
            |record: &NewRecord| Draft::new(record.time, &record.kind, record.cause, record.body.clone(), Vec::new());
        let drafts = records.iter().map(draft).collect::<Result<Vec<_>, _>>()?;
        self.append_drafts(&drafts, durability)
    }

    /// Signs the journal as it is, keeps the checkpoint in the journal and beside it, and answers with its text, which
    /// anybody may keep as a witness.
    ///
    /// # Errors
    /// `NotFound` if there is no record yet; `StorageFailed` if the disk is full or fails.
    pub fn checkpoint(&mut self) -> Result<String, Failure> {
        if self.head.seq == 0 {
            return Err(Failure::new(ErrorCode::NotFound, "an empty journal cannot be signed"));
        }
        let note = self.signer.sign(self.head);
        let head = self.head;
        self.transact(Durability::Disk, |transaction| store_checkpoint(transaction, head, &note))?;
        self.checkpoint_size = head.seq;
        checkpoint::write_beside(&self.reader.checkpoint_file(), &note)?;
        Ok(note)
    }

    /// Lets the database grow to `bytes` at most: an append that needs more is refused as on a full disk.
    ///
    /// # Errors
    /// `StorageFailed` if the database cannot be asked.
    pub fn limit_bytes(&self, bytes: u64) -> Result<(), Failure> {
        let fail = failures::database("the journal's size cannot be limited");
        let page_bytes: i64 =
            self.reader.connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(&fail)?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page_bytes.max(1);
        self.reader.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(&fail)
    }

    /// The public key that checks the checkpoints.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    /// Destroys a content: a body, or a part that was lifted out of bodies. The chain stays whole, and a record says
    /// that it was destroyed and `why`. Answers with that record's number.
    ///
    /// # Errors
    /// `NotFound` if nothing has that hash; `Conflict` if the state could not be rebuilt without it: save a snapshot
    /// first; `StorageFailed` if the disk fails.
    pub fn destroy(&mut self, hash: &ContentHash, why: &str, now: Timestamp) -> Result<u64, Failure> {
        self.may_destroy(hash)?;
        let body = json!({"content": hash, "why": why});
        let draft = Draft::new(now, DESTROYED, Cause::None, body, Vec::new())?;
        let head = self.head;
        let pragma = |journal: &Self, value: bool| {
            let set = journal.reader.connection.pragma_update(None, "secure_delete", value);
            set.map_err(failures::database("the content cannot be destroyed"))
        };
        pragma(self, true)?;
        let written = self.transact(Durability::Disk, |transaction| {
            let erase = |sql: &str| {
                let erased = transaction.execute(sql, [hash.0]);
                erased.map_err(failures::database("the content cannot be destroyed"))
            };
            erase("DELETE FROM contents WHERE hash = ?1")?;
            erase("UPDATE records SET body = NULL WHERE body_hash = ?1")?;
            write::write(transaction, head, &[draft])
        });
        pragma(self, false)?;
        let (_, head) = written?;
        self.head = head;
        self.empty_log()?;
        Ok(head.seq)
    }

    pub(crate) fn append_drafts(&mut self, drafts: &[Draft], durability: Durability) -> Result<Vec<u64>, Failure> {
        if drafts.len() > limits::BATCH_RECORDS {
            return Err(Failure::new(ErrorCode::TooLarge, "too many records in one append").because(format!(
                "{}, and the limit is {}",
                drafts.len(),
                limits::BATCH_RECORDS
            )));
        }
        let (head, checkpoint_size) = (self.head, self.checkpoint_size);
        let signer = &self.signer;
        let sign = |head: Head| signer.sign(head);
        let work = |transaction: &Transaction<'_>| {
            let (seqs, head) = write::write(transaction, head, drafts)?;
            let due = head.seq - checkpoint_size >= limits::CHECKPOINT_RECORDS;
            if due {
                store_checkpoint(transaction, head, &sign(head))?;
            }
            Ok((seqs, head, due))
        };
        let (seqs, head, signed) = transact(&mut self.reader.connection, &mut self.durability, durability, work)?;
        self.head = head;
        if signed {
            self.checkpoint_size = head.seq;
        }
        Ok(seqs)
    }

    /// What the last append waited for.
    #[cfg(test)]
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn transact<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        transact(&mut self.reader.connection, &mut self.durability, durability, work)
    }

    fn may_destroy(&self, hash: &ContentHash) -> Result<(), Failure> {
        let fail = failures::database("the content cannot be looked up");
        let last = |sql: &str, key: &dyn rusqlite::ToSql| {
            self.reader.connection.query_row(sql, [key], |row| row.get::<_, Option<i64>>(0)).map_err(&fail)
        };
        let own = "SELECT max(seq) FROM records WHERE body_hash = ?1 AND kind LIKE 'journal.%'";
        if last(own, &hash.0)?.is_some() {
            return Err(Failure::new(
                ErrorCode::InvalidInput,
                "a record of the journal about itself cannot be destroyed",
            ));
        }
        let as_body = last("SELECT max(seq) FROM records WHERE body_hash = ?1 AND body IS NOT NULL", &hash.0)?;
        let as_part = match crate::content::load(&self.reader.connection, hash)? {
            Some(_) => last("SELECT max(seq) FROM facts WHERE subject = 'content' AND key = ?1", &hash.to_string())?,
            None => None,
        };
        let Some(used) = as_body.max(as_part) else {
            return Err(Failure::new(ErrorCode::NotFound, format!("the journal has no content {}", hash.short())));
        };
        let snapshot = self.reader.load_snapshot()?.snapshot.map_or(0, |snapshot| snapshot.seq);
        if snapshot < used.cast_unsigned() {
            return Err(Failure::new(ErrorCode::Conflict, "the content is still needed to rebuild the state")
                .because(format!("record {used} has it, and the newest snapshot covers {snapshot} records"))
                .try_next("Save a snapshot first"));
        }
        Ok(())
    }

    /// The write-ahead log still holds old pages; it is emptied into the database.
    fn empty_log(&self) -> Result<(), Failure> {
        let fail = failures::database("the journal's log cannot be emptied");
        self.reader.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(fail)
    }
}

/// The kind of the record that says that a content was destroyed.
pub(crate) const DESTROYED: &str = "journal.destroyed";

fn transact<T>(
    connection: &mut Connection,
    present: &mut Durability,
    durability: Durability,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fail = failures::database("the journal cannot be written");
    if *present != durability {
        // In the log's mode, NORMAL commits without waiting for the disk, and FULL waits for all that came before.
        let level = match durability {
            Durability::Group => "NORMAL",
            Durability::Disk => "FULL",
        };
        connection.pragma_update(None, "synchronous", level).map_err(&fail)?;
        *present = durability;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&fail)?;
    let result = work(&transaction)?;
    transaction.commit().map_err(&fail)?;
    Ok(result)
}

fn store_checkpoint(transaction: &Transaction<'_>, head: Head, note: &str) -> Result<(), Failure> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO checkpoints (size, note) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute(params![head.seq.cast_signed(), note]))
        .map(drop)
        .map_err(failures::database("the checkpoint cannot be written"))
}

/// SQLite gives its log the permissions of the database, so these are set before it sees the file.
fn make_private(database: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(database);
    file.map(drop).map_err(failures::file("cannot open", database))
}

fn connect(database: &Path) -> Result<(Connection, bool), Failure> {
    let fail = failures::database("the journal cannot be opened");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags).map_err(&fail)?;
    connection.busy_timeout(BUSY_WAIT).map_err(&fail)?;
    harden(&connection)?;
    let found = schema::recognise(&connection)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(&fail)?;
    if mode != "wal" {
        return Err(Failure::new(ErrorCode::StorageFailed, "the journal's folder does not allow a write-ahead log")
            .because(format!("the mode is {mode}"))
            .try_next("Put the home on a local disk"));
    }
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(&fail)?;
    if found == Found::Empty {
        schema::create(&mut connection)?;
        sync_folder(database)?;
    }
    Ok((connection, found == Found::Empty))
}

fn sync_folder(database: &Path) -> Result<(), Failure> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failures::file("cannot sync", folder))
}

fn cut_bytes(reader: &JournalReader) -> Result<u64, Failure> {
    let fail = failures::database("the journal's log cannot be read");
    let frames: Option<i64> =
        reader.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1)).optional().map_err(fail)?;
    let good_frames = frames.and_then(|frames| u64::try_from(frames).ok()).unwrap_or(0);
    let mut log = reader.database.clone().into_os_string();
    log.push("-wal");
    let log = Path::new(&log);
    wal::unfinished_bytes(log, good_frames).map_err(failures::file("cannot read", log))
}
