//! The spawner: a small process without threads that turns jail plans into processes and watches them.
//!
//! It is its own process because a copy of it is made for every jail: the copy is cheap because it is small, and safe
//! because no other thread can hold a lock. When it ends, its jails end with it; when the daemon ends, it ends.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure};
use genoa_sys::process::{Side, clone_into};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_send_signal, waitid};

use crate::channel;
use crate::jail::{self, Inheritance, READY, become_jailed};
use crate::messages::{ChildEnd, Request, Saying, SpawnerNews};
use crate::plan::{Growth, JAILS, JailPlan};
use crate::probe::try_everything;
use crate::step::{STATUS_BYTES, Step, StepExt, StepFailure};

/// How often the free space of a disk is looked at while a jail may write to it.
const GROWTH_CHECK_MS: i64 = 50;
/// One jail that lives.
struct Child {
    id: u64,
    pid: u32,
    pidfd: OwnedFd,
    /// Open until the program runs, or the set-up has failed.
    status: Option<File>,
    growth: Option<(Growth, u64)>,
    filled: bool,
}

/// The spawner's main: serves the daemon on descriptor 3 until it is gone.
///
/// # Errors
/// [`ErrorCode::Interrupted`] if the daemon's socket breaks; all jails end with the spawner.
pub fn spawner_main() -> Result<(), Failure> {
    genoa_sys::inherit::take(TOOL_FD)
        .and_then(|socket| serve(&socket))
        .map_err(|error| Failure::new(ErrorCode::Interrupted, "the spawner's socket broke").because(error))
}

fn serve(socket: &OwnedFd) -> io::Result<()> {
    let groups = give_up_groups();
    let mut children: Vec<Child> = Vec::new();
    loop {
        let ready = wait(socket, &children)?;
        check_growth(&mut children);
        // From the back, since a child that ended is taken out.
        for place in (0..children.len()).rev() {
            if ready.children[place] {
                attend(socket, &mut children, place)?;
            }
        }
        if ready.socket {
            let Some((request, fds)) = channel::receive(socket)? else { return Ok(()) };
            carry_out(socket, &mut children, &groups, (request, fds))?;
        }
    }
}

/// The groups of whoever started the daemon would reach into every jail. A user other than root keeps them, as they are
/// nobody's above the own ones.
fn give_up_groups() -> Step<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    rustix::thread::set_thread_groups(&[]).at("give up the groups of root; a namespace that forbids it has no jails")
}

struct Ready {
    socket: bool,
    children: Vec<bool>,
}

fn wait(socket: &OwnedFd, children: &[Child]) -> io::Result<Ready> {
    let mut polled = vec![PollFd::new(socket, PollFlags::IN)];
    for child in children {
        polled.push(match &child.status {
            Some(status) => PollFd::new(status, PollFlags::IN),
            None => PollFd::new(&child.pidfd, PollFlags::IN),
        });
    }
    let check = Timespec { tv_sec: 0, tv_nsec: GROWTH_CHECK_MS * 1_000_000 };
    let timeout = children.iter().any(|child| child.growth.is_some()).then_some(&check);
    match poll(&mut polled, timeout) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready: Vec<bool> = polled.iter().map(|fd| !fd.revents().is_empty()).collect();
    Ok(Ready { socket: ready[0], children: ready[1..].to_vec() })
}

fn carry_out(
    socket: &OwnedFd,
    children: &mut Vec<Child>,
    groups: &Step<()>,
    (request, fds): (Request, Vec<OwnedFd>),
) -> io::Result<()> {
    match request {
        Request::Spawn { id, plan, logged } => {
            match groups.clone().and_then(|()| start(id, &plan, fds, logged, children.len())) {
                Ok(child) => children.push(child),
                Err(failure) => tell(socket, SpawnerNews::Failed { id, failure: refused(&failure) })?,
            }
        }
        Request::Kill { id } => {
            for child in children.iter().filter(|child| child.id == id) {
                kill(child);
            }
        }
        Request::Probe { folder } => channel::send(socket, &Saying::Report(try_everything(groups, &folder)), &[])?,
    }
    Ok(())
}

fn start(id: u64, plan: &JailPlan, mut given: Vec<OwnedFd>, logged: bool, alive: usize) -> Step<Child> {
    if alive >= JAILS {
        return Err(format!("{JAILS} jails are alive already")).at("make a process");
    }
    let log = if logged { given.pop() } else { None };
    let growth = plan.limits.growth.clone().map(|growth| {
        let free = free_bytes(&growth).at(format!("look at the disk of {}", growth.on.display()))?;
        Ok((growth, free))
    });
    let growth = growth.transpose()?;
    let (status, childs_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).at("make a pipe")?;
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match clone_into(jail::namespaces(plan)).at("make a process in new namespaces")? {
        Side::Child => {
            drop(status);
            become_jailed(plan, Inheritance { given, log, status: childs_end, user, group })
        }
        Side::Parent { pid, pidfd } => {
            let pid = pid.as_raw_nonzero().get().unsigned_abs();
            Ok(Child { id, pid, pidfd, status: Some(File::from(status)), growth, filled: false })
        }
    }
}

fn attend(socket: &OwnedFd, children: &mut Vec<Child>, place: usize) -> io::Result<()> {
    let child = &mut children[place];
    if let Some(status) = child.status.take() {
        let (id, pid) = (child.id, child.pid);
        return match outcome_of_set_up(status) {
            Ok(()) => tell(socket, SpawnerNews::Started { id, pid }),
            Err(failure) => {
                reap(&children.remove(place))?;
                tell(socket, SpawnerNews::Failed { id, failure: refused(&failure) })
            }
        };
    }
    let child = children.remove(place);
    let end = reap(&child)?;
    let end = if child.filled { ChildEnd::DiskFilled } else { end };
    tell(socket, SpawnerNews::Exited { id: child.id, end })
}

/// Waits for the end of the pipe. The set-up writes its mark and executes, or writes its failure and exits; either
/// follows within moments of the first byte.
fn outcome_of_set_up(status: File) -> Step<()> {
    let mut text = Vec::new();
    status.take(STATUS_BYTES).read_to_end(&mut text).at("read the status of the set-up")?;
    match text.as_slice() {
        [READY] => Ok(()),
        [READY, failure @ ..] | failure => Err(serde_json::from_slice(failure).unwrap_or_else(|_| StepFailure {
            step: "set up the jail".into(),
            reason: "the process ended without a word".into(),
        })),
    }
}

fn refused(failure: &StepFailure) -> Failure {
    Failure::new(ErrorCode::JailUnavailable, format!("the jail cannot be built: {}", failure.step))
        .because(&failure.reason)
        .try_next("`genoa doctor` lists what this machine offers")
}

fn reap(child: &Child) -> io::Result<ChildEnd> {
    let status = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED)?;
    Ok(status.map_or(ChildEnd::Signal(0), |status| end_of(&status)))
}

fn end_of(status: &WaitIdStatus) -> ChildEnd {
    match status.exit_status() {
        Some(code) => ChildEnd::Code(code),
        None => ChildEnd::Signal(status.terminating_signal().unwrap_or_default()),
    }
}

fn kill(child: &Child) {
    // It may have ended by itself; the poll tells.
    let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
}

fn check_growth(children: &mut [Child]) {
    for child in children {
        let Some((growth, before)) = &child.growth else { continue };
        let over = match free_bytes(growth) {
            Ok(free) => before.saturating_sub(free) > growth.bytes,
            // A disk that cannot be looked at cannot be guarded.
            Err(_) => true,
        };
        if over {
            child.filled = true;
            kill(child);
        }
    }
}

fn free_bytes(growth: &Growth) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(&growth.on)?;
    Ok(disk.f_bfree.saturating_mul(disk.f_frsize))
}

fn tell(socket: impl AsFd, news: SpawnerNews) -> io::Result<()> {
    let none: [BorrowedFd<'_>; 0] = [];
    channel::send(socket, &Saying::News(news), &none)
}
