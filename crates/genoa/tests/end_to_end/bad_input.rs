//! Hostile and broken files, through real jails: the call ends with the reason, and everything else goes on.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::{Compress, Compression, FlushCompress};

use crate::world::World;

/// Every entry below a folder, with its name as it is and what it holds.
fn entries(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_symlink() {
            found.push((path.clone(), std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
        } else if path.is_dir() {
            found.extend(entries(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// Everything that a command prints, with the colours that a terminal would get.
fn coloured(world: &World, arguments: &[&str], status: i32) -> String {
    let output = world.command(arguments).env("CLICOLOR_FORCE", "1").output().unwrap();
    let all = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{all}");
    all
}

#[test]
fn a_file_may_be_called_anything_and_is_changed_shown_and_brought_back() {
    const OWNED: &str = "\u{1b}]0;owned\u{7}\u{9b}31m.md";
    let world = World::new();
    for name in [b"odd/two\n+ forged.md".as_slice(), format!("odd/{OWNED}").as_bytes(), b"odd/caf\xE9.md"] {
        world.write("odd/.keep", "");
        std::fs::write(world.work().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let before = entries(&world.work());
    let plan = world.home().with_extension("plan");
    let source = "found = files.find(name=\"*.md\", under=\"odd\")\nsay(found)\nfor file in found:\n    files.append(path=file.path, text=\"more\")\nfiles.delete(path=\"odd/two\\n+ forged.md\")\n";
    std::fs::write(&plan, source).unwrap();
    let mut said = coloured(&world, &["plan", "run", plan.to_str().unwrap()], 0);
    said += &coloured(&world, &["diff"], 0);
    assert!(said.contains("odd/two\\n+ forged.md"), "{said}");
    assert_eq!(entries(&world.work()), before, "nothing is real before the commit");
    said += &coloured(&world, &["commit"], 0);
    let changed = entries(&world.work());
    assert_eq!(changed.len(), before.len() - 1);
    for (path, content) in
        changed.iter().filter(|(path, _)| path.ends_with(OWNED) || path.ends_with(OsStr::from_bytes(b"caf\xE9.md")))
    {
        assert!(content.ends_with(b"\nmore"), "{path:?}");
    }
    said += &coloured(&world, &["why", &format!("odd/{OWNED}")], 0);
    for command in [["journal", "tail"].as_slice(), &["status"]] {
        said += &coloured(&world, command, 0);
    }
    said += &coloured(&world, &["undo"], 0);
    assert_eq!(entries(&world.work()), before, "the undo brings every byte back");
    assert!(!said.contains("\u{1b}]") && !said.contains(['\u{7}', '\u{9b}', '\r']), "{said:?}");
    let without_colours = |line: &str| line.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
    assert!(!said.lines().any(|line| without_colours(line).trim_start().starts_with("+ forged.md")), "{said}");
}

#[test]
fn a_folder_whose_path_is_no_text_is_refused_with_the_reason() {
    let world = World::new();
    let odd = world.work().join(OsStr::from_bytes(b"caf\xE9"));
    std::fs::create_dir(&odd).unwrap();
    let output = world.command(&["status"]).current_dir(&odd).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be worked in") && said.contains("Rename the folder"), "{said}");
    assert!(world.daemon().is_none(), "nothing was started for it");
}

#[test]
fn a_link_out_of_the_workspace_leads_nowhere() {
    let (world, outside) = (World::new(), tempfile::tempdir().unwrap());
    std::fs::write(outside.path().join("victim.txt"), "precious").unwrap();
    std::os::unix::fs::symlink(outside.path(), world.work().join("exit")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("victim.txt"), world.work().join("link.txt")).unwrap();
    let (inside, before) = (entries(&world.work()), entries(outside.path()));
    for (plan, status) in [
        ("say(files.read(path=\"exit/victim.txt\"))", 3),
        ("files.write(path=\"exit/new.txt\", text=\"x\")", 3),
        ("files.append(path=\"link.txt\", text=\"x\")", 3),
        ("files.write(path=\"link.txt\", text=\"x\")", 1),
        ("files.delete(path=\"exit/victim.txt\")", 3),
        ("files.move(source=\"report.txt\", to=\"exit/report.txt\")", 3),
        ("say(documents.text(path=\"link.txt\"))", 3),
    ] {
        let said = world.plan(&format!("{plan}\n"), status);
        assert!(!said.contains("precious"), "{plan}: {said}");
        assert!(said.contains("link") || said.contains("is not a file"), "{plan}: {said}");
    }
    // The link itself is an entry like any other, and what it leads to stays.
    world.plan("files.copy(source=\"exit\", to=\"other\")\nfiles.delete(path=\"exit\")\n", 0);
    world.ok(&["commit"]);
    assert_eq!(entries(outside.path()), before);
    world.ok(&["undo"]);
    assert_eq!((entries(&world.work()), entries(outside.path())), (inside, before));
}

#[test]
fn a_folder_that_becomes_a_link_before_the_commit_is_not_written_through() {
    let (world, outside) = (World::new(), tempfile::tempdir().unwrap());
    world.plan("files.write(path=\"notes/new.md\", text=\"x\")\nfiles.delete(path=\"notes/a.md\")\n", 0);
    std::fs::rename(world.work().join("notes"), outside.path().join("notes")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("notes"), world.work().join("notes")).unwrap();
    let before = entries(outside.path());
    world.ends(&["commit"], 1);
    assert_eq!(entries(outside.path()), before);
}

/// A zlib stream of so many MiB zeros.
fn packed_zeros(mib: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut block = Vec::with_capacity(64 * 1024);
    // After a full flush the next block looks at nothing before it, so one can stand many times.
    compress.compress_vec(&vec![0; 1024 * 1024], &mut block, FlushCompress::Full).unwrap();
    [[0x78, 0x9C].as_slice(), &block.repeat(mib), &[3, 0, 0, 0, 0, 1]].concat()
}

/// A PDF file of one page with this content stream.
fn pdf(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let head = "%PDF-1.5\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 4 0 R >> >> >>\nendobj\n";
    let stream = format!("4 0 obj\n<< {dictionary} /Length {} >>\nstream\n", content.len());
    let places: Vec<usize> =
        ["1 0 obj", "2 0 obj", "3 0 obj"].iter().map(|mark| head.find(mark).unwrap()).chain([head.len()]).collect();
    let table: String = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect();
    let start = head.len() + stream.len() + content.len() + "\nendstream\nendobj\n".len();
    let end = format!(
        "\nendstream\nendobj\nxref\n0 5\n0000000000 65535 f \n{table}trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    [head.as_bytes(), stream.as_bytes(), content, end.as_bytes()].concat()
}

#[test]
fn a_document_that_brings_its_reader_down_brings_down_nothing_else() {
    let world = World::new();
    let put = |name: &str, bytes: Vec<u8>| std::fs::write(world.work().join(name), bytes).unwrap();
    put("zeros.pdf", pdf("/Filter /FlateDecode", &packed_zeros(4 * 1024)));
    // It paints itself inside itself.
    put("self.pdf", pdf("/Type /XObject /Subtype /Form", b"/X Do"));
    let read = |name: &str| world.plan(&format!("say(documents.text(path=\"{name}\"))\n"), 1);
    let begin = Instant::now();
    let said = read("zeros.pdf");
    assert!(said.contains("zeros.pdf: the PDF file unpacks to too much"), "{said}");
    let said = read("self.pdf");
    assert!(said.contains("documents.text stopped without an answer") && said.contains("reading self.pdf"), "{said}");
    assert!(begin.elapsed().as_secs() < 90, "{:?}", begin.elapsed());
    assert!(world.plan("say(documents.text(path=\"report.txt\"))\n", 0).contains("The report."));
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

#[test]
fn broken_files_in_a_folder_hide_nothing() {
    let world = World::new();
    let event =
        "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:Harbour walk\r\n";
    world.write(
        "good.ics",
        &format!("BEGIN:VCALENDAR\r\n{event}END:VEVENT\r\nDTSTART:never\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n"),
    );
    world.write("broken.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nRRULE:FREQ=");
    world.write("mail/new/.keep", "");
    world.write("mail/cur/broken:2,S", "\u{0}\u{1}");
    let head = "From: Bo <bo@x.example>\r\nSubject: The big one\r\nDate: 1 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt is attached.\r\n--b\r\nContent-Disposition: attachment; filename=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    world.write("mail/cur/big:2,S", head);
    let file = std::fs::File::options().append(true).open(world.work().join("mail/cur/big:2,S")).unwrap();
    let mut file = std::io::BufWriter::new(file);
    (0..900_000).for_each(|_| {
        file.write_all(b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n").unwrap()
    });
    file.write_all(b"--b--\r\n").unwrap();
    file.flush().unwrap();
    let begin = Instant::now();
    let plan = "events = calendar.find(when=\"2030-01-01\")\nsay(events)\nmails = mail.find(about=\"big\")\nsay(mails)\none = first(mails)\nsay(one.attachments)\nsay(mail.read(mail=one))\n";
    let said = world.plan(plan, 0);
    assert!(begin.elapsed().as_secs() < 90, "{:?}", begin.elapsed());
    for part in ["Harbour walk", "The big one", "film.mp4 (51 MB)", "It is attached."] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    // Sending it on is another matter: no message may be that large, and the reason is said.
    let said = world.plan("say(documents.text(path=\"mail/cur/big:2,S\"))\n", 1);
    assert!(said.contains("over the limit of"), "{said}");
}
