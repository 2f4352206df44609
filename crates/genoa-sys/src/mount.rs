//! Attributes of whole mount trees.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What a mount tree is made to be, on top of what it is. All of them also mean: no device files, no set-user-id, and
/// no news of mounts outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// Nothing can be written.
    ReadOnly,
    /// Nothing can be written or executed.
    ReadOnlyData,
    /// Can be written.
    Writable,
    /// A single device file: can be used as one.
    Device,
}

impl Attributes {
    fn bits(self) -> u64 {
        let harmless = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        match self {
            Self::ReadOnly => harmless | libc::MOUNT_ATTR_RDONLY,
            Self::ReadOnlyData => harmless | libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOEXEC,
            Self::Writable => harmless,
            Self::Device => libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC,
        }
    }
}

/// Sets the attributes of the mount `tree` and of all mounts below it.
///
/// # Errors
/// What mount_setattr says; it needs Linux 5.12.
pub fn restrict_tree(tree: BorrowedFd<'_>, attributes: Attributes) -> io::Result<()> {
    set(tree, attributes, libc::AT_RECURSIVE)
}

/// Sets the attributes of the one mount `mount`, not of those below it.
///
/// # Errors
/// As [`restrict_tree`].
pub fn restrict_mount(mount: BorrowedFd<'_>, attributes: Attributes) -> io::Result<()> {
    set(mount, attributes, 0)
}

fn set(mount: BorrowedFd<'_>, attributes: Attributes, extra: libc::c_int) -> io::Result<()> {
    let wanted =
        libc::mount_attr { attr_set: attributes.bits(), attr_clr: 0, propagation: libc::MS_PRIVATE, userns_fd: 0 };
    // SAFETY: `wanted` is a valid structure of the given size, the path is an empty string, the descriptor is open.
    // Reason: no safe library offers mount_setattr, and the older remount cannot do a whole tree at once.
    #[expect(unsafe_code, reason = "no safe wrapper of mount_setattr exists")]
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | extra,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
