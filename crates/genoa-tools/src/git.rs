//! Git: what changed, what was done, and a commit. Nothing that a repository configures is executed.

use std::path::{Path, PathBuf};
use std::process::Command;

use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::program::{ProgramLimits, program, run_well};
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{lookup, project};

/// What makes a folder a repository.
const REPOSITORY: &str = ".git";
/// Commits that `git.log` answers with at most.
const COMMITS: i64 = 200;
/// Commits that it answers with if nothing else is said.
const USUAL_COMMITS: i64 = 20;

/// Settings that keep a repository's own configuration from starting programs. Filters have names of the repository's
/// choice and are switched off one by one, in [`Repository::open`].
const SAFE_SETTINGS: [&str; 19] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "core.editor=false",
    "core.sshCommand=false",
    "core.askPass=false",
    "core.alternateRefsCommand=false",
    "core.attributesFile=/dev/null",
    "credential.helper=",
    "commit.gpgSign=false",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "gpg.x509.program=false",
    "log.showSignature=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.directory=*",
];

#[derive(Debug, Serialize)]
struct Commit {
    id: String,
    author: String,
    date: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct FileChange {
    path: String,
    change: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut commit = record(
        "Commit",
        &[
            ("id", "str", "its hash"),
            ("author", "str", "name and address"),
            ("date", "str", "when"),
            ("message", "str", "what and why"),
        ],
    );
    commit.title = Some("message".into());
    let mut change =
        record("FileChange", &[("path", "path", "the file"), ("change", "str", "added, modified, deleted, ...")]);
    change.origin = Some("path".into());
    change.title = Some("path".into());
    vec![commit, change]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, programs: true, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..read };
    let observe = |name: &str, about: &str, returns: &str| schema(name, about, EffectClass::Observe, read, returns);
    vec![
        Tool {
            schema: observe(
                "git.status",
                "Files of a repository that changed since the last commit.",
                "list[FileChange]",
            )
            .optional("project", "path", "the repository's folder")
            .existing_folder()
            .phrase("Look for changes in the repository {project}"),
            run: status,
        },
        Tool {
            schema: observe("git.log", "The last commits of a repository.", "list[Commit]")
                .optional("project", "path", "the repository's folder")
                .existing_folder()
                .optional("count", "int", "how many")
                .phrase("List the commits of {project}"),
            run: log,
        },
        Tool {
            schema: observe("git.diff", "Changes since the last commit, line by line.", "str")
                .optional("project", "path", "the repository's folder")
                .existing_folder()
                .optional("path", "path", "only this file or folder")
                .existing()
                .phrase("Show the changes of {path} in {project}"),
            run: diff,
        },
        Tool {
            schema: schema("git.commit", "Commit all changes of a repository.", EffectClass::Change, write, "Commit")
                .required("message", "str", "what changed and why")
                .optional("project", "path", "the repository's folder")
                .existing_folder()
                .asked_by("commit|check in|save the change")
                .phrase("Commit all changes of {project}: {message}"),
            run: commit,
        },
    ]
}

/// A repository that has been made harmless.
struct Repository {
    folder: PathBuf,
    workspace: PathBuf,
    settings: Vec<String>,
}

impl Repository {
    fn open(call: &Call<'_>) -> Result<Self, Failure> {
        let folder = repository_folder(call)?;
        let workspace = call.workspace().to_owned();
        let settings = SAFE_SETTINGS.iter().map(|setting| (*setting).to_owned()).collect();
        let mut repository = Self { folder, workspace, settings };
        repository.git(&["rev-parse", "--is-inside-work-tree"]).map_err(|failure| {
            if failure.code == ErrorCode::ToolFailed {
                Failure::new(ErrorCode::NotFound, "there is no Git repository here").because(failure.why)
            } else {
                failure
            }
        })?;
        let names = repository.git(&["config", "--list", "--name-only", "--includes", "-z"])?;
        for name in names.split('\0') {
            repository.settings.extend(neutral(name));
        }
        Ok(repository)
    }

    fn git(&self, arguments: &[&str]) -> Result<String, Failure> {
        run_well(self.command().args(arguments), ProgramLimits::default())
    }

    fn command(&self) -> Command {
        let mut command = program("git");
        command
            .current_dir(&self.folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_CEILING_DIRECTORIES", self.workspace.parent().unwrap_or(&self.workspace))
            .arg("--no-pager")
            .arg("--literal-pathspecs");
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
    }
}

/// The named folder or the workspace; where no repository is around it, the only one below it.
fn repository_folder(call: &Call<'_>) -> Result<PathBuf, Failure> {
    let folder = project::named(call, REPOSITORY)?;
    let folder = if folder.is_file() { folder.parent().unwrap_or(&folder).to_owned() } else { folder };
    if project::around(call, &folder, REPOSITORY).is_some() {
        return Ok(folder);
    }
    Ok(project::below(call, &folder, REPOSITORY)?.unwrap_or(folder))
}

/// Settings that undo one of the repository's, if it names a program under a name of the repository's choice.
fn neutral(name: &str) -> Vec<String> {
    let Some((section, key)) = name.rsplit_once('.') else { return Vec::new() };
    match (section.split_once('.').map(|(kind, _)| kind), key) {
        (Some("filter"), "clean" | "smudge" | "process") => {
            vec![format!("{name}="), format!("{section}.required=false")]
        }
        (Some("merge"), "driver") => vec![format!("{name}=false")],
        (Some("diff"), "command" | "textconv") => vec![format!("{name}=false")],
        _ => Vec::new(),
    }
}

fn status(call: &Call<'_>) -> Result<Json, Failure> {
    let repository = Repository::open(call)?;
    let text = repository.git(&[
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=all",
        "--no-renames",
    ])?;
    let change = |entry: &str| {
        let (state, path) = (entry.get(..2)?, entry.get(3..)?);
        Some(FileChange { path: path.to_owned(), change: words(state).to_owned() })
    };
    answer(text.split('\0').filter_map(change).collect::<Vec<_>>())
}

fn words(state: &str) -> &'static str {
    match state {
        "??" => "new",
        "DD" | "AU" | "UD" | "UA" | "DU" | "AA" | "UU" => "conflict",
        state if state.contains('D') => "deleted",
        state if state.contains('A') => "added",
        _ => "modified",
    }
}

fn log(call: &Call<'_>) -> Result<Json, Failure> {
    let repository = Repository::open(call)?;
    let count = call.argument::<Option<i64>>("count")?.unwrap_or(USUAL_COMMITS).clamp(1, COMMITS);
    answer(commits(&repository, count)?)
}

fn commits(repository: &Repository, count: i64) -> Result<Vec<Commit>, Failure> {
    if repository.git(&["rev-parse", "--verify", "--quiet", "HEAD"]).is_err() {
        return Ok(Vec::new());
    }
    let text = repository.git(&[
        "log",
        &format!("--max-count={count}"),
        "-z",
        "--no-show-signature",
        "--format=%H%n%an <%ae>%n%aI%n%B",
    ])?;
    let commit = |entry: &str| {
        let mut parts = entry.splitn(4, '\n').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let (id, author, date, message) = (part(), part(), part(), part());
        Commit { id, author, date, message: message.trim().to_owned() }
    };
    Ok(text.split('\0').filter(|entry| !entry.is_empty()).map(commit).collect())
}

fn diff(call: &Call<'_>) -> Result<Json, Failure> {
    let repository = Repository::open(call)?;
    let has_commit = repository.git(&["rev-parse", "--verify", "--quiet", "HEAD"]).is_ok();
    let mut arguments = vec!["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all"];
    if has_commit {
        arguments.push("HEAD");
    }
    arguments.push("--");
    let path = call.text("path")?;
    if path.is_empty() {
        return answer(repository.git(&arguments)?);
    }
    let place = call.resolve(&path)?;
    let of_path = |place: &Path| {
        let whole = place.to_string_lossy();
        repository.git(&[arguments.as_slice(), &[&*whole]].concat())
    };
    let changes = of_path(&place);
    // What is gone has changes at its old place; only what has none is looked for elsewhere.
    if place.symlink_metadata().is_ok() || changes.as_ref().is_ok_and(|changes| !changes.is_empty()) {
        return answer(changes?);
    }
    answer(of_path(&lookup::below(call, &repository.folder, &path)?)?)
}

fn commit(call: &Call<'_>) -> Result<Json, Failure> {
    let message = call.text("message")?;
    if message.trim().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "a commit needs a message"));
    }
    let repository = Repository::open(call)?;
    repository.git(&["add", "--all"])?;
    if repository
        .git(&["status", "--porcelain=v1", "--untracked-files=no", "--ignore-submodules=all"])?
        .trim()
        .is_empty()
    {
        return Err(Failure::new(ErrorCode::Conflict, "there is nothing to commit")
            .because("no file changed since the last commit"));
    }
    let person = &call.request.person;
    let or =
        |text: &str, other: &str| if text.trim().is_empty() { other.to_owned() } else { crate::text::one_line(text) };
    let (name, email) = (or(&person.name, "Unknown"), or(&person.email, "unknown@localhost"));
    let mut command = repository.command();
    command
        .env("GIT_AUTHOR_NAME", &name)
        .env("GIT_AUTHOR_EMAIL", &email)
        .env("GIT_COMMITTER_NAME", &name)
        .env("GIT_COMMITTER_EMAIL", &email)
        .args(["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=whitespace"])
        .arg(format!("--message={message}"));
    run_well(&mut command, ProgramLimits::default())?;
    let last = commits(&repository, 1)?.pop();
    answer(last.ok_or_else(|| Failure::new(ErrorCode::ToolFailed, "the commit is not there"))?)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::program::{ProgramLimits, program, run_well};
    use crate::testing::Bench;

    fn repository() -> Bench {
        let bench = Bench::new().with("a.txt", "one\n");
        run_well(
            program("git").args(["init", "--quiet", "-b", "main"]).current_dir(bench.path()),
            ProgramLimits::default(),
        )
        .unwrap();
        bench
    }

    #[test]
    fn a_change_is_seen_and_committed() {
        let bench = repository();
        assert_eq!(bench.ok("git.log", json!({})), json!([]));
        assert_eq!(bench.ok("git.status", json!({})), json!([{ "path": "a.txt", "change": "new" }]));
        let commit = bench.ok("git.commit", json!({ "message": "first: a\n\nbecause" }));
        assert_eq!(commit["author"], "Nora Lindqvist <nora@fjordlight.example>");
        assert_eq!(commit["message"], "first: a\n\nbecause");
        bench.put("a.txt", "two\n");
        bench.put("ü \"b\".txt", "new\n");
        assert_eq!(bench.column("git.status", json!({}), "path"), ["a.txt", "ü \"b\".txt"]);
        let diff = bench.ok("git.diff", json!({ "path": "a.txt" }));
        assert!(diff.as_str().unwrap().contains("-one\n+two\n"), "{diff}");
        bench.ok("git.commit", json!({ "message": "second" }));
        assert_eq!(bench.column("git.log", json!({ "count": 1 }), "message"), ["second"]);
        assert_eq!(bench.refused("git.commit", json!({ "message": "again" })), ErrorCode::Conflict);
    }

    #[test]
    fn nothing_that_a_hostile_repository_configures_is_run() {
        let bench = repository();
        bench.ok("git.commit", json!({ "message": "first" }));
        let trap = bench.path().join("trap.sh");
        std::fs::write(&trap, "#!/bin/sh\ntouch \"$(dirname \"$0\")/SPRUNG\"\ncat\n").unwrap();
        let set = |path: &std::path::Path| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path, mode).unwrap();
        };
        set(&trap);
        for hook in [
            "pre-commit",
            "post-commit",
            "commit-msg",
            "prepare-commit-msg",
            "post-index-change",
            "reference-transaction",
        ] {
            let path = bench.path().join(".git/hooks").join(hook);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(&trap, &path).unwrap();
            set(&path);
        }
        let t = trap.to_str().unwrap();
        bench
            .put(".git/extra", format!("[filter \"other.name\"]\n\tprocess = {t}\n\tclean = {t}\n\trequired = true\n"));
        let config = format!(
            "[core]\n\tfsmonitor = {t}\n\tpager = {t}\n\teditor = {t}\n\tsshCommand = {t}\n\thooksPath = {0}/.git/hooks\n[include]\n\tpath = extra\n\
             [diff]\n\texternal = {t}\n[diff \"d\"]\n\tcommand = {t}\n\ttextconv = {t}\n[filter \"f\"]\n\tclean = {t}\n\tsmudge = {t}\n\trequired = true\n\
             [commit]\n\tgpgSign = true\n[gpg]\n\tprogram = {t}\n[log]\n\tshowSignature = true\n[credential]\n\thelper = {t}\n[pager]\n\tlog = {t}\n\tdiff = {t}\n\
             [alias]\n\tstatus = !{t}\n[sequence]\n\teditor = {t}\n[gc]\n\tauto = 1\n",
            bench.path().display()
        );
        let old = bench.text(".git/config");
        bench.put(".git/config", old + &config);
        bench.put(".gitattributes", "*.txt filter=f diff=d\n*.md filter=other.name\n");
        bench.put("a.txt", "changed\n");
        bench.put("b.md", "changed\n");
        bench.ok("git.status", json!({}));
        bench.ok("git.diff", json!({}));
        bench.ok("git.log", json!({}));
        bench.ok("git.commit", json!({ "message": "--amend\n\n$(touch SPRUNG)" }));
        bench.ok("git.log", json!({}));
        // The hooks write beside themselves.
        assert!(!bench.path().join("SPRUNG").exists() && !bench.path().join(".git/hooks/SPRUNG").exists());
        // The trap itself works: plain Git would have fallen into it.
        let plain = run_well(program("git").args(["diff"]).current_dir(bench.path()), ProgramLimits::default());
        bench.put("a.txt", "changed again\n");
        let _ = (plain, run_well(program("git").args(["status"]).current_dir(bench.path()), ProgramLimits::default()));
        assert!(bench.path().join("SPRUNG").exists());
    }

    #[test]
    fn the_only_repository_and_a_file_without_its_folder_are_found() {
        let bench = Bench::new().with("work/app/src/main.rs", "one\n").with("main.rs", "elsewhere");
        let init = |folder: &str| {
            let folder = bench.path().join(folder);
            let mut command = program("git");
            run_well(command.args(["init", "--quiet", "-b", "main"]).current_dir(folder), ProgramLimits::default())
                .unwrap();
        };
        init("work/app");
        bench.ok("git.commit", json!({ "message": "first" }));
        assert_eq!(bench.column("git.log", json!({ "project": "App" }), "message"), ["first"]);
        bench.put("work/app/src/main.rs", "two\n");
        for path in ["src/main.rs", "work/app/src/main.rs", "SRC"] {
            let diff = bench.ok("git.diff", json!({ "path": path }));
            assert!(diff.as_str().unwrap().contains("+two"), "{path}: {diff}");
        }
        std::fs::remove_file(bench.path().join("work/app/src/main.rs")).unwrap();
        let diff = bench.ok("git.diff", json!({ "path": "work/app/src/main.rs" }));
        assert!(diff.as_str().unwrap().contains("deleted file"), "{diff}");
        assert_eq!(bench.refused("git.diff", json!({ "path": "none.rs" })), ErrorCode::NotFound);
        bench.put("other/a.txt", "x");
        init("other");
        assert_eq!(bench.refused("git.status", json!({})), ErrorCode::Ambiguous);
        assert_eq!(bench.column("git.status", json!({ "project": "other" }), "path"), ["a.txt"]);
    }

    #[test]
    fn only_repositories_of_the_workspace_are_used() {
        let bench = Bench::new();
        assert_eq!(bench.refused("git.status", json!({})), ErrorCode::NotFound);
        assert_eq!(bench.refused("git.log", json!({ "project": ".." })), ErrorCode::NotGranted);
        let repository = repository();
        assert_eq!(repository.refused("git.commit", json!({ "message": " " })), ErrorCode::InvalidInput);
        assert_eq!(repository.refused("git.diff", json!({ "path": "../x" })), ErrorCode::NotGranted);
    }
}
