//! Checking a journal: the chain, the contents, the signatures; and naming the first thing that is wrong.

use std::collections::{BTreeMap, HashMap, HashSet};

use genoa_abi::{ContentHash, ErrorCode, Failure};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use crate::chain::{GENESIS, Head, Link};
use crate::checkpoint::{self, VerifierKey};
use crate::content;
use crate::failures;
use crate::journal::DESTROYED;
use crate::limits;
use crate::reader::{JournalReader, StoredRecord};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Records whose place in the chain is good.
    pub records: u64,
    /// Contents that are what they were when they were written.
    pub contents: u64,
    /// Contents that were destroyed, each with a record that says so.
    pub destroyed: u64,
    /// Checkpoints with a good signature of this journal's key.
    pub checkpoints: u64,
    /// Records covered by the newest checkpoint. Those after it are chained, but somebody with write access could
    /// have written them anew.
    pub signed_records: u64,
    /// The first thing that is wrong; nothing if all is well.
    pub first_break: Option<Break>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The first record that is affected; 0 for the journal as a whole.
    pub seq: u64,
    /// What kind of damage.
    pub kind: BreakKind,
    /// What is wrong, one sentence.
    pub text: String,
}

/// Kinds of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakKind {
    /// A record or content was changed.
    Altered,
    /// Records are missing in the middle.
    Deleted,
    /// A record is in another's place.
    Reordered,
    /// Records are missing at the end: fewer than were signed.
    Truncated,
    /// History is another than was signed, or a signature is missing or not good.
    Checkpoint,
    /// A content is missing, and no record says that it was destroyed.
    ContentMissing,
}

impl Break {
    fn new(seq: u64, kind: BreakKind, text: impl Into<String>) -> Self {
        Self { seq, kind, text: text.into() }
    }
}

/// Checks that `record` follows `head`, and answers with the new head.
pub(crate) fn follow(head: Head, record: &StoredRecord) -> Result<Head, Break> {
    let seq = head.seq + 1;
    if record.seq > seq {
        let text = match record.seq - 1 {
            last if last == seq => format!("record {seq} is missing"),
            last => format!("records {seq} to {last} are missing"),
        };
        return Err(Break::new(seq, BreakKind::Deleted, text));
    }
    if record.seq < seq {
        return Err(Break::new(
            seq,
            BreakKind::Reordered,
            format!("record {} comes after record {}", record.seq, head.seq),
        ));
    }
    if record.body.as_ref().is_some_and(|body| ContentHash::of(body) != record.body_hash) {
        return Err(Break::new(seq, BreakKind::Altered, format!("the body of record {seq} was altered")));
    }
    if record.link().hash(&head.hash) != record.hash {
        return Err(Break::new(seq, BreakKind::Altered, format!("record {seq} is not the one that was written there")));
    }
    Ok(Head { seq, hash: record.hash })
}

/// Is fed all contents, then all records in order with the checkpoints between them.
#[derive(Debug)]
pub(crate) struct Checker {
    key: Option<VerifierKey>,
    head: Head,
    report: VerifyReport,
    /// Every content, whether it is good, and the contents that it refers to.
    contents: HashMap<ContentHash, (bool, HashSet<ContentHash>)>,
    needed: HashSet<ContentHash>,
    /// What is not there, and the first record that needs it.
    missing: BTreeMap<u64, Vec<ContentHash>>,
    destroyed: HashSet<ContentHash>,
}

impl Checker {
    pub(crate) fn new(key: Option<VerifierKey>) -> Self {
        Self {
            key,
            head: Head::EMPTY,
            report: VerifyReport::default(),
            contents: HashMap::new(),
            needed: HashSet::new(),
            missing: BTreeMap::new(),
            destroyed: HashSet::new(),
        }
    }

    pub(crate) fn content(&mut self, hash: ContentHash, bytes: &[u8]) {
        let good = ContentHash::of(bytes) == hash;
        self.report.contents += u64::from(good);
        self.contents.insert(hash, (good, content::references(bytes)));
    }

    pub(crate) fn record(&mut self, record: &StoredRecord) -> Result<(), Break> {
        self.head = follow(self.head, record)?;
        self.report.records = self.head.seq;
        let Some(body) = &record.body else {
            self.missing.entry(record.seq).or_default().push(record.body_hash);
            return Ok(());
        };
        for hash in content::references(body) {
            self.need(hash, record.seq)?;
        }
        if record.kind == DESTROYED {
            let destroyed: Destroyed = serde_json::from_slice(body).map_err(|error| {
                Break::new(record.seq, BreakKind::Altered, format!("record {} is unreadable: {error}", record.seq))
            })?;
            self.destroyed.insert(destroyed.content);
        }
        Ok(())
    }

    fn need(&mut self, hash: ContentHash, seq: u64) -> Result<(), Break> {
        let mut wanted = vec![hash];
        while let Some(hash) = wanted.pop() {
            if !self.needed.insert(hash) {
                continue;
            }
            match self.contents.get(&hash) {
                Some((true, parts)) => wanted.extend(parts),
                Some((false, _)) => {
                    let text = format!("the content {} of record {seq} was altered", hash.short());
                    return Err(Break::new(seq, BreakKind::Altered, text));
                }
                None => self.missing.entry(seq).or_default().push(hash),
            }
        }
        Ok(())
    }

    /// Takes a checkpoint; comes right after the record that it signs.
    pub(crate) fn checkpoint(&mut self, note: &str) -> Result<(), Break> {
        let seq = self.head.seq;
        let wrong = |text: String| Break::new(seq, BreakKind::Checkpoint, text);
        let key =
            self.key.as_ref().ok_or_else(|| wrong("the key that checks the checkpoints is missing".to_owned()))?;
        let signed = key.open(note).map_err(|failure| wrong(format!("a checkpoint near record {seq}: {failure}")))?;
        if signed.size > seq {
            let text = format!("{} records were signed, and only {seq} are there", signed.size);
            return Err(Break::new(seq, BreakKind::Truncated, text));
        }
        if signed.size < seq {
            return Err(wrong(format!("the checkpoint of record {} is in a wrong place", signed.size)));
        }
        if signed.head != self.head.hash {
            let text = format!("the history up to record {seq} is not the one that was signed");
            return Err(wrong(text));
        }
        self.signatures_are_dense()?;
        self.report.checkpoints += 1;
        self.report.signed_records = seq;
        Ok(())
    }

    /// Signatures come at a steady pace; taking them all away is no way around them.
    fn signatures_are_dense(&self) -> Result<(), Break> {
        let unsigned = self.head.seq - self.report.signed_records;
        if unsigned < limits::CHECKPOINT_RECORDS + limits::BATCH_RECORDS as u64 {
            return Ok(());
        }
        let text =
            format!("no checkpoint signs any of the {unsigned} records after record {}", self.report.signed_records);
        Err(Break::new(self.report.signed_records + 1, BreakKind::Checkpoint, text))
    }

    fn finish(&mut self) -> Result<(), Break> {
        self.signatures_are_dense()?;
        for (seq, hashes) in &self.missing {
            if let Some(hash) = hashes.iter().find(|hash| !self.destroyed.contains(hash)) {
                let text = format!(
                    "the content {} of record {seq} is missing, and no record says that it was destroyed",
                    hash.short()
                );
                return Err(Break::new(*seq, BreakKind::ContentMissing, text));
            }
        }
        self.report.destroyed = self.destroyed.len() as u64;
        Ok(())
    }

    /// The report, with `result` of the feeding.
    pub(crate) fn report(mut self, result: Result<(), Break>) -> VerifyReport {
        self.report.first_break = result.and_then(|()| self.finish()).err();
        self.report
    }
}

#[derive(Deserialize)]
struct Destroyed {
    content: ContentHash,
}

impl JournalReader {
    /// Checks everything: the chain, every content, every checkpoint, and the file itself.
    ///
    /// # Errors
    /// `StorageFailed` if the journal cannot be read at all. What is wrong with it is in the report.
    pub fn verify(&self) -> Result<VerifyReport, Failure> {
        let fail = failures::database("the journal cannot be checked");
        let consistent = self.connection.unchecked_transaction().map_err(&fail)?;
        let key = match VerifierKey::load(&self.keys) {
            Ok(key) => Some(key),
            Err(failure) if failure.code == ErrorCode::NotFound => None,
            Err(failure) => return Err(failure),
        };
        let mut checker = Checker::new(key);
        self.each_content(|hash, bytes| {
            checker.content(hash, bytes);
            Ok(())
        })?;
        let notes = self.checkpoint_notes()?;
        let result = self.check_records(&mut checker, &notes)?;
        drop(consistent);
        let mut report = checker.report(result);
        if let Some(first) = &mut report.first_break {
            self.recognise_move(first)?;
        }
        Ok(report)
    }

    fn check_records(&self, checker: &mut Checker, notes: &[(u64, String)]) -> Result<Result<(), Break>, Failure> {
        let mut notes = notes.iter().peekable();
        let mut result = Ok(());
        self.each_record(0, u64::MAX, |record| {
            if result.is_ok() {
                result = checker.record(&record);
            }
            while let Some((_, note)) = notes.next_if(|(size, _)| result.is_ok() && *size <= record.seq) {
                result = checker.checkpoint(note);
            }
            Ok(())
        })?;
        for (_, note) in notes {
            result = result.and_then(|()| checker.checkpoint(note));
        }
        Ok(result)
    }

    /// Feeds every content to `take`.
    pub(crate) fn each_content(
        &self,
        mut take: impl FnMut(ContentHash, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let fail = failures::database("the contents cannot be read");
        let mut statement = self.connection.prepare_cached("SELECT hash, bytes FROM contents").map_err(&fail)?;
        let mut rows = statement.query([]).map_err(&fail)?;
        while let Some(row) = rows.next().map_err(&fail)? {
            let hash = ContentHash(row.get(0).map_err(&fail)?);
            let bytes = row.get_ref(1).map_err(&fail)?;
            take(hash, bytes.as_blob().map_err(|error| fail(error.into()))?)?;
        }
        Ok(())
    }

    /// All checkpoints by the size that their place claims, with the one outside of the database.
    pub(crate) fn checkpoint_notes(&self) -> Result<Vec<(u64, String)>, Failure> {
        let fail = failures::database("the checkpoints cannot be read");
        let mut statement =
            self.connection.prepare_cached("SELECT size, note FROM checkpoints ORDER BY size").map_err(&fail)?;
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, String>(1)?));
        let mut notes = statement.query_map([], row).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(&fail)?;
        let beside = self.checkpoint_file();
        if beside.exists() {
            let note = checkpoint::read_short(&beside)?;
            let size = note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0);
            notes.push((size, note));
            notes.sort();
            notes.dedup();
        }
        Ok(notes)
    }

    /// Checks the last `count` records of the chain.
    pub(crate) fn check_tail(&self, count: u64) -> Result<(), Failure> {
        let last = self.head()?.seq;
        let before = last.saturating_sub(count);
        let mut head = self.head_at(before)?;
        self.each_record(before + 1, u64::MAX, |record| {
            head = follow(head, &record)
                .map_err(|found| failures::damaged("the journal's end is broken").because(found.text))?;
            Ok(())
        })
    }

    /// Where the chain stood after record `seq`.
    pub(crate) fn head_at(&self, seq: u64) -> Result<Head, Failure> {
        Ok(Head { seq, hash: self.hash_at(seq)? })
    }

    fn hash_at(&self, seq: u64) -> Result<ContentHash, Failure> {
        if seq == 0 {
            return Ok(GENESIS);
        }
        let record = self.stored(seq)?;
        record.map(|record| record.hash).ok_or_else(|| failures::damaged(format!("record {seq} is missing")))
    }

    /// Checks that the journal still has what its newest checkpoint signed. Answers with the checkpoint's size.
    pub(crate) fn check_newest_checkpoint(&self, key: &VerifierKey) -> Result<Option<u64>, Failure> {
        let notes = self.checkpoint_notes()?;
        let Some((_, note)) = notes.last() else { return Ok(None) };
        let refuse = |why: String| {
            Failure::new(ErrorCode::Conflict, "the journal is not the one that was signed")
                .because(why)
                .try_next("Restore the journal and its keys from a backup, or move both away to begin anew")
        };
        let signed = key.open(note).map_err(|failure| refuse(failure.to_string()))?;
        let records = self.head()?.seq;
        if signed.size > records {
            return Err(refuse(format!("{} records were signed, and only {records} are there", signed.size)));
        }
        if self.hash_at(signed.size)? != signed.head {
            return Err(refuse(format!("record {} is another", signed.size)));
        }
        Ok(Some(signed.size))
    }

    /// An altered record may be a genuine one in another's place.
    fn recognise_move(&self, found: &mut Break) -> Result<(), Failure> {
        let Some(record) = self.stored(found.seq)?.filter(|_| found.kind == BreakKind::Altered) else { return Ok(()) };
        let from = found.seq.saturating_sub(limits::MOVED_RECORDS);
        let mut before = GENESIS;
        let mut origin = None;
        self.each_record(from, found.seq.saturating_add(limits::MOVED_RECORDS), |other| {
            // Where neighbours changed places, the record before is the one that is now at the other place.
            let moved = Link { seq: other.seq, ..record.link() };
            let fits = |previous: &ContentHash| moved.hash(previous) == record.hash;
            if other.seq != record.seq && (fits(&before) || fits(&other.hash)) {
                origin = Some(other.seq);
            }
            before = other.hash;
            Ok(())
        })?;
        if let Some(origin) = origin {
            found.kind = BreakKind::Reordered;
            found.text = format!("record {origin} is in the place of record {}", found.seq);
        }
        Ok(())
    }
}
