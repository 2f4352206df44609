//! `cargo xtask`: print what the checks find, measure, write generated pages.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program: this file talks to the terminal"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::arrows::{compare, reached_never, read_graph, read_never, read_table};
use xtask::bench::{Suite, fill_from, judge, read_suites, run};
use xtask::cli_reference::{Binary, PAGE as CLI_PAGE, page};
use xtask::finding::listing;
use xtask::report::report;
use xtask::tidy::RULES;
use xtask::tree::{Tree, workspace_root};

#[derive(Parser)]
#[command(about = "What keeps the source tree as its pages say")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Compare the arrows of ARCHITECTURE.md with the workspace
    Arrows,
    /// Check every file against the rules
    Tidy,
    /// Show the longest functions and files, and lines per crate
    Report,
    /// Measure a suite and keep the result
    Bench {
        /// A suite of benches/targets.toml, or `all`
        #[arg(required_unless_present_any = ["report", "list"])]
        name: Option<String>,
        /// Fill the tables of SPECIFICATION.md from the kept results
        #[arg(long)]
        report: bool,
        /// List the suites
        #[arg(long)]
        list: bool,
    },
    /// Write docs/cli.md from the help of a built binary
    CliReference {
        /// The binary
        binary: PathBuf,
        /// Write nothing; fail when the page is not fresh
        #[arg(long)]
        check: bool,
    },
    /// Write the shell completions of a built binary into a folder
    Completions {
        /// The binary
        binary: PathBuf,
        /// The folder
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task, &workspace_root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task, root: &Path) -> Result<(), String> {
    match task {
        Task::Arrows => arrows(root),
        Task::Tidy => tidy(root),
        Task::Report => {
            print!("{}", report(&Tree::read(root)?));
            Ok(())
        }
        Task::Bench { list: true, .. } => {
            for suite in read_suites(root)? {
                println!("{:<12} {}", suite.name, suite.about);
            }
            Ok(())
        }
        Task::Bench { report: true, .. } => write(&root.join(xtask::bench::PAGE), &fill_from(root)?),
        Task::Bench { name, .. } => bench(root, &name.unwrap_or_default()),
        Task::CliReference { binary, check: true } => {
            let is_fresh = fs::read_to_string(root.join(CLI_PAGE)).is_ok_and(|old| Ok(old) == page(&Binary(&binary)));
            if is_fresh { Ok(()) } else { Err(format!("{CLI_PAGE} is not what the program says; run ./x docs")) }
        }
        Task::CliReference { binary, check: false } => write(&root.join(CLI_PAGE), &page(&Binary(&binary))?),
        Task::Completions { binary, folder } => completions(&binary, &folder),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn arrows(root: &Path) -> Result<(), String> {
    let text = fs::read_to_string(root.join(xtask::arrows::PAGE)).map_err(|error| error.to_string())?;
    let graph = read_graph(root)?;
    let mut findings = compare(&read_table(&text)?, &graph.arrows);
    findings.extend(reached_never(&read_never()?, &graph.reached));
    for (name, arrows) in &graph.arrows {
        println!("{name}: {}", arrows.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    }
    print!("{}", listing(findings.clone()));
    if findings.is_empty() { Ok(()) } else { Err(format!("{} findings", findings.len())) }
}

fn tidy(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let mut count = 0;
    for (name, rule) in RULES {
        let findings = rule(&tree);
        count += findings.len();
        if !findings.is_empty() {
            print!("\n{name}:\n{}", listing(findings));
        }
    }
    if count == 0 { Ok(()) } else { Err(format!("{count} findings")) }
}

fn bench(root: &Path, name: &str) -> Result<(), String> {
    let suites = read_suites(root)?;
    let chosen: Vec<&Suite> = suites.iter().filter(|suite| name == "all" || suite.name == name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
        return Err(format!("there is no suite {name}; there are: {}", names.join(", ")));
    }
    for suite in chosen {
        eprintln!("xtask: measuring {}", suite.name);
        let result = judge(suite, run(root, suite)?);
        result.write(root)?;
        for row in &result.rows {
            let met = row.met.map_or("", |met| if met { "  met" } else { "  NOT MET" });
            println!("{}: {} {}{met}", row.row.figure, row.row.value, row.row.unit);
        }
    }
    Ok(())
}

fn completions(binary: &Path, folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for (shell, file) in [("bash", "genoa.bash"), ("zsh", "_genoa"), ("fish", "genoa.fish")] {
        let output = std::process::Command::new(binary).args(["completions", shell]).output();
        let output = output.map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
        if !output.status.success() {
            return Err(format!("{} completions {shell} ended with {}", binary.display(), output.status));
        }
        write(&folder.join(file), &String::from_utf8_lossy(&output.stdout))?;
    }
    Ok(())
}
