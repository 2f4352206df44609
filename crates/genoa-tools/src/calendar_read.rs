//! Reads iCalendar files: events and the occurrences of repeated ones.

use std::collections::BTreeMap;
use std::path::Path;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName, ICalendarProperty,
    ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use genoa_abi::Failure;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::contacts::Contact;
use crate::time::{self, Span};
use crate::tool::Call;
use crate::{text, walk};

/// Occurrences of one series that are looked at; 27 years of a daily event.
const OCCURRENCES: usize = 10_000;
/// What is kept of a description.
const DESCRIPTION_CHARS: usize = 4_000;
/// People of one event.
const PEOPLE: usize = 200;

/// One event, or one occurrence of a repeated one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it is called.
    pub title: String,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339.
    pub end: String,
    /// Where it is.
    #[serde(default)]
    pub place: Option<String>,
    /// Who comes, without the person whose calendar it is.
    pub people: Vec<Contact>,
    /// What was written to it.
    pub description: String,
    /// The calendar's file, relative to the workspace.
    pub path: String,
    /// Its id in the file.
    pub uid: String,
}

/// An event at one time.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// The event, as tools return it.
    pub event: Event,
    /// Its begin.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Whether there are others of the same series.
    pub is_repeated: bool,
    /// What a search by topic looks at beside the title.
    pub searched: String,
}

/// All events of the workspace that touch `span`, by their begin. Cancelled ones are left out.
///
/// # Errors
/// Only if the workspace cannot be walked; files that cannot be read are skipped and named.
pub fn read_events(call: &Call<'_>, span: Span) -> Result<Vec<Occurrence>, Failure> {
    let mut found = Vec::new();
    for path in walk::files_with_extension(call.workspace(), "ics")? {
        match text::read(&path) {
            Ok(content) => read_file(call, &path, &content, span, &mut found),
            Err(failure) => (call.progress)(&failure.to_string()),
        }
    }
    found.sort_by(|a: &Occurrence, b: &Occurrence| {
        (a.start, &a.event.title, &a.event.uid).cmp(&(b.start, &b.event.title, &b.event.uid))
    });
    // The same invitation is often in two calendars.
    found.dedup_by(|a, b| a.start == b.start && a.event.uid == b.event.uid && !a.event.uid.is_empty());
    Ok(found)
}

/// Adds the events of one file.
pub(crate) fn read_file(call: &Call<'_>, path: &Path, content: &str, span: Span, found: &mut Vec<Occurrence>) {
    let mut parser = Parser::new(content);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                for series in split_by_uid(calendar) {
                    expand(call, path, &series, span, found);
                }
            }
            Entry::Eof => return,
            _ => {}
        }
    }
}

/// One calendar for each event with its exceptions: the expansion tells exceptions apart by time alone.
fn split_by_uid(calendar: ICalendar) -> Vec<ICalendar> {
    let mut zones = Vec::new();
    let mut series: BTreeMap<(usize, String), Vec<ICalendarComponent>> = BTreeMap::new();
    for (place, mut component) in calendar.components.into_iter().enumerate() {
        component.component_ids.clear();
        match component.component_type {
            ICalendarComponentType::VTimezone => zones.push(component),
            ICalendarComponentType::VEvent => {
                // The expansion would take an exception with a newer number for another event.
                component.entries.retain(|entry| entry.name != ICalendarProperty::Sequence);
                let uid = component.uid().unwrap_or_default().to_owned();
                let key = if uid.is_empty() { (place + 1, uid) } else { (0, uid) };
                series.entry(key).or_default().push(component);
            }
            _ => {}
        }
    }
    let with_zones = |events: Vec<ICalendarComponent>| ICalendar { components: [zones.clone(), events].concat() };
    series.into_values().map(with_zones).collect()
}

fn expand(call: &Call<'_>, path: &Path, series: &ICalendar, span: Span, found: &mut Vec<Occurrence>) {
    let zone = time::zone(call);
    let is_repeated = series.components.iter().any(ICalendarComponent::is_recurrent_or_override);
    for occurrence in series.expand_dates(Tz::Floating, OCCURRENCES).events {
        let Some(component) = series.component_by_id(occurrence.comp_id) else { continue };
        if component.status() == Some(&ICalendarStatus::Cancelled) {
            continue;
        }
        let is_floating = occurrence.start.timezone().is_floating();
        let seconds = occurrence.timestamps();
        let (Some(start), Some(end)) = (instant(seconds.0, is_floating, &zone), instant(seconds.1, is_floating, &zone))
        else {
            continue;
        };
        if span.touches(start, end) {
            let event = event(call, path, component, (start, end), &zone);
            let people: Vec<&str> = event.people.iter().map(|person| person.name.as_str()).collect();
            let place = event.place.as_deref().unwrap_or_default();
            let searched = format!("{}\n{place}\n{}", event.description, people.join(", "));
            found.push(Occurrence { event, start, end, is_repeated, searched });
        }
    }
}

/// A time without a zone is meant where the person is.
fn instant(seconds: i64, is_floating: bool, zone: &TimeZone) -> Option<Timestamp> {
    let time = Timestamp::from_second(seconds).ok()?;
    if !is_floating {
        return Some(time);
    }
    Some(time.to_zoned(TimeZone::UTC).datetime().to_zoned(zone.clone()).ok()?.timestamp())
}

fn event(
    call: &Call<'_>,
    path: &Path,
    component: &ICalendarComponent,
    (start, end): (Timestamp, Timestamp),
    zone: &TimeZone,
) -> Event {
    let value = |property| component.property(&property).and_then(first_text);
    Event {
        title: text::one_line(value(ICalendarProperty::Summary).unwrap_or("(without a title)")),
        start: time::show(start, zone),
        end: time::show(end.max(start), zone),
        place: value(ICalendarProperty::Location).map(text::one_line).filter(|place| !place.is_empty()),
        people: people(component, &call.request.person.email),
        description: text::shorten(value(ICalendarProperty::Description).unwrap_or_default().trim(), DESCRIPTION_CHARS),
        path: call.relative(path),
        uid: component.uid().unwrap_or_default().to_owned(),
    }
}

fn first_text(entry: &ICalendarEntry) -> Option<&str> {
    entry.values.first().and_then(ICalendarValue::as_text)
}

fn people(component: &ICalendarComponent, own_address: &str) -> Vec<Contact> {
    let is_person =
        |entry: &&ICalendarEntry| matches!(entry.name, ICalendarProperty::Attendee | ICalendarProperty::Organizer);
    let mut people: Vec<Contact> = Vec::new();
    for entry in component.entries.iter().filter(is_person).take(PEOPLE) {
        let email = text::one_line(entry.calendar_address().unwrap_or_default());
        let name = entry.parameter(&ICalendarParameterName::Cn).and_then(|name| name.as_text()).unwrap_or(&email);
        let person = Contact { name: text::one_line(name), email: email.clone(), ..Contact::default() };
        if !email.eq_ignore_ascii_case(own_address) && !people.iter().any(|other| other.is(&person)) {
            people.push(person);
        }
    }
    people
}
