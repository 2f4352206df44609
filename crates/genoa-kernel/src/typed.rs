//! `extract` with typed fields: code finds what a text states, the model chooses among it, and the text has the last word.

use std::collections::BTreeMap;

use genoa_abi::model::InferRequest;
use genoa_abi::tool::Clock;
use genoa_abi::{Datum, Failure, Labels, Value};
use genoa_plan::{ENTRY, ENTRY_SOURCE, FieldKind, TypedField, answer_grammar, chosen, has_choice, typed_fields};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::calls::Order;
use crate::prompts;
use crate::render;

/// The fields that are read, out of what, and when: dates without a year are the next ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Form {
    fields: Vec<TypedField>,
    /// One record for each part, not one of all.
    of_each: bool,
    clock: Clock,
}

/// One part, and what the model answered about it.
pub(crate) struct Read<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) answer: &'a str,
    pub(crate) labels: Labels,
}

impl Form {
    /// The form that a call asks to fill in; nothing where it asks for sentences.
    pub(crate) fn of(order: &Order, source: &Value, clock: Clock) -> Result<Option<Self>, Failure> {
        let Some(Json::Object(object)) = order.arguments.get("fields") else { return Ok(None) };
        let fields = typed_fields(object)?;
        Ok(Some(Self { fields, of_each: matches!(source.datum, Datum::List(_)), clock }))
    }

    /// Whether there is something in this text that the model could choose.
    pub(crate) fn has_choice(&self, text: &str) -> bool {
        has_choice(&self.fields, text, &self.clock)
    }

    /// What the model is asked about one text.
    pub(crate) fn request(&self, title: &str, text: &str) -> InferRequest {
        let lines: Vec<String> =
            self.fields.iter().map(|field| format!("{}: {}", field.name, words_for(field))).collect();
        prompts::fill(title, text, &lines, answer_grammar(&self.fields, text, &self.clock))
    }

    /// What there is where nothing is to be read.
    pub(crate) fn nothing(&self) -> Value {
        if self.of_each { Datum::List(Vec::new()).into() } else { self.record(BTreeMap::new(), None, &Labels::none()) }
    }

    /// The records, and what came out in a few words.
    pub(crate) fn filled(&self, read: &[Read<'_>], all: &Labels) -> (Value, Vec<String>) {
        let (mut entries, mut dropped, mut stated) = (Vec::new(), 0, 0);
        let mut missing: BTreeMap<&str, usize> = BTreeMap::new();
        for part in read {
            let (values, invented) = chosen(part.answer, &self.fields, part.text, &self.clock);
            dropped += invented;
            for field in &self.fields {
                let is_there = values.get(&field.name).is_some_and(is_something);
                stated += usize::from(is_there);
                *missing.entry(field.name.as_str()).or_default() += usize::from(!is_there);
            }
            let title = self.of_each.then_some(part.title);
            entries.push(self.record(values, title, &part.labels));
        }
        let mut notes =
            vec![format!("{} from {}", render::plural(stated, "value"), render::plural(read.len(), "source"))];
        let missing = missing.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| match read.len() {
            1 => name.replace('_', " "),
            _ => format!("{} ({count})", name.replace('_', " ")),
        });
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            notes.push(format!("not stated: {}", missing.join(", ")));
        }
        if dropped > 0 {
            notes.push(format!("{dropped} dropped because the source does not say so"));
        }
        if self.of_each {
            return (Value::labelled(Datum::List(entries), all.clone()), notes);
        }
        let one = entries.into_iter().next();
        (one.unwrap_or_else(|| self.record(BTreeMap::new(), None, all)), notes)
    }

    fn record(&self, mut values: BTreeMap<String, Datum>, title: Option<&str>, labels: &Labels) -> Value {
        let labelled = |datum: Datum| {
            let mut value = Value::labelled(datum, Labels::none());
            value.join_labels(labels);
            value
        };
        let empty = |field: &TypedField| if field.several { Datum::List(Vec::new()) } else { Datum::None };
        let fields = self.fields.iter().map(|field| {
            let datum = values.remove(&field.name).unwrap_or_else(|| empty(field));
            (field.name.clone(), labelled(datum))
        });
        let mut fields: BTreeMap<String, Value> = fields.collect();
        if let Some(title) = title {
            fields.entry(ENTRY_SOURCE.to_owned()).or_insert_with(|| labelled(Datum::Text(title.to_owned())));
        }
        Value::labelled(Datum::Record { kind: ENTRY.to_owned(), fields }, labels.clone())
    }
}

fn is_something(value: &Datum) -> bool {
    match value {
        Datum::None => false,
        Datum::List(items) => !items.is_empty(),
        _ => true,
    }
}

/// What the model is told that a field is.
fn words_for(field: &TypedField) -> &'static str {
    match (field.kind, field.several) {
        (FieldKind::Text, false) => "words of the text",
        (FieldKind::Number, false) => "a number",
        (FieldKind::Date, false) => "a date",
        (FieldKind::Email, false) => "a mail address",
        (FieldKind::Url, false) => "the address of a page",
        (FieldKind::Path, false) => "the name of a file",
        (FieldKind::YesNo, _) => "true or false",
        (FieldKind::Text, true) => "a list of words of the text",
        (FieldKind::Number, true) => "a list of numbers",
        (FieldKind::Date, true) => "a list of dates",
        (FieldKind::Email, true) => "a list of mail addresses",
        (FieldKind::Url, true) => "a list of addresses of pages",
        (FieldKind::Path, true) => "a list of names of files",
    }
}
