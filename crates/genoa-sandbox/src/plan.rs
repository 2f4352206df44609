//! A jail as data: everything the spawner needs to know, and nothing it has to decide.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One jail and the program that starts in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JailPlan {
    /// What runs.
    pub program: Program,
    /// What is visible, in the order of mounting. Nothing else exists in the jail's file system.
    pub mounts: Vec<Mount>,
    /// What of the visible may be used, and how. Nothing else may.
    pub files: Vec<FileRule>,
    /// Which network the jail sees.
    pub network: Network,
    /// Whose processes `/proc` shows.
    pub processes: Processes,
    /// How much it may use.
    pub limits: Limits,
}

/// The program of a jail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its path inside the jail.
    pub path: PathBuf,
    /// Its arguments, without the name of the program itself.
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// The working directory, inside the jail.
    pub directory: PathBuf,
    /// Whether it may start others.
    pub others: OtherPrograms,
}

/// Whether a jailed program may start other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherPrograms {
    /// No: one exec, its own, and no further process. Threads are possible.
    Denied,
    /// Whatever is visible and executable.
    Allowed,
}

/// One thing to make visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mount {
    /// A file or folder of the host, read only, with everything mounted below it.
    ReadOnly {
        /// Outside.
        source: PathBuf,
        /// Inside.
        target: PathBuf,
    },
    /// A folder of the host that can be written: only ever one that belongs to Genoa itself.
    Writable {
        /// Outside.
        source: PathBuf,
        /// Inside.
        target: PathBuf,
    },
    /// A device file of the host.
    Device {
        /// The same path outside and inside.
        path: PathBuf,
    },
    /// An empty folder in memory.
    Memory {
        /// Inside.
        target: PathBuf,
        /// How much it holds.
        size_bytes: u64,
    },
    /// A small file with this text.
    Text {
        /// Inside.
        target: PathBuf,
        /// Its content.
        text: String,
    },
    /// A symbolic link.
    Link {
        /// Inside.
        target: PathBuf,
        /// Where it points.
        to: PathBuf,
    },
    /// A copy-on-write world: `lower` as it is, changes go to `upper`.
    Overlay {
        /// Inside.
        target: PathBuf,
        /// What is never written.
        lower: PathBuf,
        /// What collects the changes.
        upper: PathBuf,
        /// Room that the kernel needs beside `upper`.
        work: PathBuf,
    },
    /// `upper` over `lower`, both read only: a view as it stands.
    Stack {
        /// Inside.
        target: PathBuf,
        /// The world below.
        lower: PathBuf,
        /// The changes.
        upper: PathBuf,
    },
}

/// One Landlock rule, on a path inside the jail and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileRule {
    /// Inside.
    pub path: PathBuf,
    /// What may be done.
    pub access: FileAccess,
    /// What if nothing is there: a rule that a grant asked for must fail then, one on a customary place must not.
    pub absent: Absent,
}

/// What may be done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAccess {
    /// Read files, list folders.
    Read,
    /// Read, list and execute.
    Execute,
    /// Read and write files, make and remove entries.
    Write,
    /// All of it.
    WriteExecute,
    /// Read and write a device that is there.
    Device,
}

/// What a rule means where its path does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// The jail is refused.
    Refuse,
    /// There is nothing to allow.
    Ignore,
}

/// Which network a jail sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// None: its own namespace with nothing in it, and no sockets other than Unix ones.
    None,
    /// As [`Network::None`], and whoever connects to a socket that it is given, and that listens already, may be let in.
    Accepting,
    /// Its own namespace with a loopback interface: programs in the jail can talk to each other.
    Loopback,
    /// The machine's. Only the egress broker has it.
    Host,
}

/// Whose processes `/proc` shows. The jail has its own process numbers in both cases and can signal nobody outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processes {
    /// Its own; nothing else of `/proc` is there.
    Own,
    /// The host's whole `/proc`, read only.
    Host,
}

/// How much a jail may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Address space of each process; nothing for a worker that maps whole models.
    pub memory_bytes: Option<u64>,
    /// Processes and threads in the jail.
    pub processes: u64,
    /// What counts them.
    pub counted_by: ProcessCount,
    /// The largest file it may write.
    pub file_bytes: u64,
    /// Open descriptors of each process.
    pub descriptors: u64,
    /// How much of the disk it may fill, where it may write to one.
    pub growth: Option<Growth>,
}

/// What counts the processes of a jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessCount {
    /// The resource limit of the user, inside the jail's user namespace. It does not bind root.
    User,
    /// The process namespace's own highest number, which binds everybody; Linux 6.14.
    Namespace,
}

/// How much a jail may add to a disk. The spawner looks at the free space while the jail runs and ends the jail that
/// goes over. What others write meanwhile counts as well, and what others free hides as much: a guard of the machine, not an
/// exact account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// A folder on that disk, outside.
    pub on: PathBuf,
    /// By how much the free space may shrink.
    pub bytes: u64,
}

/// Descriptors of each process of a jail.
pub const DESCRIPTORS: u64 = 1024;
/// Those of the gateway: its clients' connections, and fewer of its own than the kernel has sessions (`SESSIONS`).
pub const GATEWAY_DESCRIPTORS: u64 = 640;
/// What `/tmp` of a jail holds.
pub const TEMPORARY_BYTES: u64 = 256 * 1024 * 1024;
/// Address space of a process that looks into a model file or an archive: it holds names and tables only.
pub const MODEL_FILE_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// How much one tool call may add to the disk.
pub const GROWTH_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// One message to the spawner: a plan with its name.
pub const SPAWNER_MESSAGE_BYTES: usize = 96 * 1024;
/// Descriptors that one jail can be given.
pub const GIVEN_DESCRIPTORS: usize = 8;
/// Jails alive at once.
pub const JAILS: usize = 128;
