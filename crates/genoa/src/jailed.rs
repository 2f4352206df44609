//! Jails that the command line makes by itself, without a daemon.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use genoa_abi::frame::{LineBuffer, Message};
use genoa_abi::{ErrorCode, Failure, RequestId};
use genoa_daemon::Home;
use genoa_sandbox::{JailPlan, Machine, SpawnerHandle, SpawnerNews, probe};
use genoa_tools::text::{one_line, shorten};
use serde_json::Value as Json;

/// Letters of each part of a failure that is quoted.
const REASON_LETTERS: usize = 500;
/// The only request of a jail, and the only jail of a spawner.
const ONE: u64 = 1;
/// How long the beginning of a jail may take to be told, or its end after its socket closed.
const END_WAIT: Duration = Duration::from_secs(2);

/// What the command line needs to make jails.
#[derive(Debug)]
pub(crate) struct Jails {
    binary: PathBuf,
    machine: Machine,
}

/// What a jail is asked, and with what in its hands.
pub(crate) struct Question<'a> {
    /// What it is about, for failures: `asking the MCP server sums`.
    pub(crate) about: &'a str,
    pub(crate) method: &'a str,
    pub(crate) params: Json,
    /// Become the descriptors 4, 5, ….
    pub(crate) given: Vec<OwnedFd>,
    /// The jail ends then.
    pub(crate) limit_ms: u64,
}

impl Jails {
    /// Looks at what this machine offers.
    ///
    /// # Errors
    /// [`ErrorCode::JailUnavailable`] if the spawner does not answer.
    pub(crate) fn new(home: &Home) -> Result<Self, Failure> {
        let binary = binary()?;
        let report = probe(&binary, &home.run())?;
        let machine = Machine::survey(report, &binary, home.state(), std::env::home_dir().as_deref());
        Ok(Self { binary, machine })
    }

    /// What plans are made for.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Builds a jail, asks it, and ends it.
    ///
    /// # Errors
    /// [`ErrorCode::JailUnavailable`] where it cannot be built, [`ErrorCode::TimedOut`] after the limit, what the jailed
    /// process answers, and [`ErrorCode::Interrupted`] with how it ended where it answers nothing.
    pub(crate) fn ask(&self, plan: &JailPlan, question: Question<'_>) -> Result<Json, Failure> {
        let (ours, theirs) = UnixStream::pair().map_err(no_jail)?;
        let mut fds: Vec<OwnedFd> = vec![theirs.into()];
        fds.extend(question.given);
        let jail = self.start(plan, fds)?;
        match converse(ours, question.method, question.params, question.limit_ms) {
            Ok(answer) => answer.map_err(|failure| cleaned(&failure)),
            Err(Broken::Late) => {
                let what = format!("{} took longer than {} ms", question.about, question.limit_ms);
                Err(Failure::new(ErrorCode::TimedOut, what))
            }
            Err(Broken::Ended) => Err(jail.failure(question.about)),
            Err(Broken::Strange) => Err(broken(question.about, "the jailed process gave an answer of the wrong kind")),
        }
    }

    /// Builds a jail that lives until what is returned goes. The descriptors become 3, 4, and so on.
    ///
    /// # Errors
    /// [`ErrorCode::JailUnavailable`] where none can be built; what is wrong with this one shows later.
    pub(crate) fn start(&self, plan: &JailPlan, fds: Vec<OwnedFd>) -> Result<Jail, Failure> {
        let mut spawner = SpawnerHandle::start(&self.binary).map_err(no_jail)?;
        spawner.spawn(ONE, plan, &fds)?;
        Ok(Jail(spawner))
    }
}

fn no_jail(error: std::io::Error) -> Failure {
    Failure::new(ErrorCode::JailUnavailable, "no jail can be made").because(error)
}

fn broken(about: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Interrupted, format!("{about} broke off")).because(why)
}

/// A jail, which ends with this, with all that is in it.
#[derive(Debug)]
pub(crate) struct Jail(SpawnerHandle);

impl Jail {
    /// Waits until the program runs in it.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn running(mut self, about: &str) -> Result<Self, Failure> {
        match self.news(|news| matches!(news, SpawnerNews::Started { .. })) {
            Some(SpawnerNews::Started { .. }) => Ok(self),
            other => Err(ended(about, other)),
        }
    }

    /// Why it is over, which shows by what it was given being closed.
    pub(crate) fn failure(mut self, about: &str) -> Failure {
        ended(about, self.news(|_| false))
    }

    /// What is told next that is looked for, or that is the end.
    fn news(&mut self, is_wanted: impl Fn(&SpawnerNews) -> bool) -> Option<SpawnerNews> {
        let start = Instant::now();
        while start.elapsed() < END_WAIT {
            match self.0.receive().ok()? {
                Some(news @ (SpawnerNews::Failed { .. } | SpawnerNews::Exited { .. })) => return Some(news),
                Some(news) if is_wanted(&news) => return Some(news),
                Some(SpawnerNews::Started { .. }) => {}
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        None
    }
}

fn ended(about: &str, news: Option<SpawnerNews>) -> Failure {
    match news {
        Some(SpawnerNews::Failed { failure, .. }) => failure,
        Some(SpawnerNews::Exited { end, .. }) => broken(about, format_args!("the jailed process {end}")),
        _ => broken(about, "the jailed process ended without an answer"),
    }
}

/// Why there is no answer.
enum Broken {
    Late,
    Ended,
    Strange,
}

fn converse(
    mut socket: UnixStream,
    method: &str,
    params: Json,
    limit_ms: u64,
) -> Result<Result<Json, Failure>, Broken> {
    // A process that is gone already shows when its answer is read.
    let _ = socket.write_all(&Message::request(RequestId(ONE), method, params).to_line());
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    let (mut lines, mut chunk) = (LineBuffer::default(), vec![0; 64 * 1024]);
    loop {
        if let Some(line) = lines.next_line() {
            return match Message::from_line(&line) {
                Ok(Message::Success { result, .. }) => Ok(Ok(result)),
                Ok(Message::Error { error, .. }) => Ok(Err(error.data)),
                Ok(_) => Err(Broken::Strange),
                Err(failure) => Ok(Err(failure)),
            };
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Broken::Late);
        }
        socket.set_read_timeout(Some(left)).map_err(|_| Broken::Ended)?;
        match socket.read(&mut chunk) {
            Ok(0) => return Err(Broken::Ended),
            Ok(count) => {
                if let Err(failure) = lines.push(&chunk[..count]) {
                    return Ok(Err(failure));
                }
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Err(Broken::Ended),
        }
    }
}

/// A failure's words come out of the jail: one line each, and not endless.
fn cleaned(failure: &Failure) -> Failure {
    let clean = |text: &str| shorten(&one_line(text), REASON_LETTERS);
    Failure::new(failure.code, clean(&failure.what)).because(clean(&failure.why)).try_next(clean(&failure.next))
}

/// The path of this binary, which jails are started from.
pub(crate) fn binary() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(ErrorCode::Internal, "our own binary cannot be found").because(error))
}
