//! The index by which causes are found: which records speak of a call, a run, a file.

use genoa_abi::event::{Effect, Event};
use genoa_abi::session::News;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::ToolOutcome;
use genoa_abi::view::ViewAction;

/// What a record can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Agent,
    Call,
    Content,
    Intention,
    Outbox,
    /// A file, relative to its workspace.
    Path,
    Proposal,
    Question,
    Run,
    Session,
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Call => "call",
            Self::Content => "content",
            Self::Intention => "intention",
            Self::Outbox => "outbox",
            Self::Path => "path",
            Self::Proposal => "proposal",
            Self::Question => "question",
            Self::Run => "run",
            Self::Session => "session",
        }
    }
}

/// One entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fact {
    pub(crate) subject: Subject,
    pub(crate) key: String,
}

impl Fact {
    pub(crate) fn new(subject: Subject, key: impl ToString) -> Self {
        Self { subject, key: key.to_string() }
    }
}

/// What an event speaks of.
pub(crate) fn of_event(event: &Event) -> Vec<Fact> {
    match event {
        Event::Asked { caller, syscall, .. } => of_syscall(*caller, syscall),
        Event::ToolFinished { call, outcome, .. } => {
            let (ToolOutcome::Done { wrote, .. } | ToolOutcome::Failed { wrote, .. }) = outcome;
            let paths = wrote.iter().map(|file| Fact::new(Subject::Path, &file.path));
            std::iter::once(Fact::new(Subject::Call, call)).chain(paths).collect()
        }
        Event::ViewFinished { call, outcome } => {
            // Looking at a difference changes no file.
            let reports = outcome.iter().filter(|report| report.action != ViewAction::Diff);
            let changes = reports.flat_map(|report| &report.difference.changes);
            let paths = changes.map(|change| Fact::new(Subject::Path, &change.path));
            std::iter::once(Fact::new(Subject::Call, call)).chain(paths).collect()
        }
        Event::InferFinished { call, .. } | Event::EmbedFinished { call, .. } | Event::Recalled { call, .. } => {
            vec![Fact::new(Subject::Call, call)]
        }
        Event::OutboxFinished { item, .. } => vec![Fact::new(Subject::Outbox, item)],
        Event::Booted(_)
        | Event::Restarted {}
        | Event::Configured(_)
        | Event::Connected { .. }
        | Event::Gone { .. }
        | Event::LookedUp { .. }
        | Event::Tick {} => Vec::new(),
    }
}

fn of_syscall(caller: Caller, syscall: &Syscall) -> Vec<Fact> {
    match (syscall, caller) {
        (Syscall::Session(_), Caller::Person(session)) => vec![Fact::new(Subject::Session, session)],
        (Syscall::Returned { call, .. }, _) => vec![Fact::new(Subject::Call, call)],
        (Syscall::Answer { question, .. }, _) => vec![Fact::new(Subject::Question, question)],
        (Syscall::Plan { .. } | Syscall::Spawn { .. }, Caller::Agent(agent)) => vec![Fact::new(Subject::Agent, agent)],
        _ => Vec::new(),
    }
}

/// What an effect speaks of.
pub(crate) fn of_effect(effect: &Effect) -> Vec<Fact> {
    match effect {
        Effect::RunTool(job) => {
            let run = job.run.map(|run| Fact::new(Subject::Run, run));
            std::iter::once(Fact::new(Subject::Call, job.call)).chain(run).collect()
        }
        Effect::Infer { call, .. }
        | Effect::Embed { call, .. }
        | Effect::ActOnView { call, .. }
        | Effect::Recall { call, .. } => vec![Fact::new(Subject::Call, call)],
        Effect::Reply { caller, outcome: Ok(reply), .. } => of_reply(*caller, reply),
        Effect::Tell { news, .. } => of_news(news),
        Effect::Hold { item, .. } => {
            let call = item.call().map(|held| Fact::new(Subject::Call, held.call));
            [Fact::new(Subject::Outbox, item.id), Fact::new(Subject::Run, item.run)].into_iter().chain(call).collect()
        }
        Effect::Send { item } => vec![Fact::new(Subject::Outbox, item)],
        Effect::Reply { .. }
        | Effect::Decided { .. }
        | Effect::StartAgent { .. }
        | Effect::AttachAgent { .. }
        | Effect::StopAgent { .. }
        | Effect::StopTool { .. }
        | Effect::PauseInfer { .. }
        | Effect::ResumeInfer { .. }
        | Effect::CancelInfer { .. }
        | Effect::OpenView { .. }
        | Effect::LookUp { .. }
        | Effect::WakeAt { .. } => Vec::new(),
    }
}

fn of_reply(caller: Caller, reply: &Reply) -> Vec<Fact> {
    match (reply, caller) {
        (Reply::Intention { intention, agent }, _) => {
            vec![Fact::new(Subject::Intention, intention), Fact::new(Subject::Agent, agent)]
        }
        (Reply::Agent(agent), _) => vec![Fact::new(Subject::Agent, agent)],
        // What the model wrote for a planner is a cause of its plan.
        (Reply::Text(_), Caller::Agent(agent)) => vec![Fact::new(Subject::Agent, agent)],
        _ => Vec::new(),
    }
}

fn of_news(news: &News) -> Vec<Fact> {
    match news {
        News::Plan { run, .. } => vec![Fact::new(Subject::Run, run)],
        News::Asked(question) => vec![Fact::new(Subject::Question, question.id)],
        News::Finished(summary) => {
            let run = summary.run.map(|run| Fact::new(Subject::Run, run));
            let proposals = summary.proposals.iter().map(|proposal| Fact::new(Subject::Proposal, proposal.id));
            std::iter::once(Fact::new(Subject::Intention, summary.intention)).chain(run).chain(proposals).collect()
        }
        News::Planning { .. }
        | News::Writing { .. }
        | News::PlanSentBack { .. }
        | News::Step { .. }
        | News::Progress { .. }
        | News::Call { .. }
        | News::CallGivenUp { .. }
        | News::Held(_)
        | News::StepDone { .. }
        | News::Answered { .. }
        | News::Notice { .. } => Vec::new(),
    }
}
