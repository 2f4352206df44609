//! The daemon's side of the spawner: never blocks for long, can be polled.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use genoa_abi::tool::TOOL_FD;
use genoa_abi::{ErrorCode, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::channel;
use crate::messages::{Request, Saying, SpawnerNews};
use crate::plan::{GIVEN_DESCRIPTORS, JailPlan};
use crate::primitives::Report;

/// How long a request may wait for the spawner to read before the spawner is considered broken.
const SEND_MS: i64 = 1_000;

/// How long the probe may take before the spawner is considered broken.
const PROBE_MS: i64 = 5_000;

/// Asks a fresh spawner (`binary spawner`) what this machine offers. `folder` is where views will be: overlays depend on
/// its file system.
///
/// # Errors
/// [`ErrorCode::JailUnavailable`] if the spawner does not start or does not answer.
pub fn probe(binary: &Path, folder: &Path) -> Result<Report, Failure> {
    let broken =
        |error: io::Error| Failure::new(ErrorCode::JailUnavailable, "the spawner does not answer").because(error);
    SpawnerHandle::start(binary).and_then(|mut spawner| spawner.probe(folder)).map_err(broken)
}

/// A running spawner. Dropping it ends the spawner and all jails.
#[derive(Debug)]
pub struct SpawnerHandle {
    socket: OwnedFd,
    process: Child,
}

impl SpawnerHandle {
    /// Starts `binary spawner`.
    ///
    /// # Errors
    /// What starting a program says.
    pub fn start(binary: &Path) -> io::Result<Self> {
        let (ours, theirs) = channel::pair()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let mut command = Command::new(binary);
        command.arg("spawner").env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        genoa_sys::inherit::give(&mut command, theirs, TOOL_FD);
        Ok(Self { socket: ours, process: command.spawn()? })
    }

    /// Starts a jail. The first of `fds` becomes descriptor 3 in it, the next 4, and so on. What it prints is lost.
    /// The outcome comes as news.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the spawner is gone or does not read, [`ErrorCode::TooLarge`] for too much of anything.
    pub fn spawn(&mut self, id: u64, plan: &JailPlan, fds: &[OwnedFd]) -> Result<(), Failure> {
        self.request_spawn(id, plan, fds, None)
    }

    /// As [`SpawnerHandle::spawn`]; what the program prints goes to `log`.
    ///
    /// # Errors
    /// As [`SpawnerHandle::spawn`].
    pub fn spawn_logged(&mut self, id: u64, plan: &JailPlan, fds: &[OwnedFd], log: &OwnedFd) -> Result<(), Failure> {
        self.request_spawn(id, plan, fds, Some(log))
    }

    /// Ends a jail and everything in it; [`SpawnerNews::Exited`] follows, if it lives.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the spawner is gone.
    pub fn kill(&mut self, id: u64) -> Result<(), Failure> {
        self.send(&Request::Kill { id }, &[])
    }

    /// The next news, or nothing if there is none yet.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the spawner is gone; its jails are gone with it.
    pub fn receive(&mut self) -> Result<Option<SpawnerNews>, Failure> {
        loop {
            match self.saying() {
                Ok(Some(Saying::News(news))) => return Ok(Some(news)),
                // The answer to a probe that nobody waits for any more.
                Ok(Some(Saying::Report(_))) => {}
                Ok(None) => return Err(gone(&io::ErrorKind::UnexpectedEof.into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(gone(&error)),
            }
        }
    }

    /// The process number of the spawner.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the answer to a probe. For a spawner that has no jails yet: news that come meanwhile are lost.
    fn probe(&mut self, folder: &Path) -> io::Result<Report> {
        self.send(&Request::Probe { folder: folder.to_owned() }, &[]).map_err(io::Error::other)?;
        loop {
            wait(self.socket.as_fd(), PollFlags::IN, PROBE_MS)?;
            match self.saying()? {
                Some(Saying::Report(report)) => return Ok(report),
                Some(Saying::News(_)) => {}
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    fn request_spawn(
        &mut self,
        id: u64,
        plan: &JailPlan,
        fds: &[OwnedFd],
        log: Option<&OwnedFd>,
    ) -> Result<(), Failure> {
        if fds.len() > GIVEN_DESCRIPTORS {
            let what = format!("a jail cannot be given more than {GIVEN_DESCRIPTORS} descriptors");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        let fds: Vec<BorrowedFd<'_>> = fds.iter().chain(log).map(AsFd::as_fd).collect();
        self.send(&Request::Spawn { id, plan: Box::new(plan.clone()), logged: log.is_some() }, &fds)
    }

    fn send(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<(), Failure> {
        let result = match channel::send(&self.socket, request, fds) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(self.socket.as_fd(), PollFlags::OUT, SEND_MS)
                    .and_then(|()| channel::send(&self.socket, request, fds))
            }
            other => other,
        };
        result.map_err(|error| gone(&error))
    }

    fn saying(&mut self) -> io::Result<Option<Saying>> {
        Ok(channel::receive(&self.socket)?.map(|(saying, _)| saying))
    }
}

impl AsFd for SpawnerHandle {
    /// Readable when there is news.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for SpawnerHandle {
    fn drop(&mut self) {
        // Jails end with it by their death signal.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn wait(fd: BorrowedFd<'_>, flags: PollFlags, milliseconds: i64) -> io::Result<()> {
    let limit = Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 };
    match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&limit))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

fn gone(error: &io::Error) -> Failure {
    let code = if error.kind() == io::ErrorKind::InvalidInput { ErrorCode::TooLarge } else { ErrorCode::Internal };
    Failure::new(code, "the spawner cannot be reached").because(error)
}
