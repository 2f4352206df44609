//! What a daemon is started with: resolved once, passed down.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use genoa_abi::Failure;
use genoa_abi::grant::Right;
use genoa_abi::installation::Installation;

use crate::home::Home;

/// Everything the daemon knows from outside.
#[derive(Clone, Debug)]
pub struct DaemonConfig {
    /// Where its state is.
    pub home: Home,
    /// The binary that it starts jailed processes from.
    pub binary: PathBuf,
    /// The person's home folder, for toolchains that programs may use.
    pub person_home: Option<PathBuf>,
    /// Reads what the person configured, at the start and whenever that changed. It must be quick: the loop waits for it.
    pub configured: fn(&Home) -> Result<Configured, Failure>,
}

/// What the person's configuration comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// What there is to use: the kernel's part.
    pub installation: Installation,
    /// Who thinks, and how: the part of processes that are yet to be started.
    pub thinking: Thinking,
    /// Files and folders beside the configuration's own on which this depends. When one changes, all is read again.
    pub watched: Vec<PathBuf>,
}

/// How model calls are answered, and what agents are started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thinking {
    /// The name of the chosen model.
    pub chosen: String,
    /// How the calls of each model are answered that may be asked, by its name.
    pub models: BTreeMap<String, ModelSource>,
    /// The argument that agents are started with.
    pub agent_options: String,
}

/// Where words come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// A worker with a model file of this machine.
    Local {
        /// The file.
        file: PathBuf,
        /// When it was written: another time is another model, also under the same name.
        written: Option<SystemTime>,
        /// A folder for the worker's own state, or none.
        state: Option<PathBuf>,
        /// The worker's options, as one argument.
        options: String,
    },
    /// A worker for a model that is elsewhere, with an egress broker of its own.
    Remote {
        /// The one host that it reaches.
        host: Right,
        /// What the endpoint wants to know its caller by. The worker finds it as [`genoa_sandbox::compile::MODEL_KEY`].
        key: Option<Secret>,
        /// The worker's options, as one argument.
        options: String,
        /// Whether each request may cost: then none is sent again while the fate of the first is unknown.
        asks_once: bool,
    },
    /// None; this is what calls are answered with.
    Missing(Failure),
}

/// A text that is never shown: not in logs, not in messages, not in the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret in.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for whom it is meant.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::{ModelSource, Secret};
    use genoa_abi::grant::Right;

    #[test]
    fn a_secret_is_not_shown() {
        let host = Right::Network { host: "lab.example:443".into(), methods: vec!["POST".into()] };
        let key = Secret::new("hush".to_owned());
        assert_eq!(key.reveal(), "hush");
        let source = ModelSource::Remote { host, key: Some(key), options: "{}".to_owned(), asks_once: false };
        let shown = format!("{source:?}");
        assert!(shown.contains("lab.example") && !shown.contains("hush"), "{shown}");
    }
}
