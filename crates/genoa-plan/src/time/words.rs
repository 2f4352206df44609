//! The words of calendars.

use jiff::civil::Weekday;

/// What is counted in "in 3 days".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// The weekdays, spelled out.
pub(crate) const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// `friday` or `fri`.
pub(crate) fn weekday(word: &str) -> Option<Weekday> {
    Some(match word.trim_end_matches('.') {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" | "tues" => Weekday::Tuesday,
        "wednesday" | "wed" => Weekday::Wednesday,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// The months, spelled out.
pub(crate) const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// `november` or `nov`, from 1.
pub(crate) fn month(word: &str) -> Option<i8> {
    let word = word.trim_end_matches('.');
    let place = MONTHS.iter().position(|month| {
        *month == word || (word.len() == 3 && month.starts_with(word)) || (word == "sept" && *month == "september")
    })?;
    i8::try_from(place + 1).ok()
}

/// `days`, `hour`.
pub(crate) fn unit(word: &str) -> Option<Unit> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "minute" | "min" => Unit::Minute,
        "hour" => Unit::Hour,
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "year" => Unit::Year,
        _ => return None,
    })
}

/// `3`, `three`, `a`. At most four digits, so that no arithmetic leaves the calendar by far.
pub(crate) fn number(word: &str) -> Option<i32> {
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if word == "a" || word == "an" {
        return Some(1);
    }
    if let Some(place) = NUMBERS.iter().position(|number| *number == word) {
        return i32::try_from(place).ok();
    }
    (word.len() <= 4 && word.bytes().all(|digit| digit.is_ascii_digit())).then(|| word.parse().ok()).flatten()
}

/// Hours of the day: from, and until.
pub(crate) fn day_part(word: &str) -> Option<(i8, i8)> {
    Some(match word {
        "morning" => (6, 12),
        "afternoon" => (12, 18),
        "evening" | "tonight" | "night" => (18, 24),
        _ => return None,
    })
}

/// The full name of the weekday that a word is, short or in the plural.
pub(crate) fn spelled_weekday(word: &str) -> Option<&'static str> {
    let day = weekday(word).or_else(|| weekday(word.strip_suffix('s')?))?;
    WEEKDAYS.get(usize::try_from(day.to_monday_zero_offset()).ok()?).copied()
}

/// The full name of the month that a word is.
pub(crate) fn spelled_month(word: &str) -> Option<&'static str> {
    MONTHS.get(usize::try_from(month(word)? - 1).ok()?).copied()
}

/// The unit that a word names, in the singular.
pub(crate) fn unit_word(word: &str) -> Option<&'static str> {
    Some(match unit(word)? {
        Unit::Minute => "minute",
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Year => "year",
    })
}

/// Whether a word names a day or month, and so is no person.
pub(crate) fn is_calendar_word(word: &str) -> bool {
    weekday(word).is_some() || month(word).is_some() || matches!(word, "today" | "tomorrow" | "yesterday")
}
