//! Where cases run: a home and a daemon of their own, and a fresh workspace for each.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use genoa_abi::session::{Answer, News, Question, RunOutcome, RunSummary, SessionRequest};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{ErrorCode, Failure, IntentionId};
use genoa_client::Client;
use genoa_daemon::Home;
use serde_json::Value as Json;

use crate::connect::{start_own, unexpected};
use crate::eval::check::matches;
use crate::eval::{Case, Outcome, Seen};
use crate::follow::to_answer;
use crate::settings::Settings;

/// How long one case may take.
const CASE_LIMIT: Duration = Duration::from_secs(600);
/// The time of day at which cases take place.
const TIME_OF_DAY: &str = "T09:00:00+01:00";
/// The time zone in which they do.
const TIMEZONE: &str = "Europe/Oslo";

/// A daemon for cases, which ends with this process in any case. Dropping it ends the daemon and removes everything.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    home: Home,
    daemon: Child,
}

impl Stage {
    /// Starts a daemon with these settings and the models of `models`.
    pub(crate) fn open(models: &Home, settings: &Settings) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "no temporary folder").because(error))?;
        let home = models.with_state(folder.path().join("home"));
        home.create()?;
        settings.save(&home)?;
        let (daemon, _) = start_own(&home)?;
        Ok(Self { folder, home, daemon })
    }

    /// Runs one case, and looks at what is there afterwards.
    pub(crate) fn run(&self, case: &Case, cases: &Path) -> Result<(Seen, PathBuf), Failure> {
        let folder = self.workspace(case, cases)?;
        let mut client = Client::connect(&self.home.socket())?;
        let request = SessionRequest {
            workspace: folder.to_string_lossy().into_owned(),
            person: person(case),
            clock: Clock { now: format!("{}{TIME_OF_DAY}", case.today), timezone: TIMEZONE.to_owned() },
        };
        client.call(&Syscall::Session(request))?;
        let intend = Syscall::Intend { text: case.intention.clone(), agent: case.agent.clone() };
        let intention = match client.call(&intend)? {
            Reply::Intention { intention, .. } => intention,
            other => return Err(unexpected(&other)),
        };
        let mut seen = follow(&mut client, case, intention)?;
        if seen.summary.as_ref().is_some_and(|summary| !summary.difference.changes.is_empty()) {
            client.call(&Syscall::Commit { view: None })?;
        }
        if !case.expect.calendar.is_empty() {
            seen.events = events(&mut client)?;
        }
        if !case.expect.outbox.is_empty() {
            seen.outbox = outbox(&mut client, seen.summary.as_ref())?;
        }
        Ok((seen, folder))
    }

    fn workspace(&self, case: &Case, cases: &Path) -> Result<PathBuf, Failure> {
        let folder = self.folder.path().join("work").join(&case.id);
        if case.workspace == "sample" {
            genoa_sample::write(&folder, case.today)?;
        } else {
            let source = cases.parent().unwrap_or(Path::new(".")).join(&case.workspace);
            copy_tree(&source, &folder).map_err(|error| {
                Failure::new(ErrorCode::NotFound, format!("cannot copy the workspace {}", source.display()))
                    .because(error)
            })?;
        }
        std::fs::canonicalize(&folder)
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "the workspace is gone").because(error))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Crash-only: a daemon is ended by ending it.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// The person of the sample; of another workspace nothing is known.
fn person(case: &Case) -> Person {
    use genoa_sample::world::{PERSON_EMAIL, PERSON_NAME};
    match case.workspace.as_str() {
        "sample" => Person { name: PERSON_NAME.to_owned(), email: PERSON_EMAIL.to_owned() },
        _ => Person::default(),
    }
}

fn follow(client: &mut Client, case: &Case, intention: IntentionId) -> Result<Seen, Failure> {
    let mut seen =
        Seen { outcome: Outcome::Failed, summary: None, plan: String::new(), events: Vec::new(), outbox: Vec::new() };
    let mut unanswered = false;
    let began = Instant::now();
    while began.elapsed() < CASE_LIMIT {
        match client.next_news_within(Duration::from_secs(5))? {
            Some(News::Plan { source, .. }) => seen.plan = source,
            Some(News::Asked(question)) => {
                let answer = answer(case, &question);
                unanswered |= answer.is_none();
                let answer = answer.unwrap_or(Answer::No);
                client.call(&Syscall::Answer { question: question.id, answer })?;
            }
            Some(News::Finished(summary)) if summary.intention == intention => {
                seen.outcome = match summary.outcome {
                    _ if unanswered => Outcome::Asked,
                    RunOutcome::Done => Outcome::Done,
                    RunOutcome::Refused => Outcome::Refused,
                    RunOutcome::Asked => Outcome::Asked,
                    RunOutcome::Failed(_) => Outcome::Failed,
                };
                seen.summary = Some(summary);
                return Ok(seen);
            }
            _ => {}
        }
    }
    Ok(seen)
}

/// The case's answer to a question, if it has one.
fn answer(case: &Case, question: &Question) -> Option<Answer> {
    let text = format!("{}\n{}", question.title, question.content);
    let (_, answer) = case.answers.iter().find(|(pattern, _)| matches(pattern, &text))?;
    to_answer(question, answer).ok()
}

fn events(client: &mut Client) -> Result<Vec<Json>, Failure> {
    let call = Syscall::Call { tool: "calendar.find".to_owned(), arguments: serde_json::Map::new() };
    match client.call(&call)? {
        Reply::Result(Json::Array(events)) => Ok(events),
        other => Err(unexpected(&other)),
    }
}

fn outbox(client: &mut Client, summary: Option<&RunSummary>) -> Result<Vec<genoa_abi::session::OutboxItem>, Failure> {
    match client.call(&Syscall::List {})? {
        Reply::Status(status) => {
            let own = |id| summary.is_some_and(|summary| summary.outbox.contains(&id));
            Ok(status.outbox.into_iter().filter(|item| own(item.id)).collect())
        }
        other => Err(unexpected(&other)),
    }
}

/// Copies files and folders, with their times; links and devices are left out.
fn copy_tree(source: &Path, target: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(target)?;
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, target.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &to)?;
            let times = FileTimes::new().set_modified(entry.metadata()?.modified()?);
            File::options().write(true).open(&to)?.set_times(times)?;
        }
    }
    Ok(())
}
