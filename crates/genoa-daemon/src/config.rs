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
    /// Reads what there is, at the start and whenever the person changed the configuration. It must be quick: the loop
    /// waits for it.
    pub installation: fn(&Home) -> Result<Installation, Failure>,
    /// The argument that agents are started with.
    pub agent_options: String,
    /// How model calls are answered.
    pub model: ModelSource,
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
    /// None yet; the text says how to get one.
    Missing(String),
}
