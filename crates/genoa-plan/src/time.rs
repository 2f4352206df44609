//! Words to moments: `friday 10:00`, `since last monday`. Deterministic, in the person's time zone.

mod phrase;
mod words;

use genoa_abi::schema::Moment;
use genoa_abi::tool::Clock;
use genoa_abi::{ErrorCode, Failure};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

pub(crate) use phrase::{Day, Hours, Phrase, parse, read, within};
pub(crate) use words::{MONTHS, WEEKDAYS, is_calendar_word, number, spelled_month, spelled_weekday, unit_word};

/// What words mean for somebody at a time and place. A day, week or month is its whole span, a time of day a point;
/// weekdays and dates without a year are the next ones, today included. Of a longer text, a sentence that was read
/// somewhere, it is the one date in it: what somebody else called "Friday" or "tomorrow" is not known here.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for words that mean no time, with examples that do; and for a clock that is none.
/// [`ErrorCode::Ambiguous`] for a text with several dates.
pub fn resolve_time(words: &str, clock: &Clock) -> Result<Moment, Failure> {
    let phrase = parse(words).or_else(|failure| within(words)?.ok_or(failure))?;
    let (start, end) = phrase.resolve(&now(clock)?).map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, format!("“{words}” is outside the calendar")).because(error)
    })?;
    Ok(Moment { words: words.to_owned(), start: written(&start), end: written(&end) })
}

pub(crate) fn now(clock: &Clock) -> Result<Zoned, Failure> {
    let zone = TimeZone::get(&clock.timezone).map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, format!("“{}” is no time zone", clock.timezone)).because(error)
    })?;
    let now: Timestamp = clock.now.parse().map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, format!("“{}” is no RFC 3339 time", clock.now)).because(error)
    })?;
    Ok(now.to_zoned(zone))
}

pub(crate) fn written(moment: &Zoned) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use genoa_abi::tool::Clock;

    use super::{parse, resolve_time};

    fn resolved(words: &str) -> String {
        // A Sunday; clocks in Rome went back on 25 October.
        let clock = Clock { now: "2026-11-22T15:30:00+01:00".into(), timezone: "Europe/Rome".into() };
        match resolve_time(words, &clock) {
            Ok(moment) => format!("{words}: {} … {}", moment.start, moment.end),
            Err(failure) => format!("{words}: {failure}"),
        }
    }

    #[test]
    fn the_one_date_in_a_text_is_found() {
        let start = |text: &str| {
            let clock = Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() };
            resolve_time(text, &clock).map(|moment| moment.start).map_err(|failure| failure.code)
        };
        let day = "2027-03-12T00:00:00+01:00";
        for text in [
            "Please let me have it all by 12 March 2027.",
            "The deadline is March 12, 2027, no later.",
            "Until Friday, 2027-03-12; thank you!",
            "12 March 2027 or, to say it again, 12 March 2027",
        ] {
            assert_eq!(start(text).as_deref(), Ok(day), "{text}");
        }
        assert_eq!(start("We meet on 12 March 2027 at 10:00 in the hall").as_deref(), Ok("2027-03-12T10:00:00+01:00"));
        assert_eq!(start("The 12th of March 2027 or the 13th of March 2027"), Err(ErrorCode::Ambiguous));
        // Whose Friday?
        assert_eq!(start("Let us meet next Friday at ten"), Err(ErrorCode::InvalidInput));
        assert_eq!(start(&"x ".repeat(100_000)), Err(ErrorCode::InvalidInput));
    }

    #[test]
    fn words_mean_moments() {
        let words = [
            "now",
            "today",
            "tomorrow",
            "yesterday",
            "sunday",
            "friday",
            "next friday",
            "last monday",
            "next sunday",
            "this week",
            "next week",
            "last month",
            "this year",
            "since last monday",
            "before friday",
            "until friday",
            "after tomorrow",
            "in 3 days",
            "2 weeks ago",
            "in 2 hours",
            "an hour ago",
            "this morning",
            "tomorrow evening",
            "friday afternoon",
            "friday 10:00",
            "thursday at 3pm",
            "3:30 pm tomorrow",
            "25 november",
            "1 november",
            "nov 25 2026 14:30",
            "2026-11-25",
            "2026-11-25 09:00",
            "2026-11-25T09:00:00Z",
            "last 7 days",
            "next 2 weeks",
            "between monday and friday",
            "friday 10:00 to 12:00",
            "from 9am to 5pm tomorrow",
            "in november",
            "noon",
            "Thursday, 26 November",
            "this weekend",
            "day after tomorrow",
            "past 24 hours",
            "by friday",
            "last week",
        ];
        let lines: Vec<String> = words.iter().map(|words| resolved(words)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        now: 2026-11-22T15:30:00+01:00 … 2026-11-22T15:30:00+01:00
        today: 2026-11-22T00:00:00+01:00 … 2026-11-23T00:00:00+01:00
        tomorrow: 2026-11-23T00:00:00+01:00 … 2026-11-24T00:00:00+01:00
        yesterday: 2026-11-21T00:00:00+01:00 … 2026-11-22T00:00:00+01:00
        sunday: 2026-11-22T00:00:00+01:00 … 2026-11-23T00:00:00+01:00
        friday: 2026-11-27T00:00:00+01:00 … 2026-11-28T00:00:00+01:00
        next friday: 2026-11-27T00:00:00+01:00 … 2026-11-28T00:00:00+01:00
        last monday: 2026-11-16T00:00:00+01:00 … 2026-11-17T00:00:00+01:00
        next sunday: 2026-11-29T00:00:00+01:00 … 2026-11-30T00:00:00+01:00
        this week: 2026-11-16T00:00:00+01:00 … 2026-11-23T00:00:00+01:00
        next week: 2026-11-23T00:00:00+01:00 … 2026-11-30T00:00:00+01:00
        last month: 2026-10-01T00:00:00+02:00 … 2026-11-01T00:00:00+01:00
        this year: 2026-01-01T00:00:00+01:00 … 2027-01-01T00:00:00+01:00
        since last monday: 2026-11-16T00:00:00+01:00 … 2026-11-22T15:30:00+01:00
        before friday: 1970-01-01T00:00:00+01:00 … 2026-11-27T00:00:00+01:00
        until friday: 2026-11-22T15:30:00+01:00 … 2026-11-28T00:00:00+01:00
        after tomorrow: 2026-11-24T00:00:00+01:00 … 9999-01-01T00:00:00+01:00
        in 3 days: 2026-11-25T00:00:00+01:00 … 2026-11-26T00:00:00+01:00
        2 weeks ago: 2026-11-08T00:00:00+01:00 … 2026-11-09T00:00:00+01:00
        in 2 hours: 2026-11-22T17:30:00+01:00 … 2026-11-22T17:30:00+01:00
        an hour ago: 2026-11-22T14:30:00+01:00 … 2026-11-22T14:30:00+01:00
        this morning: 2026-11-22T06:00:00+01:00 … 2026-11-22T12:00:00+01:00
        tomorrow evening: 2026-11-23T18:00:00+01:00 … 2026-11-24T00:00:00+01:00
        friday afternoon: 2026-11-27T12:00:00+01:00 … 2026-11-27T18:00:00+01:00
        friday 10:00: 2026-11-27T10:00:00+01:00 … 2026-11-27T10:00:00+01:00
        thursday at 3pm: 2026-11-26T15:00:00+01:00 … 2026-11-26T15:00:00+01:00
        3:30 pm tomorrow: 2026-11-23T15:30:00+01:00 … 2026-11-23T15:30:00+01:00
        25 november: 2026-11-25T00:00:00+01:00 … 2026-11-26T00:00:00+01:00
        1 november: 2027-11-01T00:00:00+01:00 … 2027-11-02T00:00:00+01:00
        nov 25 2026 14:30: 2026-11-25T14:30:00+01:00 … 2026-11-25T14:30:00+01:00
        2026-11-25: 2026-11-25T00:00:00+01:00 … 2026-11-26T00:00:00+01:00
        2026-11-25 09:00: 2026-11-25T09:00:00+01:00 … 2026-11-25T09:00:00+01:00
        2026-11-25T09:00:00Z: 2026-11-25T10:00:00+01:00 … 2026-11-25T10:00:00+01:00
        last 7 days: 2026-11-15T15:30:00+01:00 … 2026-11-22T15:30:00+01:00
        next 2 weeks: 2026-11-22T15:30:00+01:00 … 2026-12-06T15:30:00+01:00
        between monday and friday: 2026-11-23T00:00:00+01:00 … 2026-11-28T00:00:00+01:00
        friday 10:00 to 12:00: 2026-11-27T10:00:00+01:00 … 2026-11-27T12:00:00+01:00
        from 9am to 5pm tomorrow: 2026-11-23T09:00:00+01:00 … 2026-11-23T17:00:00+01:00
        in november: 2026-11-01T00:00:00+01:00 … 2026-12-01T00:00:00+01:00
        noon: 2026-11-22T12:00:00+01:00 … 2026-11-22T12:00:00+01:00
        Thursday, 26 November: 2026-11-26T00:00:00+01:00 … 2026-11-27T00:00:00+01:00
        this weekend: 2026-11-21T00:00:00+01:00 … 2026-11-23T00:00:00+01:00
        day after tomorrow: 2026-11-24T00:00:00+01:00 … 2026-11-25T00:00:00+01:00
        past 24 hours: 2026-11-21T15:30:00+01:00 … 2026-11-22T15:30:00+01:00
        by friday: 2026-11-22T15:30:00+01:00 … 2026-11-28T00:00:00+01:00
        last week: 2026-11-09T00:00:00+01:00 … 2026-11-16T00:00:00+01:00
        ");
    }

    #[test]
    fn days_keep_their_length_when_clocks_change() {
        let clock = Clock { now: "2026-03-28T12:00:00+01:00".into(), timezone: "Europe/Rome".into() };
        let moment = resolve_time("tomorrow", &clock).unwrap();
        assert_eq!(
            (moment.start.as_str(), moment.end.as_str()),
            ("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00")
        );
        // 02:30 does not exist that night.
        assert_eq!(resolve_time("tomorrow 02:30", &clock).unwrap().start, "2026-03-29T03:30:00+02:00");
        assert_eq!(resolve_time("in 1 day", &clock).unwrap().start, "2026-03-29T00:00:00+01:00");
    }

    #[test]
    fn other_words_are_refused_with_examples() {
        for words in [
            "",
            "soon",
            "friday at",
            "25:00",
            "31 february",
            "2026-13-01",
            "between monday",
            "in many days",
            "13pm",
            "tomorrow friday",
            "last",
            "9999999999 days ago",
            "friday 10:00 11:00",
            "in a minutes",
            "a days ago",
            "last a week",
        ] {
            let failure = parse(words).unwrap_err();
            assert!(failure.next.contains("friday 10:00"), "{words}: {failure}");
        }
        let nowhere = Clock { now: "2026-11-22T15:30:00Z".into(), timezone: "Mars/Base".into() };
        assert!(resolve_time("today", &nowhere).is_err());
    }
}
