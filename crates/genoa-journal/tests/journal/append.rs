//! What is appended is read back, once, in order, whole; what cannot be kept is refused.

use crate::home::{Home, NOW, note, record};
use genoa_abi::ErrorCode;
use genoa_journal::{Cause, Durability, Journal, NewRecord, limits};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

#[test]
fn records_come_back_in_order_with_their_causes() {
    let home = Home::new();
    let (mut journal, opened) = home.open();
    assert!(opened.created);
    let caused = |cause| NewRecord { cause, ..note("effect") };
    let batch = [note("event"), caused(Cause::InBatch(0)), caused(Cause::InBatch(0))];
    assert_eq!(journal.append(&batch, Durability::Disk), Ok(vec![1, 2, 3]));
    assert_eq!(journal.append(&[caused(Cause::Record(2))], Durability::Group), Ok(vec![4]));
    drop(journal);
    let (journal, opened) = home.open();
    assert_eq!((opened.created, opened.records, opened.cut_bytes), (false, 4, 0));
    let causes: Vec<_> = journal.records(1, 10).expect("read").iter().map(|line| (line.seq, line.cause)).collect();
    assert_eq!(causes, [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2))]);
    let last: Vec<_> = journal.tail(2).expect("read").iter().map(|line| line.seq).collect();
    assert_eq!(last, [3, 4]);
    assert_eq!(journal.record(1).expect("read").body, Some(json!({"text": "event"})));
    assert_eq!(journal.verify().expect("checked").first_break, None);
}

#[test]
fn what_the_journal_does_not_take_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let mut deep = json!(0);
    for _ in 0..limits::BODY_DEPTH + 2 {
        deep = json!([deep]);
    }
    let refused = [
        (record("", json!({})), ErrorCode::InvalidInput),
        (record("Bad Kind", json!({})), ErrorCode::InvalidInput),
        (record(&"k".repeat(65), json!({})), ErrorCode::InvalidInput),
        (record("test.deep", deep), ErrorCode::InvalidInput),
        (record("test.large", json!("x".repeat(limits::BODY_BYTES))), ErrorCode::TooLarge),
        (NewRecord { cause: Cause::Record(7), ..note("future") }, ErrorCode::InvalidInput),
        (NewRecord { cause: Cause::Record(0), ..note("nothing") }, ErrorCode::InvalidInput),
        (NewRecord { cause: Cause::InBatch(1), ..note("itself") }, ErrorCode::InvalidInput),
    ];
    for (bad, code) in refused {
        let kind = bad.kind.clone();
        let result = journal.append(&[note("good"), bad], Durability::Group);
        assert_eq!(result.map_err(|failure| failure.code), Err(code), "{kind}");
    }
    let many = vec![note("one"); limits::BATCH_RECORDS + 1];
    assert_eq!(journal.append(&many, Durability::Group).map_err(|failure| failure.code), Err(ErrorCode::TooLarge));
    assert_eq!(journal.len(), Ok(0));
    assert_eq!(journal.append(&[note("first")], Durability::Group), Ok(vec![1]));
}

#[test]
fn a_large_part_is_stored_once() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let prompt = "instructions ".repeat(1000);
    for number in 0..50 {
        journal
            .append(&[record("test.infer", json!({"number": number, "prompt": prompt}))], Durability::Group)
            .expect("appended");
    }
    let report = journal.verify().expect("checked");
    assert_eq!((report.records, report.contents, report.first_break), (50, 1, None));
    assert_eq!(journal.record(7).expect("read").body, Some(json!({"number": 6, "prompt": prompt})));
}

#[test]
fn a_body_cannot_make_the_journal_read_out_a_content() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let secret = "secret ".repeat(1000);
    journal.append(&[record("test.secret", json!({ "text": secret }))], Durability::Group).expect("appended");
    let hash = genoa_abi::ContentHash::of(json!(secret).to_string().as_bytes()).to_string();
    let tries = [
        json!({"$content": hash}),
        json!({"a": {"$content": hash}}),
        json!({"a": {"$$content": hash}}),
        json!({"a": {"$content": hash, "b": 1}}),
        json!([{"$content": {"$content": [hash]}}]),
    ];
    for body in tries {
        let seqs = journal.append(&[record("test.try", body.clone())], Durability::Group).expect("appended");
        assert_eq!(journal.record(seqs[0]).expect("read").body, Some(body));
    }
    assert_eq!(journal.verify().expect("checked").first_break, None);
}

#[test]
fn a_second_writer_is_refused_and_told_who_writes() {
    let home = Home::new();
    let (journal, _) = home.open();
    let failure = home.try_open().expect_err("refused");
    assert_eq!(failure.code, ErrorCode::Conflict);
    assert!(failure.why.contains(&format!("process {}", std::process::id())), "{failure}");
    assert_eq!(home.reader().len(), Ok(0), "looking on is allowed");
    drop(journal);
    home.open();
}

#[test]
fn a_destroyed_content_is_gone_and_the_chain_is_whole() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let secret = "my diagnosis ".repeat(1000);
    journal
        .append(&[record("test.mail", json!({"text": secret, "subject": "hello"}))], Durability::Group)
        .expect("appended");
    let part = genoa_abi::ContentHash::of(json!(secret).to_string().as_bytes());
    let failure = journal.destroy(&part, "the person asked", NOW).expect_err("still needed");
    assert_eq!(failure.code, ErrorCode::Conflict);
    journal.save_snapshot(1, &json!({"state": 1}), NOW).expect("saved");
    journal.destroy(&part, "the person asked", NOW).expect("destroyed");
    let body = journal.record(1).expect("read").body;
    assert_eq!(body, Some(json!({"text": {"$destroyed": part}, "subject": "hello"})));
    let whole = journal.record(1).expect("read").body_hash;
    journal.destroy(&whole, "the person asked", NOW).expect("destroyed");
    assert_eq!(journal.record(1).expect("read").body, None);
    let report = journal.verify().expect("checked");
    assert_eq!((report.destroyed, report.first_break), (2, None));
    assert_eq!(journal.destroy(&whole, "again", NOW).map_err(|failure| failure.code), Err(ErrorCode::NotFound));
    drop(journal);
    for file in ["journal.db", "journal.db-wal"] {
        let bytes = std::fs::read(home.path(file)).unwrap_or_default();
        assert!(!bytes.windows(12).any(|window| window == b"my diagnosis"), "{file} still has it");
    }
}

#[test]
fn the_newest_good_snapshot_is_used() {
    let home = Home::with_records(10);
    let (mut journal, _) = home.open();
    assert_eq!(journal.load_snapshot().expect("looked up").snapshot, None);
    for seq in [3, 6, 9] {
        journal.save_snapshot(seq, &json!({ "seq": seq }), NOW).expect("saved");
    }
    let found = journal.load_snapshot().expect("looked up");
    assert_eq!(found.snapshot.map(|snapshot| (snapshot.seq, snapshot.state)), Some((9, json!({"seq": 9}))));
    assert_eq!(
        journal.save_snapshot(99, &json!({}), NOW).map_err(|failure| failure.code),
        Err(ErrorCode::InvalidInput)
    );
    drop(journal);
    home.tamper("UPDATE snapshots SET state = CAST('{\"seq\":10}' AS BLOB) WHERE seq = 9");
    let found = home.reader().load_snapshot().expect("looked up");
    assert_eq!(found.snapshot.map(|snapshot| snapshot.seq), Some(6));
    insta::assert_snapshot!(found.passed_over.join("\n"), @"the snapshot after record 9 was passed over: it is not what record 13 says was saved");
}

fn json_value() -> impl Strategy<Value = Json> {
    let text = prop_oneof!["[a-z$\u{0}\"\\\\é]{0,12}", Just("$content".to_owned()), Just("x".repeat(5000))];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1e9..1e9f64).prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(text.clone(), inner.clone(), 0..3)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            inner.prop_map(|value| json!({"$content": value})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bodies_round_trip(bodies in proptest::collection::vec(json_value(), 1..6)) {
        let home = Home::in_memory();
        let (mut journal, _) = home.open();
        let records: Vec<_> = bodies.iter().map(|body| record("test.any", body.clone())).collect();
        journal.append(&records, Durability::Group).expect("appended");
        let read: Vec<_> = journal.records(1, 10).expect("read").into_iter().filter_map(|line| line.body).collect();
        prop_assert_eq!(read, bodies);
        prop_assert_eq!(journal.verify().expect("checked").first_break, None);
    }
}

#[test]
fn a_body_deeper_than_json_parsers_read_round_trips() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let mut deep = json!("bottom");
    for _ in 0..400 {
        deep = json!({"in": [deep]});
    }
    journal.append(&[record("test.deep", deep.clone())], Durability::Group).expect_err("800 levels are too many");
    let mut deep = json!("bottom");
    for _ in 0..250 {
        deep = json!({"in": [deep]});
    }
    journal.append(&[record("test.deep", deep.clone())], Durability::Group).expect("appended");
    assert_eq!(journal.record(1).expect("read").body, Some(deep));
    assert_eq!(journal.verify().expect("checked").first_break, None);
}

#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let (mut journal, _) = home.open();
    journal.append(&[note("one")], Durability::Group).expect("appended");
    journal.checkpoint().expect("signed");
    for file in ["journal.db", "journal.db-wal", "journal.lock", "journal.checkpoint", "keys/journal.key"] {
        let mode = std::fs::metadata(home.path(file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    drop(journal);
    std::fs::set_permissions(home.path("keys/journal.key"), PermissionsExt::from_mode(0o644)).expect("changed");
    let failure = Journal::open(&home.database(), &home.path("keys")).expect_err("an open key is refused");
    assert_eq!(failure.code, ErrorCode::NotGranted);
}
