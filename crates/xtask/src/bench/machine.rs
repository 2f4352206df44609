//! The machine a measurement was made on, and when.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What the figures depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many processors this process may use.
    pub cores: usize,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// This machine, as far as /proc tells.
    pub(super) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        Self {
            processor: field(&processors, "model name").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: field(&memory, "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':')).unwrap_or_default().trim()
}

/// Today, as `date` says it in UTC.
pub(super) fn today() -> String {
    output_of("date", &["--utc", "+%Y-%m-%d"])
}

/// The commit that is measured, with `+` where the tree has changes.
pub(super) fn commit() -> String {
    output_of("git", &["describe", "--always", "--dirty=+", "--abbrev=12"])
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_found_by_name() {
        let text = "model\t\t: 85\nmodel name\t: A Processor @ 2 GHz\nMemTotal:   1024 kB\n";
        assert_eq!(field(text, "model name"), "A Processor @ 2 GHz");
        assert_eq!(field(text, "MemTotal"), "1024 kB");
        assert_eq!(field(text, "flags"), "");
    }
}
