//! The times of day that an intention says, in figures or in words: "10:00", "3 pm", "half past six in the evening".
//!
//! Where the words leave open which half of the day is meant, both are offered, and the model chooses. The words are
//! English.

use std::collections::BTreeSet;

use super::english::{bare, is_among};
use crate::time::{number, spelled_month, unit_word};

const NOON: i16 = 12 * 60;
const DAY: i16 = 24 * 60;
/// Until this hour, a figure with minutes may be short for one after noon: "2:30".
const SHORT_HOURS: i16 = 6;

/// Words before a bare number that is a time of day: "at ten", "from 2 to 4".
const BEFORE_HOURS: &str = "about after and around at before between by from past till to until";

/// Which half of the day is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    /// The hours are counted to 24.
    Given,
    First,
    Second,
    Either,
}

/// The times of day in `text` (lower case), in minutes from midnight.
pub(super) fn clocks_in(text: &str) -> BTreeSet<i16> {
    let spaced = text.replace(['–', '—', '-'], " to ");
    let words: Vec<&str> = spaced.split_whitespace().map(trimmed).filter(|word| *word != "the").collect();
    let usual = usual_half(&words);
    let mut clocks = BTreeSet::new();
    let mut next = 0;
    for place in 0..words.len() {
        if place < next {
            continue;
        }
        let rest = &words[place..];
        let before = place.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or("");
        let Some((minutes, used, half)) = exact(rest).or_else(|| spoken(rest)).or_else(|| bare_hour(before, rest))
        else {
            continue;
        };
        next = place + used;
        let half = match half {
            Half::Given => half,
            Half::Either => half_after(&rest[used..]).unwrap_or(usual),
            Half::First | Half::Second => half_after(&rest[used..]).unwrap_or(half),
        };
        clocks.extend(halves(minutes, half));
    }
    clocks
}

fn trimmed(word: &str) -> &str {
    if word.contains(':') { word.trim_matches(|letter: char| !letter.is_alphanumeric()) } else { bare(word) }
}

/// The half that the words name for all of them, if they name one only.
fn usual_half(words: &[&str]) -> Half {
    let says = |list: &str| words.iter().any(|word| is_among(list, word));
    match (says("morning am"), says("afternoon evening tonight night pm dinner")) {
        (true, false) => Half::First,
        (false, true) => Half::Second,
        _ => Half::Either,
    }
}

/// What stands behind a time: "pm", "in the evening", "on Friday morning".
fn half_after(rest: &[&str]) -> Option<Half> {
    let named = |word: &str| match word {
        "am" | "morning" => Some(Half::First),
        "pm" | "afternoon" | "evening" | "night" | "tonight" => Some(Half::Second),
        _ => None,
    };
    match rest {
        ["in" | "at" | "o'clock" | "today" | "tomorrow", word, ..] => named(word),
        [word, ..] => named(word),
        [] => None,
    }
}

/// `10:00`, `3pm`, `3:30pm`, `noon`.
fn exact(rest: &[&str]) -> Option<(i16, usize, Half)> {
    let word = *rest.first()?;
    match word {
        "noon" | "midday" => return Some((NOON, 1, Half::Given)),
        "midnight" => return Some((0, 1, Half::Given)),
        _ => {}
    }
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Half::First),
        (_, Some(digits)) => (digits, Half::Second),
        _ => (word, Half::Either),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute.parse().ok()?),
        None if half != Half::Either => (digits, 0),
        _ => return None,
    };
    let is_short = hour.len() == 1;
    let hour: i16 = hour.parse().ok().filter(|hour| (0..24).contains(hour))?;
    // "10:00" means what it says; "2:30" may be short.
    let half = if half == Half::Either && !(is_short && hour <= SHORT_HOURS) { Half::Given } else { half };
    (0..60).contains(&minute).then_some((hour * 60 + minute, 1, half))
}

/// `half past six`, `quarter to 7`, `ten past eight`, `six o'clock`.
fn spoken(rest: &[&str]) -> Option<(i16, usize, Half)> {
    match rest {
        ["half", "past", hour, ..] => Some((hour_of(hour)? * 60 + 30, 3, Half::Either)),
        ["half", hour, ..] => Some((hour_of(hour)? * 60 + 30, 2, Half::Either)),
        [count, "past", hour, ..] => Some((hour_of(hour)? * 60 + parts_of_hour(count)?, 3, Half::Either)),
        [count, "to", hour, ..] => {
            // "from 10 to 12" is no such time.
            let minutes = parts_of_hour(count).filter(|minutes| *minutes != 10)?;
            Some(((hour_of(hour)? * 60 - minutes).rem_euclid(DAY), 3, Half::Either))
        }
        [hour, "o'clock" | "oclock" | "o’clock", ..] => Some((hour_of(hour)? * 60, 2, Half::Either)),
        [hour, "am", ..] => Some((hour_of(hour)? * 60, 1, Half::First)),
        [hour, "pm", ..] => Some((hour_of(hour)? * 60, 1, Half::Second)),
        [hour, "in" | "at", "morning" | "afternoon" | "evening" | "night", ..] => {
            Some((hour_of(hour)? * 60, 1, Half::Either))
        }
        _ => None,
    }
}

fn parts_of_hour(word: &str) -> Option<i16> {
    match word {
        "quarter" => Some(15),
        "twenty" => Some(20),
        "five" | "ten" => number(word).and_then(|minutes| i16::try_from(minutes).ok()),
        _ => None,
    }
}

/// A number alone, where a time of day stands and nothing is counted: "at ten".
fn bare_hour(before: &str, rest: &[&str]) -> Option<(i16, usize, Half)> {
    let hour = hour_of(rest.first()?)?;
    let counts = |word: &&str| unit_word(word).is_some() || spelled_month(word).is_some() || *word == "of";
    let is_counted = rest.get(1).is_some_and(counts) || spelled_month(before).is_some();
    (is_among(BEFORE_HOURS, before) && !is_counted).then_some((hour * 60, 1, Half::Either))
}

fn hour_of(word: &str) -> Option<i16> {
    let hour = number(word).filter(|_| word != "a" && word != "an")?;
    i16::try_from(hour).ok().filter(|hour| (0..24).contains(hour))
}

/// The times of day that a time on the clock's face may mean.
fn halves(minutes: i16, half: Half) -> impl Iterator<Item = i16> {
    let hour = minutes / 60;
    let first = if hour == 12 { minutes - NOON } else { minutes };
    let second = if hour < 12 { minutes + NOON } else { minutes };
    let both = match half {
        _ if hour > 12 => [Some(minutes), None],
        Half::Given => [Some(minutes), None],
        Half::First => [Some(first), None],
        Half::Second => [Some(second), None],
        Half::Either => [Some(minutes), Some(second)],
    };
    both.into_iter().flatten()
}

/// The forms in which a time of day may be written, as a pattern.
pub(super) fn pattern(clocks: &BTreeSet<i16>) -> Option<String> {
    let forms = |minutes: &i16| {
        let (hour, minute) = (minutes / 60, minutes % 60);
        let zero = if hour < 10 { "0?" } else { "" };
        let short = match hour {
            0 => "12am".to_owned(),
            1..=11 => format!("{hour}am"),
            12 => "12pm".to_owned(),
            _ => format!("{}pm", hour - 12),
        };
        if minute == 0 { format!("{zero}{hour}:00|{short}") } else { format!("{zero}{hour}:{minute:02}") }
    };
    let forms: Vec<String> = clocks.iter().map(forms).collect();
    (!forms.is_empty()).then(|| format!("({})", forms.join("|")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clocks_in, pattern};

    fn clocks(text: &str) -> Vec<String> {
        clocks_in(text).iter().map(|minutes| format!("{}:{:02}", minutes / 60, minutes % 60)).collect()
    }

    #[test]
    fn times_of_day_are_heard_in_figures_and_words() {
        for (text, expected) in [
            ("meeting at 10:00", "10:00"),
            ("friday 3pm until 4:30 pm", "15:00 16:30"),
            ("dinner on saturday 5 december, half past six in the evening, three hours", "18:30"),
            ("a quarter to seven tomorrow morning", "6:45"),
            ("the walk is at ten instead", "10:00 22:00"),
            ("between 2 and 4 in the afternoon", "14:00 16:00"),
            ("from 9 to 11", "9:00 11:00 21:00 23:00"),
            ("14-16", "16:00"),
            ("from 14-16", "14:00 16:00"),
            ("around noon", "12:00"),
            ("at 2:30", "2:30 14:30"),
            ("ten past eight tonight", "20:10"),
            ("for 20 minutes, by 3 december", ""),
            ("copy 40 gb of films to 3 disks", "3:00 15:00"),
            ("six o'clock", "6:00 18:00"),
            ("at 12 am and 12 pm", "0:00 12:00"),
            ("lunch at 12:30, the talk at 13:15 in the afternoon", "12:30 13:15"),
        ] {
            assert_eq!(clocks(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn forms_are_those_that_are_understood() {
        assert_eq!(pattern(&clocks_in("9:00 and 15:30")).unwrap(), "(0?9:00|9am|15:30)");
        assert_eq!(pattern(&clocks_in("nothing")), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_a_time_outside_the_day(text in "([a-z0-9: -]{0,6} ){0,8}") {
            prop_assert!(clocks_in(&text).iter().all(|minutes| (0..24 * 60).contains(minutes)));
        }
    }
}
