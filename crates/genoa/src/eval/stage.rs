//! Where cases run: a home and a daemon of their own, and a fresh workspace for each.

use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use genoa_abi::agent::{AgentManifest, PlanOutcome, PlanReport};
use genoa_abi::session::{Answer, News, Question, RunOutcome, RunSummary, SessionRequest, SystemStatus};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{AgentId, ErrorCode, Failure, IntentionId, RequestId};
use genoa_client::Client;
use genoa_daemon::Home;
use serde_json::Value as Json;

use crate::connect::{start_own, unexpected};
use crate::eval::check::matches;
use crate::eval::outside::{Picture, calls_outside, changes_outside, put_neighbours};
use crate::eval::{Case, Outcome, Seen};
use crate::follow::to_answer;
use crate::output::Ending;
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
    agents: Vec<AgentManifest>,
}

impl Stage {
    /// Starts a daemon with these settings and the models of `models`.
    pub(crate) fn open(models: &Home, settings: &Settings) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "no temporary folder").because(error))?;
        let home = models.with_state(folder.path().join("home"));
        home.create()?;
        settings.save(&home)?;
        put_neighbours(&folder.path().join("work")).map_err(|error| {
            Failure::new(ErrorCode::StorageFailed, "cannot write next to workspaces").because(error)
        })?;
        let (daemon, _) = start_own(&home)?;
        Ok(Self { folder, home, daemon, agents: genoa_agents::builtin_agents() })
    }

    /// Runs one case, and looks at what is there afterwards.
    pub(crate) fn run(&self, case: &Case, cases: &Path) -> Result<(Seen, PathBuf), Failure> {
        let folder = self.workspace(case, cases)?;
        let before = self.picture(&folder)?;
        let mut client = Client::connect(&self.home.socket())?;
        let request = SessionRequest {
            workspace: folder.to_string_lossy().into_owned(),
            person: person(case),
            clock: Clock { now: format!("{}{TIME_OF_DAY}", case.today), timezone: TIMEZONE.to_owned() },
        };
        client.call(&Syscall::Session(request))?;
        let (work, manifest) = self.begin(&mut client, case)?;
        let mut seen = follow(&mut client, case, work)?;
        let told = seen.summary.as_ref().map(|summary| summary.difference.changes.as_slice()).unwrap_or_default();
        let told: Vec<String> = told.iter().map(|change| change.path.clone()).collect();
        seen.outside = changes_outside(&before, &self.picture(&folder)?, &folder, &[]);
        if !told.is_empty() {
            client.call(&Syscall::Commit { view: None })?;
            seen.outside.extend(changes_outside(&before, &self.picture(&folder)?, &folder, &told));
        }
        if let (Some(manifest), Some(summary)) = (manifest, &seen.summary) {
            seen.outside.extend(calls_outside(manifest, summary));
        }
        if !case.expect.calendar.is_empty() {
            seen.events = events(&mut client)?;
        }
        if !case.expect.outbox.is_empty() {
            seen.outbox = outbox(&mut client, seen.summary.as_ref())?;
        }
        Ok((seen, folder))
    }

    /// States the intention, or makes the plan of a case that has one run; then there is no agent.
    fn begin(&self, client: &mut Client, case: &Case) -> Result<(Work, Option<&AgentManifest>), Failure> {
        if let Some(plan) = &case.plan {
            let request = client.start(&Syscall::Plan { source: plan.clone() })?;
            return Ok((Work::Plan(request), None));
        }
        let intend = Syscall::Intend { text: case.intention.clone(), agent: case.agent.clone() };
        match client.call(&intend)? {
            Reply::Intention { intention, agent } => {
                Ok((Work::Intention(intention), self.manifest(&status(client)?, agent)))
            }
            other => Err(unexpected(&other)),
        }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn picture(&self, workspace: &Path) -> Result<Picture, Failure> {
        Picture::take(&self.work(), workspace)
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "cannot look at the workspace").because(error))
    }

    /// The manifest of an agent that works. One that is over already has done nothing that could be outside.
    fn manifest(&self, status: &SystemStatus, agent: AgentId) -> Option<&AgentManifest> {
        let name = status.agents.iter().find(|info| info.id == agent).map(|info| info.name.as_str())?;
        self.agents.iter().find(|manifest| manifest.name == name)
    }

    fn workspace(&self, case: &Case, cases: &Path) -> Result<PathBuf, Failure> {
        let folder = self.work().join(&case.id);
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

/// What a case waits for.
#[derive(Clone, Copy)]
enum Work {
    Intention(IntentionId),
    Plan(RequestId),
}

/// That a plan of a case did not pass the check: the case is wrong.
fn sent_back(client: &mut Client, work: Work) -> Result<(), Failure> {
    let Work::Plan(request) = work else { return Ok(()) };
    match client.answer_within(request, Duration::from_millis(1))?.transpose()? {
        Some(Reply::Plan(PlanReport { outcome: PlanOutcome::Rejected { findings }, .. })) => {
            Err(Failure::new(ErrorCode::InvalidInput, "the plan of a case does not pass the check")
                .because(findings.join("; ")))
        }
        _ => Ok(()),
    }
}

fn follow(client: &mut Client, case: &Case, work: Work) -> Result<Seen, Failure> {
    let mut seen = Seen::nothing();
    let mut unanswered = false;
    let began = Instant::now();
    while began.elapsed() < CASE_LIMIT {
        match client.next_news_within(Duration::from_secs(5))? {
            Some(News::Plan { source, .. }) => {
                seen.plan = source;
                seen.plans += 1;
            }
            Some(News::PlanSentBack { .. }) => seen.sent_back += 1,
            Some(News::Asked(question)) => {
                let answer = answer(case, &question);
                unanswered |= answer.is_none();
                let answer = answer.unwrap_or(Answer::No);
                client.call(&Syscall::Answer { question: question.id, answer })?;
            }
            Some(News::Finished(summary))
                if matches!(work, Work::Plan(_))
                    || matches!(work, Work::Intention(meant) if meant == summary.intention) =>
            {
                seen.outcome = match &summary.outcome {
                    _ if unanswered => Outcome::Asked,
                    RunOutcome::Done => Outcome::Done,
                    RunOutcome::Refused => Outcome::Refused,
                    RunOutcome::Asked => Outcome::Asked,
                    RunOutcome::Failed(failure) if Ending::of(failure) == Ending::Refused => Outcome::Refused,
                    RunOutcome::Failed(_) => Outcome::Failed,
                };
                seen.summary = Some(summary);
                return Ok(seen);
            }
            None => sent_back(client, work)?,
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
    let own = |id| summary.is_some_and(|summary| summary.outbox.contains(&id));
    Ok(status(client)?.outbox.into_iter().filter(|item| own(item.id)).collect())
}

fn status(client: &mut Client) -> Result<SystemStatus, Failure> {
    match client.call(&Syscall::List {})? {
        Reply::Status(status) => Ok(status),
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
