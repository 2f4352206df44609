//! Tests of the group `documents`, hostile input among them.

use std::io::{Cursor, Write};
use std::time::Instant;

use genoa_abi::ErrorCode;
use genoa_abi::limits::READ_BYTES;
use serde_json::{Value as Json, json};
use zip::write::SimpleFileOptions;

use crate::testing::Bench;

fn text(bench: &Bench, path: &str) -> String {
    let Json::String(text) = bench.ok("documents.text", json!({ "path": path })) else { panic!("text expected") };
    text
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const MARKDOWN: &str = "# Plan\n\nWe go **north** on [Friday](https://a.example/x).\n\n- boots\n- map\n\n1. start\n2. end\n\n| who | what |\n|---|---|\n| Ada | tent |\n";

#[test]
fn what_is_written_is_read_back() {
    let bench = Bench::new();
    for path in ["out/plan.docx", "out/plan.html", "out/plan.md"] {
        let file = bench.ok("documents.write", json!({ "path": path, "title": "Plan", "text": MARKDOWN }));
        assert_eq!(file["path"], path);
        let text = text(&bench, path);
        for wanted in ["Plan", "north", "Friday", "boots", "start", "Ada", "tent"] {
            assert!(text.contains(wanted), "{wanted} is missing in {path}: {text}");
        }
        assert_eq!(text.matches("Plan").count(), 1, "the heading that repeats the title is left out: {text}");
    }
}

#[test]
fn text_comes_in_many_encodings() {
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain("Grüße, 世界".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let bench = Bench::new()
        .with("utf8.txt", "Grüße")
        .with("bom.txt", b"\xEF\xBB\xBFGr\xC3\xBC\xC3\x9Fe")
        .with("latin.txt", b"Viele Gr\xFC\xDFe aus M\xFCnchen, sch\xF6n w\xE4r's")
        .with("utf16.txt", utf16)
        .with("page.txt", "<!DOCTYPE html><html><head><title>t</title><style>x{}</style></head><body><p>One &amp; two</p></body></html>")
        .with("mail.eml", "From: Ada <ada@x.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 23 Nov 2026 09:00:00 +0100\r\n\r\nHello\r\n");
    assert_eq!(text(&bench, "utf8.txt"), "Grüße");
    assert_eq!(text(&bench, "bom.txt"), "Grüße");
    assert_eq!(text(&bench, "latin.txt"), "Viele Grüße aus München, schön wär's");
    assert_eq!(text(&bench, "utf16.txt"), "Grüße, 世界");
    assert!(text(&bench, "page.txt").contains("One & two"), "a web page is known by its content");
    let mail = text(&bench, "mail.eml");
    assert!(
        mail.contains("From: Ada <ada@x.example>") && mail.contains("Subject: Grüße") && mail.contains("Hello"),
        "{mail}"
    );
}

#[test]
fn office_text_keeps_paragraphs_and_cells_and_leaves_deleted_words_out() {
    let xml = r#"<?xml version="1.0"?><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>One &amp; &#8364;</w:t></w:r><w:r><w:tab/><w:t xml:space="preserve"> two</w:t></w:r></w:p>
        <w:p><w:del><w:r><w:t>gone</w:t></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#;
    let bench = Bench::new().with("a.docx", archive(&[("word/document.xml", xml.as_bytes())]));
    insta::assert_snapshot!(text(&bench, "a.docx").replace('\t', "<tab>"), @r"
    One & €<tab> two
    new
    a | b
    ");
}

#[test]
fn a_small_pdf_is_read() {
    let bench = Bench::new().with("a.pdf", pdf(b"BT /F1 12 Tf 72 720 Td (Hello harbour) Tj ET"));
    assert!(text(&bench, "a.pdf").contains("Hello harbour"));
}

/// A PDF file of one page with this content stream.
fn pdf(content: &[u8]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    let mut object = |number: usize, body: &[u8]| {
        places.push(bytes.len());
        bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\nendobj\n");
    };
    object(1, b"<< /Type /Catalog /Pages 2 0 R >>");
    object(2, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    object(3, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>");
    let stream = [format!("<< /Length {} >>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat();
    object(4, &stream);
    object(5, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    let table = bytes.len();
    bytes.extend_from_slice(b"xref\n0 6\n0000000000 65535 f \n");
    for place in places {
        bytes.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    bytes.extend_from_slice(format!("trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    bytes
}

#[test]
fn hostile_documents_end_in_a_failure_or_a_cut() {
    let zeros = vec![b' '; 300 * 1024 * 1024];
    let big = vec![b'x'; READ_BYTES * 3];
    let text_xml = [b"<w:document><w:p><w:t>".as_slice(), &big, b"</w:t></w:p></w:document>"].concat();
    let laughs = b"<!DOCTYPE z [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><w:document><w:p><w:t>&b;&b;</w:t></w:p></w:document>";
    let deep = "<w:p>".repeat(200_000);
    let bench = Bench::new()
        .with("bomb.docx", archive(&[("word/document.xml", &zeros)]))
        .with("bomb.xlsx", archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/media/x", &zeros)]))
        .with("long.docx", archive(&[("word/document.xml", &text_xml)]))
        .with("laughs.docx", archive(&[("word/document.xml", laughs)]))
        .with("deep.docx", archive(&[("word/document.xml", deep.as_bytes())]))
        .with("cut.docx", &archive(&[("word/document.xml", b"<a/>")])[..40])
        .with("cut.pdf", &pdf(b"BT ET")[..200])
        .with("many.pdf", String::from_utf8(pdf(b"BT ET")).unwrap().replace("/Count 1", "/Count 99999999"))
        .with("loop.pdf", String::from_utf8(pdf(b"BT ET")).unwrap().replace("/Kids [3 0 R]", "/Kids [2 0 R]"))
        .with("bad.pdf", pdf(b"BT /F9 12 Tf (x Tj [ << (((((( ET Q Q Q Q"))
        .with("other.zip", archive(&[("a.txt", b"x")]))
        .with("program", b"\x7fELF\0\0\0")
        .with("long.txt", &big);
    let started = Instant::now();
    let refused = |path: &str| bench.refused("documents.text", json!({ "path": path }));
    assert_eq!(refused("bomb.docx"), ErrorCode::TooLarge);
    assert_eq!(refused("bomb.xlsx"), ErrorCode::TooLarge);
    assert_eq!(refused("cut.docx"), ErrorCode::ToolFailed);
    assert_eq!(refused("cut.pdf"), ErrorCode::ToolFailed);
    assert_eq!(refused("other.zip"), ErrorCode::Unsupported);
    assert_eq!(refused("program"), ErrorCode::Unsupported);
    for path in ["long.docx", "long.txt"] {
        let text = text(&bench, path);
        assert!(text.len() < READ_BYTES + 100 && text.ends_with("bytes]\n"), "{path}");
    }
    assert!(!text(&bench, "laughs.docx").contains("ha"), "entities are not resolved");
    // What these hold is nothing; what counts is that they end.
    for path in ["deep.docx", "many.pdf", "loop.pdf", "bad.pdf"] {
        let _ = bench.call("documents.text", json!({ "path": path }));
    }
    assert!(started.elapsed().as_secs() < 60, "took {:?}", started.elapsed());
}

#[test]
fn what_lies_outside_is_refused() {
    let bench = Bench::new();
    std::os::unix::fs::symlink("/etc/hostname", bench.path().join("link.txt")).unwrap();
    for path in ["/etc/hostname", "../x", "link.txt"] {
        assert_eq!(bench.refused("documents.text", json!({ "path": path })), ErrorCode::NotGranted, "{path}");
        let write = json!({ "path": path, "title": "x", "text": "x" });
        assert_eq!(bench.refused("documents.write", write), ErrorCode::NotGranted, "{path}");
    }
    let write = json!({ "path": "a.exe", "title": "x", "text": "x" });
    assert_eq!(bench.refused("documents.write", write), ErrorCode::InvalidInput);
    assert_eq!(bench.refused("documents.text", json!({ "path": "none.pdf" })), ErrorCode::NotFound);
}
