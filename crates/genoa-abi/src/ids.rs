//! Names of things: small copyable ids, times and content hashes.
//!
//! Ids are given out by the kernel, in order, and never given out twice, also across restarts (the journal replays
//! them). Handles to things that can be replaced under the same index (agents, grants) carry a generation, so that an
//! old handle is answered with "gone" instead of reaching a stranger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

macro_rules! counter_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// Reads the displayed form, or the bare number.
            fn from_str(text: &str) -> Result<Self, String> {
                let digits = text.strip_prefix($prefix).unwrap_or(text);
                digits.parse().map(Self).map_err(|_| {
                    format!(concat!("`{}` is not an id like ", $prefix, "12"), text)
                })
            }
        }
    };
}

counter_id!(
    /// One person at one surface (a terminal, a browser tab) with one workspace.
    SessionId, "s"
);
counter_id!(
    /// One thing a person asked for, in their own words.
    IntentionId, "i"
);
counter_id!(
    /// One execution of one plan.
    RunId, "r"
);
counter_id!(
    /// One call of a tool or of the model. It is the idempotency key of the call's effects.
    CallId, "c"
);
counter_id!(
    /// One question to a person.
    QuestionId, "q"
);
counter_id!(
    /// One copy-on-write world.
    ViewId, "v"
);
counter_id!(
    /// One message, or one call, that waits to leave the machine.
    OutboxId, "o"
);
counter_id!(
    /// One thing that a text of somebody else's asks for, until the person makes it their own intention.
    ProposalId, "p"
);
counter_id!(
    /// The caller's number for a syscall, echoed in the reply.
    RequestId, ""
);

macro_rules! generation_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// Place in the kernel's table.
            pub index: u32,
            /// How often that place was given out before.
            pub generation: u32,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}.{}"), self.index, self.generation)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let parse = || {
                    let (index, generation) = text.strip_prefix($prefix)?.split_once('.')?;
                    Some(Self { index: index.parse().ok()?, generation: generation.parse().ok()? })
                };
                parse().ok_or_else(|| format!(concat!("`{}` is not an id like ", $prefix, "3.0"), text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

generation_id!(
    /// One agent: a jailed process with a parent, a grant and a budget.
    AgentId, "a"
);
generation_id!(
    /// One grant in the kernel's table.
    GrantId, "g"
);

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `milliseconds` after this one; at the end of time it stays there.
    #[must_use]
    pub fn plus_ms(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(milliseconds))
    }
}

/// The SHA-256 of some bytes: how contents are named in the journal and in approvals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of a value's JSON form. Struct fields are written in the order of their definition and maps are
    /// sorted, so equal values have equal hashes.
    ///
    /// # Panics
    /// Never for the types of this crate: they all have a JSON form.
    #[must_use]
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(&serde_json::to_vec(value).expect("types of this crate have a JSON form"))
    }

    /// The first 12 hexadecimal digits: enough to name a content to a person.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fail = || format!("`{text}` is not a SHA-256 in hexadecimal (64 digits)");
        if text.len() != 64 || !text.is_ascii() {
            return Err(fail());
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| fail())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{AgentId, CallId, ContentHash};

    #[test]
    fn ids_survive_their_displayed_form() {
        let agent = AgentId { index: 7, generation: 2 };
        assert_eq!(agent.to_string().parse(), Ok(agent));
        assert_eq!("c12".parse(), Ok(CallId(12)));
        assert_eq!("12".parse(), Ok(CallId(12)));
        assert!("a7".parse::<AgentId>().is_err());
        let hash = ContentHash::of(b"genoa");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("zz".parse::<ContentHash>().is_err());
    }
}
