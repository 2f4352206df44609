//! The file system of a jail, built by the jailed process itself before it gives up its rights.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use genoa_sys::mount::{Attributes, restrict_mount, restrict_tree};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, symlinkat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};

use crate::plan::{Limits, Mount, ProcessCount, Processes};
use crate::step::{Step, StepExt};

/// Where the new root is mounted for a moment. It must exist everywhere, and `/proc` has done its part by then.
const STAGE: &str = "/proc";
/// Folders, links and small files of the new root; everything else in it is mounted.
const ROOT_BYTES: &str = "4m";
/// Process numbers below this one are not given out again once the numbers have wrapped around.
const RESERVED_NUMBERS: u64 = 300;

/// Makes `mounts` the whole visible file system of the calling process, which owns its mount and process namespaces.
pub(crate) fn build(mounts: &[Mount], processes: Processes, limits: &Limits) -> Step<()> {
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .at("detach the mounts from the host's")?;
    // All sources are opened before anything is covered.
    let trees: Vec<Option<OwnedFd>> = mounts.iter().map(open_source).collect::<Step<_>>()?;
    let proc = open_processes(processes, limits)?;
    let root = memory(ROOT_BYTES)?;
    attach(&root, CWD, STAGE).at("mount the new root")?;
    for (mount, tree) in mounts.iter().zip(&trees) {
        place(root.as_fd(), mount, tree.as_ref())?;
    }
    let target = make_folder(root.as_fd(), Path::new("/proc")).at("make /proc")?;
    attach(&proc, &target, "").at("mount /proc")?;
    enter(&root)?;
    restrict_mount(root.as_fd(), Attributes::ReadOnly).at("make the root read only")
}

fn enter(root: &OwnedFd) -> Step<()> {
    rustix::process::fchdir(root).at("enter the new root")?;
    rustix::process::pivot_root(".", ".").at("pivot_root")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).at("unmount the host's root")?;
    rustix::process::chdir("/").at("enter the new root")
}

fn open_source(mount: &Mount) -> Step<Option<OwnedFd>> {
    Ok(Some(match mount {
        Mount::ReadOnly { source, .. } => clone_tree(source, Attributes::ReadOnly)?,
        Mount::Writable { source, .. } => clone_tree(source, Attributes::Writable)?,
        Mount::Device { path } => clone_tree(path, Attributes::Device)?,
        Mount::Memory { size_bytes, .. } => memory(&size_bytes.to_string())?,
        Mount::Overlay { lower, upper, work, .. } => overlay(lower, upper, Some(work.as_path()))?,
        Mount::Stack { lower, upper, .. } => overlay(lower, upper, None)?,
        Mount::Text { .. } | Mount::Link { .. } => return Ok(None),
    }))
}

fn place(root: BorrowedFd<'_>, mount: &Mount, tree: Option<&OwnedFd>) -> Step<()> {
    let target = match mount {
        Mount::ReadOnly { target, .. }
        | Mount::Writable { target, .. }
        | Mount::Memory { target, .. }
        | Mount::Text { target, .. }
        | Mount::Link { target, .. }
        | Mount::Overlay { target, .. }
        | Mount::Stack { target, .. } => target,
        Mount::Device { path } => path,
    };
    let result = match mount {
        Mount::Text { text, .. } => {
            make_file(root, target).and_then(|file| File::from(file).write_all(text.as_bytes()))
        }
        Mount::Link { to, .. } => make_link(root, target, to),
        _ => tree.map_or(Ok(()), |tree| attach_at(root, target, tree)),
    };
    result.at(format!("place {}", target.display()))
}

fn attach_at(root: BorrowedFd<'_>, target: &Path, tree: &OwnedFd) -> io::Result<()> {
    let is_folder = FileType::from_raw_mode(fstat(tree)?.st_mode) == FileType::Directory;
    let place = if is_folder { make_folder(root, target)? } else { make_file(root, target)? };
    attach(tree, &place, "")
}

fn attach(tree: &OwnedFd, place: impl AsFd, path: &str) -> io::Result<()> {
    let mut flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    }
    Ok(rustix::mount::move_mount(tree, "", place, path, flags)?)
}

fn clone_tree(source: &Path, attributes: Attributes) -> Step<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, source, flags).at(format!("open {}", source.display()))?;
    restrict_tree(tree.as_fd(), attributes).at(format!("restrict {}", source.display()))?;
    Ok(tree)
}

fn memory(size: &str) -> Step<OwnedFd> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).at("open a tmpfs")?;
    for (key, value) in [("size", size), ("mode", "0755"), ("nr_inodes", "65536")] {
        rustix::mount::fsconfig_set_string(&context, key, value).at("configure a tmpfs")?;
    }
    mount_context(&context, "a tmpfs", MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV)
}

/// `upper` over `lower`; writable if there is `work`. The layers are named through descriptors, so that no byte in a
/// path is special.
pub(crate) fn overlay(lower: &Path, upper: &Path, work: Option<&Path>) -> Step<OwnedFd> {
    let open = |path: &Path| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).at(format!("open {}", path.display()))
    };
    let name = |fd: &OwnedFd| format!("/proc/self/fd/{}", fd.as_raw_fd());
    let (lower, upper, work) = (open(lower)?, open(upper)?, work.map(open).transpose()?);
    let context = rustix::mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).at("open an overlay")?;
    let set = |key: &str, value: &str| {
        rustix::mount::fsconfig_set_string(&context, key, value).at(format!("configure the overlay ({key})"))
    };
    rustix::mount::fsconfig_set_flag(&context, "userxattr").at("configure the overlay (userxattr)")?;
    let mut attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    if let Some(work) = &work {
        set("lowerdir", &name(&lower))?;
        set("upperdir", &name(&upper))?;
        set("workdir", &name(work))?;
    } else {
        set("lowerdir", &format!("{}:{}", name(&upper), name(&lower)))?;
        attributes |= MountAttrFlags::MOUNT_ATTR_RDONLY;
    }
    mount_context(&context, "the overlay", attributes)
}

fn mount_context(context: &OwnedFd, what: &str, attributes: MountAttrFlags) -> Step<OwnedFd> {
    rustix::mount::fsconfig_create(context).map_err(|error| explain(context, error)).at(format!("create {what}"))?;
    rustix::mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).at(format!("mount {what}"))
}

/// The kernel leaves its reason as text in the file system context.
fn explain(context: &OwnedFd, error: Errno) -> io::Error {
    let mut text = [0; 256];
    let length = rustix::io::read(context, &mut text).unwrap_or(0);
    let reason = String::from_utf8_lossy(&text[..length]);
    let error = io::Error::from(error);
    if reason.is_empty() { error } else { io::Error::new(error.kind(), format!("{error}: {}", reason.trim())) }
}

fn open_processes(processes: Processes, limits: &Limits) -> Step<OwnedFd> {
    if limits.counted_by == ProcessCount::Namespace {
        let whole = new_proc(None)?;
        let highest = (RESERVED_NUMBERS + limits.processes).to_string();
        openat(&whole, "sys/kernel/pid_max", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).write_all(highest.as_bytes()))
            .at("limit the number of processes")?;
    }
    match processes {
        Processes::Own => {
            let tree = new_proc(Some("pid"))?;
            restrict_tree(tree.as_fd(), Attributes::ReadOnlyData).at("restrict /proc")?;
            Ok(tree)
        }
        Processes::Host => clone_tree(Path::new("/proc"), Attributes::ReadOnlyData),
    }
}

fn new_proc(subset: Option<&str>) -> Step<OwnedFd> {
    let context = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC).at("open a proc")?;
    if let Some(subset) = subset {
        rustix::mount::fsconfig_set_string(&context, "subset", subset).at("configure /proc")?;
    }
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    mount_context(&context, "a new /proc", attributes)
}

/// The folder `path` below `root`, made where it is not there. Links are followed inside `root` only.
fn make_folder(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(root, ".", flags, Mode::empty())?;
    let mut so_far = PathBuf::from("/");
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        so_far.push(name);
        let found = openat2(root, &so_far, flags, Mode::empty(), ResolveFlags::IN_ROOT);
        folder = match found {
            Err(Errno::NOENT) => {
                mkdirat(&folder, name, Mode::from_raw_mode(0o755))?;
                openat2(root, &so_far, flags, Mode::empty(), ResolveFlags::IN_ROOT)?
            }
            other => other?,
        };
    }
    Ok(folder)
}

fn make_file(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let (folder, name) = parent(root, path)?;
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(&folder, name, flags, Mode::from_raw_mode(0o644))?)
}

fn make_link(root: BorrowedFd<'_>, path: &Path, to: &Path) -> io::Result<()> {
    let (folder, name) = parent(root, path)?;
    Ok(symlinkat(to, &folder, name)?)
}

fn parent<'a>(root: BorrowedFd<'_>, path: &'a Path) -> io::Result<(OwnedFd, &'a std::ffi::OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((make_folder(root, path.parent().unwrap_or(Path::new("/")))?, name))
}

/// Tries what [`build`] does with mounts, for the probe.
pub(crate) fn try_mounts() -> Step<()> {
    rustix::mount::mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .at("detach the mounts from the host's")?;
    clone_tree(Path::new("/usr"), Attributes::ReadOnly)?;
    let root = memory(ROOT_BYTES)?;
    attach(&root, CWD, STAGE).at("mount the new root")?;
    enter(&root)
}

/// Tries what [`build`] does with `/proc`, for the probe.
pub(crate) fn try_processes() -> Step<()> {
    new_proc(Some("pid")).map(|_| ())
}

/// Reads a small file whole; for what the set-up has to look at.
pub(crate) fn read_small(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(64 * 1024).read_to_string(&mut text)?;
    Ok(text)
}
