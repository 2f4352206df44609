//! Fetching from a server that does what servers do: serve ranges, break off, lie.

use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::loopback::{Asked, Server, send};
use genoa_abi::{ContentHash, ErrorCode, Failure};
use genoa_model::catalogue::{Entry, Source};
use genoa_model::fetch::{FetchOptions, fetch};
use genoa_model::fetch_news::FetchNews;
use genoa_model::foreign::{Foreign, InThisProcess, Reading};
use genoa_model::store::{self, Installed};

/// A model file of a few thousand bytes: a header without tensors, and padding.
fn model() -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend([0; 16]);
    bytes.extend((0..9000u32).map(|number| u8::try_from(number % 251).unwrap()));
    bytes
}

fn entry(name: &str, sources: Vec<Source>) -> Entry {
    Entry {
        name: name.to_owned(),
        display: name.to_owned(),
        licence: "MIT".to_owned(),
        purpose: "test".to_owned(),
        bytes: Some(model().len() as u64),
        sha256: Some(ContentHash::of(&model()).to_string()),
        context_tokens: 1,
        memory_bytes: 1,
        sources,
    }
}

fn hub(server: &Server) -> Source {
    Source::Hub { url: format!("{}/model.gguf", server.url) }
}

fn options(folder: &Path) -> FetchOptions {
    FetchOptions { reserve_bytes: 0, ..FetchOptions::new(folder) }
}

fn run(entry: &Entry, folder: &Path) -> (Result<Installed, Failure>, Vec<FetchNews>) {
    let mut news = Vec::new();
    let outcome = fetch(entry, &options(folder), &InThisProcess, &mut |one| news.push(one));
    (outcome, news)
}

/// Serves `bytes` with ranges, at most `piece` of them at a time before it hangs up.
fn serve_range(bytes: &[u8], piece: usize, asked: &Asked, stream: &mut TcpStream) {
    let from = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = from.unwrap_or(0);
    if from >= bytes.len() {
        send(stream, "416 Range Not Satisfiable", &[&format!("content-range: bytes */{}", bytes.len())], b"");
        return;
    }
    let rest = &bytes[from..];
    let length = format!("content-length: {}", rest.len());
    let range = format!("content-range: bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
    send(stream, "206 Partial Content", &[&length, &range], &rest[..piece.min(rest.len())]);
}

#[test]
fn a_model_is_fetched_verified_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), usize::MAX, asked, stream));
    let entry = entry("small", vec![hub(&server)]);
    let (outcome, news) = run(&entry, folder.path());
    let installed = outcome.unwrap();
    assert_eq!(std::fs::read(&installed.path).unwrap(), model());
    assert_eq!(store::find(folder.path(), "small").unwrap(), installed);
    store::verify(&installed, &InThisProcess).unwrap();
    assert!(news.contains(&FetchNews::Verifying));
    run(&entry, folder.path()).0.unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 1, "what is here is not fetched again");
    std::fs::write(&installed.path, b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0!").unwrap();
    assert_eq!(store::verify(&installed, &InThisProcess).unwrap_err().code, ErrorCode::Conflict);
}

#[test]
fn a_connection_that_breaks_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), 2500, asked, stream));
    run(&entry("small", vec![hub(&server)]), folder.path()).0.unwrap();
    let asked = server.asked.lock().unwrap();
    let ranges: Vec<&str> = asked.iter().filter_map(|asked| asked.header("range")).collect();
    assert_eq!(ranges, ["bytes=0-", "bytes=2500-", "bytes=5000-", "bytes=7500-"]);
}

#[test]
fn a_server_that_never_gets_further_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), 0, asked, stream));
    let failure = run(&entry("small", vec![hub(&server)]), folder.path()).0.unwrap_err();
    assert!(failure.why.contains("broke after 0 bytes"), "{failure}");
    assert_eq!(server.asked.lock().unwrap().len(), 5);
}

#[test]
fn what_does_not_verify_is_refused_and_removed() {
    let mut other = model();
    other[100] ^= 1;
    let mut longer = model();
    longer.push(0);
    let shorter = model()[..500].to_vec();
    for (bytes, expected) in [(other, "SHA-256"), (longer, "were expected"), (shorter, "not 9024")] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(move |_, asked, stream| serve_range(&bytes, usize::MAX, asked, stream));
        let failure = run(&entry("small", vec![hub(&server)]), folder.path()).0.unwrap_err();
        assert!(failure.why.contains(expected), "{failure} instead of {expected}");
        assert!(store::list(folder.path()).unwrap().is_empty());
        assert!(!folder.path().join("small/hub.part").exists());
    }
}

#[test]
fn a_server_that_sends_more_than_it_says_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _, stream| send(stream, "200 OK", &[], &vec![1; 100_000]));
    let failure = run(&entry("small", vec![hub(&server)]), folder.path()).0.unwrap_err();
    assert!(failure.why.contains("more than the 9024 bytes"), "{failure}");
}

#[test]
fn sources_are_tried_in_order_and_each_says_why_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.gguf");
    std::fs::write(&file, model()).unwrap();
    let server = Server::start(|_, _, stream| send(stream, "404 Not Found", &["content-length: 0"], b""));
    let closed = Source::Hub { url: "http://127.0.0.1:1/model.gguf".to_owned() };
    let plain = Source::Hub { url: "http://192.0.2.1/model.gguf".to_owned() };
    let entry = entry("small", vec![hub(&server), closed, plain, Source::File { path: file }]);
    let (outcome, news) = run(&entry, &folder.path().join("models"));
    outcome.unwrap();
    let reasons: Vec<String> = news
        .into_iter()
        .filter_map(|news| if let FetchNews::Failed { failure, .. } = news { Some(failure.what) } else { None })
        .collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(
        reasons[0].contains("404") && reasons[1].contains("does not answer") && reasons[2].contains("not encrypted")
    );
}

#[test]
fn a_full_disk_is_told_before_anything_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), usize::MAX, asked, stream));
    let full = FetchOptions { reserve_bytes: u64::MAX / 2, ..options(folder.path()) };
    let failure = fetch(&entry("small", vec![hub(&server)]), &full, &InThisProcess, &mut |_| ()).unwrap_err();
    assert!(failure.why.contains("too full"), "{failure}");
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn two_fetches_of_one_model_do_not_collide() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Arc::new(Barrier::new(2));
    let reached = Arc::clone(&barrier);
    let server = Server::start(move |_, asked, stream| {
        reached.wait();
        std::thread::sleep(Duration::from_millis(200));
        serve_range(&model(), usize::MAX, asked, stream);
    });
    let entry = entry("small", vec![hub(&server)]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| run(&entry, folder.path()).0);
        barrier.wait();
        let second = run(&entry, folder.path()).0.unwrap_err();
        assert_eq!(second.code, ErrorCode::Conflict, "{second}");
        first.join().unwrap().unwrap();
    });
}

#[test]
fn what_cannot_be_verified_is_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), usize::MAX, asked, stream));
    let unknown = Entry { sha256: None, bytes: None, ..entry("small", vec![hub(&server)]) };
    let failure = run(&unknown, folder.path()).0.unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    assert!(server.asked.lock().unwrap().is_empty());
    let given =
        FetchOptions { sha256: Some(ContentHash::of(&model()).to_string().to_uppercase()), ..options(folder.path()) };
    fetch(&unknown, &given, &InThisProcess, &mut |_| ()).unwrap();
    let wrong = FetchOptions { sha256: Some("ab".repeat(32)), ..given };
    assert_eq!(
        fetch(&entry("small", vec![hub(&server)]), &wrong, &InThisProcess, &mut |_| ()).unwrap_err().code,
        ErrorCode::Conflict
    );
}

#[test]
fn a_file_of_ones_own_gets_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("mine.gguf");
    std::fs::write(&source, model()).unwrap();
    let models = folder.path().join("models");
    let added = store::add_local(&models, "mine", &source, &InThisProcess).unwrap();
    assert_eq!((added.sha256.as_str(), added.bytes), (ContentHash::of(&model()).to_string().as_str(), 9024));
    assert_eq!(store::add_local(&models, "mine", &source, &InThisProcess).unwrap_err().code, ErrorCode::Conflict);
    for bad in ["", "../up", "a/b", "Big", ".hidden", "a\nb", &"x".repeat(65)] {
        assert_eq!(
            store::add_local(&models, bad, &source, &InThisProcess).unwrap_err().code,
            ErrorCode::InvalidInput,
            "{bad:?}"
        );
    }
    std::fs::write(&source, b"#!/bin/sh\n").unwrap();
    let failure = store::add_local(&models, "script", &source, &InThisProcess).unwrap_err();
    assert!(failure.why.contains("GGUF"), "{failure}");
    assert_eq!(store::find(&models, "script").unwrap_err().code, ErrorCode::NotFound);
}

#[test]
fn what_a_killed_fetch_left_is_continued_and_what_is_wrong_in_it_is_thrown_away() {
    let server = Server::start(|_, asked, stream| serve_range(&model(), usize::MAX, asked, stream));
    let entry = entry("small", vec![hub(&server)]);
    let leave = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("small")).unwrap();
        std::fs::write(folder.path().join("small/hub.part"), bytes).unwrap();
        folder
    };
    for here in [3000, model().len()] {
        let folder = leave(&model()[..here]);
        let installed = run(&entry, folder.path()).0.unwrap();
        assert_eq!(std::fs::read(&installed.path).unwrap(), model());
        assert_eq!(
            server.asked.lock().unwrap().last().unwrap().header("range"),
            Some(format!("bytes={here}-").as_str())
        );
    }
    for wrong in [vec![7; 3000], vec![7; model().len()], vec![7; 20_000]] {
        let folder = leave(&wrong);
        // A wrong beginning shows in the hash; then it is gone, and the next try begins anew.
        let (first, _) = run(&entry, folder.path());
        assert!(first.is_ok() || first.is_err_and(|failure| failure.why.contains("SHA-256")));
        assert_eq!(std::fs::read(run(&entry, folder.path()).0.unwrap().path).unwrap(), model());
    }
}

/// A machine on which no jail can be built.
struct NoJail;

impl Foreign for NoJail {
    fn read(&self, _: &Reading, _: std::fs::File, _: Option<&std::fs::File>) -> Result<u64, Failure> {
        Err(Failure::new(ErrorCode::JailUnavailable, "this machine offers no user namespaces"))
    }
}

#[test]
fn what_cannot_be_read_safely_is_not_read_and_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, asked, stream| serve_range(&model(), usize::MAX, asked, stream));
    let entry = entry("small", vec![hub(&server), hub(&server)]);
    let failure = fetch(&entry, &options(folder.path()), &NoJail, &mut |_| ()).unwrap_err();
    assert_eq!(failure.code, ErrorCode::JailUnavailable, "{failure}");
    assert!(store::list(folder.path()).unwrap().is_empty());
    run(&entry, folder.path()).0.unwrap();
    let asked = server.asked.lock().unwrap();
    let ranges: Vec<&str> = asked.iter().filter_map(|asked| asked.header("range")).collect();
    assert_eq!(ranges, ["bytes=0-", "bytes=9024-"], "what came is still here");
}
