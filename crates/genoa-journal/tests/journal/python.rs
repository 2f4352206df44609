//! The description in `docs/journal.md` is enough to check an export: a script written after it agrees with us.

use std::io::Write;
use std::process::{Command, Stdio};

use genoa_journal::Durability;
use serde_json::json;

use crate::home::{Home, NOW, record};
use crate::story::Story;

/// Whether the script finds the export whole; nothing if there is no Python on this machine.
fn script_says(export: &[u8]) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify_journal.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // The script stops reading where it finds the first fault.
    let _ = child.stdin.take().expect("its input").write_all(export);
    Some(child.wait().expect("ended").success())
}

#[test]
fn the_script_in_the_documentation_agrees() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    Story::new(1).append_to(&mut journal);
    let large = json!({"text": "x".repeat(9000), "trap": {"$content": "y"}, "ü": ["\"\\\u{0}"]});
    journal.append(&[record("test.large", large)], Durability::Group).expect("appended");
    let part = genoa_abi::ContentHash::of(json!("x".repeat(9000)).to_string().as_bytes());
    journal.save_snapshot(journal.len().expect("counted"), &json!({}), NOW).expect("saved");
    journal.destroy(&part, "test", NOW).expect("destroyed");
    journal.checkpoint().expect("signed");
    let mut export = Vec::new();
    journal.export(&mut export).expect("exported");
    let Some(whole) = script_says(&export) else { return };
    assert!(whole, "the script finds the export whole");
    let text = String::from_utf8(export).expect("text");
    let swapped = {
        let mut lines: Vec<_> = text.lines().collect();
        lines.swap(4, 5);
        lines.join("\n")
    };
    let broken = [
        text.replacen("Prepare the demo", "Prepare the bomb", 1),
        text.replacen("\"time\":1795000000000", "\"time\":1795000000001", 1),
        text.replace("journal.destroyed", "journal.destroyes"),
        text.lines().take(20).collect::<Vec<_>>().join("\n"),
        swapped,
    ];
    for (place, export) in broken.iter().enumerate() {
        assert_ne!(export, &text, "change {place} changes something");
        assert_eq!(script_says(export.as_bytes()), Some(false), "change {place}");
    }
}
