//! Landlock: the second wall behind the mounts, and the one that a narrow files right needs.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope,
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::plan::{Absent, FileAccess, FileRule, Network};
use crate::step::{Step, StepExt};

/// The newest rules that were tried. On an older kernel fewer of them hold; the namespaces cover what is missing.
const TRIED: ABI = ABI::V7;

/// Confines the calling process, for good, to `rules`. Returns the version of Landlock that does it.
pub(crate) fn confine(rules: &[FileRule], network: Network) -> Step<i32> {
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(TRIED)).at("Landlock")?;
    if matches!(network, Network::None | Network::Accepting) {
        ruleset = ruleset.handle_access(AccessNet::from_all(TRIED)).at("Landlock")?;
    }
    let mut ruleset = ruleset.scope(Scope::from_all(TRIED)).at("Landlock")?.create().at("Landlock")?;
    for rule in rules {
        let step = || format!("Landlock rule for {}", rule.path.display());
        // Behind a link would be something else than what the rule names.
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let path = match openat2(CWD, &rule.path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Err(Errno::NOENT | Errno::LOOP) if rule.absent == Absent::Ignore => continue,
            other => other.at(step())?,
        };
        ruleset = ruleset.add_rule(PathBeneath::new(path, access(rule.access))).at(step())?;
    }
    let status = ruleset.restrict_self().at("Landlock")?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
            Ok(effective_abi as i32)
        }
        LandlockStatus::NotEnabled => Err("it is switched off at boot").at("Landlock"),
        _ => Err("this kernel is built without it").at("Landlock"),
    }
}

fn access(access: FileAccess) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let write = device
        | AccessFs::RemoveDir
        | AccessFs::RemoveFile
        | AccessFs::MakeDir
        | AccessFs::MakeReg
        | AccessFs::MakeSock
        | AccessFs::MakeFifo
        | AccessFs::MakeSym
        | AccessFs::Refer;
    match access {
        FileAccess::Read => read,
        FileAccess::Execute => read | AccessFs::Execute,
        FileAccess::Write => read | write,
        FileAccess::WriteExecute => read | write | AccessFs::Execute,
        FileAccess::Device => device,
    }
}
