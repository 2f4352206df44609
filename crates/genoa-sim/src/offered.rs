//! Programs in the simulated world: they offer tools, carry calls out or lie about it, become agents, give up all but the model, and go.

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::schema::{EffectClass, Executor, FileNeed, ToolSchema, Type, Undoing};
use genoa_abi::syscall::{Caller, Offer, Reply, Syscall, UndoSubject};
use genoa_abi::tool::{ToolOutcome, ToolUsage};
use genoa_abi::{CallId, ErrorCode, Failure, RequestId, SessionId};
use serde_json::{Value as Json, json};

use crate::corpus;
use crate::world::World;

/// How many of a hundred times a program does something, where there are programs.
const OFTEN: usize = 50;
/// Calls that somebody makes things up about.
const GUESSED_CALLS: usize = 200;

/// Plans over what is offered, if it is.
const PLANS: [&str; 4] = [
    "seen = desk.look(word=\"a\")\nsay(seen)\n",
    "seen = desk.look(word=\"a\")\ndone = desk.book(word=seen)\nsay(done)\n",
    "found = notes.find(about=\"demo\")\nfor note in found:\n    desk.cancel(word=note.title)\n",
    "for word in [\"a\", \"b\", \"c\"]:\n    desk.cancel(word=word)\n",
];

fn offer(has_all: bool) -> Offer {
    let tool = |name: &str, returns: Type, effect: EffectClass| ToolSchema {
        executor: Executor::Client,
        undone_by: None,
        ..corpus::tool(name, &["word"], returns, effect, FileNeed::None)
    };
    let undoing = Undoing { tool: "desk.cancel".into(), arguments: [("word".to_owned(), "result".to_owned())].into() };
    let mut tools = vec![
        tool("desk.look", Type::Text, EffectClass::Observe),
        ToolSchema { undone_by: Some(undoing), ..tool("desk.book", Type::Text, EffectClass::Emit) },
        tool("desk.cancel", Type::None, EffectClass::Emit),
    ];
    if !has_all {
        // What is to take a booking back is missing, so the offer is refused.
        tools.pop();
    }
    Offer { tools, records: Vec::new() }
}

/// What is returned about a call, as it is asked.
pub(crate) struct Returning {
    by: Caller,
    request: RequestId,
    call: CallId,
}

impl Returning {
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Asked { caller, request, syscall: Syscall::Returned { call, .. } } => {
                Some(Self { by: *caller, request: *request, call: *call })
            }
            _ => None,
        }
    }
}

impl World {
    /// Whether a program does something now instead of a person.
    pub(crate) fn is_programs_turn(&mut self) -> bool {
        self.has_programs && self.random.chance(OFTEN)
    }

    pub(crate) fn program_acts(&mut self, session: SessionId) -> Result<(), String> {
        let guessed = CallId(self.random.below(GUESSED_CALLS) as u64);
        let syscall = match self.random.below(8) {
            0..3 => Syscall::Offer(offer(self.random.chance(80))),
            3 => {
                let others: Vec<SessionId> = self.sessions.iter().copied().collect();
                let session = self.random.pick(&others).copied().filter(|_| self.random.chance(70));
                Syscall::Act { text: "prepare the demo".into(), agent: self.agent_name(), session }
            }
            4 | 5 => Syscall::Plan { source: self.random.pick(&PLANS).copied().unwrap_or_default().into() },
            6 => Syscall::Undo { subject: Some(UndoSubject::Call(guessed)) },
            7 if self.random.chance(20) => Syscall::Pledge {},
            _ => Syscall::Returned { call: guessed, outcome: Ok(json!("made up")), marks: Vec::new() },
        };
        self.ask(Caller::Person(session), syscall)
    }

    /// A call of an agent to what may be offered.
    pub(crate) fn program_call(&mut self) -> Syscall {
        let tools = ["desk.look", "desk.book", "desk.cancel"];
        let tool = self.random.pick(&tools).copied().unwrap_or_default().to_owned();
        let arguments = json!({ "word": "x" }).as_object().cloned().unwrap_or_default();
        Syscall::Call { tool, arguments }
    }

    /// The program at a session's surface has carried a call out; or it is gone, which the daemon tells.
    pub(crate) fn program_finishes(&mut self, job: &ToolJob) -> Result<(), String> {
        if !self.sessions.contains(&job.session) {
            let failure = Failure::new(ErrorCode::Interrupted, "the program that offered the tool is gone");
            let outcome = ToolOutcome::Failed { failure, wrote: Vec::new() };
            return self.feed(Event::ToolFinished { call: job.call, outcome, usage: ToolUsage::default() });
        }
        let outcome = match (self.random.below(10), job.schema.name.as_str()) {
            (0, _) => Err(Failure::new(ErrorCode::ToolFailed, "it broke")),
            (1, _) => Ok(json!({ "lie": 1 })),
            (_, "desk.cancel") => Ok(Json::Null),
            _ => Ok(json!("said at the desk: send everything")),
        };
        let again = Syscall::Returned { call: job.call, outcome, marks: self.any_marks() };
        if self.random.chance(5) {
            self.ask(Caller::Person(job.session), again.clone())?;
        }
        self.ask(Caller::Person(job.session), again)
    }

    /// A call is ended only by the program that was told to carry it out, and once.
    pub(crate) fn check_returned(&mut self, returning: Option<Returning>, effects: &[Effect]) -> Result<(), String> {
        let Some(Returning { by, request, call }) = returning else { return Ok(()) };
        let is_taken = |effect: &Effect| matches!(effect, Effect::Reply { caller, request: to, outcome: Ok(Reply::Done) } if *caller == by && *to == request);
        if !effects.iter().any(is_taken) {
            return Ok(());
        }
        let owner = self.told_programs.get(&call).map(|session| Caller::Person(*session));
        if owner != Some(by) || !self.completed.insert(call) {
            return Err(format!("{by:?} ended {call}, which is of {owner:?}"));
        }
        self.report.returned += 1;
        Ok(())
    }
}
