//! The days that a text names.
//!
//! Somebody else's "Friday" or "tomorrow" is not known here; a date is one with a month. It is understood by the same code
//! as the words of time of a plan, after the forms with figures alone, which people write in texts, were put into ISO form.

use std::borrow::Cow;
use std::ops::Range;

use genoa_abi::Datum;
use genoa_abi::tool::Clock;
use jiff::Zoned;

use super::signs::is_hidden;
use crate::time::{Day, Hours, MONTHS, Phrase, is_calendar_word, now, read, spelled_month, written};

/// Words of one date.
const DATE_WORDS: usize = 8;

/// The dates, each as `2027-03-12`, or with its time of day as RFC 3339.
pub(super) fn dates(text: &str, clock: &Clock) -> Vec<(Range<usize>, Datum)> {
    let Ok(now) = now(clock) else { return Vec::new() };
    let told = |(place, phrase): (Range<usize>, Phrase)| Some((place, Datum::Text(told(&phrase, &now)?)));
    found(text).into_iter().filter_map(told).collect()
}

/// Where the dates stand.
pub(super) fn places(text: &str) -> Vec<Range<usize>> {
    found(text).into_iter().map(|(place, _)| place).collect()
}

fn told(phrase: &Phrase, now: &Zoned) -> Option<String> {
    let (start, _) = phrase.resolve(now).ok()?;
    let is_whole_day = matches!(phrase, Phrase::Day(_, Hours::All));
    Some(if is_whole_day { start.strftime("%Y-%m-%d").to_string() } else { written(&start) })
}

/// A word of the text, without the signs around it.
struct Word<'t> {
    place: Range<usize>,
    text: Cow<'t, str>,
    /// A sentence ends behind it.
    ends: bool,
}

fn found(text: &str) -> Vec<(Range<usize>, Phrase)> {
    let words: Vec<Word<'_>> = words(text).collect();
    let mut found = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let counts = if may_begin(&words[first].text) { words_of_date(&words[first..]) } else { None };
        let dated = counts.and_then(|(least, most)| {
            (least..=most).rev().find_map(|count| {
                let said: Vec<&str> = words[first..first + count].iter().map(|word| &*word.text).collect();
                read(&said.join(" ")).filter(is_date).map(|phrase| (count, phrase))
            })
        });
        let Some((count, phrase)) = dated else {
            first += 1;
            continue;
        };
        found.push((words[first].place.start..words[first + count - 1].place.end, phrase));
        first += count;
    }
    found
}

/// How many words a date that begins here has at least, and at most; nothing where no month stands near.
fn words_of_date(words: &[Word<'_>]) -> Option<(usize, usize)> {
    // A word that hides something, or is none, is no part of a date.
    let near: Vec<&Word<'_>> = words.iter().take(DATE_WORDS).take_while(|word| !word.text.is_empty()).collect();
    let most = near.iter().position(|word| word.ends).map_or(near.len(), |last| last + 1);
    let names_month = |word: &&Word<'_>| {
        spelled_month(&word.text.to_lowercase()).is_some() || (word.text.len() >= 10 && word.text.contains('-'))
    };
    let least = near[..most].iter().position(names_month)? + 1;
    Some((least, most))
}

fn is_date(phrase: &Phrase) -> bool {
    matches!(phrase, Phrase::Day(Day::Date(..), _) | Phrase::Exact(_))
}

/// Whether a date can begin with this word.
fn may_begin(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
        || is_calendar_word(&word.to_lowercase())
        || matches!(word, "at" | "At" | "noon" | "midnight")
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut place = 0;
    text.split_whitespace().map(move |word| {
        // A word stands behind those before it.
        let start = place + text[place..].find(word).unwrap_or_default();
        place = start + word.len();
        let begins = word.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let inner = begins.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let start = start + word.len() - begins.len();
        let behind = &begins[inner.len()..];
        // What hides something is no word of a date.
        let text = if word.chars().any(is_hidden) { Cow::Borrowed("") } else { plain(inner) };
        let is_full =
            inner.len() > 2 && (inner.bytes().all(|b| b.is_ascii_digit()) || MONTHS.contains(&&*inner.to_lowercase()));
        let ends = behind.contains([';', '!', '?']) || (behind.contains('.') && is_full);
        Word { place: start..start + inner.len(), text, ends }
    })
}

/// A date of figures alone in ISO form: `12.3.2027` (the day first), `2027/03/12`, and `25/12/2026` where only one of the
/// two can be the month.
fn plain(word: &str) -> Cow<'_, str> {
    let mark = word.chars().find(|letter| matches!(letter, '.' | '/' | '-')).unwrap_or_default();
    let parts: Vec<&str> = word.split(mark).collect();
    let [first, second, third] = parts.as_slice() else { return Cow::Borrowed(word) };
    let number = |part: &str, digits: &[usize]| -> Option<u32> {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { part.parse().ok() } else { None }
    };
    let day_last = (number(first, &[4]), number(second, &[1, 2]), number(third, &[1, 2]));
    let year_last = (number(first, &[1, 2]), number(second, &[1, 2]), number(third, &[4]));
    let (year, month, day) = match (day_last, year_last) {
        ((Some(year), Some(month), Some(day)), _) => (year, month, day),
        (_, (Some(day), Some(month), Some(year))) if mark == '.' || day > 12 || day == month => (year, month, day),
        (_, (Some(month), Some(day), Some(year))) if day > 12 => (year, month, day),
        // Nobody knows which is the month, and it is not guessed.
        (_, (Some(_), Some(_), Some(_))) => return Cow::Borrowed(""),
        _ => return Cow::Borrowed(word),
    };
    Cow::Owned(format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use genoa_abi::Datum;
    use genoa_abi::tool::Clock;

    use super::dates;

    #[test]
    fn dates_are_found_as_people_write_them() {
        let clock = Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() };
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<String> = dates(text, &clock)
                .into_iter()
                .map(|(place, value)| match value {
                    Datum::Text(date) => format!("{}={date}", &text[place]),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("Paid on 12 March 2027.", &["12 March 2027=2027-03-12"]);
        check("(March 12, 2027) and 2027-04-01!", &["March 12, 2027=2027-03-12", "2027-04-01=2027-04-01"]);
        check("am 12.3.2027, or 2027/04/01", &["12.3.2027=2027-03-12", "2027/04/01=2027-04-01"]);
        check("25/12/2026 and 12/25/2026 and 04/05/2026", &["25/12/2026=2026-12-25", "12/25/2026=2026-12-25"]);
        check("on Friday, 27 November at 10:00 we", &["Friday, 27 November at 10:00=2026-11-27T10:00:00+01:00"]);
        check("It was the 3rd of May. 2027 will differ", &["3rd of May=2027-05-03"]);
        check("31 February 2027, 12 of 40, friday, tomorrow, in May", &[]);
        check("1\u{200b}2 March 2027", &[]);
        check("", &[]);
    }
}
