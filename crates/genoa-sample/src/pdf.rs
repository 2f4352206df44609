//! A PDF writer for pages of plain text, enough for papers that are read and not looked at.

use std::fmt::Write as _;

/// Lines of one page.
const PAGE_LINES: usize = 48;

/// A PDF with this title and these lines; a line that begins with `# ` is a heading.
#[must_use]
pub(crate) fn document(title: &str, lines: &[String]) -> Vec<u8> {
    let pages: Vec<&[String]> = lines.chunks(PAGE_LINES).collect();
    let mut objects = vec!["<< /Type /Catalog /Pages 2 0 R >>".to_owned()];
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 5 + 2 * page)).collect();
    objects.push(format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()));
    objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned());
    objects.push(format!("<< /Title ({}) >>", escape(title)));
    for (place, page) in pages.iter().enumerate() {
        let content = page_content(page);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents {} 0 R >>",
            6 + 2 * place
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}endstream", content.len()));
    }
    assemble(&objects)
}

fn page_content(lines: &[String]) -> String {
    let mut content = "BT\n/F1 11 Tf\n56 786 Td\n15 TL\n".to_owned();
    for line in lines {
        let (size, text) = line.strip_prefix("# ").map_or((11, line.as_str()), |heading| (15, heading));
        let _ = write!(content, "/F1 {size} Tf\n({}) Tj T*\n", escape(text));
    }
    content + "ET\n"
}

fn assemble(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (place, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", place + 1);
    }
    let table = file.len();
    let _ = write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        let _ = writeln!(file, "{offset:010} 00000 n ");
    }
    let _ =
        write!(file, "trailer\n<< /Size {} /Root 1 0 R /Info 4 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    file.into_bytes()
}

/// Letters beyond ASCII are written as octal numbers of Latin 1, so that the file stays ASCII.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match u32::from(letter) {
            0x28 | 0x29 | 0x5c => {
                escaped.push('\\');
                escaped.push(letter);
            }
            0x20..0x7f => escaped.push(letter),
            code @ 0xa0..=0xff => {
                let _ = write!(escaped, "\\{code:03o}");
            }
            _ => escaped.push('?'),
        }
    }
    escaped
}
