//! The values and labels of the oracle, without a line of the product's.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::schema::{Catalog, Type};
use serde_json::{Value as Json, json};

/// Which calls of the run could have influenced something, by their place in the order of calls, and who may read it
/// (nothing: anyone).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Label {
    pub(crate) calls: BTreeSet<usize>,
    pub(crate) readers: Option<BTreeSet<String>>,
}

impl Label {
    /// Both together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let calls = self.calls.union(&other.calls).copied().collect();
        let readers = match (&self.readers, &other.readers) {
            (Some(ours), Some(theirs)) => Some(ours.intersection(theirs).cloned().collect()),
            (Some(some), None) | (None, Some(some)) => Some(some.clone()),
            (None, None) => None,
        };
        Self { calls, readers }
    }
}

/// Data with a label at every leaf, and one for the shape of every container.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Naive {
    pub(crate) data: Data,
    pub(crate) label: Label,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    None,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(String),
    List(Vec<Naive>),
    Record(String, BTreeMap<String, Naive>),
}

impl Naive {
    pub(crate) fn of(data: Data, label: Label) -> Self {
        Self { data, label }
    }

    pub(crate) fn constant(data: Data) -> Self {
        Self::of(data, Label::default())
    }

    pub(crate) fn also(mut self, label: &Label) -> Self {
        self.label = self.label.and(label);
        self
    }

    /// The label of the whole.
    pub(crate) fn deep(&self) -> Label {
        let inner: Vec<&Self> = match &self.data {
            Data::List(items) => items.iter().collect(),
            Data::Record(_, fields) => fields.values().collect(),
            _ => Vec::new(),
        };
        inner.into_iter().fold(self.label.clone(), |all, part| all.and(&part.deep()))
    }

    pub(crate) fn is_true(&self) -> bool {
        match &self.data {
            Data::None => false,
            Data::Bool(truth) => *truth,
            Data::Int(number) => *number != 0,
            Data::Number(number) => *number != 0.0,
            Data::Text(text) => !text.is_empty(),
            Data::List(items) => !items.is_empty(),
            Data::Record(..) => true,
        }
    }

    pub(crate) fn shown(&self) -> String {
        match &self.data {
            Data::None => "nothing".into(),
            Data::Bool(truth) => if *truth { "yes" } else { "no" }.into(),
            Data::Int(number) => format!("{number}"),
            Data::Number(number) => format!("{number}"),
            Data::Text(text) => text.clone(),
            Data::List(items) => items.iter().map(Self::shown).collect::<Vec<_>>().join(", "),
            Data::Record(_, fields) => {
                for name in ["title", "subject", "name"] {
                    if let Some(field) = fields.get(name) {
                        return field.shown();
                    }
                }
                fields.iter().map(|(name, field)| format!("{name}: {}", field.shown())).collect::<Vec<_>>().join("; ")
            }
        }
    }

    pub(crate) fn to_json(&self) -> Json {
        match &self.data {
            Data::None => Json::Null,
            Data::Bool(truth) => json!(truth),
            Data::Int(number) => json!(number),
            Data::Number(number) => json!(number),
            Data::Text(text) => json!(text),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Record(_, fields) => fields.iter().map(|(name, field)| (name.clone(), field.to_json())).collect(),
        }
    }

    /// A tool's answer, which fits its type: every leaf is from this call, and for the person alone until a record names those
    /// who have it.
    pub(crate) fn answer(ty: &Type, json: &Json, catalog: &Catalog, call: usize) -> Self {
        let label = Label { calls: [call].into(), readers: Some(BTreeSet::new()) };
        read(ty, json, catalog, &label)
    }
}

fn read(ty: &Type, json: &Json, catalog: &Catalog, label: &Label) -> Naive {
    let data = match (ty, json) {
        (Type::Optional(inner), json) if !json.is_null() => return read(inner, json, catalog, label),
        (Type::Record(name), Json::Object(object)) => {
            let Some(record) = catalog.records.get(name) else { return Naive::of(Data::None, label.clone()) };
            let mut label = label.clone();
            if !record.readers.is_empty() && label.readers == Some(BTreeSet::new()) {
                let named = record.readers.iter().filter_map(|field| object.get(field));
                let addresses = named.flat_map(|json| match json {
                    Json::Array(items) => items.clone(),
                    other => vec![other.clone()],
                });
                label.readers = Some(addresses.filter_map(|json| Some(json.as_str()?.to_lowercase())).collect());
            }
            let null = Json::Null;
            let field = |name: &String| object.get(name).unwrap_or(&null);
            let fields =
                record.fields.iter().map(|one| (one.name.clone(), read(&one.ty, field(&one.name), catalog, &label)));
            return Naive::of(Data::Record(name.clone(), fields.collect()), label);
        }
        (Type::List(inner), Json::Array(items)) => {
            let items: Vec<Naive> = items.iter().map(|item| read(inner, item, catalog, label)).collect();
            // Who has every element has the list.
            let mut shape = label.clone();
            if let Some(first) = items.first() {
                shape.readers = items.iter().fold(first.label.clone(), |all, item| all.and(&item.label)).readers;
            }
            return Naive::of(Data::List(items), shape);
        }
        (Type::Int, json) => json.as_i64().map_or(Data::None, Data::Int),
        (Type::Number, json) => json.as_f64().map_or(Data::None, Data::Number),
        (_, Json::Bool(truth)) => Data::Bool(*truth),
        (_, Json::String(text)) => Data::Text(text.clone()),
        _ => Data::None,
    };
    Naive::of(data, label.clone())
}
