//! Large parts of bodies are stored once by hash, and can be destroyed.
//!
//! A part that is large, or nests deep, is replaced by `{"$content": "<sha-256>"}`. A body that has such an object of
//! its own gets one more `$` there, so that nobody can make the journal read out a content by naming its hash.

use std::collections::HashSet;

use genoa_abi::{ContentHash, ErrorCode, Failure};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value as Json};

use crate::{failures, limits};

/// The key of a reference.
const REFERENCE: &str = "$content";
/// What stands where a content was destroyed.
const DESTROYED: &str = "$destroyed";

/// Bytes with their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) hash: ContentHash,
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    fn of(value: &Json) -> Self {
        // A JSON value is always written: its keys are strings and its numbers are finite.
        let bytes = value.to_string().into_bytes();
        Self { hash: ContentHash::of(&bytes), bytes }
    }
}

/// A body in the form in which it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBody {
    pub(crate) body: Content,
    pub(crate) lifted: Vec<Content>,
}

impl StoredBody {
    /// Takes the large parts out of `body`.
    ///
    /// # Errors
    /// `InvalidInput` if it nests deeper than [`limits::BODY_DEPTH`], `TooLarge` above [`limits::BODY_BYTES`].
    pub(crate) fn of(body: Json) -> Result<Self, Failure> {
        let mut lifter = Lifter { lifted: Vec::new() };
        let lifted = lifter.lift(body, 0).ok_or_else(|| {
            Failure::new(ErrorCode::InvalidInput, "a journal record nests too deep")
                .because(format!("the limit is {} levels", limits::BODY_DEPTH))
        })?;
        let body = Content::of(&lifted.value);
        let bytes = body.bytes.len() + lifter.lifted.iter().map(|content| content.bytes.len()).sum::<usize>();
        if bytes > limits::BODY_BYTES {
            return Err(Failure::new(ErrorCode::TooLarge, "a journal record is too large")
                .because(format!("{bytes} bytes, and the limit is {}", limits::BODY_BYTES)));
        }
        Ok(Self { body, lifted: lifter.lifted })
    }
}

struct Lifter {
    lifted: Vec<Content>,
}

/// A value with its size and nesting as they will be stored.
struct Measured {
    value: Json,
    bytes: usize,
    height: usize,
}

/// Each level is some frames of the stack, so these give nothing where a body nests too deep, rather than a failure with
/// its texts.
impl Lifter {
    fn lift(&mut self, value: Json, depth: usize) -> Option<Measured> {
        if depth > limits::BODY_DEPTH {
            return None;
        }
        match value {
            Json::Array(items) => self.lift_array(items, depth),
            Json::Object(fields) => self.lift_object(fields, depth),
            Json::String(text) => Some(Measured { bytes: text.len() + 2, value: Json::String(text), height: 0 }),
            plain => Some(Measured { value: plain, bytes: 8, height: 0 }),
        }
    }

    fn lift_array(&mut self, items: Vec<Json>, depth: usize) -> Option<Measured> {
        let (mut bytes, mut height) = (2, 0);
        let mut stored = Vec::with_capacity(items.len());
        for item in items {
            let item = self.lift_part(item, depth + 1)?;
            bytes += item.bytes + 1;
            height = height.max(item.height);
            stored.push(item.value);
        }
        Some(Measured { value: Json::Array(stored), bytes, height: height + 1 })
    }

    fn lift_object(&mut self, fields: Map<String, Json>, depth: usize) -> Option<Measured> {
        let escape = fields.len() == 1 && fields.keys().all(|key| is_reference_or_escaped(key));
        let (mut bytes, mut height) = (2, 0);
        let mut stored = Map::new();
        for (key, field) in fields {
            let field = self.lift_part(field, depth + 1)?;
            bytes += key.len() + field.bytes + 4;
            height = height.max(field.height);
            stored.insert(if escape { format!("${key}") } else { key }, field.value);
        }
        Some(Measured { value: Json::Object(stored), bytes, height: height + 1 })
    }

    fn lift_part(&mut self, part: Json, depth: usize) -> Option<Measured> {
        let part = self.lift(part, depth)?;
        if part.bytes <= limits::LIFT_BYTES && part.height < limits::LIFT_DEPTH {
            return Some(part);
        }
        let content = Content::of(&part.value);
        let value = Json::Object(Map::from_iter([(REFERENCE.to_owned(), content.hash.to_string().into())]));
        self.lifted.push(content);
        Some(Measured { value, bytes: 80, height: 1 })
    }
}

/// `$content`, `$$content` and so on.
fn is_reference_or_escaped(key: &str) -> bool {
    key.strip_suffix("content").is_some_and(|dollars| !dollars.is_empty() && dollars.bytes().all(|byte| byte == b'$'))
}

/// A body as it was written, and whether parts of it are destroyed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) value: Json,
    pub(crate) destroyed: bool,
}

/// Puts the lifted parts back. A destroyed part reads `{"$destroyed": "<sha-256>"}`.
///
/// # Errors
/// `StorageFailed` if the stored bytes are not what was written.
pub(crate) fn resolve(connection: &Connection, stored: &[u8]) -> Result<Resolved, Failure> {
    let mut resolver = Resolver { connection, bytes_left: limits::BODY_BYTES, destroyed: false };
    let value = resolver.parse(stored, 0)?;
    Ok(Resolved { value, destroyed: resolver.destroyed })
}

struct Resolver<'c> {
    connection: &'c Connection,
    /// Against an altered file whose contents name each other over and over.
    bytes_left: usize,
    destroyed: bool,
}

impl Resolver<'_> {
    fn parse(&mut self, stored: &[u8], depth: usize) -> Result<Json, Failure> {
        self.bytes_left = self
            .bytes_left
            .checked_sub(stored.len())
            .ok_or_else(|| failures::damaged("a journal record grew beyond what was written"))?;
        let value = serde_json::from_slice(stored)
            .map_err(|error| failures::damaged("a journal record's body is not JSON").because(error))?;
        self.resolve(value, depth)
    }

    fn resolve(&mut self, value: Json, depth: usize) -> Result<Json, Failure> {
        if depth > 2 * limits::BODY_DEPTH {
            return Err(failures::damaged("a journal record nests deeper than what was written"));
        }
        match value {
            Json::Array(items) => {
                items.into_iter().map(|item| self.resolve(item, depth + 1)).collect::<Result<_, _>>().map(Json::Array)
            }
            Json::Object(fields) => self.resolve_object(fields, depth),
            plain => Ok(plain),
        }
    }

    fn resolve_object(&mut self, fields: Map<String, Json>, depth: usize) -> Result<Json, Failure> {
        let special = fields.len() == 1 && fields.keys().all(|key| is_reference_or_escaped(key));
        if special && let Some(Json::String(hash)) = fields.get(REFERENCE) {
            let hash = hash.parse().map_err(failures::damaged)?;
            return self.fetch(hash, depth);
        }
        let mut resolved = Map::new();
        for (key, field) in fields {
            let key = if special { key[1..].to_owned() } else { key };
            resolved.insert(key, self.resolve(field, depth + 1)?);
        }
        Ok(Json::Object(resolved))
    }

    fn fetch(&mut self, hash: ContentHash, depth: usize) -> Result<Json, Failure> {
        let Some(bytes) = load(self.connection, &hash)? else {
            self.destroyed = true;
            return Ok(Json::Object(Map::from_iter([(DESTROYED.to_owned(), hash.to_string().into())])));
        };
        if ContentHash::of(&bytes) != hash {
            return Err(failures::damaged(format!("the content {} is not what was written", hash.short())));
        }
        self.parse(&bytes, depth + 1)
    }
}

/// The bytes of a content, if they are there.
pub(crate) fn load(connection: &Connection, hash: &ContentHash) -> Result<Option<Vec<u8>>, Failure> {
    let fail = failures::database("a content cannot be read");
    connection
        .prepare_cached("SELECT bytes FROM contents WHERE hash = ?1")
        .and_then(|mut statement| statement.query_row([hash.0], |row| row.get(0)).optional())
        .map_err(fail)
}

/// The contents that stored bytes refer to directly.
pub(crate) fn references(stored: &[u8]) -> HashSet<ContentHash> {
    let mut found = HashSet::new();
    let needle = br#"{"$content":""#;
    let mut rest = stored;
    while let Some(place) = rest.windows(needle.len()).position(|window| window == needle) {
        rest = &rest[place + needle.len()..];
        // A second field would make it an object of the body's own.
        let only = rest.get(64..66) == Some(br#""}"#);
        let digits = rest.get(..64).filter(|_| only).and_then(|digits| std::str::from_utf8(digits).ok());
        found.extend(digits.and_then(|digits| digits.parse::<ContentHash>().ok()));
    }
    found
}
