//! Dates of the sample: all of them lie relative to one day.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

/// Where the sample's person lives.
pub const ZONE: &str = "Europe/Oslo";

/// The day of the sample, and the day of the demo.
#[derive(Clone, Copy, Debug)]
pub struct Days {
    /// The day on which the person looks at it.
    pub today: Date,
    /// The first Thursday from then on: what a person calls "Thursday" on that day.
    pub demo: Date,
}

impl Days {
    /// The days around `today`.
    #[must_use]
    pub fn new(today: Date) -> Self {
        let demo = shift(today, -1).nth_weekday(1, Weekday::Thursday).unwrap_or(today);
        Self { today, demo }
    }

    /// `text` with `{today-3}` and `{demo+8}` as `Thursday 26 November`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            filled.push_str(before);
            let place = after.find('}').and_then(|close| Some((close, self.named(&after[1..close])?)));
            match place {
                Some((close, date)) => {
                    filled.push_str(&date.strftime("%A %-d %B").to_string());
                    rest = &after[close + 1..];
                }
                None => {
                    filled.push('{');
                    rest = &after[1..];
                }
            }
        }
        filled + rest
    }

    fn named(&self, name: &str) -> Option<Date> {
        let (base, offset) = name
            .strip_prefix("today")
            .map(|offset| (self.today, offset))
            .or_else(|| name.strip_prefix("demo").map(|offset| (self.demo, offset)))?;
        let days = if offset.is_empty() { 0 } else { offset.parse::<i32>().ok()? };
        Some(shift(base, days))
    }
}

/// The date `days` later.
#[must_use]
pub fn shift(date: Date, days: i32) -> Date {
    date.saturating_add(Span::new().days(days))
}

/// A moment of a day, given as `HH:MM`, where the person lives.
#[must_use]
pub fn at(date: Date, time: &str) -> Zoned {
    let time: Time = format!("{time}:00").parse().unwrap_or(Time::midnight());
    let moment = DateTime::from_parts(date, time);
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    moment.to_zoned(zone).unwrap_or_else(|_| Zoned::new(jiff::Timestamp::UNIX_EPOCH, TimeZone::UTC))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Days;

    #[test]
    fn dates_are_named_relative_to_today() {
        let days = Days::new(date(2026, 11, 23));
        assert_eq!(days.fill("on {demo}, {today-1}; {x} {"), "on Thursday 26 November, Sunday 22 November; {x} {");
        assert_eq!(Days::new(date(2026, 11, 26)).demo, date(2026, 11, 26), "on a Thursday, \"Thursday\" is that day");
        assert_eq!(Days::new(date(2026, 11, 27)).demo, date(2026, 12, 3));
    }
}
