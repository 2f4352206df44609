//! Which column of a table a name means, where it is not quite the column's name.

use genoa_abi::{ErrorCode, Failure};

use crate::text::{one_line, shorten};

/// Letters that make a part of a name tell something: `age` is in `average`, and means something else.
const PART_LETTERS: usize = 4;
/// Columns that a failure names.
const NAMED: usize = 50;
/// What is shown of one name.
const NAME_CHARS: usize = 60;

/// The columns that `name` means: the one that is called exactly so, else those that are in any case, with spaces or
/// underscores, in singular or plural, else those whose name is a part of it or has it as a part.
pub(crate) fn matching(columns: &[String], name: &str) -> Vec<usize> {
    let is = |same: &dyn Fn(&String) -> bool| -> Vec<usize> {
        columns.iter().enumerate().filter(|(_, column)| same(column)).map(|(place, _)| place).collect()
    };
    let wanted = words(name);
    if let Some(exact) = columns.iter().position(|column| column == name) {
        return vec![exact];
    }
    let same = is(&|column| !wanted.is_empty() && words(column).concat() == wanted.concat());
    if same.is_empty() { is(&|column| is_near(&words(column), &wanted)) } else { same }
}

/// Whether [`matching`] found the very name, apart from its spelling.
pub(crate) fn is_called(column: &str, name: &str) -> bool {
    words(column).concat() == words(name).concat()
}

/// The only column that `name` means.
///
/// # Errors
/// [`ErrorCode::NotFound`] or [`ErrorCode::Ambiguous`], naming the columns.
pub(crate) fn only(columns: &[String], name: &str) -> Result<usize, Failure> {
    match matching(columns, name).as_slice() {
        [place] => Ok(*place),
        [] => Err(Failure::new(ErrorCode::NotFound, format!("the table has no column `{name}`"))
            .because(format!("its columns are {}", listed(columns)))),
        several => {
            let names: Vec<String> = several.iter().map(|place| columns[*place].clone()).collect();
            Err(Failure::new(ErrorCode::Ambiguous, format!("`{name}` could be one of {} columns", names.len()))
                .because(listed(&names)))
        }
    }
}

/// Names of columns in a sentence.
pub(crate) fn listed(columns: &[String]) -> String {
    let mut names: Vec<String> = columns.iter().take(NAMED).map(|name| shorten(&one_line(name), NAME_CHARS)).collect();
    if columns.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn is_near(column: &[String], wanted: &[String]) -> bool {
    let (joined, wanted_joined) = (column.concat(), wanted.concat());
    let (shorter, longer) = if joined.len() < wanted_joined.len() { (column, wanted) } else { (wanted, column) };
    let holds_words = !shorter.is_empty() && shorter.iter().all(|word| longer.contains(word));
    holds_words || (shorter.concat().chars().count() >= PART_LETTERS && longer.concat().contains(&shorter.concat()))
}

/// The words of a name in lower case and singular.
fn words(name: &str) -> Vec<String> {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| singular(&word.to_lowercase())).collect()
}

fn singular(word: &str) -> String {
    let is_plural = word.chars().count() > 2 && !word.ends_with("ss");
    word.strip_suffix('s').filter(|_| is_plural).unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::matching;

    #[test]
    fn a_name_means_a_column_by_its_words() {
        let columns = ["Team", "Cost 2025", "Cost 2026", "memory_bytes", "Unit Price", "average", "Bus", "%"];
        let columns: Vec<String> = columns.map(str::to_owned).into();
        let check = |name: &str, expected: &[&str]| {
            let found: Vec<&str> = matching(&columns, name).into_iter().map(|place| columns[place].as_str()).collect();
            assert_eq!(found, expected, "{name}");
        };
        check("teams", &["Team"]);
        check("memory", &["memory_bytes"]);
        check("MemoryByte", &["memory_bytes"]);
        check("unit_prices", &["Unit Price"]);
        check("price", &["Unit Price"]);
        check("the team", &["Team"]);
        check("cost", &["Cost 2025", "Cost 2026"]);
        check("cost_2026", &["Cost 2026"]);
        check("bus", &["Bus"]);
        check("%", &["%"]);
        for nothing in ["age", "salary", "", "_", "€"] {
            check(nothing, &[]);
        }
    }

    #[test]
    fn the_very_name_wins() {
        let columns: Vec<String> = ["cost", "Cost", "costs"].map(str::to_owned).into();
        assert_eq!(matching(&columns, "Cost"), [1]);
        assert_eq!(matching(&columns, "COST"), [0, 1, 2]);
    }
}
