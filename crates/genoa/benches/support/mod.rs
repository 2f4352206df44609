//! What the measuring programs share: a daemon of their own, and rows with their samples.
#![allow(dead_code, reason = "each program uses a part")]

pub(crate) mod ask;
pub(crate) mod peer;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use genoa_abi::session::SessionRequest;
use genoa_abi::syscall::Syscall;
use genoa_abi::tool::{Clock, Person};
use genoa_client::Client;
use genoa_daemon::{Home, end_with_me};
use serde_json::{Value, json};

/// A program that runs beside this one; dropping it ends it.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that ends with this one, however this ends.
pub(crate) fn ending_with_me(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// A daemon with a fresh home; dropping it ends it.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) client: Client,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
}

impl Daemon {
    /// Starts one, and waits for its first answer.
    pub(crate) fn start(home: &Path, workspace: &Path) -> Self {
        Self::begin(home, workspace, |command| command.env("XDG_CACHE_HOME", home.join("no-models")))
    }

    /// The same with the person's models.
    pub(crate) fn start_with_models(home: &Path, workspace: &Path) -> Self {
        Self::begin(home, workspace, |command| command)
    }

    fn begin(home: &Path, workspace: &Path, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let named = |name: &str| matches!(name, "GENOA_HOME" | "XDG_CACHE_HOME").then(|| home.into());
        let socket = Home::resolve(named).unwrap().socket();
        let mut command = Command::new(env!("CARGO_BIN_EXE_genoa"));
        // It ends with this program, however this ends.
        command.arg("daemon").args(end_with_me()).env("GENOA_HOME", home).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let process = Process(set(&mut command).spawn().unwrap());
        let mut client = loop {
            if let Ok(client) = Client::connect(&socket) {
                break client;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the daemon does not answer");
            std::thread::sleep(Duration::from_micros(200));
        };
        client.call(&Syscall::Session(session(workspace))).unwrap();
        Self { process, client, ready: start.elapsed() }
    }
}

pub(crate) fn session(workspace: &Path) -> SessionRequest {
    SessionRequest {
        workspace: workspace.to_str().unwrap().to_owned(),
        person: Person::default(),
        clock: Clock { now: "2026-11-23T09:00:00+01:00".to_owned(), timezone: "Europe/Oslo".to_owned() },
    }
}

/// What the environment says of how to measure, or else the usual.
pub(crate) fn wanted<T: std::str::FromStr>(name: &str, usual: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// One figure with its samples; the value is this part of them (0.5 is the median).
pub(crate) fn row(figure: &str, unit: &str, part: f64, samples: &[f64], peer: Option<(&str, &[f64])>) -> Value {
    let value = quantile(samples, part);
    let peer_value = peer.map(|(_, samples)| quantile(samples, part));
    json!({
        "figure": figure, "unit": unit, "value": value, "peer": peer.map(|(name, _)| name), "peer_value": peer_value,
        "ratio": peer_value.map(|peer| round(value / peer)),
        "samples": samples.iter().copied().map(round).collect::<Vec<_>>(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a list"
)]
pub(crate) fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    round(sorted[((sorted.len() - 1) as f64 * part).round() as usize])
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
