//! The amounts that an intention speaks of: what its numbers may be compared with.
//!
//! A model that may write any number makes limits up. So a comparison takes one that was said, in the unit in which
//! records count: bytes and seconds. The words are English.

use std::collections::BTreeSet;

use super::english::{bare, is_among};
use crate::time::number;

/// Amounts that need not be said: whether there is any.
const ALWAYS: [&str; 2] = ["0", "1"];
/// Amounts of one intention.
const AMOUNTS: usize = 32;

/// Units, and how many bytes or seconds one is.
const UNITS: [(&str, u64); 9] = [
    ("k kb kilobyte kilobytes", 1_000),
    ("m mb megabyte megabytes meg megs", 1_000_000),
    ("g gb gig gigs gigabyte gigabytes", 1_000_000_000),
    ("t tb terabyte terabytes", 1_000_000_000_000),
    ("s sec second seconds", 1),
    ("min minute minutes", 60),
    ("h hour hours", 3_600),
    ("day days", 86_400),
    ("week weeks", 604_800),
];

/// The numbers of a text in lower case as a plan writes them, and each with its unit in bytes or seconds.
pub(super) fn amounts(text: &str) -> Vec<String> {
    let mut amounts: BTreeSet<String> = ALWAYS.iter().map(|number| (*number).to_owned()).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    for (place, word) in words.iter().enumerate() {
        let Some((digits, unit)) = digits_and_unit(bare(word)) else { continue };
        let unit = if unit.is_empty() { words.get(place + 1).map_or("", |next| bare(next)) } else { unit };
        amounts.extend(scaled(&digits, unit));
        amounts.insert(digits);
    }
    amounts.into_iter().take(AMOUNTS).collect()
}

/// `40gb` is `40` and `gb`, `1,500.50` is `1500.50`, and `two` is `2`; nothing where no number begins the word.
fn digits_and_unit(word: &str) -> Option<(String, &str)> {
    if let Some(number) = number(word) {
        return Some((number.to_string(), ""));
    }
    let end = word.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, ',' | '.')).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let digits = digits.replace(',', "");
    let (whole, rest) = digits.split_once('.').unwrap_or((&digits, ""));
    let is_number =
        (1..=9).contains(&whole.len()) && rest.len() <= 4 && rest.bytes().all(|digit| digit.is_ascii_digit());
    let has_end = digits.contains('.') != rest.is_empty();
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_unit = unit.chars().all(char::is_alphabetic);
    (is_number && has_end && is_unit)
        .then(|| (if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }, unit))
}

/// An amount in the base unit; whole, because records count so.
fn scaled(digits: &str, unit: &str) -> Option<String> {
    let (_, factor) = UNITS.iter().find(|(names, _)| is_among(names, unit))?;
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let tenths = 10_u64.pow(u32::try_from(rest.len()).ok()?);
    let whole = format!("{whole}{rest}").parse::<u64>().ok()?.checked_mul(*factor)?;
    (whole % tenths == 0).then(|| (whole / tenths).to_string())
}

#[cfg(test)]
mod tests {
    use super::amounts;

    #[test]
    fn amounts_are_read_with_their_units() {
        let read = |text: &str| amounts(text).join(" ");
        assert_eq!(read("is there room for 40 gb of films?"), "0 1 40 40000000000");
        assert_eq!(read("larger than 1.5gb, please"), "0 1 1.5 1500000000");
        assert_eq!(read("more than a gigabyte"), "0 1 1000000000");
        assert_eq!(read("over 80 % or 1,500.50 euros"), "0 1 1500.50 80");
        assert_eq!(read("running for two hours"), "0 1 2 7200");
        assert_eq!(read("version 1.2.3 of a.md at 10:00"), "0 1");
    }
}
