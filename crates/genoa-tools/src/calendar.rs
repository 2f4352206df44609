//! The calendar: events of all iCalendar files of the workspace.

use std::path::PathBuf;

use genoa_abi::schema::{EffectClass, FileNeed, Moment, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde_json::Value as Json;

use crate::calendar_file::{CalendarFile, Times};
use crate::calendar_read::{Event, Occurrence, read_events};
use crate::contacts::{People, words_of};
use crate::relevance::{Document, select};
use crate::time::{self, Span};
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{files, text, walk};

/// Events that one search answers with.
const FOUND_EVENTS: usize = 500;
/// How far a search without a time looks into the past and into the future.
const HORIZON: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How long an event lasts if nobody says so.
const EVENT_MINUTES: i64 = 60;
/// The longest event: 31 days.
const LONGEST_MINUTES: i64 = 31 * DAY_MINUTES;
const DAY_MINUTES: i64 = 24 * 60;
/// The calendar that new events go to where none is there yet.
const NEW_CALENDAR: &str = "Calendar/personal.ics";
/// Words that every event could be called.
const GENERIC: &str = "meeting meet event appointment call calendar date session with";

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut event = record(
        "Event",
        &[
            ("title", "str", "what it is called"),
            ("start", "str", "when it begins"),
            ("end", "str", "when it ends"),
            ("place", "str?", "where"),
            ("people", "list[Contact]", "who comes"),
            ("description", "str", "more about it"),
            ("path", "path", "the calendar file"),
            ("uid", "str", "its id"),
        ],
    );
    event.origin = Some("path".into());
    event.title = Some("title".into());
    event.readers = vec!["people".into()];
    vec![event]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![
        Tool {
            schema: schema(
                "calendar.find",
                "Find calendar events; coming ones first.",
                EffectClass::Observe,
                read,
                "list[Event]",
            )
            .optional("about", "str", "topic or title")
            .topic()
            .optional("people", "list[str]", "who takes part: names, companies or addresses")
            .existing()
            .optional("when", "time", "when it is")
            .phrase("Find events about {about} with {people} {when}"),
            run: find,
        },
        Tool {
            schema: schema("calendar.create", "Put an event into the calendar.", EffectClass::Change, write, "Event")
                .required("title", "str", "what it is called")
                .required("start", "time", "when it begins")
                .optional("minutes", "int", "how long it lasts, 60 if left out")
                .optional("people", "list[Contact]", "who takes part")
                .optional("place", "str", "where")
.topic()
                .optional("description", "str", "more about it")
                .asked_by(
                    "calendar|appointment|meeting|event|schedul|book|plan|put|add|block|reserv|invit|arrang|set up|\
                     enter|entr|remind|note|date|mak|organis|organiz|keep|fix|agree|creat|pencil|nudg|ping|diary|slot|fit in|\
                     squeez|save the|jot|record|mark|let|set|meet|dinner|lunch|call",
                )
                .phrase("Put “{title}” into the calendar, {start}"),
            run: create,
        },
        Tool {
            schema: schema("calendar.move", "Move an event to another time.", EffectClass::Change, write, "Event")
                .required("event", "Event", "the event")
                .required("start", "time", "the new begin")
                .optional("minutes", "int", "the new length")
                .asked_by(
                    "mov|shift|postpon|put|reschedul|push|bring|delay|chang|later|earlier|instead|now|swap|begin|\
                     start|tak|set|defer|prolong|extend|shorten|last|slip|slid|back|forward|another|make it|until|at|instead|longer|shorter",
                )
                .phrase("Move {event} to {start}"),
            run: move_event,
        },
        Tool {
            schema: schema("calendar.cancel", "Take an event out of the calendar.", EffectClass::Change, write, "None")
                .required("event", "Event", "the event")
                .asked_by(
                    "cancel|delet|remov|take|drop|call off|strike|clear|scratch|get rid|not go|not come|\
                     not attend|skip|decline|off|scrap|ditch|bin|no longer|free up|n't go|n't make it",
                )
                .phrase("Take {event} out of the calendar"),
            run: cancel,
        },
    ]
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let texts = call.texts("people")?;
    let people = People::to_filter_by(&texts, call)?;
    let asked = Span::argument(call, "when")?;
    let now = time::now(call)?.timestamp();
    let span = asked.unwrap_or_else(|| horizon(now));
    let mut found = read_events(call, span)?;
    found.retain(|occurrence| texts.iter().all(|text| takes_part(text, &people, &occurrence.event)));
    if asked.is_none() {
        keep_one_of_each_series(&mut found, now);
        found.sort_by_key(|occurrence| coming_first(occurrence, now));
    }
    let about = call.text("about")?;
    let mut places = select(
        &about,
        GENERIC,
        found.iter().map(|occurrence| Document { title: &occurrence.event.title, text: &occurrence.searched }),
    );
    places.sort_unstable();
    if places.len() > FOUND_EVENTS {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{} events fit", places.len()))
            .because(format!("one search answers with at most {FOUND_EVENTS}"))
            .try_next("Ask for a shorter time or a topic"));
    }
    answer(places.into_iter().map(|place| &found[place].event).collect::<Vec<_>>())
}

/// A little more than a year to both sides of now.
#[must_use]
pub fn horizon(now: Timestamp) -> Span {
    Span { start: now.saturating_sub(HORIZON).unwrap_or(now), end: now.saturating_add(HORIZON).unwrap_or(now) }
}

/// What is still to come in its order, then what is over, the latest first.
fn coming_first(occurrence: &Occurrence, now: Timestamp) -> (bool, i64) {
    let is_over = occurrence.end < now;
    let second = occurrence.start.as_second();
    (is_over, if is_over { -second } else { second })
}

/// Of a repeated event the next occurrence is meant, or the last one if it is over.
pub(crate) fn keep_one_of_each_series(found: &mut Vec<Occurrence>, now: Timestamp) {
    found.sort_by_key(|occurrence| coming_first(occurrence, now));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|occurrence| {
        !occurrence.is_repeated || seen.insert((occurrence.event.path.clone(), occurrence.event.uid.clone()))
    });
}

/// Whether `text` means one of the event's people. The title may name somebody in full, or by the first name where
/// nobody is listed; a company may be named in the description as well.
fn takes_part(text: &str, people: &People, event: &Event) -> bool {
    if event.people.iter().any(|person| people.means(text, person)) {
        return true;
    }
    let name = words_of(people.name_of(text));
    let title = words_of(&event.title);
    let is_named = |words: &[String]| words.windows(name.len().max(1)).any(|part| part == name);
    if people.is_organisation(text) {
        return is_named(&title) || is_named(&words_of(&event.description));
    }
    let all = name.len() > 1 && name.iter().all(|word| title.contains(word));
    let first = name.first().is_some_and(|word| title.contains(word));
    all || (first && event.people.is_empty())
}

fn create(call: &Call<'_>) -> Result<Json, Failure> {
    let title = text::one_line(&call.text("title")?);
    if title.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "an event needs a title"));
    }
    let now = time::now(call)?;
    let event = Event {
        title,
        start: String::new(),
        end: String::new(),
        place: call.argument("place")?,
        people: call.argument::<Option<_>>("people")?.unwrap_or_default(),
        description: call.text("description")?,
        path: String::new(),
        // The call's id makes a repeated call the same event.
        uid: format!("{}-{}@genoa", now.timestamp().strftime("%Y%m%dT%H%M%SZ"), call.request.call.0),
    };
    let times = times(call, None)?;
    let path = personal_calendar(call)?;
    let exists = path.exists();
    let mut file = if exists { CalendarFile::read(&path, &call.relative(&path))? } else { CalendarFile::empty() };
    if !file.holds(&event.uid) {
        file.add(&event, &times, &call.request.person, &now)?;
        files::put(call, &path, file.to_text())?;
    }
    answer(Event { path: call.relative(&path), ..shown(call, event, &times) })
}

fn move_event(call: &Call<'_>) -> Result<Json, Failure> {
    let (event, path, mut file) = event_and_file(call)?;
    let (start, end) = (time::parse(&event.start)?, time::parse(&event.end)?);
    let times = times(call, Some(Span { start, end }))?;
    file.move_event(&event.uid, start, &times, &time::zone(call))?;
    files::put(call, &path, file.to_text())?;
    answer(shown(call, event, &times))
}

fn cancel(call: &Call<'_>) -> Result<Json, Failure> {
    let (event, path, mut file) = event_and_file(call)?;
    file.cancel(&event.uid, time::parse(&event.start)?, &time::zone(call))?;
    files::put(call, &path, file.to_text())?;
    Ok(Json::Null)
}

fn event_and_file(call: &Call<'_>) -> Result<(Event, PathBuf, CalendarFile), Failure> {
    let event: Event = call.argument("event")?;
    let path = call.resolve(&event.path)?;
    if walk::extension(&path) != "ics" {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{} is not a calendar file", event.path)));
    }
    let file = CalendarFile::read(&path, &event.path)?;
    Ok((event, path, file))
}

/// Begin and end as the arguments say. A start that means whole days makes an event of whole days, of as many as the
/// moved one has; but what has an hour keeps it on another day.
fn times(call: &Call<'_>, moved: Option<Span>) -> Result<Times, Failure> {
    let moment: Moment = call.argument("start")?;
    let minutes: Option<i64> = call.argument("minutes")?;
    if minutes.is_some_and(|minutes| !(1..=LONGEST_MINUTES).contains(&minutes)) {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("an event lasts 1 to {LONGEST_MINUTES} minutes")));
    }
    let zone = time::zone(call);
    let mut start = time::parse(&moment.start)?;
    let asked = days(start, time::parse(&moment.end)?, &zone);
    let own = moved.map(|span| days(span.start, span.end, &zone));
    if let Some(count) = asked.and_then(|asked| whole_days(asked, minutes, own)) {
        return Ok(Times { start, end: days_later(start, count, &zone)?, whole_days: true });
    }
    if let (Some(1), Some(span), Some(None)) = (asked, moved, own) {
        start = at_hour_of(start, span.start, &zone)?;
    }
    // "friday 9:00 to 11:30" says when it ends, "friday morning" does not.
    let says_end = minutes.is_none() && moment.words.contains(" to ");
    let said_end = if says_end { Some(time::parse(&moment.end)?) } else { None };
    if let Some(end) = said_end.filter(|end| *end > start) {
        return Ok(Times { start, end, whole_days: false });
    }
    let usual = moved.map_or(EVENT_MINUTES, |span| span.end.duration_since(span.start).as_mins().max(0));
    let end = start.checked_add(SignedDuration::from_mins(minutes.unwrap_or(usual))).map_err(too_late)?;
    Ok(Times { start, end, whole_days: false })
}

/// How many whole days an event takes whose start means `asked` of them; nothing if it has hours.
fn whole_days(asked: i64, minutes: Option<i64>, moved: Option<Option<i64>>) -> Option<i64> {
    match (minutes, moved) {
        (Some(minutes), _) => (minutes % DAY_MINUTES == 0).then_some(minutes / DAY_MINUTES),
        (None, None) => Some(asked),
        // One day only says when it begins.
        (None, Some(own)) => own.map(|own| if asked == 1 { own } else { asked }),
    }
}

fn too_late(error: jiff::Error) -> Failure {
    Failure::new(ErrorCode::InvalidInput, "that is too late").because(error)
}

/// How many days there are from `start` to `end`, if these are midnights.
fn days(start: Timestamp, end: Timestamp, zone: &TimeZone) -> Option<i64> {
    let (start, end) = (start.to_zoned(zone.clone()), end.to_zoned(zone.clone()));
    let is_midnight = |time: &Zoned| time.time() == jiff::civil::Time::midnight();
    let count = i64::from(start.date().until(end.date()).ok()?.get_days());
    (is_midnight(&start) && is_midnight(&end) && count > 0).then_some(count)
}

fn days_later(start: Timestamp, count: i64, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let days = jiff::Span::new().try_days(count).map_err(too_late)?;
    Ok(start.to_zoned(zone.clone()).checked_add(days).map_err(too_late)?.timestamp())
}

/// The day of `day` at the hour of `hour`.
fn at_hour_of(day: Timestamp, hour: Timestamp, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let hour = hour.to_zoned(zone.clone()).time();
    let time = day.to_zoned(zone.clone()).date().to_datetime(hour).to_zoned(zone.clone()).map_err(too_late)?;
    Ok(time.timestamp())
}

fn shown(call: &Call<'_>, event: Event, times: &Times) -> Event {
    let zone = time::zone(call);
    Event { start: time::show(times.start, &zone), end: time::show(times.end, &zone), ..event }
}

/// The calendar called `personal`, else the one with the most events, else a new one.
fn personal_calendar(call: &Call<'_>) -> Result<PathBuf, Failure> {
    let mut files = walk::files_with_extension(call.workspace(), "ics")?;
    let is_personal = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("personal"));
    if let Some(place) = files.iter().position(is_personal) {
        return Ok(files.swap_remove(place));
    }
    let count = |path: &PathBuf| text::read(path).map_or(0, |content| content.matches("BEGIN:VEVENT").count());
    let counted = files.into_iter().map(|path| (count(&path), path));
    let largest = counted.max_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    match largest {
        Some((_, path)) => Ok(path),
        None => call.resolve(NEW_CALENDAR),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::{Value as Json, json};

    use crate::testing::{Bench, moment};

    const CALENDAR: &str = "BEGIN:VCALENDAR\nVERSION:2.0\n\
        BEGIN:VEVENT\nUID:demo\nDTSTART;TZID=Europe/Oslo:20261126T100000\nDTEND;TZID=Europe/Oslo:20261126T110000\n\
        SUMMARY:Lumen demo\nLOCATION:Room 4\nATTENDEE;CN=Ada Okafor:mailto:ada@corp.example\n\
        ATTENDEE;CN=Nora:mailto:nora@fjordlight.example\nDESCRIPTION:Show\\, then\n  discuss\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:standup\nDTSTART:20260105T083000\nDTEND:20260105T084500\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE\n\
        EXDATE:20261125T083000\nSUMMARY:Standup\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:standup\nSEQUENCE:4\nRECURRENCE-ID:20261130T083000\nDTSTART:20261130T140000\n\
        DTEND:20261130T141500\nSUMMARY:Standup (late)\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:fair\nDTSTART;VALUE=DATE:20261126\nDTEND;VALUE=DATE:20261128\nSUMMARY:Trade fair\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:lunch\nDTSTART:20261127T113000Z\nDURATION:PT1H\nSUMMARY:Lunch with Ada\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:off\nDTSTART:20261126T090000Z\nSTATUS:CANCELLED\nSUMMARY:Lumen demo\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:bad\nSUMMARY:No time\nEND:VEVENT\nEND:VCALENDAR\n";

    fn bench() -> Bench {
        Bench::new().with("Calendar/work.ics", CALENDAR).with("broken.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:")
    }

    fn thursday() -> Json {
        moment("2026-11-26T00:00:00+01:00", "2026-11-27T00:00:00+01:00")
    }

    fn starts(bench: &Bench, arguments: Json) -> Vec<String> {
        let found = bench.ok("calendar.find", arguments);
        let line = |event: &Json| format!("{} {}", event["start"].as_str().unwrap(), event["title"].as_str().unwrap());
        found.as_array().unwrap().iter().map(line).collect()
    }

    #[test]
    fn an_event_is_read_with_all_its_fields() {
        let found = bench().ok("calendar.find", json!({ "about": "the lumen demo" }));
        assert_eq!(
            found,
            json!([{
                "title": "Lumen demo", "start": "2026-11-26T10:00:00+01:00", "end": "2026-11-26T11:00:00+01:00",
                "place": "Room 4", "description": "Show, then discuss", "path": "Calendar/work.ics", "uid": "demo",
                "people": [{ "name": "Ada Okafor", "email": "ada@corp.example", "phone": null, "organisation": null, "path": "" }],
            }])
        );
    }

    #[test]
    fn events_are_found_by_topic_people_and_time() {
        let bench = bench();
        let check = |arguments, expected: &[&str]| assert_eq!(starts(&bench, arguments), expected);
        check(
            json!({ "when": thursday() }),
            &["2026-11-26T00:00:00+01:00 Trade fair", "2026-11-26T10:00:00+01:00 Lumen demo"],
        );
        for ada in ["Ada Okafor", "ada"] {
            check(
                json!({ "people": [ada] }),
                &["2026-11-26T10:00:00+01:00 Lumen demo", "2026-11-27T12:30:00+01:00 Lunch with Ada"],
            );
        }
        check(json!({ "people": ["ada@corp.example"] }), &["2026-11-26T10:00:00+01:00 Lumen demo"]);
        check(json!({ "people": ["Ada", "Grace"] }), &[]);
        check(json!({ "about": "standup" }), &["2026-11-30T14:00:00+01:00 Standup (late)"]);
        check(json!({ "about": "dentist" }), &[]);
        let week = moment("2026-11-23T00:00:00+01:00", "2026-12-03T00:00:00+01:00");
        check(
            json!({ "about": "standup", "when": week }),
            &[
                "2026-11-23T08:30:00+01:00 Standup",
                "2026-11-30T14:00:00+01:00 Standup (late)",
                "2026-12-02T08:30:00+01:00 Standup",
            ],
        );
        let summer = moment("2026-07-01T00:00:00+02:00", "2026-07-02T00:00:00+02:00");
        check(json!({ "when": summer }), &["2026-07-01T08:30:00+02:00 Standup"]);
    }

    #[test]
    fn contacts_tell_who_an_address_or_a_company_is() {
        let card = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada Okafor\nEMAIL:okafor@home.example\nORG:Berg Foods AS\nEND:VCARD\n";
        let event = |uid: &str, more: &str| {
            format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART:20261127T090000Z\nDTEND:20261127T100000Z\n{more}\nEND:VEVENT\n")
        };
        let events = [
            event("1", "SUMMARY:Lunch with Ada"),
            event("2", "SUMMARY:Tasting\nDESCRIPTION:At Berg Foods\\, upstairs"),
            event("3", "SUMMARY:Berg hike\nATTENDEE:mailto:okafor@home.example"),
            event("4", "SUMMARY:Foods of the Berg"),
            event("5", "SUMMARY:Visit\nATTENDEE;CN=Bo:mailto:bo@bergfoods.example"),
        ];
        let calendar = format!("BEGIN:VCALENDAR\nVERSION:2.0\n{}END:VCALENDAR\n", events.concat());
        let bench = Bench::new().with("a.ics", calendar).with("a.vcf", card);
        let check = |person: &str, expected: &[&str]| {
            assert_eq!(bench.column("calendar.find", json!({ "people": [person] }), "uid"), expected, "{person}");
        };
        check("okafor@home.example", &["3", "1"]);
        check("Ada Okafor", &["3", "1"]);
        check("Berg Foods", &["3", "2", "5"]);
        check("home@nobody.example", &[]);
    }

    #[test]
    fn an_event_ends_when_its_time_says_so() {
        let bench = bench();
        let end = |words: &str, minutes: Option<i64>| {
            let start =
                json!({ "words": words, "start": "2026-12-01T09:00:00+01:00", "end": "2026-12-01T11:30:00+01:00" });
            let mut arguments = json!({ "title": "Budget", "start": start });
            if let Some(minutes) = minutes {
                arguments["minutes"] = minutes.into();
            }
            let created = bench.ok("calendar.create", arguments);
            created["end"].as_str().unwrap().to_owned()
        };
        assert_eq!(end("tuesday 9:00 to 11:30", None), "2026-12-01T11:30:00+01:00");
        assert_eq!(end("tuesday 9:00 to 11:30", Some(15)), "2026-12-01T09:15:00+01:00");
        assert_eq!(end("tuesday morning", None), "2026-12-01T10:00:00+01:00");
    }

    #[test]
    fn an_event_is_created_once() {
        let bench = bench();
        let arguments = json!({ "title": "Review; part 1,2", "start": moment("2026-12-01T14:00:00+01:00", "2026-12-01T14:00:00+01:00"),
            "minutes": 90, "people": [{ "name": "Ada \"X\" Okafor", "email": "ada@corp.example", "path": "" }],
            "description": "Line one\nEND:VEVENT\n".to_owned() + &"long ".repeat(40) });
        let created = bench.ok("calendar.create", arguments.clone());
        assert_eq!(
            (created["end"].as_str(), created["path"].as_str()),
            (Some("2026-12-01T15:30:00+01:00"), Some("Calendar/work.ics"))
        );
        let before = bench.text("Calendar/work.ics");
        bench.ok("calendar.create", arguments);
        assert_eq!(bench.text("Calendar/work.ics"), before, "the same call again changes nothing");
        let found = bench.ok("calendar.find", json!({ "about": "review" }));
        assert_eq!(
            (found[0]["title"].as_str(), found[0]["people"][0]["name"].as_str()),
            (Some("Review; part 1,2"), Some("Ada X Okafor"))
        );
        assert!(found[0]["description"].as_str().unwrap().starts_with("Line one\nEND:VEVENT\nlong long"));
        assert!(before.lines().all(|line| line.len() <= 76));
    }

    #[test]
    fn a_first_event_makes_a_calendar_and_days_stay_days() {
        let bench = Bench::new();
        bench.ok("calendar.create", json!({ "title": "Trip", "start": thursday() }));
        assert!(
            bench
                .text("Calendar/personal.ics")
                .contains("DTSTART;VALUE=DATE:20261126\r\nDTEND;VALUE=DATE:20261127\r\n")
        );
        assert_eq!(starts(&bench, json!({})), ["2026-11-26T00:00:00+01:00 Trip"]);
    }

    #[test]
    fn events_and_occurrences_are_moved_and_cancelled() {
        let bench = bench();
        let find = |about: &str| bench.ok("calendar.find", json!({ "about": about }))[0].clone();
        let noon = moment("2026-12-04T12:00:00+01:00", "2026-12-04T12:00:00+01:00");
        bench.ok("calendar.move", json!({ "event": find("lumen"), "start": noon }));
        assert_eq!(find("lumen")["end"], "2026-12-04T13:00:00+01:00");
        assert!(bench.text("Calendar/work.ics").contains("DTSTART;TZID=Europe/Oslo:20261204T120000"));
        bench.ok("calendar.cancel", json!({ "event": find("lunch") }));
        assert_eq!(starts(&bench, json!({ "about": "lunch" })), [""; 0]);
        let december =
            || json!({ "about": "standup", "when": moment("2026-11-30T00:00:00+01:00", "2026-12-08T00:00:00+01:00") });
        let series = bench.ok("calendar.find", december());
        bench.ok("calendar.cancel", json!({ "event": series[0] }));
        bench.ok("calendar.move", json!({ "event": series[1], "start": noon }));
        assert_eq!(
            starts(&bench, december()),
            ["2026-12-04T12:00:00+01:00 Standup", "2026-12-07T08:30:00+01:00 Standup"]
        );
    }

    #[test]
    fn a_moved_event_keeps_its_length_and_its_hour() {
        let bench = bench();
        let moved = |about: &str, start: Json, minutes: Option<i64>| {
            let event = bench.ok("calendar.find", json!({ "about": about }))[0].clone();
            let mut arguments = json!({ "event": event, "start": start });
            minutes.into_iter().for_each(|minutes| arguments["minutes"] = json!(minutes));
            let event = bench.ok("calendar.move", arguments);
            assert_eq!(bench.ok("calendar.find", json!({ "about": about }))[0]["start"], event["start"]);
            format!("{} to {}", event["start"].as_str().unwrap(), event["end"].as_str().unwrap())
        };
        let day = |from: &str, to: &str| moment(&format!("{from}T00:00:00+01:00"), &format!("{to}T00:00:00+01:00"));
        let friday = || day("2026-12-04", "2026-12-05");
        assert_eq!(moved("lumen", friday(), None), "2026-12-04T10:00:00+01:00 to 2026-12-04T11:00:00+01:00");
        assert_eq!(moved("lumen", thursday(), Some(30)), "2026-11-26T10:00:00+01:00 to 2026-11-26T10:30:00+01:00");
        assert_eq!(moved("fair", friday(), None), "2026-12-04T00:00:00+01:00 to 2026-12-06T00:00:00+01:00");
        assert!(bench.text("Calendar/work.ics").contains("DTEND;VALUE=DATE:20261206"));
        // The clocks change within: days stay days.
        let april = moment("2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00");
        assert_eq!(moved("fair", april, None), "2027-03-28T00:00:00+01:00 to 2027-03-30T00:00:00+02:00");
        assert_eq!(
            moved("fair", day("2026-12-07", "2026-12-08"), Some(1440)),
            "2026-12-07T00:00:00+01:00 to 2026-12-08T00:00:00+01:00"
        );
        assert_eq!(
            moved("fair", day("2026-12-07", "2026-12-12"), None),
            "2026-12-07T00:00:00+01:00 to 2026-12-12T00:00:00+01:00"
        );
        let noon = moment("2026-12-08T12:00:00+01:00", "2026-12-08T12:00:00+01:00");
        assert_eq!(moved("fair", noon, Some(90)), "2026-12-08T12:00:00+01:00 to 2026-12-08T13:30:00+01:00");
    }

    #[test]
    fn what_is_past_is_found_by_its_time_and_comes_last_without_one() {
        let event = |uid: &str, day: &str| {
            format!(
                "BEGIN:VEVENT\nUID:{uid}\nDTSTART:{day}T090000Z\nDTEND:{day}T100000Z\nSUMMARY:Dentist {uid}\nEND:VEVENT\n"
            )
        };
        let events =
            [event("old", "20261001"), event("last", "20261116"), event("next", "20261201"), event("far", "20270301")];
        let bench = Bench::new().with("a.ics", format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.concat()));
        let find = |arguments| bench.column("calendar.find", arguments, "uid");
        assert_eq!(find(json!({})), ["next", "far", "last", "old"]);
        assert_eq!(find(json!({ "about": "the dentist" })), ["next", "far", "last", "old"]);
        let autumn = moment("2026-09-01T00:00:00+02:00", "2026-11-20T00:00:00+01:00");
        assert_eq!(find(json!({ "about": "dentist", "when": autumn })), ["old", "last"]);
    }

    #[test]
    fn foreign_paths_and_senseless_events_are_refused() {
        let bench = bench().with("notes.md", "x");
        let mut event = bench.ok("calendar.find", json!({ "about": "lumen" }))[0].clone();
        let check = |tool: &str, arguments, code| assert_eq!(bench.refused(tool, arguments), code);
        check("calendar.create", json!({ "title": " ", "start": thursday() }), ErrorCode::InvalidInput);
        for minutes in [i64::MIN, -60, 0, 31 * 24 * 60 + 1, i64::MAX] {
            check(
                "calendar.create",
                json!({ "title": "a", "start": thursday(), "minutes": minutes }),
                ErrorCode::InvalidInput,
            );
            check(
                "calendar.move",
                json!({ "event": event, "start": thursday(), "minutes": minutes }),
                ErrorCode::InvalidInput,
            );
        }
        let strange = json!([{ "name": "x", "email": "a@b\nATTENDEE:c", "path": "" }]);
        check(
            "calendar.create",
            json!({ "title": "a", "start": thursday(), "people": strange }),
            ErrorCode::InvalidInput,
        );
        event["uid"] = json!("gone");
        check("calendar.move", json!({ "event": event, "start": thursday() }), ErrorCode::NotFound);
        event["path"] = json!("notes.md");
        check("calendar.cancel", json!({ "event": event }), ErrorCode::InvalidInput);
        event["path"] = json!("../other.ics");
        check("calendar.cancel", json!({ "event": event }), ErrorCode::NotGranted);
    }

    #[test]
    fn an_endless_rule_does_not_hang() {
        let rules = [
            "FREQ=SECONDLY",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=31",
        ];
        for (place, rule) in rules.iter().enumerate() {
            let bench = Bench::new().with("a.ics", format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{place}\nDTSTART:20200101T000000Z\nRRULE:{rule}\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n"
            ));
            let begin = std::time::Instant::now();
            bench.ok("calendar.find", json!({ "when": thursday() }));
            assert!(begin.elapsed().as_secs() < 5, "{rule}");
        }
    }
}
