//! The loopback interface of a new network namespace.

use std::io;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketType, socket};

/// Switches the loopback interface on, so that programs in this network namespace can talk to each other.
///
/// # Errors
/// `EPERM` without the right over this network namespace.
pub fn switch_loopback_on() -> io::Result<()> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mut name: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(b"lo") {
        *place = libc::c_char::try_from(*byte).unwrap_or_default();
    }
    #[expect(clippy::cast_possible_truncation, reason = "IFF_UP is 1")]
    let flags = libc::__c_anonymous_ifr_ifru { ifru_flags: libc::IFF_UP as libc::c_short };
    let request = libc::ifreq { ifr_name: name, ifr_ifru: flags };
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which `request` is, with a name that ends in a null byte.
    // Reason: no safe library sets interface flags without a netlink client.
    #[expect(unsafe_code, reason = "no safe wrapper of SIOCSIFFLAGS exists")]
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
