//! What this machine offers for jails, found out by trying.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use genoa_sys::process::{Namespaces, Side, clone_into, exit_at_once};
use rustix::fs::{Mode, OFlags};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use crate::jail::map_identity;
use crate::plan::{Network, OtherPrograms};
use crate::primitives::{Primitive, PrimitiveKind, Report};
use crate::root::read_small;
use crate::step::{STATUS_BYTES, Step, StepExt};
use crate::{filter, landlock_rules, root};

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

/// Runs `act` in a short-lived process in its own namespaces, with the user mapped, and tells how it went.
fn run_briefly(namespaces: Namespaces, act: impl FnOnce() -> Step<String>) -> Step<String> {
    let (status, childs_end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).at("make a pipe")?;
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match clone_into(namespaces).at("make a process in new namespaces")? {
        Side::Child => {
            let outcome = map_identity(user, group).and_then(|()| act());
            // Nobody is left to tell if this fails.
            let _ = File::from(childs_end).write_all(&serde_json::to_vec(&outcome).unwrap_or_default());
            exit_at_once(0)
        }
        Side::Parent { pidfd, .. } => {
            drop(childs_end);
            let mut said = Vec::new();
            File::from(status).take(STATUS_BYTES).read_to_end(&mut said).at("read the outcome")?;
            waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).at("wait for the process")?;
            serde_json::from_slice(&said).at("understand the outcome")?
        }
    }
}
