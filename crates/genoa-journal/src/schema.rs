//! The database's tables, and the refusal of every file that is not this.

use genoa_abi::{ErrorCode, Failure};
use rusqlite::Connection;

use crate::failures;

/// `GENJ`: marks the file as a Genoa journal.
const APPLICATION_ID: i32 = 0x4745_4e4a;
/// The version of the tables that this build writes.
const VERSION: i32 = 1;

/// `records` is the chain. `contents` holds the large parts of bodies. `facts` is an index for questions of the kind
/// "which records speak of call 12"; it can be rebuilt from the records and proves nothing by itself.
const TABLES: &str = "
CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    cause INTEGER,
    body_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    body BLOB
) STRICT;
CREATE TABLE contents (
    hash BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE facts (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (subject, key, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE snapshots (
    seq INTEGER PRIMARY KEY,
    record INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;
";

/// What a database file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Empty,
    Journal,
}

/// Looks whether the file is a journal that this build understands.
///
/// # Errors
/// `Unsupported` for a newer version, `InvalidInput` for another program's database, `StorageFailed` for what is no
/// database at all.
pub(crate) fn recognise(connection: &Connection) -> Result<Found, Failure> {
    let fail = failures::database("the journal cannot be read");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(&fail);
    let foreign = |why: &str| {
        Failure::new(ErrorCode::InvalidInput, "the file is not a Genoa journal")
            .because(why)
            .try_next("Move it away, or choose another home")
    };
    if number("SELECT count(*) FROM sqlite_schema")? == 0 && number("PRAGMA application_id")? == 0 {
        return Ok(Found::Empty);
    }
    if number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(foreign("it is another program's database"));
    }
    let version = number("PRAGMA user_version")?;
    if version > VERSION {
        return Err(Failure::new(ErrorCode::Unsupported, "the journal was written by a newer Genoa")
            .because(format!("its format is version {version}, this build knows up to {VERSION}"))
            .try_next("Update Genoa"));
    }
    if version < 1 {
        return Err(foreign(&format!("its format version is {version}")));
    }
    if number("SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')")? != 0 {
        return Err(foreign("it contains triggers or views, which a journal never has"));
    }
    Ok(Found::Journal)
}

/// Makes the tables, all or none.
pub(crate) fn create(connection: &mut Connection) -> Result<(), Failure> {
    let fail = failures::database("the journal cannot be created");
    let transaction = connection.transaction().map_err(&fail)?;
    transaction.execute_batch(TABLES).map_err(&fail)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(&fail)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(&fail)?;
    transaction.commit().map_err(&fail)
}
