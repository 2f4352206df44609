//! Downloads a file over HTTP, and goes on where an earlier try stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use genoa_abi::{ErrorCode, Failure};
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use crate::fetch_news::FetchNews;
use crate::limits::HUB_RESUMES;
use crate::store::storage;

const CONNECT: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
const NEWS: Duration = Duration::from_millis(200);

/// Fetches `url` into `part`, at most `most` bytes. A part that is there is continued.
pub(crate) fn download(url: &str, part: &Path, most: u64, tell: &mut dyn FnMut(FetchNews)) -> Result<(), Failure> {
    check_url(url)?;
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .http_status_as_error(false)
        .user_agent("genoa")
        .accept_encoding("identity")
        .build()
        .into();
    let mut tries = 0;
    loop {
        let before = length(part);
        let outcome = try_once(&agent, url, part, most, tell);
        // A try that brought something is not counted: a slow network may break a large file many times.
        tries = if length(part) > before { 0 } else { tries + 1 };
        match outcome {
            Ok(()) => return Ok(()),
            Err(failure) if failure.code == ErrorCode::Interrupted && tries < HUB_RESUMES => {}
            Err(failure) => return Err(failure),
        }
    }
}

fn try_once(agent: &Agent, url: &str, part: &Path, most: u64, tell: &mut dyn FnMut(FetchNews)) -> Result<(), Failure> {
    let here = length(part);
    let request = agent.get(url).header(header::RANGE, format!("bytes={here}-"));
    let mut response = request.call().map_err(|error| {
        let code = if matches!(error, ureq::Error::BadUri(_)) { ErrorCode::InvalidInput } else { ErrorCode::NotFound };
        Failure::new(code, "the hub does not answer").because(error)
    })?;
    let start = match response.status() {
        StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(here) => here,
        StatusCode::OK => 0,
        StatusCode::RANGE_NOT_SATISFIABLE if here > 0 && total_of_range(&response) == Some(here) => return Ok(()),
        StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
            let _ = fs::remove_file(part);
            return Err(Failure::new(ErrorCode::Interrupted, "the hub does not continue where the last try stopped"));
        }
        status => return Err(Failure::new(ErrorCode::NotFound, format!("the hub answered {status}"))),
    };
    let total = response.body().content_length().map(|rest| start + rest);
    if total.is_some_and(|total| total > most) {
        let what = format!("the file has {} bytes, {most} were expected", total.unwrap_or(0));
        return Err(Failure::new(ErrorCode::TooLarge, what));
    }
    let mut file = open(part, start).map_err(|error| storage("cannot write", part, &error))?;
    copy(response.body_mut(), &mut file, (start, total, most), tell)?;
    file.sync_all().map_err(|error| storage("cannot write", part, &error))
}

fn copy(
    body: &mut Body,
    file: &mut File,
    (start, total, most): (u64, Option<u64>, u64),
    tell: &mut dyn FnMut(FetchNews),
) -> Result<(), Failure> {
    // The limit of the client is for those who read into memory; ours is checked below.
    let mut reader = body.with_config().limit(u64::MAX).reader();
    let mut chunk = vec![0; 256 * 1024];
    let mut done = start;
    let mut told = Instant::now();
    loop {
        let count = reader.read(&mut chunk).map_err(|error| broken(done, &error))?;
        if count == 0 {
            break;
        }
        done += count as u64;
        if done > most {
            return Err(Failure::new(
                ErrorCode::TooLarge,
                format!("the hub sends more than the {most} bytes expected"),
            ));
        }
        file.write_all(&chunk[..count])
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "the download cannot be written").because(error))?;
        if told.elapsed() >= NEWS {
            told = Instant::now();
            tell(FetchNews::Bytes { done, total });
        }
    }
    tell(FetchNews::Bytes { done, total });
    if total.is_some_and(|total| done < total) {
        return Err(broken(done, &"it ended early"));
    }
    Ok(())
}

fn broken(done: u64, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Interrupted, format!("the connection broke after {done} bytes")).because(why)
}

/// Plain HTTP is for servers on this machine only.
fn check_url(url: &str) -> Result<(), Failure> {
    if is_private(url)? {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::InvalidInput, format!("{url} is not encrypted"))
        .try_next("Use an address that begins with https://"))
}

/// Whether nobody on the way can read what is sent to an address.
pub(crate) fn is_private(url: &str) -> Result<bool, Failure> {
    let uri: ureq::http::Uri = url.parse().map_err(|error: ureq::http::uri::InvalidUri| {
        Failure::new(ErrorCode::InvalidInput, format!("{url} is no address")).because(error)
    })?;
    let local = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    Ok(uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && local))
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |data| data.len())
}

fn open(part: &Path, start: u64) -> std::io::Result<File> {
    if start > 0 { OpenOptions::new().append(true).open(part) } else { File::create(part) }
}

fn content_range(response: &Response<Body>) -> Option<&str> {
    response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")
}

fn range_start(response: &Response<Body>) -> Option<u64> {
    content_range(response)?.split_once('-')?.0.parse().ok()
}

fn total_of_range(response: &Response<Body>) -> Option<u64> {
    content_range(response)?.strip_prefix("*/")?.parse().ok()
}
