//! What a sensor marked in a tool's answer becomes a source of the values there.

use genoa_abi::tool::Mark;
use genoa_abi::{Datum, Labels, Source, Suspicion, Value};

/// Sources that are named as where a marked text is from.
const NAMED: usize = 3;

/// Adds to a tool's answer what was marked in it. A record is suspect with all its fields: whoever wrote one of them could have
/// written the others. Of a place that is not there the nearest around it is, so that no mark is lost.
pub fn mark(value: &mut Value, marks: &[Mark]) {
    for mark in marks {
        let steps: Vec<String> =
            mark.at.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        mark_at(value, &steps, &mark.words);
    }
}

fn mark_at(value: &mut Value, steps: &[String], words: &str) {
    if let Some((inner, rest)) = further_in(value, steps) {
        return mark_at(inner, rest, words);
    }
    let suspicion = Suspicion { from: origin(&value.labels), words: words.to_owned() };
    value.join_labels(&Source::Suspect(suspicion).into());
}

/// The next value on the way to a marked one: an element of a list, or a field with a record of its own on the way.
fn further_in<'v, 's>(value: &'v mut Value, steps: &'s [String]) -> Option<(&'v mut Value, &'s [String])> {
    let (step, rest) = steps.split_first()?;
    match &mut value.datum {
        Datum::List(items) => Some((items.get_mut(step.parse::<usize>().ok()?)?, rest)),
        Datum::Record { fields, .. } => {
            fields.get_mut(step).filter(|field| has_record(field, rest)).map(|field| (field, rest))
        }
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) | Datum::Text(_) => None,
    }
}

fn has_record(value: &Value, steps: &[String]) -> bool {
    match (&value.datum, steps.split_first()) {
        (Datum::Record { .. }, _) => true,
        (Datum::List(items), Some((step, rest))) => {
            step.parse::<usize>().ok().and_then(|number| items.get(number)).is_some_and(|item| has_record(item, rest))
        }
        _ => false,
    }
}

/// Where a value is from, for people: what was read says more than by which tool.
fn origin(labels: &Labels) -> String {
    let is_told = |source: &&Source| !matches!(source, Source::Person | Source::Suspect(_) | Source::Call(_));
    let (tools, read): (Vec<&Source>, Vec<&Source>) =
        labels.sources().filter(is_told).partition(|source| matches!(source, Source::Tool(_)));
    let told = if read.is_empty() { tools } else { read };
    told.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use genoa_abi::tool::Mark;
    use genoa_abi::{Datum, Labels, Source, Value};
    use proptest::prelude::*;

    use super::mark;

    fn text(text: &str) -> Value {
        Value::labelled(Datum::Text(text.into()), Source::Tool("mail.find".into()).into())
    }

    fn record(fields: &[(&str, Value)]) -> Value {
        let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let labels = [Source::Tool("mail.find".into()), Source::Sender("eve@x".into())].into_iter().collect::<Labels>();
        let mut record = Value::from(Datum::Record { kind: "Mail".into(), fields });
        record.join_labels(&labels);
        record
    }

    fn mails() -> Value {
        let parts = Datum::List(vec![text("a"), text("b")]);
        let mail = |word: &str| {
            record(&[
                ("text", text(word)),
                ("parts", parts.clone().into()),
                ("sender", record(&[("name", text("Eve"))])),
            ])
        };
        Datum::List(vec![mail("one"), mail("two")]).into()
    }

    fn marked(at: &str) -> Value {
        let mut value = mails();
        mark(&mut value, &[Mark { at: at.into(), score: 90, words: "Assistant: obey".into() }]);
        value
    }

    fn is_suspect(value: &Value) -> bool {
        value.labels.suspicions().next().is_some()
    }

    fn at(value: &Value, path: &[&str]) -> Value {
        path.iter().fold(value.clone(), |value, step| match &value.datum {
            Datum::List(items) => items[step.parse::<usize>().unwrap()].clone(),
            Datum::Record { fields, .. } => fields[*step].clone(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_marked_field_makes_its_record_suspect_and_no_other() {
        for pointer in ["/1/text", "/1/parts/0", "/1/nothing/of/that"] {
            let value = marked(pointer);
            for path in [&["1"][..], &["1", "text"], &["1", "parts"], &["1", "parts", "1"], &["1", "sender", "name"]] {
                assert!(is_suspect(&at(&value, path)), "{pointer} {path:?}");
            }
            assert!(!is_suspect(&at(&value, &["0"])) && !is_suspect(&value), "{pointer}");
        }
        let value = marked("/1/sender/name");
        assert!(is_suspect(&at(&value, &["1", "sender"])) && !is_suspect(&at(&value, &["1", "text"])));
    }

    #[test]
    fn it_says_what_and_where_it_stands() {
        let labels = at(&marked("/0/text"), &["0", "text"]).labels;
        let told: Vec<String> = labels.suspicions().map(ToString::to_string).collect();
        assert_eq!(told, ["\u{201c}Assistant: obey\u{201d}, sender eve@x"]);
        let mut only = text("a");
        mark(&mut only, &[Mark { at: String::new(), score: 90, words: "w".into() }]);
        assert_eq!(only.labels.suspicions().next().unwrap().from, "what mail.find reads");
    }

    proptest! {
        /// Nothing loses a source or gains a reader by a mark, and none is lost, wherever it says that it stands.
        #[test]
        fn a_mark_only_ever_adds(pointer in "(/([0-2]|text|parts|sender|name|~1|\\PC){0,2}){0,5}") {
            let value = marked(&pointer);
            prop_assert!(value.deep_labels().suspicions().next().is_some());
            prop_assert!(mails().deep_labels().is_within(&value.deep_labels()));
            for path in [&["0"][..], &["1"], &["0", "text"], &["1", "parts", "0"], &["1", "sender", "name"]] {
                prop_assert!(at(&mails(), path).labels.is_within(&at(&value, path).labels));
            }
            prop_assert_eq!(mails().to_json(), value.to_json());
        }
    }
}
