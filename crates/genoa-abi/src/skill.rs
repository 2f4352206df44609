//! Skills: plans that worked, saved with the values that can be filled in anew.

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::schema::Type;

/// A saved plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// The agent whose tools it uses.
    pub agent: String,
    /// The words that it served first.
    pub intention: String,
    /// The plan as it ran for them: planners learn from it.
    pub example: String,
    /// The plan with one line `name = "value"` a parameter before everything else.
    pub plan: String,
    /// Its parameters, in the order of those lines.
    pub parameters: Vec<SkillParameter>,
}

/// A value of a skill that another intention may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillParameter {
    /// Its name in the plan.
    pub name: String,
    /// What it is: a time, a path, a person, a text.
    #[serde(rename = "type")]
    pub ty: Type,
    /// What it was first.
    pub value: String,
}

/// What a skill is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkillSource {
    /// A plan that ran to its end; nothing means the last one in the session's folder.
    Run(Option<RunId>),
    /// A plan that a person wrote, with words that it serves.
    Plan {
        /// The plan.
        source: String,
        /// The words.
        intention: String,
    },
}
