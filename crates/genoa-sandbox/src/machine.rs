//! What plans are made for: this machine as it was found at the start.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use crate::primitives::{PrimitiveKind, Report};

/// This machine, as far as plans depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What the kernel offers.
    pub report: Report,
    /// Our own binary, an absolute path.
    pub binary: PathBuf,
    /// Genoa's own folder, which no jail ever sees.
    pub home: PathBuf,
    /// System folders and files that are there, of those that jails may see.
    pub system: Vec<SystemPath>,
    /// What a look at the host may show, of what is there: area and path.
    pub host: Vec<(String, PathBuf)>,
    /// Toolchains outside the system folders, for programs that a person may run.
    pub toolchains: Vec<Toolchain>,
}

/// One system path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPath {
    /// Where.
    pub path: PathBuf,
    /// What is there.
    pub kind: SystemKind,
    /// Who needs it.
    pub needed_by: SystemUse,
}

/// What is at a system path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    /// A file or a folder.
    Real,
    /// A link to there.
    Link(PathBuf),
    /// A device file.
    Device,
}

/// Who needs a system path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemUse {
    /// Every program: shared libraries, shared data, devices that hold nothing.
    Everyone,
    /// Only who may run other programs.
    Programs,
    /// Only the egress broker.
    Network,
}

/// Folders of a toolchain, and how programs find them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// Folders and files, made visible read only.
    pub folders: Vec<PathBuf>,
    /// Folders for `PATH`.
    pub search: Vec<PathBuf>,
    /// Variables.
    pub environment: Vec<(String, String)>,
}

const SYSTEM: &[(&str, SystemUse)] = &[
    ("/usr", SystemUse::Everyone),
    ("/bin", SystemUse::Programs),
    ("/sbin", SystemUse::Programs),
    ("/lib", SystemUse::Everyone),
    ("/lib64", SystemUse::Everyone),
    ("/nix/store", SystemUse::Everyone),
    ("/etc/alternatives", SystemUse::Programs),
    ("/etc/ca-certificates", SystemUse::Everyone),
    ("/etc/fonts", SystemUse::Everyone),
    ("/etc/ld.so.cache", SystemUse::Everyone),
    ("/etc/localtime", SystemUse::Everyone),
    ("/etc/pki/tls", SystemUse::Everyone),
    ("/etc/ssl/certs", SystemUse::Everyone),
    ("/etc/ssl/openssl.cnf", SystemUse::Everyone),
    ("/etc/hosts", SystemUse::Network),
    ("/etc/nsswitch.conf", SystemUse::Network),
    ("/etc/resolv.conf", SystemUse::Network),
    ("/dev/null", SystemUse::Everyone),
    ("/dev/zero", SystemUse::Everyone),
    ("/dev/full", SystemUse::Everyone),
    ("/dev/random", SystemUse::Everyone),
    ("/dev/urandom", SystemUse::Everyone),
];

/// What each area of a host right shows, beside `/proc`.
const HOST: &[(&str, &str)] = &[
    ("disks", "/sys"),
    ("services", "/sys/fs/cgroup"),
    ("services", "/etc/systemd"),
    ("services", "/run/systemd/units"),
    ("services", "/run/systemd/system"),
    ("logs", "/var/log"),
    ("logs", "/run/log"),
    ("packages", "/var/lib/dpkg"),
    ("packages", "/var/lib/rpm"),
    ("packages", "/var/lib/pacman"),
    ("settings", "/etc/default/locale"),
    ("settings", "/etc/hostname"),
    ("settings", "/etc/locale.conf"),
    ("settings", "/etc/machine-info"),
    ("settings", "/etc/os-release"),
    ("settings", "/etc/timezone"),
];

impl Machine {
    /// Looks at the machine: which system folders are there, and which toolchains `person_home` holds.
    #[must_use]
    pub fn survey(report: Report, binary: &Path, home: &Path, person_home: Option<&Path>) -> Self {
        Self {
            report,
            binary: binary.to_owned(),
            home: home.to_owned(),
            system: SYSTEM.iter().filter_map(|(path, needed_by)| system_path(Path::new(path), *needed_by)).collect(),
            host: HOST
                .iter()
                .filter(|(_, path)| Path::new(path).exists())
                .map(|(area, path)| ((*area).to_owned(), PathBuf::from(path)))
                .collect(),
            toolchains: person_home.and_then(rust_toolchain).into_iter().collect(),
        }
    }

    /// Refuses unless every one of `needed` is available.
    ///
    /// # Errors
    /// [`ErrorCode::JailUnavailable`], naming the first that is missing.
    pub fn require(&self, needed: &[PrimitiveKind]) -> Result<(), Failure> {
        let missing = self.report.primitives.iter().find(|found| needed.contains(&found.kind) && !found.available);
        match missing {
            Some(primitive) => {
                Err(Failure::new(ErrorCode::JailUnavailable, format!("this machine offers no {}", primitive.kind))
                    .because(&primitive.detail)
                    .try_next("`genoa doctor` lists what is missing and what is refused without it"))
            }
            None => Ok(()),
        }
    }
}

fn system_path(path: &Path, needed_by: SystemUse) -> Option<SystemPath> {
    let kind = fs::symlink_metadata(path).ok()?.file_type();
    let kind = if kind.is_symlink() && needed_by != SystemUse::Network {
        SystemKind::Link(fs::read_link(path).ok()?)
    } else if kind.is_char_device() {
        SystemKind::Device
    } else {
        SystemKind::Real
    };
    Some(SystemPath { path: path.to_owned(), kind, needed_by })
}

/// Cargo and rustup in a person's home. Not the whole of `~/.cargo`: that is where credentials lie.
fn rust_toolchain(person_home: &Path) -> Option<Toolchain> {
    let (cargo, rustup) = (person_home.join(".cargo"), person_home.join(".rustup"));
    let folders: Vec<PathBuf> =
        ["bin", "registry", "git"].iter().map(|name| cargo.join(name)).chain([rustup.clone()]).collect();
    let folders: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    let text = |path: &Path| path.to_str().map(str::to_owned);
    (!folders.is_empty()).then_some(Toolchain {
        folders,
        search: vec![cargo.join("bin")],
        environment: vec![("CARGO_HOME".into(), text(&cargo)?), ("RUSTUP_HOME".into(), text(&rustup)?)],
    })
}
