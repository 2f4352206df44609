//! What a daemon is started with: resolved once, passed down.

use std::path::PathBuf;

use genoa_abi::Failure;
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
    /// How model calls are answered.
    pub model: ModelSource,
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
        /// A folder for the worker's own state, or none.
        state: Option<PathBuf>,
        /// The worker's options, as one argument.
        options: String,
    },
    /// None; this is what calls are answered with.
    Missing(Failure),
}
