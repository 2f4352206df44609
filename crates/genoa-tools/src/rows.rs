//! Which rows of a table a few words are about, where nobody has seen its columns: `not paid`, `Oslo or Bergen`, `over 50`.
//!
//! A word means a column that says yes or no, by its name; or else it stands in cells; or it compares numbers. Words of one
//! column are alternatives, those of different columns must all hold. Words that mean nothing here are passed over, as long
//! as one means something. The words are English.

use std::collections::BTreeMap;

use genoa_abi::{ErrorCode, Failure};

use crate::columns;
use crate::table::{Table, number};

/// Turn the next word round.
const NEGATIONS: &str = "not no without never cannot";
/// What is neither a word of a cell nor of a column.
const FILLING: &str = "a all already an and any are as at been but by did do does for from had has have i in is it just me my of on only or \
    our rows still that the their them they those to us was we were which who whom whose with yet";
/// What stands in a cell that says no, besides nothing.
const NOES: &str = "no n false 0 - – none not open nein nei non nej ✗ ☐ pending";
/// What stands in a cell that says yes, besides a date.
const YESES: &str = "yes y true 1 x ja oui sì si ✓ ☑ ok done";
/// Words for money or work that is still to come: the contrary of these columns.
const OPEN: &str = "outstanding open owed owes owing owe unpaid due overdue pending missing";
const SETTLED: &str = "paid settled done received returned";
/// Comparisons with the number that follows.
const ABOVE: &str = "above over exceeding more larger higher greater";
const BELOW: &str = "below under less fewer smaller lower";

/// What one word asks of a row.
enum Wanted {
    /// The column says yes; or no.
    Says { column: usize, yes: bool },
    /// Some cell of the column holds the word; or none does.
    Holds { column: usize, word: String, yes: bool },
    /// A number in the column is above the limit; or below it.
    Compares { column: usize, limit: f64, above: bool },
}

impl Wanted {
    fn column(&self) -> usize {
        match self {
            Self::Says { column, .. } | Self::Holds { column, .. } | Self::Compares { column, .. } => *column,
        }
    }

    /// Whether it is one of several alternatives: a word that a cell may hold.
    fn is_alternative(&self) -> bool {
        matches!(self, Self::Holds { yes: true, .. })
    }

    fn holds(&self, row: &[String]) -> bool {
        let cell = row[self.column()].as_str();
        match self {
            Self::Says { yes, .. } => says_yes(cell) == *yes,
            Self::Holds { word, yes, .. } => holds_word(cell, word) == *yes,
            Self::Compares { limit, above, .. } => {
                number(cell).is_some_and(|value| if *above { value > *limit } else { value < *limit })
            }
        }
    }
}

impl Table {
    /// Only the rows that `about` speaks of; all where it is empty.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where none of the words means anything in this table.
    pub(crate) fn about(mut self, about: &str) -> Result<Self, Failure> {
        if about.trim().is_empty() {
            return Ok(self);
        }
        let wanted = self.wanted(about);
        if wanted.is_empty() {
            return Err(Failure::new(ErrorCode::NotFound, format!("nothing in the table is about `{about}`"))
                .because(format!("its columns are {}", columns::listed(&self.columns)))
                .try_next("Name a column or a word of a cell"));
        }
        let mut by_column: BTreeMap<usize, Vec<&Wanted>> = BTreeMap::new();
        wanted
            .iter()
            .filter(|one| one.is_alternative())
            .for_each(|one| by_column.entry(one.column()).or_default().push(one));
        let fits = |row: &Vec<String>| {
            by_column.values().all(|of_column| of_column.iter().any(|one| one.holds(row)))
                && wanted.iter().filter(|one| !one.is_alternative()).all(|one| one.holds(row))
        };
        self.rows.retain(fits);
        Ok(self)
    }

    fn wanted(&self, about: &str) -> Vec<Wanted> {
        let lower = about.to_lowercase().replace('’', "'");
        let words = lower.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '?' | '!'));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let mut wanted = Vec::new();
        let mut yes = true;
        for (place, word) in words.iter().enumerate() {
            if is_among(NEGATIONS, word) || word.ends_with("n't") {
                yes = false;
            } else if let Some(one) = self.compared(word, words.get(place + 1..).unwrap_or_default(), place, &words) {
                wanted.push(one);
            } else if !is_among(FILLING, word) {
                let found = self.meant(word, yes);
                yes |= found.is_some();
                wanted.extend(found);
            }
        }
        wanted
    }

    /// What a word means: a column that says yes or no, or a word of cells; of several columns that hold it, the one with
    /// the most cells.
    fn meant(&self, word: &str, yes: bool) -> Option<Wanted> {
        let by_name =
            |name: &str| columns::matching(&self.columns, name).into_iter().find(|place| self.answers(*place));
        let contrary = word.strip_prefix("un").filter(|rest| rest.len() > 2);
        let says = |column, yes| Some(Wanted::Says { column, yes });
        let called = by_name(word).filter(|column| columns::is_called(&self.columns[*column], word));
        if let (None, Some(column)) = (called, contrary.and_then(by_name)) {
            return says(column, !yes);
        }
        if let Some(column) = by_name(word) {
            return says(column, yes);
        }
        if let Some(column) = self.holding(word) {
            return Some(Wanted::Holds { column, word: word.to_owned(), yes });
        }
        let settled = || SETTLED.split_whitespace().find_map(by_name);
        is_among(OPEN, word).then(settled).flatten().and_then(|column| says(column, !yes))
    }

    fn holding(&self, word: &str) -> Option<usize> {
        let cells = |place: usize| self.rows.iter().filter(|row| holds_word(&row[place], word)).count();
        (0..self.columns.len())
            .map(|place| (cells(place), place))
            .filter(|(cells, _)| *cells > 0)
            .max_by_key(|(cells, place)| (*cells, usize::MAX - place))
            .map(|(_, place)| place)
    }

    /// `over 50`: of the numbers of the column that one of the words names, or of the only one with numbers.
    fn compared(&self, word: &str, rest: &[&str], place: usize, words: &[&str]) -> Option<Wanted> {
        let above = if is_among(ABOVE, word) { true } else { is_among(BELOW, word).then_some(false)? };
        let limit = rest.iter().take(2).find_map(|next| number(next))?;
        let others = words.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, word)| word);
        let named = others
            .filter(|word| !is_among(FILLING, word))
            .flat_map(|word| columns::matching(&self.columns, word))
            .find(|place| self.is_numeric(*place));
        let mut numeric = (0..self.columns.len()).filter(|place| self.is_numeric(*place));
        let column = named.or_else(|| numeric.next().filter(|_| numeric.next().is_none()))?;
        Some(Wanted::Compares { column, limit, above })
    }

    /// Whether a column says yes or no: by these words, or by a date where it is so and nothing where it is not.
    fn answers(&self, place: usize) -> bool {
        let cells: Vec<&str> = self.rows.iter().map(|row| row[place].trim()).collect();
        let empty = cells.iter().filter(|cell| cell.is_empty()).count();
        let is_word = |cell: &&str| is_among(YESES, &cell.to_lowercase()) || is_among(NOES, &cell.to_lowercase());
        let is_date = |cell: &&str| {
            let digits = cell.chars().filter(char::is_ascii_digit).count();
            digits >= 3 && cell.contains(['-', '.', '/', ' '])
        };
        let full = || cells.iter().filter(|cell| !cell.is_empty());
        full().count() > 0 && (full().all(is_word) || (empty > 0 && full().all(|cell| is_word(cell) || is_date(cell))))
    }
}

fn says_yes(cell: &str) -> bool {
    let cell = cell.trim().to_lowercase();
    !cell.is_empty() && !is_among(NOES, &cell)
}

/// Whether a cell has this word, in any case, in the singular or plural.
fn holds_word(cell: &str, word: &str) -> bool {
    let singular = |word: &str| word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word).to_owned();
    let word = singular(word.trim_end_matches("'s"));
    cell.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '-')
        .any(|part| singular(part) == word)
}

fn is_among(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;

    use crate::table::Table;

    fn members() -> Table {
        let text = "Name,Town,Fee,Paid,Returned on\nAnn Berg,Oslo,50,yes,2026-01-02\nBo Dahl,Bergen,40,no,\nCid Moe,Oslo,80,no,\nDi Ås,Molde,20,yes,2026-03-04";
        let mut rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect());
        Table { columns: rows.next().unwrap(), rows: rows.collect() }
    }

    fn names(about: &str) -> String {
        let rows = members().about(about).unwrap().rows;
        rows.iter().map(|row| row[0].split(' ').next().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_choose_rows() {
        for (about, expected) in [
            ("", "Ann Bo Cid Di"),
            ("not paid", "Bo Cid"),
            ("who has not paid yet", "Bo Cid"),
            ("hasn't paid", "Bo Cid"),
            ("paid", "Ann Di"),
            ("unpaid", "Bo Cid"),
            ("outstanding", "Bo Cid"),
            ("not returned", "Bo Cid"),
            ("Oslo", "Ann Cid"),
            ("not Oslo", "Bo Di"),
            ("Oslo or Bergen", "Ann Bo Cid"),
            ("unpaid Oslo", "Cid"),
            ("fee over 45", "Ann Cid"),
            ("more than 45 not paid", "Cid"),
            ("under 30", "Di"),
            ("Bo Dahl", "Bo"),
            ("Town of Ann", "Ann"),
        ] {
            assert_eq!(names(about), expected, "{about}");
        }
    }

    #[test]
    fn words_of_nothing_are_refused() {
        let failure = members().about("purple elephants").unwrap_err();
        assert_eq!(failure.code, ErrorCode::NotFound);
        assert!(failure.to_string().contains("Name, Town, Fee, Paid"), "{failure}");
    }

    #[test]
    fn a_table_without_rows_has_no_column_that_answers() {
        let empty = Table { columns: vec!["Paid".into()], rows: Vec::new() };
        assert_eq!(empty.about("paid").unwrap_err().code, ErrorCode::NotFound);
    }
}
