//! Where a value came from and who may read it, carried by the value itself.
//!
//! A label is the set of all who could have influenced a value, and the set of all who may read it. Combining two values
//! unites their sources and leaves only the readers of both, so a label only ever gets stricter; taking a source away or
//! adding a reader is a person's act. The label without sources, that anyone may read, is that of the person's own plan
//! text: constants.

use std::collections::BTreeSet;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::CallId;

/// One influence on a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The person, in an intention or an answer.
    Person,
    /// Words in it read like instructions to an assistant, a sensor says. That it says so is one more reason to ask; that it says
    /// nothing is none for anything.
    Suspect(Suspicion),
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

/// What a sensor marked, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Suspicion {
    /// Where it is from, for people: `sender eve@x.example, file Mail/cur/4`.
    pub from: String,
    /// The beginning of the words that were marked.
    pub words: String,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\u{201c}{}\u{201d}, {}", self.words, self.from)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person => f.write_str("you"),
            Self::Suspect(suspicion) => write!(f, "what reads like instructions to an assistant ({suspicion})"),
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

/// Who may read a value, besides the person, who always may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// Anybody: the person said it, or it is public.
    #[default]
    Anyone,
    /// The owners of these addresses, as [`address_key`] writes them: they have it already. Without any: the person alone.
    Only(BTreeSet<String>),
}

impl Readers {
    /// The person and nobody else.
    #[must_use]
    pub fn nobody_else() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// The owners of these addresses.
    pub fn only<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Only(addresses.into_iter().map(address_key).collect())
    }

    /// Whether the owner of an address is among them.
    #[must_use]
    pub fn include(&self, address: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(known) => known.contains(&address_key(address)),
        }
    }

    /// Those who are among both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Anyone, readers) | (readers, Self::Anyone) => readers.clone(),
            (Self::Only(ours), Self::Only(theirs)) => Self::Only(ours.intersection(theirs).cloned().collect()),
        }
    }

    /// Whether all of these are also among `other`.
    #[must_use]
    pub fn are_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Anyone) => true,
            (Self::Anyone, Self::Only(_)) => false,
            (Self::Only(ours), Self::Only(theirs)) => ours.is_subset(theirs),
        }
    }
}

/// An address as it is compared: only the letters a to z in lower case. Other letters have no lower case that two mail
/// systems agree on, and some become plain ones by it: the sign of the kelvin becomes `k`.
#[must_use]
pub fn address_key(address: &str) -> String {
    address.trim().to_ascii_lowercase()
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::Only(addresses) => {
                f.write_str("you")?;
                addresses.iter().try_for_each(|address| write!(f, ", {address}"))
            }
        }
    }
}

/// The label of a value: all its sources, and all its readers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    sources: BTreeSet<Source>,
    readers: Readers,
}

impl Labels {
    /// The label of a constant: nobody but the plan's own text, for anyone.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether it is that of a constant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.readers == Readers::Anyone
    }

    /// Adds one source.
    pub fn insert(&mut self, source: Source) {
        self.sources.insert(source);
    }

    /// The same sources for these readers instead. Only where a value enters the system it is known who has it already.
    #[must_use]
    pub fn for_readers(self, readers: Readers) -> Self {
        Self { readers, ..self }
    }

    /// This label and `other` together: the least upper bound.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.join(other);
        both
    }

    /// Unites `other` into this label.
    pub fn join(&mut self, other: &Self) {
        self.sources.extend(other.sources.iter().cloned());
        if !self.readers.are_within(&other.readers) {
            self.readers = self.readers.meet(&other.readers);
        }
    }

    /// Whether this label is at most as strict as `other`: every source of it is also one of the other's, and everybody
    /// who may read the other's value may read this one's.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.sources.is_subset(&other.sources) && other.readers.are_within(&self.readers)
    }

    /// How many sources and readers it names: what it costs to keep.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.sources.len() + if let Readers::Only(addresses) = &self.readers { addresses.len() } else { 0 }
    }

    /// What sensors marked in what it was made of.
    pub fn suspicions(&self) -> impl Iterator<Item = &Suspicion> {
        self.sources.iter().filter_map(|source| match source {
            Source::Suspect(suspicion) => Some(suspicion),
            _ => None,
        })
    }

    /// The sources, sorted.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// Who may read it.
    #[must_use]
    pub fn readers(&self) -> &Readers {
        &self.readers
    }
}

/// The sources alone where anyone may read, else `{"sources": [...], "readers": [...]}`: most labels stay short.
impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.readers {
            Readers::Anyone => self.sources.serialize(serializer),
            Readers::Only(addresses) => {
                let mut parts = serializer.serialize_struct("Labels", 2)?;
                parts.serialize_field("sources", &self.sources)?;
                parts.serialize_field("readers", addresses)?;
                parts.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            ForAnyone(BTreeSet<Source>),
            ForSome { sources: BTreeSet<Source>, readers: BTreeSet<String> },
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::ForAnyone(sources) => Self { sources, readers: Readers::Anyone },
            Written::ForSome { sources, readers } => Self { sources, readers: Readers::Only(readers) },
        })
    }
}

impl From<Source> for Labels {
    fn from(source: Source) -> Self {
        Self::from_iter([source])
    }
}

impl FromIterator<Source> for Labels {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        Self { sources: sources.into_iter().collect(), readers: Readers::Anyone }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Labels, Readers, Source};

    fn readers() -> impl Strategy<Value = Readers> {
        let some = proptest::collection::vec(0..4u8, 0..4)
            .prop_map(|names| Readers::Only(names.into_iter().map(|name| format!("{name}@x")).collect()));
        prop_oneof![Just(Readers::Anyone), some]
    }

    fn labels() -> impl Strategy<Value = Labels> {
        (proptest::collection::vec(0..6u8, 0..5), readers()).prop_map(|(names, readers)| {
            let sources = names.into_iter().map(|name| Source::File(name.to_string()));
            sources.collect::<Labels>().for_readers(readers)
        })
    }

    proptest! {
        #[test]
        fn union_is_the_join_of_a_lattice(a in labels(), b in labels(), c in labels()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
            prop_assert_eq!(a.union(&a), a.clone());
            prop_assert_eq!(a.union(&Labels::none()), a.clone());
            prop_assert!(a.is_within(&a.union(&b)));
            prop_assert_eq!(a.is_within(&b), a.union(&b) == b);
            prop_assert!(!(a.is_within(&c) && b.is_within(&c)) || a.union(&b).is_within(&c), "it is the least upper bound");
        }

        #[test]
        fn whoever_may_read_both_may_read_what_is_made_of_them(a in labels(), b in labels(), who in 0..5u8) {
            let address = format!(" {who}@X");
            let both = a.readers().include(&address) && b.readers().include(&address);
            prop_assert_eq!(a.union(&b).readers().include(&address), both);
        }

        #[test]
        fn a_label_survives_its_written_form(a in labels()) {
            let json = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), a);
        }
    }

    #[test]
    fn an_address_that_only_looks_like_another_is_another() {
        let readers = Readers::only(["Kate@Corp.example"]);
        assert!(readers.include("kate@corp.example") && readers.include(" KATE@corp.EXAMPLE "));
        for other in
            ["\u{212A}ate@corp.example", "kаte@corp.example", "ｋate@corp.example", "kate\u{200b}@corp.example"]
        {
            assert!(!readers.include(other), "{other}");
            assert!(!Readers::only([other]).include("kate@corp.example"), "{other}");
        }
    }

    #[test]
    fn a_label_for_anyone_is_written_as_its_sources() {
        let json = serde_json::to_string(&Labels::from(Source::Person)).unwrap();
        assert_eq!(json, r#"["person"]"#);
        let for_ada = Labels::from(Source::Person).for_readers(Readers::only(["Ada@x"]));
        assert_eq!(serde_json::to_string(&for_ada).unwrap(), r#"{"sources":["person"],"readers":["ada@x"]}"#);
    }
}
