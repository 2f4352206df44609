//! Descriptors that pass from a parent to the program it starts.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lets the program that `command` starts find `fd` under the number `target`.
pub fn give(command: &mut Command, fd: OwnedFd, target: RawFd) {
    let place = move || {
        let source = fd.as_raw_fd();
        if source == target {
            // A copy onto itself would keep the close-on-exec mark.
            rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::empty())?;
            return Ok(());
        }
        // SAFETY: dup2 takes any two numbers; this runs in the child, where only exec follows.
        // Reason: the number of a descriptor is the very interface between a parent and the program it executes.
        #[expect(unsafe_code, reason = "a descriptor must get a given number")]
        let result = unsafe { libc::dup2(source, target) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: between fork and exec the closure makes only system calls; it allocates nothing and takes no lock.
    // Reason: std can hand over only the descriptors 0 to 2.
    #[expect(unsafe_code, reason = "std has no safe way to pass a further descriptor")]
    unsafe {
        command.pre_exec(place);
    }
}

/// Takes ownership of the inherited descriptor `number`. Each can be taken once.
///
/// # Errors
/// `EBADF` if it is not open, was taken before, is one of the standard three or above 63.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let refused = || io::Error::from_raw_os_error(libc::EBADF);
    if !(3..64).contains(&number) || TAKEN.fetch_or(1 << number, Ordering::SeqCst) & (1 << number) != 0 {
        return Err(refused());
    }
    // SAFETY: F_GETFD on any number is harmless.
    // Reason: to find out whether the number is open, before anything owns it.
    #[expect(unsafe_code, reason = "asks about a number that nothing owns yet")]
    let open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
    if !open {
        return Err(refused());
    }
    // SAFETY: the descriptor is open, and the mark above makes this the only owner that comes from here. A process calls
    // this at its start for numbers that its parent gave it, before it opens anything itself.
    // Reason: an inherited descriptor is a bare number.
    #[expect(unsafe_code, reason = "takes ownership of a descriptor that the parent handed over")]
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use super::{give, take};

    #[test]
    fn a_child_finds_its_descriptor() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "read line <&3; echo \"got $line\" >&3"]);
        give(&mut command, theirs.into(), 3);
        let mut child = command.spawn().unwrap();
        drop(command);
        ours.write_all(b"it\n").unwrap();
        let mut answer = String::new();
        ours.read_to_string(&mut answer).unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(answer, "got it\n");
    }

    #[test]
    fn what_is_not_open_cannot_be_taken() {
        assert!(take(2).is_err());
        assert!(take(63).is_err());
        assert!(take(64).is_err());
    }
}
