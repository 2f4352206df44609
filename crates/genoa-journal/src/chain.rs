//! The hash chain: each record's hash covers the record and the hash before it.

use genoa_abi::{ContentHash, Timestamp};

/// What stands before the first record.
pub(crate) const GENESIS: ContentHash = ContentHash([0; 32]);

/// Keeps these hashes apart from every other use of SHA-256.
const DOMAIN: &[u8; 16] = b"genoa-journal-1\n";

/// What the chain covers of a record. The body is covered by its hash alone, so that a body can be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The record's number, from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// `event.tool_finished`, `effect.tell`.
    pub kind: &'a str,
    /// The record that caused it.
    pub cause: Option<u64>,
    /// Hash of the body as it is stored.
    pub body_hash: ContentHash,
}

impl Link<'_> {
    /// The canonical bytes: fixed widths, big endian, and a length before the only text. Two different pairs of
    /// `previous` and link never have the same bytes.
    #[must_use]
    pub fn encode(&self, previous: &ContentHash) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.kind.len());
        bytes.extend_from_slice(DOMAIN);
        bytes.extend_from_slice(&previous.0);
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.time.0.to_be_bytes());
        bytes.extend_from_slice(&(self.kind.len() as u64).to_be_bytes());
        bytes.extend_from_slice(self.kind.as_bytes());
        bytes.push(u8::from(self.cause.is_some()));
        bytes.extend_from_slice(&self.cause.unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&self.body_hash.0);
        bytes
    }

    /// The record's hash.
    #[must_use]
    pub fn hash(&self, previous: &ContentHash) -> ContentHash {
        ContentHash::of(&self.encode(previous))
    }
}

/// Where the chain ends: the number and the hash of the last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: ContentHash,
}

impl Head {
    pub(crate) const EMPTY: Self = Self { seq: 0, hash: GENESIS };
}

#[cfg(test)]
mod tests {
    use genoa_abi::{ContentHash, Timestamp};
    use proptest::prelude::*;

    use super::{GENESIS, Link};

    type Fields = ([u8; 32], u64, i64, String, Option<u64>, [u8; 32]);

    /// Few different values, so that pairs often agree in all but one field.
    fn fields() -> impl Strategy<Value = Fields> {
        let hash = || (0..3u8).prop_map(|byte| [byte; 32]);
        (hash(), 0..3u64, -1..2i64, "[a\u{0}\u{1}é]{0,3}", proptest::option::of(0..3u64), hash())
    }

    fn encode((previous, seq, time, kind, cause, body): &Fields) -> Vec<u8> {
        let link = Link { seq: *seq, time: Timestamp(*time), kind, cause: *cause, body_hash: ContentHash(*body) };
        link.encode(&ContentHash(*previous))
    }

    proptest! {
        #[test]
        fn the_encoding_is_injective(a in fields(), b in fields()) {
            prop_assert_eq!(a == b, encode(&a) == encode(&b));
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        let body_hash = ContentHash::of(b"{}");
        let link = Link { seq: 1, time: Timestamp(1_795_000_000_000), kind: "event.tick", cause: None, body_hash };
        insta::assert_snapshot!(link.hash(&GENESIS), @"27a2a28cf4717a88027af3c19c86b5c0a3ab2bdedf4a722986f89938973d3b55");
    }
}
