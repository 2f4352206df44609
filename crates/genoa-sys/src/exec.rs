//! Replacing the process image, with exactly the wanted descriptors open.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

/// Puts `fds` in place as descriptors 0, 1, 2, … and marks every other one to be closed by the next exec.
///
/// For a process that is about to execute a program: whatever sat at these numbers is closed, also what other code of this
/// process owned. Descriptors that are needed until the exec must have been moved above them. Takes ownership: from here
/// on the descriptors belong to the program that is executed.
///
/// # Errors
/// What dup, dup2 or close_range say.
pub fn place_descriptors(fds: Vec<OwnedFd>) -> io::Result<()> {
    let count = RawFd::try_from(fds.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let moved: Vec<OwnedFd> =
        fds.iter().map(|fd| Ok(rustix::io::fcntl_dupfd_cloexec(fd, count)?)).collect::<io::Result<_>>()?;
    // The originals may sit at numbers that are filled below; closing them later would close the wrong ones.
    drop(fds);
    for (place, fd) in (0..count).zip(&moved) {
        // SAFETY: dup2 takes any two numbers. Whatever sat at `place` is closed, which the contract of this function says.
        // Reason: the number of a descriptor is the very interface between a parent and the program it executes.
        #[expect(unsafe_code, reason = "a descriptor must get a given number")]
        let result = unsafe { libc::dup2(fd.as_raw_fd(), place) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    close_on_exec_from(count)
}

/// Marks all descriptors from `first` on to be closed by the next exec.
///
/// # Errors
/// What close_range says; it needs Linux 5.11.
pub fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let first = u32::try_from(first).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: with this flag the call closes nothing; it marks descriptors of this process only.
    // Reason: no safe library offers close_range.
    #[expect(unsafe_code, reason = "no safe wrapper of close_range exists")]
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Executes the program at `path`. Returns only if that fails.
#[must_use]
pub fn execute(path: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end with a null pointer and point to strings that live until the call returns.
    // Reason: std's Command always forks; here the process has already been made.
    #[expect(unsafe_code, reason = "std offers no plain exec with a given environment")]
    unsafe {
        libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
    }
    io::Error::last_os_error()
}

/// Executes the program that is open as `program`. Returns only if that fails.
#[must_use]
pub fn execute_descriptor(program: BorrowedFd<'_>, arguments: &[CString], environment: &[CString]) -> io::Error {
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: as for `execute`; the descriptor is open, and an empty path together with AT_EMPTY_PATH means itself.
    // Reason: a filter can tell one descriptor number from all others, but it cannot look at a path.
    #[expect(unsafe_code, reason = "no safe wrapper of execveat exists")]
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}
