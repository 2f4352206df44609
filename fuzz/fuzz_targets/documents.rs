//! Documents of any kind: their text is found or refused, within its limit. A parser of PDF files may panic, and is contained.
#![no_main]

use genoa_tools::fuzzing::{PDF_THREAD, document};
use libfuzzer_sys::fuzz_target;

/// The fuzzer ends at every panic, contained or not; here those of the one contained thread are none of its business.
fn let_the_contained_panic() {
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(PDF_THREAD) {
            fatal(panic);
        }
    }));
}

fuzz_target!(
    init: let_the_contained_panic(),
    |input: (u8, Vec<u8>)| {
        let (kind, bytes) = input;
        let names = ["a.html", "a.docx", "a.xlsx", "a.pdf", "a.md", "a.csv", "a.pptx", "a.odt", "a.eml", "a"];
        if let Ok(text) = document(names[usize::from(kind) % names.len()], bytes) {
            assert!(text.len() <= genoa_abi::limits::READ_BYTES + 100);
        }
    }
);
