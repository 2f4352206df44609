//! What a person's surface sees while an intention is worked on: news, questions and their answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ids::{
    AgentId, CallId, ContentHash, IntentionId, OutboxId, ProposalId, QuestionId, RequestId, RunId, SessionId, Timestamp,
};
use crate::labels::{Labels, Readers, Source};
use crate::limits::PROVENANCE_SOURCES;
use crate::model::{InferClass, InferStage, WrittenToken};
use crate::provider::ProviderUse;
use crate::recording::RunStep;
use crate::tool::{Clock, Person};
use crate::view::{Difference, ViewInfo};

/// How a session begins: who, where, and in which folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRequest {
    /// The workspace: an absolute, normalised path.
    pub workspace: String,
    /// The person.
    pub person: Person,
    /// The person's time and zone; tests and evaluations set it.
    pub clock: Clock,
}

/// One thing that a surface may show. Sent as the notification `news` to all surfaces of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum News {
    /// The planner writes.
    Planning {
        /// The intention.
        intention: IntentionId,
        /// New text of the plan.
        text: String,
        /// Tokens so far.
        tokens: u32,
    },
    /// The model writes what this connection asked for, and wants to see as it comes.
    Writing {
        /// Its number for the syscall.
        request: RequestId,
        /// New text.
        text: String,
        /// Tokens so far.
        tokens: u32,
        /// The tokens that the text ends, where their chances were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        written: Vec<WrittenToken>,
    },
    /// A plan passed the check and is about to run.
    Plan {
        /// Its run.
        run: RunId,
        /// The plan's text.
        source: String,
        /// The same in plain words, a line a statement.
        preview: Vec<String>,
        /// Lints: not wrong, but worth a look.
        warnings: Vec<String>,
        /// The step of an earlier run that it goes on from. The steps before are that run's, and are not done again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        goes_on_from: Option<RunStep>,
    },
    /// A plan did not pass the check; its planner writes another, or gives up.
    PlanSentBack {
        /// What it was for.
        intention: IntentionId,
        /// What the check found, each with its place in the plan.
        findings: Vec<String>,
    },
    /// A step begins.
    Step {
        /// The run.
        run: RunId,
        /// Line of the plan, from 1.
        line: u32,
        /// What is being done, in words, with the values.
        text: String,
    },
    /// Progress within a step, as its tool tells it.
    Progress {
        /// The run.
        run: RunId,
        /// The tool's words.
        text: String,
    },
    /// A step ended.
    StepDone {
        /// The run.
        run: RunId,
        /// Line of the plan, from 1.
        line: u32,
        /// What came out, in a few words: `3 mails`.
        text: String,
        /// How long it took.
        elapsed_ms: u64,
        /// Where what came out is from; nothing where it is all the plan's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provenance: Option<Provenance>,
        /// The earlier run whose step it is, where it was not done again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_from: Option<RunId>,
    },
    /// The person is asked.
    Asked(Question),
    /// A tool that this surface's program offered is to be carried out, once; its end is told by the syscall `returned`. Only the
    /// program that offered it is told.
    Call {
        /// The call: the idempotency key.
        call: CallId,
        /// The tool.
        tool: String,
        /// Its arguments.
        arguments: serde_json::Map<String, serde_json::Value>,
        /// Of a call that leaves the machine: a key that no other call has, of this installation or another, for a service that
        /// knows repetitions by one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// A call that leaves the machine is held for its undo window: until then it can be taken back.
    Held(OutboxItem),
    /// Nobody waits any more for the end of a call that this surface's program carries out: it was stopped, or took too long.
    /// What is done of it is done; what is not need not be.
    CallGivenUp {
        /// The call.
        call: CallId,
    },
    /// A question is over: answered, expired or withdrawn.
    Answered {
        /// Which.
        question: QuestionId,
    },
    /// Something the person wanted to be told, or should know.
    Notice {
        /// The text.
        text: String,
        /// How much it matters.
        #[serde(default)]
        weight: Weight,
    },
    /// A run is over. This is the last news of an intention.
    Finished(RunSummary),
}

/// A label as it is shown to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Who could have influenced the value, at most [`PROVENANCE_SOURCES`] of them. In which calls it stands is left out.
    pub sources: Vec<Source>,
    /// How many more there are.
    pub more: usize,
    /// Who may read it.
    pub readers: Readers,
}

impl Provenance {
    /// What there is to say of a label; nothing of that of a constant.
    #[must_use]
    pub fn of(labels: &Labels) -> Option<Self> {
        let told = || labels.sources().filter(|source| !matches!(source, Source::Call(_)));
        let sources: Vec<Source> = told().take(PROVENANCE_SOURCES).cloned().collect();
        let more = told().count() - sources.len();
        let readers = labels.readers().clone();
        (!sources.is_empty() || readers != Readers::Anyone).then_some(Self { sources, more, readers })
    }
}

/// How much a notice matters. The system says so; whoever has it told cannot make it matter more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Good to know.
    #[default]
    Usual,
    /// Something failed, or is done without: also shown to a person who wants only the important ones.
    Important,
}

/// What is said when an intention has been dealt with. Composed from the journal, never by the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The intention.
    pub intention: IntentionId,
    /// The run, if a plan ran.
    pub run: Option<RunId>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The answer.
    pub answer: String,
    /// The changes that wait in the view.
    pub difference: Difference,
    /// Messages in the outbox that this run put there.
    pub outbox: Vec<OutboxId>,
    /// Tools called, in order.
    pub calls: Vec<String>,
    /// Calls that can be taken back by their tools' counterparts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoable: Vec<CallId>,
    /// What texts that were read ask for; none of it is done unless the person adopts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
}

/// Something that a text of somebody else's asks for. It has nobody's authority until the person adopts exactly these words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// The folder that it was read in.
    pub workspace: String,
    /// What is asked for, in the text's own words.
    pub text: String,
    /// Who could have influenced it.
    pub provenance: Option<Provenance>,
    /// Until when it can be adopted.
    pub expires: Timestamp,
}

/// How an intention ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Done.
    Done,
    /// It was refused, with the reason in the answer.
    Refused,
    /// It ended in a question to the person that was not answered, or whose answer was no.
    Asked,
    /// It failed.
    Failed(Failure),
}

/// A question to the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its id.
    pub id: QuestionId,
    /// Whose surface it belongs to.
    pub session: SessionId,
    /// What kind of answer is wanted. Called `wants` in JSON, because the news that carries a question has a `kind`.
    #[serde(rename = "wants")]
    pub kind: QuestionKind,
    /// The question, one sentence.
    pub title: String,
    /// Exactly what the answer is about: the message that will be sent, the command, the candidates.
    pub content: String,
    /// What happens on yes.
    pub consequence: String,
    /// How many more calls a yes covers: all that come right after the first and are like it, each shown.
    #[serde(default, skip_serializing_if = "crate::model::is_zero")]
    pub more: usize,
    /// When it turns into no.
    pub expires: Timestamp,
}

/// Kinds of questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionKind {
    /// Yes or no to exactly what is shown. The answer must repeat the fingerprint.
    Approval {
        /// Hash of what was shown and of the arguments behind it.
        fingerprint: ContentHash,
        /// For what changes authority: the word that must be typed to say yes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<String>,
    },
    /// One of several.
    Choice {
        /// The options.
        options: Vec<String>,
    },
    /// Free text.
    Text,
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes to exactly what the fingerprint names.
    Yes {
        /// The question's fingerprint, repeated.
        fingerprint: ContentHash,
        /// The typed word, where one was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<String>,
    },
    /// No, or never mind.
    No,
    /// The option at this place, from 0.
    Choice(usize),
    /// Words.
    Text(String),
}

/// What waits to leave the machine, is leaving, or left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// Its id.
    pub id: OutboxId,
    /// The run that it is of; a number of its own where it is of none.
    pub run: RunId,
    /// What it is.
    #[serde(flatten)]
    pub content: Outgoing,
    /// Until when it can be taken back.
    pub held_until: Timestamp,
    /// Where it is.
    pub state: OutboxState,
}

/// What leaves the machine by the outbox. A message has no tag, because it was alone there once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outgoing {
    /// A call of a tool that reaches outside.
    Call(OutgoingCall),
    /// A message.
    Mail(OutgoingMail),
}

/// A call that leaves the machine: it begins when its undo window is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingCall {
    /// The call.
    pub call: CallId,
    /// The tool.
    pub tool: String,
    /// What the person saw of it: the tool, and each argument on a line of its own.
    pub text: String,
    /// Its idempotency key, which its tool is told.
    pub key: String,
}

/// A message that leaves the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMail {
    /// Recipients, as addresses.
    pub to: Vec<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// Attached files, relative to the workspace.
    pub attachments: Vec<String>,
}

impl OutboxItem {
    /// The message that it is, unless it is a call.
    #[must_use]
    pub fn mail(&self) -> Option<&OutgoingMail> {
        match &self.content {
            Outgoing::Mail(mail) => Some(mail),
            Outgoing::Call(_) => None,
        }
    }

    /// The call that it is, unless it is a message.
    #[must_use]
    pub fn call(&self) -> Option<&OutgoingCall> {
        match &self.content {
            Outgoing::Call(call) => Some(call),
            Outgoing::Mail(_) => None,
        }
    }
}

/// Where something in the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxState {
    /// In its undo window; of a message also: after it, without an account to send it with.
    Held,
    /// Handed over, and not heard of yet: it can no longer be taken back.
    Leaving,
    /// A person took it back, and nothing of it left.
    Withdrawn,
    /// It was not begun: it is not allowed any more, or nobody waits for it any more.
    Dropped,
    /// It was begun and failed, or nobody knows what became of it: it may have left.
    Failed,
    /// It left: the mail server, or the tool, took it.
    Sent,
}

impl OutboxState {
    /// Whether nothing more becomes of it.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Held | Self::Leaving)
    }
}

/// An agent as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// Its handle.
    pub id: AgentId,
    /// Its manifest's name.
    pub name: String,
    /// Its session.
    pub session: SessionId,
    /// Its parent, if another agent started it.
    pub parent: Option<AgentId>,
    /// What it works on.
    pub intention: IntentionId,
    /// When it started.
    pub started: Timestamp,
}

/// The state of the system as one person sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemStatus {
    /// Agents that live.
    pub agents: Vec<AgentInfo>,
    /// Questions that wait.
    pub questions: Vec<Question>,
    /// Views that are open, or were committed and can be undone.
    pub views: Vec<ViewInfo>,
    /// What is in the outbox: messages, and calls that leave the machine.
    pub outbox: Vec<OutboxItem>,
    /// What texts ask for, and nobody adopted yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    /// Model calls that are not over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_calls: Vec<ModelCallInfo>,
    /// What was used of providers of models that are elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderUse>,
}

/// A model call as its turn is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCallInfo {
    /// Which.
    pub call: CallId,
    /// For which model.
    #[serde(default)]
    pub model: String,
    /// In which session.
    pub session: SessionId,
    /// For which agent; nothing for one that a person, or a program of theirs, makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Who waits.
    pub class: InferClass,
    /// Whether it has a place.
    pub stage: InferStage,
    /// Since when that is so.
    pub since: Timestamp,
    /// What it may need of the model's memory, in tokens: an estimate from above.
    pub tokens: u64,
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused => f.write_str("refused"),
            Self::Asked => f.write_str("asked"),
            Self::Failed(failure) => write!(f, "failed: {failure}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{News, OutboxItem, OutboxState, Outgoing, OutgoingCall, OutgoingMail, Question, QuestionKind};
    use crate::ids::{CallId, OutboxId, QuestionId, RunId, SessionId, Timestamp};

    fn item(content: Outgoing) -> OutboxItem {
        OutboxItem { id: OutboxId(3), run: RunId(2), content, held_until: Timestamp(1_000), state: OutboxState::Held }
    }

    #[test]
    fn a_message_in_the_outbox_is_written_as_it_was_before_calls_were_there() {
        let mail = OutgoingMail {
            to: vec!["ada@y.example".into()],
            subject: "Demo".into(),
            body: "Hello".into(),
            attachments: vec![],
        };
        let written = json!({
            "id": 3, "run": 2, "to": ["ada@y.example"], "subject": "Demo", "body": "Hello", "attachments": [],
            "held_until": 1000, "state": "held"
        });
        let mail = item(Outgoing::Mail(mail));
        assert_eq!(serde_json::to_value(&mail).unwrap(), written);
        assert_eq!(serde_json::from_value::<OutboxItem>(written).unwrap(), mail);
    }

    #[test]
    fn a_held_call_survives_as_news() {
        let call = OutgoingCall {
            call: CallId(7),
            tool: "board.post".into(),
            text: "board.post\ntext: Hello".into(),
            key: "r2.1-1000".into(),
        };
        let news = News::Held(item(Outgoing::Call(call)));
        let text = serde_json::to_string(&news).unwrap();
        assert_eq!(serde_json::from_str::<News>(&text).unwrap(), news);
    }

    #[test]
    fn a_question_survives_as_news() {
        let question = Question {
            id: QuestionId(1),
            session: SessionId(1),
            kind: QuestionKind::Text,
            title: String::new(),
            content: String::new(),
            consequence: String::new(),
            more: 0,
            expires: Timestamp(0),
        };
        let news = News::Asked(question);
        let text = serde_json::to_string(&news).expect("news has a JSON form");
        assert_eq!(serde_json::from_str::<News>(&text).map_err(|error| error.to_string()), Ok(news));
    }
}
