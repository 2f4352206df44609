//! The words of time that an intention holds.

use std::collections::BTreeSet;

use super::clocks::clocks_in;
use super::english::bare;
use crate::time::{number, spelled_month, spelled_weekday, unit_word};

/// Words of time, in the forms of the grammar. Empty lists: nothing of the kind was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TimeWords {
    pub(super) days: Vec<&'static str>,
    pub(super) weekdays: Vec<&'static str>,
    pub(super) months: Vec<&'static str>,
    pub(super) parts: Vec<&'static str>,
    pub(super) units: Vec<&'static str>,
    pub(super) numbers: Vec<i32>,
    pub(super) iso: Vec<String>,
    /// Times of day, in minutes from midnight.
    pub(super) clocks: BTreeSet<i16>,
    /// Whether any number and any time of day may be written.
    pub(super) is_free: bool,
    pub(super) is_now: bool,
}

impl TimeWords {
    /// The words of time in a lower-case text whose words are `all`.
    pub(super) fn in_text(text: &str, all: &BTreeSet<String>) -> Self {
        let has = |word: &str| all.contains(word);
        let said = |words: &[&'static str]| words.iter().copied().filter(|word| has(word)).collect::<Vec<_>>();
        let mut days = said(&["today", "tomorrow", "yesterday"]);
        let mut parts = said(&["morning", "afternoon", "evening"]);
        if has("tonight") || has("night") {
            parts.push("evening");
            days.push("today");
        }
        let mut units: Vec<&str> = all.iter().filter_map(|word| unit_word(word)).collect();
        if ["recently", "lately", "recent"].into_iter().any(has) {
            units.extend(["week", "month"]);
        }
        units.extend(has("weekend").then_some("weekend"));
        Self {
            weekdays: weekdays(text),
            months: all
                .iter()
                .filter(|word| word.as_str() != "may" || speaks_of_may(text))
                .filter_map(|word| spelled_month(word))
                .collect(),
            numbers: all.iter().filter_map(|word| said_number(word)).collect(),
            iso: text.split_whitespace().map(bare).filter(|word| is_iso_date(word)).map(str::to_owned).collect(),
            clocks: clocks_in(text),
            is_free: false,
            is_now: has("now"),
            days,
            parts,
            units,
        }
    }
}

impl TimeWords {
    /// Whether a day is named in any way.
    pub(super) fn names_a_day(&self) -> bool {
        !(self.days.is_empty() && self.weekdays.is_empty() && self.months.is_empty() && self.iso.is_empty())
    }
}

/// Whether "may" is the month: not what somebody may do.
fn speaks_of_may(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    (0..words.len()).any(|place| {
        let is_dated = |word: &&str| said_number(bare(word)).is_some();
        let before = place.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or("");
        bare(words[place]) == "may"
            && (["in", "of", "by", "until", "since", "last", "next", "this", "from", "to", "and"]
                .contains(&bare(before))
                || is_dated(&before)
                || words.get(place + 1).is_some_and(is_dated))
    })
}

/// `3`, `3rd`, `three`.
pub(super) fn said_number(word: &str) -> Option<i32> {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let is_ordinal = ["st", "nd", "rd", "th", "am", "pm"].contains(&&word[digits.len()..]);
    match word {
        "couple" => return Some(2),
        "few" => return Some(3),
        _ => {}
    }
    if is_ordinal && !digits.is_empty() {
        return number(digits);
    }
    number(word).filter(|_| word != "a" && word != "an")
}

/// The weekdays of a lower-case text. One that stands beside its date ("Saturday 5 December") is told by that.
pub(super) fn weekdays(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> = text.split_whitespace().map(bare).filter(|word| *word != "the").collect();
    let is_date = |words: &[&str]| match words {
        [one, other, ..] => {
            (said_number(one).is_some() && spelled_month(other).is_some())
                || (spelled_month(one).is_some() && said_number(other).is_some())
        }
        _ => false,
    };
    let named = words.iter().enumerate().filter(|(place, _)| !is_date(&words[place + 1..]));
    let days: BTreeSet<&str> = named.filter_map(|(_, word)| spelled_weekday(word)).collect();
    days.into_iter().collect()
}

pub(super) fn is_iso_date(word: &str) -> bool {
    word.len() == 10
        && word.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
