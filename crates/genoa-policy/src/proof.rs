//! What may be proved about rules, and what came of it: the words between who asks and who proves. The proving itself is in
//! `genoa-prove`, because it is heavy and needs a solver; rules are worked out without it.

use genoa_abi::Timestamp;
use genoa_abi::policy::{CallFacts, Decision, PolicyTexts, RuleFile, RuleName};
use genoa_abi::schema::Catalog;
use serde::{Deserialize, Serialize};

/// A question to the prover, with all that it may know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofQuestion {
    /// The rules in force.
    pub texts: PolicyTexts,
    /// The tools that calls are made of.
    pub catalog: Catalog,
    /// Agents that there are: examples name one of them where one will do.
    #[serde(default)]
    pub agents: Vec<String>,
    /// The folder that examples are about where any will do.
    pub workspace: String,
    /// Calls before this are over, and nothing is claimed of them.
    pub now: Timestamp,
    /// What is to be proved.
    pub wanted: Wanted,
    /// The solver's program.
    pub solver: String,
    /// How long all of it may take.
    pub limit_ms: u64,
}

/// What is to be proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// That the rules in force are sound, and which of them do nothing.
    Sound,
    /// What a file, added to them or put in the place of one of its name, opens and closes.
    Change(RuleFile),
    /// That every call which a rule of the file matches is refused.
    Refused(RuleFile),
    /// That every such call is refused or asked about.
    RefusedOrAsked(RuleFile),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofReport {
    /// What was claimed, and whether it is so.
    pub claims: Vec<Claim>,
    /// What else was found, which may be as it was meant.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// How often the solver was asked.
    pub asked: u32,
}

/// One claim about all calls that there can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it says.
    pub what: ClaimKind,
    /// The rule that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleName>,
    /// Whether it is so.
    #[serde(flatten)]
    pub result: Proof,
}

/// What can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// No rule fails while it is worked out.
    NothingFails,
    /// What changes authority, packages or services is asked about each time.
    AuthorityIsAsked,
    /// Of each tool there is a call that the person can have made.
    NothingIsShut,
    /// With the file nothing is allowed without a question that is not now.
    NothingMoreUnasked,
    /// With the file nothing is allowed, asked or not, that is not now.
    NothingMoreAtAll,
    /// With the file all is allowed without a question that is now.
    NothingLessUnasked,
    /// With the file all is allowed, asked or not, that is now.
    NothingLessAtAll,
    /// Every call that the rule matches is refused.
    Refused,
    /// Every call that the rule matches is refused or asked about.
    RefusedOrAsked,
}

/// Whether a claim is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Proof {
    /// It is, for every call.
    Proved,
    /// It is not.
    Refuted {
        /// The tools with a call of which it is not so.
        tools: Vec<String>,
        /// One such call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<Box<Example>>,
    },
    /// It says nothing, because no call is what it is about.
    Empty,
    /// Nobody knows.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A call, with what the rules say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The call.
    pub facts: CallFacts,
    /// What the rules in force say of it, or why they cannot.
    pub now: Result<Decision, String>,
    /// What they would say with the file that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Result<Decision, String>>,
}

impl Eq for Example {}

/// Something about a rule that may be as it was meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub what: FindingKind,
    /// The rule.
    pub rule: RuleName,
    /// The rules because of which it is so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<RuleName>,
    /// A call that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Box<Example>>,
}

/// What can be found about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// No call is what it is about, from now on.
    MatchesNothing,
    /// It can be taken out and nothing would be decided otherwise.
    DecidesNothing,
    /// All that it permits another rule forbids.
    Overruled,
    /// On some calls another rule says the opposite, and neither is an exception to the other.
    Contradicted,
}

impl ProofReport {
    /// Whether all that was claimed is so.
    #[must_use]
    pub fn is_proved(&self) -> bool {
        self.claims.iter().all(|claim| claim.result == Proof::Proved)
    }

    /// Whether something that was claimed is known not to be so.
    #[must_use]
    pub fn is_refuted(&self) -> bool {
        self.claims.iter().any(|claim| matches!(claim.result, Proof::Refuted { .. } | Proof::Empty))
    }
}
