//! Packages that are installed, read from the package manager's own records.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use genoa_abi::schema::{EffectClass, Needs, RecordType, Yields};
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde_json::Value as Json;

use crate::text::one_line;
use crate::tool::{Call, Tool, answer, file_failure, record, schema};

/// The package manager's records together.
const RECORDS_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Package {
    name: String,
    version: String,
    summary: String,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut package = record(
        "Package",
        &[("name", "str", "its name"), ("version", "str", "its version"), ("summary", "str", "what it is")],
    );
    package.title = Some("name".into());
    vec![package]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let host = Needs { host: true, ..Needs::default() };
    let observe = |name: &str, about: &str| schema(name, about, EffectClass::Observe, host, "list[Package]");
    vec![
        Tool {
            schema: observe("packages.find", "Installed packages by name or purpose.")
                .required("name", "str", "part of the name or summary")
                .yielding(Yields::Machine)
                .phrase("Find installed packages called {name}"),
            run: find,
        },
        Tool {
            schema: observe("packages.list", "All installed packages.")
                .yielding(Yields::Machine)
                .phrase("List the installed packages"),
            run: |_| answer(installed(Path::new("/"))?),
        },
    ]
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    answer(called(&call.text("name")?, installed(Path::new("/"))?))
}

/// The packages with `name` as a part of name or summary, in any case: the very name first, then names, then summaries.
fn called(name: &str, mut packages: Vec<Package>) -> Vec<Package> {
    let name = name.trim().to_lowercase();
    let in_name = |package: &Package| package.name.to_lowercase().contains(&name);
    packages.retain(|package| in_name(package) || package.summary.to_lowercase().contains(&name));
    packages.sort_by_key(|package| (package.name.to_lowercase() != name, !in_name(package)));
    packages
}

fn installed(root: &Path) -> Result<Vec<Package>, Failure> {
    let (dpkg, pacman) = (root.join("var/lib/dpkg/status"), root.join("var/lib/pacman/local"));
    if dpkg.is_file() {
        return Ok(read(&dpkg)?.split("\n\n").filter_map(dpkg_package).collect());
    }
    if pacman.is_dir() {
        return pacman_packages(&pacman);
    }
    Err(Failure::new(ErrorCode::Unsupported, "installed packages cannot be read here")
        .because("there are no records of dpkg or pacman, or they are not granted"))
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| file_failure(format!("{} cannot be read", path.display()), &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(RECORDS_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn dpkg_package(stanza: &str) -> Option<Package> {
    let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(one_line);
    let is_installed = field("Status")?.ends_with(" installed");
    is_installed.then_some(Package {
        name: field("Package")?,
        version: field("Version")?,
        summary: field("Description").unwrap_or_default(),
    })
}

fn pacman_packages(folder: &Path) -> Result<Vec<Package>, Failure> {
    let list =
        std::fs::read_dir(folder).map_err(|error| file_failure("the records of pacman cannot be read", &error))?;
    let package = |entry: std::fs::DirEntry| {
        let text = read(&entry.path().join("desc")).ok()?;
        let field = |name: &str| text.lines().skip_while(|line| *line != name).nth(1).map(one_line);
        Some(Package {
            name: field("%NAME%")?,
            version: field("%VERSION%")?,
            summary: field("%DESC%").unwrap_or_default(),
        })
    };
    let mut found: Vec<Package> = list.flatten().filter_map(package).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;

    use super::{Package, called, installed};
    use crate::testing::Bench;

    #[test]
    fn only_what_is_installed_is_listed() {
        let status = "Package: tool\nStatus: install ok installed\nVersion: 1.2-3\nDescription: does things\n and more\n\n\
                      Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nnonsense\n";
        let bench = Bench::new().with("var/lib/dpkg/status", status);
        let tool =
            |version: &str| Package { name: "tool".into(), version: version.into(), summary: "does things".into() };
        assert_eq!(installed(bench.path()).unwrap(), [tool("1.2-3")]);
        let bench = Bench::new()
            .with("var/lib/pacman/local/tool-2/desc", "%NAME%\ntool\n\n%VERSION%\n2\n\n%DESC%\ndoes things\n");
        assert_eq!(installed(bench.path()).unwrap(), [tool("2")]);
    }

    #[test]
    fn packages_are_found_by_a_part_of_name_or_summary_in_any_case() {
        let package =
            |name: &str, summary: &str| Package { name: name.into(), version: "1".into(), summary: summary.into() };
        let check = |name: &str, expected: &[&str]| {
            let all = vec![
                package("libgit2", "a library"),
                package("tig", "browser for Git"),
                package("git", "version control"),
                package("R-base", "statistics"),
            ];
            let found: Vec<String> = called(name, all).into_iter().map(|package| package.name).collect();
            assert_eq!(found, expected, "{name}");
        };
        check(" GIT ", &["git", "libgit2", "tig"]);
        check("r-BASE", &["R-base"]);
        check("Control", &["git"]);
        check("svn", &[]);
    }

    #[test]
    fn without_records_it_says_so() {
        assert_eq!(installed(Bench::new().path()).map_err(|failure| failure.code), Err(ErrorCode::Unsupported));
    }
}
