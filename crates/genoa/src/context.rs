//! What every command works with.

use std::path::{Path, PathBuf};

use genoa_abi::Failure;
use genoa_abi::installation::Installation;
use genoa_abi::session::SystemStatus;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_daemon::Home;

use crate::connect::{Session, begin, connect_or_start, tell_daemon, unexpected, workspace};
use crate::installed;
use crate::output::Format;
use crate::servers::{Known, ask_new};
use crate::settings::Settings;

/// What every command may need; resolved once.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) settings: Settings,
    pub(crate) format: Format,
    /// The folder that was named.
    pub(crate) named_workspace: Option<PathBuf>,
    /// The date that was named.
    pub(crate) named_today: Option<jiff::civil::Date>,
}

impl Context {
    /// The folder that the command is about.
    pub(crate) fn workspace(&self) -> Result<PathBuf, Failure> {
        workspace(self.named_workspace.as_deref())
    }

    /// A session in that folder, with the daemon started if need be.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        self.session_in(&self.workspace()?)
    }

    /// A session in another folder.
    pub(crate) fn session_in(&self, workspace: &Path) -> Result<Session, Failure> {
        // The daemon starts nothing of other people's by itself: it offers what is known when the session begins.
        self.servers()?;
        begin(connect_or_start(&self.home)?, &self.settings, workspace, self.named_today)
    }

    /// What runs, what waits for the person, what can be undone.
    pub(crate) fn status(&self) -> Result<SystemStatus, Failure> {
        match self.session()?.client.call(&Syscall::List {})? {
            Reply::Status(status) => Ok(status),
            other => Err(unexpected(&other)),
        }
    }

    /// Writes the configuration; a daemon that runs goes on with it.
    pub(crate) fn save(&self, settings: &Settings) -> Result<(), Failure> {
        self.home.create()?;
        settings.save(&self.home)?;
        tell_daemon(&self.home);
        Ok(())
    }

    /// What there is to use.
    pub(crate) fn installation(&self) -> Result<Installation, Failure> {
        installed::of(&self.settings, &self.servers()?)
    }

    /// The configured servers, the new ones just asked for their tools.
    pub(crate) fn servers(&self) -> Result<Vec<Known>, Failure> {
        ask_new(&self.home, &self.settings)
    }

    /// The date that counts as today.
    pub(crate) fn today(&self) -> jiff::civil::Date {
        self.named_today.unwrap_or_else(|| jiff::Zoned::now().date())
    }
}
