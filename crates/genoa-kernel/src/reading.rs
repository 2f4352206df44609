//! `extract`, `summarise`, `propose`, `rewrite` and `edit`: untrusted text goes to the model alone, without tools, and comes back as data.
//!
//! One model call for each record. What it claims to have found must stand in the record, or it is dropped. A text that
//! is rewritten comes back whole, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::limits::{
    EDIT_CHARS, EXTRACT_CHARS, EXTRACT_FIELDS, EXTRACT_RECORDS, FACT_CHARS, READING_CALLS, REWRITE_CHARS, SUMMARY_CHARS,
};
use genoa_abi::model::{Finish, Fragment, InferReply};
use genoa_abi::schema::Catalog;
use genoa_abi::session::News;
use genoa_abi::{CallId, Datum, ErrorCode, Failure, GrantId, Labels, SessionId, Source, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::calls::{Begun, Order};
use crate::editing::edited;
use crate::prompts;
use crate::proposals;
use crate::render;
use crate::system;
use crate::thinking::Thinker;
use crate::turn::{Origin, Turn, too_large};
use crate::typed::{Form, Read};

/// Fields of a field's name, in characters.
const FIELD_CHARS: usize = 80;
/// The share of a fact's words that must stand in its source, in per cent.
const GROUNDED_PERCENT: usize = 80;

/// The words of the longest value that loses its meaning with its end: `Friday, 12 March 2027 at 10:00`.
const VALUE_WORDS: usize = 8;

/// An `extract`, `summarise`, `propose`, `rewrite` or `edit` in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    task: Task,
    parts: Vec<Part>,
    /// Of what the prompts are made beside the parts: the other arguments, and why it is read at all.
    #[serde(default)]
    aside: Labels,
    /// Parts before this one were given to the model.
    next: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Task {
    Extract {
        fields: Vec<String>,
    },
    /// Fields of a type, of each record or of the one text.
    Typed {
        form: Form,
    },
    Summarise {
        about: String,
    },
    Rewrite {
        how: String,
    },
    /// What the texts ask for, for the person to decide about.
    Propose,
    /// The person's own words are shown as well: a planner that cannot see the text leaves out what matters in it.
    Edit {
        how: String,
        asked: String,
    },
}

/// One record, or one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    title: String,
    path: Option<String>,
    text: String,
    /// How long it is as a whole, in letters, where that is longer than what is read of it.
    whole_chars: Option<usize>,
    labels: Labels,
    outcome: Option<Result<String, Failure>>,
}

impl Turn<'_> {
    pub(crate) fn begin_reading(&mut self, order: &Order) -> Result<Begun, Failure> {
        let source = order.values.get("text").cloned().unwrap_or_else(Value::none);
        let catalog = self.kernel.catalog_of(order.session);
        let (parts, task) = match order.schema.name.as_str() {
            system::EXTRACT => match Form::of(order, &source, self.clock(order.session, order.origin)?)? {
                Some(form) => (parts_with(&source, catalog, EXTRACT_CHARS, is_prose), Task::Typed { form }),
                None => (parts_of(&source, catalog, EXTRACT_CHARS), Task::Extract { fields: fields_of(order)? }),
            },
            system::REWRITE => {
                let how = order.values.get("how").map(render::value).unwrap_or_default();
                (vec![text_to_change(&source, "REWRITE_CHARS", REWRITE_CHARS)?], Task::Rewrite { how })
            }
            system::EDIT => {
                let how = order.values.get("how").map(render::value).unwrap_or_default();
                let asked = self.words_of(order.origin);
                (vec![text_to_change(&source, "EDIT_CHARS", EDIT_CHARS)?], Task::Edit { how, asked })
            }
            system::PROPOSE => (parts_of(&source, catalog, EXTRACT_CHARS), Task::Propose),
            _ => {
                let about = order.values.get("about").map(render::value).unwrap_or_default();
                (whole(parts_of(&source, catalog, SUMMARY_CHARS)), Task::Summarise { about })
            }
        };
        if parts.len() > EXTRACT_RECORDS {
            return Err(too_large("these are too many records to read", "EXTRACT_RECORDS", EXTRACT_RECORDS)
                .try_next("Choose the records that matter first"));
        }
        if parts.is_empty() {
            let nothing = match &task {
                Task::Extract { .. } | Task::Propose => Value::from(Datum::List(Vec::new())),
                Task::Typed { form } => form.nothing(),
                _ => Value::text(""),
            };
            return Ok(Begun::Over(nothing));
        }
        let id = self.kernel.counters.call();
        let (origin, session, grant, aside) = (order.origin, order.session, order.grant, beside_the_text(order));
        let mut reading = Reading { origin, session, grant, task, parts, aside, next: 0 };
        if reading.is_read_without_model() {
            let (value, note) = reading.result(id)?;
            self.note_step(order.origin, note);
            return Ok(Begun::Over(value));
        }
        self.kernel.readings.insert(id, reading);
        for _ in 0..READING_CALLS {
            if let Err(failure) = self.read_next(id) {
                self.kernel.readings.remove(&id);
                self.abandon(|origin| is_part_of(origin, id));
                return Err(failure);
            }
        }
        Ok(Begun::Waiting)
    }

    /// The model is through with one part.
    pub(crate) fn part_read(&mut self, id: CallId, place: usize, outcome: Result<InferReply, Failure>) {
        let Some(reading) = self.kernel.readings.get_mut(&id) else { return };
        let Some(part) = reading.parts.get_mut(place) else { return };
        part.outcome = Some(match (&reading.task, outcome) {
            (Task::Rewrite { .. }, Ok(reply)) => rewritten(reply, &part.text),
            (Task::Edit { .. }, Ok(reply)) if reply.finish == Finish::Stop => edited(&reply.text, &part.text),
            (Task::Edit { .. }, Ok(_)) => Err(cut_off()),
            (Task::Summarise { .. }, Ok(reply)) if reply.finish == Finish::Length => Ok(whole_sentences(&reply.text)),
            (_, outcome) => outcome.map(|reply| reply.text),
        });
        let done = reading.parts.iter().filter(|part| part.outcome.is_some()).count();
        let (count, session, origin) = (reading.parts.len(), reading.session, reading.origin);
        if let Origin::Run(run) = origin {
            let text = format!("read {done} of {count}");
            self.tell(session, News::Progress { run, text });
        }
        if let Err(failure) = self.read_next(id) {
            self.kernel.readings.remove(&id);
            self.abandon(|origin| is_part_of(origin, id));
            self.call_ended(origin, Err(failure));
        } else if done == count
            && let Some(reading) = self.kernel.readings.remove(&id)
        {
            let outcome = reading.result(id).map(|(value, note)| {
                if matches!(reading.task, Task::Propose) {
                    self.propose(session, origin, &value);
                }
                self.note_step(origin, note);
                value
            });
            self.call_ended(origin, outcome);
        }
    }

    /// Drops the readings that nobody waits for any more.
    pub(crate) fn drop_readings(&mut self, is_meant: impl Fn(&Origin) -> bool) {
        let meant = self.kernel.readings.iter().filter(|(_, reading)| is_meant(&reading.origin));
        let meant: BTreeSet<CallId> = meant.map(|(id, _)| *id).collect();
        self.kernel.readings.retain(|id, _| !meant.contains(id));
        self.abandon(|origin| matches!(origin, Origin::Reading { reading, .. } if meant.contains(reading)));
    }

    fn read_next(&mut self, id: CallId) -> Result<(), Failure> {
        let Some(reading) = self.kernel.readings.get_mut(&id) else { return Ok(()) };
        let open = reading.parts.iter().enumerate().skip(reading.next).find(|(_, part)| part.outcome.is_none());
        let Some((place, part)) = open else { return Ok(()) };
        let mut request = match &reading.task {
            Task::Extract { fields } => prompts::extract(&part.title, &part.text, fields),
            Task::Propose => prompts::propose(&part.title, &part.text),
            Task::Typed { form } => form.request(&part.title, &part.text),
            Task::Summarise { about } => prompts::summarise(&part.text, about),
            Task::Rewrite { how } => prompts::rewrite(&part.text, how),
            Task::Edit { how, asked } => prompts::edit(&part.text, how, asked),
        };
        request.fragments = vec![part.fragment(reading.task.most_chars())];
        reading.next = place + 1;
        let origin = Origin::Reading { reading: id, place };
        let (session, grant, made_of) = (reading.session, reading.grant, reading.aside.union(&part.labels));
        let thinker = Thinker { origin, session, grant, watch: None, made_of };
        self.begin_infer(thinker, request).map(|_| ())
    }
}

impl Task {
    /// How much of a text the model is given, in letters.
    fn most_chars(&self) -> usize {
        match self {
            Self::Extract { .. } | Self::Typed { .. } | Self::Propose => EXTRACT_CHARS,
            Self::Summarise { .. } => SUMMARY_CHARS,
            Self::Rewrite { .. } => REWRITE_CHARS,
            Self::Edit { .. } => EDIT_CHARS,
        }
    }
}

impl Part {
    /// What the model sees of it.
    fn fragment(&self, most_chars: usize) -> Fragment {
        let chars = self.text.chars().count();
        let left_out = self.whole_chars.map(|whole| format!("{} of {whole} letters", whole.saturating_sub(chars)));
        Fragment { name: "text".to_owned(), chars, most_chars, left_out }
    }
}

impl Reading {
    /// Settles the parts in which nothing stands that the model could choose; whether these are all.
    fn is_read_without_model(&mut self) -> bool {
        if let Task::Typed { form } = &self.task {
            for part in &mut self.parts {
                if part.whole_chars.is_some() {
                    part.text.truncate(last_whole_words(&part.text));
                }
                if !form.has_choice(&part.text) {
                    part.outcome = Some(Ok(String::new()));
                }
            }
        }
        self.parts.iter().all(|part| part.outcome.is_some())
    }

    /// The value, and what came out in a few words.
    fn result(&self, id: CallId) -> Result<(Value, String), Failure> {
        let failures = self.parts.iter().filter_map(|part| part.outcome.as_ref()?.as_ref().err());
        let failed = failures.clone().count();
        if let Some(failure) = failures.clone().next().filter(|_| failed == self.parts.len()) {
            return Err(failure.clone());
        }
        let cut = self.parts.iter().filter(|part| part.whole_chars.is_some()).count();
        let (value, mut notes) = match &self.task {
            Task::Extract { fields } => self.facts(id, fields),
            Task::Propose => self.proposed(id),
            Task::Typed { form } => self.entries(id, form),
            Task::Summarise { .. } => self.summary(id),
            Task::Rewrite { .. } | Task::Edit { .. } => self.new_text(id),
        };
        if failed > 0 {
            notes.push(format!("{} could not be read", render::plural(failed, "source")));
        }
        if cut > 0 {
            notes.push(format!("{} not read to the end", render::plural(cut, "source")));
        }
        Ok((value, notes.join(", ")))
    }

    fn facts(&self, id: CallId, fields: &[String]) -> (Value, Vec<String>) {
        let (mut facts, mut dropped) = (Vec::new(), 0);
        for part in &self.parts {
            let Some(Ok(answer)) = &part.outcome else { continue };
            // An answer that was cut off is no JSON; then nothing was found there.
            let found: BTreeMap<String, Json> = serde_json::from_str(answer).unwrap_or_default();
            for field in fields {
                let Some(text) = found.get(field).and_then(Json::as_str).map(str::trim) else { continue };
                if text.is_empty() {
                    continue;
                }
                if text.chars().count() <= FACT_CHARS && is_grounded(text, &part.text) {
                    facts.push(fact(field, text, part, id));
                } else {
                    dropped += 1;
                }
            }
        }
        let mut notes = vec![format!(
            "{} from {}",
            render::plural(facts.len(), "fact"),
            render::plural(self.parts.len(), "source")
        )];
        if dropped > 0 {
            notes.push(format!("{dropped} dropped because the source does not say so"));
        }
        (Value::labelled(Datum::List(facts), self.labels(id)), notes)
    }

    /// What the texts ask for.
    fn proposed(&self, id: CallId) -> (Value, Vec<String>) {
        let call: Labels = Source::Call(id).into();
        let (mut requests, mut dropped) = (Vec::new(), 0);
        for part in &self.parts {
            let Some(Ok(answer)) = &part.outcome else { continue };
            let (found, left_out) = proposals::requests_in(answer, &part.text);
            let labels = part.labels.union(&call);
            requests.extend(found.into_iter().map(|text| Value::labelled(Datum::Text(text), labels.clone())));
            dropped += left_out;
        }
        let mut notes = vec![render::plural(requests.len(), "request")];
        if dropped > 0 {
            notes.push(format!("{dropped} dropped because the source does not say so"));
        }
        (Value::labelled(Datum::List(requests), self.labels(id)), notes)
    }

    fn entries(&self, id: CallId, form: &Form) -> (Value, Vec<String>) {
        let call: Labels = Source::Call(id).into();
        let read: Vec<Read> = self
            .parts
            .iter()
            .filter_map(|part| match &part.outcome {
                Some(Ok(answer)) => {
                    Some(Read { title: &part.title, text: &part.text, answer, labels: part.labels.union(&call) })
                }
                _ => None,
            })
            .collect();
        form.filled(&read, &self.labels(id))
    }

    fn summary(&self, id: CallId) -> (Value, Vec<String>) {
        let texts = self.parts.iter().filter_map(|part| part.outcome.as_ref()?.as_ref().ok());
        let text = texts.map(|text| text.trim()).collect::<Vec<_>>().join("\n");
        let value = Value::labelled(Datum::Text(text), self.labels(id));
        let count = render::count(&value);
        (value, vec![count])
    }

    fn new_text(&self, id: CallId) -> (Value, Vec<String>) {
        let text = self.parts.iter().filter_map(|part| part.outcome.as_ref()?.as_ref().ok()).cloned().collect();
        let value = Value::labelled(Datum::Text(text), self.labels(id));
        let count = render::count(&value);
        (value, vec![count])
    }

    fn labels(&self, id: CallId) -> Labels {
        self.parts.iter().fold(Source::Call(id).into(), |all: Labels, part| all.union(&part.labels))
    }
}

/// Of what everything but the text is made that a reading shows the model.
fn beside_the_text(order: &Order) -> Labels {
    let others = order.values.iter().filter(|(name, _)| *name != "text");
    others.fold(order.context.clone(), |all, (_, value)| all.union(&value.deep_labels()))
}

fn fact(field: &str, text: &str, part: &Part, id: CallId) -> Value {
    let labels = part.labels.union(&Source::Call(id).into());
    let datum = |text: &str| Value::labelled(Datum::Text(text.to_owned()), labels.clone());
    let path = part.path.as_deref().map_or_else(Value::none, datum);
    let fields = BTreeMap::from([
        ("about".to_owned(), Value::text(field)),
        ("text".to_owned(), datum(text)),
        ("source".to_owned(), datum(&part.title)),
        ("path".to_owned(), path),
    ]);
    Value::labelled(Datum::Record { kind: system::FACT.to_owned(), fields }, labels)
}

/// Whether the words of a fact stand in its source, up to spacing, case and punctuation.
fn is_grounded(fact: &str, source: &str) -> bool {
    let source: BTreeSet<String> = words(source).collect();
    let (mut all, mut found) = (0, 0);
    for word in words(fact) {
        all += 1;
        found += usize::from(source.contains(&word));
    }
    all > 0 && found * 100 >= all * GROUNDED_PERCENT
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn fields_of(order: &Order) -> Result<Vec<String>, Failure> {
    let items = order.arguments.get("fields").and_then(Json::as_array).into_iter().flatten();
    let mut fields: Vec<String> = Vec::new();
    for field in items.filter_map(Json::as_str).map(str::trim) {
        if field.is_empty() || field.chars().count() > FIELD_CHARS {
            return Err(Failure::new(ErrorCode::InvalidInput, "a field to look for is empty or too long")
                .try_next(format!("Name each field in a few words, at most {FIELD_CHARS} characters")));
        }
        if !fields.iter().any(|known| known == field) {
            fields.push(field.to_owned());
        }
    }
    if fields.is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "extract has no field to look for"));
    }
    if fields.len() > EXTRACT_FIELDS {
        return Err(too_large("extract has too many fields", "EXTRACT_FIELDS", EXTRACT_FIELDS));
    }
    Ok(fields)
}

/// The records of a value, each with what the model gets to see of it.
fn parts_of(value: &Value, catalog: &Catalog, chars: usize) -> Vec<Part> {
    parts_with(value, catalog, chars, |_| true)
}

/// Whether a field of a record may hold free text. What a record tells of itself in a field of its own, a mail its date, the plan
/// has without reading, and it would be taken for what the text states.
fn is_prose(field: &str) -> bool {
    const OWN: [&str; 11] = ["id", "uid", "path", "url", "date", "start", "end", "changed", "bytes", "kind", "score"];
    !OWN.contains(&field)
}

/// As [`parts_of`], of records only the fields that are `shown`.
fn parts_with(value: &Value, catalog: &Catalog, chars: usize, shown: fn(&str) -> bool) -> Vec<Part> {
    match &value.datum {
        Datum::None => Vec::new(),
        Datum::List(items) => items.iter().flat_map(|item| parts_with(item, catalog, chars, shown)).collect(),
        Datum::Record { kind, fields } => {
            let record = catalog.records.get(kind);
            let text_of = |name: &Option<String>| {
                name.as_ref().and_then(|name| fields.get(name)).map(render::line).filter(|text| !text.is_empty())
            };
            let title = record.and_then(|record| text_of(&record.title)).unwrap_or_else(|| render::line(value));
            let path = record.and_then(|record| text_of(&record.origin));
            let text = fields.iter().filter(|(name, field)| field.datum != Datum::None && shown(name));
            let text: Vec<String> = text.map(|(name, field)| format!("{name}: {}", render::value(field))).collect();
            vec![part(title, path, cut_to(&text.join("\n"), chars), value)]
        }
        _ => {
            let text = render::value(value);
            let is_blank = text.trim().is_empty();
            if is_blank { Vec::new() } else { vec![part("text".to_owned(), None, cut_to(&text, chars), value)] }
        }
    }
}

/// The text that is to be changed, whole, and no longer than the limit of this name.
fn text_to_change(value: &Value, name: &str, limit: usize) -> Result<Part, Failure> {
    let Datum::Text(text) = &value.datum else {
        return Err(Failure::new(ErrorCode::InvalidInput, "only a text can be changed")
            .try_next("Read the file or take a field of the record first"));
    };
    if text.trim().is_empty() {
        return Err(Failure::new(ErrorCode::InvalidInput, "there is no text to change"));
    }
    if text.chars().count() > limit {
        return Err(too_large("the text is too long to be changed by the model", name, limit)
            .try_next("Replace the piece that shall change, or split the text"));
    }
    Ok(part("text".to_owned(), None, (text.clone(), None), value))
}

/// The new text: not one that was cut off, without a fence that the old one did not have, and with an end of line
/// where the old one had it.
fn rewritten(reply: InferReply, old: &str) -> Result<String, Failure> {
    if reply.finish != Finish::Stop {
        return Err(cut_off());
    }
    let is_fenced = reply.text.trim_start().starts_with(FENCE) && !old.contains(FENCE);
    let inner = reply.text.trim().trim_start_matches(FENCE).trim_end_matches(FENCE);
    let text = match inner.split_once('\n') {
        Some((_, rest)) if is_fenced => rest,
        _ => reply.text.as_str(),
    };
    let text = text.trim_end();
    if text.trim().is_empty() {
        return Err(Failure::new(ErrorCode::ModelFailed, "the model gave no new text"));
    }
    Ok(format!("{text}{}", if old.ends_with('\n') { "\n" } else { "" }))
}

fn cut_off() -> Failure {
    Failure::new(ErrorCode::ModelFailed, "the new text was cut off before its end")
        .try_next("Replace the piece that shall change, or split the text")
}

/// A text that was cut off, up to the end of its last whole sentence or line.
fn whole_sentences(text: &str) -> String {
    let ends = text.match_indices(['.', '!', '?', '\n']).map(|(place, mark)| place + mark.len());
    let mut ends = ends.filter(|end| text[*end..].starts_with(char::is_whitespace) || text[..*end].ends_with('\n'));
    ends.next_back().map_or(text, |end| &text[..end]).trim_end().to_owned()
}

/// What stands around code in Markdown.
const FENCE: &str = "```";

/// All parts as one, for a summary of the whole.
fn whole(parts: Vec<Part>) -> Vec<Part> {
    let share = SUMMARY_CHARS / parts.len().max(1);
    let mut parts = parts.into_iter();
    let Some(mut all) = parts.next() else { return Vec::new() };
    let rest: Vec<Part> = parts.collect();
    if rest.is_empty() {
        return vec![all];
    }
    let mut left_out = 0;
    let mut read = |part: &Part| {
        let text = cut_to(&part.text, share).0;
        left_out += part.whole_chars.unwrap_or_else(|| part.text.chars().count()) - text.chars().count();
        format!("{}\n{text}", part.title)
    };
    all.text = read(&all);
    for part in rest {
        all.text.push_str("\n\n");
        all.text.push_str(&read(&part));
        all.labels.join(&part.labels);
    }
    all.whole_chars = (left_out > 0).then(|| all.text.chars().count() + left_out);
    vec![all]
}

fn part(title: String, path: Option<String>, (text, whole_chars): (String, Option<usize>), value: &Value) -> Part {
    Part { title, path, text, whole_chars, labels: value.deep_labels(), outcome: None }
}

/// The beginning of a text; where that is not all, with the letters of the whole.
fn cut_to(text: &str, chars: usize) -> (String, Option<usize>) {
    match text.char_indices().nth(chars) {
        Some((end, _)) => (text[..end].to_owned(), Some(text.chars().count())),
        None => (text.to_owned(), None),
    }
}

/// Where a text that was cut off ends, if what could be the beginning of a longer value is left out: the last word, which may
/// be half of one, and as many before it as a date has.
fn last_whole_words(text: &str) -> usize {
    let spaces = text.char_indices().rev().filter(|(_, letter)| letter.is_whitespace());
    spaces.map(|(place, _)| place).nth(VALUE_WORDS).unwrap_or_default()
}

fn is_part_of(origin: &Origin, id: CallId) -> bool {
    matches!(origin, Origin::Reading { reading, .. } if *reading == id)
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferUsage};

    use std::collections::BTreeMap;

    use genoa_abi::schema::Catalog;
    use genoa_abi::{Datum, Value};

    use super::{is_prose, last_whole_words, parts_of, parts_with, rewritten, whole, whole_sentences};

    #[test]
    fn what_is_left_out_of_a_text_is_counted() {
        let of = |texts: &[usize]| {
            let texts = texts.iter().map(|letters| Value::text("x".repeat(*letters))).collect();
            whole(parts_of(&Value::from(Datum::List(texts)), &Catalog::default(), 6_000))
                .remove(0)
                .fragment(6_000)
                .left_out
        };
        assert_eq!(of(&[6_000]), None);
        assert_eq!(of(&[7_000]).as_deref(), Some("1000 of 7000 letters"));
        assert_eq!(of(&[2_000, 3_000]), None);
        // Titles, and the space between, are read as well.
        assert_eq!(of(&[2_000, 9_000]).as_deref(), Some("6000 of 11012 letters"));
    }

    #[test]
    fn values_are_read_out_of_the_free_text_of_a_record_and_not_of_its_own_fields() {
        let fields =
            [("date", "2026-11-25T07:20:00+00:00"), ("id", "<4@x>"), ("subject", "Demo"), ("text", "On 26 November")];
        let fields: BTreeMap<_, _> = fields.map(|(name, value)| (name.to_owned(), Value::text(value))).into();
        let mail = Value::from(Datum::List(vec![Datum::Record { kind: "Mail".into(), fields }.into()]));
        let text = |parts: Vec<super::Part>| parts[0].text.clone();
        assert_eq!(text(parts_with(&mail, &Catalog::default(), 1000, is_prose)), "subject: Demo\ntext: On 26 November");
        assert!(text(parts_of(&mail, &Catalog::default(), 1000)).contains("date: 2026-11-25"));
    }

    #[test]
    fn a_value_is_not_cut_in_two() {
        let text = "one two three four five six seven eight nine 1,2";
        assert_eq!(&text[..last_whole_words(text)], "one");
        assert_eq!(last_whole_words(&"9".repeat(100)), 0);
    }

    fn reply(text: &str, finish: Finish) -> InferReply {
        InferReply {
            text: text.into(),
            finish,
            usage: InferUsage::default(),
            model: "m".into(),
            alternatives: vec![],
            tokens: vec![],
        }
    }

    #[test]
    fn a_summary_that_was_cut_off_ends_with_a_sentence() {
        assert_eq!(whole_sentences("It is 3.5 m. They agree! And the"), "It is 3.5 m. They agree!");
        assert_eq!(whole_sentences("- one\n- two and"), "- one");
        assert_eq!(whole_sentences("no end at all"), "no end at all");
    }

    #[test]
    fn a_new_text_is_whole_and_plain() {
        let new = |text: &str, old: &str| rewritten(reply(text, Finish::Stop), old).unwrap();
        assert_eq!(new("a\nb", "a\n"), "a\nb\n");
        assert_eq!(new("```sh\necho\n```", "ls"), "echo");
        assert_eq!(new("```\nx\n```", "```\ny\n```"), "```\nx\n```");
        assert!(rewritten(reply("a", Finish::Length), "a").is_err());
        assert!(rewritten(reply(" \n", Finish::Stop), "a").is_err());
    }
}
