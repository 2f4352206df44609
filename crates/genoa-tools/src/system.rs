//! What machine this is.

use genoa_abi::Failure;
use genoa_abi::schema::{EffectClass, Needs, RecordType, Yields};
use serde::Serialize;
use serde_json::Value as Json;

use crate::tool::{Call, Tool, answer, file_failure, record, schema};

#[derive(Debug, Serialize)]
struct SystemInfo {
    os: String,
    kernel: String,
    hostname: String,
    cores: u64,
    memory_bytes: u64,
    available_bytes: u64,
    uptime_seconds: u64,
    load: f64,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    vec![record(
        "SystemInfo",
        &[
            ("os", "str", "the distribution"),
            ("kernel", "str", "version of the kernel"),
            ("hostname", "str", "the machine's name"),
            ("cores", "int", "processors"),
            ("memory_bytes", "int", "all memory"),
            ("available_bytes", "int", "memory that is available"),
            ("uptime_seconds", "int", "since it was started"),
            ("load", "float", "running processes, mean of one minute"),
        ],
    )]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let host = Needs { host: true, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "system.info",
            "System, memory, load and uptime of this machine.",
            EffectClass::Observe,
            host,
            "SystemInfo",
        )
        .yielding(Yields::Machine)
        .phrase("Look at the machine"),
        run: info,
    }]
}

fn info(_: &Call<'_>) -> Result<Json, Failure> {
    let read = |path: &str| {
        std::fs::read_to_string(path).map_err(|error| file_failure(format!("{path} cannot be read"), &error))
    };
    let memory = read("/proc/meminfo")?;
    let kib = |key: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
    };
    let release = read("/etc/os-release").unwrap_or_default();
    let os = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"').to_owned());
    let names = rustix::system::uname();
    let hostname = read("/etc/hostname").map(|name| name.trim().to_owned());
    let first = |text: String| text.split_whitespace().next().unwrap_or_default().to_owned();
    answer(SystemInfo {
        os: os.unwrap_or_else(|| names.sysname().to_string_lossy().into_owned()),
        kernel: names.release().to_string_lossy().into_owned(),
        hostname: hostname.unwrap_or_else(|_| names.nodename().to_string_lossy().into_owned()),
        cores: read("/proc/stat")?.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1) as u64,
        memory_bytes: kib("MemTotal:") * 1024,
        available_bytes: kib("MemAvailable:") * 1024,
        uptime_seconds: first(read("/proc/uptime")?)
            .split('.')
            .next()
            .and_then(|whole| whole.parse().ok())
            .unwrap_or_default(),
        load: first(read("/proc/loadavg")?).parse().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn the_machine_is_described() {
        let info = Bench::new().ok("system.info", json!({}));
        for field in ["cores", "memory_bytes", "available_bytes", "uptime_seconds"] {
            assert!(info[field].as_u64().unwrap() > 0, "{field}: {info}");
        }
        assert!(info["kernel"].as_str().unwrap().contains('.'));
    }
}
