//! One request whose answer is passed on as it comes.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use genoa_abi::egress::{StreamHead, StreamRequest};
use genoa_abi::limits::{STREAM_BYTES, STREAM_SILENCE_MS};
use genoa_abi::{ErrorCode, Failure};
use ureq::BodyReader;
use ureq::http::Uri;

use crate::egress::fetch::{Checked, Patience, failed, fields};
use crate::egress::rules::Rules;

/// Read at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// The rest of an answer that has begun.
pub(crate) struct Parts {
    uri: Uri,
    patience: Patience,
    reader: BodyReader<'static>,
    /// The first bytes of a character whose others are still to come.
    begun: Vec<u8>,
    bytes: usize,
}

/// Sends the request, if `rules` allow, and waits until its answer begins.
pub(crate) fn stream(rules: &Rules, request: StreamRequest) -> Result<(StreamHead, Parts), Failure> {
    let patience = Patience::Silence(Duration::from_millis(request.silence_ms.min(STREAM_SILENCE_MS)));
    let asked = Checked::read(request.fetch)?;
    let response = asked.send(rules, patience)?;
    let head = StreamHead { status: response.status().as_u16(), headers: fields(&response) };
    // What is counted is what was read, below.
    let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
    Ok((head, Parts { uri: asked.uri, patience, reader, begun: Vec::new(), bytes: 0 }))
}

impl Parts {
    /// What comes next; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<String>, Failure> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = match self.reader.read(&mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&self.uri, &ureq::Error::from(error), self.patience)),
            };
            self.bytes += count;
            if self.bytes > STREAM_BYTES {
                let what = format!("the answer of {} is over the limit of {STREAM_BYTES} bytes", self.host());
                return Err(Failure::new(ErrorCode::TooLarge, what));
            }
            self.begun.extend_from_slice(&chunk[..count]);
            let whole = if count == 0 { self.begun.len() } else { whole_characters(&self.begun) };
            if whole > 0 {
                let rest = self.begun.split_off(whole);
                let bytes = std::mem::replace(&mut self.begun, rest);
                return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
            }
            if count == 0 {
                return Ok(None);
            }
        }
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }
}

/// How many of the bytes are not the beginning of a character that may still be completed.
fn whole_characters(bytes: &[u8]) -> usize {
    let Some(last) = bytes.iter().rposition(|byte| byte & 0xc0 != 0x80) else { return bytes.len() };
    let needed = match bytes[last] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if bytes.len() - last < needed { last } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_character_is_never_cut() {
        let text = "a\u{e9}\u{20ac}\u{1f3db}z".as_bytes();
        for end in 0..=text.len() {
            let whole = whole_characters(&text[..end]);
            assert!(std::str::from_utf8(&text[..whole]).is_ok() && end - whole < 4, "{end}");
            assert!(end < text.len() || whole == end);
        }
        // What can be no character is not waited for.
        for odd in [&b"\xff"[..], b"\x80\x80", b"a\xc0", b"\xe2\x82\xac\x80\x80\x80"] {
            assert_eq!(whole_characters(odd), odd.len(), "{odd:?}");
        }
    }
}
