//! Where a value came from, carried by the value itself.
//!
//! A label is the set of all who could have influenced a value. Combining two values unites their sources, so a label
//! only ever grows; taking a source away is a person's act. The empty set is the person's own plan text: constants.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::CallId;

/// One influence on a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The person, in an intention or an answer.
    Person,
    /// The call of a tool or of the model that returned it. It says where a value stands in the journal, and nothing of who
    /// could have influenced it: the other sources do.
    Call(CallId),
    /// The person's own contacts.
    Contacts,
    /// The machine itself: what its disks, processes and packages are.
    Machine,
    /// Whatever a tool reads, by the tool's name: anybody could have written it.
    Tool(String),
    /// A file, by its path inside the workspace or its absolute path.
    File(String),
    /// A mail, by its message id.
    Mail(String),
    /// The owner of an address: who sent a mail, who invited to an event.
    Sender(String),
    /// A host on the network.
    Web(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person => f.write_str("you"),
            Self::Call(call) => write!(f, "call {call}"),
            Self::Contacts => f.write_str("your contacts"),
            Self::Machine => f.write_str("this machine"),
            Self::Tool(name) => write!(f, "what {name} reads"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Mail(id) => write!(f, "mail {id}"),
            Self::Sender(address) => write!(f, "sender {address}"),
            Self::Web(host) => write!(f, "web {host}"),
        }
    }
}

/// The label of a value: all its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeSet<Source>);

impl Labels {
    /// The label of a constant: nobody but the plan's own text.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether no source is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one source.
    pub fn insert(&mut self, source: Source) {
        self.0.insert(source);
    }

    /// This label and `other` together: the least upper bound.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Unites `other` into this label.
    pub fn join(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether every source of this label is also one of `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The sources, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}

impl From<Source> for Labels {
    fn from(source: Source) -> Self {
        Self(BTreeSet::from([source]))
    }
}

impl FromIterator<Source> for Labels {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        Self(sources.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Labels, Source};

    fn labels() -> impl Strategy<Value = Labels> {
        proptest::collection::vec(0..6u8, 0..5)
            .prop_map(|names| names.into_iter().map(|name| Source::File(name.to_string())).collect())
    }

    proptest! {
        #[test]
        fn union_is_the_join_of_a_lattice(a in labels(), b in labels(), c in labels()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
            prop_assert_eq!(a.union(&a), a.clone());
            prop_assert!(a.is_within(&a.union(&b)));
            prop_assert_eq!(a.is_within(&b), a.union(&b) == b);
        }
    }
}
