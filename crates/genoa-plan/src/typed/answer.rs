//! What a model may answer about one text, and what its answer comes to.

use std::collections::BTreeMap;

use genoa_abi::Datum;
use genoa_abi::limits::EXTRACT_CANDIDATES;
use genoa_abi::tool::Clock;
use serde_json::{Value as Json, json};

use super::fields::{FieldKind, TypedField};
use super::signs::{is_hidden, spaced};
use super::stated::{Stated, TEXT_CHARS, is_blank, stands_in, stated};
use crate::grammar::literal;

/// Values of one field of which several are wanted.
const VALUES: usize = 30;

/// Whether there is anything to choose: a text in which code finds nothing that a field could be need not be read.
#[must_use]
pub fn has_choice(fields: &[TypedField], text: &str, clock: &Clock) -> bool {
    fields.iter().any(|field| match field.kind {
        FieldKind::Text | FieldKind::YesNo => !text.trim().is_empty(),
        kind => !stated(kind, text, clock).is_empty(),
    })
}

/// The grammar of the answer, in the Lark dialect of `llguidance`: a JSON object with, for each field, what the text states
/// of that kind, or null.
#[must_use]
pub fn answer_grammar(fields: &[TypedField], text: &str, clock: &Clock) -> String {
    let mut rules: BTreeMap<FieldKind, String> = BTreeMap::new();
    let mut members = Vec::with_capacity(fields.len());
    for field in fields {
        let value = rule_name(field.kind);
        let has_rule = rules.contains_key(&field.kind) || {
            let rule = value_rule(field.kind, text, clock);
            rule.is_some_and(|rule| rules.insert(field.kind, rule).is_none())
        };
        let choice = match (has_rule, field.several) {
            (true, true) => format!("\"[\" ({value} (\", \" {value}){{0,{}}})? \"]\"", VALUES - 1),
            (true, false) => format!("({value} | \"null\")"),
            (false, true) => "\"[]\"".to_owned(),
            (false, false) => "\"null\"".to_owned(),
        };
        members.push(format!("{} {choice}", literal(&format!("{}: ", json!(field.name)))));
    }
    let mut grammar = format!("start: \"{{\" {} \"}}\"\n", members.join(" \", \" "));
    rules.into_values().for_each(|rule| grammar.push_str(&rule));
    grammar
}

fn rule_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Number => "number",
        FieldKind::Date => "date",
        FieldKind::Email => "email",
        FieldKind::Url => "url",
        FieldKind::Path => "path",
        FieldKind::YesNo => "truth",
    }
}

/// The rule for one value, with its line end; nothing where the text states none.
fn value_rule(kind: FieldKind, text: &str, clock: &Clock) -> Option<String> {
    let name = rule_name(kind);
    match kind {
        FieldKind::YesNo => Some(format!("{name}: \"true\" | \"false\"\n")),
        FieldKind::Text => {
            let words = json!(chunks(text));
            let is_empty = words.as_array().is_none_or(Vec::is_empty);
            let rule = format!(
                "{name}: \"\\\"\" WORDS \"\\\"\"\nWORDS: %regex {{ \"substring_chunks\": {words} }} & /.{{1,{TEXT_CHARS}}}/\n"
            );
            (!is_empty).then_some(rule)
        }
        _ => {
            let candidates = stated(kind, text, clock);
            let words: Vec<String> =
                candidates.iter().map(|stated| literal(&json!(stated.words).to_string())).collect();
            (!words.is_empty()).then(|| format!("{name}: {}\n", words.join(" | ")))
        }
    }
}

/// The text cut where its words and signs begin, so that a piece of it begins and ends with them; without what cannot
/// stand in a JSON text as it is.
fn chunks(text: &str) -> Vec<String> {
    let clean: String =
        text.chars().map(|letter| if is_blank(letter) || is_hidden(letter) { ' ' } else { letter }).collect();
    let mut chunks: Vec<String> = Vec::new();
    let mut was_word = false;
    for letter in spaced(&clean).chars() {
        let is_word = letter.is_alphanumeric();
        match chunks.last_mut() {
            Some(last) if is_word && was_word => last.push(letter),
            _ => chunks.push(letter.to_string()),
        }
        was_word = is_word;
    }
    chunks
}

/// What an answer comes to: the values of all fields, None or an empty list where the text states none, and how many the
/// model gave that do not stand in the text. Whatever the answer is, only what stands in the text comes out.
#[must_use]
pub fn chosen(answer: &str, fields: &[TypedField], text: &str, clock: &Clock) -> (BTreeMap<String, Datum>, usize) {
    let given: BTreeMap<String, Json> = serde_json::from_str(answer).unwrap_or_default();
    let mut dropped = 0;
    let mut values = BTreeMap::new();
    for field in fields {
        let candidates = stated(field.kind, text, clock);
        let json = given.get(&field.name).unwrap_or(&Json::Null);
        let mut one = |json: &Json| {
            let value = grounded(field.kind, json, &candidates, text);
            dropped += usize::from(value.is_none() && !is_nothing(json));
            value
        };
        let value = match (field.several, json) {
            (true, Json::Array(items)) => {
                let mut all: Vec<Datum> = Vec::new();
                for value in items.iter().take(EXTRACT_CANDIDATES).filter_map(&mut one) {
                    if !all.contains(&value) {
                        all.push(value);
                    }
                }
                Datum::List(all.into_iter().map(Into::into).collect())
            }
            (true, json) => Datum::List(one(json).into_iter().map(Into::into).collect()),
            (false, json) => one(json).unwrap_or(Datum::None),
        };
        values.insert(field.name.clone(), value);
    }
    (values, dropped)
}

fn is_nothing(json: &Json) -> bool {
    json.is_null() || json.as_str().is_some_and(|text| text.trim().is_empty())
}

fn grounded(kind: FieldKind, json: &Json, candidates: &[Stated], text: &str) -> Option<Datum> {
    match (kind, json) {
        (FieldKind::YesNo, Json::Bool(truth)) => Some(Datum::Bool(*truth)),
        (FieldKind::Text, Json::String(words)) => stands_in(words, text).map(Datum::Text),
        (_, Json::String(words)) => {
            let words = spaced(words);
            candidates.iter().find(|stated| stated.words == words).map(|stated| stated.value.clone())
        }
        _ => None,
    }
}
