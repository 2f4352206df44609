//! Mails of any form: they are read or refused, and the text stays within its limit.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(length) = genoa_tools::fuzzing::mail(bytes) {
        assert!(length <= genoa_abi::limits::READ_BYTES + 100);
    }
});
