//! Programs' sources: what they consist of, what the compiler says, and exact changes.

use std::path::{Path, PathBuf};

use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::program::{ProgramLimits, program, run};
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{files, lookup, project, text};

mod outline;
mod rename;

/// What makes a folder a Cargo project.
const MANIFEST: &str = "Cargo.toml";
/// Diagnostics that one check answers with.
const DIAGNOSTICS: usize = 200;
/// What is kept of the compiler's messages.
const MESSAGES_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Diagnostic {
    path: String,
    line: u64,
    column: u64,
    level: String,
    code: Option<String>,
    message: String,
    suggestion: Option<String>,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut diagnostic = record(
        "Diagnostic",
        &[
            ("path", "path", "the file"),
            ("line", "int", "from 1"),
            ("column", "int", "from 1"),
            ("level", "str", "error or warning"),
            ("code", "str?", "the compiler's code for it"),
            ("message", "str", "what is wrong"),
            ("suggestion", "str?", "what the compiler proposes"),
        ],
    );
    diagnostic.origin = Some("path".into());
    diagnostic.title = Some("message".into());
    vec![diagnostic]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    // A build runs the project's own code, which may write: so it happens in the view.
    let build = Needs { programs: true, ..write };
    vec![
        Tool {
            schema: schema(
                "code.check",
                "Compile a project and list its errors and warnings.",
                EffectClass::Change,
                build,
                "list[Diagnostic]",
            )
            .optional("project", "path", "the project's folder")
            .existing_folder()
            .phrase("Check the project {project} with the compiler"),
            run: check,
        },
        Tool {
            schema: schema("code.test", "Run a project's tests.", EffectClass::Change, build, "Output")
                .optional("project", "path", "the project's folder")
                .existing_folder()
                .phrase("Run the tests of the project {project}"),
            run: test,
        },
        Tool {
            schema: schema(
                "code.outline",
                "Modules, types and functions of a project.",
                EffectClass::Observe,
                read,
                "str",
            )
            .optional("project", "path", "the project's folder")
            .existing_folder()
            .phrase("Outline the project {project}"),
            run: outline,
        },
        Tool {
            schema: schema("code.replace", "Replace one exact piece of a file.", EffectClass::Change, write, "File")
                .required("path", "path", "the file")
                .existing()
                .required("find", "str", "the piece, which must be there exactly once")
                .verbatim()
                .required("replace", "str", "what takes its place")
                .asked_by(
                    "fix|repair|becom|call|replac|chang|correct|edit|renam|patch|updat|modif|typo|mend|solv|adjust|set|turn|add|\
                     remov|rewrit|should|rais|lower|increas|decreas|swap|improv|mak|instead|put|insert|bump|writ|debug|disabl|enabl|\
                     comment|switch|delet|drop|cut|shorten|extend|doubl|halv|limit|allow|ban|must|need|now|use|let|print|convert",
                )
                .phrase("Replace {find} with {replace} in {path}"),
            run: replace,
        },
        Tool {
            schema: schema(
                "code.rename",
                "Rename a word in all files of a project.",
                EffectClass::Change,
                write,
                "list[File]",
            )
            .required("find", "str", "the word")
.topic()
            .required("replace", "str", "the new word")
.topic()
            .optional("project", "path", "the project's folder")
            .existing_folder()
            .asked_by("renam|everywhere|all of|in all|whole|throughout|wherever|every file|every place|call|all files|all pages|across")
            .phrase("Rename {find} to {replace} everywhere in {project}"),
            run: |call| rename::rename(call, MANIFEST),
        },
    ]
}

/// The folder of the Cargo project that is meant: the named one, the workspace, the only one below it, or the one around
/// it.
fn cargo_project(call: &Call<'_>) -> Result<PathBuf, Failure> {
    let folder = project::named(call, MANIFEST)?;
    let folder = if folder.is_file() { folder.parent().unwrap_or(&folder).to_owned() } else { folder };
    if folder.join(MANIFEST).is_file() {
        return Ok(folder);
    }
    let found = match project::below(call, &folder, MANIFEST)? {
        None => project::around(call, &folder, MANIFEST),
        found => found,
    };
    found.ok_or_else(|| {
        let shown = call.relative(&folder);
        let place = if shown.is_empty() { "the workspace" } else { &shown };
        Failure::new(ErrorCode::NotFound, "there is no Cargo project here")
            .because(format!("no {MANIFEST} in {place} or below"))
    })
}

fn cargo(project: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = program("cargo");
    command
        .args(arguments)
        .current_dir(project)
        .env("CARGO_TARGET_DIR", std::env::temp_dir().join("genoa-target"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_INCREMENTAL", "0");
    command
}

fn check(call: &Call<'_>) -> Result<Json, Failure> {
    let project = cargo_project(call)?;
    (call.progress)(&format!("checking {}", call.relative(&project)));
    let limits = ProgramLimits { output_bytes: MESSAGES_BYTES, ..ProgramLimits::default() };
    let output = run(&mut cargo(&project, &["check", "--offline", "--all-targets", "--message-format=json"]), limits)?;
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in output.stdout.lines() {
        let Ok(message) = serde_json::from_str::<Json>(line) else { continue };
        if let Some(diagnostic) = diagnostic(call, &project, &message) {
            // Each target of a package repeats what is wrong in the files that they share.
            if !found.contains(&diagnostic) && found.len() < DIAGNOSTICS {
                found.push(diagnostic);
            }
        }
    }
    if output.exit != 0 && !found.iter().any(|diagnostic| diagnostic.level == "error") {
        let why: Vec<&str> = output.stderr.trim().lines().rev().take(12).collect();
        let why = why.into_iter().rev().collect::<Vec<_>>().join("\n");
        return Err(Failure::new(ErrorCode::ToolFailed, "the project cannot be checked").because(why));
    }
    found.sort_by_key(|diagnostic| diagnostic.level != "error");
    answer(found)
}

fn diagnostic(call: &Call<'_>, project: &Path, message: &Json) -> Option<Diagnostic> {
    if message["reason"] != "compiler-message" {
        return None;
    }
    let message = &message["message"];
    let spans = message["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let label = text(&span["label"]).map(|label| format!(": {label}")).unwrap_or_default();
    Some(Diagnostic {
        path: source_path(call, project, span["file_name"].as_str()?),
        line: span["line_start"].as_u64()?,
        column: span["column_start"].as_u64()?,
        level: text(&message["level"])?,
        code: text(&message["code"]["code"]),
        message: text(&message["message"])? + &label,
        suggestion: suggestion(message),
    })
}

/// The compiler names files from the root of the Cargo workspace, which may lie above the project.
fn source_path(call: &Call<'_>, project: &Path, name: &str) -> String {
    let roots = project.ancestors().take_while(|root| root.starts_with(call.workspace()));
    let found = roots.map(|root| root.join(name)).find(|path| path.is_file());
    found.map_or_else(|| name.to_owned(), |path| call.relative(&path))
}

/// The first proposal among the notes: its words, and the new text where there is one.
fn suggestion(message: &Json) -> Option<String> {
    let children = message["children"].as_array()?;
    let proposals = children.iter().filter(|child| child["level"] == "help");
    proposals.into_iter().find_map(|child| {
        let words = child["message"].as_str()?;
        let spans = child["spans"].as_array()?;
        let new = spans.iter().find_map(|span| span["suggested_replacement"].as_str());
        Some(new.map_or_else(|| words.to_owned(), |new| format!("{words}: `{}`", new.trim())))
    })
}

fn test(call: &Call<'_>) -> Result<Json, Failure> {
    let project = cargo_project(call)?;
    (call.progress)(&format!("testing {}", call.relative(&project)));
    answer(run(&mut cargo(&project, &["test", "--offline", "--no-fail-fast"]), ProgramLimits::default())?)
}

fn outline(call: &Call<'_>) -> Result<Json, Failure> {
    let folder = project::named(call, MANIFEST)?;
    answer(outline::of_folder(call, &folder)?)
}

fn replace(call: &Call<'_>) -> Result<Json, Failure> {
    let path = lookup::file(call, &call.text("path")?)?;
    let (find, replace) = (call.text("find")?, call.text("replace")?);
    let shown = call.relative(&path);
    if find.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "there is nothing to look for"));
    }
    let old = text::read_to_change(&path, &shown)?;
    let places: Vec<usize> =
        old.match_indices(&find).map(|(place, _)| old[..place].matches('\n').count() + 1).collect();
    match places.as_slice() {
        [_] => {
            files::put(call, &path, old.replacen(&find, &replace, 1))?;
            answer(files::describe(call, &path)?)
        }
        [] => Err(Failure::new(ErrorCode::NotFound, format!("{shown} does not hold this piece"))
            .try_next("Read the file; the piece must match letter by letter, spaces included")),
        several => {
            let lines: Vec<String> = several.iter().take(20).map(ToString::to_string).collect();
            Err(Failure::new(ErrorCode::Ambiguous, format!("{shown} holds this piece {} times", several.len()))
                .because(format!("in the lines {}", lines.join(", ")))
                .try_next("Give a longer piece that is there only once"))
        }
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    const MANIFEST: &str = "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";

    #[test]
    fn an_error_is_found_fixed_and_tested() {
        let source = "pub fn twice(number: i32) -> i32 {\n    let unused = 1;\n    numbr * 2\n}\n\n#[test]\nfn doubles() {\n    assert_eq!(twice(2), 4);\n}\n";
        let bench = Bench::new().with("app/Cargo.toml", MANIFEST).with("app/src/lib.rs", source);
        let found = bench.ok("code.check", json!({}));
        assert_eq!(found[0]["path"], "app/src/lib.rs");
        assert_eq!((&found[0]["line"], &found[0]["column"]), (&json!(3), &json!(5)));
        assert_eq!(found[0]["code"], "E0425");
        assert!(found[0]["suggestion"].as_str().unwrap().contains("`number`"), "{found}");
        bench.ok("code.replace", json!({ "path": "app/src/lib.rs", "find": "numbr", "replace": "number" }));
        let left = bench.column("code.check", json!({ "project": "app" }), "level");
        assert_eq!(left, ["warning"]);
        let output = bench.ok("code.test", json!({}));
        assert_eq!(output["exit"], 0, "{output}");
        assert!(output["stdout"].as_str().unwrap().contains("test doubles ... ok"));
    }

    #[test]
    fn a_replacement_must_fit_exactly_once() {
        let bench = Bench::new().with("a.rs", "one two\none\n").with("b.rs", b"\xff one");
        let refused = |path: &str, find: &str| {
            bench.refused("code.replace", json!({ "path": path, "find": find, "replace": "x" }))
        };
        assert_eq!(refused("a.rs", "one"), ErrorCode::Ambiguous);
        assert_eq!(refused("a.rs", "three"), ErrorCode::NotFound);
        assert_eq!(refused("a.rs", ""), ErrorCode::InvalidInput);
        assert_eq!(refused("b.rs", "one"), ErrorCode::Unsupported);
        assert_eq!(refused("../a.rs", "one"), ErrorCode::NotGranted);
        assert_eq!(bench.text("a.rs"), "one two\none\n");
    }

    #[test]
    fn which_project_is_meant_must_be_clear() {
        let bench = Bench::new();
        assert_eq!(bench.refused("code.check", json!({})), ErrorCode::NotFound);
        bench.put("a/Cargo.toml", MANIFEST);
        bench.put("b/Cargo.toml", MANIFEST);
        assert_eq!(bench.refused("code.check", json!({})), ErrorCode::Ambiguous);
        assert_eq!(bench.call("code.check", json!({})).unwrap_err().why, "a, b");
        assert_eq!(bench.refused("code.check", json!({ "project": "/tmp" })), ErrorCode::NotGranted);
        bench.put("a/Cargo.toml", "[package");
        assert_eq!(bench.refused("code.check", json!({ "project": "a" })), ErrorCode::ToolFailed);
    }

    #[test]
    fn a_project_is_found_by_the_name_of_its_folder() {
        let bench = Bench::new()
            .with("code/small/Cargo.toml", MANIFEST.replace("small", "tiny"))
            .with("code/small/src/lib.rs", "pub fn one() {}\n")
            .with("code/other/Cargo.toml", MANIFEST)
            .with("papers/small/notes.md", "a folder of the same name, but no project");
        for project in ["small", "Small", "code/small", "small/src"] {
            assert_eq!(bench.ok("code.check", json!({ "project": project })), json!([]), "{project}");
        }
        let outline = bench.ok("code.outline", json!({ "project": "small" }));
        assert!(outline.as_str().unwrap().contains("pub fn one"), "{outline}");
        assert_eq!(bench.refused("code.check", json!({ "project": "code" })), ErrorCode::Ambiguous);
        assert_eq!(bench.refused("code.check", json!({ "project": "papers" })), ErrorCode::NotFound);
        assert_eq!(bench.refused("code.check", json!({ "project": "large" })), ErrorCode::NotFound);
    }
}
