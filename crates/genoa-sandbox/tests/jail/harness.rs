//! Runs the tests, as this user and as an unprivileged one, and builds worlds for them.

use std::fs;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use genoa_abi::ViewId;
use genoa_abi::event::ToolJob;
use genoa_abi::grant::{Access, Right};
use genoa_sandbox::{ChildEnd, JailPlan, Machine, SpawnerHandle, SpawnerNews, ViewLayout, plan_tool, probe};
use serde_json::json;
use tempfile::TempDir;

/// A name and what it checks.
pub(crate) type Test = (&'static str, fn());

const UNPRIVILEGED: &str = "65534";

/// Runs all tests whose name holds the argument; as root, runs them again as somebody else.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let chosen: Vec<&Test> =
        tests.iter().filter(|(name, _)| wanted.is_none_or(|wanted| name.contains(wanted.as_str()))).collect();
    let failed: Vec<&str> = chosen.iter().filter(|(name, test)| !passes(name, *test)).map(|(name, _)| *name).collect();
    println!("{} passed, {} failed {failed:?}", chosen.len() - failed.len(), failed.len());
    let again = if is_root() && !chosen.is_empty() { again_unprivileged(&arguments) } else { true };
    if failed.is_empty() && again { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(name: &str, test: fn()) -> bool {
    let start = Instant::now();
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    println!("test {name} ... {} ({} ms)", if passed { "ok" } else { "FAILED" }, start.elapsed().as_millis());
    passed
}

fn again_unprivileged(arguments: &[String]) -> bool {
    println!("again as user {UNPRIVILEGED}");
    let status = Command::new("setpriv")
        .args(["--reuid", UNPRIVILEGED, "--regid", UNPRIVILEGED, "--clear-groups"])
        .arg(std::env::current_exe().unwrap())
        .args(arguments)
        .current_dir("/")
        .status();
    status.expect("setpriv is there").success()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A workspace, a view above it, and a spawner.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) machine: Machine,
    pub(crate) layout: ViewLayout,
    pub(crate) spawner: SpawnerHandle,
    last_id: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("genoa-jail-").tempdir_in("/var/tmp").unwrap();
        let (home, workspace) = (folder.path().join("home"), folder.path().join("workspace"));
        let layout = ViewLayout::new(&home, ViewId(1), &workspace);
        fs::create_dir_all(workspace.join("inner")).unwrap();
        fs::write(workspace.join("file"), "below").unwrap();
        fs::write(workspace.join("inner/deep"), "deep").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        layout.open().unwrap();
        let binary = std::env::current_exe().unwrap();
        let machine = Machine::survey(probe(&binary, &home).unwrap(), &binary, &home, None);
        let spawner = SpawnerHandle::start(&binary).unwrap();
        Self { folder, machine, layout, spawner, last_id: 0 }
    }

    pub(crate) fn workspace(&self) -> &Path {
        &self.layout.workspace
    }

    pub(crate) fn files(&self, access: Access) -> Right {
        Right::Files { under: self.layout.workspace.to_str().unwrap().to_owned(), access }
    }

    pub(crate) fn job(&self, rights: Vec<Right>) -> ToolJob {
        serde_json::from_value(json!({
            "call": 1, "session": 1, "run": null, "line": 0,
            "schema": {"name": "test.tool", "group": "test", "about": "", "parameters": [], "returns": "None",
                "effect": "change", "executor": "jail", "needs": {}},
            "arguments": {}, "rights": rights, "view": 1, "workspace": self.layout.workspace,
            "person": {"name": "Ada", "email": ""}, "clock": {"now": "2026-11-22T10:00:00+01:00", "timezone": "Europe/Rome"},
            "time_limit_ms": 1000,
        }))
        .unwrap()
    }

    pub(crate) fn plan(&self, rights: Vec<Right>) -> JailPlan {
        plan_tool(&self.job(rights), &self.layout, &self.machine).unwrap()
    }

    /// A plan that runs a shell script in a jail with these rights and the right to run programs.
    pub(crate) fn script(&self, mut rights: Vec<Right>, script: &str) -> JailPlan {
        rights.push(Right::Program { name: "*".into() });
        let mut plan = self.plan(rights);
        plan.program.path = "/bin/sh".into();
        plan.program.arguments = vec!["-c".into(), script.into()];
        plan
    }

    /// Runs a script that may write to the workspace; what it printed, and how it ended.
    pub(crate) fn sh(&mut self, script: &str) -> (String, ChildEnd) {
        let plan = self.script(vec![self.files(Access::Write)], script);
        self.run(&plan, &[])
    }

    pub(crate) fn run(&mut self, plan: &JailPlan, fds: &[OwnedFd]) -> (String, ChildEnd) {
        let mut log = tempfile::tempfile().unwrap();
        let id = self.start(plan, fds, &log.try_clone().unwrap().into());
        let end = match self.news(Duration::from_secs(20)) {
            SpawnerNews::Started { .. } => self.end_of(id),
            other => panic!("{other:?}"),
        };
        log.rewind().unwrap();
        let mut text = Vec::new();
        log.read_to_end(&mut text).unwrap();
        (String::from_utf8_lossy(&text).into_owned(), end)
    }

    pub(crate) fn start(&mut self, plan: &JailPlan, fds: &[OwnedFd], log: &OwnedFd) -> u64 {
        self.last_id += 1;
        self.spawner.spawn_logged(self.last_id, plan, fds, log).unwrap();
        self.last_id
    }

    pub(crate) fn end_of(&mut self, id: u64) -> ChildEnd {
        match self.news(Duration::from_secs(30)) {
            SpawnerNews::Exited { id: ended, end } if ended == id => end,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn news(&mut self, wait: Duration) -> SpawnerNews {
        let start = Instant::now();
        loop {
            if let Some(news) = self.spawner.receive().unwrap() {
                return news;
            }
            assert!(start.elapsed() < wait, "no news from the spawner");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Everything below the workspace.
    pub(crate) fn lower(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        tree(&self.layout.workspace)
    }
}

/// Everything below a folder: path, type with permissions, content or where a link points.
pub(crate) fn tree(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            let content = if data.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if data.is_file() {
                fs::read(&path).unwrap()
            } else {
                folders.push(path.clone());
                Vec::new()
            };
            found.push((path, data.permissions().mode(), content));
        }
    }
    found.sort();
    found
}

impl Drop for World {
    fn drop(&mut self) {
        // The kernel leaves this folder without permissions.
        let inner = self.layout.work().join("work");
        if inner.exists() {
            let _ = fs::set_permissions(inner, fs::Permissions::from_mode(0o700));
        }
    }
}
