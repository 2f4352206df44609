//! Whatever arrives on a socket: no panic, no message lost or made up by how the bytes were cut, and a stable wire form.
#![no_main]

use genoa_abi::frame::{LineBuffer, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, cut) = input;
    let whole = lines(&bytes, bytes.len().max(1));
    assert_eq!(lines(&bytes, usize::from(cut).max(1)), whole, "lines depend on how they arrive");
    for line in whole {
        if let Ok(message) = Message::from_line(&line) {
            let written = message.to_line();
            assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1, "a message is one line");
            assert_eq!(Message::from_line(&written), Ok(message), "a message survives the wire");
        }
    }
});

fn lines(bytes: &[u8], chunk: usize) -> Vec<Vec<u8>> {
    let mut buffer = LineBuffer::default();
    let mut lines = Vec::new();
    for part in bytes.chunks(chunk) {
        if buffer.push(part).is_err() {
            break;
        }
        lines.extend(std::iter::from_fn(|| buffer.next_line()));
    }
    lines
}
