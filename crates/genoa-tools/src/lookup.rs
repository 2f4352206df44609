//! Which entry of the workspace a path means, where nothing lies at the path itself.
//!
//! Plans are written by a small model, which leaves out folders and extensions. What is meant is taken where it is the
//! only one, and the person is told; where several fit, nothing is chosen.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};

use crate::file_names::kind_of;
use crate::text::{one_line, shorten};
use crate::tool::{self, Call};
use crate::walk::{self, Entry};

/// Entries that a failure names.
const NAMED: usize = 5;
/// What is shown of one path.
const PATH_CHARS: usize = 120;
/// Longer names are not compared letter by letter.
const NAME_CHARS: usize = 64;
/// The shortest part of a name that makes it a near one.
const PART_CHARS: usize = 3;

/// The file that `path` means.
///
/// # Errors
/// [`ErrorCode::NotGranted`] for a path outside the workspace, [`ErrorCode::Ambiguous`] if several files fit,
/// [`ErrorCode::NotFound`] if none does.
pub(crate) fn file(call: &Call<'_>, path: &str) -> Result<PathBuf, Failure> {
    meant(call, call.resolve(path)?, |entry| entry.metadata.is_file())
}

/// The folder that `path` means; an empty path is the workspace.
///
/// # Errors
/// As [`file`].
pub(crate) fn folder(call: &Call<'_>, path: &str) -> Result<PathBuf, Failure> {
    meant(call, call.resolve(path)?, |entry| entry.metadata.is_dir())
}

/// The folder that `path` means and that holds an entry called `mark`.
///
/// # Errors
/// As [`file`].
pub(crate) fn folder_with(call: &Call<'_>, path: &str, mark: &str) -> Result<PathBuf, Failure> {
    meant(call, call.resolve(path)?, |entry| entry.metadata.is_dir() && entry.path.join(mark).exists())
}

/// The file or folder below `above` that `path` means.
///
/// # Errors
/// As [`file`].
pub(crate) fn below(call: &Call<'_>, above: &Path, path: &str) -> Result<PathBuf, Failure> {
    meant(call, call.resolve(path)?, |entry| entry.path.starts_with(above))
}

/// The file or folder that `path` means, or the link that lies there: to be moved or deleted.
///
/// # Errors
/// As [`file`]; and the workspace itself is refused.
pub(crate) fn entry(call: &Call<'_>, path: &str) -> Result<PathBuf, Failure> {
    meant(call, call.resolve_entry(path)?, |_| true)
}

/// The file that `path` means, or the place for a new one if there is none.
///
/// # Errors
/// As [`file`], but for [`ErrorCode::NotFound`].
pub(crate) fn file_or_place(call: &Call<'_>, path: &str) -> Result<PathBuf, Failure> {
    let place = call.resolve_entry(path)?;
    match meant(call, place.clone(), |entry| entry.metadata.is_file()) {
        Err(failure) if failure.code == ErrorCode::NotFound => Ok(place),
        found => found,
    }
}

fn meant(call: &Call<'_>, place: PathBuf, fits: impl Fn(&Entry) -> bool) -> Result<PathBuf, Failure> {
    let Some(error) = place.symlink_metadata().err() else { return Ok(place) };
    let given = shown(&call.relative(&place));
    // Too long a name is no name of anything.
    let is_missing =
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename);
    let missing = Failure { code: ErrorCode::NotFound, ..tool::file_failure(format!("{given} is not there"), &error) };
    if !is_missing {
        return Err(tool::file_failure(format!("{given} cannot be reached"), &error));
    }
    let Ok(mut entries) = walk::entries(call.workspace()) else { return Err(missing) };
    entries.retain(|entry| fits(entry));
    let found = fitting(call, &place, &entries);
    match found.as_slice() {
        [] => Err(near(call, &place, &entries, missing)),
        [one] => {
            (call.progress)(&format!("{given} is not there; {} is taken for it", shown(&call.relative(&one.path))));
            Ok(one.path.clone())
        }
        several => Err(Failure::new(ErrorCode::Ambiguous, format!("{given} could be one of {}", several.len()))
            .because(listed(call, several))
            .try_next("Name one with its folder")
            .with_options(several.iter().map(|entry| call.relative(&entry.path)).collect())),
    }
}

/// The entries that lie at the end of `place`; if there are none, those that do without their extension.
fn fitting<'a>(call: &Call<'_>, place: &Path, entries: &'a [Entry]) -> Vec<&'a Entry> {
    let wanted = parts(&call.relative(place));
    let whole = |entry: &&Entry| parts(&call.relative(&entry.path)).ends_with(&wanted);
    let found: Vec<&Entry> = entries.iter().filter(whole).collect();
    let found = if found.is_empty() { without_marks(call, &wanted, entries) } else { found };
    // `plan.md` does not mean `plan.md.bak`.
    if !found.is_empty() || kind_of(place, false) != "other" {
        return found;
    }
    let without_extension = |entry: &&Entry| {
        let path = entry.path.with_file_name(entry.path.file_stem().unwrap_or_default());
        entry.metadata.is_file() && parts(&call.relative(&path)).ends_with(&wanted)
    };
    entries.iter().filter(without_extension).collect()
}

/// The entries that are called so but for the marks between words: `to-do.md` and `todo.md`.
fn without_marks<'a>(call: &Call<'_>, wanted: &[String], entries: &'a [Entry]) -> Vec<&'a Entry> {
    let plain =
        |parts: &[String]| -> Vec<String> { parts.iter().map(|part| part.replace(['-', '_', ' '], "")).collect() };
    let wanted = plain(wanted);
    let is_meant = |entry: &&Entry| plain(&parts(&call.relative(&entry.path))).ends_with(&wanted);
    entries.iter().filter(is_meant).collect()
}

fn parts(path: &str) -> Vec<String> {
    Path::new(path).iter().map(|part| part.to_string_lossy().to_lowercase()).collect()
}

/// `missing` with the entries that are called most like `place`.
fn near(call: &Call<'_>, place: &Path, entries: &[Entry], missing: Failure) -> Failure {
    let wanted = stem(place);
    let far = |entry: &'_ Entry| Some((distance(&wanted, &stem(&entry.path))?, call.relative(&entry.path)));
    let mut ranked: Vec<(usize, String)> = entries.iter().filter_map(far).collect();
    ranked.sort_unstable();
    let names: Vec<String> = ranked.iter().take(NAMED).map(|(_, path)| shown(path)).collect();
    if names.is_empty() { missing } else { missing.try_next(format!("The nearest names are {}", names.join(", "))) }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// How many letters must change to make one name of the other; nothing where that is most of them.
fn distance(wanted: &str, name: &str) -> Option<usize> {
    let (wanted, name): (Vec<char>, Vec<char>) = (wanted.chars().collect(), name.chars().collect());
    let (shorter, longer) = if wanted.len() < name.len() { (&wanted, &name) } else { (&name, &wanted) };
    if longer.len() > NAME_CHARS {
        return None;
    }
    if shorter.len() >= PART_CHARS && longer.windows(shorter.len()).any(|part| part == *shorter) {
        return Some(longer.len() - shorter.len());
    }
    let most = longer.len() / 3;
    if longer.len() - shorter.len() > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (line, left) in wanted.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, right) in name.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = (diagonal + usize::from(left != right)).min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

fn listed(call: &Call<'_>, entries: &[&Entry]) -> String {
    let mut names: Vec<String> = entries.iter().take(NAMED).map(|entry| shown(&call.relative(&entry.path))).collect();
    if entries.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn shown(path: &str) -> String {
    shorten(&one_line(path), PATH_CHARS)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    fn bench() -> Bench {
        Bench::new()
            .with("Documents/Harbour/Offer.md", "offer")
            .with("Documents/costs.csv", "month,cost\nJan,3\n")
            .with("Documents/a/plan.md", "a")
            .with("Documents/b/plan.md", "b")
            .with("Documents/todo.txt.bak", "old")
            .with(".hidden/secret.md", "hidden")
    }

    #[test]
    fn a_path_without_its_folder_or_extension_means_the_only_one() {
        let bench = bench();
        let check = |path: &str| assert_eq!(bench.ok("files.read", json!({ "path": path })), json!("offer"), "{path}");
        bench.put("notes/to do.md", "milk");
        assert_eq!(bench.ok("files.read", json!({ "path": "notes/to-do.md" })), json!("milk"));
        ["offer.md", "HARBOUR/offer.MD", "./harbour/../Harbour/Offer", "offer", "Documents/harbour/offer.md"]
            .iter()
            .for_each(|path| check(path));
        assert!(bench.said("files.read", json!({ "path": "offer" })).contains("Documents/Harbour/Offer.md"));
        assert_eq!(bench.ok("documents.text", json!({ "path": "Offer" })), json!("offer"));
        assert_eq!(bench.ok("table.read", json!({ "path": "costs" }))["rows"], json!([["Jan", "3"]]));
        let chart = json!({ "path": "c.svg", "table": "costs.csv", "x": "month", "y": "cost", "kind": "bar" });
        bench.ok("chart.write", chart);
    }

    #[test]
    fn of_several_none_is_chosen() {
        let bench = bench();
        for tool in ["files.read", "files.delete", "documents.text"] {
            let failure = bench.call(tool, json!({ "path": "Plan.md" })).unwrap_err();
            assert_eq!(failure.code, ErrorCode::Ambiguous, "{tool}");
            assert_eq!(failure.why, "Documents/a/plan.md, Documents/b/plan.md");
        }
        for number in 0..6 {
            bench.put(&format!("{number}/many.txt"), "x");
        }
        let failure = bench.call("files.read", json!({ "path": "many" })).unwrap_err();
        assert_eq!(failure.why, "0/many.txt, 1/many.txt, 2/many.txt, 3/many.txt, 4/many.txt, …");
        assert_eq!(bench.ok("files.read", json!({ "path": "b/plan" })), json!("b"));
    }

    #[test]
    fn what_is_nowhere_is_not_found_and_near_names_are_told() {
        let bench = bench();
        let check = |path: &str, next: &str| {
            let failure = bench.call("files.read", json!({ "path": path })).unwrap_err();
            assert_eq!((failure.code, failure.next.as_str()), (ErrorCode::NotFound, next), "{path}");
        };
        check("ofer.md", "The nearest names are Documents/Harbour/Offer.md");
        check("cost.xlsx", "The nearest names are Documents/costs.csv");
        check("secret.md", "");
        check("todo.txt", "The nearest names are Documents/todo.txt.bak");
        check("Offer.md/inside", "");
        check(&"x".repeat(5_000), "");
        check("../elsewhere.md".trim_start_matches("../"), "");
        assert_eq!(bench.refused("files.read", json!({ "path": "../Offer.md" })), ErrorCode::NotGranted);
    }

    #[test]
    fn files_and_folders_are_told_apart() {
        let bench = bench();
        assert_eq!(bench.column("files.find", json!({ "under": "harbour" }), "name"), ["Offer.md"]);
        assert_eq!(bench.column("search.text", json!({ "query": "offer", "under": "Harbour" }), "path").len(), 1);
        assert_eq!(bench.column("disks.usage", json!({ "under": "harbour" }), "path"), ["Documents/Harbour"]);
        for tool in ["files.find", "disks.usage"] {
            assert_eq!(bench.refused(tool, json!({ "under": "offer" })), ErrorCode::NotFound, "{tool}");
        }
        assert_eq!(bench.refused("files.read", json!({ "path": "harbour" })), ErrorCode::NotFound);
    }

    #[test]
    fn what_is_meant_is_changed_moved_and_deleted() {
        let bench = bench();
        bench.ok("files.append", json!({ "path": "offer.md", "text": "more" }));
        assert_eq!(bench.text("Documents/Harbour/Offer.md"), "offer\nmore");
        bench.ok("files.append", json!({ "path": "todo.txt", "text": "new" }));
        assert_eq!((bench.text("todo.txt"), bench.text("Documents/todo.txt.bak")), ("new".into(), "old".into()));
        assert_eq!(bench.refused("files.append", json!({ "path": "plan.md", "text": "x" })), ErrorCode::Ambiguous);
        bench.ok("code.replace", json!({ "path": "Offer.md", "find": "more", "replace": "less" }));
        assert_eq!(bench.ok("files.copy", json!({ "source": "harbour", "to": "Copy" }))["kind"], "folder");
        bench.ok("files.delete", json!({ "path": "copy" }));
        bench.ok("files.move", json!({ "source": "Offer", "to": "Archive/" }));
        assert_eq!(bench.text("Archive/Offer.md"), "offer\nless");
        assert!(!bench.path().join("Copy").exists());
    }

    #[test]
    fn a_link_is_never_taken_for_what_is_missing() {
        let (bench, outside) = (Bench::new(), Bench::new().with("deep/victim.txt", "precious"));
        std::os::unix::fs::symlink(outside.path(), bench.path().join("exit")).unwrap();
        for path in ["victim.txt", "deep/victim.txt", "victim", "deep"] {
            assert_eq!(bench.refused("files.read", json!({ "path": path })), ErrorCode::NotFound, "{path}");
            assert_eq!(bench.refused("files.delete", json!({ "path": path })), ErrorCode::NotFound, "{path}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]
        #[test]
        fn no_path_is_too_strange(path in "\\PC{0,60}|[./a]{0,12}") {
            let bench = Bench::new().with("a/a.md", "x");
            for tool in ["files.read", "documents.text"] {
                let _ = bench.call(tool, json!({ "path": path }));
            }
            proptest::prop_assert_eq!(bench.text("a/a.md"), "x");
        }
    }
}
