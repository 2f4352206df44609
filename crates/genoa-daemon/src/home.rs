//! Where Genoa keeps what it keeps: one folder for state, one for models.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};

/// The folders of one person's Genoa. Removing both removes Genoa.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    state: PathBuf,
    models: PathBuf,
}

impl Home {
    /// Finds the folders: `genoa_home` is `GENOA_HOME` if it is set, the others are the XDG variables and `HOME`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] where nothing says where home is.
    pub fn resolve(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below_home = |rest: &str| set("HOME").map(|home| home.join(rest));
        let state = set("GENOA_HOME")
            .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("genoa")))
            .or_else(|| below_home(".local/share/genoa"));
        let cache = set("XDG_CACHE_HOME").or_else(|| below_home(".cache"));
        let (Some(state), Some(cache)) = (state, cache) else {
            return Err(Failure::new(ErrorCode::InvalidInput, "it is not known where to keep Genoa's state")
                .because("neither HOME nor GENOA_HOME with XDG_CACHE_HOME is set")
                .try_next("Set HOME, or both of the others"));
        };
        if !state.is_absolute() {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("GENOA_HOME is {}", state.display()))
                .because("it must be an absolute path"));
        }
        Ok(Self { state, models: cache.join("genoa").join("models") })
    }

    /// The same models with state somewhere else.
    #[must_use]
    pub fn with_state(&self, state: PathBuf) -> Self {
        Self { state, models: self.models.clone() }
    }

    /// The same state with models from somewhere else.
    #[must_use]
    pub fn with_models(&self, models: PathBuf) -> Self {
        Self { state: self.state.clone(), models }
    }

    /// Makes the folders, readable for their owner only.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] with the folder that could not be made.
    pub fn create(&self) -> Result<(), Failure> {
        let folders =
            [self.state.clone(), self.views(), self.outbox(), self.mcp(), self.run(), self.logs(), self.prefixes()];
        for folder in folders.iter().chain([&self.models]) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
                Failure::new(ErrorCode::Internal, format!("cannot make the folder {}", folder.display()))
                    .because(error)
                    .try_next("Check the permissions and the free space, or set GENOA_HOME to another folder")
            })?;
        }
        Ok(())
    }

    /// The folder of all state.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// What is free on the disk of the state, in bytes; nothing where that cannot be told.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.state).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// The models, shared by all homes of a user.
    #[must_use]
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal.db")
    }

    /// The views' folders.
    #[must_use]
    pub fn views(&self) -> PathBuf {
        self.state.join("views")
    }

    /// The journal's signing key.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }

    /// Messages that wait to leave.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.state.join("outbox")
    }

    /// What servers of other people's tools said when they were asked.
    #[must_use]
    pub fn mcp(&self) -> PathBuf {
        self.state.join("mcp")
    }

    /// The person's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.state.join("config.toml")
    }

    /// The person's rules, a file of Cedar policies each.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.state.join("policy")
    }

    /// What lives only while the daemon runs.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.state.join("run")
    }

    /// The daemon's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run().join("daemon.sock")
    }

    /// What the daemon and its children print.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// States of prompts that the model worker keeps.
    #[must_use]
    pub fn prefixes(&self) -> PathBuf {
        self.state.join("prefixes")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Home;

    fn resolve(variables: &[(&str, &str)]) -> Result<Home, genoa_abi::Failure> {
        Home::resolve(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_most_specific_variable_decides() {
        let home = resolve(&[("HOME", "/home/ada")]).unwrap();
        assert_eq!(home.state(), Path::new("/home/ada/.local/share/genoa"));
        assert_eq!(home.models(), Path::new("/home/ada/.cache/genoa/models"));
        let home = resolve(&[("HOME", "/home/ada"), ("GENOA_HOME", "/srv/g"), ("XDG_DATA_HOME", "/x")]).unwrap();
        assert_eq!(home.state(), Path::new("/srv/g"));
    }

    #[test]
    fn without_a_home_the_error_says_what_to_set() {
        insta::assert_snapshot!(resolve(&[]).unwrap_err(), @"it is not known where to keep Genoa's state: neither HOME nor GENOA_HOME with XDG_CACHE_HOME is set. Set HOME, or both of the others");
        assert!(resolve(&[("HOME", "/h"), ("GENOA_HOME", "relative")]).is_err());
    }
}
