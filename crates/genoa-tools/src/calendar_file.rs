//! Edits one iCalendar file line by line, so that what is not touched stays as it was.

use std::path::Path;

use genoa_abi::tool::Person;
use genoa_abi::{ErrorCode, Failure};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::calendar_read::Event;
use crate::text;

/// iCalendar lines are folded after this many bytes.
const LINE_BYTES: usize = 75;

/// When an event is.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Its begin.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Whether it takes whole days, and the hours do not matter.
    pub whole_days: bool,
}

/// A calendar file as its lines, unfolded.
#[derive(Clone, Debug)]
pub struct CalendarFile {
    lines: Vec<String>,
}

/// A `VEVENT` of the file: the places of its first and last line.
#[derive(Clone, Copy, Debug)]
struct Block {
    first: usize,
    last: usize,
}

/// How a time is written in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Date,
    Utc,
    Zone(String),
    Floating,
}

impl CalendarFile {
    /// A calendar without events.
    #[must_use]
    pub fn empty() -> Self {
        Self::of("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Genoa//Genoa//EN\nEND:VCALENDAR\n")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no calendar.
    pub fn read(path: &Path, shown: &str) -> Result<Self, Failure> {
        let file = Self::of(&text::read_to_change(path, shown)?);
        if file.lines.iter().any(|line| line.eq_ignore_ascii_case("END:VCALENDAR")) {
            return Ok(file);
        }
        Err(Failure::new(ErrorCode::InvalidInput, format!("{shown} is not a whole calendar"))
            .because("it has no line END:VCALENDAR")
            .try_next("Get it anew from where it came from, or move it away"))
    }

    /// The file with this content.
    #[must_use]
    pub fn of(content: &str) -> Self {
        let mut lines: Vec<String> = Vec::new();
        for line in content.lines() {
            match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
                (Some(more), Some(last)) => last.push_str(more),
                _ => lines.push(line.to_owned()),
            }
        }
        Self { lines }
    }

    /// Its lines, as they are without the folding.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The file's content.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| fold(line)).collect()
    }

    /// Whether an event with this id is in it.
    #[must_use]
    pub fn holds(&self, uid: &str) -> bool {
        !self.blocks(uid).is_empty()
    }

    /// Adds an event; `now` is in the person's zone.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for people with addresses that are none.
    pub fn add(&mut self, event: &Event, times: &Times, owner: &Person, now: &Zoned) -> Result<(), Failure> {
        let form = if times.whole_days { Form::Date } else { Form::Utc };
        let mut block = vec![
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{}", event.uid),
            format!("DTSTAMP{}", stamp(now.timestamp(), &Form::Utc, now.time_zone())),
            format!("DTSTART{}", stamp(times.start, &form, now.time_zone())),
            format!("DTEND{}", stamp(times.end, &form, now.time_zone())),
            format!("SUMMARY:{}", escape(&event.title)),
        ];
        if let Some(place) = event.place.as_ref().filter(|place| !place.is_empty()) {
            block.push(format!("LOCATION:{}", escape(place)));
        }
        if !event.description.is_empty() {
            block.push(format!("DESCRIPTION:{}", escape(&event.description)));
        }
        if !event.people.is_empty() && !owner.email.is_empty() {
            block.push(person_line("ORGANIZER", &owner.name, &owner.email)?);
        }
        for person in event.people.iter().filter(|person| !person.email.is_empty()) {
            block.push(person_line("ATTENDEE", &person.name, &person.email)?);
        }
        block.push("END:VEVENT".to_owned());
        self.insert_at_end(block);
        Ok(())
    }

    fn insert_at_end(&mut self, block: Vec<String>) {
        let place = self.end();
        self.lines.splice(place..place, block);
    }

    /// Where the calendar ends: before its last line, and before anything in it that was begun and never ended, which
    /// would swallow what is put there.
    fn end(&self) -> usize {
        let is_end = |line: &String| line.eq_ignore_ascii_case("END:VCALENDAR");
        let mut end = self.lines.iter().rposition(is_end).unwrap_or(self.lines.len());
        let mut open: Vec<(String, usize)> = Vec::new();
        for (place, line) in self.lines.iter().map(|line| line.trim_end().to_uppercase()).enumerate() {
            if let Some(name) = line.strip_prefix("BEGIN:") {
                open.push((name.to_owned(), place));
            } else if let Some(name) = line.strip_prefix("END:")
                && let Some(depth) = open.iter().rposition(|(open, _)| open == name)
            {
                if name == "VCALENDAR" {
                    end = open.get(depth + 1).map_or(place, |(_, unended)| *unended);
                }
                open.truncate(depth);
            }
        }
        end
    }

    /// Moves the event, or the occurrence of a repeated event, that begins at `start`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if there is none.
    pub fn move_event(&mut self, uid: &str, start: Timestamp, times: &Times, zone: &TimeZone) -> Result<(), Failure> {
        let (block, is_series) = self.block_at(uid, start, zone)?;
        if !is_series {
            self.set_times(block, times, zone);
            return Ok(());
        }
        let form = self.form(block, zone);
        let left_out = ["RRULE", "RDATE", "EXDATE", "DTSTART", "DTEND", "DURATION"];
        let mut exception: Vec<String> = self.lines[block.first..=block.last]
            .iter()
            .filter(|line| !left_out.contains(&name_of(line).as_str()))
            .cloned()
            .collect();
        let new_form = new_form(times, &form);
        exception.splice(
            1..1,
            [
                format!("RECURRENCE-ID{}", stamp(start, &form, zone)),
                format!("DTSTART{}", stamp(times.start, &new_form, zone)),
                format!("DTEND{}", stamp(times.end, &new_form, zone)),
            ],
        );
        self.insert_at_end(exception);
        Ok(())
    }

    fn set_times(&mut self, block: Block, times: &Times, zone: &TimeZone) {
        let form = new_form(times, &self.form(block, zone));
        let mut lines: Vec<String> = self.lines[block.first..=block.last].to_vec();
        lines.retain(|line| !["DTSTART", "DTEND", "DURATION"].contains(&name_of(line).as_str()));
        lines.splice(
            1..1,
            [format!("DTSTART{}", stamp(times.start, &form, zone)), format!("DTEND{}", stamp(times.end, &form, zone))],
        );
        self.lines.splice(block.first..=block.last, lines);
    }

    /// Removes the event, or the occurrence of a repeated event, that begins at `start`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if there is none.
    pub fn cancel(&mut self, uid: &str, start: Timestamp, zone: &TimeZone) -> Result<(), Failure> {
        let (block, is_series) = self.block_at(uid, start, zone)?;
        if is_series {
            let line = format!("EXDATE{}", stamp(start, &self.form(block, zone), zone));
            self.lines.insert(block.last, line);
            return Ok(());
        }
        // An exception of a series: the series must not show through where it was.
        let replaced = self.line_of(block, "RECURRENCE-ID").map(|line| line["RECURRENCE-ID".len()..].to_owned());
        self.lines.drain(block.first..=block.last);
        if let Some(stamp) = replaced
            && let Some(series) = self.blocks(uid).into_iter().find(|block| self.line_of(*block, "RRULE").is_some())
        {
            self.lines.insert(series.last, format!("EXDATE{stamp}"));
        }
        Ok(())
    }

    /// The block that is changed when the occurrence at `start` is: the single event or exception that begins there,
    /// else the series.
    fn block_at(&self, uid: &str, start: Timestamp, zone: &TimeZone) -> Result<(Block, bool), Failure> {
        let blocks = self.blocks(uid);
        let is_series = |block: &Block| self.line_of(*block, "RRULE").or(self.line_of(*block, "RDATE")).is_some();
        let begins = |block: &Block| {
            self.line_of(*block, "DTSTART")
                .and_then(|line| read_stamp(line, zone))
                .is_some_and(|(_, time)| time == start)
        };
        let single = blocks.iter().find(|block| !is_series(block) && begins(block));
        let series = blocks.iter().find(|block| is_series(block));
        single.map(|block| (*block, false)).or(series.map(|block| (*block, true))).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, "the event is not in the calendar any more")
                .try_next("Search for it again")
        })
    }

    fn blocks(&self, uid: &str) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut first = None;
        for (place, line) in self.lines.iter().enumerate() {
            if line.eq_ignore_ascii_case("BEGIN:VEVENT") {
                first = Some(place);
            } else if line.eq_ignore_ascii_case("END:VEVENT")
                && let Some(first) = first.take()
            {
                let block = Block { first, last: place };
                if self.line_of(block, "UID").and_then(|line| line.split_once(':')).is_some_and(|(_, id)| id == uid) {
                    blocks.push(block);
                }
            }
        }
        blocks
    }

    fn line_of(&self, block: Block, name: &str) -> Option<&String> {
        self.lines[block.first..=block.last].iter().find(|line| name_of(line) == name)
    }

    fn form(&self, block: Block, zone: &TimeZone) -> Form {
        self.line_of(block, "DTSTART").and_then(|line| read_stamp(line, zone)).map_or(Form::Utc, |(form, _)| form)
    }
}

fn new_form(times: &Times, old: &Form) -> Form {
    match (times.whole_days, old) {
        (true, _) => Form::Date,
        (false, Form::Date) => Form::Utc,
        (false, other) => other.clone(),
    }
}

fn name_of(line: &str) -> String {
    line.split([';', ':']).next().unwrap_or_default().to_uppercase()
}

fn read_stamp(line: &str, zone: &TimeZone) -> Option<(Form, Timestamp)> {
    let (head, value) = line.rsplit_once(':')?;
    let zone_name = head.split(';').find_map(|part| part.strip_prefix("TZID=")).map(|name| name.trim_matches('"'));
    if let Ok(date) = jiff::civil::Date::strptime("%Y%m%d", value) {
        return Some((Form::Date, date.to_zoned(zone.clone()).ok()?.timestamp()));
    }
    let time = DateTime::strptime("%Y%m%dT%H%M%S", value.trim_end_matches('Z')).ok()?;
    let (form, zone) = match zone_name {
        _ if value.ends_with('Z') => (Form::Utc, TimeZone::UTC),
        Some(name) => (Form::Zone(name.to_owned()), TimeZone::get(name).unwrap_or_else(|_| zone.clone())),
        None => (Form::Floating, zone.clone()),
    };
    Some((form, time.to_zoned(zone).ok()?.timestamp()))
}

/// What follows the property's name: `;TZID=…:20261126T100000`.
fn stamp(time: Timestamp, form: &Form, zone: &TimeZone) -> String {
    match form {
        Form::Utc => time.strftime(":%Y%m%dT%H%M%SZ").to_string(),
        Form::Date => time.to_zoned(zone.clone()).strftime(";VALUE=DATE:%Y%m%d").to_string(),
        Form::Floating => time.to_zoned(zone.clone()).strftime(":%Y%m%dT%H%M%S").to_string(),
        Form::Zone(name) => {
            let zone = TimeZone::get(name).unwrap_or_else(|_| zone.clone());
            format!(";TZID={name}{}", time.to_zoned(zone).strftime(":%Y%m%dT%H%M%S"))
        }
    }
}

fn person_line(property: &str, name: &str, email: &str) -> Result<String, Failure> {
    if !email.contains('@') || email.contains(|letter: char| letter.is_control() || letter.is_whitespace()) {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("`{email}` is not a mail address")));
    }
    let name: String = text::one_line(name).chars().filter(|letter| *letter != '"').collect();
    Ok(format!("{property};CN=\"{name}\":mailto:{email}"))
}

fn escape(text: &str) -> String {
    let text =
        text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace("\r\n", "\n").replace('\n', "\\n");
    text.chars().filter(|letter| !letter.is_control()).collect()
}

fn fold(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + 2);
    let mut length = 0;
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE_BYTES {
            folded.push_str("\r\n ");
            length = 1;
        }
        folded.push(letter);
        length += letter.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}
