//! A tool's phrase filled in: one call in plain words.

use std::collections::BTreeMap;

use genoa_abi::schema::{Catalog, ToolSchema, Type};
use genoa_abi::{Datum, Value};

use crate::coerce::title_of;
use crate::types::innermost;

/// The longest a single value is shown, in characters.
const VALUE_CHARACTERS: usize = 60;
/// Elements of a list that are shown.
const SHOWN_ITEMS: usize = 4;
/// The longest sentence, in characters.
const SENTENCE_CHARACTERS: usize = 400;

/// Words that belong to the value after them, and go when it is not given.
const LINKING_WORDS: [&str; 26] = [
    "about", "after", "and", "as", "at", "before", "below", "between", "by", "called", "for", "from", "in", "into",
    "matching", "named", "of", "on", "since", "titled", "to", "under", "until", "when", "with", "within",
];

/// First words of times that need no "on" or "at" before them.
const SELF_LINKING_WORDS: [&str; 15] = [
    "after",
    "before",
    "between",
    "by",
    "from",
    "in",
    "last",
    "next",
    "now",
    "since",
    "this",
    "today",
    "tomorrow",
    "until",
    "yesterday",
];

/// The sentence of one call with its actual values.
pub(crate) fn sentence(tool: &str, arguments: &BTreeMap<String, Value>, catalog: &Catalog) -> String {
    let schema = catalog.tools.get(tool);
    let given = arguments.iter().filter(|(_, value)| value.datum != Datum::None);
    let shown = given.map(|(name, value)| {
        let ty = schema.and_then(|schema| schema.parameter(name)).map(|parameter| &parameter.ty);
        (name.clone(), value_words(value, ty, catalog))
    });
    fill(tool, schema, &shown.collect())
}

/// Fills the phrase with words for the arguments. What the phrase does not mention is added in brackets.
pub(crate) fn fill(tool: &str, schema: Option<&ToolSchema>, words: &BTreeMap<String, String>) -> String {
    let phrase = schema.map(|schema| schema.phrase.as_str()).filter(|phrase| !phrase.is_empty()).unwrap_or(tool);
    let mut sentence: Vec<String> = Vec::new();
    let mut mentioned: Vec<&str> = Vec::new();
    // Words before this place belong to a value that is given.
    let mut settled = 0;
    for word in phrase.split_whitespace() {
        let Some((before, name, after)) = placeholder(word) else {
            sentence.push(word.to_owned());
            continue;
        };
        mentioned.push(name);
        match words.get(name) {
            Some(value) => {
                let links_itself = value.split(' ').next().is_some_and(|first| SELF_LINKING_WORDS.contains(&first));
                if links_itself && sentence.last().is_some_and(|last| matches!(last.as_str(), "on" | "at")) {
                    sentence.pop();
                }
                sentence.push(format!("{before}{value}{after}"));
                settled = sentence.len();
            }
            None => drop_link(&mut sentence, settled),
        }
    }
    let rest: Vec<String> = words
        .iter()
        .filter(|(name, _)| !mentioned.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let mut sentence = sentence.join(" ");
    if !rest.is_empty() {
        sentence = format!("{sentence} ({})", rest.join(", "));
    }
    shorten(&sentence, SENTENCE_CHARACTERS)
}

/// Takes back the words that lead to a value that is not given: "about", "of kind".
fn drop_link(sentence: &mut Vec<String>, settled: usize) {
    let is_link = |word: &String| LINKING_WORDS.contains(&word.as_str());
    let near = sentence.len().saturating_sub(2).max(settled);
    if let Some(link) = sentence[near..].iter().position(is_link) {
        sentence.truncate(near + link);
    }
}

/// Text as it is quoted for people.
pub(crate) fn quoted(text: &str) -> String {
    format!("“{}”", shorten(&one_line(text), VALUE_CHARACTERS))
}

/// A value in words: text in quotes, times and paths as they are, records by their title.
fn value_words(value: &Value, ty: Option<&Type>, catalog: &Catalog) -> String {
    let is_plain = ty.is_some_and(|ty| matches!(innermost(ty), Type::Time | Type::Path | Type::Choice(_)));
    match &value.datum {
        Datum::Text(text) if !is_plain => quoted(text),
        Datum::Text(text) => shorten(&one_line(text), VALUE_CHARACTERS),
        Datum::List(items) => {
            let mut words: Vec<String> =
                items.iter().take(SHOWN_ITEMS).map(|item| value_words(item, ty, catalog)).collect();
            if items.len() > SHOWN_ITEMS {
                words.push(format!("{} more", items.len() - SHOWN_ITEMS));
            }
            if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
        }
        Datum::Record { fields, .. } if ty == Some(&Type::Fields) => {
            let word = |word: &Value| crate::operators::shown(word);
            fields_in_words(fields.iter().map(|(name, field)| (name.as_str(), word(field))))
        }
        _ => shorten(&one_line(&title_of(value, catalog)), VALUE_CHARACTERS),
    }
}

/// `“total” (number), “paid on” (date)`
pub(crate) fn fields_in_words<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> String {
    let words: Vec<String> =
        fields.map(|(name, word)| format!("{} ({word})", quoted(&name.replace('_', " ")))).collect();
    words.join(", ")
}

/// The `{name}` in a word, with what stands before and after it.
fn placeholder(word: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = word.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

fn one_line(text: &str) -> String {
    text.split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `most` characters, the last an ellipsis if something is missing.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use genoa_abi::schema::{EffectClass, Executor, Needs, ToolSchema, Type, Yields};

    use super::fill;

    #[test]
    fn what_is_given_is_told_whatever_is_not() {
        let schema = ToolSchema {
            name: "mail.find".into(),
            about: String::new(),
            parameters: vec![],
            returns: Type::None,
            yields: Yields::default(),
            effect: EffectClass::Observe,
            executor: Executor::Jail,
            needs: Needs::default(),
            phrase: "Find mails about {about} from {sender} {when}".into(),
            asked_by: vec![],
            ruled_out_by: vec![],
            undone_by: None,
            at_once: false,
        };
        let told = |words: &[(&str, &str)]| {
            let words: BTreeMap<_, _> = words.iter().map(|(name, word)| ((*name).into(), (*word).into())).collect();
            fill("mail.find", Some(&schema), &words)
        };
        assert_eq!(told(&[("sender", "Ada")]), "Find mails from Ada");
        assert_eq!(told(&[("about", "x"), ("sender", "Ada")]), "Find mails about x from Ada");
        assert_eq!(told(&[("about", "x"), ("when", "today")]), "Find mails about x today");
        assert_eq!(told(&[]), "Find mails");
    }
}
