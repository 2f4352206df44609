//! Running commands in the view.

use genoa_abi::schema::{Demand, EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::program::{ProgramLimits, program, run};
use crate::tool::{Call, Tool, answer, record, schema};

/// What is kept of each of a command's two outputs.
const OUTPUT_BYTES: usize = 256 * 1024;

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut output = record(
        "Output",
        &[
            ("exit", "int", "exit code, 0 if all went well"),
            ("stdout", "str", "what it printed"),
            ("stderr", "str", "its error messages"),
        ],
    );
    output.title = Some("stdout".into());
    vec![output]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Write, programs: true, ..Needs::default() };
    vec![Tool {
        schema: schema("shell.run", "Run a shell command in the workspace.", EffectClass::Change, needs, "Output")
            .required("command", "str", "the command line")
            .demanding(Demand::Person)
            .existing()
            .asked_by("run|start|execut|command|shell|terminal|invoke|launch|try|fire|kick|use")
            .phrase("Run the command {command}"),
        run: run_command,
    }]
}

fn run_command(call: &Call<'_>) -> Result<Json, Failure> {
    let command = call.text("command")?;
    if command.trim().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "there is no command"));
    }
    let folder = call.resolve(".")?;
    let limits = ProgramLimits { output_bytes: OUTPUT_BYTES, ..ProgramLimits::default() };
    answer(run(program("sh").args(["-c", &command]).current_dir(&folder).env("HOME", &folder), limits)?)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn a_command_runs_in_the_workspace_without_input() {
        let bench = Bench::new().with("a.txt", "alpha");
        assert_eq!(
            bench.ok("shell.run", json!({ "command": "cat a.txt; echo oops >&2; exit 3" })),
            json!({ "exit": 3, "stdout": "alpha", "stderr": "oops\n" })
        );
        assert_eq!(bench.ok("shell.run", json!({ "command": "cat" }))["stdout"], "");
        let long = bench.ok("shell.run", json!({ "command": "head -c 1000000 /dev/zero | tr '\\0' a" }));
        assert!(long["stdout"].as_str().unwrap().contains("737856 more bytes"), "the cut is said");
    }

    #[test]
    fn an_empty_command_is_refused() {
        assert_eq!(Bench::new().refused("shell.run", json!({ "command": " " })), ErrorCode::InvalidInput);
    }
}
