//! The start: open the journal, rebuild the kernel from it, finish what a crash interrupted, listen.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;

use genoa_abi::event::Event;
use genoa_abi::{ErrorCode, Failure};
use genoa_journal::{Journal, JournalReader};
use genoa_kernel::Kernel;
use genoa_sandbox::{Machine, probe};
use mio::net::UnixListener;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Waker};
use serde::{Deserialize, Serialize};
use std::os::fd::AsRawFd;

use crate::children::Children;
use crate::config::{Configured, DaemonConfig};
use crate::configuration::Stamp;
use crate::daemon::{Daemon, LISTENER, SPAWNER, VIEWS, now};
use crate::sockets::Sockets;
use crate::tools::Tools;
use crate::views::Views;
use crate::workers::Workers;

/// Records after the last snapshot from which a new one is made at a start: replaying that many takes about a second.
const SNAPSHOT_RECORDS: u64 = 20_000;

/// A daemon that listens, with the boot event in its inbox.
pub(crate) fn boot(config: DaemonConfig, poll: &Poll) -> Result<Daemon, Failure> {
    // The spawner first: a small process is forked from a small one.
    let children = Children::start(&config)?;
    // The journal's lock is what makes this the only daemon of its home.
    let (mut journal, _) = Journal::open(&config.home.journal(), &config.home.keys())?;
    let mut rebuilt = rebuild(&journal)?;
    if rebuilt.since_snapshot > SNAPSHOT_RECORDS {
        let state = SavedState { kernel: rebuilt.kernel, last_session: rebuilt.last_session };
        let json = serde_json::to_value(&state)
            .map_err(|error| Failure::new(ErrorCode::Internal, "the state has no JSON form").because(error))?;
        journal.save_snapshot(rebuilt.last_record, &json, now())?;
        rebuilt.kernel = state.kernel;
    }
    let registry = poll.registry();
    let mut listener = listen(&config)?;
    let fail = |error: std::io::Error| Failure::new(ErrorCode::Internal, "no event queue").because(error);
    registry.register(&mut listener, LISTENER, Interest::READABLE).map_err(fail)?;
    let spawner = children.spawner_fd().as_raw_fd();
    registry.register(&mut SourceFd(&spawner), SPAWNER, Interest::READABLE | Interest::WRITABLE).map_err(fail)?;
    let waker = Waker::new(registry, VIEWS).map_err(fail)?;
    let views = Views::new(config.home.clone(), waker);
    let report = probe(&config.binary, &config.home.run())?;
    let machine = Machine::survey(report, &config.binary, config.home.state(), config.person_home.as_deref());
    // The stamp first: what changes after it is read again.
    let stamp = Stamp::of(&config.home);
    let Configured { installation, thinking, watched } = (config.configured)(&config.home)?;
    let is_known = rebuilt.kernel.has(&installation);
    let start = if is_known { Event::Restarted {} } else { Event::Booted(installation) };
    Ok(Daemon {
        machine,
        kernel: rebuilt.kernel,
        configuration: stamp.and_of(&watched),
        watched,
        thinking,
        journal,
        listener,
        sockets: Sockets::new(registry.try_clone().map_err(fail)?),
        children,
        tools: Tools::default(),
        workers: Workers::default(),
        views,
        inbox: VecDeque::from([start]),
        alarm: None,
        next_session: rebuilt.last_session + 1,
        config,
    })
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedState {
    pub(crate) kernel: Kernel,
    last_session: u64,
}

/// The kernel as the journal says it was.
struct Rebuilt {
    kernel: Kernel,
    last_session: u64,
    last_record: u64,
    since_snapshot: u64,
}

fn rebuild(journal: &JournalReader) -> Result<Rebuilt, Failure> {
    let mut rebuilt = Rebuilt { kernel: Kernel::new(), last_session: 0, last_record: 0, since_snapshot: 0 };
    // A snapshot of another version of the state is not worth an error: the journal has everything.
    if let Some(snapshot) = journal.load_snapshot()?.snapshot
        && let Ok(state) = serde_json::from_value::<SavedState>(snapshot.state)
    {
        rebuilt = Rebuilt {
            kernel: state.kernel,
            last_session: state.last_session,
            last_record: snapshot.seq,
            since_snapshot: 0,
        };
    }
    let from = rebuilt.last_record;
    journal.replay(from + 1, |step| {
        if let Event::Connected { session } = &step.event {
            rebuilt.last_session = rebuilt.last_session.max(session.0);
        }
        rebuilt.kernel.step(step.event, step.time);
        rebuilt.last_record = step.seq + u64::try_from(step.effects.len()).unwrap_or(u64::MAX);
        rebuilt.since_snapshot = rebuilt.last_record - from;
        Ok(())
    })?;
    Ok(rebuilt)
}

fn listen(config: &DaemonConfig) -> Result<UnixListener, Failure> {
    let path = config.home.socket();
    let fail = |error: std::io::Error| {
        Failure::new(ErrorCode::Internal, format!("cannot listen at {}", path.display())).because(error)
    };
    // With the journal's lock held, a socket that is there belongs to a daemon that is gone.
    if path.exists() {
        std::fs::remove_file(&path).map_err(fail)?;
    }
    let listener = UnixListener::bind(&path).map_err(fail)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    Ok(listener)
}
