//! Rights become a jail plan. Pure: the same rights on the same machine give the same plan.

use std::path::{Component, Path, PathBuf};

use genoa_abi::event::ToolJob;
use genoa_abi::grant::{Access, Right};
use genoa_abi::limits::{TOOL_FILE_BYTES, TOOL_MEMORY_BYTES, TOOL_PROCESSES};
use genoa_abi::{ErrorCode, Failure};

use crate::egress::RULES_VARIABLE;
use crate::machine::{Machine, SystemKind, SystemUse};
use crate::plan::{
    Absent, DESCRIPTORS, FileAccess, FileRule, GATEWAY_DESCRIPTORS, GROWTH_BYTES, Growth, JailPlan, Limits,
    MODEL_FILE_MEMORY_BYTES, Mount, Network, OtherPrograms, ProcessCount, Processes, Program, TEMPORARY_BYTES,
};
use crate::primitives::PrimitiveKind;
use crate::view::ViewLayout;

/// Where our own binary is in every jail.
pub const BINARY: &str = "/run/genoa/genoa";
/// Where the host's file systems are in a jail that may look at its disks: nothing below can be opened, but
/// how full each one is can be asked.
pub const HOST_ROOT: &str = "/run/host";
/// Where a model worker finds its folder for state.
pub const MODEL_STATE: &str = "/run/genoa/state";
/// Where the worker of a model that is elsewhere finds the key for it.
pub const MODEL_KEY: &str = "/run/genoa/key";

/// What a model worker may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// The model, read only, at the same path inside.
    pub models: Vec<PathBuf>,
    /// A folder of Genoa's own for the prefix store, writable as [`MODEL_STATE`].
    pub state: Option<PathBuf>,
}

/// The jail of one tool call: `genoa tool` with the call's rights and no more.
///
/// # Errors
/// [`ErrorCode::JailUnavailable`] naming the primitive that this machine lacks, [`ErrorCode::InvalidInput`] for a path that
/// is not absolute and normal or a workspace that cannot be one, [`ErrorCode::Unsupported`] for rights that no jail can give.
pub fn plan_tool(job: &ToolJob, layout: &ViewLayout, machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let runs_programs = job.rights.iter().any(|right| matches!(right, Right::Program { .. }));
    let others = if runs_programs { OtherPrograms::Allowed } else { OtherPrograms::Denied };
    let mut plan = base(machine, "tool", others);
    plan.program.environment.push(("TZ".into(), timezone(&job.clock.timezone)));
    if runs_programs {
        add_programs(&mut plan, machine);
    }
    add_host(&mut plan, &job.rights, machine)?;
    add_files(&mut plan, &job.rights, layout, machine)?;
    Ok(plan)
}

/// The jail in which a program of somebody else is asked what it offers: `genoa tool` with what programs need of the
/// system, and nothing of the person's.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_discovery(machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "tool", OtherPrograms::Allowed);
    add_programs(&mut plan, machine);
    Ok(plan)
}

/// The jail of an agent: `genoa agent` with its socket, and nothing of the machine beyond what `rights` name.
///
/// # Errors
/// As [`plan_tool`]; an agent's rights to files are read only.
pub fn plan_agent(rights: &[Right], machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "agent", OtherPrograms::Denied);
    add_host(&mut plan, rights, machine)?;
    for right in rights {
        if let Right::Files { under, access } = right {
            add_outside(&mut plan, under, *access, machine)?;
        }
    }
    Ok(plan)
}

/// The jail of the model worker: `genoa model-worker` with its model files and its folder for state.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_model_worker(files: &ModelFiles, machine: &Machine) -> Result<JailPlan, Failure> {
    plan_model("model-worker", files, machine)
}

/// The same jail for a model that is measured: `genoa model-bench`.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_model_bench(files: &ModelFiles, machine: &Machine) -> Result<JailPlan, Failure> {
    plan_model("model-bench", files, machine)
}

/// The same jail for a model file that is written anew: `genoa model-quantise`, with the folder for the new one as
/// [`MODEL_STATE`], which may grow to `grows_to_bytes`.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_model_quantise(
    model: &Path,
    output: &Path,
    grows_to_bytes: u64,
    machine: &Machine,
) -> Result<JailPlan, Failure> {
    let files = ModelFiles { models: vec![model.to_owned()], state: Some(output.to_owned()) };
    let mut plan = plan_model("model-quantise", &files, machine)?;
    plan.limits.file_bytes = grows_to_bytes;
    // What others write to the same disk meanwhile is not told from what it writes.
    plan.limits.growth = Some(Growth { on: output.to_owned(), bytes: grows_to_bytes.saturating_add(GROWTH_BYTES) });
    Ok(plan)
}

fn plan_model(mode: &str, files: &ModelFiles, machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, mode, OtherPrograms::Denied);
    // Whole models are mapped, and one worker serves all: its memory is the machine's business.
    plan.limits.memory_bytes = None;
    for model in &files.models {
        normal(model)?;
        plan.mounts.push(Mount::ReadOnly { source: model.clone(), target: model.clone() });
        plan.files.push(rule(model, FileAccess::Read, Absent::Refuse));
    }
    if let Some(state) = &files.state {
        plan.mounts.push(Mount::Writable { source: state.clone(), target: MODEL_STATE.into() });
        plan.files.push(rule(Path::new(MODEL_STATE), FileAccess::Write, Absent::Refuse));
        plan.limits.growth = Some(Growth { on: state.clone(), bytes: GROWTH_BYTES });
    }
    Ok(plan)
}

/// The jail of the worker of a model that is elsewhere: `genoa model-worker` with the key, if there is one, as the file
/// [`MODEL_KEY`], and no file of the machine. It has no network: a broker is given to it as a socket.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_remote_worker(key: Option<&str>, machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "model-worker", OtherPrograms::Denied);
    if let Some(key) = key {
        plan.mounts.push(Mount::Text { target: MODEL_KEY.into(), text: key.to_owned() });
        plan.files.push(rule(Path::new(MODEL_KEY), FileAccess::Read, Absent::Refuse));
    }
    Ok(plan)
}

/// The jail in which a model file, or an archive that holds a part of one, is read: `genoa model-file` with the files that
/// it is given as descriptors, and no other. What it writes may grow to `grows_to_bytes`.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_model_file(grows_to_bytes: u64, machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "model-file", OtherPrograms::Denied);
    plan.limits.file_bytes = grows_to_bytes;
    plan.limits.memory_bytes = Some(MODEL_FILE_MEMORY_BYTES);
    Ok(plan)
}

/// The jail of the gateway: `genoa gateway-server` with the socket that it listens at and a way to connections that its starter
/// narrowed, and nothing of the machine.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_gateway(machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "gateway-server", OtherPrograms::Denied);
    plan.network = Network::Accepting;
    plan.limits.descriptors = GATEWAY_DESCRIPTORS;
    Ok(plan)
}

/// The jail of the egress broker: `genoa egress` with the machine's network, no files, and the rules it enforces.
///
/// # Errors
/// As [`plan_tool`].
pub fn plan_egress(rules: &[Right], machine: &Machine) -> Result<JailPlan, Failure> {
    machine.require(PrimitiveKind::EVERY_JAIL)?;
    let mut plan = base(machine, "egress", OtherPrograms::Denied);
    plan.network = Network::Host;
    plan.mounts.retain(|mount| !matches!(mount, Mount::Text { target, .. } if is_network_file(target)));
    add_system(&mut plan, machine, SystemUse::Network);
    let rules: Vec<&Right> = rules.iter().filter(|right| matches!(right, Right::Network { .. })).collect();
    let text = serde_json::to_string(&rules)
        .map_err(|error| Failure::new(ErrorCode::Internal, "rights have no JSON form").because(error))?;
    plan.program.environment.push((RULES_VARIABLE.into(), text));
    Ok(plan)
}

/// The rules for the egress broker of a call with these rights; none means that it gets no broker.
#[must_use]
pub fn egress_rules(rights: &[Right]) -> Vec<Right> {
    rights.iter().filter(|right| matches!(right, Right::Network { .. })).cloned().collect()
}

fn is_network_file(path: &Path) -> bool {
    [Path::new("/etc/hosts"), Path::new("/etc/nsswitch.conf")].contains(&path)
}

fn base(machine: &Machine, mode: &str, others: OtherPrograms) -> JailPlan {
    let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("LANG", "C.UTF-8")];
    let mut plan = JailPlan {
        program: Program {
            path: BINARY.into(),
            arguments: vec![mode.to_owned()],
            environment: environment.map(|(name, value)| (name.into(), value.into())).to_vec(),
            directory: "/tmp".into(),
            others,
        },
        mounts: Vec::new(),
        files: Vec::new(),
        network: Network::None,
        processes: Processes::Own,
        limits: limits(machine),
    };
    add_system(&mut plan, machine, SystemUse::Everyone);
    if others == OtherPrograms::Allowed {
        add_system(&mut plan, machine, SystemUse::Programs);
        add_customary_links(&mut plan);
    }
    add_identity(&mut plan, machine);
    let temporary = if others == OtherPrograms::Allowed { FileAccess::WriteExecute } else { FileAccess::Write };
    plan.mounts.push(Mount::Memory { target: "/tmp".into(), size_bytes: TEMPORARY_BYTES });
    plan.mounts.push(Mount::ReadOnly { source: machine.binary.clone(), target: BINARY.into() });
    plan.files.push(rule(Path::new("/tmp"), temporary, Absent::Refuse));
    plan.files.push(rule(Path::new(BINARY), FileAccess::Execute, Absent::Refuse));
    plan.files.push(rule(Path::new("/etc"), FileAccess::Read, Absent::Ignore));
    plan.files.push(rule(Path::new("/proc"), FileAccess::Read, Absent::Refuse));
    plan
}

fn limits(machine: &Machine) -> Limits {
    Limits {
        memory_bytes: Some(TOOL_MEMORY_BYTES),
        processes: TOOL_PROCESSES,
        counted_by: if machine.report.user == 0 { ProcessCount::Namespace } else { ProcessCount::User },
        file_bytes: TOOL_FILE_BYTES,
        descriptors: DESCRIPTORS,
        growth: None,
    }
}

fn add_system(plan: &mut JailPlan, machine: &Machine, needed_by: SystemUse) {
    for system in machine.system.iter().filter(|system| system.needed_by == needed_by) {
        let path = system.path.clone();
        match &system.kind {
            SystemKind::Real => {
                if !path.starts_with("/etc") {
                    plan.files.push(rule(&path, FileAccess::Execute, Absent::Ignore));
                }
                plan.mounts.push(Mount::ReadOnly { source: path.clone(), target: path });
            }
            SystemKind::Link(to) => plan.mounts.push(Mount::Link { target: path, to: to.clone() }),
            SystemKind::Device => {
                plan.files.push(rule(&path, FileAccess::Device, Absent::Ignore));
                plan.mounts.push(Mount::Device { path });
            }
        }
    }
}

fn add_customary_links(plan: &mut JailPlan) {
    let links = [
        ("/dev/fd", "/proc/self/fd"),
        ("/dev/stdin", "/proc/self/fd/0"),
        ("/dev/stdout", "/proc/self/fd/1"),
        ("/dev/stderr", "/proc/self/fd/2"),
        ("/dev/shm", "/tmp"),
    ];
    plan.mounts.extend(links.map(|(target, to)| Mount::Link { target: target.into(), to: to.into() }));
}

/// Stubs in place of the host's files: who is there, and that nothing is on the network.
fn add_identity(plan: &mut JailPlan, machine: &Machine) {
    let (user, group) = (machine.report.user, machine.report.group);
    let name = if user == 0 { "root" } else { "person" };
    let files = [
        ("/etc/passwd", format!("{name}:x:{user}:{group}::/tmp:/bin/sh\n")),
        ("/etc/group", format!("{name}:x:{group}:\n")),
        ("/etc/hosts", "127.0.0.1 localhost genoa\n::1 localhost genoa\n".to_owned()),
        ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
    ];
    plan.mounts.extend(files.map(|(target, text)| Mount::Text { target: target.into(), text }));
}

fn add_programs(plan: &mut JailPlan, machine: &Machine) {
    plan.network = Network::Loopback;
    add_toolchains(plan, machine);
}

fn add_toolchains(plan: &mut JailPlan, machine: &Machine) {
    for toolchain in &machine.toolchains {
        for folder in &toolchain.folders {
            plan.mounts.push(Mount::ReadOnly { source: folder.clone(), target: folder.clone() });
            plan.files.push(rule(folder, FileAccess::Execute, Absent::Ignore));
        }
        plan.program.environment.extend(toolchain.environment.iter().cloned());
        let search = toolchain.search.iter().filter_map(|folder| folder.to_str());
        if let Some((_, path)) = plan.program.environment.iter_mut().find(|(name, _)| name == "PATH") {
            search.for_each(|folder| *path = format!("{path}:{folder}"));
        }
    }
}

fn add_host(plan: &mut JailPlan, rights: &[Right], machine: &Machine) -> Result<(), Failure> {
    let may_see = |wanted: &str| {
        let wanted = Right::Host { area: wanted.to_owned() };
        rights.iter().any(|right| right.covers(&wanted))
    };
    for (area, path) in machine.host.iter().filter(|(area, _)| may_see(area)) {
        // The disks show all of /sys, of which the services would show a part again.
        if area == "services" && path.starts_with("/sys") && may_see("disks") {
            continue;
        }
        plan.mounts.push(Mount::ReadOnly { source: path.clone(), target: path.clone() });
        plan.files.push(rule(path, FileAccess::Read, Absent::Ignore));
    }
    if ["processes", "disks", "services", "settings"].iter().any(|area| may_see(area)) {
        plan.processes = Processes::Host;
    }
    if may_see("disks") {
        if plan.program.others == OtherPrograms::Allowed {
            // Programs may use Unix sockets, and the host's would be among what they see.
            return Err(Failure::new(
                ErrorCode::Unsupported,
                "one call cannot both look at the disks and run programs",
            )
            .try_next("Grant the two to different tools"));
        }
        plan.mounts.push(Mount::ReadOnly { source: "/".into(), target: HOST_ROOT.into() });
    }
    Ok(())
}

fn add_files(plan: &mut JailPlan, rights: &[Right], layout: &ViewLayout, machine: &Machine) -> Result<(), Failure> {
    let workspace = layout.workspace.as_path();
    let mut parts: Vec<(PathBuf, Access)> = Vec::new();
    for right in rights {
        let Right::Files { under, access } = right else { continue };
        let path = normal(Path::new(under))?;
        if workspace.starts_with(path) {
            parts.push((workspace.to_owned(), *access));
        } else if path.starts_with(workspace) {
            parts.push((path.to_owned(), *access));
        } else {
            add_outside(plan, under, *access, machine)?;
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    machine.require(&[PrimitiveKind::Overlay])?;
    possible_workspace(workspace, machine)?;
    if workspace.starts_with("/tmp") && parts.iter().any(|(path, _)| path != workspace) {
        // The rule for the jail's own /tmp would open the whole of it.
        return Err(Failure::new(
            ErrorCode::Unsupported,
            "a part of a workspace below /tmp cannot be granted by itself",
        )
        .try_next("Grant the whole workspace, or use one that is not below /tmp"));
    }
    let writes = parts.iter().any(|(_, access)| *access == Access::Write);
    plan.mounts.push(world(layout, writes));
    plan.limits.growth = writes.then(|| Growth { on: layout.upper(), bytes: GROWTH_BYTES });
    plan.program.directory.clone_from(&layout.workspace);
    let programs = plan.program.others == OtherPrograms::Allowed;
    plan.files.extend(parts.iter().map(|(path, access)| rule(path, file_access(*access, programs), Absent::Refuse)));
    Ok(())
}

fn world(layout: &ViewLayout, writes: bool) -> Mount {
    let (target, lower, upper) = (layout.workspace.clone(), layout.workspace.clone(), layout.upper());
    if writes {
        Mount::Overlay { target, lower, upper, work: layout.work() }
    } else {
        Mount::Stack { target, lower, upper }
    }
}

fn file_access(access: Access, programs: bool) -> FileAccess {
    match (access, programs) {
        (Access::Read, false) => FileAccess::Read,
        (Access::Read, true) => FileAccess::Execute,
        (Access::Write, false) => FileAccess::Write,
        (Access::Write, true) => FileAccess::WriteExecute,
    }
}

/// Files outside the workspace can be read where they are; writes there could not be undone.
fn add_outside(plan: &mut JailPlan, under: &str, access: Access, machine: &Machine) -> Result<(), Failure> {
    let path = normal(Path::new(under))?;
    if access == Access::Write {
        return Err(Failure::new(
            ErrorCode::Unsupported,
            format!("{under} is outside the workspace and cannot be changed"),
        )
        .because("only a view can be undone, and views are of the workspace")
        .try_next("Grant reading, or start a session with that folder as its workspace"));
    }
    possible_workspace(path, machine)?;
    plan.mounts.push(Mount::ReadOnly { source: path.to_owned(), target: path.to_owned() });
    plan.files.push(rule(path, FileAccess::Read, Absent::Refuse));
    Ok(())
}

/// Folders that jails bring along themselves, or that are interfaces and not files.
const SYSTEM_FOLDERS: &[&str] = &["/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"];

fn possible_workspace(path: &Path, machine: &Machine) -> Result<(), Failure> {
    normal(path)?;
    let refused = |why: String| {
        Err(Failure::new(ErrorCode::InvalidInput, format!("{} cannot be made visible in a jail", path.display()))
            .because(why)
            .try_next("Choose a folder of your own, deeper down"))
    };
    if path == Path::new("/") || path == Path::new("/tmp") || path == Path::new("/var") {
        return refused("it holds the system itself".into());
    }
    if let Some(system) = SYSTEM_FOLDERS.iter().find(|system| path.starts_with(system)) {
        return refused(format!("{system} belongs to the system"));
    }
    if machine.home.starts_with(path) || path.starts_with(&machine.home) {
        return refused(format!("Genoa keeps its own records in {}", machine.home.display()));
    }
    Ok(())
}

fn normal(path: &Path) -> Result<&Path, Failure> {
    let plain = path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
        && !path.as_os_str().as_encoded_bytes().contains(&0);
    if plain {
        return Ok(path);
    }
    Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not an absolute, normalised path", path.display())))
}

fn rule(path: &Path, access: FileAccess, absent: Absent) -> FileRule {
    FileRule { path: path.to_owned(), access, absent }
}

/// The name of a time zone, or UTC for what does not look like one.
fn timezone(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/_+-".contains(letter);
    if !name.is_empty() && name.len() < 64 && name.chars().all(plain) { name.to_owned() } else { "UTC".to_owned() }
}
