//! The promised numbers in `SPECIFICATION.md`, filled from the kept results.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::result::{JudgedRow, SuiteResult, read_results};
use super::suite::{Figure, Suite, Target, read_suites};

/// The page with the tables.
pub const PAGE: &str = "SPECIFICATION.md";
const END: &str = "<!-- end of figures -->";

/// The page at `root` with its tables filled from the results at `root`.
///
/// # Errors
/// A page, list or result that cannot be read.
pub fn fill_from(root: &Path) -> Result<String, String> {
    let page = std::fs::read_to_string(root.join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let suites = read_suites(root)?;
    let results = read_results(root, &suites)?;
    fill(&page, &suites, &results)
}

/// The page with each table between `<!-- figures of NAME -->` and `<!-- end of figures -->` written anew.
///
/// # Errors
/// A table without an end, one of an unknown suite, or a suite without a table.
pub fn fill(page: &str, suites: &[Suite], results: &BTreeMap<String, SuiteResult>) -> Result<String, String> {
    let mut text = String::new();
    let mut missing: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(text, "{line}");
        let Some(name) = line.strip_prefix("<!-- figures of ").and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let suite = suites.iter().find(|suite| suite.name == name);
        let suite = suite.ok_or_else(|| format!("{PAGE} has a table of {name}, which is no suite"))?;
        missing.retain(|missing| *missing != name);
        if !lines.any(|line| line == END) {
            return Err(format!("the table of {name} in {PAGE} has no `{END}`"));
        }
        text += &table(suite, results.get(name));
        let _ = writeln!(text, "{END}");
    }
    match missing.first() {
        Some(name) => Err(format!("{PAGE} has no table of {name}: add `<!-- figures of {name} -->` and `{END}`")),
        None => Ok(text),
    }
}

fn table(suite: &Suite, result: Option<&SuiteResult>) -> String {
    let mut text = String::from("\n| figure | promised | measured | peer | met |\n|---|---|---|---|---|\n");
    for figure in &suite.figures {
        let row = result.and_then(|result| result.rows.iter().find(|row| row.row.figure == figure.figure));
        let _ = writeln!(text, "{}", line(figure, row));
    }
    let _ = match result {
        Some(result) => writeln!(
            text,
            "\n{} `./x bench {}`. Measured {} at {} on {}, {} cores, {} MiB, Linux {}.",
            suite.about,
            suite.name,
            result.date,
            result.commit,
            result.machine.processor,
            result.machine.cores,
            result.machine.memory_mib,
            result.machine.kernel
        ),
        None => writeln!(text, "\n{} `./x bench {}`. Not measured yet.", suite.about, suite.name),
    };
    text
}

fn line(figure: &Figure, row: Option<&JudgedRow>) -> String {
    let promised = figure.target.map_or("–".to_owned(), |target| promise(target, &figure.unit));
    let Some(JudgedRow { row, .. }) = row else {
        return format!("| {} | {promised} | pending | | |", figure.figure);
    };
    let measured = format!("{} {}", number(row.value), row.unit);
    let peer = match (&row.peer, row.peer_value, row.ratio) {
        (Some(peer), Some(value), Some(ratio)) => format!("{peer}: {} (×{})", number(value), number(ratio)),
        (Some(peer), Some(value), None) => format!("{peer}: {}", number(value)),
        _ => String::new(),
    };
    let met = figure.target.map_or("", |target| if target.is_met_by(row) { "yes" } else { "**no**" });
    format!("| {} | {promised} | {measured} | {peer} | {met} |", figure.figure)
}

fn promise(target: Target, unit: &str) -> String {
    match target {
        Target::AtMost(limit) => format!("≤ {} {unit}", number(limit)),
        Target::AtLeast(limit) => format!("≥ {} {unit}", number(limit)),
        Target::RatioAtMost(limit) => format!("≤ {} × the peer's", number(limit)),
        Target::RatioAtLeast(limit) => format!("≥ {} × the peer's", number(limit)),
    }
}

/// Three significant digits are what such measurements carry.
fn number(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{fill, number};
    use crate::bench::machine::Machine;
    use crate::bench::{Figure, Output, Row, Suite, Target, judge};

    fn suite(name: &str, targets: &[Target]) -> Suite {
        let figure = |(n, target): (usize, &Target)| Figure {
            figure: format!("figure {n}"),
            unit: "ms".into(),
            target: Some(*target),
        };
        let figures = targets.iter().enumerate().map(figure).collect();
        Suite { name: name.into(), about: "Something.".into(), package: "p".into(), bench: "b".into(), figures }
    }

    fn row(figure: &str, value: f64, peer_value: f64) -> Row {
        let (peer, ratio) = (Some("bare".to_owned()), Some(value / peer_value));
        let unit = "ms".to_owned();
        Row { figure: figure.into(), unit, value, peer, peer_value: Some(peer_value), ratio, samples: vec![value] }
    }

    #[test]
    fn tables_are_filled_and_the_rest_stays() {
        let suites =
            [suite("one", &[Target::AtMost(2.5), Target::RatioAtLeast(0.95)]), suite("two", &[Target::AtMost(40.0)])];
        let rows = vec![row("figure 0", 2.0, 1.0), row("figure 1", 90.0, 100.0)];
        let mut result = judge(&suites[0], Output { suite: "one".into(), rows });
        assert_eq!(result.rows.iter().map(|row| row.met).collect::<Vec<_>>(), [Some(true), Some(false)]);
        (result.date, result.commit) = ("2026-01-02".into(), "abc".into());
        result.machine = Machine { processor: "P".into(), cores: 2, memory_mib: 1024, kernel: "6.1".into() };
        let page = "# Numbers\n<!-- figures of one -->\nold\n<!-- end of figures -->\ntext\n\
                    <!-- figures of two -->\n<!-- end of figures -->\n";
        let filled = fill(page, &suites, &BTreeMap::from([("one".to_owned(), result.clone())])).unwrap();
        insta::assert_snapshot!(filled, @r"
        # Numbers
        <!-- figures of one -->

        | figure | promised | measured | peer | met |
        |---|---|---|---|---|
        | figure 0 | ≤ 2.5 ms | 2 ms | bare: 1 (×2) | yes |
        | figure 1 | ≥ 0.95 × the peer's | 90 ms | bare: 100 (×0.9) | **no** |

        Something. `./x bench one`. Measured 2026-01-02 at abc on P, 2 cores, 1024 MiB, Linux 6.1.
        <!-- end of figures -->
        text
        <!-- figures of two -->

        | figure | promised | measured | peer | met |
        |---|---|---|---|---|
        | figure 0 | ≤ 40 ms | pending | | |

        Something. `./x bench two`. Not measured yet.
        <!-- end of figures -->
        ");
        let again = fill(&filled, &suites, &BTreeMap::from([("one".to_owned(), result)])).unwrap();
        assert_eq!(again, filled);
    }

    #[test]
    fn a_page_and_a_list_that_do_not_fit_are_an_error() {
        let suites = [suite("one", &[])];
        let none = BTreeMap::new();
        assert!(fill("# Numbers\n", &suites, &none).is_err());
        assert!(fill("<!-- figures of one -->\n", &suites, &none).is_err());
        assert!(fill("<!-- figures of two -->\n<!-- end of figures -->\n", &suites, &none).is_err());
    }

    #[test]
    fn numbers_have_three_digits() {
        let texts: Vec<String> = [0.0, 0.0512, 2.5, 40.0, 96.94, 1234.5].iter().map(|n| number(*n)).collect();
        assert_eq!(texts, ["0", "0.051", "2.5", "40", "96.9", "1234"]);
    }
}
