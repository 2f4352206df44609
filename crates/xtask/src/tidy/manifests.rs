//! The manifests of the crates have one form, and dependencies are declared in one place.

use toml::{Table, Value};

use crate::finding::Finding;
use crate::tree::Tree;

const DEPENDENCY_TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];
const SHARED_FIELDS: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// Manifests that are not of the form of the others.
pub(super) fn manifests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, path, text) in tree.manifests() {
        let mut say = |message: String| findings.push(Finding::about(path, message));
        match text.parse::<Table>() {
            Ok(manifest) => check(folder, &manifest, &mut say),
            Err(error) => say(format!("is not TOML: {}", error.message())),
        }
    }
    findings
}

fn check(folder: &str, manifest: &Table, say: &mut impl FnMut(String)) {
    let package = manifest.get("package").and_then(Value::as_table);
    let text = |field: &str| package.and_then(|package| package.get(field)).and_then(Value::as_str);
    if text("name") != Some(folder) {
        say(format!("the package must be named as its folder, {folder}"));
    }
    if text("description").is_none_or(str::is_empty) {
        say("the package needs a `description`, one line".to_owned());
    }
    for field in SHARED_FIELDS {
        if !is_inherited(package.and_then(|package| package.get(*field))) {
            say(format!("must say `{field}.workspace = true`"));
        }
    }
    if !is_inherited(manifest.get("lints")) {
        say("must say `[lints]` `workspace = true`".to_owned());
    }
    for (name, value) in dependencies(manifest) {
        if !is_inherited(Some(value)) {
            say(format!(
                "{name} must be declared in the root's [workspace.dependencies], and be `workspace = true` here"
            ));
        }
    }
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// All dependencies, those of single targets included.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    places.flat_map(|place| DEPENDENCY_TABLES.iter().filter_map(|name| place.get(*name)?.as_table())).flatten()
}

#[cfg(test)]
mod tests {
    use super::manifests;
    use crate::finding::listing;
    use crate::tree::Tree;

    const GOOD: &str = "[package]\nname = \"a\"\ndescription = \"A.\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [dependencies]\nserde.workspace = true\nclap = { workspace = true, features = [\"env\"] }\n\
        [lints]\nworkspace = true\n";

    #[test]
    fn a_manifest_of_another_form_is_found() {
        let own = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        let own = own.replace("edition.workspace = true\n", "").replace("[lints]\nworkspace = true\n", "");
        let tree = Tree::of([
            ("crates/a/Cargo.toml", GOOD.to_owned()),
            ("crates/b/Cargo.toml", own),
            ("crates/c/Cargo.toml", "[package\n".to_owned()),
            ("crates/a/data/Cargo.toml", "[package]\nname = \"sample\"\n".to_owned()),
        ]);
        insta::assert_snapshot!(listing(manifests(&tree)), @r"
        crates/b/Cargo.toml: must say `[lints]` `workspace = true`
        crates/b/Cargo.toml: must say `edition.workspace = true`
        crates/b/Cargo.toml: serde must be declared in the root's [workspace.dependencies], and be `workspace = true` here
        crates/b/Cargo.toml: the package must be named as its folder, b
        crates/c/Cargo.toml: is not TOML: unclosed table, expected `]`
        ");
    }

    #[test]
    fn dependencies_of_single_targets_are_seen() {
        let text = GOOD.replace("[lints]", "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n[lints]");
        insta::assert_snapshot!(listing(manifests(&Tree::of([("crates/a/Cargo.toml", text)]))),
            @"crates/a/Cargo.toml: libc must be declared in the root's [workspace.dependencies], and be `workspace = true` here");
    }
}
