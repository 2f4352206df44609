//! Rules that a person and an administrator lay on top of grants, what is asked of them, and what they answer.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::ids::Timestamp;
use crate::schema::{EffectClass, ToolSchema};

/// The texts of all rules besides the shipped ones, in Cedar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyTexts {
    /// Rules of the machine's administrator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub administrator: Vec<RuleFile>,
    /// The person's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub person: Vec<RuleFile>,
}

impl PolicyTexts {
    /// Whether there are only the shipped rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.administrator.is_empty() && self.person.is_empty()
    }

    /// Puts a file among the person's, in the place of one of that name.
    pub fn put(&mut self, file: RuleFile) {
        self.person.retain(|known| known.name != file.name);
        self.person.push(file);
    }
}

/// One file of rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleFile {
    /// Its name, without a folder: `mail.cedar`.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Why it could not be read; then nothing is known of what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl RuleFile {
    /// A file that could be read.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), unreadable: None }
    }

    /// A file that could not.
    #[must_use]
    pub fn unreadable(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), text: String::new(), unreadable: Some(why.into()) }
    }
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// It comes with Genoa.
    Shipped,
    /// It is the administrator's.
    Administrator,
    /// It is the person's.
    Person,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shipped => "shipped",
            Self::Administrator => "administrator",
            Self::Person => "yours",
        })
    }
}

/// A rule by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleName {
    /// Whose it is.
    pub layer: Layer,
    /// The file that it stands in.
    pub file: String,
    /// Its `@id`, else its number in the file, from 1.
    pub id: String,
    /// Its `@about`: what it is for, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.id, self.layer, self.file)?;
        self.about.as_ref().map_or(Ok(()), |about| write!(f, ": {about}"))
    }
}

/// What the rules are asked about: one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallFacts {
    /// The agent's name; nothing for a call that the person makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The tool.
    pub tool: String,
    /// How far it reaches.
    pub effect: EffectClass,
    /// The folder that it works in.
    pub workspace: String,
    /// Its arguments, as the tool gets them.
    pub arguments: Map<String, Json>,
    /// Addresses of those who will get to read something.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub recipients: BTreeSet<String>,
    /// Parameters whose values are not the person's words, where they should be.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unmet: BTreeSet<String>,
    /// Addresses to whom something would be new.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub new_to: BTreeSet<String>,
    /// Who could have influenced it: each source, and its kind (`mail`, `file`, `web`, `sender`).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub from: BTreeSet<String>,
    /// When.
    pub now: Timestamp,
}

impl CallFacts {
    /// A call of a tool of which nothing else is known.
    #[must_use]
    pub fn of_nothing_but(tool: &ToolSchema, agent: Option<&str>, workspace: String, now: Timestamp) -> Self {
        Self {
            agent: agent.map(str::to_owned),
            tool: tool.name.clone(),
            effect: tool.effect,
            workspace,
            arguments: Map::new(),
            recipients: BTreeSet::new(),
            unmet: BTreeSet::new(),
            new_to: BTreeSet::new(),
            from: BTreeSet::new(),
            now,
        }
    }
}

/// What the rules say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be made.
    Allow,
    /// It may be made if the person says yes to it.
    Ask,
    /// It must not be made, whatever anybody says.
    Forbid,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allowed",
            Self::Ask => "asked about",
            Self::Forbid => "forbidden",
        })
    }
}

/// A verdict with the rules that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What may be done.
    pub verdict: Verdict,
    /// The rules that decided. None where no rule allows it.
    pub rules: Vec<RuleName>,
}
