//! Headers of model files: none breaks the check, and none makes it read or reserve more than the file has.
#![no_main]

use libfuzzer_sys::fuzz_target;

// By their files: the rest of the crate is a C++ engine that takes minutes to build.
#[allow(dead_code, reason = "only the header's limits are used")]
#[path = "../../crates/genoa-model/src/limits.rs"]
mod limits;
#[allow(dead_code, reason = "files are not opened here")]
#[path = "../../crates/genoa-model/src/gguf.rs"]
mod gguf;

fuzz_target!(|bytes: &[u8]| {
    let whole = [b"GGUF\x03\0\0\0".as_slice(), bytes].concat();
    for bytes in [bytes, &whole] {
        if let Ok(header) = gguf::check(bytes, bytes.len() as u64) {
            assert!(header.tensors <= bytes.len() as u64 && header.pairs <= bytes.len() as u64);
        }
    }
});
