//! Processes of the host: which there are, what they use, and ending one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Duration, Instant};

use genoa_abi::schema::{Demand, EffectClass, Needs, RecordType, Yields};
use genoa_abi::{ErrorCode, Failure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use serde_json::Value as Json;

use crate::text::{one_line, shorten};
use crate::tool::{Call, Tool, answer, record, schema};

/// Processes that one list answers with.
const PROCESSES: usize = 100;
/// How long the use of the processors is measured.
const SAMPLE: Duration = Duration::from_millis(200);
/// How long a process may take to end after it was asked to.
const STOP_TIME: Duration = Duration::from_secs(5);
const PROC: &str = "/proc";

#[derive(Clone, Debug, Serialize)]
struct Process {
    pid: i32,
    name: String,
    user: String,
    cpu_percent: f64,
    memory_bytes: u64,
    command: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut process = record(
        "Process",
        &[
            ("pid", "int", "its number"),
            ("name", "str", "the program"),
            ("user", "str", "whose it is"),
            ("cpu_percent", "float", "of one processor"),
            ("memory_bytes", "int", "resident memory"),
            ("command", "str", "the command line"),
        ],
    );
    process.title = Some("name".into());
    vec![process]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let host = Needs { host: true, ..Needs::default() };
    vec![
        Tool {
            schema: schema(
                "processes.list",
                "Processes by use of processor or memory.",
                EffectClass::Observe,
                host,
                "list[Process]",
            )
            .optional("by", r#""cpu" | "memory""#, "what to sort by")
            .optional("name", "str", "part of the name or command")
            .topic()
            .yielding(Yields::Machine)
            .phrase("List the processes called {name} by {by}"),
            run: list,
        },
        Tool {
            schema: schema("processes.stop", "End a process.", EffectClass::Govern, host, "Process")
                .required("pid", "int", "its number")
                .demanding(Demand::Person)
                .required("name", "str", "its name, so that no other one is hit")
                .asked_by("stop|kill|end|quit|terminat|close|shut|abort")
                .phrase("End the process {pid} ({name})"),
            run: stop,
        },
    ]
}

fn list(call: &Call<'_>) -> Result<Json, Failure> {
    let (by, name) = (call.text("by")?, call.text("name")?.trim().to_lowercase());
    let before = snapshot(Path::new(PROC))?;
    std::thread::sleep(SAMPLE);
    let after = snapshot(Path::new(PROC))?;
    let total = after.total_ticks.saturating_sub(before.total_ticks).max(1);
    let users = users();
    let mut found = Vec::new();
    for (pid, now) in &after.processes {
        if !name.is_empty() && !now.name.to_lowercase().contains(&name) && !now.command.to_lowercase().contains(&name) {
            continue;
        }
        let used = before.processes.get(pid).map_or(0, |then| now.ticks.saturating_sub(then.ticks));
        found.push(now.process(*pid, percent(used * after.processors, total), &users));
    }
    if by == "memory" {
        found.sort_by_key(|process| std::cmp::Reverse(process.memory_bytes));
    } else {
        found.sort_by(|one, other| {
            other.cpu_percent.total_cmp(&one.cpu_percent).then(other.memory_bytes.cmp(&one.memory_bytes))
        });
    }
    found.truncate(PROCESSES);
    answer(found)
}

fn percent(part: u64, whole: u64) -> f64 {
    let thousandths = u32::try_from(part.saturating_mul(1000) / whole).unwrap_or(u32::MAX);
    f64::from(thousandths) / 10.0
}

struct Snapshot {
    total_ticks: u64,
    processors: u64,
    processes: BTreeMap<i32, Sample>,
}

struct Sample {
    name: String,
    command: String,
    uid: String,
    ticks: u64,
    memory_bytes: u64,
    started: String,
}

impl Sample {
    fn process(&self, pid: i32, cpu_percent: f64, users: &HashMap<String, String>) -> Process {
        let user = users.get(&self.uid).unwrap_or(&self.uid).clone();
        Process {
            pid,
            name: self.name.clone(),
            user,
            cpu_percent,
            memory_bytes: self.memory_bytes,
            command: self.command.clone(),
        }
    }
}

fn snapshot(proc: &Path) -> Result<Snapshot, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(ErrorCode::NotGranted, "the host's processes cannot be seen")
            .because(error)
            .try_next("Grant a look at the host's processes")
    };
    let stat = std::fs::read_to_string(proc.join("stat")).map_err(failed)?;
    let first = stat.lines().next().unwrap_or_default();
    let total_ticks = first.split_whitespace().skip(1).take(8).filter_map(|field| field.parse::<u64>().ok()).sum();
    let processors = stat.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1).max(1) as u64;
    let mut processes = BTreeMap::new();
    for entry in std::fs::read_dir(proc).map_err(failed)?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that ended meanwhile is no longer listed.
        processes.extend(sample(&entry.path()).map(|sample| (pid, sample)));
    }
    Ok(Snapshot { total_ticks, processors, processes })
}

fn sample(folder: &Path) -> Option<Sample> {
    let stat = std::fs::read(folder.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name stands in brackets and may hold brackets itself.
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
    let status = std::fs::read(folder.join("status")).ok()?;
    let status = String::from_utf8_lossy(&status).into_owned();
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let command = std::fs::read(folder.join("cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    let resident_kib = line("VmRSS:").and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Some(Sample {
        name: one_line(name),
        command: shorten(&one_line(&command), 300),
        uid: line("Uid:")?.split_whitespace().next()?.to_owned(),
        ticks: number(11)? + number(12)?,
        memory_bytes: resident_kib.unwrap_or_default() * 1024,
        started: fields.get(19).map(|field| (*field).to_owned()).unwrap_or_default(),
    })
}

fn users() -> HashMap<String, String> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = |line: &str| {
        let mut parts = line.split(':');
        Some((parts.next()?.to_owned(), parts.nth(1)?.to_owned()))
    };
    passwd.lines().filter_map(user).map(|(name, uid)| (uid, name)).collect()
}

fn stop(call: &Call<'_>) -> Result<Json, Failure> {
    let (number, name) = (call.argument::<i32>("pid")?, call.text("name")?);
    let folder = Path::new(PROC).join(number.to_string());
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let pid = Some(number).filter(|number| *number > 1 && *number != own).and_then(Pid::from_raw).ok_or_else(|| {
        Failure::new(ErrorCode::InvalidInput, format!("the process {number} cannot be ended this way"))
    })?;
    if !numbers_are_ours() {
        return Err(Failure::new(ErrorCode::Unsupported, format!("{name} ({number}) cannot be ended from here"))
            .because("the jail shows the host's processes, but lets nothing reach them")
            .try_next(format!("End it yourself: kill {number}")));
    }
    let Some(found) = sample(&folder) else {
        return Err(Failure::new(ErrorCode::NotFound, format!("there is no process {number}")));
    };
    if found.name != name {
        return Err(Failure::new(ErrorCode::Conflict, format!("the process {number} is not {name}"))
            .because(format!("it is {}", found.name))
            .try_next("List the processes again: numbers are given anew"));
    }
    kill_process(pid, Signal::TERM).map_err(|error| {
        let code = if error == rustix::io::Errno::PERM { ErrorCode::NotGranted } else { ErrorCode::ToolFailed };
        Failure::new(code, format!("{name} ({number}) cannot be ended")).because(error)
    })?;
    let deadline = Instant::now() + STOP_TIME;
    while sample(&folder).is_some_and(|now| now.started == found.started && !is_dead(&folder)) {
        if Instant::now() > deadline {
            return Err(Failure::new(
                ErrorCode::TimedOut,
                format!("{name} ({number}) was asked to end and has not yet"),
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    answer(found.process(number, 0.0, &users()))
}

/// Whether `/proc` counts processes as this process does. In a jail it may show the host's, whose numbers mean other
/// processes here, or none.
fn numbers_are_ours() -> bool {
    let own = std::fs::read_link(Path::new(PROC).join("self"));
    own.is_ok_and(|own| own == Path::new(&std::process::id().to_string()))
}

/// Whether nothing is left of the process but its number, which its parent has not collected.
fn is_dead(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_busy_process_is_found_and_ended() {
        let mut child =
            std::process::Command::new("sh").args(["-c", "while :; do :; done", "busy-one"]).spawn().unwrap();
        let bench = Bench::new();
        let found = bench.ok("processes.list", json!({ "by": "cpu", "name": "busy-one" }));
        assert_eq!(bench.ok("processes.list", json!({ "name": " Busy-ONE" }))[0]["pid"], child.id());
        assert_eq!(bench.ok("processes.list", json!({ "name": "no such process, surely" })), json!([]));
        let process = &found[0];
        assert_eq!(process["pid"], child.id());
        assert!(process["cpu_percent"].as_f64().unwrap() > 5.0, "{process}");
        assert!(process["memory_bytes"].as_u64().unwrap() > 10_000);
        let pid = child.id();
        let stop = |name: &str| json!({ "pid": pid, "name": name });
        assert_eq!(bench.refused("processes.stop", stop("another")), ErrorCode::Conflict);
        bench.ok("processes.stop", stop(process["name"].as_str().unwrap()));
        child.wait().unwrap();
        assert_eq!(bench.refused("processes.stop", stop("sh")), ErrorCode::NotFound);
    }

    #[test]
    fn what_must_not_be_ended_is_refused() {
        let bench = Bench::new();
        for pid in [-1, 0, 1, i64::from(std::process::id())] {
            assert_eq!(
                bench.refused("processes.stop", json!({ "pid": pid, "name": "x" })),
                ErrorCode::InvalidInput,
                "{pid}"
            );
        }
    }
}
