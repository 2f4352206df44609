//! What this machine offers for jails, found out by trying.

use std::fmt;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};
use genoa_sys::process::Namespaces;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::handle::SpawnerHandle;
use crate::jail::{Step, StepExt};
use crate::plan::{Network, OtherPrograms};
use crate::root::read_small;
use crate::spawner::run_briefly;
use crate::{filter, landlock_rules, root};

/// How long the probe may take before the spawner is considered broken.
pub(crate) const PROBE_MS: i64 = 5_000;

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

    fn without_it(self) -> &'static str {
        match self {
            Self::Overlay => "every tool that reads or changes a workspace is refused",
            Self::ControlGroups => "nothing is refused; memory is bounded per process instead of per jail",
            _ => "every jail is refused",
        }
    }
}

/// Asks a fresh spawner (`binary spawner`) what this machine offers. `folder` is where views will be: overlays depend on
/// its file system.
///
/// # Errors
/// [`ErrorCode::JailUnavailable`] if the spawner does not start or does not answer.
pub fn probe(binary: &Path, folder: &Path) -> Result<Report, Failure> {
    let broken =
        |error: std::io::Error| Failure::new(ErrorCode::JailUnavailable, "the spawner does not answer").because(error);
    SpawnerHandle::start(binary).and_then(|mut handle| handle.probe(folder)).map_err(broken)
}

/// Tries everything. Runs in the spawner, which has one thread and may copy itself; `groups` is whether it got rid of its own.
pub(crate) fn try_everything(groups: &Step<()>, folder: &Path) -> Report {
    let user = Namespaces::user();
    let processes = user.with_mounts().with_processes();
    let tries: [(PrimitiveKind, Step<String>); 12] = [
        (PrimitiveKind::UserNamespace, groups.clone().and_then(|()| run_briefly(user, nothing))),
        (PrimitiveKind::MountNamespace, run_briefly(user.with_mounts(), || quietly(root::try_mounts()))),
        (PrimitiveKind::ProcessNamespace, run_briefly(processes, || quietly(root::try_processes()))),
        (PrimitiveKind::NetworkNamespace, run_briefly(user.with_network(), || quietly(loopback()))),
        (PrimitiveKind::IpcNamespace, run_briefly(user.with_ipc(), nothing)),
        (PrimitiveKind::HostnameNamespace, run_briefly(user.with_hostname(), nothing)),
        (PrimitiveKind::Overlay, try_overlay(folder)),
        (PrimitiveKind::Landlock, run_briefly(user, confine)),
        (PrimitiveKind::Seccomp, run_briefly(user, || quietly(install_filter()))),
        (PrimitiveKind::ProcessDescriptor, process_descriptor()),
        (PrimitiveKind::ProcessLimit, process_limit()),
        (PrimitiveKind::ControlGroups, control_groups()),
    ];
    let primitive = |(kind, outcome): (PrimitiveKind, Step<String>)| Primitive {
        kind,
        available: outcome.is_ok(),
        detail: outcome.unwrap_or_else(|failure| format!("{}: {}", failure.step, failure.reason)),
        without_it: kind.without_it().to_owned(),
    };
    Report {
        user: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
        primitives: tries.into_iter().map(primitive).collect(),
    }
}

fn nothing() -> Step<String> {
    Ok(String::new())
}

fn quietly(outcome: Step<()>) -> Step<String> {
    outcome.map(|()| String::new())
}

fn loopback() -> Step<()> {
    genoa_sys::interface::switch_loopback_on().at("switch the loopback interface on")
}

fn install_filter() -> Step<()> {
    rustix::thread::set_no_new_privs(true).at("no_new_privs")?;
    filter::install(OtherPrograms::Denied, Network::None, i32::MAX)
}

fn process_descriptor() -> Step<String> {
    let own = rustix::process::getpid();
    rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty()).at("open a process descriptor")?;
    Ok(String::new())
}

fn confine() -> Step<String> {
    rustix::thread::set_no_new_privs(true).at("no_new_privs")?;
    landlock_rules::confine(&[], Network::None).map(|version| format!("ABI {version}"))
}

/// The resource limit binds everybody but root; root is bound by the namespace's own highest number.
fn process_limit() -> Step<String> {
    if !rustix::process::geteuid().is_root() {
        return Ok("by user".into());
    }
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (6, 14) {
        return Ok("by process namespace".into());
    }
    Err(format!("Linux {release} bounds root's processes only from 6.14 on; run Genoa as another user"))
        .at("limit the processes of root")
}

fn control_groups() -> Step<String> {
    let own = read_small("/proc/self/cgroup").at("find the own control group")?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let folder = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let file = folder.join("cgroup.controllers");
    let controllers = read_small(&file.to_string_lossy()).at("read the controllers of the own control group")?;
    rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).at("divide the own control group")?;
    let needed = ["memory", "pids"].iter().all(|name| controllers.split_whitespace().any(|word| word == *name));
    if needed { Ok(controllers.trim().to_owned()) } else { Err("memory or pids is missing").at("its controllers") }
}

fn try_overlay(folder: &Path) -> Step<String> {
    let scratch = folder.join(format!(".probe-{}", std::process::id()));
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| scratch.join(name));
    let outcome = make_folders(&[&lower, &upper, &work]).and_then(|()| {
        fs::write(lower.join("file"), "below").at("write a file for the probe")?;
        run_briefly(Namespaces::user().with_mounts(), move || quietly(use_overlay(&lower, &upper, &work)))
    });
    // The kernel leaves an inner folder without permissions.
    let _ = fs::set_permissions(scratch.join("work/work"), fs::Permissions::from_mode(0o700));
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

fn make_folders(folders: &[&PathBuf]) -> Step<()> {
    folders.iter().try_for_each(|folder| fs::create_dir_all(folder).at(format!("make {}", folder.display())))
}

/// Removes a lower file and makes a folder anew: that takes whiteouts and extended attributes.
fn use_overlay(lower: &Path, upper: &Path, work: &Path) -> Step<()> {
    let tree = root::overlay(lower, upper, Some(work))?;
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::unlinkat(tree.as_fd(), "file", rustix::fs::AtFlags::empty()).at("remove a file in an overlay")?;
    rustix::fs::openat(tree.as_fd(), "file", flags, Mode::from_raw_mode(0o600)).at("write a file in an overlay")?;
    Ok(())
}
