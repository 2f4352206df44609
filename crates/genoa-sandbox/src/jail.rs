//! What the new process does to itself between its making and its program.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use genoa_sys::exec;
use genoa_sys::process::Namespaces;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, Signal};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use crate::plan::{JailPlan, Limits, Network, OtherPrograms, Program};
use crate::step::{Step, StepExt};
use crate::{filter, landlock_rules, root};

/// What the child says on its pipe when everything is set up and only the exec is left.
pub(crate) const READY: u8 = b'!';

/// The namespaces of a jail.
pub(crate) fn namespaces(plan: &JailPlan) -> Namespaces {
    let namespaces = Namespaces::user().with_mounts().with_processes().with_ipc().with_hostname().with_control_groups();
    if plan.network == Network::Host { namespaces } else { namespaces.with_network() }
}

/// Everything that a jail inherits.
pub(crate) struct Inheritance {
    /// Become the descriptors 3, 4, ….
    pub(crate) given: Vec<OwnedFd>,
    /// Becomes standard output and standard error.
    pub(crate) log: Option<OwnedFd>,
    /// Where failures are told.
    pub(crate) status: OwnedFd,
    /// Who the user is outside.
    pub(crate) user: u32,
    /// Their group.
    pub(crate) group: u32,
}

/// Turns the calling process, which was just made in its namespaces, into the jailed program. Never returns.
pub(crate) fn become_jailed(plan: &JailPlan, inheritance: Inheritance) -> ! {
    let Inheritance { given, log, status, user, group } = inheritance;
    let exit = match out_of_the_way(status) {
        Ok(status) => {
            let mut status = File::from(status);
            let outcome = prepare(plan, user, group).and_then(|program| {
                place_descriptors(given, log)?;
                start(plan, &program, &mut status)
            });
            let Err(failure) = outcome;
            // Nobody is left to tell if this fails.
            let _ = status.write_all(&serde_json::to_vec(&failure).unwrap_or_default());
            126
        }
        Err(_) => 125,
    };
    genoa_sys::process::exit_at_once(exit);
}

fn out_of_the_way(fd: OwnedFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, FIRST_OWN)?)
}

/// Descriptors of the set-up itself are kept from here on, above all that the program is given.
const FIRST_OWN: RawFd = 32;

/// Everything that needs rights. Afterwards there are none left.
fn prepare(plan: &JailPlan, user: u32, group: u32) -> Step<OwnedFd> {
    map_identity(user, group)?;
    rustix::system::sethostname(b"genoa").at("set the host name")?;
    root::build(&plan.mounts, plan.processes, &plan.limits)?;
    if plan.network == Network::Loopback {
        genoa_sys::interface::switch_loopback_on().at("switch the loopback interface on")?;
    }
    // Fails only for the leader of a process group, which a process that was just made is not.
    rustix::process::setsid().at("start a session")?;
    rustix::process::chdir(&plan.program.directory)
        .at(format!("enter the working directory {}", plan.program.directory.display()))?;
    limit(&plan.limits)?;
    give_up_capabilities()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).at("tie the life to the spawner's")?;
    let program = open_program(&plan.program)?;
    landlock_rules::confine(&plan.files, plan.network)?;
    Ok(program)
}

pub(crate) fn map_identity(user: u32, group: u32) -> Step<()> {
    let write = |file: &str, text: String| {
        rustix::fs::open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|fd| File::from(fd).write_all(text.as_bytes()))
            .at(format!("map the user ({file})"))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

fn limit(limits: &Limits) -> Step<()> {
    let set = |resource, value: u64, name: &str| {
        let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let value = Some(value.min(most));
        rustix::process::setrlimit(resource, Rlimit { current: value, maximum: value }).at(format!("limit {name}"))
    };
    if let Some(memory) = limits.memory_bytes {
        set(Resource::As, memory, "the memory")?;
    }
    set(Resource::Nproc, limits.processes, "the number of processes")?;
    set(Resource::Fsize, limits.file_bytes, "the size of files")?;
    set(Resource::Core, 0, "core dumps")?;
    set(Resource::Msgqueue, 0, "message queues")
}

fn give_up_capabilities() -> Step<()> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Err(rustix::io::Errno::INVAL) => break,
            other => other.at("drop the capability bounds")?,
        }
    }
    let root_is_nobody = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
    rustix::thread::set_capabilities_secure_bits(root_is_nobody).at("lock the secure bits")?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).at("drop the capabilities")?;
    rustix::thread::set_no_new_privs(true).at("no_new_privs")
}

fn open_program(program: &Program) -> Step<OwnedFd> {
    rustix::fs::open(&program.path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(io::Error::from)
        .and_then(out_of_the_way)
        .at(format!("open the program {}", program.path.display()))
}

fn place_descriptors(given: Vec<OwnedFd>, log: Option<OwnedFd>) -> Step<()> {
    let nothing = || rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).at("open /dev/null");
    let copy = |fd: &OwnedFd| fd.try_clone().at("copy a descriptor");
    let log = log.map_or_else(nothing, Ok)?;
    let mut fds = vec![nothing()?, copy(&log)?, log];
    fds.extend(given);
    exec::place_descriptors(fds).at("place the descriptors")
}

/// The last steps. Returns only if one fails.
fn start(plan: &JailPlan, program: &OwnedFd, status: &mut File) -> Step<std::convert::Infallible> {
    let (arguments, environment) = strings(&plan.program)?;
    let own = rustix::process::getrlimit(Resource::Nofile);
    let most = own.maximum.unwrap_or(u64::MAX);
    let descriptors = plan.limits.descriptors.min(most.saturating_sub(1));
    let beyond = RawFd::try_from(descriptors).at("limit the descriptors")?;
    // A login's limit may be lower than the number; what may be had is asked for first.
    let enough = Rlimit { current: Some(descriptors + 1), ..own };
    rustix::process::setrlimit(Resource::Nofile, enough).at("make room for the program's descriptor")?;
    // The one number that no later descriptor can have: the limit itself. The filter allows exec of this one only.
    let program = rustix::io::fcntl_dupfd_cloexec(program, beyond).at("place the program beyond the descriptors")?;
    let limit = Rlimit { current: Some(descriptors), maximum: Some(descriptors) };
    rustix::process::setrlimit(Resource::Nofile, limit).at("limit the descriptors")?;
    // If the spawner died before the death signal was set, nobody reads this pipe, and the write fails.
    status.write_all(&[READY]).at("tell that the jail is ready")?;
    filter::install(plan.program.others, plan.network, program.as_raw_fd())?;
    let error = match plan.program.others {
        OtherPrograms::Denied => exec::execute_descriptor(program.as_fd(), &arguments, &environment),
        OtherPrograms::Allowed => exec::execute(&text(plan.program.path.as_path())?, &arguments, &environment),
    };
    Err(error).at(format!("execute {}", plan.program.path.display()))
}

fn strings(program: &Program) -> Step<(Vec<CString>, Vec<CString>)> {
    let mut arguments = vec![text(&program.path)?];
    for argument in &program.arguments {
        arguments.push(CString::new(argument.as_str()).at("an argument holds a null byte")?);
    }
    let variable =
        |(name, value): &(String, String)| CString::new(format!("{name}={value}")).at("a variable holds a null byte");
    Ok((arguments, program.environment.iter().map(variable).collect::<Step<_>>()?))
}

fn text(path: &Path) -> Step<CString> {
    CString::new(path.as_os_str().as_bytes()).at("a path holds a null byte")
}
