//! The person's configuration file, and what follows from it. Read once, passed down.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use genoa_abi::grant::Right;
use genoa_abi::limits::{MCP_SERVERS, OUTBOX_HOLD_MS, UNDO_WINDOW_MS};
use genoa_abi::tool::{Clock, Person};
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::hosts;
use crate::providers::{self, ProviderSettings, RouteSettings};
use crate::servers::ToolSettings;

/// `config.toml`, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Who the person is.
    pub(crate) person: PersonSettings,
    /// Which model answers.
    pub(crate) model: ModelSettings,
    /// Endpoints with models that are elsewhere, by the name that stands before the slash of a model's name.
    pub(crate) providers: BTreeMap<String, ProviderSettings>,
    /// Which model answers calls of which kind; the first rule counts that can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) route: Vec<RouteSettings>,
    /// What may be reached outside.
    pub(crate) network: NetworkSettings,
    /// What becomes of what leaves the machine.
    pub(crate) outbox: OutboxSettings,
    /// What rules are looked at with.
    pub(crate) policy: PolicySettings,
    /// Programs that offer tools, by the group under which these appear.
    pub(crate) mcp: BTreeMap<String, ServerSettings>,
}

/// A program that offers tools over its standard streams, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    /// The program: a name that is found through `PATH` in a jail, or an absolute path.
    pub(crate) program: String,
    /// Its arguments. They are shown and journalled: no place for secrets.
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    /// Whether its word is taken that a tool only reads; else every tool may change what its view holds.
    #[serde(default)]
    pub(crate) trust_hints: bool,
    /// The agents that may use its tools. None, unless the person names some: what a server says of its tools is read by
    /// the planners of those that may use them. Plans of the person's own may, in any case.
    #[serde(default)]
    pub(crate) agents: Vec<String>,
    /// Of its tools, only these; all if none is named.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    /// What the person states about single ones of them.
    #[serde(default)]
    pub(crate) tool: BTreeMap<String, ToolSettings>,
}

/// What may be reached outside, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NetworkSettings {
    /// Hosts that agents may fetch from, through the broker: `example.org`, `*.wikipedia.org`, `127.0.0.1:8080`. None, unless
    /// the person names some.
    pub(crate) hosts: Vec<String>,
}

/// What becomes of what leaves the machine, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OutboxSettings {
    /// For how many seconds it can be taken back. Nothing is held if it is 0.
    pub(crate) undo_window_s: u64,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self { undo_window_s: OUTBOX_HOLD_MS / 1000 }
    }
}

impl OutboxSettings {
    /// In the unit of the kernel.
    pub(crate) fn undo_window_ms(&self) -> Result<u64, Failure> {
        let milliseconds = self.undo_window_s.saturating_mul(1000);
        if milliseconds <= UNDO_WINDOW_MS {
            return Ok(milliseconds);
        }
        let limit = UNDO_WINDOW_MS / 1000;
        Err(Failure::new(
            ErrorCode::InvalidInput,
            format!("[outbox] undo_window_s = {} is too long", self.undo_window_s),
        )
        .because(format!("the limit is {limit} s (UNDO_WINDOW_MS)")))
    }
}

/// What rules are looked at with, as configured. The rules themselves are in files of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicySettings {
    /// The program that solves what is to be proved: a name, or a path. cvc5, if empty.
    pub(crate) solver: String,
}

/// The person, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PersonSettings {
    /// Full name.
    pub(crate) name: String,
    /// Mail address.
    pub(crate) email: String,
    /// IANA time zone; the system's if empty.
    pub(crate) timezone: String,
}

/// The model, as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelSettings {
    /// The name of a model on this machine, or `PROVIDER/MODEL`; the catalogue's default if empty.
    pub(crate) name: String,
    /// Threads; one per physical core if 0.
    pub(crate) threads: u32,
    /// Whether an answer never depends on what else the local model does or did, at the price of one call at a time.
    pub(crate) deterministic: bool,
    /// Whether the local model keeps no state on disk; the journal is not meant.
    pub(crate) off_disk: bool,
    /// Whether plans are written under a grammar. `free` is for measuring what the grammar is worth.
    pub(crate) planner: Planner,
}

/// How the planner is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Planner {
    /// By a grammar, statement by statement.
    #[default]
    Bound,
    /// Not at all; the check alone catches mistakes.
    Free,
}

impl Settings {
    /// Reads the file; without one, everything is at its default.
    pub(crate) fn load(home: &Home) -> Result<Self, Failure> {
        let path = home.config();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&text).map_err(|why| {
                Failure::new(ErrorCode::InvalidInput, format!("{} cannot be read", path.display()))
                    .because(why)
                    .try_next("Correct the file, or remove it to start from the defaults")
            }),
            // What is wrong with the folder itself shows when it is made.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Self::default()),
            Err(error) => {
                Err(Failure::new(ErrorCode::Internal, format!("cannot read {}", path.display())).because(error))
            }
        }
    }

    /// Reads the text of the file.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let settings: Self = toml::from_str(text).map_err(|error| without_source(&error))?;
        settings.network_rights().map_err(|failure| failure.to_string())?;
        settings.outbox.undo_window_ms().map_err(|failure| failure.to_string())?;
        providers::check(&settings).map_err(|failure| failure.to_string())?;
        if settings.mcp.len() > MCP_SERVERS {
            return Err(format!("[mcp] names more than {MCP_SERVERS} servers (MCP_SERVERS)"));
        }
        Ok(settings)
    }

    /// The rights to the hosts that are named.
    pub(crate) fn network_rights(&self) -> Result<Vec<Right>, Failure> {
        hosts::rights(&self.network.hosts)
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self, home: &Home) -> Result<(), Failure> {
        let path = home.config();
        let fail = |error: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::Internal, format!("cannot write {}", path.display())).because(error)
        };
        let text = toml::to_string(self).map_err(|error| fail(&error))?;
        let unfinished = path.with_extension("part");
        std::fs::write(&unfinished, text)
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .map_err(|error| fail(&error))
    }

    /// The argument that agents are started with. An endpoint that follows no grammars leaves the check alone.
    pub(crate) fn agent_options(&self) -> String {
        let follows = !matches!(providers::chosen(self), Ok(Some(remote)) if !remote.follows_grammars());
        match self.model.planner {
            Planner::Bound if follows => "bound".to_owned(),
            Planner::Bound | Planner::Free => "free".to_owned(),
        }
    }

    /// The person, with the login name where nothing is configured.
    pub(crate) fn person(&self) -> Person {
        let login = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        let name = if self.person.name.is_empty() { login() } else { self.person.name.clone() };
        Person { name, email: self.person.email.clone() }
    }

    /// The person's time zone.
    pub(crate) fn zone(&self) -> Result<TimeZone, Failure> {
        if self.person.timezone.is_empty() {
            return Ok(TimeZone::system());
        }
        TimeZone::get(&self.person.timezone).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, "the configured time zone is not known").because(error)
        })
    }

    /// Now, in the person's time zone; `today` replaces the date, for trying things out on another day.
    pub(crate) fn clock(&self, today: Option<jiff::civil::Date>) -> Result<Clock, Failure> {
        let mut now = jiff::Timestamp::now().to_zoned(self.zone()?);
        if let Some(today) = today {
            now = now.with().date(today).build().map_err(|error| {
                Failure::new(ErrorCode::InvalidInput, format!("{today} does not exist here")).because(error)
            })?;
        }
        let timezone = now.time_zone().iana_name().unwrap_or("UTC").to_owned();
        Ok(Clock { now: now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), timezone })
    }
}

/// What is wrong and where. The line itself is not repeated: a key may have been written there by mistake.
fn without_source(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let place = text.lines().next().filter(|line| line.starts_with("TOML parse error")).unwrap_or_default();
    format!("{place}: {}", error.message()).trim_start_matches(": ").trim().to_owned()
}
