//! Services of the host, as systemd tells or its control groups show.

use std::path::Path;

use genoa_abi::schema::{EffectClass, Needs, RecordType, Yields};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::program::{ProgramLimits, program, run_well};
use crate::text::one_line;
use crate::tool::{Call, Tool, answer, record, schema};

/// Where control groups of services are, by the version of their interface.
const GROUPS: [&str; 3] =
    ["sys/fs/cgroup/system.slice", "sys/fs/cgroup/systemd/system.slice", "sys/fs/cgroup/unified/system.slice"];
const UNIT_FOLDERS: [&str; 3] = ["etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Service {
    name: String,
    state: String,
    description: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut service = record(
        "Service",
        &[
            ("name", "str", "its name"),
            ("state", "str", "running, failed, exited, ..."),
            ("description", "str", "what it is"),
        ],
    );
    service.title = Some("name".into());
    vec![service]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { host: true, programs: true, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "services.list",
            "Services of this machine and their state.",
            EffectClass::Observe,
            needs,
            "list[Service]",
        )
        .optional("state", r#""failed" | "running" | "all""#, "which; else the running ones")
        .yielding(Yields::Machine)
        .phrase("List the {state} services"),
        run: list,
    }]
}

fn list(call: &Call<'_>) -> Result<Json, Failure> {
    let state = call.text("state")?;
    let state = if state.is_empty() { "running" } else { &state };
    let mut found = match ask_systemd() {
        Ok(services) => services,
        Err(failure) => running_groups(Path::new("/"), state, failure)?,
    };
    found.retain(|service| state == "all" || service.state == state);
    answer(found)
}

fn ask_systemd() -> Result<Vec<Service>, Failure> {
    let mut command = program("systemctl");
    command.args(["list-units", "--type=service", "--all", "--no-pager", "--output=json"]);
    parse_units(&run_well(&mut command, ProgramLimits::default())?)
}

fn parse_units(text: &str) -> Result<Vec<Service>, Failure> {
    let units: Vec<Json> = serde_json::from_str(text)
        .map_err(|error| Failure::new(ErrorCode::Unsupported, "the answer of systemctl is not JSON").because(error))?;
    let service = |unit: &Json| {
        let field = |name: &str| unit[name].as_str().map(one_line).unwrap_or_default();
        let state = if field("active") == "failed" { "failed".to_owned() } else { field("sub") };
        Service { name: field("unit"), state, description: field("description") }
    };
    Ok(units.iter().filter(|unit| unit["load"] != "not-found").map(service).collect())
}

/// Services with processes, by the control groups below `root`. It cannot tell which ones failed.
fn running_groups(root: &Path, state: &str, failure: Failure) -> Result<Vec<Service>, Failure> {
    let groups = GROUPS.iter().map(|group| root.join(group)).find(|group| group.is_dir());
    let Some(groups) = groups.filter(|_| state == "running") else {
        return Err(Failure::new(ErrorCode::Unsupported, format!("the {state} services cannot be listed here"))
            .because(format!("systemd does not answer ({failure})"))
            .try_next("Ask for the running ones, or look into the logs"));
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(groups).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let has_processes =
            || std::fs::read_to_string(entry.path().join("cgroup.procs")).is_ok_and(|text| !text.trim().is_empty());
        if name.ends_with(".service") && has_processes() {
            let description = description(root, &name);
            found.push(Service { name, state: "running".into(), description });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn description(root: &Path, name: &str) -> String {
    let unit = UNIT_FOLDERS.iter().find_map(|folder| std::fs::read_to_string(root.join(folder).join(name)).ok());
    let line = |text: String| text.lines().find_map(|line| line.strip_prefix("Description=")).map(one_line);
    unit.and_then(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use genoa_abi::{ErrorCode, Failure};

    use super::{parse_units, running_groups};
    use crate::testing::Bench;

    #[test]
    fn the_answer_of_systemd_is_understood() {
        let text = r#"[{"unit":"a.service","load":"loaded","active":"active","sub":"running","description":"A\n thing"},
                       {"unit":"b.service","load":"loaded","active":"failed","sub":"failed","description":"B"},
                       {"unit":"c.service","load":"not-found","active":"inactive","sub":"dead","description":"c"}]"#;
        let states: Vec<String> = parse_units(text)
            .unwrap()
            .iter()
            .map(|unit| format!("{} {}: {}", unit.name, unit.state, unit.description))
            .collect();
        assert_eq!(states, ["a.service running: A thing", "b.service failed: B"]);
        assert!(parse_units("no").is_err());
    }

    #[test]
    fn without_systemd_the_control_groups_tell_what_runs_and_nothing_else() {
        let bench = Bench::new()
            .with("sys/fs/cgroup/system.slice/a.service/cgroup.procs", "12\n")
            .with("sys/fs/cgroup/system.slice/b.service/cgroup.procs", "")
            .with("lib/systemd/system/a.service", "[Unit]\nDescription=The A\n");
        let failure = || Failure::new(ErrorCode::NotFound, "no systemctl");
        let running = running_groups(bench.path(), "running", failure()).unwrap();
        assert_eq!(
            (running.len(), running[0].name.as_str(), running[0].description.as_str()),
            (1, "a.service", "The A")
        );
        let refused = |state, bench: &Bench| running_groups(bench.path(), state, failure()).unwrap_err().code;
        assert_eq!(refused("failed", &bench), ErrorCode::Unsupported);
        assert_eq!(refused("running", &Bench::new()), ErrorCode::Unsupported);
    }
}
