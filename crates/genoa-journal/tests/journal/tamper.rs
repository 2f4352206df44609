//! Whatever is done to a journal behind its back is found, and named.

use std::fs;

use crate::home::{Home, NOW, note, record};
use genoa_abi::ErrorCode;
use genoa_journal::{BreakKind, Durability, Journal, Link, VerifierKey, VerifyReport, verify_export};
use rusqlite::{Connection, params};
use serde_json::json;

/// Twenty records, signed after the last.
fn signed_home() -> Home {
    let home = Home::with_records(20);
    let (mut journal, _) = home.open();
    journal.checkpoint().expect("signed");
    home
}

fn check(sql: &str, seq: u64, kind: BreakKind) {
    let home = signed_home();
    assert_eq!(home.verify().first_break, None);
    home.tamper(sql);
    let found = home.verify().first_break.unwrap_or_else(|| panic!("not found: {sql}"));
    assert_eq!((found.seq, found.kind), (seq, kind), "{sql}: {}", found.text);
    let mut export = Vec::new();
    home.reader().export(&mut export).expect("exported");
    let exported = verify_export(&mut export.as_slice(), None).expect("an export").first_break;
    assert_eq!(exported.map(|found| found.seq), Some(seq), "{sql}, exported");
}

#[test]
fn every_change_is_found_and_named() {
    check("UPDATE records SET body = CAST('{\"text\":\"number 99\"}' AS BLOB) WHERE seq = 5", 5, BreakKind::Altered);
    check("UPDATE records SET body = substr(body, 1, 10) WHERE seq = 1", 1, BreakKind::Altered);
    check("UPDATE records SET time = time + 1 WHERE seq = 5", 5, BreakKind::Altered);
    check("UPDATE records SET kind = 'test.other' WHERE seq = 5", 5, BreakKind::Altered);
    check("UPDATE records SET cause = 4 WHERE seq = 5", 5, BreakKind::Altered);
    check("UPDATE records SET hash = zeroblob(32) WHERE seq = 5", 5, BreakKind::Altered);
    check("UPDATE records SET body = NULL WHERE seq = 5", 5, BreakKind::ContentMissing);
    check("DELETE FROM records WHERE seq = 5", 5, BreakKind::Deleted);
    check("DELETE FROM records WHERE seq < 4", 1, BreakKind::Deleted);
    check("DELETE FROM records WHERE seq = 5; UPDATE records SET seq = seq - 1 WHERE seq > 5", 5, BreakKind::Altered);
    check("DELETE FROM records WHERE seq > 15", 15, BreakKind::Truncated);
    check("DELETE FROM records", 0, BreakKind::Truncated);
    let swap = |a: u64, b: u64| {
        format!(
            "UPDATE records SET seq = 99 WHERE seq = {a}; UPDATE records SET seq = {a} WHERE seq = {b}; UPDATE records SET seq = {b} WHERE seq = 99"
        )
    };
    check(&swap(5, 6), 5, BreakKind::Reordered);
    check(&swap(3, 12), 3, BreakKind::Reordered);
    check(&swap(1, 20), 1, BreakKind::Reordered);
    check("UPDATE checkpoints SET note = replace(note, '20', '10')", 20, BreakKind::Checkpoint);
}

/// Writes all records anew with other bodies and good hashes, as somebody would who knows the format.
fn rewrite_all(home: &Home) {
    let connection = Connection::open(home.database()).expect("opened");
    let mut previous = genoa_abi::ContentHash([0; 32]);
    for seq in 1..=20_i64 {
        let body = json!({"text": "all is well"}).to_string();
        let body_hash = genoa_abi::ContentHash::of(body.as_bytes());
        let link = Link { seq: seq.cast_unsigned(), time: NOW, kind: "test.note", cause: None, body_hash };
        previous = link.hash(&previous);
        let sql = "UPDATE records SET body = CAST(?1 AS BLOB), body_hash = ?2, hash = ?3 WHERE seq = ?4";
        connection.execute(sql, params![body, body_hash.0, previous.0, seq]).expect("rewritten");
    }
}

#[test]
fn history_written_anew_is_found_by_the_signature() {
    let home = signed_home();
    rewrite_all(&home);
    let found = home.verify().first_break.expect("found");
    assert_eq!((found.seq, found.kind), (20, BreakKind::Checkpoint));
    insta::assert_snapshot!(found.text, @"the history up to record 20 is not the one that was signed");
    home.tamper("DELETE FROM checkpoints");
    let found = home.verify().first_break.expect("the checkpoint beside the database still says so");
    assert_eq!((found.seq, found.kind), (20, BreakKind::Checkpoint));
    let failure = home.try_open().expect_err("nothing is appended to a forged journal");
    assert_eq!(failure.code, ErrorCode::Conflict);
}

#[test]
fn a_history_signed_by_another_key_is_refused() {
    let (home, other) = (signed_home(), Home::new());
    Journal::open(&other.database(), &other.path("keys")).expect("opened");
    fs::remove_file(home.path("keys/journal.key")).expect("removed");
    fs::copy(other.path("keys/journal.key"), home.path("keys/journal.key")).expect("copied");
    assert_eq!(home.try_open().map_err(|failure| failure.code).map(drop), Err(ErrorCode::Conflict));
}

#[test]
fn signatures_cannot_simply_be_left_away() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let batch = vec![note("one"); 4000];
    for _ in 0..3 {
        journal.append(&batch, Durability::Group).expect("appended");
    }
    assert_eq!(journal.verify().expect("checked").checkpoints, 3);
    drop(journal);
    home.tamper("DELETE FROM checkpoints");
    assert_eq!(home.verify().first_break.map(|found| found.kind), Some(BreakKind::Checkpoint));
}

#[test]
fn an_altered_or_missing_content_is_found_at_the_record_that_has_it() {
    let changes = [
        ("UPDATE contents SET bytes = CAST('\"other\"' AS BLOB)", BreakKind::Altered),
        ("DELETE FROM contents", BreakKind::ContentMissing),
    ];
    for (sql, kind) in changes {
        let home = Home::with_records(3);
        let (mut journal, _) = home.open();
        journal.append(&[record("test.large", json!(["x".repeat(9000)]))], Durability::Group).expect("appended");
        drop(journal);
        home.tamper(sql);
        assert_eq!(home.verify().first_break.map(|found| (found.seq, found.kind)), Some((4, kind)));
    }
}

fn export(home: &Home) -> String {
    let mut bytes = Vec::new();
    home.reader().export(&mut bytes).expect("exported");
    String::from_utf8(bytes).expect("text")
}

fn check_export(text: &str, key: Option<&VerifierKey>) -> VerifyReport {
    verify_export(&mut text.as_bytes(), key).expect("an export")
}

#[test]
fn an_export_is_checked_without_the_database() {
    let home = signed_home();
    let key = VerifierKey::load(&home.path("keys")).expect("a key");
    let text = export(&home);
    let report = check_export(&text, Some(&key));
    assert_eq!((report.records, report.signed_records, report.first_break), (20, 20, None));
    assert_eq!(report.checkpoints, home.verify().checkpoints);
    let broken = check_export(&text.replace("number 7", "number 8"), Some(&key)).first_break;
    assert_eq!(broken.map(|found| (found.seq, found.kind)), Some((7, BreakKind::Altered)));
    let cut: String = text.lines().take(12).map(|line| format!("{line}\n")).collect();
    let broken = check_export(&cut, Some(&key)).first_break;
    assert_eq!(broken.map(|found| found.kind), Some(BreakKind::Truncated));
}

#[test]
fn what_is_no_export_is_refused() {
    for text in [
        "",
        "\n",
        "{}",
        "[]\n",
        "{\"genoa_journal\":1,\"key\":\"x\"}\n",
        "{\"genoa_journal\":1,\"key\":null}\nnonsense\n",
    ] {
        let failure = verify_export(&mut text.as_bytes(), None).expect_err(text);
        assert_eq!(failure.code, ErrorCode::InvalidInput, "{text}");
    }
    let newer = verify_export(&mut "{\"genoa_journal\":2,\"key\":null}\n".as_bytes(), None).expect_err("newer");
    assert_eq!(newer.code, ErrorCode::Unsupported);
}

#[test]
fn files_that_are_no_journal_are_refused() {
    let check = |bytes: &[u8], code: ErrorCode| {
        let home = Home::new();
        fs::write(home.database(), bytes).expect("written");
        let failure = home.try_open().expect_err("refused");
        assert_eq!(failure.code, code, "{failure}");
        assert!(!failure.next.is_empty(), "{failure} says what to do");
        assert_eq!(fs::read(home.database()).expect("read"), bytes, "the file is untouched");
    };
    check(&b"this is no database at all, but long enough to look at".repeat(100), ErrorCode::StorageFailed);
    let home = Home::new();
    home.tamper("CREATE TABLE photographs (name TEXT)");
    check(&fs::read(home.database()).expect("read"), ErrorCode::InvalidInput);
    let home = Home::with_records(3);
    home.tamper("PRAGMA user_version = 2");
    check(&fs::read(home.database()).expect("read"), ErrorCode::Unsupported);
    let home = Home::with_records(3);
    home.tamper("CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records WHERE seq = 1; END");
    check(&fs::read(home.database()).expect("read"), ErrorCode::InvalidInput);
}

#[test]
fn an_empty_file_is_a_new_journal_unless_one_was_signed() {
    let home = Home::new();
    fs::write(home.database(), "").expect("written");
    assert!(home.open().1.created);
    let home = signed_home();
    fs::write(home.database(), "").expect("written");
    let failure = home.try_open().expect_err("history is gone");
    assert_eq!(failure.code, ErrorCode::Conflict);
    insta::assert_snapshot!(failure, @"the journal is not the one that was signed: 20 records were signed, and only 0 are there. Restore the journal and its keys from a backup, or move both away to begin anew");
}

/// Every page of the file is damaged in turn: the journal is refused, or found broken, or the damage hit nothing that
/// matters; it never panics and never shows a changed record as good.
#[test]
fn damaged_pages_are_noticed() {
    let home = signed_home();
    home.tamper("PRAGMA wal_checkpoint(TRUNCATE)");
    let good = fs::read(home.database()).expect("read");
    let bodies: Vec<_> = home.reader().records(1, 100).expect("read").into_iter().map(|line| line.body).collect();
    let mut noticed = 0;
    for place in (0..good.len()).step_by(1009) {
        let mut bytes = good.clone();
        bytes[place] ^= 0x55;
        let home = Home::in_memory();
        fs::write(home.database(), bytes).expect("written");
        let Ok((journal, _)) = home.try_open() else {
            noticed += 1;
            continue;
        };
        match journal.verify() {
            Ok(report) if report.first_break.is_none() && report.records == 20 => {
                let read: Vec<_> = journal.records(1, 100).expect("read").into_iter().map(|line| line.body).collect();
                assert_eq!(read, bodies, "a change at byte {place} went unnoticed");
            }
            _ => noticed += 1,
        }
    }
    assert!(noticed > 0, "some bytes matter");
}
