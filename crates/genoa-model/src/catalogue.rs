//! The models that Genoa knows by name, and where each can be had.

use std::sync::LazyLock;

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

/// The model that is used unless the person chooses another.
pub const DEFAULT_MODEL: &str = "qwen2.5-coder-1.5b";

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name on the command line.
    pub name: String,
    /// Its name for people, with the quantisation.
    pub display: String,
    /// Its licence, as an SPDX expression.
    pub licence: String,
    /// What it is good for.
    pub purpose: String,
    /// The file's size, where it is known.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// The file's SHA-256 in hexadecimal, where it is known.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The model's own context window.
    pub context_tokens: u32,
    /// Memory that running it takes, with the state of two full calls; an estimate.
    pub memory_bytes: u64,
    /// Where it can be had, in the order in which it is tried.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// A place where a model file can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A file on a model hub.
    Hub {
        /// Its address.
        url: String,
    },
    /// Parts inside Python wheels, which the person's own package installer fetches.
    Wheels {
        /// The package; `{n}` stands for the part's number, from 1.
        package: String,
        /// Its version, pinned.
        version: String,
        /// How many there are.
        parts: u32,
        /// The part's path in the wheel; `{nn}` stands for the number with two digits.
        member: String,
    },
    /// A file of the person's own.
    File {
        /// Where it is.
        path: std::path::PathBuf,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hub { url } => write!(f, "the model hub ({url})"),
            Self::Wheels { package, version, parts, .. } => {
                write!(f, "Python packages ({package} {version}, {parts} in all)")
            }
            Self::File { path } => write!(f, "the file {}", path.display()),
        }
    }
}

#[derive(Deserialize)]
struct Catalogue {
    model: Vec<Entry>,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    // The text is part of the program, and a test reads it: this cannot fail.
    toml::from_str::<Catalogue>(include_str!("../catalogue.toml")).map(|catalogue| catalogue.model).unwrap_or_default()
});

/// All models, the default first.
#[must_use]
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The model called `name`.
///
/// # Errors
/// [`ErrorCode::NotFound`], with the names that there are.
pub fn find(name: &str) -> Result<&'static Entry, Failure> {
    entries().iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<&str> = entries().iter().map(|entry| entry.name.as_str()).collect();
        Failure::new(ErrorCode::NotFound, format!("the catalogue has no model called {name}")).try_next(format!(
            "It has {}; a file of your own is added with `genoa model add NAME FILE`",
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use genoa_abi::{ContentHash, ErrorCode};

    use super::{Catalogue, DEFAULT_MODEL, Source, entries, find};
    use crate::store::is_name;

    #[test]
    fn every_entry_is_well_formed() {
        toml::from_str::<Catalogue>(include_str!("../catalogue.toml")).expect("the catalogue can be read");
        assert_eq!(entries()[0].name, DEFAULT_MODEL);
        for entry in entries() {
            assert!(is_name(&entry.name), "{}", entry.name);
            assert_eq!(entries().iter().filter(|other| other.name == entry.name).count(), 1, "{}", entry.name);
            assert!(!entry.sources.is_empty());
            assert!(entry.sha256.iter().all(|hash| hash.parse::<ContentHash>().is_ok()), "{}", entry.name);
            assert_eq!(entry.sha256.is_some(), entry.bytes.is_some(), "a known file has a known size");
            for source in &entry.sources {
                let fits = match source {
                    Source::Hub { url } => url.starts_with("https://"),
                    Source::Wheels { package, member, parts, .. } => {
                        entry.sha256.is_some() && (*parts == 1 || (package.contains("{n}") && member.contains("{nn}")))
                    }
                    Source::File { .. } => false,
                };
                assert!(fits, "{source}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let failure = find("gpt-5").unwrap_err();
        assert_eq!(failure.code, ErrorCode::NotFound);
        assert!(failure.next.contains(DEFAULT_MODEL));
    }
}
