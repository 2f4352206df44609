//! A look at a model file's header before anything else reads it: does it keep what it promises?
//!
//! The engine reads the file in C++. This check, in safe Rust, refuses headers that lie about sizes: texts and arrays
//! longer than the file, tensors outside of it, endless nesting. It does not make a hostile file harmless, so the engine
//! runs in a jail all the same.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};

use crate::limits::{GGUF_ARRAY_ITEMS, GGUF_DEPTH, GGUF_PAIRS, GGUF_TENSORS, GGUF_TEXT_BYTES, MODEL_BYTES};

const MAGIC: [u8; 4] = *b"GGUF";
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;
const DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
const MOST_ALIGNMENT: u64 = 1024 * 1024;
const NAME_BYTES: u64 = 64 * 1024;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format's version.
    pub version: u32,
    /// Key-value pairs.
    pub pairs: u64,
    /// Tensors.
    pub tensors: u64,
    /// The kind of model, as `general.architecture` has it; empty if it does not say.
    pub architecture: String,
    /// How its weights are written, as `general.file_type` has it; nothing if it does not say.
    pub file_type: Option<u32>,
}

/// Checks the header of a file.
///
/// # Errors
/// [`ErrorCode::NotFound`], [`ErrorCode::StorageFailed`], or [`ErrorCode::InvalidInput`] with the first thing that is wrong.
pub fn check_file(path: &Path) -> Result<Header, Failure> {
    check_open(open(path)?, &path.display().to_string())
}

/// Opens a model file without reading it.
///
/// # Errors
/// [`ErrorCode::NotFound`], [`ErrorCode::StorageFailed`], or [`ErrorCode::InvalidInput`] for what is no file.
pub fn open(path: &Path) -> Result<File, Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| unread(&shown, &error);
    // Opening a pipe would wait for ever, so the kind comes first.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{shown} is no file")));
    }
    File::open(path).map_err(failed)
}

/// Checks the header of an open file, which is known to people as `shown`.
///
/// # Errors
/// As [`check_file`].
pub fn check_open(file: File, shown: &str) -> Result<Header, Failure> {
    let data = file.metadata().map_err(|error| unread(&shown, &error))?;
    if !data.is_file() || data.len() > MODEL_BYTES {
        let what = format!("{shown} is no file of at most {MODEL_BYTES} bytes");
        return Err(Failure::new(ErrorCode::InvalidInput, what));
    }
    check(BufReader::with_capacity(256 * 1024, file), data.len()).map_err(|why| {
        Failure::new(ErrorCode::InvalidInput, format!("{shown} is no model file that can be used"))
            .because(why)
            .try_next("Fetch it again, or choose another file; models have to be in the GGUF format")
    })
}

fn unread(shown: &dyn std::fmt::Display, error: &std::io::Error) -> Failure {
    let code =
        if error.kind() == std::io::ErrorKind::NotFound { ErrorCode::NotFound } else { ErrorCode::StorageFailed };
    Failure::new(code, format!("cannot read the model file {shown}")).because(error)
}

/// Checks a header that is read from `input`, of a file of `total` bytes in all.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn check(input: impl Read, total: u64) -> Result<Header, String> {
    let mut reader = Reader { input, position: 0, total };
    if reader.bytes::<4>()? != MAGIC {
        return Err("it does not begin with GGUF".to_owned());
    }
    let version = reader.u32()?;
    if !VERSIONS.contains(&version) {
        return Err(format!("version {version} of the format is not known"));
    }
    let tensors = reader.count("tensors", GGUF_TENSORS)?;
    let pairs = reader.count("key-value pairs", GGUF_PAIRS)?;
    let said = read_pairs(&mut reader, pairs)?;
    let ends = read_tensors(&mut reader, tensors, said.alignment)?;
    let start = reader.position.next_multiple_of(said.alignment);
    match ends {
        Some(end) if start.checked_add(end).is_none_or(|end| end > total) => {
            Err(format!("its tensors end at byte {} of {total}", start.saturating_add(end)))
        }
        _ => Ok(Header { version, pairs, tensors, architecture: said.architecture, file_type: said.file_type }),
    }
}

/// What the key-value pairs say, of what is needed of them.
struct Said {
    alignment: u64,
    architecture: String,
    file_type: Option<u32>,
}

fn read_pairs<R: Read>(reader: &mut Reader<R>, pairs: u64) -> Result<Said, String> {
    let mut said = Said { alignment: DEFAULT_ALIGNMENT, architecture: String::new(), file_type: None };
    let mut seen = BTreeSet::new();
    for _ in 0..pairs {
        let key = reader.name()?;
        let kind = reader.u32()?;
        match (key.as_str(), kind) {
            ("general.alignment", 4) => said.alignment = u64::from(reader.u32()?),
            ("general.alignment", _) => return Err("general.alignment is not a 32-bit number".to_owned()),
            ("general.architecture", 8) => said.architecture = reader.name()?,
            ("general.file_type", 4) => said.file_type = Some(reader.u32()?),
            _ => reader.skip_value(kind, 0)?,
        }
        if !seen.insert(key.clone()) {
            return Err(format!("the key {key:?} is there twice"));
        }
    }
    if !said.alignment.is_power_of_two() || said.alignment > MOST_ALIGNMENT {
        return Err(format!("an alignment of {} bytes makes no sense", said.alignment));
    }
    Ok(said)
}

/// Gives back where the last tensor ends, counted from the beginning of the data.
fn read_tensors<R: Read>(reader: &mut Reader<R>, tensors: u64, alignment: u64) -> Result<Option<u64>, String> {
    let mut end = None;
    let mut seen = BTreeSet::new();
    for _ in 0..tensors {
        let name = reader.name()?;
        let dimensions = reader.u32()?;
        if dimensions > DIMENSIONS {
            return Err(format!("the tensor {name:?} has {dimensions} dimensions"));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(reader.u64()?);
        }
        let kind = reader.u32()?;
        let offset = reader.u64()?;
        let bytes = tensor_bytes(&shape, kind).ok_or_else(|| format!("the tensor {name:?} has no possible size"))?;
        if offset % alignment != 0 {
            return Err(format!("the tensor {name:?} is not aligned"));
        }
        let ends = offset.checked_add(bytes).ok_or_else(|| format!("the tensor {name:?} has no possible place"))?;
        end = end.max(Some(ends));
        if !seen.insert(name.clone()) {
            return Err(format!("the tensor {name:?} is there twice"));
        }
    }
    Ok(end)
}

/// The size of a tensor; `None` for a type that is not known, or for dimensions that do not fit it.
fn tensor_bytes(shape: &[u64], kind: u32) -> Option<u64> {
    let (block, block_bytes) = block_of(kind)?;
    let mut items = 1u64;
    for side in shape {
        items = items.checked_mul(*side).filter(|_| *side > 0)?;
    }
    let row = shape.first().copied().unwrap_or(1);
    (row % block == 0).then_some(items / block)?.checked_mul(block_bytes)
}

/// Elements and bytes of one block of a tensor type.
fn block_of(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 | 35 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        39 => (32, 17),
        _ => return None,
    })
}

struct Reader<R> {
    input: R,
    position: u64,
    total: u64,
}

impl<R: Read> Reader<R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.input.read_exact(bytes).map_err(|error| format!("it ends at byte {}: {error}", self.position))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn count(&mut self, what: &str, most: u64) -> Result<u64, String> {
        let count = self.u64()?;
        if count > most { Err(format!("{count} {what} are over the limit of {most}")) } else { Ok(count) }
    }

    fn name(&mut self) -> Result<String, String> {
        let length = self.length(NAME_BYTES, 1)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| format!("a name before byte {} is no text", self.position))
    }

    /// A length of something whose elements take at least `item_bytes` each.
    fn length(&mut self, most: u64, item_bytes: u64) -> Result<u64, String> {
        let length = self.u64()?;
        let left = self.total.saturating_sub(self.position);
        if length > most || length.saturating_mul(item_bytes) > left {
            return Err(format!("a length of {length} at byte {} cannot be", self.position));
        }
        Ok(length)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        let skipped = std::io::copy(&mut (&mut self.input).take(bytes), &mut std::io::sink());
        let skipped = skipped.map_err(|error| format!("it cannot be read at byte {}: {error}", self.position))?;
        self.position += skipped;
        if skipped == bytes { Ok(()) } else { Err(format!("it ends at byte {}", self.position)) }
    }

    fn skip_value(&mut self, kind: u32, depth: u32) -> Result<(), String> {
        if let Some(bytes) = value_bytes(kind) {
            return self.skip(bytes);
        }
        match kind {
            8 => {
                let length = self.length(GGUF_TEXT_BYTES, 1)?;
                self.skip(length)
            }
            9 if depth < GGUF_DEPTH => self.skip_array(depth),
            9 => Err(format!("arrays nest deeper than {GGUF_DEPTH}")),
            _ => Err(format!("the value type {kind} is not known")),
        }
    }

    fn skip_array(&mut self, depth: u32) -> Result<(), String> {
        let kind = self.u32()?;
        // A text or an array takes at least its own length field.
        let item_bytes = value_bytes(kind).unwrap_or(8);
        let items = self.length(GGUF_ARRAY_ITEMS, item_bytes)?;
        if value_bytes(kind).is_some() {
            return self.skip(items * item_bytes);
        }
        (0..items).try_for_each(|_| self.skip_value(kind, depth + 1))
    }
}

/// The size of a value of fixed size.
fn value_bytes(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::check;

    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    /// A small whole model file: an architecture, a list of texts, two tensors of 64 bytes.
    pub(crate) fn sample() -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(2u64.to_le_bytes());
        bytes.extend(3u64.to_le_bytes());
        text(&mut bytes, "general.architecture");
        bytes.extend(8u32.to_le_bytes());
        text(&mut bytes, "llama");
        text(&mut bytes, "tokenizer.ggml.tokens");
        bytes.extend(9u32.to_le_bytes());
        bytes.extend(8u32.to_le_bytes());
        bytes.extend(2u64.to_le_bytes());
        text(&mut bytes, "a");
        text(&mut bytes, "b");
        text(&mut bytes, "llama.block_count");
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        for (name, offset) in [("first", 0u64), ("second", 64)] {
            text(&mut bytes, name);
            bytes.extend(2u32.to_le_bytes());
            bytes.extend(4u64.to_le_bytes());
            bytes.extend(4u64.to_le_bytes());
            bytes.extend(0u32.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(32) + 128, 7);
        bytes
    }

    fn verdict(bytes: &[u8]) -> Result<String, String> {
        check(bytes, bytes.len() as u64).map(|header| header.architecture)
    }

    /// Puts other bytes in the place where `find` is.
    fn with(find: &[u8], replace: &[u8]) -> Vec<u8> {
        let mut bytes = sample();
        let place = bytes.windows(find.len()).position(|window| window == find).unwrap();
        bytes.splice(place..place + find.len(), replace.iter().copied());
        bytes
    }

    #[test]
    fn a_whole_file_passes() {
        assert_eq!(verdict(&sample()).as_deref(), Ok("llama"));
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let long = u64::MAX.to_le_bytes();
        let counted = |name: &str, length: u64| [&length.to_le_bytes(), name.as_bytes()].concat();
        let mut short = sample();
        short.pop();
        for (bytes, expected) in [
            (b"PK\x03\x04 and more".to_vec(), "does not begin"),
            (with(&3u32.to_le_bytes(), &9u32.to_le_bytes()), "version 9"),
            (with(&2u64.to_le_bytes(), &long), "over the limit"),
            (with(&counted("llama", 5), &counted("llama", u64::MAX)), "cannot be"),
            (with(&counted("a", 1), &counted("a", 1 << 40)), "cannot be"),
            (with(&counted("second", 6), &counted("first", 5)), "twice"),
            (with(b"second", b"firs\xff\xff"), "no text"),
            (with(&[4, 0, 0, 0, 0, 0, 0, 0], &long), "no possible size"),
            (with(&64u64.to_le_bytes(), &(1u64 << 60).to_le_bytes()), "tensors end at"),
            (with(&64u64.to_le_bytes(), &65u64.to_le_bytes()), "not aligned"),
            (short, "tensors end at"),
            (sample()[..40].to_vec(), ""),
            (Vec::new(), "ends at byte 0"),
        ] {
            let error = verdict(&bytes).expect_err(expected);
            assert!(error.contains(expected), "{error} instead of {expected}");
        }
    }

    #[test]
    fn arrays_in_arrays_end() {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        text(&mut bytes, "k");
        bytes.extend(9u32.to_le_bytes());
        for _ in 0..1000 {
            bytes.extend(9u32.to_le_bytes());
            bytes.extend(1u64.to_le_bytes());
        }
        assert!(verdict(&bytes).unwrap_err().contains("nest deeper"));
    }

    proptest! {
        #[test]
        fn no_mutation_breaks_the_check(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut: prop::sample::Index) {
            let mut bytes = sample();
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            // It answers, without a panic and without reading or reserving more than the file has.
            let _ = verdict(&bytes);
        }

        #[test]
        fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(verdict(&noise).is_err());
            let bytes = [b"GGUF\x03\0\0\0".as_slice(), &noise].concat();
            let _ = verdict(&bytes);
        }
    }
}
