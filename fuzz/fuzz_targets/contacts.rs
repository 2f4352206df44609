//! Contacts with lines of any kind: a card takes a line at least, so there are never more cards than lines.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &str| {
    assert!(genoa_tools::fuzzing::contacts(content) <= content.split(['\n', '\r']).count());
});
