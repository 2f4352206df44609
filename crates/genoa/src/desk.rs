//! The real kernel with the real catalogue and one agent that may do everything, for tests.

use genoa_abi::agent::{AgentManifest, PlanReport};
use genoa_abi::event::{Effect, Event};
use genoa_abi::grant::{Access, Budget, Right};
use genoa_abi::installation::Installation;
use genoa_abi::limits::OUTBOX_HOLD_MS;
use genoa_abi::recording::{Recording, RunStep};
use genoa_abi::schema::Catalog;
use genoa_abi::session::{News, OutboxItem, Question, RunSummary, SessionRequest};
use genoa_abi::syscall::{Caller, Reply, Syscall};
use genoa_abi::tool::{Clock, Person, ToolOutcome, ToolUsage};
use genoa_abi::view::{Difference, ViewReport};
use genoa_abi::{AgentId, Failure, GrantId, RequestId, SessionId, Timestamp};
use genoa_kernel::{Kernel, Rerun};
use serde_json::Value as Json;

/// The person's session.
pub(crate) const SESSION: SessionId = SessionId(1);
/// What everybody may use.
pub(crate) const BUDGET: Budget = Budget { calls: 100, bytes: 1_000_000, tokens: 10_000, seconds: 600 };

/// What a run came to first.
#[derive(Debug)]
pub(crate) enum Came {
    Asked(Box<Question>),
    Over(PlanReport),
    /// The answer to a call.
    Answered,
}

/// A kernel at work.
pub(crate) struct Desk {
    kernel: Kernel,
    requests: u64,
    /// What the person was asked.
    pub(crate) questions: Vec<Question>,
    /// How intentions ended.
    pub(crate) finished: Vec<RunSummary>,
    /// Messages that were put into the outbox.
    pub(crate) held: Vec<OutboxItem>,
    /// Answers that came later than the step of their syscall, by caller.
    pub(crate) late: Vec<(Caller, Result<Reply, Failure>)>,
    /// All that happened, as a journal has it.
    events: Vec<(Event, Timestamp)>,
    /// The time at which everything happens, until a test has it pass.
    pub(crate) now: Timestamp,
}

impl Desk {
    pub(crate) fn new(catalog: &Catalog) -> (Self, AgentId, GrantId) {
        Self::asked(catalog, "everything")
    }

    /// With an agent that works on this intention.
    pub(crate) fn asked(catalog: &Catalog, intention: &str) -> (Self, AgentId, GrantId) {
        let mut desk = Self {
            kernel: Kernel::new(),
            requests: 0,
            questions: Vec::new(),
            finished: Vec::new(),
            held: Vec::new(),
            late: Vec::new(),
            events: Vec::new(),
            now: Timestamp(1_000_000),
        };
        let files = Right::Files { under: "$workspace".into(), access: Access::Write };
        let everything = AgentManifest {
            name: "everything".into(),
            about: String::new(),
            instructions: String::new(),
            tools: catalog.tools.keys().cloned().collect(),
            rights: vec![Right::Model, files, Right::Program { name: "*".into() }, Right::Host { area: "*".into() }],
            budget: BUDGET,
        };
        desk.feed(Event::Booted(Installation {
            catalog: catalog.clone(),
            agents: vec![everything],
            undo_window_ms: Some(OUTBOX_HOLD_MS),
            ..Installation::default()
        }));
        desk.feed(Event::Connected { session: SESSION });
        let person = Caller::Person(SESSION);
        desk.ask(
            person,
            Syscall::Session(SessionRequest {
                workspace: "/work".into(),
                person: Person::default(),
                clock: Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
            }),
        )
        .unwrap();
        let intend = Syscall::Intend { text: intention.into(), agent: Some("everything".into()) };
        let Reply::Intention { agent, .. } = desk.ask(person, intend).unwrap() else { panic!("no agent") };
        let Reply::Grants(held) = desk.ask(Caller::Agent(agent), Syscall::Grants {}).unwrap() else { panic!("none") };
        (desk, agent, held[0].id)
    }

    pub(crate) fn feed(&mut self, event: Event) -> Vec<Effect> {
        self.events.push((event.clone(), self.now));
        let effects = self.kernel.step(event, self.now);
        self.held.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Hold { item, .. } => Some(item.clone()),
            _ => None,
        }));
        self.finished.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Tell { news: News::Finished(summary), .. } => Some(summary.clone()),
            _ => None,
        }));
        effects
    }

    /// A run up to a step, as the daemon reads it out of the journal.
    pub(crate) fn recording(&self, from: RunStep) -> Result<Recording, Failure> {
        let mut rerun = Rerun::of(from.run, Kernel::new());
        for (event, time) in &self.events {
            if !rerun.is_over() {
                rerun.step(event.clone(), *time);
            }
        }
        rerun.recording(from)
    }

    /// Carries a run out in a world where each tool answers with what `world` says, until somebody is asked or it is over.
    pub(crate) fn carry_out(&mut self, event: Event, mut world: impl FnMut(&str) -> Json) -> Came {
        let mut effects = self.feed(event);
        loop {
            let next = effects.iter().find_map(|effect| match effect {
                Effect::Tell { news: News::Asked(question), .. } => Some(Err(Came::Asked(Box::new(question.clone())))),
                Effect::Reply { outcome: Ok(Reply::Plan(report)), .. } => Some(Err(Came::Over(report.clone()))),
                Effect::Reply { outcome: Ok(Reply::Result(_)), .. } => Some(Err(Came::Answered)),
                Effect::RunTool(job) => {
                    let outcome =
                        ToolOutcome::Done { result: world(&job.schema.name), wrote: Vec::new(), marks: Vec::new() };
                    Some(Ok(Event::ToolFinished { call: job.call, outcome, usage: ToolUsage::default() }))
                }
                Effect::ActOnView { call, view, action, .. } => Some(Ok(Event::ViewFinished {
                    call: *call,
                    outcome: Ok(ViewReport { view: *view, action: *action, difference: Difference::default() }),
                })),
                _ => None,
            });
            match next.expect("the plan goes on, asks or is over") {
                Ok(event) => effects = self.feed(event),
                Err(came) => return came,
            }
        }
    }

    /// A syscall, with its answer where that came at once.
    pub(crate) fn ask(&mut self, caller: Caller, syscall: Syscall) -> Result<Reply, Failure> {
        self.requests += 1;
        let asked = RequestId(self.requests);
        let mut answer = None;
        for effect in self.feed(Event::Asked { caller, request: asked, syscall }) {
            match effect {
                Effect::Reply { request, outcome, .. } if request == asked => answer = Some(outcome),
                Effect::Reply { caller, outcome, .. } => self.late.push((caller, outcome)),
                Effect::Tell { news: News::Asked(question), .. } => self.questions.push(question),
                _ => {}
            }
        }
        answer.unwrap_or(Ok(Reply::Done))
    }
}
