//! The sample is the same every time, and what it holds is what the real parsers read.

#![expect(clippy::unwrap_used, reason = "what these tests do not expect shall stop them")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::{Date, date};
use sha2::{Digest, Sha256};

fn sample(today: Date) -> (tempfile::TempDir, genoa_sample::Summary) {
    let folder = tempfile::tempdir().unwrap();
    let summary = genoa_sample::write(folder.path(), today).unwrap();
    (folder, summary)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Content and time of every file.
fn fingerprints(folder: &Path) -> BTreeMap<PathBuf, String> {
    let fingerprint = |path: &PathBuf| {
        let changed = path.metadata().unwrap().modified().unwrap();
        format!("{:x?} {changed:?}", Sha256::digest(std::fs::read(path).unwrap()))
    };
    files(folder).iter().map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fingerprint(path))).collect()
}

#[test]
fn two_runs_give_the_same_bytes_and_another_day_does_not() {
    let today = date(2026, 11, 23);
    let (first, summary) = sample(today);
    std::thread::sleep(std::time::Duration::from_millis(2100)); // the clock of an archive counts two seconds
    let (second, _) = sample(today);
    let (a, b) = (fingerprints(first.path()), fingerprints(second.path()));
    for (path, fingerprint) in &a {
        assert_eq!(b.get(path), Some(fingerprint), "{}", path.display());
    }
    assert_eq!(a.len(), b.len());
    assert_eq!(summary.files, a.len());
    assert!((250..=350).contains(&summary.files), "{summary:?}");
    assert!(summary.bytes < 40_000_000, "{summary:?}");
    assert_eq!(summary.demo, date(2026, 11, 26));
    assert_ne!(fingerprints(sample(date(2027, 3, 1)).0.path()), a);
}

#[test]
fn a_folder_that_is_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let failure = genoa_sample::write(folder.path(), date(2026, 11, 23)).unwrap_err();
    assert_eq!(failure.code, genoa_abi::ErrorCode::Conflict);
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn mails_contacts_and_calendars_are_read_by_the_real_parsers() {
    let (folder, _) = sample(date(2026, 11, 23));
    let mut counts = BTreeMap::new();
    for path in files(folder.path()) {
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        if path.starts_with(folder.path().join("Mail")) {
            let message = mail_parser::MessageParser::default().parse(&bytes).unwrap();
            assert!(message.from().is_some() && message.date().is_some() && message.message_id().is_some());
            assert!(!message.body_text(0).unwrap().contains('{'), "a place was not filled: {}", path.display());
            *counts.entry("mails").or_insert(0) += 1;
        } else if matches!(extension.as_str(), "ics" | "vcf") {
            let text = String::from_utf8(bytes).unwrap();
            let mut parser = calcard::Parser::new(&text);
            loop {
                match parser.entry() {
                    calcard::Entry::ICalendar(calendar) => {
                        let expanded = calendar.expand_dates(calcard::common::timezone::Tz::Floating, 100);
                        assert!(expanded.errors.is_empty() && !expanded.events.is_empty());
                        *counts.entry("calendars").or_insert(0) += 1;
                    }
                    calcard::Entry::VCard(_) => *counts.entry("contacts").or_insert(0) += 1,
                    calcard::Entry::Eof => break,
                    other => panic!("{other:?}"),
                }
            }
        } else if extension == "md" || extension == "txt" {
            assert!(!String::from_utf8(bytes).unwrap().contains('{'), "a place was not filled: {}", path.display());
        }
    }
    assert_eq!(counts, BTreeMap::from([("calendars", 2), ("contacts", 26), ("mails", 88)]));
}

#[test]
fn the_project_fails_with_its_two_errors() {
    let (folder, _) = sample(date(2026, 11, 23));
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--message-format", "short"])
        .current_dir(folder.path().join("Projects/beacon"))
        .env("CARGO_TARGET_DIR", folder.path().join("build"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("src/reading.rs") && said.contains("E0308"), "{said}");
    assert!(said.contains("src/report.rs") && said.contains("E0382"), "{said}");
    assert!(said.contains("due to 2 previous errors"), "{said}");
}

#[test]
fn the_report_can_be_read_by_pdftotext() {
    let (folder, _) = sample(date(2026, 11, 23));
    let path = folder.path().join("Documents/Harbour Hotels/pilot-report.pdf");
    match Command::new("pdftotext").arg(&path).arg("-").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success() && text.contains("18.4 % less energy") && text.contains("EUR 436,000"),
                "{text}"
            );
        }
        // Without the program only the file's form is looked at.
        Err(_) => assert!(std::fs::read(&path).unwrap().starts_with(b"%PDF-1.4")),
    }
}
