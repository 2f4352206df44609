//! What a crash left unfinished in the write-ahead log.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: u64 = 24;

/// Bytes of the log at `path` that belong to its present generation but lie behind its `good_frames` committed frames:
/// the traces of an append that did not finish. They hold nothing that was acknowledged as durable.
pub(crate) fn unfinished_bytes(path: &Path, good_frames: u64) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    if length < HEADER_BYTES as u64 {
        return Ok(length);
    }
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let page_bytes = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    if !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
        return Ok(length);
    }
    let frame_bytes = FRAME_HEADER_BYTES + u64::from(page_bytes);
    let mut place = HEADER_BYTES as u64 + good_frames * frame_bytes;
    let mut unfinished = 0;
    // Frames of an earlier generation, which the log may still hold, carry other salts.
    while place < length && frame_salts(&mut file, place, length)?.is_none_or(|salts| salts == header[16..24]) {
        unfinished += frame_bytes.min(length - place);
        place += frame_bytes;
    }
    Ok(unfinished)
}

fn frame_salts(file: &mut File, place: u64, length: u64) -> io::Result<Option<[u8; 8]>> {
    if length - place < FRAME_HEADER_BYTES {
        return Ok(None);
    }
    let mut salts = [0; 8];
    file.seek(SeekFrom::Start(place + 8))?;
    file.read_exact(&mut salts)?;
    Ok(Some(salts))
}
