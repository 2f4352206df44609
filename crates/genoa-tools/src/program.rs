//! Runs another program: nothing of our environment, a time limit, a limit on what it may say.
//!
//! The jail bounds what a program can reach; this page bounds how long it is listened to. Every child of every tool is
//! started here.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use genoa_abi::limits::{READ_BYTES, TOOL_MS};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;

/// What a program may use before it is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProgramLimits {
    /// How long it may run.
    pub(crate) time: Duration,
    /// Bytes kept of each of its two streams; the rest is read and dropped, and the cut is marked.
    pub(crate) output_bytes: usize,
}

impl Default for ProgramLimits {
    /// A little less than a tool call may take, so that the failure is told before the jail ends the call.
    fn default() -> Self {
        Self { time: Duration::from_millis(TOOL_MS - 10_000), output_bytes: READ_BYTES }
    }
}

/// What a program said: the record type `Output`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Output {
    /// Its exit code; 128 and the signal's number if a signal ended it.
    pub(crate) exit: i32,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

/// Variables that a child keeps. Everything else (tokens, proxies, preloads) stays outside.
const KEPT_VARIABLES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "CARGO_HOME", "RUSTUP_HOME"];

/// A command for `name`, found through `PATH`, that inherits only [`KEPT_VARIABLES`].
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear();
    for variable in KEPT_VARIABLES {
        if let Some(value) = std::env::var_os(variable) {
            command.env(variable, value);
        }
    }
    command
}

/// Runs `command` to its end without input. The process group is killed when the time is over.
///
/// # Errors
/// [`ErrorCode::NotFound`] if there is no such program, [`ErrorCode::TimedOut`], [`ErrorCode::ToolFailed`]. A program
/// that says no by its exit code is not an error here.
pub(crate) fn run(command: &mut Command, limits: ProgramLimits) -> Result<Output, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let deadline = Instant::now() + limits.time;
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
    let mut child = spawned.map_err(|error| cannot_start(&name, &error))?;
    let streams = (child.stdout.take().map(collect(limits)), child.stderr.take().map(collect(limits)));
    let outcome = wait(&mut child, deadline).and_then(|status| {
        let stdout = receive(streams.0, deadline)?;
        Some((status, stdout, receive(streams.1, deadline)?))
    });
    // What the program left running in its group must not outlive the call.
    end_group(&mut child);
    let Some((status, stdout, stderr)) = outcome else {
        let what = format!("{name} was ended after {} s", limits.time.as_secs());
        return Err(Failure::new(ErrorCode::TimedOut, what).because("it did not finish in time"));
    };
    Ok(Output { exit: exit_code(status), stdout, stderr })
}

/// As [`run`], but a program that does not exit with 0 is a failure that quotes the end of what it said.
///
/// # Errors
/// As [`run`], and [`ErrorCode::ToolFailed`] for another exit code.
pub(crate) fn run_well(command: &mut Command, limits: ProgramLimits) -> Result<String, Failure> {
    let output = run(command, limits)?;
    if output.exit == 0 {
        return Ok(output.stdout);
    }
    let said = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    let lines: Vec<&str> = said.trim().lines().rev().take(8).collect();
    let tail = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
    let what = format!("{} ended with {}", command.get_program().to_string_lossy(), output.exit);
    Err(Failure::new(ErrorCode::ToolFailed, what).because(tail))
}

fn cannot_start(name: &str, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::new(ErrorCode::NotFound, format!("the program {name} is not here"))
            .because("it is not installed, or the jail does not show it")
            .try_next("Install it, or grant the right to run it");
    }
    Failure::new(ErrorCode::ToolFailed, format!("{name} could not be started")).because(error)
}

/// Starts a thread that reads a stream to its end, and gives the place where its text arrives.
fn collect<R: Read + Send + 'static>(limits: ProgramLimits) -> impl Fn(R) -> Receiver<String> {
    move |mut stream| {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            let limit = u64::try_from(limits.output_bytes).unwrap_or(u64::MAX);
            let _ = stream.by_ref().take(limit).read_to_end(&mut kept);
            // Reading on keeps the program from blocking on a full pipe.
            let dropped = std::io::copy(&mut stream, &mut std::io::sink()).unwrap_or_default();
            let mut text = String::from_utf8_lossy(&kept).into_owned();
            if dropped > 0 {
                text.push_str(&format!("\n[{dropped} more bytes left out: the limit is {limit}]\n"));
            }
            let _ = sender.send(text);
        });
        receiver
    }
}

/// The stream's text; nothing if it is still open when the time is over.
fn receive(stream: Option<Receiver<String>>, deadline: Instant) -> Option<String> {
    let Some(stream) = stream else { return Some(String::new()) };
    match stream.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(text) => Some(text),
        Err(RecvTimeoutError::Disconnected) => Some(String::new()),
        Err(RecvTimeoutError::Timeout) => None,
    }
}

fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(pause),
            _ => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Kills the child's process group, so that what it started ends as well.
pub(crate) fn end_group(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // An error means that the group is gone already.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use genoa_abi::ErrorCode;

    use super::{ProgramLimits, program, run, run_well};

    fn shell(script: &str, limits: ProgramLimits) -> Result<super::Output, genoa_abi::Failure> {
        run(program("sh").args(["-c", script]), limits)
    }

    #[test]
    fn both_streams_and_the_exit_code_come_back() {
        let output = shell("echo out; echo err >&2; exit 3", ProgramLimits::default()).unwrap();
        assert_eq!((output.exit, output.stdout.as_str(), output.stderr.as_str()), (3, "out\n", "err\n"));
        assert_eq!(shell("kill -9 $$", ProgramLimits::default()).unwrap().exit, 137);
        let failure = run_well(program("sh").args(["-c", "echo no >&2; exit 1"]), ProgramLimits::default());
        assert_eq!(failure.map_err(|failure| failure.why), Err("no".to_owned()));
    }

    #[test]
    fn a_program_that_never_ends_is_ended_with_its_children() {
        let limits = ProgramLimits { time: Duration::from_millis(200), ..ProgramLimits::default() };
        for script in ["sleep 60", "sleep 60 & sleep 60", "sleep 60 & exit 0"] {
            let started = Instant::now();
            assert_eq!(shell(script, limits).map_err(|failure| failure.code), Err(ErrorCode::TimedOut), "{script}");
            assert!(started.elapsed() < Duration::from_secs(5), "{script}");
        }
    }

    #[test]
    fn endless_output_is_cut_and_says_so() {
        let limits = ProgramLimits { output_bytes: 100, ..ProgramLimits::default() };
        let output = shell("head -c 100000 /dev/zero | tr '\\0' x", limits).unwrap();
        assert!(output.stdout.ends_with("\n[99900 more bytes left out: the limit is 100]\n"), "{}", output.stdout);
    }

    #[test]
    fn the_environment_stays_outside() {
        let output = run(&mut program("env"), ProgramLimits::default()).unwrap();
        for line in output.stdout.lines() {
            let name = line.split('=').next().unwrap();
            assert!(super::KEPT_VARIABLES.contains(&name), "{line}");
        }
        let missing = run(&mut program("no-such-program"), ProgramLimits::default());
        assert_eq!(missing.map_err(|failure| failure.code), Err(ErrorCode::NotFound));
    }
}
