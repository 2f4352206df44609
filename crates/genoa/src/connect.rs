//! Finds the daemon, starts it if it is not there, and begins a session.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use genoa_abi::session::SessionRequest;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure, SessionId};
use genoa_client::Client;
use genoa_daemon::{Home, end_if_replaced, end_with_me};
use jiff::tz::TimeZone;

use crate::preferences::Preferences;
use crate::settings::Settings;

/// How long a daemon may take until it answers; it replays its journal first.
const START_WAIT: Duration = Duration::from_secs(30);

/// The exit status of a daemon whose home has another one.
pub(crate) const HOME_IN_USE: u8 = 5;

/// A connection with a session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Its number: whose questions are its own.
    pub(crate) id: SessionId,
    workspace: PathBuf,
    zone: TimeZone,
}

impl Session {
    /// A session over a connection, for tests.
    #[cfg(test)]
    pub(crate) fn over(client: Client, id: SessionId) -> Self {
        Self { client, id, workspace: PathBuf::from("/"), zone: TimeZone::UTC }
    }

    /// Which notices the person wants to see in this workspace, as it stands now.
    pub(crate) fn preferences(&self) -> Preferences {
        Preferences::of(&self.workspace)
    }

    /// The person's time zone.
    pub(crate) fn zone(&self) -> TimeZone {
        self.zone.clone()
    }
}

/// The folder that a command is about: the given one or the current one, without links in its name.
pub(crate) fn workspace(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = given.unwrap_or(Path::new("."));
    let whole = std::fs::canonicalize(folder).map_err(|error| {
        Failure::new(ErrorCode::NotFound, format!("there is no folder {}", folder.display())).because(error)
    })?;
    if !whole.is_dir() {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not a folder", whole.display())));
    }
    if whole.to_str().is_none() {
        return Err(Failure::new(ErrorCode::Unsupported, format!("{} cannot be worked in", whole.display()))
            .because("its path is not UTF-8 text, so no grant can name it")
            .try_next("Rename the folder, or work in another one; the names of files in it may be anything"));
    }
    Ok(whole)
}

/// Connects to the running daemon, or starts one; one whose program was replaced by another build is started anew.
pub(crate) fn connect_or_start(home: &Home) -> Result<Client, Failure> {
    if let Ok(client) = Client::connect(&home.socket())
        && !end_if_replaced(&client)
    {
        return Ok(client);
    }
    home.create()?;
    first_answer(start(home, &[])?, home).map(|(_, client)| client)
}

/// Lets a daemon that runs look at the configuration, which it does whenever somebody connects.
pub(crate) fn tell_daemon(home: &Home) {
    // Without one there is nobody to tell: the next reads what is there.
    drop(Client::connect(&home.socket()));
}

/// Starts a daemon that ends with this process, however this process ends.
pub(crate) fn start_own(home: &Home) -> Result<(Child, Client), Failure> {
    first_answer(start(home, &end_with_me())?, home)
}

/// Waits until a daemon that was just started answers.
fn first_answer(mut daemon: Child, home: &Home) -> Result<(Child, Client), Failure> {
    let began = Instant::now();
    loop {
        if let Ok(client) = Client::connect(&home.socket()) {
            return Ok((daemon, client));
        }
        // Somebody else's daemon may have been quicker: then that one will answer.
        if let Ok(Some(status)) = daemon.try_wait()
            && status.code() != Some(i32::from(HOME_IN_USE))
        {
            return Err(Failure::new(ErrorCode::Internal, "the daemon did not start")
                .because(last_lines(&home.logs().join("daemon.log")).unwrap_or_else(|| status.to_string())));
        }
        if began.elapsed() > START_WAIT {
            return Err(Failure::new(ErrorCode::TimedOut, "the daemon does not answer")
                .try_next(format!("See {}", home.logs().join("daemon.log").display())));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Begins a session in `workspace`.
pub(crate) fn begin(
    mut client: Client,
    settings: &Settings,
    workspace: &Path,
    today: Option<jiff::civil::Date>,
) -> Result<Session, Failure> {
    let request = SessionRequest {
        workspace: workspace.to_string_lossy().into_owned(),
        person: settings.person(),
        clock: settings.clock(today)?,
    };
    match client.call(&Syscall::Session(request))? {
        Reply::Session(id) => Ok(Session { client, id, workspace: workspace.to_owned(), zone: settings.zone()? }),
        other => Err(unexpected(&other)),
    }
}

/// The failure for an answer of the wrong kind: daemon and command line are of different versions.
pub(crate) fn unexpected(reply: &Reply) -> Failure {
    Failure::new(ErrorCode::Internal, "the daemon gave an answer of the wrong kind")
        .because(format!("{reply:?}"))
        .try_next("Restart the daemon: it may be of another version")
}

fn start(home: &Home, arguments: &[String]) -> Result<Child, Failure> {
    let fail = |error: std::io::Error| Failure::new(ErrorCode::Internal, "cannot start the daemon").because(error);
    let log = home.logs().join("daemon.log");
    let log = OpenOptions::new().create(true).write(true).truncate(true).open(log).map_err(fail)?;
    let binary = std::env::current_exe().map_err(fail)?;
    Command::new(binary)
        .arg("daemon")
        .args(arguments)
        .env("GENOA_HOME", home.state())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(fail)?)
        .stderr(log)
        .process_group(0)
        .current_dir("/")
        .spawn()
        .map_err(fail)
}

fn last_lines(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    (!lines.is_empty()).then(|| lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
}
