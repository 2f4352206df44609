//! What a text states: the numbers, addresses and names of files that stand in it, as they stand there.

use std::ops::Range;

use genoa_abi::Datum;
use genoa_abi::limits::EXTRACT_CANDIDATES;
use genoa_abi::tool::Clock;

use super::dates;
use super::fields::FieldKind;
use super::signs::{around, goes_on, is_hidden, spaced};
use crate::numbers::plain;

/// The longest text that is given out as a value, in letters.
pub(super) const TEXT_CHARS: usize = 120;
/// The longest address, in bytes.
const ADDRESS_BYTES: usize = 300;
/// The digits of a number that no conversion rounds.
const EXACT_DIGITS: usize = 15;

/// Something that a text states.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// Its words in the text, with one space between them.
    pub words: String,
    /// What they say.
    pub value: Datum,
}

/// All of a kind that a text states, in its order, each value once, [`EXTRACT_CANDIDATES`] at most. None of a text or a
/// judgement, of which there are no candidates.
#[must_use]
pub fn stated(kind: FieldKind, text: &str, clock: &Clock) -> Vec<Stated> {
    let found: Vec<(Range<usize>, Datum)> = match kind {
        FieldKind::Text | FieldKind::YesNo => Vec::new(),
        FieldKind::Number => numbers(text),
        FieldKind::Date => dates::dates(text, clock),
        FieldKind::Email => as_texts(text, emails(text)),
        FieldKind::Url => as_texts(text, urls(text)),
        FieldKind::Path => as_texts(text, paths(text)),
    };
    let mut all: Vec<Stated> = Vec::new();
    for (place, value) in found {
        if all.len() < EXTRACT_CANDIDATES && all.iter().all(|known| known.value != value) {
            all.push(Stated { words: spaced(&text[place]), value });
        }
    }
    all
}

/// The place in the text where these words stand, whatever their capitals and spaces, as the text writes them. Nothing
/// where they do not stand there as whole words, are too long, or hide something.
#[must_use]
pub fn stands_in(words: &str, text: &str) -> Option<String> {
    let (wanted, _) = folded(words);
    if wanted.is_empty() || wanted.len() > TEXT_CHARS || wanted.iter().any(|letter| is_hidden(*letter)) {
        return None;
    }
    let (letters, places) = folded(text);
    let mut starts = letters.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    let found = starts.find_map(|(first, _)| {
        let (start, end) = (places[first].start, places[first + wanted.len() - 1].end);
        let (before, after) = around(text, start, end);
        let is_inside = |edge: char, beside: char| edge.is_alphanumeric() && beside.is_alphanumeric();
        let is_whole = |edge: char, beside: Option<char>| {
            beside.is_none_or(|beside| !(is_hidden(beside) || is_inside(edge, beside)))
        };
        (is_whole(wanted[0], before) && is_whole(wanted[wanted.len() - 1], after)).then_some(start..end)
    })?;
    Some(spaced(&text[found]))
}

/// The letters in small ones, runs of spaces, quotes and backslashes as one space, none at the ends; with the place of each.
fn folded(text: &str) -> (Vec<char>, Vec<Range<usize>>) {
    let (mut letters, mut places): (Vec<char>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    for (start, letter) in text.char_indices() {
        let place = start..start + letter.len_utf8();
        if is_blank(letter) {
            if letters.last().is_some_and(|last| *last != ' ') {
                letters.push(' ');
                places.push(place);
            }
            continue;
        }
        for small in letter.to_lowercase() {
            letters.push(small);
            places.push(place.clone());
        }
    }
    if letters.last() == Some(&' ') {
        letters.pop();
        places.pop();
    }
    (letters, places)
}

/// Whether a letter stands for a space where a model writes words of a text: what cannot stand in its answer as it is.
pub(super) fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || (letter.is_control() && !is_hidden(letter)) || matches!(letter, '"' | '\\')
}

fn as_texts(text: &str, places: Vec<Range<usize>>) -> Vec<(Range<usize>, Datum)> {
    places.into_iter().map(|place| (place.clone(), Datum::Text(text[place].to_owned()))).collect()
}

/// Units that may stand right behind a number. Not `k`, `m` and the like, which make another number of it.
const UNITS: [&str; 29] = [
    "kg", "g", "mg", "t", "l", "ml", "cl", "cm", "mm", "km", "h", "min", "s", "ms", "kwh", "kw", "w", "v", "gb", "mb",
    "kb", "tb", "eur", "usd", "gbp", "chf", "px", "pt", "x",
];
/// Currencies that may stand right before one.
const CURRENCIES: [&str; 7] = ["eur", "usd", "gbp", "chf", "sek", "nok", "dkk"];

/// The numbers, without those that are parts of a date, a time, an address, a code or another number.
fn numbers(text: &str) -> Vec<(Range<usize>, Datum)> {
    let mut taken: Vec<Range<usize>> = dates::places(text);
    taken.extend(emails(text));
    taken.extend(urls(text));
    taken.sort_by_key(|place| place.start);
    let mut found = Vec::new();
    for run in runs(text, is_numeric) {
        for place in pieces(text, run) {
            let before = taken.partition_point(|known| known.start <= place.start);
            let is_taken = before.checked_sub(1).is_some_and(|last| taken[last].end >= place.end);
            if !is_taken && let Some((place, value)) = number_at(text, place) {
                found.push((place, Datum::Number(value)));
            }
        }
    }
    found
}

/// Digits, and what stands between the digits of one number.
fn is_numeric(letter: char) -> bool {
    letter.is_ascii_digit() || matches!(letter, '.' | ',') || is_group_mark(letter)
}

/// What groups thousands besides point and comma. Not the plain space, which also stands between two numbers.
fn is_group_mark(letter: char) -> bool {
    matches!(letter, '\'' | '’' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// The maximal runs of letters that `is_part`.
fn runs(text: &str, is_part: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for (start, letter) in text.char_indices().filter(|(_, letter)| is_part(*letter)) {
        let end = start + letter.len_utf8();
        match all.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => all.push(start..end),
        }
    }
    all
}

/// The numbers of one run: it is one where its marks group thousands, else each piece between them.
fn pieces(text: &str, run: Range<usize>) -> Vec<Range<usize>> {
    let trimmed = trim(text, run, |letter| letter.is_ascii_digit());
    let mut parts: Vec<Range<usize>> = Vec::new();
    for part in runs(&text[trimmed.clone()], |letter| !is_group_mark(letter)) {
        parts.push(trimmed.start + part.start..trimmed.start + part.end);
    }
    let digits = |part: &Range<usize>| text[part.clone()].bytes().take_while(u8::is_ascii_digit).count();
    let is_plain = |part: &Range<usize>| digits(part) == part.len();
    let is_grouped = parts.len() > 1
        && parts.first().is_some_and(|first| is_plain(first) && (1..=3).contains(&first.len()))
        && parts[1..].iter().all(|part| digits(part) == 3)
        && parts[1..parts.len() - 1].iter().all(is_plain);
    if is_grouped {
        return vec![trimmed];
    }
    parts
        .into_iter()
        .map(|part| trim(text, part, |letter| letter.is_ascii_digit()))
        .filter(|part| !part.is_empty())
        .collect()
}

/// The range without what is not `kept` at its ends.
fn trim(text: &str, range: Range<usize>, kept: impl Fn(char) -> bool) -> Range<usize> {
    let inner = &text[range.clone()];
    let left = inner.trim_start_matches(|letter| !kept(letter));
    let start = range.end - left.len();
    start..start + left.trim_end_matches(|letter| !kept(letter)).len()
}

/// The number at a place, with its sign, if nothing beside it makes something else of it.
fn number_at(text: &str, place: Range<usize>) -> Option<(Range<usize>, f64)> {
    let word: String = text[place.clone()].chars().filter(|letter| !is_group_mark(*letter)).collect();
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_padded = word.len() > 1 && word.starts_with('0') && word.as_bytes()[1].is_ascii_digit();
    if digits == 0 || digits > EXACT_DIGITS || is_padded || !ends_there(&text[place.end..]) {
        return None;
    }
    let value: f64 = plain(&word)?.parse().ok()?;
    let before = &text[..place.start];
    let (unsigned, sign) = match before.chars().next_back() {
        Some(mark @ ('-' | '−')) => (&before[..before.len() - mark.len_utf8()], -1.0),
        _ => (before, 1.0),
    };
    if !begins_there(unsigned, sign < 0.0) {
        return None;
    }
    value.is_finite().then_some((unsigned.len()..place.end, value * sign))
}

/// Whether a number can begin after this: not in the middle of a word, a code or a time.
fn begins_there(before: &str, is_signed: bool) -> bool {
    let Some(last) = before.chars().next_back() else { return true };
    if is_signed {
        return last.is_whitespace() || matches!(last, '(' | '[' | ':' | '=' | '€' | '$' | '£');
    }
    if last.is_ascii_alphabetic() {
        let start = before.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).len();
        let is_alone = before[..start].chars().next_back().is_none_or(|letter| !goes_on(letter) && letter != '_');
        return is_alone && CURRENCIES.contains(&before[start..].to_lowercase().as_str());
    }
    let is_inside = matches!(last, '_' | '/' | '\\' | '@' | '+' | '.' | ',' | '\'' | '’' | '–' | '-');
    let is_clock = last == ':' && before[..before.len() - 1].ends_with(|letter: char| letter.is_ascii_digit());
    !goes_on(last) && !is_inside && !is_clock
}

/// Whether a number can end before this: a unit may follow, nothing else that is part of the same word.
fn ends_there(after: &str) -> bool {
    let mut letters = after.chars();
    let (Some(first), second) = (letters.next(), letters.next()) else { return true };
    if first.is_ascii_alphabetic() {
        let unit: String = after.chars().take_while(char::is_ascii_alphabetic).take(5).collect();
        let beside = after[unit.len()..].chars().next();
        return UNITS.contains(&unit.to_lowercase().as_str())
            && beside.is_none_or(|letter| !goes_on(letter) && letter != '_');
    }
    let joins = matches!(first, '_' | '/' | '\\' | '@' | '-' | '–' | ':') && second.is_some_and(char::is_alphanumeric);
    !goes_on(first) && !joins
}

/// The mail addresses: plain letters only, since others look like them.
fn emails(text: &str) -> Vec<Range<usize>> {
    let is_local = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '%' | '+' | '-');
    let is_host = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let earliest = found.last().map_or(0, |last| last.end).max(at.saturating_sub(ADDRESS_BYTES));
        let Some(local) = backwards(&text[..at], earliest, is_local) else { continue };
        let host = text[at + 1..].chars().take_while(|letter| is_host(*letter)).take(ADDRESS_BYTES + 1).count();
        let end = at + 1 + host;
        let (before, after) = around(text, local, end);
        let place = at + 1..end;
        let end = trim(text, place, |letter| letter.is_ascii_alphanumeric()).end;
        let is_beside =
            |letter: Option<char>| letter.is_some_and(|letter| goes_on(letter) || letter == '@' || letter == '_');
        if is_beside(before) || is_beside(after) || host > ADDRESS_BYTES || !is_host_name(&text[(at + 1).min(end)..end])
        {
            continue;
        }
        let start = at - text[local..at].trim_start_matches('.').len();
        if start < at {
            found.push(start..end);
        }
    }
    found
}

/// Where the run of letters that ends the text begins; nothing if it goes further back than `earliest`.
fn backwards(text: &str, earliest: usize, is_part: impl Fn(char) -> bool) -> Option<usize> {
    let mut start = text.len();
    for letter in text.chars().rev().take_while(|letter| is_part(*letter)) {
        start -= letter.len_utf8();
        if start < earliest {
            return None;
        }
    }
    Some(start)
}

/// `post.example.org`: labels of letters and digits, the last of letters.
fn is_host_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let is_top = |label: &str| label.len() >= 2 && label.bytes().all(|letter| letter.is_ascii_alphabetic());
    labels.len() >= 2 && labels.iter().all(is_label) && labels.last().is_some_and(|top| is_top(top))
}

/// How the address of a page begins.
const PAGES: [&str; 3] = ["https://", "http://", "www."];

/// The addresses of pages.
fn urls(text: &str) -> Vec<Range<usize>> {
    let small = text.to_ascii_lowercase();
    let mut starts: Vec<usize> =
        PAGES.iter().flat_map(|begins| small.match_indices(begins).map(|(start, _)| start)).collect();
    starts.sort_unstable();
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in starts {
        if found.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let is_part = |letter: char| {
            letter.is_ascii_graphic() && !matches!(letter, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
        };
        let length = text[start..].chars().take(ADDRESS_BYTES + 1).take_while(|letter| is_part(*letter)).count();
        let (before, after) = around(text, start, start + length);
        let is_inside =
            before.is_some_and(|letter| goes_on(letter) || matches!(letter, '.' | '-' | '/' | '@' | '_' | ':'));
        if is_inside
            || length > ADDRESS_BYTES
            || after.is_some_and(|letter| {
                goes_on(letter) || !letter.is_ascii() && !letter.is_whitespace() && !is_quote(letter)
            })
        {
            continue;
        }
        let end = start
            + text[start..start + length].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*']).len();
        let address = &text[start..end];
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
        if is_host_name(host) {
            found.push(start..end);
        }
    }
    found
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '…' | '–' | '—')
}

/// The names of files and folders: with an ending, or with a folder at their beginning or end; with spaces only in quotes.
fn paths(text: &str) -> Vec<Range<usize>> {
    let mut others = urls(text);
    others.extend(emails(text));
    others.sort_by_key(|place| place.start);
    let is_outside = |place: &Range<usize>| {
        let before = others.partition_point(|known| known.start < place.end);
        before.checked_sub(1).is_none_or(|last| others[last].end <= place.start)
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    let is_mark = |letter: char| matches!(letter, '"' | '`' | '“' | '”' | '„');
    for run in runs(text, |letter| !is_mark(letter) && letter != '\n') {
        let (before, after) = around(text, run.start, run.end);
        let is_quoted = before.is_some_and(is_mark) && after.is_some_and(is_mark);
        if is_quoted && run.len() <= ADDRESS_BYTES && is_path(&text[run.clone()]) && is_outside(&run) {
            found.push(run);
            continue;
        }
        let is_part = |letter: char| {
            !letter.is_whitespace()
                && !matches!(letter, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '\'' | '|' | '*')
        };
        for word in runs(&text[run.clone()], is_part) {
            let place = run.start + word.start..run.start + word.end;
            let end = place.start + text[place.clone()].trim_end_matches(['.', ':', '!', '?', '’', '…']).len();
            let place = place.start..end;
            if is_path(&text[place.clone()]) && is_outside(&place) {
                found.push(place);
            }
        }
    }
    found
}

fn is_path(word: &str) -> bool {
    let is_clean = word.len() <= ADDRESS_BYTES
        && word.trim() == word
        && !word.chars().any(|letter| is_hidden(letter) || letter.is_control() || matches!(letter, '\\' | '@' | ':'))
        && !word.contains("//");
    let name = word.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let has_ending = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        let is_ending = (1..=5).contains(&ending.len()) && ending.bytes().all(|letter| letter.is_ascii_alphanumeric());
        is_ending
            && ending.contains(|letter: char| letter.is_ascii_alphabetic())
            && stem.chars().filter(|letter| letter.is_alphanumeric()).count() + ending.len() > 2
            && stem.contains(char::is_alphanumeric)
    });
    let names_folder = ["/", "./", "../", "~/"].iter().any(|begins| word.starts_with(begins)) || word.ends_with('/');
    is_clean && (has_ending || (names_folder && word.contains(char::is_alphanumeric)))
}
