//! What the streams of a PDF file unpack to, before its parser is let near them: the parser has no limits of its own.

use std::fmt::Display;
use std::io::{self, Read, Write};

use flate2::read::{DeflateDecoder, ZlibDecoder};
use genoa_abi::{ErrorCode, Failure};
use pdf_extract::{Document, LoadOptions, Object, ObjectId, Stream};
use weezl::BitOrder;
use weezl::decode::Decoder;

/// What one stream may unpack to. Text and fonts need far less.
const STREAM_BYTES: usize = 64 * 1024 * 1024;
/// What an image may: nobody unpacks it, unless something that is no image is called one.
const IMAGE_BYTES: usize = 512 * 1024 * 1024;
/// Packings in packings of one stream.
const FILTERS: usize = 8;
/// What stands in a stream's dictionary after its content was thrown away.
const MARK: &str = "GenoaTooLarge";

/// Loads a document without ever holding more of one stream than [`STREAM_BYTES`].
///
/// # Errors
/// [`ErrorCode::TooLarge`] where a stream unpacks to more, [`ErrorCode::ToolFailed`] for what cannot be parsed.
pub(super) fn load(bytes: &[u8]) -> Result<Document, Failure> {
    // The parser unpacks streams of objects while it loads; it asks this first, and may do so on several threads.
    let document = Document::load_mem_with_options(bytes, LoadOptions::with_filter(without_bombs));
    let document = document.map_err(|error| unreadable(&error))?;
    check(&document)?;
    Ok(document)
}

/// As [`load`], for a document whose streams could not be looked at earlier because they were encrypted.
///
/// # Errors
/// [`ErrorCode::TooLarge`] as above.
pub(super) fn check_decrypted(document: &mut Document) -> Result<(), Failure> {
    for (id, object) in &mut document.objects {
        without_bombs(*id, object);
    }
    check(document)
}

fn check(document: &Document) -> Result<(), Failure> {
    let is_marked = |object: &Object| object.as_stream().is_ok_and(|stream| stream.dict.has(MARK.as_bytes()));
    match document.objects.iter().find(|(_, object)| is_marked(object)) {
        None => Ok(()),
        Some(((number, _), _)) => Err(Failure::new(
            ErrorCode::TooLarge,
            format!("the PDF file unpacks to too much: its object {number} to more than {STREAM_BYTES} bytes"),
        )
        .because("that is far more than text needs; it may be made to do harm")),
    }
}

/// Throws the content of a stream away that unpacks to too much, and leaves a mark in its place. What it gives back is
/// what the parser keeps of objects inside of streams, which are no streams themselves; the others it keeps as they are.
fn without_bombs(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let Ok(stream) = object.as_stream_mut() else { return Some((id, object.clone())) };
    if unpacks_to_too_much(stream) {
        stream.dict.remove(b"Filter");
        stream.dict.set(MARK, true);
        stream.set_content(Vec::new());
    }
    Some((id, Object::Null))
}

fn unpacks_to_too_much(stream: &Stream) -> bool {
    let Ok(filters) = stream.filters() else { return false };
    let is_image = stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image");
    let most = if is_image { IMAGE_BYTES } else { STREAM_BYTES };
    let mut unpacked: Option<Vec<u8>> = None;
    for (place, filter) in filters.iter().enumerate() {
        let packed = unpacked.as_deref().unwrap_or(&stream.content);
        let next = match *filter {
            _ if place >= FILTERS => return true,
            b"FlateDecode" => inflate(packed, most),
            b"LZWDecode" => decode_lzw(packed, most, stream),
            // It makes four bytes of one at most.
            b"ASCII85Decode" => decode_ascii85(packed),
            // The parser knows no other.
            _ => return false,
        };
        if next.len() > most {
            return true;
        }
        unpacked = Some(next);
    }
    false
}

/// As the parser does it, errors included: what came before one is used.
fn inflate(packed: &[u8], most: usize) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let limit = most as u64 + 1;
    let outcome = ZlibDecoder::new(packed).take(limit).read_to_end(&mut unpacked);
    if outcome.is_err() && unpacked.is_empty() && packed.len() > 2 {
        let _ = DeflateDecoder::new(&packed[2..]).take(limit).read_to_end(&mut unpacked);
    }
    unpacked
}

fn decode_lzw(packed: &[u8], most: usize, stream: &Stream) -> Vec<u8> {
    const MIN_BITS: u8 = 8;
    let parameter = stream.dict.get(b"DecodeParms").and_then(Object::as_dict).ok();
    let early = parameter.and_then(|dictionary| dictionary.get(b"EarlyChange").ok()?.as_i64().ok()) != Some(0);
    let mut decoder = if early {
        Decoder::with_tiff_size_switch(BitOrder::Msb, MIN_BITS)
    } else {
        Decoder::new(BitOrder::Msb, MIN_BITS)
    };
    let mut unpacked = Bounded { bytes: Vec::new(), most };
    // Where it ends early, it ends early for the parser as well.
    let _ = decoder.into_stream(&mut unpacked).decode_all(packed);
    unpacked.bytes
}

fn decode_ascii85(packed: &[u8]) -> Vec<u8> {
    let mut stream = Stream::new(pdf_extract::Dictionary::new(), packed.to_vec());
    stream.dict.set("Filter", Object::Name(b"ASCII85Decode".to_vec()));
    stream.decompressed_content().unwrap_or_default()
}

/// Takes one byte more than its limit at most, and then refuses.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (self.most + 1).saturating_sub(self.bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let taken = &bytes[..bytes.len().min(room)];
        self.bytes.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The failure for a file that the parser does not take.
pub(super) fn unreadable(error: &dyn Display) -> Failure {
    Failure::new(ErrorCode::ToolFailed, "the PDF file cannot be read").because(error)
}
