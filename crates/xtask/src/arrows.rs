//! The arrows between crates: what `ARCHITECTURE.md` says, compared with what Cargo knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand, NodeDep, PackageId, Resolve};
use serde::Deserialize;

use crate::finding::Finding;

/// The page that holds the table.
pub const PAGE: &str = "ARCHITECTURE.md";
const NEVER: &str = include_str!("../data/never.toml");

/// Which crates each crate names.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line of the page.
    pub line: usize,
    /// What the crate may name.
    pub arrows: BTreeSet<String>,
    /// Not all of it is there yet: the crate, or some arrows.
    pub is_planned: bool,
}

/// A package that some crates must not reach, by however many steps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// The crates.
    pub crates: Vec<String>,
    /// The packages.
    pub packages: Vec<String>,
    /// Why not.
    pub reason: String,
}

/// What Cargo knows of the workspace.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Normal and build dependencies between the crates of the workspace. Tests may use what they like.
    pub arrows: Arrows,
    /// All packages that end up in a program with the crate: normal dependencies, by however many steps.
    pub reached: Arrows,
}

/// Reads the rows of the fenced block `arrows`: `genoa-plan: genoa-abi`, with ` (planned)` at the end where the row is
/// ahead of the code.
///
/// # Errors
/// A page without the block.
pub fn read_table(page: &str) -> Result<BTreeMap<String, Row>, String> {
    let mut lines = page.lines().enumerate().skip_while(|(_, line)| line.trim() != "```arrows");
    lines.next().ok_or_else(|| format!("{PAGE} has no block that starts with ```arrows"))?;
    let mut table = BTreeMap::new();
    for (place, line) in lines.take_while(|(_, line)| line.trim() != "```") {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let (arrows, is_planned) = match rest.trim().strip_suffix("(planned)") {
            Some(arrows) => (arrows, true),
            None => (rest, false),
        };
        let arrows = arrows.split_whitespace().map(str::to_owned).collect();
        table.insert(name.trim().to_owned(), Row { line: place + 1, arrows, is_planned });
    }
    Ok(table)
}

/// Compares the table with the workspace, both ways.
#[must_use]
pub fn compare(table: &BTreeMap<String, Row>, arrows: &Arrows) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, row) in table.iter().filter(|(name, row)| !row.is_planned && !arrows.contains_key(*name)) {
        findings.push(Finding::at(PAGE, row.line, format!("there is no crate {name}: delete the row")));
    }
    for (name, found) in arrows {
        let Some(row) = table.get(name) else {
            findings.push(Finding::about(PAGE, format!("the crate {name} has no row: add it, and say what it is for")));
            continue;
        };
        for new in found.difference(&row.arrows) {
            let message = format!("{name} names {new}: drop it, or edit this row in the same commit, and say why");
            findings.push(Finding::at(PAGE, row.line, message));
        }
        for unused in row.arrows.difference(found).filter(|_| !row.is_planned) {
            findings.push(Finding::at(PAGE, row.line, format!("{name} does not name {unused}: delete the arrow")));
        }
    }
    findings
}

/// The packages that `data/never.toml` keeps out of some crates.
///
/// # Errors
/// A file that is not as it should be.
pub fn read_never() -> Result<Vec<Never>, String> {
    #[derive(Deserialize)]
    struct File {
        never: Vec<Never>,
    }
    toml::from_str::<File>(NEVER).map(|file| file.never).map_err(|error| format!("never.toml: {error}"))
}

/// Says which crate reaches a package that it must not.
#[must_use]
pub fn reached_never(never: &[Never], reached: &Arrows) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in never {
        for name in &rule.crates {
            let Some(found) = reached.get(name) else { continue };
            for package in rule.packages.iter().filter(|package| found.contains(*package)) {
                let message = format!("reaches {package} (see cargo tree -p {name} -i {package}): {}", rule.reason);
                findings.push(Finding::about(&format!("crates/{name}/Cargo.toml"), message));
            }
        }
    }
    findings
}

/// Asks Cargo for the graph of the workspace at `root`, as it is built on this machine.
///
/// # Errors
/// What Cargo says.
pub fn read_graph(root: &Path) -> Result<Graph, String> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), "x86_64-unknown-linux-gnu".to_owned()])
        .exec()
        .map_err(|error| error.to_string())?;
    let resolve = metadata.resolve.as_ref().ok_or("cargo metadata has no dependency graph")?;
    let named = edges(resolve, |kind| kind != DependencyKind::Development);
    let linked = edges(resolve, |kind| kind == DependencyKind::Normal);
    let name_of = |id: &PackageId| metadata[id].name.to_string();
    let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let mut graph = Graph { arrows: Arrows::new(), reached: Arrows::new() };
    for member in &members {
        let arrows = named.get(member).into_iter().flatten().filter(|id| members.contains(*id));
        graph.arrows.insert(name_of(member), arrows.map(|id| name_of(id)).collect());
        graph.reached.insert(name_of(member), reachable(member, &linked).into_iter().map(name_of).collect());
    }
    Ok(graph)
}

type Edges<'a> = BTreeMap<&'a PackageId, Vec<&'a PackageId>>;

fn edges(resolve: &Resolve, keep: impl Fn(DependencyKind) -> bool) -> Edges<'_> {
    let is_kept = |dep: &&NodeDep| dep.dep_kinds.iter().any(|kind| keep(kind.kind));
    resolve
        .nodes
        .iter()
        .map(|node| (&node.id, node.deps.iter().filter(is_kept).map(|dep| &dep.pkg).collect()))
        .collect()
}

fn reachable<'a>(from: &'a PackageId, edges: &Edges<'a>) -> BTreeSet<&'a PackageId> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for next in edges.get(id).into_iter().flatten() {
            if seen.insert(*next) {
                open.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::{Arrows, Never, compare, reached_never, read_never, read_table};
    use crate::finding::listing;

    fn arrows(rows: &[(&str, &[&str])]) -> Arrows {
        rows.iter().map(|(name, deps)| ((*name).into(), deps.iter().map(|dep| (*dep).into()).collect())).collect()
    }

    fn check(table: &str, found: &[(&str, &[&str])]) -> String {
        let page = format!("# Page\n\n```arrows\n{table}\n```\nmore: text\n");
        listing(compare(&read_table(&page).unwrap(), &arrows(found)))
    }

    #[test]
    fn a_table_that_is_true_has_no_findings() {
        let table = "abi:\nplan: abi\nkernel: abi plan\nweb: abi client (planned)\nmemory: abi (planned)";
        let found: &[(&str, &[&str])] = &[("abi", &[]), ("plan", &["abi"]), ("kernel", &["abi", "plan"]), ("web", &[])];
        assert_eq!(check(table, found), "");
    }

    #[test]
    fn both_directions_are_compared() {
        let table = "abi:\nagents: abi client\nclient: abi\ngone: abi\nweb: abi (planned)";
        let found: &[(&str, &[&str])] =
            &[("abi", &[]), ("agents", &["abi", "kernel"]), ("client", &["abi"]), ("new", &[]), ("web", &["kernel"])];
        insta::assert_snapshot!(check(table, found), @r"
        ARCHITECTURE.md: the crate new has no row: add it, and say what it is for
        ARCHITECTURE.md:5: agents does not name client: delete the arrow
        ARCHITECTURE.md:5: agents names kernel: drop it, or edit this row in the same commit, and say why
        ARCHITECTURE.md:7: there is no crate gone: delete the row
        ARCHITECTURE.md:8: web names kernel: drop it, or edit this row in the same commit, and say why
        ");
    }

    #[test]
    fn a_page_without_the_table_is_an_error() {
        assert!(read_table("# Page\n").is_err());
    }

    #[test]
    fn a_package_that_is_reached_by_detours_is_found() {
        let never = Never { crates: vec!["kernel".into()], packages: vec!["tokio".into()], reason: "pure".into() };
        let reached = arrows(&[("kernel", &["abi", "tokio"]), ("daemon", &["tokio"])]);
        insta::assert_snapshot!(listing(reached_never(&[never], &reached)),
            @"crates/kernel/Cargo.toml: reaches tokio (see cargo tree -p kernel -i tokio): pure");
        assert!(!read_never().unwrap().is_empty());
    }
}
