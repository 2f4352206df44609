//! Collects what belongs to a topic or an event out of mails, notes, documents and the calendar.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::Failure;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::calendar_read::Event;
use crate::collect_sources::{Candidate, gather};
use crate::collect_versions::drop_repeated;
use crate::contacts::{Contact, People};
use crate::relevance::{Document, Index, excerpt, words};
use crate::time::{self, Span};
use crate::tool::{Call, Tool, answer, record, schema};

/// Sources that one collection answers with.
const SOURCES: usize = 12;
/// Characters of one source: its beginning and what says most about the topic.
const SOURCE_CHARS: usize = 2_400;
/// Less than this part of the best score is not about the topic.
const WEAKEST: f64 = 0.25;
/// How much the words about the topic that were not asked for (description, people, company) count.
const CONTEXT_WEIGHT: f64 = 0.5;
/// What is left of a score without the right people, and far from the right time.
const WITHOUT_PEOPLE: f64 = 0.3;
const FAR_AWAY: f64 = 0.4;
/// What is this many days away counts about a third of what is near.
const NEARNESS_DAYS: f64 = 21.0;
/// People of the person's own company take part in everything, so they say less.
const COLLEAGUE_WEIGHT: f64 = 0.3;
/// An event says when something is, but seldom what it is about.
const EVENT_WEIGHT: f64 = 0.6;
/// Words that name no topic.
const GENERIC: &str = "meeting event appointment collect everything material information mail note document file topic";

#[derive(Debug, Serialize)]
struct Source {
    title: String,
    kind: &'static str,
    text: String,
    date: String,
    path: String,
    score: f64,
}

/// What is collected for.
#[derive(Debug)]
struct Topic {
    asked: Vec<String>,
    context: Vec<String>,
    people: Vec<Contact>,
    /// The time that it is about: of the event, or now.
    focus: Timestamp,
    /// The event that it is about, if it is one.
    uid: Option<String>,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut source = record(
        "Source",
        &[
            ("title", "str", "what it is called"),
            ("kind", "str", "event, mail, note or file"),
            ("text", "str", "what it says about the topic"),
            ("date", "str", "when it was written"),
            ("path", "path", "its file"),
            ("score", "float", "how well it fits, up to 1"),
        ],
    );
    source.origin = Some("path".into());
    source.title = Some("title".into());
    vec![source]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Read, ..Needs::default() };
    vec![Tool {
        schema: schema(
            "collect.about",
            "Collect mails, notes, documents and events about a topic or event.",
            EffectClass::Observe,
            needs,
            "list[Source]",
        )
        .required("about", "any", "the topic as text, or an event")
        .topic()
        .optional("people", "list[str]", "who it is with: names, companies or addresses")
        .existing()
        .optional("when", "time", "around which time")
        .phrase("Collect what belongs to {about}"),
        run: collect,
    }]
}

fn collect(call: &Call<'_>) -> Result<Json, Failure> {
    let mut topic = topic(call)?;
    let zone = time::zone(call);
    (call.progress)("reading mails, notes, documents and the calendar");
    let candidates = gather(call, topic.focus)?;
    let own_host = own_host(call, &candidates);
    topic.sharpen(&own_host);
    let scores = scores(&topic, &candidates, &own_host);
    let best = scores.iter().copied().fold(0.0, f64::max);
    let mut found: Vec<(f64, &Candidate)> =
        scores.iter().copied().zip(&candidates).filter(|(score, _)| *score > 0.0 && *score >= best * WEAKEST).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (b.1.date, &a.1.path).cmp(&(a.1.date, &b.1.path))));
    let kept = drop_repeated(found);
    (call.progress)(&format!("{} of {} sources are about it", kept.len(), candidates.len()));
    let query: Vec<String> = topic.asked.iter().chain(&topic.context).cloned().collect();
    let source = |(score, candidate): (f64, &Candidate)| Source {
        title: candidate.title.clone(),
        kind: candidate.kind,
        text: excerpt(&candidate.text, &query, SOURCE_CHARS),
        date: time::show(candidate.date, &zone),
        path: candidate.path.clone(),
        score: (score / best.max(f64::MIN_POSITIVE) * 1000.0).round() / 1000.0,
    };
    answer(kept.into_iter().take(SOURCES).map(source).collect::<Vec<_>>())
}

/// The host of the person's address. Where that is not known, whoever takes part in most things is the person.
fn own_host(call: &Call<'_>, candidates: &[Candidate]) -> String {
    let mut address = call.request.person.email.to_lowercase();
    if address.is_empty() {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for person in candidates.iter().flat_map(Candidate::people) {
            *counts.entry(person.email.to_lowercase()).or_default() += 1;
        }
        address = counts.into_iter().max_by_key(|(_, count)| *count).map(|(email, _)| email).unwrap_or_default();
    }
    address.rsplit_once('@').map(|(_, host)| host.to_owned()).unwrap_or_default()
}

impl Topic {
    /// Adds what the people from elsewhere belong to, and takes out what says nothing and what is there already.
    fn sharpen(&mut self, own_host: &str) {
        for person in self.people.iter().filter(|person| !is_colleague(person, own_host)) {
            self.context.extend(words(person.organisation.as_deref().unwrap_or_default()));
        }
        let generic = words(GENERIC);
        let distinct = |list: &mut Vec<String>, known: &[String]| {
            let mut seen: BTreeSet<String> = known.iter().cloned().collect();
            list.retain(|word| !generic.contains(word) && seen.insert(word.clone()));
        };
        distinct(&mut self.asked, &[]);
        distinct(&mut self.context, &self.asked);
    }
}

fn topic(call: &Call<'_>) -> Result<Topic, Failure> {
    let about: Json = call.argument("about")?;
    let mut people: Vec<Contact> = Vec::new();
    let focus = time::now(call)?.timestamp();
    let mut topic = Topic { asked: Vec::new(), context: Vec::new(), people: Vec::new(), focus, uid: None };
    let all = if let Json::Array(items) = about { items } else { vec![about] };
    for item in all {
        match serde_json::from_value::<Event>(item.clone()) {
            Ok(event) => {
                topic.asked.extend(words(&event.title));
                topic.context.extend(words(&event.description));
                topic.focus = time::parse(&event.start).unwrap_or(topic.focus);
                topic.uid = topic.uid.or(Some(event.uid));
                people.extend(event.people);
            }
            Err(_) => read_other(&item, &mut topic),
        }
    }
    if let Some(span) = Span::argument(call, "when")? {
        topic.focus = span.start;
    }
    let known = People::read(call)?;
    topic.people = people.into_iter().map(|person| known.complete(person)).collect();
    for text in call.texts("people")? {
        // Whoever comes to the event is meant before somebody of the same name.
        if !topic.people.iter().any(|person| known.means(&text, person)) {
            topic.people.extend(known.meant_by(&text));
        }
    }
    Ok(topic)
}

/// Text, or a record by what it is called.
fn read_other(item: &Json, topic: &mut Topic) {
    let title = ["title", "subject", "name"].iter().find_map(|field| item[*field].as_str());
    topic.asked.extend(words(item.as_str().or(title).unwrap_or_default()));
}

fn is_colleague(person: &Contact, own_host: &str) -> bool {
    let host = person.email.rsplit_once('@').map_or("", |(_, host)| host);
    !host.is_empty() && host.eq_ignore_ascii_case(own_host)
}

/// How well each candidate fits. Nothing fits that does not speak about the topic.
fn scores(topic: &Topic, candidates: &[Candidate], own_host: &str) -> Vec<f64> {
    let texts: Vec<String> = candidates.iter().map(Candidate::searched).collect();
    let documents = candidates.iter().zip(&texts).map(|(candidate, text)| Document { title: &candidate.title, text });
    let index = Index::new(documents);
    let (asked, context) = (index.scores(&topic.asked), index.scores(&topic.context));
    let coverage = index.coverage(&topic.asked);
    let place = |place: usize| {
        let candidate = &candidates[place];
        if candidate.uid.is_some() && candidate.uid == topic.uid && candidate.date == topic.focus {
            return f64::INFINITY;
        }
        // What covers half of the topic only is worth half, however often it says that half.
        let words = asked[place] * coverage[place] + context[place] * CONTEXT_WEIGHT;
        let kind = if candidate.kind == "event" { EVENT_WEIGHT } else { 1.0 };
        kind * words * people_factor(topic, candidate, own_host) * time_factor(topic.focus, candidate.date)
    };
    let raw: Vec<f64> = (0..candidates.len()).map(place).collect();
    let best = raw.iter().copied().filter(|score| score.is_finite()).fold(0.0, f64::max);
    // The event itself is as good as the best of what belongs to it.
    raw.into_iter().map(|score| if score.is_finite() { score } else { best.max(1.0) }).collect()
}

fn people_factor(topic: &Topic, candidate: &Candidate, own_host: &str) -> f64 {
    if topic.people.is_empty() {
        return 1.0;
    }
    let weight = |person: &Contact| if is_colleague(person, own_host) { COLLEAGUE_WEIGHT } else { 1.0 };
    let share = topic.people.iter().map(|person| weight(person) * candidate.share_of(person)).fold(0.0, f64::max);
    WITHOUT_PEOPLE + (1.0 - WITHOUT_PEOPLE) * share
}

fn time_factor(focus: Timestamp, date: Timestamp) -> f64 {
    let days = focus.duration_since(date).as_secs_f64().abs() / 86_400.0;
    FAR_AWAY + (1.0 - FAR_AWAY) * (-days / NEARNESS_DAYS).exp()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::{Value as Json, json};

    use crate::testing::{Bench, moment};

    fn sample() -> Bench {
        let bench = Bench::new();
        genoa_sample::write(bench.path(), date(2026, 11, 23)).unwrap();
        bench
    }

    fn lines(found: &Json) -> String {
        let line = |source: &Json| {
            let path = source["path"].as_str().unwrap();
            let place = if path.starts_with("Mail/") { "Mail" } else { path };
            format!("{} | {} | {place}\n", source["kind"].as_str().unwrap(), source["title"].as_str().unwrap())
        };
        found.as_array().unwrap().iter().map(line).collect()
    }

    #[test]
    fn what_belongs_to_an_event_is_collected_and_nothing_else() {
        let bench = sample();
        let thursday = moment("2026-11-26T00:00:00+01:00", "2026-11-27T00:00:00+01:00");
        let events = bench.ok("calendar.find", json!({ "about": "demo", "people": ["Ada"], "when": thursday }));
        let found = bench.ok("collect.about", json!({ "about": events[0] }));
        let people: Vec<&Json> = events[0]["people"].as_array().unwrap().iter().map(|person| &person["name"]).collect();
        for people in [json!(people), json!(["Ada"]), json!(["Harbour Hotels"])] {
            let arguments = json!({ "about": events[0], "people": people });
            assert_eq!(bench.ok("collect.about", arguments), found, "who comes to the event is known: {people}");
        }
        insta::assert_snapshot!(lines(&found), @r"
        event | Lumen demo | calendar/personal.ics
        mail | Lumen demo for Harbour Hotels: list of participants | Mail
        mail | Lumen demo for Harbour Hotels | Mail
        note | Lumen demo for Harbour Hotels | Notes/Harbour Hotels demo plan.md
        file | Script of the Lumen demo for Harbour Hotels | Documents/Harbour Hotels/demo-script.md
        file | sustainability-page.html | Documents/Harbour Hotels/sustainability-page.html
        note | Call with Ada Okafor | Notes/Call with Ada Okafor.md
        mail | Screens for the Harbour Hotels demo | Mail
        file | Offer to Harbour Hotels, version 2 | Documents/Harbour Hotels/offer-v2.docx
        file | Lumen pilot at Harbour Bergen | Documents/Harbour Hotels/pilot-report.pdf
        mail | Bergen pilot: final numbers for Harbour Hotels | Mail
        file | pilot-savings.csv | Documents/Harbour Hotels/pilot-savings.csv
        ");
    }

    #[test]
    fn the_agreed_facts_are_in_the_texts_and_those_of_others_are_not() {
        let bench = sample();
        let event = bench.ok("calendar.find", json!({ "about": "lumen demo" }))[0].clone();
        let found = bench.ok("collect.about", json!({ "about": event }));
        let texts: Vec<&str> = found.as_array().unwrap().iter().filter_map(|source| source["text"].as_str()).collect();
        let text = texts.join("\n");
        for fact in [
            "10:00",
            "18.4 %",
            "EUR 4.20",
            "14 months",
            "stays in Norway",
            "install the sensors",
            "draft contract",
            "roadmap",
        ] {
            assert!(text.contains(fact), "{fact} is missing");
        }
        for foreign in ["5.10", "11 %", "Yoga", "30 % off", "16 % less", "Price: EUR 4.80"] {
            assert!(!text.contains(foreign), "{foreign} does not belong here");
        }
    }

    #[test]
    fn another_customers_demo_stays_out_even_if_the_person_is_not_known() {
        let thursday = moment("2026-11-26T00:00:00+01:00", "2026-11-27T00:00:00+01:00");
        let bench = sample().of_nobody();
        let event = bench.ok("calendar.find", json!({ "about": "demo", "when": thursday }))[0].clone();
        let found = lines(&bench.ok("collect.about", json!({ "about": event })));
        assert!(found.contains("Harbour Hotels") && !found.contains("Polaris"), "{found}");
    }

    #[test]
    fn a_company_says_whose_material_is_wanted() {
        let bench = sample();
        let of = |company: &str| lines(&bench.ok("collect.about", json!({ "about": "demo", "people": [company] })));
        let (harbour, polaris) = (of("Harbour Hotels"), of("Polaris Foods"));
        let first = |found: &str| found.lines().next().unwrap_or_default().to_owned();
        assert!(first(&harbour).contains("Harbour Hotels"), "{harbour}");
        assert!(polaris.lines().take(3).any(|line| line.contains("Polaris")), "{polaris}");
        assert_ne!(harbour, polaris);
    }

    #[test]
    fn a_topic_in_words_is_enough() {
        let found = sample().ok("collect.about", json!({ "about": "the Lumen demo for Harbour Hotels" }));
        insta::assert_snapshot!(lines(&found), @r"
        mail | Lumen demo for Harbour Hotels: list of participants | Mail
        note | Lumen demo for Harbour Hotels | Notes/Harbour Hotels demo plan.md
        file | Script of the Lumen demo for Harbour Hotels | Documents/Harbour Hotels/demo-script.md
        mail | Lumen demo for Harbour Hotels | Mail
        file | sustainability-page.html | Documents/Harbour Hotels/sustainability-page.html
        mail | Screens for the Harbour Hotels demo | Mail
        event | Lumen demo | calendar/personal.ics
        file | Offer to Harbour Hotels, version 2 | Documents/Harbour Hotels/offer-v2.docx
        file | Lumen pilot at Harbour Bergen | Documents/Harbour Hotels/pilot-report.pdf
        mail | Bergen pilot: final numbers for Harbour Hotels | Mail
        note | Lumen demo checklist (imported) | Notes/Lumen demo checklist.md
        event | Prepare the Harbour Hotels demo | calendar/personal.ics
        ");
    }

    #[test]
    fn other_topics_find_their_own() {
        let bench = sample();
        let check = |about: &str| lines(&bench.ok("collect.about", json!({ "about": about })));
        insta::assert_snapshot!(check("contract notice period"), @r"
        file | Cleaning of the office twice a week, NOK 4,200 a month. Notice period: one month. | Documents/Contracts/cleaning.txt
        file | sensorwerk-frame-contract.txt | Documents/Contracts/sensorwerk-frame-contract.txt
        file | lease-studio.txt | Documents/Contracts/lease-studio.txt
        file | Offer to Harbour Hotels, version 2 | Documents/Harbour Hotels/offer-v2.docx
        ");
        insta::assert_snapshot!(check("Hamburg trade fair"), @r"
        mail | Trade fair in Hamburg | Mail
        mail | Budget for next year | Mail
        note | Hamburg fair ideas | Notes/Hamburg fair ideas.md
        ");
        insta::assert_snapshot!(check("unicorns"), @"");
    }

    #[test]
    fn texts_keep_to_their_budget_and_answers_are_the_same_each_time() {
        let bench = sample();
        let first = bench.ok("collect.about", json!({ "about": "Lumen demo Harbour Hotels" }));
        assert_eq!(bench.ok("collect.about", json!({ "about": "Lumen demo Harbour Hotels" })), first);
        for source in first.as_array().unwrap() {
            assert!(source["text"].as_str().unwrap().chars().count() < super::SOURCE_CHARS + 200);
        }
    }

    #[test]
    fn nothing_outside_of_the_workspace_is_collected() {
        let (bench, outside) = (Bench::new(), Bench::new().with("secret.md", "# Lumen secret"));
        std::os::unix::fs::symlink(outside.path().join("secret.md"), bench.path().join("secret.md")).unwrap();
        std::os::unix::fs::symlink(outside.path(), bench.path().join("Notes")).unwrap();
        for about in [json!("lumen secret"), json!({ "secret": 1 }), json!("")] {
            assert_eq!(bench.ok("collect.about", json!({ "about": about })), json!([]));
        }
    }
}
