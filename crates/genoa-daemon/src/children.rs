//! The jailed processes: started through the spawner, known by what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use genoa_abi::event::ToolJob;
use genoa_abi::grant::Right;
use genoa_abi::{AgentId, CallId, ErrorCode, Failure};
use genoa_sandbox::view::ViewLayout;
use genoa_sandbox::{
    JailPlan, Machine, ModelFiles, SpawnerHandle, SpawnerNews, plan_agent, plan_egress, plan_model_worker,
    plan_remote_worker, plan_tool,
};

use crate::config::{DaemonConfig, ModelSource, Secret};
use crate::connection::Peer;
use crate::daemon::Daemon;
use crate::sockets::Sockets;

/// How much of what a process printed is quoted when it stopped without an answer.
const LAST_WORDS_BYTES: usize = 2000;

/// What a jailed process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Child {
    Agent(AgentId),
    Tool(CallId),
    /// The broker for one tool call's requests.
    Egress(CallId),
    /// A model worker, by its number.
    Worker(u32),
    /// The broker for a model worker whose model is elsewhere.
    WorkerEgress(u32),
}

/// The spawner, and the processes that it started.
#[derive(Debug)]
pub(crate) struct Children {
    spawner: SpawnerHandle,
    logs: PathBuf,
    alive: BTreeMap<u64, Child>,
    ids: BTreeMap<Child, u64>,
    /// Why a process could not be started, or how it ended, until its socket tells the loop.
    ends: BTreeMap<Child, String>,
    /// Those of them that could not be started at all.
    never_ran: BTreeSet<Child>,
    next_id: u64,
}

impl Children {
    /// Starts the spawner.
    pub(crate) fn start(config: &DaemonConfig) -> Result<Self, Failure> {
        let spawner = SpawnerHandle::start(&config.binary)
            .map_err(|error| Failure::new(ErrorCode::Internal, "the spawner cannot be started").because(error))?;
        Ok(Self {
            spawner,
            logs: config.home.logs(),
            alive: BTreeMap::new(),
            ids: BTreeMap::new(),
            ends: BTreeMap::new(),
            never_ran: BTreeSet::new(),
            next_id: 1,
        })
    }

    pub(crate) fn spawner_fd(&self) -> BorrowedFd<'_> {
        self.spawner.as_fd()
    }

    pub(crate) fn start_agent(
        &mut self,
        agent: AgentId,
        rights: &[Right],
        options: &str,
        machine: &Machine,
        sockets: &mut Sockets,
    ) -> Result<(), Failure> {
        let mut plan = plan_agent(rights, machine)?;
        plan.program.arguments.push(options.to_owned());
        let theirs = connect(sockets, Peer::Agent(agent))?;
        self.spawn(Child::Agent(agent), &plan, &[theirs])
    }

    pub(crate) fn start_tool(
        &mut self,
        job: &ToolJob,
        layout: &ViewLayout,
        machine: &Machine,
        sockets: &mut Sockets,
    ) -> Result<(), Failure> {
        let plan = plan_tool(job, layout, machine)?;
        let mut fds = vec![connect(sockets, Peer::Tool(job.call))?];
        if job.rights.iter().any(|right| matches!(right, Right::Network { .. })) {
            fds.push(self.start_broker(Child::Egress(job.call), &job.rights, machine)?);
        }
        self.spawn(Child::Tool(job.call), &plan, &fds)
    }

    pub(crate) fn start_worker(
        &mut self,
        number: u32,
        source: &ModelSource,
        machine: &Machine,
        sockets: &mut Sockets,
    ) -> Result<(), Failure> {
        let (mut plan, options, broker) = match source {
            ModelSource::Local { file, state, options, .. } => {
                let files = ModelFiles { models: vec![file.clone()], state: state.clone() };
                (plan_model_worker(&files, machine)?, options, None)
            }
            ModelSource::Remote { host, key, options, .. } => {
                let plan = plan_remote_worker(key.as_ref().map(Secret::reveal), machine)?;
                let broker = self.start_broker(Child::WorkerEgress(number), std::slice::from_ref(host), machine)?;
                (plan, options, Some(broker))
            }
            ModelSource::Missing(failure) => return Err(failure.clone()),
        };
        plan.program.arguments.push(options.clone());
        let theirs = connect(sockets, Peer::Worker(number))?;
        let fds: Vec<OwnedFd> = [theirs].into_iter().chain(broker).collect();
        self.spawn(Child::Worker(number), &plan, &fds)
    }

    /// Starts a broker that reaches the hosts of `rights`; gives the end of its socket for whom it is.
    fn start_broker(&mut self, child: Child, rights: &[Right], machine: &Machine) -> Result<OwnedFd, Failure> {
        let (ours, brokers) = UnixStream::pair().map_err(|error| no_socket(&error))?;
        self.spawn(child, &plan_egress(rights, machine)?, &[brokers.into()])?;
        Ok(ours.into())
    }

    pub(crate) fn kill_agent(&mut self, agent: AgentId) {
        self.kill(Child::Agent(agent));
    }

    pub(crate) fn kill_tool(&mut self, call: CallId) {
        self.kill(Child::Tool(call));
        self.kill(Child::Egress(call));
    }

    pub(crate) fn kill_worker(&mut self, number: u32) {
        self.kill(Child::Worker(number));
        self.kill(Child::WorkerEgress(number));
    }

    /// What is known about the end of a call's process, for the failure that people see.
    pub(crate) fn last_words(&mut self, call: CallId) -> String {
        let end = self.ends.remove(&Child::Tool(call)).unwrap_or_else(|| "its process ended".to_owned());
        let printed = std::fs::read(self.log_path(Child::Tool(call))).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed[printed.len().saturating_sub(LAST_WORDS_BYTES)..]).into_owned();
        if printed.trim().is_empty() { end } else { format!("{end}: {}", printed.trim()) }
    }

    /// Why a model worker, or its broker, could not be started, or how it ended.
    pub(crate) fn end_of_worker(&mut self, number: u32) -> String {
        let ends = [Child::WorkerEgress(number), Child::Worker(number)].map(|child| self.ends.remove(&child));
        ends.into_iter().flatten().next().unwrap_or_else(|| "its process ended".to_owned())
    }

    /// Whether a model worker, or the broker without which it reaches nothing, could not be started at all. Told once.
    pub(crate) fn worker_never_ran(&mut self, number: u32) -> bool {
        let parts = [Child::WorkerEgress(number), Child::Worker(number)];
        parts.into_iter().filter(|child| self.never_ran.remove(child)).count() > 0
    }

    /// Writes a line to the daemon's own log.
    pub(crate) fn note(&self, text: &str) {
        // Standard error is the log; if it is gone there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    fn spawn(&mut self, child: Child, plan: &JailPlan, fds: &[OwnedFd]) -> Result<(), Failure> {
        let id = self.next_id;
        self.next_id += 1;
        let log: OwnedFd = std::fs::File::create(self.log_path(child))
            .map_err(|error| Failure::new(ErrorCode::StorageFailed, "a log cannot be written").because(error))?
            .into();
        self.spawner.spawn_logged(id, plan, fds, &log)?;
        self.alive.insert(id, child);
        self.ids.insert(child, id);
        Ok(())
    }

    fn kill(&mut self, child: Child) {
        if let Some(id) = self.ids.remove(&child) {
            // A spawner that is gone took its jails with it.
            let _ = self.spawner.kill(id);
        }
    }

    /// What could not be started was not ended by us: the reason is kept for whoever asks, however late it comes.
    fn failed(&mut self, id: u64, how: String) -> Option<Child> {
        let child = self.alive.get(&id).copied();
        if let Some(child @ (Child::Worker(_) | Child::WorkerEgress(_))) = child {
            self.ends.insert(child, how.clone());
            self.never_ran.insert(child);
        }
        self.ended(id, how)
    }

    fn ended(&mut self, id: u64, how: String) -> Option<Child> {
        let child = self.alive.remove(&id)?;
        if self.ids.get(&child) == Some(&id) {
            self.ids.remove(&child);
            self.ends.insert(child, how);
            return Some(child);
        }
        if let Child::Tool(_) | Child::Agent(_) | Child::Egress(_) = child {
            // It was ended on purpose: nobody will read what it printed.
            let _ = std::fs::remove_file(self.log_path(child));
        }
        None
    }

    fn log_path(&self, child: Child) -> PathBuf {
        self.logs.join(match child {
            Child::Agent(agent) => format!("{agent}.log"),
            Child::Tool(call) => format!("{call}.log"),
            Child::Egress(call) => format!("{call}.egress.log"),
            Child::Worker(0) => "model.log".to_owned(),
            Child::WorkerEgress(0) => "model.egress.log".to_owned(),
            Child::Worker(number) => format!("model.{number}.log"),
            Child::WorkerEgress(number) => format!("model.{number}.egress.log"),
        })
    }
}

impl Daemon {
    /// Takes in what the spawner tells.
    pub(crate) fn spawner_news(&mut self) -> Result<(), Failure> {
        while let Some(news) = self.children.spawner.receive()? {
            let ended = match news {
                SpawnerNews::Started { .. } => None,
                SpawnerNews::Failed { id, failure } => self.children.failed(id, failure.to_string()),
                SpawnerNews::Exited { id, end } => self.children.ended(id, format!("its process {end}")),
            };
            // The socket closes with the process; what it said last is read before it is given up.
            if let Some(child) = ended {
                self.finish_reading(child);
            }
        }
        Ok(())
    }

    fn finish_reading(&mut self, child: Child) {
        let peer = match child {
            Child::Agent(agent) => Peer::Agent(agent),
            Child::Tool(call) => Peer::Tool(call),
            // One without the other is of no use: both are started anew.
            Child::Worker(number) | Child::WorkerEgress(number) => Peer::Worker(number),
            Child::Egress(_) => return,
        };
        if let Some(token) = self.sockets.token(peer) {
            self.receive(token);
        }
        self.lose(peer);
    }
}

/// Makes the socket of a child; ours goes to the loop, theirs is given back.
fn connect(sockets: &mut Sockets, peer: Peer) -> Result<OwnedFd, Failure> {
    let (ours, theirs) = UnixStream::pair().map_err(|error| no_socket(&error))?;
    ours.set_nonblocking(true).map_err(|error| no_socket(&error))?;
    sockets.add(mio::net::UnixStream::from_std(ours), peer).map_err(|error| no_socket(&error))?;
    Ok(theirs.into())
}

fn no_socket(error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::Internal, "a socket for a child process cannot be made").because(error)
}
