//! Grants: what an agent may do, until when, how much, and whether it may pass it on.
//!
//! This page is the data and the question "does this right cover that one?". Chains, expiry and revocation are the
//! kernel's; the compilation of a grant to Landlock, seccomp, namespaces and broker rules is the sandbox's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, Timestamp};
use crate::model::InferUsage;

/// How files may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write; inside a workspace the writes go to the view.
    Write,
}

/// One thing that may be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Files at and below an absolute, normalised path.
    Files {
        /// The path: absolute, without `.` or `..`.
        under: String,
        /// How.
        access: Access,
    },
    /// Requests to a host.
    Network {
        /// A host name, or `*.example.org` for all names below one, or `*` for all: at the usual ports, and only where the
        /// whole world can reach them. Or a name or an address with its port, `10.0.0.7:8080`: exactly that, and the only way
        /// to an address of this machine or of a private network.
        host: String,
        /// HTTP methods, upper case; empty means every method.
        methods: Vec<String>,
    },
    /// Running a program.
    Program {
        /// The program's file name, or `*`.
        name: String,
    },
    /// Calling a tool.
    Tool {
        /// A tool's name, `group.*` for a whole group, or `*`.
        name: String,
        /// Argument name to the pattern that the argument, as text, must match; `*` stands for any run of characters.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        arguments: BTreeMap<String, String>,
    },
    /// Looking at the host: `processes`, `disks`, `services`, `logs`, `packages`, `settings`, or `*`.
    Host {
        /// The area.
        area: String,
    },
    /// Using what assistants know.
    Memory {
        /// A scope, or `*`.
        scope: String,
        /// How.
        access: Access,
    },
    /// Calling the model. How much is the budget's business.
    Model,
    /// Showing something on a surface, or `*`.
    Surface {
        /// The surface's name.
        name: String,
    },
    /// Using a device (`microphone`, `camera`, `screen`), or `*`.
    Device {
        /// The device's name.
        name: String,
    },
}

impl Right {
    /// Whether whoever holds `self` holds `other` as well.
    ///
    /// Reflexive and transitive; a property test holds it to both. Where two patterns cannot be compared the answer
    /// is no, which is the safe side.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Files { under, access }, Self::Files { under: inner, access: wanted }) => {
                access >= wanted && path_covers(under, inner)
            }
            (Self::Network { host, methods }, Self::Network { host: inner, methods: wanted }) => {
                host_covers(host, inner)
                    && (methods.is_empty() || (!wanted.is_empty() && wanted.iter().all(|m| methods.contains(m))))
            }
            (Self::Tool { name, arguments }, Self::Tool { name: inner, arguments: wanted }) => {
                group_covers(name, inner)
                    && arguments.iter().all(|(argument, pattern)| {
                        wanted.get(argument).is_some_and(|narrower| {
                            narrower == pattern || (!narrower.contains('*') && pattern_matches(pattern, narrower))
                        })
                    })
            }
            (Self::Memory { scope, access }, Self::Memory { scope: inner, access: wanted }) => {
                access >= wanted && name_covers(scope, inner)
            }
            (Self::Program { name }, Self::Program { name: inner })
            | (Self::Host { area: name }, Self::Host { area: inner })
            | (Self::Surface { name }, Self::Surface { name: inner })
            | (Self::Device { name }, Self::Device { name: inner }) => name_covers(name, inner),
            (Self::Model, Self::Model) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files { under, access: Access::Read } => write!(f, "read files under {under}"),
            Self::Files { under, access: Access::Write } => write!(f, "change files under {under}"),
            Self::Network { host, methods } if methods.is_empty() => write!(f, "any request to {host}"),
            Self::Network { host, methods } => write!(f, "{} requests to {host}", methods.join(", ")),
            Self::Program { name } => write!(f, "run the program {name}"),
            Self::Tool { name, arguments } => {
                write!(f, "call {name}")?;
                for (place, (argument, pattern)) in arguments.iter().enumerate() {
                    write!(f, "{} {argument} = {pattern}", if place == 0 { " with" } else { "," })?;
                }
                Ok(())
            }
            Self::Host { area } => write!(f, "look at the host's {area}"),
            Self::Memory { scope, access: Access::Read } => write!(f, "recall from {scope}"),
            Self::Memory { scope, access: Access::Write } => write!(f, "remember in {scope}"),
            Self::Model => f.write_str("use the model"),
            Self::Surface { name } => write!(f, "show on {name}"),
            Self::Device { name } => write!(f, "use the {name}"),
        }
    }
}

fn name_covers(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern == name
}

fn group_covers(pattern: &str, name: &str) -> bool {
    name_covers(pattern, name)
        || pattern.strip_suffix('*').is_some_and(|group| group.ends_with('.') && name.starts_with(group))
}

fn host_covers(pattern: &str, host: &str) -> bool {
    name_covers(pattern, host)
        || pattern.strip_prefix('*').is_some_and(|domain| domain.starts_with('.') && host.ends_with(domain))
}

fn path_covers(under: &str, path: &str) -> bool {
    let normal = |path: &str| path.starts_with('/') && !path.split('/').any(|part| part == ".." || part == ".");
    if !normal(under) || !normal(path) {
        return false;
    }
    let root = under.trim_end_matches('/');
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters and everything else for itself.
#[must_use]
pub fn pattern_matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return text.is_empty() };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// How much may be used under a grant. Spending is counted against the grant and all its ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Tool calls.
    pub calls: u64,
    /// Bytes that calls return.
    pub bytes: u64,
    /// Model tokens, read and written.
    pub tokens: u64,
    /// Seconds of tool and model time.
    pub seconds: u64,
}

impl Budget {
    /// Whether nothing in `other` is more than in this budget.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.calls >= other.calls
            && self.bytes >= other.bytes
            && self.tokens >= other.tokens
            && self.seconds >= other.seconds
    }

    /// The smaller of the two in every part.
    #[must_use]
    pub fn min(&self, other: &Self) -> Self {
        Self {
            calls: self.calls.min(other.calls),
            bytes: self.bytes.min(other.bytes),
            tokens: self.tokens.min(other.tokens),
            seconds: self.seconds.min(other.seconds),
        }
    }
}

/// What is asked for when a grant is made or narrowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// The rights wanted.
    pub rights: Vec<Right>,
    /// How long it shall live, at most [`crate::limits::GRANT_LIFE_MS`].
    pub life_ms: u64,
    /// How much may be used.
    pub budget: Budget,
    /// Whether its holder may pass parts of it on.
    pub may_pass_on: bool,
}

/// A grant as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantInfo {
    /// Its handle.
    pub id: GrantId,
    /// The grant that it narrows; a person's session holds one without a parent.
    pub parent: Option<GrantId>,
    /// Who holds it, in words: `session s1`, `agent a0.3 (content)`.
    pub holder: String,
    /// Its rights.
    pub rights: Vec<Right>,
    /// When it ends.
    pub expires: Timestamp,
    /// What it allowed at the start.
    pub budget: Budget,
    /// What is used of that.
    pub spent: Budget,
    /// What the model calls under it used, those of narrower grants included.
    #[serde(default)]
    pub thought: InferUsage,
    /// Whether it may be passed on.
    pub may_pass_on: bool,
    /// Whether it was taken back.
    pub revoked: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Access, Right, pattern_matches};

    fn any_right() -> impl Strategy<Value = Right> {
        let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
        let path = prop::sample::select(vec!["/", "/a", "/a/b", "/ab", "/a/../b", "a"]);
        let name = prop::sample::select(vec!["*", "mail.*", "mail.find", "mailx.find", "files.read"]);
        let host = prop::sample::select(vec!["*", "*.org", "*.a.org", "x.a.org", "a.org", "aorg"]);
        let method = prop::collection::vec(prop::sample::select(vec!["GET", "POST"]), 0..2);
        let pattern = prop::sample::select(vec!["*", "a*", "ab", "*b", "a*b"]);
        let arguments = prop::collection::btree_map(prop::sample::select(vec!["x", "y"]), pattern, 0..2);
        prop_oneof![
            (path, access.clone()).prop_map(|(under, access)| Right::Files { under: under.into(), access }),
            (name, arguments).prop_map(|(name, arguments)| Right::Tool {
                name: name.into(),
                arguments: arguments.into_iter().map(|(k, v)| (k.into(), v.into())).collect(),
            }),
            (host, method).prop_map(|(host, methods)| Right::Network {
                host: host.into(),
                methods: methods.into_iter().map(str::to_owned).collect(),
            }),
            (prop::sample::select(vec!["*", "a"]), access)
                .prop_map(|(scope, access)| Right::Memory { scope: scope.into(), access }),
            Just(Right::Model),
        ]
    }

    fn is_well_formed(right: &Right) -> bool {
        !matches!(right, Right::Files { under, .. } if under.contains("..") || !under.starts_with('/'))
    }

    proptest! {
        #[test]
        fn covering_is_reflexive_and_transitive(a in any_right(), b in any_right(), c in any_right()) {
            prop_assert_eq!(a.covers(&a), is_well_formed(&a));
            if a.covers(&b) && b.covers(&c) {
                prop_assert!(a.covers(&c), "{a} covers {b} covers {c}");
            }
        }
    }

    #[test]
    fn a_sibling_with_a_longer_name_is_not_covered() {
        let files = |under: &str| Right::Files { under: under.into(), access: Access::Read };
        assert!(files("/home/ada").covers(&files("/home/ada/notes")));
        assert!(!files("/home/ada").covers(&files("/home/adam")));
        assert!(!files("/home/ada").covers(&files("/home/ada/../bob")));
        let tool = |name: &str| Right::Tool { name: name.into(), arguments: BTreeMap::new() };
        assert!(tool("mail.*").covers(&tool("mail.find")));
        assert!(!tool("mail.*").covers(&tool("mailing.send")));
        let host = |host: &str| Right::Network { host: host.into(), methods: vec![] };
        assert!(!host("*.example.org").covers(&host("evil-example.org")));
    }

    #[test]
    fn patterns_match_with_stars() {
        assert!(pattern_matches("*@example.org", "ada@example.org"));
        assert!(!pattern_matches("*@example.org", "ada@example.org.evil.net"));
        assert!(pattern_matches("a*b*c", "a-b-b-c"));
        assert!(!pattern_matches("a*b*c", "a-c"));
        assert!(pattern_matches("*", ""));
        assert!(!pattern_matches("ab*ba", "aba"));
    }
}
