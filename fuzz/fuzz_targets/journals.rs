//! Exported journals, and the events in them: what is no journal is refused, and what is read is written as it was.
#![no_main]

use genoa_abi::event::{Effect, Event};
use genoa_journal::verify_export;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = verify_export(&mut &*bytes, None);
    let headed = [b"{\"genoa_journal\":1}\n".as_slice(), bytes].concat();
    let _ = verify_export(&mut headed.as_slice(), None);
    if let Ok(event) = serde_json::from_slice::<Event>(bytes) {
        let written = serde_json::to_vec(&event).expect("an event has a JSON form");
        assert_eq!(serde_json::from_slice::<Event>(&written).ok(), Some(event));
    }
    if let Ok(effect) = serde_json::from_slice::<Effect>(bytes) {
        let written = serde_json::to_vec(&effect).expect("an effect has a JSON form");
        assert_eq!(serde_json::from_slice::<Effect>(&written).ok(), Some(effect));
    }
});
