//! The terminals: text, numbers, times, fresh names.

use std::collections::BTreeSet;

use super::clocks;
use super::spoken_times::TimeWords;
use crate::time::{MONTHS, WEEKDAYS};

/// Words that Python keeps for itself, soft ones included.
pub(super) const KEYWORDS: [&str; 39] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "type", "while", "with", "yield", "_",
];

/// Text in double quotes on one line.
pub(super) const TEXT: &str = r#"/"([^"\\\x00-\x1f\x7f]|\\[n"\\])*"/"#;
/// What stands between the values of an f-string.
pub(super) const FORMAT_TEXT: &str = r#"/([^"\\{}\x00-\x1f\x7f]|\\[n"\\])+/"#;
/// A whole number.
pub(super) const INT: &str = r"/0|-?[1-9][0-9]{0,8}/";
/// A number.
pub(super) const NUMBER: &str = r"/-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,4})?/";

/// What a planner may call a result: the names of the shipped plans. With a free choice a small model writes the function
/// that it may not call as a name (`notifys = …`), and goes on from there to nonsense.
const NAMES: &str = "about added addresses answers biggest busy changed changes codes commands commit commits courses days disk \
    empty errors event events facts failed file folder folders found free full fullest hosts info items large \
    lines mails matches members message messages missing name names newest note number oldest one other outline \
    output own page paper papers paths people person photo photos pids place private problem problems proposals \
    result results rows senders sent short song songs sources stock subjects summary text texts thread times titles \
    total totals units used users versions warnings words";

/// A fresh name: one of [`NAMES`], or one with a number, and none of these.
pub(super) fn fresh_name<'a>(taken: impl Iterator<Item = &'a str>) -> String {
    let taken: Vec<&str> = taken.collect();
    let names: Vec<&str> = NAMES.split_whitespace().collect();
    format!("/({})[2-5]?/ & ~/({})/", names.join("|"), taken.join("|"))
}

/// The name of a field that is looked for in a text, in quotes.
pub(super) fn field_name() -> String {
    format!(r#"/"[a-z][a-z_]{{1,30}}"/ & ~/"({})"/"#, KEYWORDS.join("|"))
}

/// Any time of day.
const ANY_CLOCK: &str = "(([01]?[0-9]|2[0-3]):[0-5][0-9]|([1-9]|1[0-2])(am|pm))";

/// A phrase that means a time, in quotes, out of the words that were said (all words where nothing bounds them); each is
/// understood by [`crate::time::parse`]. Nothing if no time was spoken of.
pub(super) fn time(said: Option<&TimeWords>) -> Option<String> {
    let said = said.cloned().unwrap_or_else(every_word);
    let clock = if said.is_free { Some(ANY_CLOCK.to_owned()) } else { clocks::pattern(&said.clocks) };
    let hour = clock.as_ref().map(|clock| format!("((at )?{clock}|noon)"));
    let part = one_of(&said.parts);
    let weekday = one_of(&said.weekdays).map(|weekday| format!("((next|last) )?{weekday}"));
    let named_day = any([one_of(&said.days), weekday, date(&said), one_of(&said.iso)]);
    let long = counted(&said, &units(&said, &["days", "weeks", "months"]), Article::May);
    let past = long.as_ref().map(|days| format!("{days} ago"));
    let distant = long.map(|days| format!("(in {days}|{days} ago)"));
    let day = any([named_day.clone(), distant]);
    let of_day = any([hour.clone(), part.clone()]).map_or(String::new(), |of_day| format!("( {of_day})?"));
    let span =
        one_of(&units(&said, &["week", "month", "year", "weekend"])).map(|unit| format!("(last|this|next) {unit}"));
    let rolling = counted(&said, &units(&said, &["hours", "days", "weeks", "months", "years"]), Article::MayNot)
        .map(|units| format!("(last|next) {units}"));
    let short = counted(&said, &units(&said, &["minutes", "hours"]), Article::May);
    let point = any([said.is_now.then(|| "now".to_owned()), short.map(|units| format!("(in {units}|{units} ago)"))]);
    let with_clock = clock.as_ref().map_or(String::new(), |clock| format!("( {clock})?"));
    let anchor = any([named_day.clone().map(|day| format!("{day}{with_clock}")), span.clone(), past]);
    let whole = [
        day.clone().map(|day| format!("{day}{of_day}")),
        hour,
        part.map(|part| format!("this {part}")),
        span,
        rolling,
        one_of(&said.months).map(|month| format!("in {month}")),
        point,
        anchor.map(|anchor| format!("(since|before|until|after|by) {anchor}")),
        named_day.map(|day| format!("between {day} and {day}")),
        day.zip(clock).map(|(day, clock)| format!("{day} {clock} to {clock}")),
    ];
    any(whole).map(|phrase| format!("/\"{phrase}\"/"))
}

/// A text out of these words, or, where it may name files, a pattern such as `*.pdf`, in quotes.
pub(super) fn topic(words: &[String], names_files: bool) -> Option<String> {
    let pattern = names_files.then(|| r"\*[a-z0-9_-]{0,20}\*?\.[a-z0-9]{1,5}".to_owned());
    let words = one_of(words).map(|word| format!("{word}((,? |-){word}){{0,{}}}", TOPIC_WORDS - 1));
    any([words, pattern]).map(|topic| format!("/\"{topic}\"/"))
}

/// Words of a topic.
const TOPIC_WORDS: usize = 8;

/// Days of the months that were said, with the numbers that were.
fn date(said: &TimeWords) -> Option<String> {
    let fitting = |month: &&str| {
        let longest = match *month {
            "february" => 28,
            "april" | "june" | "september" | "november" => 30,
            _ => 31,
        };
        let days: Vec<String> =
            said.numbers.iter().filter(|day| (1..=longest).contains(*day)).map(ToString::to_string).collect();
        one_of(&days).map(|days| format!("{days} {month}"))
    };
    any(said.months.iter().map(fitting)).map(|date| format!("{date}( 20[0-9][0-9])?"))
}

/// The forms among `forms` whose unit was said.
fn units<'a>(said: &TimeWords, forms: &[&'a str]) -> Vec<&'a str> {
    forms.iter().copied().filter(|form| said.units.contains(&form.trim_end_matches('s'))).collect()
}

/// Whether one of a unit may be "a" or "an".
#[derive(Clone, Copy, PartialEq, Eq)]
enum Article {
    May,
    MayNot,
}

/// So many of these units, as people write it: `3 days`, `1 day`, `an hour`.
fn counted(said: &TimeWords, units: &[&str], article: Article) -> Option<String> {
    let many = if said.is_free {
        Some("([2-9]|[1-9][0-9]|two|three|four|five|six)".to_owned())
    } else {
        any(said.numbers.iter().filter(|number| **number != 1).map(|number| Some(number.to_string())))
    };
    let one = |unit: &&str| {
        let unit = unit.trim_end_matches('s');
        let is_said = said.is_free || said.numbers.contains(&1);
        let word = if unit == "hour" { "an" } else { "a" };
        let ones = [is_said.then(|| "1".to_owned()), (article == Article::May).then(|| word.to_owned())];
        any(ones).map(|ones| format!("{ones} {unit}"))
    };
    any([many.zip(one_of(units)).map(|(many, units)| format!("{many} {units}")), any(units.iter().map(one))])
}

fn one_of(words: &[impl AsRef<str>]) -> Option<String> {
    any(words.iter().map(|word| Some(word.as_ref().to_owned())))
}

fn any(alternatives: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let alternatives: Vec<String> = alternatives.into_iter().flatten().collect();
    (!alternatives.is_empty()).then(|| format!("({})", alternatives.join("|")))
}

fn every_word() -> TimeWords {
    TimeWords {
        days: vec!["today", "tomorrow", "yesterday"],
        weekdays: WEEKDAYS.to_vec(),
        months: MONTHS.to_vec(),
        parts: vec!["morning", "afternoon", "evening"],
        units: vec!["minute", "hour", "day", "week", "weekend", "month", "year"],
        numbers: (1..=31).collect(),
        iso: Vec::new(),
        clocks: BTreeSet::new(),
        is_free: true,
        is_now: true,
    }
}

#[cfg(test)]
mod tests {
    use llguidance::api::TopLevelGrammar;
    use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
    use llguidance::{Matcher, ParserFactory};
    use proptest::prelude::*;

    use super::{TimeWords, time};
    use crate::time::parse;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_time_of_the_grammar_is_understood(
            phrase in proptest::string::string_regex(time(None).unwrap().trim_matches('/')).unwrap()
        ) {
            prop_assert!(parse(phrase.trim_matches('"')).is_ok(), "{}", phrase);
        }
    }

    #[test]
    fn a_number_agrees_with_its_unit() {
        let writes = |said: Option<&TimeWords>, phrase: &str| {
            let environment = ApproximateTokEnv::single_byte_env();
            let factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).unwrap();
            let grammar = format!("start: TIME\nTIME: {}", time(said).unwrap());
            let mut matcher = Matcher::new(factory.create_parser(TopLevelGrammar::from_lark(grammar)));
            let bytes: Vec<u32> = format!("\"{phrase}\"").bytes().map(u32::from).collect();
            matcher.try_consume_tokens(&bytes).unwrap() == bytes.len() && matcher.is_accepting().unwrap()
        };
        for good in ["in a minute", "in 1 hour", "an hour ago", "in 3 minutes", "last 2 weeks", "since two days ago"] {
            assert!(writes(None, good), "{good}");
        }
        for bad in ["in a minutes", "a days ago", "in 1 hours", "last a weeks", "in 2 hour"] {
            assert!(!writes(None, bad), "{bad}");
        }
        let said = TimeWords { units: vec!["minute"], numbers: vec![5], ..TimeWords::default() };
        assert!(writes(Some(&said), "in 5 minutes") && !writes(Some(&said), "in a minutes"));
    }

    #[test]
    fn only_what_was_said_can_be_written() {
        assert_eq!(time(Some(&TimeWords::default())), None);
        let friday = TimeWords { weekdays: vec!["friday"], clocks: [600].into(), ..TimeWords::default() };
        let pattern = time(Some(&friday)).unwrap();
        assert!(
            pattern.contains("friday")
                && pattern.contains("10:00")
                && !pattern.contains("today")
                && !pattern.contains("last |week"),
            "{pattern}"
        );
    }
}
