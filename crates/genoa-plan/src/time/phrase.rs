//! Phrases of time: read without a clock, resolved with one.

use genoa_abi::{ErrorCode, Failure};
use jiff::civil::{Date, Weekday};
use jiff::{Error, Span, Timestamp, ToSpan, Zoned};

use super::words::{Unit, day_part, month, number, unit, weekday};

/// The longest phrase, in bytes.
const PHRASE_BYTES: usize = 120;

/// What words say about time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phrase {
    /// This moment.
    Now,
    /// A point with its own offset.
    Exact(Timestamp),
    /// A day, or a part of it.
    Day(Day, Hours),
    /// Such a many-day span as "next week".
    Whole(Which, Unit),
    /// Saturday and Sunday.
    Weekend(Which),
    /// A month, of a year perhaps.
    Month(Option<i16>, i8),
    /// So many units before or after now, a point for minutes and hours.
    Point(i32, Unit),
    /// The span from so many units ago until now, or from now on.
    Rolling(i32, Unit),
    /// From then until now.
    Since(Box<Phrase>),
    /// All that is earlier.
    Before(Box<Phrase>),
    /// From now through then.
    Until(Box<Phrase>),
    /// All that is later.
    After(Box<Phrase>),
    /// From the first through the second.
    Between(Box<Phrase>, Box<Phrase>),
}

/// Which of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Last,
    This,
    Next,
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Day {
    /// Days from today.
    Offset(i32),
    /// Months or years from today.
    Far(i32, Unit),
    /// A weekday.
    Weekday(Which, Weekday),
    /// A date; without a year the next one.
    Date(Option<i16>, i8, i8),
}

/// Which part of the day, in minutes from midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hours {
    All,
    At(i16),
    Span(i16, i16),
}

/// Reads words without a clock.
pub(crate) fn parse(words: &str) -> Result<Phrase, Failure> {
    read(words).ok_or_else(|| {
        let shown: String = words.chars().take(PHRASE_BYTES).collect();
        Failure::new(ErrorCode::InvalidInput, format!("“{shown}” is no time that is understood here")).try_next(
            "Write for example: today, tomorrow, friday 10:00, next week, last 7 days, since last monday, in 3 days, 25 november, 2026-11-25",
        )
    })
}

/// The longest text that is searched for a date, in bytes, and the words of one date.
const TEXT_BYTES: usize = 2_000;
const DATE_WORDS: usize = 8;

/// The only date that a text names, with its time of day if one is beside it; nothing where it names none.
///
/// # Errors
/// [`ErrorCode::Ambiguous`] where there are several.
pub(crate) fn within(text: &str) -> Result<Option<Phrase>, Failure> {
    let is_date = |phrase: &Phrase| matches!(phrase, Phrase::Day(Day::Date(..), _) | Phrase::Exact(_));
    let trim = |word: &'_ str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    let words: Vec<String> = match text.len() {
        0..=TEXT_BYTES => text.split_whitespace().map(trim).collect(),
        _ => Vec::new(),
    };
    let mut found: Vec<(String, Phrase)> = Vec::new();
    let mut place = 0;
    while place < words.len() {
        let most = DATE_WORDS.min(words.len() - place);
        let dated = (1..=most).rev().find_map(|count| {
            let said = words[place..place + count].join(" ");
            read(&said).filter(is_date).map(|phrase| (count, said, phrase))
        });
        place += dated.as_ref().map_or(1, |(count, ..)| *count);
        if let Some((_, said, phrase)) = dated
            && found.iter().all(|(_, known)| *known != phrase)
        {
            found.push((said, phrase));
        }
    }
    if found.len() > 1 {
        let said: Vec<&str> = found.iter().map(|(said, _)| said.as_str()).collect();
        return Err(Failure::new(ErrorCode::Ambiguous, format!("{} dates are named: {}", said.len(), said.join("; ")))
            .try_next("Say which one"));
    }
    Ok(found.pop().map(|(_, phrase)| phrase))
}

/// Reads words without a clock; nothing where they are no time.
pub(crate) fn read(words: &str) -> Option<Phrase> {
    if words.len() > PHRASE_BYTES {
        return None;
    }
    if let Ok(exact) = words.trim().parse::<Timestamp>() {
        return Some(Phrase::Exact(exact));
    }
    let words = words.to_lowercase().replace([',', '–'], " ");
    let tokens: Vec<&str> =
        words.split_whitespace().filter(|word| !matches!(*word, "the" | "on" | "o'clock")).collect();
    range(&tokens)
}

/// `since …`, `between … and …`, `… to …`, or a single phrase.
fn range(tokens: &[&str]) -> Option<Phrase> {
    let (first, rest) = tokens.split_first()?;
    let boxed = |tokens: &[&str]| single(tokens).map(Box::new);
    match *first {
        "since" => return boxed(rest).map(Phrase::Since),
        "before" => return boxed(rest).map(Phrase::Before),
        "until" | "till" | "by" => return boxed(rest).map(Phrase::Until),
        "after" => return boxed(rest).map(Phrase::After),
        "between" => {
            let middle = rest.iter().position(|word| *word == "and")?;
            return span(&rest[..middle], &rest[middle + 1..]);
        }
        _ => {}
    }
    let tokens = if *first == "from" { rest } else { tokens };
    match tokens.iter().position(|word| matches!(*word, "to" | "until" | "till" | "-" | "through")) {
        Some(middle) => span(&tokens[..middle], &tokens[middle + 1..]),
        None if *first == "from" => boxed(rest).map(Phrase::Since),
        None => single(tokens),
    }
}

/// A span between two phrases; `friday 10:00 to 12:00` and `9am to 5pm tomorrow` stay on one day.
fn span(from: &[&str], to: &[&str]) -> Option<Phrase> {
    let (mut from_rest, mut to_rest) = (from.to_vec(), to.to_vec());
    if let (Some(Hours::At(start)), Some(Hours::At(end))) = (take_hours(&mut from_rest)?, take_hours(&mut to_rest)?)
        && (from_rest.is_empty() || to_rest.is_empty())
        && start < end
    {
        let day = if from_rest.is_empty() { to_rest } else { from_rest };
        return day_of(&day).map(|day| Phrase::Day(day, Hours::Span(start, end)));
    }
    Some(Phrase::Between(Box::new(single(from)?), Box::new(single(to)?)))
}

fn single(tokens: &[&str]) -> Option<Phrase> {
    match tokens {
        [] => return None,
        ["now"] => return Some(Phrase::Now),
        _ => {}
    }
    if let Some(phrase) = calendar_span(tokens).or_else(|| counted(tokens)) {
        return Some(phrase);
    }
    let mut rest = tokens.to_vec();
    let hours = take_hours(&mut rest)?.unwrap_or(Hours::All);
    if rest.is_empty() && hours == Hours::All {
        return None;
    }
    day_of(&rest).map(|day| Phrase::Day(day, hours))
}

/// `next week`, `this weekend`, `november`, `in november 2026`.
fn calendar_span(tokens: &[&str]) -> Option<Phrase> {
    let tokens = tokens.strip_prefix(&["in"]).unwrap_or(tokens);
    match tokens {
        ["weekend"] => Some(Phrase::Weekend(Which::This)),
        [name] => month(name).map(|month| Phrase::Month(None, month)),
        [which_word, "weekend"] => which(which_word).map(Phrase::Weekend),
        [name, year] if month(name).is_some() && year.len() == 4 => {
            Some(Phrase::Month(Some(year_of(year)?), month(name)?))
        }
        [which_word, word] => match unit(word)? {
            // "next days" says nothing, and "next hour" is the hour from now.
            found @ (Unit::Day | Unit::Week | Unit::Month | Unit::Year) if !word.ends_with('s') => {
                Some(Phrase::Whole(which(which_word)?, found))
            }
            found @ (Unit::Hour | Unit::Minute) if !word.ends_with('s') => match which(which_word)? {
                Which::Last => Some(Phrase::Rolling(-1, found)),
                Which::Next => Some(Phrase::Rolling(1, found)),
                Which::This => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn which(word: &str) -> Option<Which> {
    match word {
        "last" | "past" | "previous" => Some(Which::Last),
        "this" | "current" => Some(Which::This),
        "next" | "coming" => Some(Which::Next),
        _ => None,
    }
}

/// `last 7 days`, `in 2 hours`, `10 minutes ago`. Days and longer are days, and read by [`day_of`].
fn counted(tokens: &[&str]) -> Option<Phrase> {
    match tokens {
        ["last" | "past" | "previous", count, word] if !is_article(count) => {
            Some(Phrase::Rolling(-number(count)?, unit(word)?))
        }
        ["next" | "coming", count, word] if !is_article(count) => Some(Phrase::Rolling(number(count)?, unit(word)?)),
        ["in", count, word] => clock_unit(word).and_then(|unit| Some(Phrase::Point(count_of(count, word)?, unit))),
        [count, word, "ago"] => clock_unit(word).and_then(|unit| Some(Phrase::Point(-count_of(count, word)?, unit))),
        _ => None,
    }
}

/// The number before a unit. "a minutes" was cut off or is a slip, and nobody knows how many were meant.
fn count_of(count: &str, word: &str) -> Option<i32> {
    if is_article(count) && word.ends_with('s') { None } else { number(count) }
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an")
}

fn clock_unit(word: &str) -> Option<Unit> {
    unit(word).filter(|unit| matches!(unit, Unit::Minute | Unit::Hour))
}

fn day_of(tokens: &[&str]) -> Option<Day> {
    Some(match tokens {
        [] | ["today" | "this"] => Day::Offset(0),
        ["tomorrow"] => Day::Offset(1),
        ["yesterday"] => Day::Offset(-1),
        ["day", "after", "tomorrow"] => Day::Offset(2),
        ["day", "before", "yesterday"] => Day::Offset(-2),
        ["in", count, word] => counted_day(count_of(count, word)?, unit(word)?)?,
        [count, word, "ago"] => counted_day(-count_of(count, word)?, unit(word)?)?,
        [word] if weekday(word).is_some() => Day::Weekday(Which::This, weekday(word)?),
        [which_word, word] if weekday(word).is_some() => Day::Weekday(which(which_word)?, weekday(word)?),
        [name, rest @ ..] if weekday(name).is_some() => date(rest)?,
        _ => date(tokens)?,
    })
}

fn counted_day(count: i32, unit: Unit) -> Option<Day> {
    match unit {
        Unit::Day => Some(Day::Offset(count)),
        Unit::Week => Some(Day::Offset(count.checked_mul(7)?)),
        Unit::Month | Unit::Year => Some(Day::Far(count, unit)),
        Unit::Minute | Unit::Hour => None,
    }
}

/// `2026-11-25`, `25 november 2026`, `nov 25`.
fn date(tokens: &[&str]) -> Option<Day> {
    let (year, month_number, day) = match tokens {
        [iso] => {
            let date: Date = (iso.len() == 10).then(|| iso.parse().ok()).flatten()?;
            (Some(date.year()), date.month(), date.day())
        }
        [day, "of", name] | [day, name] if month(name).is_some() => (None, month(name)?, day_number(day)?),
        [name, day] => (None, month(name)?, day_number(day)?),
        [day, "of", name, year] | [day, name, year] if month(name).is_some() => {
            (Some(year_of(year)?), month(name)?, day_number(day)?)
        }
        [name, day, year] => (Some(year_of(year)?), month(name)?, day_number(day)?),
        _ => return None,
    };
    // Without a year, a day is right if some year has it.
    Date::new(year.unwrap_or(2024), month_number, day).ok()?;
    Some(Day::Date(year, month_number, day))
}

fn year_of(word: &str) -> Option<i16> {
    (word.len() == 4).then(|| word.parse().ok()).flatten().filter(|year| (1900..=2200).contains(year))
}

/// `25` or `25th`.
fn day_number(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let ending = word.strip_prefix(digits)?;
    (matches!(ending, "" | "st" | "nd" | "rd" | "th") && digits.len() <= 2).then(|| digits.parse().ok()).flatten()
}

/// Takes the time of day out of the tokens, wherever it stands. `Some(None)` if there is none, `None` if there are two.
fn take_hours(tokens: &mut Vec<&str>) -> Option<Option<Hours>> {
    let mut found = None;
    let mut place = 0;
    while place < tokens.len() {
        let Some((hours, used)) = hours_at(&tokens[place..]) else {
            place += 1;
            continue;
        };
        if found.replace(hours).is_some() {
            return None;
        }
        tokens.drain(place..place + used);
    }
    Some(found)
}

/// A time of day at the beginning of the tokens, and how many of them it takes.
fn hours_at(tokens: &[&str]) -> Option<(Hours, usize)> {
    let (first, rest) = tokens.split_first()?;
    if *first == "at" {
        if let Some((hours, used)) = hours_at(rest) {
            return Some((hours, used + 1));
        }
        let hour = rest.first().filter(|word| word.len() <= 2).and_then(|word| word.parse::<i16>().ok())?;
        return (0..24).contains(&hour).then_some((Hours::At(hour * 60), 2));
    }
    if let (Some((start, end)), true) = (day_part(first), *first != "this") {
        return Some((Hours::Span(i16::from(start) * 60, i16::from(end) * 60), 1));
    }
    if *first == "noon" {
        return Some((Hours::At(12 * 60), 1));
    }
    if *first == "midnight" {
        return Some((Hours::At(0), 1));
    }
    if let Some((start, end)) = first.split_once('-')
        && let (Some(start), Some(end)) = (clock_time(start), clock_time(end))
        && start < end
    {
        return Some((Hours::Span(start, end), 1));
    }
    if let Some(half) = rest.first().filter(|word| matches!(**word, "am" | "pm")) {
        return clock_time(&format!("{first}{half}")).map(|at| (Hours::At(at), 2));
    }
    clock_time(first).map(|at| (Hours::At(at), 1))
}

/// `10:00`, `3pm`, `3:30pm`, as minutes from midnight.
fn clock_time(word: &str) -> Option<i16> {
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (word, None),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute.parse::<i16>().ok()?),
        None if half.is_some() => (digits, 0),
        _ => return None,
    };
    if hour.is_empty() || hour.len() > 2 || !hour.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let hour: i16 = hour.parse().ok()?;
    let hour = match half {
        Some(offset) if (1..=12).contains(&hour) => hour % 12 + offset,
        None if (0..24).contains(&hour) => hour,
        _ => return None,
    };
    (0..60).contains(&minute).then_some(hour * 60 + minute)
}

impl Phrase {
    /// The first moment, and the first one after it; the same for a point in time.
    pub(crate) fn resolve(&self, now: &Zoned) -> Result<(Zoned, Zoned), Error> {
        Ok(match self {
            Self::Now => (now.clone(), now.clone()),
            Self::Exact(exact) => {
                let exact = exact.to_zoned(now.time_zone().clone());
                (exact.clone(), exact)
            }
            Self::Day(day, hours) => hours.of(day.resolve(now)?, now)?,
            Self::Whole(which, unit) => whole(*which, *unit, now)?,
            Self::Weekend(which) => {
                let monday = monday_of(now.date())?.checked_add(i64::from(which.offset()).weeks())?;
                let saturday = monday.checked_add(5.days())?;
                (midnight(saturday, now)?, midnight(saturday.checked_add(2.days())?, now)?)
            }
            Self::Month(year, month) => {
                let first = Date::new(year.unwrap_or(now.year()), *month, 1)?;
                (midnight(first, now)?, midnight(first.checked_add(1.month())?, now)?)
            }
            Self::Point(count, unit) => {
                let point = now.checked_add(units(*count, *unit)?)?;
                (point.clone(), point)
            }
            Self::Rolling(count, unit) => {
                let other = now.checked_add(units(*count, *unit)?)?;
                if *count < 0 { (other, now.clone()) } else { (now.clone(), other) }
            }
            Self::Since(phrase) => {
                let (start, end) = phrase.resolve(now)?;
                let end = if start > *now { end } else { now.clone() };
                (start, end)
            }
            Self::Before(phrase) => (midnight(Date::new(1970, 1, 1)?, now)?, phrase.resolve(now)?.0),
            Self::Until(phrase) => {
                let end = phrase.resolve(now)?.1;
                (now.clone().min(end.clone()), end)
            }
            Self::After(phrase) => (phrase.resolve(now)?.1, midnight(Date::new(9999, 1, 1)?, now)?),
            Self::Between(from, to) => {
                let start = from.resolve(now)?.0;
                // "friday" of "between monday and friday" is the one after that monday.
                let end = match to.resolve(now)? {
                    (_, end) if end >= start => end,
                    _ => to.resolve(&start)?.1,
                };
                if end < start { (end, start) } else { (start, end) }
            }
        })
    }
}

impl Which {
    fn offset(self) -> i32 {
        match self {
            Self::Last => -1,
            Self::This => 0,
            Self::Next => 1,
        }
    }
}

impl Day {
    fn resolve(self, now: &Zoned) -> Result<Date, Error> {
        let today = now.date();
        match self {
            Self::Offset(days) => today.checked_add(Span::new().try_days(days)?),
            Self::Far(count, unit) => today.checked_add(units(count, unit)?),
            Self::Weekday(Which::This, day) if today.weekday() == day => Ok(today),
            Self::Weekday(Which::Last, day) => today.nth_weekday(-1, day),
            Self::Weekday(_, day) => today.nth_weekday(1, day),
            Self::Date(Some(year), month, day) => Date::new(year, month, day),
            Self::Date(None, month, day) => {
                // 29 February may be eight years away.
                let next = (0..=8)
                    .filter_map(|ahead| Date::new(today.year().checked_add(ahead)?, month, day).ok())
                    .find(|date| *date >= today);
                next.map_or_else(|| Date::new(today.year(), month, day), Ok)
            }
        }
    }
}

impl Hours {
    fn of(self, day: Date, now: &Zoned) -> Result<(Zoned, Zoned), Error> {
        let at = |minutes: i16| -> Result<Zoned, Error> {
            if minutes >= 24 * 60 {
                return midnight(day.checked_add(1.day())?, now);
            }
            let (hour, minute) = (minutes / 60, minutes % 60);
            let narrow = |part: i16| i8::try_from(part).unwrap_or(0);
            day.at(narrow(hour), narrow(minute), 0, 0).to_zoned(now.time_zone().clone())
        };
        match self {
            Self::All => Ok((midnight(day, now)?, midnight(day.checked_add(1.day())?, now)?)),
            Self::At(minutes) => Ok((at(minutes)?, at(minutes)?)),
            Self::Span(start, end) => Ok((at(start)?, at(end)?)),
        }
    }
}

fn whole(which: Which, unit: Unit, now: &Zoned) -> Result<(Zoned, Zoned), Error> {
    let today = now.date();
    let first = match unit {
        Unit::Week => monday_of(today)?,
        Unit::Month => today.first_of_month(),
        Unit::Year => today.first_of_year(),
        Unit::Minute | Unit::Hour | Unit::Day => today,
    };
    let start = first.checked_add(units(which.offset(), unit)?)?;
    Ok((midnight(start, now)?, midnight(start.checked_add(units(1, unit)?)?, now)?))
}

fn monday_of(day: Date) -> Result<Date, Error> {
    day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days())
}

fn midnight(day: Date, now: &Zoned) -> Result<Zoned, Error> {
    day.to_zoned(now.time_zone().clone())
}

fn units(count: i32, unit: Unit) -> Result<Span, Error> {
    let span = Span::new();
    match unit {
        Unit::Minute => span.try_minutes(count),
        Unit::Hour => span.try_hours(count),
        Unit::Day => span.try_days(count),
        Unit::Week => span.try_weeks(count),
        Unit::Month => span.try_months(count),
        Unit::Year => span.try_years(count),
    }
}
