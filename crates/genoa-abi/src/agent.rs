//! Agents as data: a manifest each, and the assignment that a started agent gets.

use serde::{Deserialize, Serialize};

use crate::grant::{Budget, Right};
use crate::ids::{IntentionId, RunId};
use crate::schema::Catalog;
use crate::skill::Skill;
use crate::tool::{Clock, Person};

/// What an agent is: instructions, tools, grants, budget. Paths may say `$workspace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentManifest {
    /// Its name: `content`, `system`.
    pub name: String,
    /// What it is for, one line; the router reads it.
    pub about: String,
    /// What the model is told, beyond what every agent is told.
    #[serde(default)]
    pub instructions: String,
    /// Tool names, or `group.*`.
    pub tools: Vec<String>,
    /// What its tools may reach: files, hosts, programs, areas of the host.
    pub rights: Vec<Right>,
    /// How much one intention may use.
    pub budget: Budget,
}

/// An intention with the plan that served it: what the planner learns from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanExample {
    /// The person's words.
    pub intention: String,
    /// Other ways of saying the same, and what is alike enough to be planned alike: only for finding the example.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The plan.
    pub plan: String,
}

/// What a started agent finds in its mailbox: everything it may know, none of it foreign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The intention's id.
    pub intention: IntentionId,
    /// The person's words.
    pub text: String,
    /// Its own manifest.
    pub manifest: AgentManifest,
    /// The tools it may call, and their record types.
    pub catalog: Catalog,
    /// Plans to learn from, the person's skills first.
    pub examples: Vec<PlanExample>,
    /// A saved plan that serves such words already: only its values are to be filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<Skill>,
    /// For whom.
    pub person: Person,
    /// When and where.
    pub clock: Clock,
}

/// What the planner learns of a run: shapes and counts, never text that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// The run, where one was started.
    pub run: Option<RunId>,
    /// How it ended.
    pub outcome: PlanOutcome,
    /// Variable by variable, what came out: `mails: list[Mail], 7 items`.
    pub shapes: Vec<String>,
}

/// How a submitted plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOutcome {
    /// It ran to its end.
    Done,
    /// It did not pass the check; nothing ran. The messages say what exists instead.
    Rejected {
        /// The check's findings, with line numbers.
        findings: Vec<String>,
    },
    /// It was one question, and the person answered it: plan again with both. Person's words, so the planner may see
    /// them.
    Answered {
        /// What was asked.
        question: String,
        /// What the person said.
        answer: String,
    },
    /// A search came back empty, a later step needed what it should have found, and nothing was changed: the report's
    /// shapes say what was empty. Plan again, with other words or another way.
    FoundNothing {
        /// The line of the plan where it could not go on, from 1; 0 where it came to its end without having done
        /// anything.
        line: u32,
    },
    /// A call was refused for what its arguments say, and nothing was changed. Plan again, with other arguments or another
    /// function. Why it was refused is not told: that may quote what was read.
    NotAccepted {
        /// The line of the call, from 1.
        line: u32,
    },
    /// It said that this cannot or shall not be done.
    Refused,
    /// A step failed, or a person said no.
    Failed {
        /// What is safe to tell the planner: the error code and the step.
        reason: String,
    },
}
