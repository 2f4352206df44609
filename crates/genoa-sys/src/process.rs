//! A new process in new namespaces, together with a descriptor that names it.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::process::Pid;

/// Which namespaces the new process gets for itself. The user namespace is always new: it is what makes the others
/// available without privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespaces {
    flags: libc::c_int,
}

impl Namespaces {
    /// Only a user namespace.
    #[must_use]
    pub const fn user() -> Self {
        Self { flags: libc::CLONE_NEWUSER }
    }

    /// Own mounts.
    #[must_use]
    pub const fn with_mounts(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWNS }
    }

    /// Own process numbers; the new process is number 1, and all others end with it.
    #[must_use]
    pub const fn with_processes(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWPID }
    }

    /// Own, empty network.
    #[must_use]
    pub const fn with_network(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWNET }
    }

    /// Own System V objects and POSIX message queues.
    #[must_use]
    pub const fn with_ipc(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWIPC }
    }

    /// Own host name.
    #[must_use]
    pub const fn with_hostname(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWUTS }
    }

    /// Own view of the control groups.
    #[must_use]
    pub const fn with_control_groups(self) -> Self {
        Self { flags: self.flags | libc::CLONE_NEWCGROUP }
    }
}

/// On which side of [`clone_into`] the caller is.
#[derive(Debug)]
pub enum Side {
    /// The calling process, which learns the child's number and holds the descriptor that names it.
    Parent {
        /// The child's number as the caller sees it.
        pid: Pid,
        /// Readable when the child has ended.
        pidfd: OwnedFd,
    },
    /// The new process: a copy of the caller.
    Child,
}

/// Makes a copy of the calling process in new namespaces.
///
/// The child must end in [`crate::exec`] or an exit; it must not return to code that owns descriptors of the parent's
/// peers.
///
/// # Errors
/// `EDEADLK` if the caller has more than one thread, because a copy of it could wait forever for a lock that one of the
/// others held; otherwise what the kernel says, `EPERM` or `ENOSPC` where user namespaces are forbidden.
pub fn clone_into(namespaces: Namespaces) -> io::Result<Side> {
    if thread_count()? != 1 {
        return Err(io::Error::from_raw_os_error(libc::EDEADLK));
    }
    let mut pidfd: libc::c_int = -1;
    #[expect(clippy::cast_sign_loss, reason = "flags and SIGCHLD are positive constants")]
    let arguments = CloneArguments {
        flags: (namespaces.flags | libc::CLONE_PIDFD) as u64,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
    };
    // SAFETY: `arguments` is a valid version 0 `clone_args` of the given size, and `pidfd` outlives the call. No stack is
    // given, so the child runs on a copy of this one, as after fork. Only one thread exists, so no lock is held elsewhere.
    // Reason: glibc has no wrapper of clone3, and rustix offers none since a child must be handled like this.
    #[expect(unsafe_code, reason = "no safe wrapper of clone3 exists")]
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>()) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        number => {
            let pid = i32::try_from(number).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
            // SAFETY: the kernel has just stored a new descriptor there that nobody else knows.
            // Reason: the number comes out of a raw system call.
            #[expect(unsafe_code, reason = "takes ownership of the descriptor that clone3 made")]
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Side::Parent { pid, pidfd })
        }
    }
}

/// Ends the calling process at once: no destructors, no exit handlers.
pub fn exit_at_once(status: i32) -> ! {
    // SAFETY: _exit takes any number and does not return.
    // Reason: a copied process must not run the exit handlers of the original; std offers only those that do.
    #[expect(unsafe_code, reason = "no safe wrapper without exit handlers exists")]
    unsafe {
        libc::_exit(status)
    }
}

fn thread_count() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Version 0 of the kernel's `struct clone_args`.
#[repr(C, align(8))]
struct CloneArguments {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

#[cfg(test)]
mod tests {
    use super::{Namespaces, clone_into};

    #[test]
    fn a_process_with_threads_is_not_copied() {
        let other = std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_millis(50)));
        let refused = clone_into(Namespaces::user()).map(|_| ()).map_err(|error| error.raw_os_error());
        assert_eq!(refused, Err(Some(libc::EDEADLK)));
        other.join().unwrap();
    }
}
