//! The syscalls: the only way out of a jail, and the only way in for surfaces.
//!
//! A closed set over a Unix socket; adding one is a decision. The daemon knows the caller from the socket (a jailed
//! process inherits one that is already tied to its agent; a surface is known by its user id), never from the message.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::agent::PlanReport;
use crate::failure::{ErrorCode, Failure};
use crate::frame::Message;
use crate::grant::{GrantInfo, GrantRequest};
use crate::ids::{
    AgentId, CallId, GrantId, IntentionId, OutboxId, ProposalId, QuestionId, RequestId, RunId, SessionId, ViewId,
};
use crate::model::{EngineWork, InferReply, InferRequest};
use crate::record::{RecordLine, WhyNode};
use crate::recording::RunStep;
use crate::schema::{RecordType, ToolSchema};
use crate::session::{Answer, SessionRequest, SystemStatus};
use crate::skill::{Skill, SkillSource};
use crate::tool::Mark;
use crate::view::{Difference, ViewReport};

/// Who makes a syscall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A person, at a surface. The only caller whose words are intentions.
    Person(SessionId),
    /// An agent.
    Agent(AgentId),
}

/// One syscall. On the wire `method` is the variant's name and `params` its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Syscall {
    /// Begin a session, or change its folder or clock. A surface's first call.
    Session(SessionRequest),
    /// State an intention: an agent is started for it. Only a person can.
    Intend {
        /// The words.
        text: String,
        /// The agent's name, or nothing to let the router choose.
        agent: Option<String>,
    },
    /// Make what a text asks for one's own intention, from here on like one that was stated. Only a person can.
    Adopt {
        /// Which.
        proposal: ProposalId,
        /// Its words, repeated: what is adopted is exactly what was shown.
        text: String,
    },
    /// Start a child agent under a part of the own grant.
    Spawn {
        /// Its manifest's name.
        agent: String,
        /// What it shall do, in words.
        task: String,
        /// Which of the caller's grants it gets.
        grant: GrantId,
    },
    /// Take up an intention oneself, step by step: from the answer on, this connection is an agent's like that of one in a jail. What
    /// it is told is in all that it asks for, and it answers no question. For programs with a loop of their own around a
    /// model. Only a person's surface can; the first message to `receive` is the assignment, as with every agent.
    Act {
        /// The person's words.
        text: String,
        /// The agent's name, which says what it may do; nothing to let the router choose.
        agent: Option<String>,
        /// The session that it acts in, with its folder and what was offered there; nothing for the own.
        #[serde(default)]
        session: Option<SessionId>,
    },
    /// Give everything up but [`Syscall::Infer`] and [`Syscall::Embed`], on this connection and for good: from the answer on it asks
    /// the model, and hears of nothing else. For who hands the connection to a process that deals with others. Only a person's
    /// surface can.
    Pledge {},
    /// Offer tools that the surface's own program carries out, in place of those that it offered before. They are there for this
    /// session's plans and agents, and gone with its connection. Only a person's surface can.
    Offer(Offer),
    /// How the call of an offered tool went, which the news told of.
    Returned {
        /// Which call.
        call: CallId,
        /// How it went.
        outcome: Result<Json, Failure>,
        /// What the sensor marked in the answer. The daemon looks it over, whatever the program says here.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marks: Vec<Mark>,
    },
    /// End an agent, and all that it started.
    Signal {
        /// Which.
        agent: AgentId,
    },
    /// Put a message into another agent's mailbox.
    Send {
        /// To whom: the parent, or a child.
        to: AgentId,
        /// What.
        message: Json,
    },
    /// Take the oldest message out of the own mailbox, waiting for one. The first is an [`crate::agent::Assignment`].
    Receive {},
    /// The system's state as far as the caller may see it.
    List {},

    /// Have the model write something.
    Infer(InferRequest),
    /// Have the model turn texts into vectors.
    Embed {
        /// The texts.
        texts: Vec<String>,
    },

    /// Call one tool. Answered with its result.
    Call {
        /// The tool.
        tool: String,
        /// Its arguments.
        arguments: serde_json::Map<String, Json>,
    },
    /// Submit a plan: it is checked, shown, and run. Answered when the run is over.
    Plan {
        /// The plan's text.
        source: String,
    },
    /// Go on from a step of an earlier run: what came before it is taken from the journal, where it is done and over, and the
    /// rest is a new run like any other. Answered like a plan. Only a person can.
    GoOn {
        /// The step that is done first.
        from: RunStep,
        /// The plan to go on with, the same up to that step; nothing for the run's own.
        #[serde(default)]
        source: Option<String>,
    },

    /// Save a plan as a skill, under a name; one of that name is replaced. Only a person can.
    SaveSkill {
        /// The name.
        name: String,
        /// Of what.
        from: SkillSource,
    },
    /// The saved skills.
    Skills {},
    /// Forget a skill. Only a person can.
    ForgetSkill {
        /// Its name.
        name: String,
    },

    /// Ask the person something; answered with an [`Answer`].
    Ask {
        /// The question.
        title: String,
        /// Options to choose from; none means free text.
        options: Vec<String>,
    },
    /// Answer a question. Only a person can.
    Answer {
        /// Which.
        question: QuestionId,
        /// How.
        answer: Answer,
    },
    /// Tell the person something.
    Notify {
        /// What.
        text: String,
    },

    /// Narrow one of the own grants into a new one, for a child or for later.
    Attenuate {
        /// Which.
        grant: GrantId,
        /// To what.
        request: GrantRequest,
    },
    /// Take a grant back, and with it all that were narrowed from it.
    Revoke {
        /// Which.
        grant: GrantId,
    },
    /// The grants that the caller holds, with those below them.
    Grants {},

    /// Look at the journal.
    Journal {
        /// Records from this number on; nothing means the last ones.
        from: Option<u64>,
        /// How many.
        count: u32,
    },
    /// Why did this happen?
    Why {
        /// What: a file, or an id.
        subject: WhySubject,
    },

    /// What the model workers do just now. Only a person can ask.
    Engine {},

    /// The changes of a view.
    Diff {
        /// Which; nothing means the session's.
        view: Option<ViewId>,
    },
    /// Put a view's changes into the workspace. Only a person can.
    Commit {
        /// Which; nothing means the session's.
        view: Option<ViewId>,
    },
    /// Throw a view's changes away. Only a person can.
    Drop {
        /// Which; nothing means the session's.
        view: Option<ViewId>,
    },
    /// Take back the last commit, or something in the outbox. Only a person can.
    Undo {
        /// What; nothing means the session's last commit.
        subject: Option<UndoSubject>,
    },
}

impl Syscall {
    /// The syscall as a request.
    #[must_use]
    pub fn to_message(&self, id: RequestId) -> Message {
        let mut parts = serde_json::to_value(self).unwrap_or_default();
        let params = parts["params"].take();
        Message::request(id, parts["method"].as_str().unwrap_or_default(), params)
    }

    /// Reads a request's method and parameters.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for what is not a syscall, saying what is wrong with it.
    pub fn from_request(method: &str, params: Json) -> Result<Self, Failure> {
        let params = if params.is_null() { serde_json::json!({}) } else { params };
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::InvalidInput, format!("`{method}` is not a syscall with these parameters"))
                .because(why)
        };
        let syscall = serde_json::from_value(serde_json::json!({ "method": method, "params": params }))
            .map_err(|error| wrong(&error))?;
        // Such a number has no JSON form, so the journal could not keep it.
        match &syscall {
            Self::Infer(request) if !request.temperature.is_finite() => Err(wrong(&"the temperature is no number")),
            _ => Ok(syscall),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> String {
        let parts = serde_json::to_value(self).unwrap_or_default();
        parts["method"].as_str().unwrap_or_default().to_owned()
    }
}

/// Tools of a program, and the record types that they take and give.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The tools, carried out by the [`Client`](crate::schema::Executor::Client), each in a group of its own.
    pub tools: Vec<ToolSchema>,
    /// The record types.
    #[serde(default)]
    pub records: Vec<RecordType>,
}

/// What `why` is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhySubject {
    /// A file, by its absolute path or relative to the session's workspace.
    File(String),
    /// A journal record.
    Record(u64),
    /// A run.
    Run(RunId),
    /// A message in the outbox.
    Outbox(OutboxId),
}

/// What can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoSubject {
    /// A committed view.
    View(ViewId),
    /// A message that has not left, or a call; once that left, as by its own number.
    Outbox(OutboxId),
    /// A call that is held, or one that left and whose tool has a counterpart.
    Call(CallId),
}

/// The good answer to a syscall; on the wire, the `result`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// The session.
    Session(SessionId),
    /// The intention that was taken up, and its agent.
    Intention {
        /// Its id.
        intention: IntentionId,
        /// The agent that works on it.
        agent: AgentId,
    },
    /// The agent that was started.
    Agent(AgentId),
    /// A message from the mailbox.
    Message(Json),
    /// The system's state.
    Status(SystemStatus),
    /// What the model wrote.
    Text(InferReply),
    /// Vectors, one a text.
    Vectors(Vec<Vec<f32>>),
    /// A tool's result.
    Result(Json),
    /// How a plan went.
    Plan(PlanReport),
    /// A person's answer.
    Answer(Answer),
    /// A new grant.
    Grant(GrantId),
    /// A grant that was taken back, with all below it.
    Revoked(GrantId),
    /// Grants.
    Grants(Vec<GrantInfo>),
    /// Journal records.
    Records(Vec<RecordLine>),
    /// A graph of causes, from the effect to the intention.
    Why(WhyNode),
    /// What each model worker of this machine does, by its model.
    Engine(BTreeMap<String, EngineWork>),
    /// The changes of a view.
    Difference(Difference),
    /// What was done with a view.
    View(ViewReport),
    /// Skills, by name.
    Skills(Vec<Skill>),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Syscall;
    use crate::frame::Message;
    use crate::ids::RequestId;

    #[test]
    fn syscalls_survive_the_wire() {
        let call = Syscall::Call { tool: "files.read".into(), arguments: serde_json::Map::new() };
        for syscall in [Syscall::List {}, Syscall::Embed { texts: vec!["a".into()] }, call] {
            let Message::Request { method, params, .. } = syscall.to_message(RequestId(1)) else { panic!() };
            assert_eq!(Syscall::from_request(&method, params), Ok(syscall));
        }
        assert_eq!(Syscall::from_request("list", json!(null)), Ok(Syscall::List {}));
        assert!(Syscall::from_request("fork", json!({})).is_err());
        let hot = json!({"messages": [], "max_tokens": 1, "temperature": 1e39});
        assert!(Syscall::from_request("infer", hot).is_err(), "it would be infinite as a 32-bit number");
    }
}
