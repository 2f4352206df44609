//! Spans of hours as people write them, in one form: `22:00-07:00`.

/// Words that may stand around two times.
const LINKS: [&str; 8] = ["from", "between", "to", "until", "till", "and", "-", "–"];

/// `text` as `HH:MM-HH:MM`, if it is one span of hours and cannot mean another: `9 to 5` could.
pub(crate) fn span(text: &str) -> Option<String> {
    let spaced: String = text
        .to_lowercase()
        .chars()
        .map(|letter| if matches!(letter, '-' | '–' | '—' | '−') { " - ".to_owned() } else { letter.to_string() })
        .collect();
    let spaced = spaced.replace("a.m.", "am").replace("p.m.", "pm").replace(" am", "am").replace(" pm", "pm");
    let words: Vec<&str> = spaced.split_whitespace().filter(|word| *word != "the").collect();
    let mut times = Vec::new();
    let mut place = 0;
    while let Some(word) = words.get(place) {
        if let Some((spoken, used)) = spoken(&words[place..]) {
            let (found, used_after) = in_half(spoken, &words[place + used..]);
            times.push(found);
            place += used + used_after;
        } else if LINKS.contains(word) {
            place += 1;
        } else {
            return None;
        }
    }
    let [start, end] = times.as_slice() else { return None };
    let is_clear = match (start.clock, end.clock) {
        // `10 to 7pm` begins in the morning or in the evening.
        (Clock::Half, Clock::Open) | (Clock::Open, Clock::Half) => false,
        // `8 to 12` is clear, `9 to 5` is not.
        (Clock::Open, Clock::Open) => start.minutes < end.minutes,
        _ => start.minutes != end.minutes,
    };
    is_clear.then(|| format!("{}-{}", start.shown(), end.shown()))
}

/// Hours in words.
const HOURS: [&str; 12] =
    ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// The time that begins these words, with how many of them tell it: `22:30`, `half past ten`, `quarter to 7`, `six o'clock`.
fn spoken(words: &[&str]) -> Option<(Time, usize)> {
    let hour = |word: &str| match HOURS.iter().position(|hour| *hour == word) {
        Some(place) => Some(Time { minutes: u32::try_from(place + 1).ok()? * 60, clock: Clock::Open }),
        None => time(word),
    };
    let moved = |word: &str, minutes: i32| {
        let found = hour(word)?;
        let minutes = (i32::try_from(found.minutes).ok()? + minutes).rem_euclid(24 * 60);
        Some(Time { minutes: u32::try_from(minutes).ok()?, clock: found.clock })
    };
    match words {
        ["half", "past", word, ..] => Some((moved(word, 30)?, 3)),
        ["quarter", "past", word, ..] => Some((moved(word, 15)?, 3)),
        ["quarter", "to", word, ..] => Some((moved(word, -15)?, 3)),
        [word, "o'clock", ..] => Some((hour(word)?, 2)),
        [word, ..] => Some((hour(word)?, 1)),
        [] => None,
    }
}

/// The time in the half of the day that the words behind it name, with how many of them do: `in the evening`, `at night`.
fn in_half(found: Time, rest: &[&str]) -> (Time, usize) {
    let (named, used) = match rest {
        ["in", half, ..] | ["at", half, ..] => (*half, 2),
        [half, ..] => (*half, 1),
        [] => return (found, 0),
    };
    let hour = found.minutes / 60;
    let minutes = match named {
        "morning" => found.minutes % (12 * 60),
        "evening" | "afternoon" if hour < 12 => found.minutes + 12 * 60,
        "evening" | "afternoon" => found.minutes,
        // Twelve at night is midnight, and one or two are after it.
        "night" if hour == 12 || hour < 5 => found.minutes % (12 * 60),
        "night" if hour < 12 => found.minutes + 12 * 60,
        _ => return (found, 0),
    };
    (Time { minutes, clock: Clock::Half }, used)
}

struct Time {
    minutes: u32,
    clock: Clock,
}

/// By which clock a time is told.
#[derive(Clone, Copy)]
enum Clock {
    /// The half of the day is said: `7pm`.
    Half,
    /// 24 hours: `22`, `07:00`.
    Whole,
    /// It could be either: `7`, `7:30`.
    Open,
}

impl Time {
    fn shown(&self) -> String {
        format!("{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

fn time(word: &str) -> Option<Time> {
    match word {
        "noon" => return Some(Time { minutes: 12 * 60, clock: Clock::Whole }),
        "midnight" => return Some(Time { minutes: 0, clock: Clock::Whole }),
        _ => {}
    }
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (word, None),
    };
    let (hour, minute) = digits.split_once([':', '.', 'h']).unwrap_or((digits, ""));
    let number = |text: &str| (1..=2).contains(&text.len()).then(|| text.parse::<u32>().ok()).flatten();
    let is_padded = hour.starts_with('0');
    let (hour, minute) = (number(hour)?, if minute.is_empty() { 0 } else { number(minute)? });
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    // 24:00 is how the end of a day is written.
    let is_time = minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
    let clock = match half {
        Some(_) => Clock::Half,
        None if is_padded || hour > 12 => Clock::Whole,
        None => Clock::Open,
    };
    is_time.then_some(Time { minutes: hour % 24 * 60 + minute, clock })
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for text in [
            "22:00 to 07:00",
            "22:00-07:00",
            "From 22 until 7:00",
            "10pm-7am",
            "10 PM – 7 a.m.",
            "22h to 07h00",
            "22 to 7am",
            "ten in the evening to seven in the morning",
            "from 10 at night until 7 o'clock in the morning",
        ] {
            assert_eq!(span(text).as_deref(), Some("22:00-07:00"), "{text}");
        }
        assert_eq!(span("between 9 and 17").as_deref(), Some("09:00-17:00"));
        assert_eq!(span("8 to 12").as_deref(), Some("08:00-12:00"));
        assert_eq!(span("9:30 to 12:15").as_deref(), Some("09:30-12:15"));
        let spoken = "between half past ten in the evening and quarter to seven in the morning";
        assert_eq!(span(spoken).as_deref(), Some("22:30-06:45"));
        assert_eq!(span("half past ten in the evening-half past six in the morning").as_deref(), Some("22:30-06:30"));
        assert_eq!(span("midnight to 12am"), None);
        assert_eq!(span("midnight to noon").as_deref(), Some("00:00-12:00"));
        assert_eq!(span("18:00-24:00").as_deref(), Some("18:00-00:00"));
    }

    #[test]
    fn what_could_mean_something_else_is_none() {
        for text in [
            "9 to 5",
            "9:00 to 5:00",
            "10 to 7",
            "9 to 5pm",
            "10 to 11pm",
            "22",
            "",
            "25 to 7",
            "13pm to 2pm",
            "8 to 9 to 10",
            "nights",
            "22:60-7:00",
            "-",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange_and_the_form_is_read_as_itself(text in "[0-9apm:.h -]{0,16}|\\PC{0,20}") {
            if let Some(form) = span(&text) {
                proptest::prop_assert!(span(&form).is_none_or(|again| again == form), "{form}");
            }
        }
    }
}
