//! Rights and patterns from outside: covering stays transitive, and a narrower right never allows what the wider does not.
#![no_main]

use genoa_abi::grant::{Right, pattern_matches};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, String, String)| {
    let (first, second, third) = input;
    if pattern_matches(&first, &second) {
        assert!(first.contains('*') || first == second, "a pattern without a star stands for itself");
    }
    assert!(pattern_matches("*", &first), "a star stands for everything");
    if !first.contains('*') {
        assert!(pattern_matches(&first, &first), "a text matches itself");
    }
    let rights = [first, second, third].map(|text| rights(&text));
    for a in &rights[0] {
        for b in &rights[1] {
            for c in &rights[2] {
                assert!(!(a.covers(b) && b.covers(c)) || a.covers(c), "{a} covers {b} covers {c}");
            }
        }
    }
});

/// Rights as they would arrive, and the text as a name in each kind of right that has one.
fn rights(text: &str) -> Vec<Right> {
    let json = |key: &str, field: &str| serde_json::json!({ key: { field: text } });
    let named = [json("program", "name"), json("host", "area"), json("surface", "name"), json("device", "name"), json("tool", "name")];
    let files = serde_json::json!({ "files": { "under": text, "access": "read" } });
    let network = serde_json::json!({ "network": { "host": text, "methods": [] } });
    let made = named.into_iter().chain([files, network]).filter_map(|value| serde_json::from_value(value).ok());
    made.chain(serde_json::from_str(text)).collect()
}
