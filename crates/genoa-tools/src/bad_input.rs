//! What is broken, huge, hostile or strangely called: a clear word about it, nothing lost, and the rest is still found.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use genoa_abi::ErrorCode;
use genoa_abi::limits::READ_BYTES;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::testing::{Bench, moment};

const LATIN: &[u8] = b"Gr\xFC\xDFe aus K\xF6ln\n";
const EVENT: &str =
    "BEGIN:VEVENT\r\nUID:kept\r\nDTSTART:20261127T100000Z\r\nDTEND:20261127T110000Z\r\nSUMMARY:Kept\r\nEND:VEVENT\r\n";

/// What this thread computed so far: other tests run at the same time.
fn cpu_time() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap()
}

// ---- text in other encodings

#[test]
fn adding_to_a_file_leaves_every_byte_of_it() {
    let bench = Bench::new().with("latin.txt", LATIN).with("image.txt", b"\0\0\0");
    let bytes = |path: &str| std::fs::read(bench.path().join(path)).unwrap();
    bench.ok("files.append", json!({ "path": "latin.txt", "text": "more" }));
    assert_eq!(bytes("latin.txt"), [LATIN, b"more"].concat());
    // Two encodings in one file would make it unreadable.
    let failure = bench.call("files.append", json!({ "path": "latin.txt", "text": "größer" })).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Unsupported);
    assert!(failure.to_string().contains("latin.txt cannot be changed: it is not UTF-8 text"), "{failure}");
    assert_eq!(bench.refused("files.append", json!({ "path": "image.txt", "text": "x" })), ErrorCode::Unsupported);
    assert_eq!((bytes("latin.txt"), bytes("image.txt")), ([LATIN, b"more"].concat(), vec![0; 3]));
}

// ---- calendars

fn create(title: &str) -> Json {
    let noon = "2026-12-01T12:00:00+01:00";
    json!({ "title": title, "start": moment(noon, noon) })
}

fn titles(bench: &Bench) -> Vec<String> {
    bench.column("calendar.find", json!({}), "title")
}

/// A file's lines without the folding, and without its line ends.
fn unfolded(text: &str) -> Vec<String> {
    text.replace("\r\n ", "").lines().map(str::to_owned).collect()
}

#[test]
fn a_calendar_in_another_encoding_is_read_and_never_damaged() {
    let latin = [
        b"BEGIN:VCALENDAR\r\nX-NAME:".as_slice(),
        LATIN.trim_ascii_end(),
        b"\r\n",
        EVENT.as_bytes(),
        b"END:VCALENDAR\r\n",
    ]
    .concat();
    let bench = Bench::new().with("old.ics", &latin);
    let event = bench.ok("calendar.find", json!({}))[0].clone();
    assert_eq!(event["title"], "Kept");
    let failure = bench.call("calendar.create", create("New")).unwrap_err();
    assert!(failure.to_string().contains("old.ics cannot be changed: it is not UTF-8 text"), "{failure}");
    assert_eq!(bench.refused("calendar.cancel", json!({ "event": event })), ErrorCode::Unsupported);
    assert_eq!(std::fs::read(bench.path().join("old.ics")).unwrap(), latin);
}

#[test]
fn a_cut_off_calendar_is_read_as_far_as_it_goes_and_never_written() {
    let cut = format!("BEGIN:VCALENDAR\r\n{EVENT}BEGIN:VEVENT\r\nUID:cut\r\nDTST");
    let bench = Bench::new().with("cut.ics", &cut);
    assert_eq!(titles(&bench), ["Kept"]);
    let failure = bench.call("calendar.create", create("New")).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "cut.ics is not a whole calendar: it has no line END:VCALENDAR. Get it anew from where it came from, or move it away"
    );
    assert_eq!(bench.text("cut.ics"), cut);
}

#[test]
fn what_is_put_into_a_broken_calendar_is_found_again_and_the_rest_stays() {
    for broken in [
        "BEGIN:VEVENT\r\nUID:open\r\nDTSTART:20261127T120000Z\r\nSUMMARY:Never ended\r\n",
        "BEGIN:VEVENT\r\nBEGIN:VALARM\r\nEND:VEVENT\r\n",
        "END:VEVENT\r\nEND:VTODO\r\n",
        "BEGIN:VTIMEZONE\r\nTZID:Nowhere\r\nBEGIN:STANDARD\r\n",
        "DTSTART;TZID=\"Nowhere:20261127\r\nSUMMARY\r\n;;;:::\r\n\r\n",
        "BEGIN:VEVENT\r\nUID:x\r\nDTSTART:99999999T999999\r\nRRULE:FREQ=;INTERVAL=-1;COUNT=999999999999\r\nDURATION:P9999999999W\r\nEND:VEVENT\r\n",
        "BEGIN:VEVENT\r\nUID:x\r\nDTSTART:20261127T100000Z\r\nDURATION:-P9999D\r\nRDATE:,,,\r\nSUMMARY:Back\\\r\nEND:VEVENT\r\n",
    ] {
        let calendar = format!("BEGIN:VCALENDAR\r\n{EVENT}{broken}END:VCALENDAR\r\n");
        let bench = Bench::new().with("a.ics", &calendar);
        assert!(titles(&bench).contains(&"Kept".to_owned()), "{broken}");
        bench.ok("calendar.create", create("New"));
        let found = titles(&bench);
        assert!(found.contains(&"New".to_owned()) && found.contains(&"Kept".to_owned()), "{broken}: {found:?}");
        let (before, after) = (unfolded(&calendar), unfolded(&bench.text("a.ics")));
        let mut rest = after.iter();
        assert!(before.iter().all(|line| rest.any(|other| other == line)), "{broken}: {after:?}");
        let kept = bench.ok("calendar.find", json!({ "about": "kept" }))[0].clone();
        bench.ok("calendar.cancel", json!({ "event": kept }));
        assert!(!titles(&bench).contains(&"Kept".to_owned()), "{broken}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn no_line_of_a_calendar_hides_the_others(
        lines in prop::collection::vec("(BEGIN|END|DTSTART|RRULE|UID|ATTENDEE|X|)[:;=,]{0,2}(VEVENT|VALARM|FREQ=DAILY|20261127T100000Z?|-P1D|\\PC{0,20})", 0..12),
    ) {
        // A line that starts with a space goes on with the one before it, and one of these names ends the calendar.
        let lines: Vec<&String> = lines.iter().filter(|line| !line.starts_with([' ', '\t']) && !line.contains("VCALENDAR")).collect();
        let broken: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let calendar = format!("BEGIN:VCALENDAR\r\n{EVENT}{broken}END:VCALENDAR\r\n");
        let bench = Bench::new().with("a.ics", &calendar);
        bench.ok("calendar.create", create("New"));
        let found = titles(&bench);
        prop_assert!(found.contains(&"New".to_owned()), "{found:?} in {}", bench.text("a.ics"));
        let (before, after) = (unfolded(&calendar), unfolded(&bench.text("a.ics")));
        let mut rest = after.iter();
        prop_assert!(before.iter().all(|line| rest.any(|other| other == line)));
    }
}

// ---- mails

/// A mail with these parts, each its headers and its content, written piece by piece.
fn mail_with(bench: &Bench, parts: &[(&str, &[u8], usize)]) {
    bench.put("Mail/new/.keep", "");
    std::fs::create_dir_all(bench.path().join("Mail/cur")).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(bench.path().join("Mail/cur/1:2,S")).unwrap());
    file.write_all(b"From: Bo <b@x.example>\r\nSubject: Big\r\nDate: 1 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n").unwrap();
    for (headers, piece, times) in parts {
        file.write_all(format!("--b\r\n{headers}\r\n\r\n").as_bytes()).unwrap();
        (0..*times).for_each(|_| file.write_all(piece).unwrap());
        if !piece.ends_with(b"\n") {
            file.write_all(b"\r\n").unwrap();
        }
    }
    file.write_all(b"--b--\r\n").unwrap();
}

fn attached(name: &str, encoding: &str) -> String {
    format!(
        "Content-Type: application/zip\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: {encoding}"
    )
}

#[test]
fn fifty_megabytes_in_one_attachment_are_counted_and_not_read_however_they_are_encoded() {
    let (text, last) = ("Content-Type: text/plain", attached("last.zip", "base64"));
    for (encoding, piece, times, size) in [
        // As mail programs write it, in one endless line, in bytes as they are, and as text.
        (
            "base64",
            b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n".as_slice(),
            900_000,
            "51 MB",
        ),
        ("base64", b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0", 900_000, "51 MB"),
        ("binary", &[200; 50_000], 1_000, "50 MB"),
        ("7bit", b"a line of a log file that somebody sent along, as it is\n", 900_000, "50 MB"),
    ] {
        let bench = Bench::new();
        let big = attached("big.zip", encoding);
        mail_with(&bench, &[(text, b"See attached.", 1), (&big, piece, times), (&last, b"QUJD", 1)]);
        let begin = cpu_time();
        let found = bench.ok("mail.find", json!({}));
        assert!(cpu_time() - begin < Duration::from_secs(2), "{encoding}: {:?}", cpu_time() - begin);
        assert_eq!(found[0]["attachments"], json!([format!("big.zip ({size})"), "last.zip (3 B)"]), "{encoding}");
        assert_eq!(bench.ok("mail.read", json!({ "mail": found[0] })), json!("See attached."), "{encoding}");
    }
}

#[test]
fn a_text_without_end_is_cut_with_a_word_about_it() {
    let bench = Bench::new();
    mail_with(&bench, &[("Content-Type: text/plain", b"all work and no play\r\n", 500_000)]);
    let found = bench.ok("mail.find", json!({ "about": "work" }));
    assert!(found.to_string().len() < 10_000);
    let Json::String(text) = bench.ok("mail.read", json!({ "mail": found[0] })) else { panic!("text expected") };
    assert!(text.len() < READ_BYTES + 100 && text.ends_with(&format!("the limit is {READ_BYTES} bytes]\n")));
}

// ---- PDF files

/// A zlib stream of `mib` MiB zeros in about a thousandth of that.
pub(crate) fn packed_zeros(mib: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(64 * 1024);
    // After a full flush the next block looks at nothing before it, so one can stand many times.
    compress.compress_vec(&vec![0; 1024 * 1024], &mut block, FlushCompress::Full).unwrap();
    [[0x78, 0x9C].as_slice(), &block.repeat(mib), &[3, 0, 0, 0, 0, 1]].concat()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PDF file of these objects, from number 1; the first is the catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (place, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend([format!("{} 0 obj\n", place + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let end =
        format!("{table}trailer << /Size {} /Root 1 0 R >>\nstartxref\n{}\n%%EOF\n", objects.len() + 1, bytes.len());
    [bytes, end.into_bytes()].concat()
}

fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< {dictionary} /Length {} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

/// A page with this content, and objects that nothing refers to.
fn page(content: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /X 4 0 R >> >> >>".to_vec(),
        content,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
    ];
    pdf(&[&objects, more].concat())
}

#[test]
fn a_pdf_file_that_swells_is_refused_before_it_does() {
    let words = stream("/Filter /FlateDecode", &packed(b"BT /F1 12 Tf 72 720 Td (Hello harbour) Tj ET"));
    let zeros = packed_zeros(3 * 1024);
    let bench = Bench::new()
        .with("good.pdf", page(words.clone(), &[]))
        .with("content.pdf", page(stream("/Filter /FlateDecode", &zeros), &[]))
        .with("twice.pdf", page(stream("/Filter [/FlateDecode /FlateDecode]", &packed(&zeros)), &[]))
        .with("image.pdf", page(stream("/Subtype /Image /Filter /FlateDecode", &zeros), &[]))
        .with("often.pdf", page(stream(&format!("/Filter [{}]", "/FlateDecode ".repeat(50)), &zeros), &[]))
        .with("objects.pdf", page(words, &[stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &zeros)]));
    assert!(bench.ok("documents.text", json!({ "path": "good.pdf" })).as_str().unwrap().contains("Hello harbour"));
    let begin = Instant::now();
    for path in ["content.pdf", "twice.pdf", "image.pdf", "often.pdf", "objects.pdf"] {
        assert!(bench.path().join(path).metadata().unwrap().len() < 8_000_000, "{path} is a small file");
        let failure = bench.call("documents.text", json!({ "path": path })).unwrap_err();
        assert_eq!(failure.code, ErrorCode::TooLarge, "{path}: {failure}");
        assert!(failure.what.starts_with(&format!("{path}: the PDF file unpacks to too much")), "{failure}");
    }
    assert!(begin.elapsed().as_secs() < 60, "took {:?}", begin.elapsed());
}

#[test]
fn a_pdf_file_that_nests_without_end_ends_in_a_failure() {
    let deep = |open: &str, close: &str| [open.repeat(300_000), close.repeat(300_000)].concat().into_bytes();
    let bench = Bench::new()
        .with("array.pdf", page(stream("", b"BT ET"), &[deep("[", "]")]))
        .with("dictionary.pdf", page(stream("", b"BT ET"), &[deep("<< /A ", ">>")]))
        .with("text.pdf", page(stream("", &deep("(", ")")), &[]))
        .with("content.pdf", page(stream("", &deep("[", "]")), &[]));
    for path in ["array.pdf", "dictionary.pdf", "text.pdf", "content.pdf"] {
        // What these hold is nothing; what counts is that they end, and take nothing else with them.
        let _ = bench.call("documents.text", json!({ "path": path }));
    }
}

// ---- names

#[test]
fn a_name_may_hold_anything_and_the_file_is_still_reached() {
    let bench = Bench::new();
    let names: [&[u8]; 5] =
        [b"two\nlines.md", b"\x1b[2Jwipe.md", b"caf\xE9.md", "\u{202e}dm.exe".as_bytes(), b"-rf *.md"];
    for (place, name) in names.iter().enumerate() {
        std::fs::write(bench.path().join(OsStr::from_bytes(name)), place.to_string()).unwrap();
    }
    let paths = bench.column("files.find", json!({}), "path");
    assert_eq!(paths.len(), names.len(), "{paths:?}");
    for path in &paths {
        let text = bench.ok("files.read", json!({ "path": path }));
        let place: usize = text.as_str().unwrap().parse().unwrap();
        assert_eq!(*path, String::from_utf8_lossy(names[place]));
        bench.ok("files.append", json!({ "path": path, "text": "more" }));
        bench.ok("files.move", json!({ "source": path, "to": format!("moved/{place}.md") }));
        assert_eq!(bench.text(&format!("moved/{place}.md")), format!("{place}\nmore"));
    }
    assert_eq!(bench.column("files.find", json!({ "under": "moved" }), "path").len(), names.len());
}

#[test]
fn of_two_names_that_are_shown_alike_none_is_chosen() {
    let bench = Bench::new();
    for name in [b"caf\xE9.md", b"caf\xE8.md"] {
        std::fs::write(bench.path().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let failure = bench.call("files.delete", json!({ "path": "caf\u{fffd}.md" })).unwrap_err();
    assert_eq!(failure.code, ErrorCode::Ambiguous, "{failure}");
    assert_eq!(bench.column("files.find", json!({}), "path").len(), 2);
}

#[test]
fn a_link_to_what_a_jail_does_not_show_is_known_to_lead_out() {
    let bench = Bench::new();
    for (name, target) in
        [("far", "/no/such/place"), ("up", "../../elsewhere"), ("twice", "far"), ("round", "round"), ("in", "sub/none")]
    {
        std::os::unix::fs::symlink(target, bench.path().join(name)).unwrap();
    }
    let check = |path: &str, code| {
        assert_eq!(bench.refused("files.read", json!({ "path": path })), code, "{path}");
        assert_eq!(bench.refused("documents.text", json!({ "path": path })), code, "{path}");
    };
    for path in ["far", "far/secret.txt", "up", "up/x/y", "twice", "twice/secret.txt"] {
        check(path, ErrorCode::NotGranted);
    }
    check("in", ErrorCode::NotFound);
    assert!(bench.call("files.read", json!({ "path": "round" })).is_err());
    bench.ok("files.delete", json!({ "path": "far" }));
}
