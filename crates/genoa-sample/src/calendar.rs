//! Two calendars: the person's own, and the team's.

use genoa_abi::Failure;
use jiff::civil::{Date, Weekday};

use crate::days::{Days, ZONE, at, shift};
use crate::people;
use crate::tree::Tree;

/// The rules of the zone, as calendar programs write them.
const ZONE_RULES: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n\
    BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\n\
    TZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";

struct Entry {
    uid: &'static str,
    title: &'static str,
    date: Date,
    /// Begin and end; empty for a whole day.
    times: (&'static str, &'static str),
    place: &'static str,
    people: &'static [&'static str],
    rule: &'static str,
    description: &'static str,
}

impl Entry {
    fn new(uid: &'static str, title: &'static str, date: Date, times: (&'static str, &'static str)) -> Self {
        Self { uid, title, date, times, place: "", people: &[], rule: "", description: "" }
    }

    fn place(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    fn people(self, people: &'static [&'static str]) -> Self {
        Self { people, ..self }
    }

    fn rule(self, rule: &'static str) -> Self {
        Self { rule, ..self }
    }

    fn description(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    fn to_lines(&self, days: &Days) -> String {
        let date = self.date.strftime("%Y%m%d").to_string();
        let mut lines = format!("BEGIN:VEVENT\r\nUID:{}@fjordlight.example\r\n", self.uid);
        lines += &format!("DTSTAMP:{}T060000Z\r\n", shift(days.today, -30).strftime("%Y%m%d"));
        if self.times.0.is_empty() {
            lines += &format!("DTSTART;VALUE=DATE:{date}\r\n");
        } else {
            for (property, time) in [("DTSTART", self.times.0), ("DTEND", self.times.1)] {
                lines += &format!("{property};TZID={ZONE}:{date}T{}00\r\n", time.replace(':', ""));
            }
        }
        lines += &format!("SUMMARY:{}\r\n", self.title);
        for (property, value) in [("LOCATION", self.place), ("RRULE", self.rule), ("DESCRIPTION", self.description)] {
            if !value.is_empty() {
                let value = if property == "RRULE" { value.to_owned() } else { days.fill(value).replace(',', "\\,") };
                lines += &format!("{property}:{value}\r\n");
            }
        }
        if !self.people.is_empty() {
            lines += "ORGANIZER;CN=Nora Lindqvist:mailto:nora@fjordlight.example\r\n";
        }
        for name in self.people {
            lines += &format!("ATTENDEE;CN={name};PARTSTAT=ACCEPTED:mailto:{}\r\n", people::email(name));
        }
        lines + "END:VEVENT\r\n"
    }
}

pub(crate) fn write(tree: &mut Tree, days: &Days) -> Result<(), Failure> {
    for (name, entries) in [("personal", personal(days)), ("team", team(days))] {
        let events: String = entries.iter().map(|entry| entry.to_lines(days)).collect();
        let file = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Fjordlight//Calendar//EN\r\nX-WR-CALNAME:{name}\r\n{ZONE_RULES}{events}END:VCALENDAR\r\n"
        );
        tree.put(&format!("calendar/{name}.ics"), file, &at(shift(days.today, -1), "18:00"))?;
    }
    Ok(())
}

fn personal(days: &Days) -> Vec<Entry> {
    let (day, demo) = (|offset| shift(days.today, offset), days.demo);
    let tuesday = days.today.nth_weekday(-1, Weekday::Tuesday).unwrap_or(days.today);
    vec![
        Entry::new("lumen-harbour", "Lumen demo", demo, ("10:00", "11:00"))
            .place("Room Skagerrak")
            .people(&["Ada Okafor", "Marcus Bell", "Priya Raman", "Jonas Hald"])
            .description("Product demo for Harbour Hotels. Ada arrives at 09:30."),
        Entry::new("lumen-polaris", "Lumen demo", shift(demo, -28), ("13:00", "14:00"))
            .place("Polaris Foods, Bergen")
            .people(&["Henrik Dahl", "Priya Raman"])
            .description("Product demo for Polaris Foods: cold store, two sites."),
        Entry::new("yoga", "Yoga with Ada", shift(tuesday, -28), ("18:00", "19:00"))
            .place("Studio Nord")
            .people(&["Ada Lindholm"])
            .rule("FREQ=WEEKLY;BYDAY=TU"),
        Entry::new("lunch-adam", "Lunch with Adam", shift(demo, 1), ("12:00", "13:00"))
            .place("Harbour")
            .people(&["Adam Okoye"]),
        Entry::new("prepare", "Prepare the Harbour Hotels demo", shift(demo, -1), ("14:00", "16:00"))
            .description("Slides, screens, a last run with Jonas and Mila."),
        Entry::new("one-to-one", "One-to-one with Tomas", shift(tuesday, -21), ("09:00", "09:30"))
            .people(&["Tomas Berg"])
            .rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"),
        Entry::new("dentist", "Dentist", day(9), ("08:15", "09:00")).place("Sentrum Tannklinikk"),
        Entry::new("interview", "Interview with Lena Fox", day(8), ("13:00", "14:00"))
            .people(&["Lena Fox", "Sofie Vang"]),
        Entry::new("stockholm", "Train to Stockholm", day(12), ("07:10", "12:30")).description("Seat 42"),
        Entry::new("birthday", "Mother's birthday", day(17), ("", "")).rule("FREQ=YEARLY"),
        Entry::new("piano", "Piano lesson", shift(demo, -27), ("17:00", "17:45")).rule("FREQ=WEEKLY;BYDAY=FR"),
        Entry::new("budget", "Budget of next year", day(4), ("15:00", "15:45"))
            .people(&["Erik Sund"])
            .description("Travel EUR 62,000, fairs EUR 18,000: is it enough?"),
        Entry::new("sensors", "Call with Sensorwerk", day(2), ("11:00", "11:30")).people(&["Jonas Weber"]),
        Entry::new("quarter", "Quarterly review", day(-10), ("10:00", "12:00")).people(&["Tomas Berg", "Erik Sund"]),
        Entry::new("museum", "Museo della Luce: first call", day(-6), ("14:00", "14:30")).people(&["Maria Rossi"]),
        Entry::new("garage", "Car to the garage", day(-3), ("07:30", "08:00")),
    ]
}

fn team(days: &Days) -> Vec<Entry> {
    let day = |offset| shift(days.today, offset);
    let monday = shift(days.today.nth_weekday(-1, Weekday::Monday).unwrap_or(days.today), -56);
    vec![
        Entry::new("standup", "Standup", monday, ("08:45", "09:00")).rule("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        Entry::new("planning", "Sprint planning", monday, ("10:00", "11:30")).rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
        Entry::new("release", "Release of Lumen 2.4", shift(days.demo, -1), ("20:00", "21:00")).people(&["Jonas Hald"]),
        Entry::new("demo-day", "Internal demo day", shift(days.demo, 7), ("14:00", "16:00"))
            .place("Canteen")
            .description("Everybody shows what they built. Five minutes each."),
        Entry::new("design", "Design review", shift(monday, 1), ("13:00", "14:00"))
            .people(&["Mila Petrov"])
            .rule("FREQ=WEEKLY;BYDAY=TU"),
        Entry::new("summer", "Winter party", day(25), ("18:00", "22:00")).place("Harbour"),
        Entry::new("retro", "Retrospective", day(-18), ("14:00", "15:00")),
    ]
}
