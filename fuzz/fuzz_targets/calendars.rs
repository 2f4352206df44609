//! Calendars with lines of any kind: they are read, and an event that is put in and taken out leaves all lines as they were.
#![no_main]

use genoa_tools::fuzzing::{calendar, edited_calendar};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &str| {
    let _ = calendar(content);
    if let Ok((before, after)) = edited_calendar(content) {
        assert_eq!(before, after);
    }
});
