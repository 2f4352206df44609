//! Copies and old versions: the same thing shall not be read twice, and what was replaced not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::collect_sources::Candidate;
use crate::relevance::words;

/// Marks at the end of a file's name that say it is a copy or was replaced.
const OLD_MARKS: [&str; 7] = ["old", "copy", "(copy)", "bak", "backup", "draft", "outdated"];

/// What a file's name says about its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    is_current: bool,
    number: u32,
}

/// The candidates without copies and without versions that a newer one replaces, in their order.
pub(crate) fn drop_repeated(found: Vec<(f64, &Candidate)>) -> Vec<(f64, &Candidate)> {
    let mut newest: BTreeMap<(String, String), Version> = BTreeMap::new();
    for (_, candidate) in found.iter().filter(|(_, candidate)| candidate.kind == "file") {
        let (key, version) = version_of(&candidate.path);
        let known = newest.entry(key).or_insert_with(|| version.clone());
        *known = version.max(known.clone());
    }
    let is_newest = |candidate: &Candidate| {
        let (key, version) = version_of(&candidate.path);
        candidate.kind != "file" || newest.get(&key).is_none_or(|newest| *newest == version)
    };
    let mut kept: Vec<(f64, &Candidate)> = found.into_iter().filter(|(_, candidate)| is_newest(candidate)).collect();
    // Of equal texts the best placed stays: not a numbered copy, not a download.
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by_key(|place| (placing(&kept[*place].1.path), *place));
    let mut texts = BTreeSet::new();
    let repeated: BTreeSet<usize> =
        order.into_iter().filter(|place| !texts.insert(words(&kept[*place].1.text).join(" "))).collect();
    let mut place = 0;
    kept.retain(|_| {
        place += 1;
        !repeated.contains(&(place - 1))
    });
    kept
}

fn placing(path: &str) -> (bool, bool) {
    let is_download = path.split('/').any(|part| part.eq_ignore_ascii_case("downloads"));
    (path.contains('('), is_download)
}

/// The folder with the name without its version, and the version.
fn version_of(path: &str) -> ((String, String), Version) {
    let path = Path::new(path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut parts: Vec<&str> = stem.split([' ', '-', '_', '.']).filter(|part| !part.is_empty()).collect();
    let mut version = Version { is_current: true, number: 0 };
    while let Some(last) = parts.last() {
        if OLD_MARKS.contains(last) {
            version.is_current = false;
        } else if let Some(number) = version_number(last) {
            version.number = version.number.max(number);
        } else {
            break;
        }
        parts.pop();
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_string_lossy().into_owned();
    let extension = crate::walk::extension(path);
    ((folder, format!("{}.{extension}", parts.join(" "))), version)
}

/// `v2` or `(2)`; a bare number is part of the name.
fn version_number(part: &str) -> Option<u32> {
    let digits = part.strip_prefix('v').or_else(|| part.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn names_tell_their_version() {
        let check = |a: &str, b: &str, is_same: bool, is_older: bool| {
            let ((key_a, version_a), (key_b, version_b)) = (version_of(a), version_of(b));
            assert_eq!((key_a == key_b, version_a < version_b), (is_same, is_older), "{a} / {b}");
        };
        check("x/offer-v1.docx", "x/offer-v2.docx", true, true);
        check("x/offer-v2.docx", "x/offer_v10.docx", true, true);
        check("x/report-old.pdf", "x/report.pdf", true, true);
        check("x/script (copy).md", "x/script.md", true, true);
        check("x/plan v3 draft.md", "x/plan v2.md", true, true);
        check("x/meeting 1.md", "x/meeting 2.md", false, false);
        check("x/report.pdf", "y/report.pdf", false, false);
        check("x/report.pdf", "x/report.docx", false, false);
    }
}
