//! Appending: records go in as one transaction, chained, or not at all.

use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use rusqlite::{Transaction, params};
use serde_json::Value as Json;

use crate::chain::{Head, Link};
use crate::content::StoredBody;
use crate::facts::{Fact, Subject};
use crate::{failures, limits};

/// What a record came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// Nothing in the journal.
    #[default]
    None,
    /// An earlier record, by its number.
    Record(u64),
    /// An earlier record of the same append, by its place from 0.
    InBatch(usize),
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecord {
    /// When it happened.
    pub time: Timestamp,
    /// What it is: `event.tick`. Up to [`limits::KIND_BYTES`] of `a-z`, `_`, `.`.
    pub kind: String,
    /// What it came from.
    pub cause: Cause,
    /// Its content.
    pub body: Json,
}

/// What an append survives once it has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The end of this process, however it ends; not the end of the machine's power.
    Group,
    /// The end of the machine's power as well, for these records and for all before them.
    Disk,
}

/// A checked record, ready to be stored.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) time: Timestamp,
    pub(crate) kind: String,
    pub(crate) cause: Cause,
    pub(crate) stored: StoredBody,
    pub(crate) facts: Vec<Fact>,
}

impl Draft {
    /// # Errors
    /// `InvalidInput` or `TooLarge` for a body or kind that the journal does not take.
    pub(crate) fn new(
        time: Timestamp,
        kind: &str,
        cause: Cause,
        body: Json,
        facts: Vec<Fact>,
    ) -> Result<Self, Failure> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.';
        if kind.is_empty() || kind.len() > limits::KIND_BYTES || !kind.bytes().all(letter) {
            let what = format!("`{}` is not a kind of journal record", kind.escape_debug());
            return Err(Failure::new(ErrorCode::InvalidInput, what)
                .because(format!("a kind is 1 to {} letters a-z, `_` and `.`", limits::KIND_BYTES)));
        }
        let stored = StoredBody::of(body)?;
        let parts = stored.lifted.iter().map(|content| Fact::new(Subject::Content, content.hash));
        let facts = facts.into_iter().chain(parts).collect();
        Ok(Self { time, kind: kind.to_owned(), cause, stored, facts })
    }
}

/// Writes `drafts` behind `head`, inside `transaction`. Answers with their numbers and the new head.
pub(crate) fn write(transaction: &Transaction<'_>, head: Head, drafts: &[Draft]) -> Result<(Vec<u64>, Head), Failure> {
    let fail = failures::database("the journal cannot be written");
    let mut insert = transaction
        .prepare_cached(
            "INSERT INTO records (seq, time, kind, cause, body_hash, hash, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .map_err(&fail)?;
    let mut head = head;
    let mut seqs = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let seq = head.seq + 1;
        let cause = resolve_cause(draft.cause, seq, &seqs)?;
        let body_hash = draft.stored.body.hash;
        let link = Link { seq, time: draft.time, kind: &draft.kind, cause, body_hash };
        head = Head { seq, hash: link.hash(&head.hash) };
        let (ContentHash(body_hash), ContentHash(hash)) = (body_hash, head.hash);
        insert
            .execute(params![
                seq.cast_signed(),
                draft.time.0,
                draft.kind,
                cause.map(u64::cast_signed),
                body_hash,
                hash,
                draft.stored.body.bytes
            ])
            .map_err(&fail)?;
        write_contents(transaction, &draft.stored)?;
        write_facts(transaction, &draft.facts, seq)?;
        seqs.push(seq);
    }
    Ok((seqs, head))
}

fn resolve_cause(cause: Cause, seq: u64, batch: &[u64]) -> Result<Option<u64>, Failure> {
    let found = match cause {
        Cause::None => return Ok(None),
        Cause::Record(earlier) => (1..seq).contains(&earlier).then_some(earlier),
        Cause::InBatch(place) => batch.get(place).copied(),
    };
    found.map(Some).ok_or_else(|| {
        Failure::new(ErrorCode::InvalidInput, "a journal record names a cause that does not come before it")
            .because(format!("{cause:?} of record {seq}"))
    })
}

fn write_contents(transaction: &Transaction<'_>, stored: &StoredBody) -> Result<(), Failure> {
    let fail = failures::database("a content cannot be written");
    for content in &stored.lifted {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO contents (hash, bytes) VALUES (?1, ?2)")
            .and_then(|mut insert| insert.execute(params![content.hash.0, content.bytes]))
            .map_err(&fail)?;
    }
    Ok(())
}

fn write_facts(transaction: &Transaction<'_>, facts: &[Fact], seq: u64) -> Result<(), Failure> {
    let fail = failures::database("the journal's index cannot be written");
    for fact in facts {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO facts (subject, key, seq) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![fact.subject.name(), fact.key, seq.cast_signed()]))
            .map_err(&fail)?;
    }
    Ok(())
}
