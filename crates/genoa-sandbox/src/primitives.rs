//! What jails are made of, and whether this machine offers it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The numeric user that jails run as; root is bound differently by some limits.
    pub user: u32,
    /// Their numeric group.
    pub group: u32,
    /// One entry per [`PrimitiveKind`], in its order.
    pub primitives: Vec<Primitive>,
}

/// One thing that the kernel offers or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primitive {
    /// Which.
    pub kind: PrimitiveKind,
    /// Whether it works here.
    pub available: bool,
    /// A version, or what went wrong.
    pub detail: String,
    /// What is refused where it is missing.
    pub without_it: String,
}

/// What jails are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrimitiveKind {
    /// User namespaces without privileges.
    UserNamespace,
    /// Own mounts, by descriptors.
    MountNamespace,
    /// Own process numbers, with an own `/proc`.
    ProcessNamespace,
    /// An empty network.
    NetworkNamespace,
    /// Own System V objects.
    IpcNamespace,
    /// Own host name.
    HostnameNamespace,
    /// Copy-on-write folders inside a user namespace.
    Overlay,
    /// Landlock rules.
    Landlock,
    /// System call filters.
    Seccomp,
    /// Descriptors that name processes.
    ProcessDescriptor,
    /// A bound on the number of processes that holds for this user.
    ProcessLimit,
    /// Control groups that this user may divide.
    ControlGroups,
}

impl fmt::Display for PrimitiveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserNamespace => "user namespaces",
            Self::MountNamespace => "mount namespaces",
            Self::ProcessNamespace => "process namespaces",
            Self::NetworkNamespace => "network namespaces",
            Self::IpcNamespace => "IPC namespaces",
            Self::HostnameNamespace => "host name namespaces",
            Self::Overlay => "overlay file systems in user namespaces",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp filters",
            Self::ProcessDescriptor => "process descriptors",
            Self::ProcessLimit => "process limits that bind this user",
            Self::ControlGroups => "delegated control groups",
        })
    }
}

impl PrimitiveKind {
    /// What every jail is made of.
    pub const EVERY_JAIL: &[Self] = &[
        Self::UserNamespace,
        Self::MountNamespace,
        Self::ProcessNamespace,
        Self::NetworkNamespace,
        Self::IpcNamespace,
        Self::HostnameNamespace,
        Self::Landlock,
        Self::Seccomp,
        Self::ProcessDescriptor,
        Self::ProcessLimit,
    ];

    /// What is refused where it is missing.
    pub(crate) fn without_it(self) -> &'static str {
        match self {
            Self::Overlay => "every tool that reads or changes a workspace is refused",
            Self::ControlGroups => "nothing is refused; memory is bounded per process instead of per jail",
            _ => "every jail is refused",
        }
    }
}
