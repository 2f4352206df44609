//! Kill -9, torn logs, full disks: what was acknowledged is there, what was not is not half there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::{env, fs};

use genoa_abi::ErrorCode;
use genoa_journal::{Cause, Durability, Journal, NewRecord};

use crate::home::{Home, note};

const CHILD_HOME: &str = "GENOA_JOURNAL_TEST_HOME";

fn event_with_two_effects(number: u64) -> [NewRecord; 3] {
    let effect = || NewRecord { cause: Cause::InBatch(0), ..note("effect") };
    [note(&format!("event {number}")), effect(), effect()]
}

/// Not a test by itself: the child of the next one. It appends and says what was acknowledged until it is killed.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(home) = env::var_os(CHILD_HOME).map(std::path::PathBuf::from) else { return };
    let (mut journal, _) = Journal::open(&home.join("journal.db"), &home.join("keys")).expect("opened");
    for number in 0..1_000_000 {
        let durability = if number % 10 == 0 { Durability::Disk } else { Durability::Group };
        let seqs = journal.append(&event_with_two_effects(number), durability).expect("appended");
        println!("acknowledged {}", seqs[2]);
        std::io::stdout().flush().expect("said");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_nine() {
    let home = Home::new();
    let mut before = 0;
    for round in 1..=5 {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "crash::child_that_appends_until_it_is_killed", "--nocapture"])
            .env(CHILD_HOME, home.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut acknowledged = 0_u64;
        let mut read = |line: std::io::Result<String>| {
            if let Some(number) = line.ok().and_then(|line| line.strip_prefix("acknowledged ").map(str::to_owned)) {
                acknowledged = number.parse().expect("a number");
            }
        };
        lines.by_ref().take(40 * round).for_each(&mut read);
        child.kill().expect("killed");
        child.wait().expect("ended");
        lines.for_each(&mut read);
        let (journal, opened) = home.open();
        assert!(acknowledged > before && opened.records >= acknowledged, "{acknowledged} of {}", opened.records);
        assert_eq!(opened.records % 3, 0, "an event is there with both its effects or not at all");
        assert_eq!(journal.verify().expect("checked").first_break, None);
        before = opened.records;
    }
}

#[test]
fn a_torn_log_leaves_a_good_prefix() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    for number in 0..12 {
        journal.append(&event_with_two_effects(number), Durability::Group).expect("appended");
    }
    let whole: Vec<_> = journal.records(1, 100).expect("read").into_iter().map(|line| line.hash).collect();
    let (database, log) =
        (fs::read(home.database()).expect("read"), fs::read(home.path("journal.db-wal")).expect("read"));
    let key = fs::read(home.path("keys/journal.key")).expect("read");
    drop(journal);
    let mut lengths = Vec::new();
    for length in (0..=log.len()).step_by(97) {
        let torn = Home::in_memory();
        fs::create_dir(torn.path("keys")).expect("made");
        fs::write(torn.database(), &database).expect("written");
        fs::write(torn.path("journal.db-wal"), &log[..length]).expect("written");
        fs::write(torn.path("keys/journal.key"), &key).expect("written");
        fs::set_permissions(torn.path("keys/journal.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("set");
        let (mut journal, opened) = torn.open();
        let kept: Vec<_> = journal.records(1, 100).expect("read").into_iter().map(|line| line.hash).collect();
        assert!(whole.starts_with(&kept) && kept.len() % 3 == 0, "{} records after {length} bytes", kept.len());
        assert_eq!(opened.records, kept.len() as u64);
        assert!(opened.cut_bytes < log.len() as u64);
        journal.append(&event_with_two_effects(99), Durability::Disk).expect("it goes on");
        assert_eq!(journal.verify().expect("checked").first_break, None);
        lengths.push((kept.len(), opened.cut_bytes));
    }
    assert!(lengths.iter().any(|(kept, _)| *kept > 0 && *kept < whole.len()), "some lengths cut in the middle");
    assert!(lengths.iter().any(|(_, cut)| *cut > 0), "what was cut is told");
}

/// The database may not grow: what a full disk does, without filling one.
#[test]
fn a_full_disk_refuses_the_whole_append() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    journal.limit_bytes(200_000).expect("limited");
    let mut good = 0;
    let failure = loop {
        match journal.append(&[note("small"), note(&"x".repeat(3000))], Durability::Disk) {
            Ok(seqs) => good = seqs[1],
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.code, ErrorCode::StorageFailed, "{failure}");
    assert_eq!(journal.len(), Ok(good), "nothing half written");
    assert_eq!(journal.verify().expect("checked").first_break, None);
    journal.limit_bytes(100_000_000).expect("space again");
    assert_eq!(journal.append(&[note("again")], Durability::Disk), Ok(vec![good + 1]));
}

#[test]
fn a_folder_that_cannot_be_written_is_refused() {
    let home = Home::new();
    let file = home.path("file");
    fs::write(&file, "").expect("written");
    let failure = Journal::open(&file.join("journal.db"), &home.path("keys")).expect_err("refused");
    assert_eq!(failure.code, ErrorCode::StorageFailed, "{failure}");
}
