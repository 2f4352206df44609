//! The values that plans compute with.
//!
//! Every value, down to the single field of a record in a list, carries its own [`Labels`]. At the edge to a tool the
//! labels stay behind (tools see plain JSON) and the answer is labelled anew by the kernel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::labels::Labels;

/// Some data together with the record of who could have influenced it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The data.
    pub datum: Datum,
    /// Who could have influenced the data. The labels of the elements are their own; those of a list or a record are
    /// about its shape: which elements are there, and in what order.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// The data of a [`Value`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// Nothing: an absent optional, the result of an action.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction; never NaN or infinite.
    Number(f64),
    /// Text. Paths and time phrases are text as well; their type is the schema's business.
    Text(String),
    /// A finite list.
    List(Vec<Value>),
    /// A record of a type that the catalogue defines.
    Record {
        /// The record type's name.
        kind: String,
        /// Its fields.
        fields: BTreeMap<String, Value>,
    },
}

impl Value {
    /// A value with labels.
    #[must_use]
    pub fn labelled(datum: Datum, labels: Labels) -> Self {
        Self { datum, labels }
    }

    /// Nothing, from nobody.
    #[must_use]
    pub fn none() -> Self {
        Datum::None.into()
    }

    /// Text, from nobody.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Datum::Text(text.into()).into()
    }

    /// All labels of this value and of everything in it: what a sink that takes the whole must look at.
    #[must_use]
    pub fn deep_labels(&self) -> Labels {
        let mut labels = self.labels.clone();
        match &self.datum {
            Datum::List(items) => items.iter().for_each(|item| labels.join(&item.deep_labels())),
            Datum::Record { fields, .. } => fields.values().for_each(|field| labels.join(&field.deep_labels())),
            Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) | Datum::Text(_) => {}
        }
        labels
    }

    /// Adds `labels` to this value and to everything in it.
    pub fn join_labels(&mut self, labels: &Labels) {
        self.labels.join(labels);
        match &mut self.datum {
            Datum::List(items) => items.iter_mut().for_each(|item| item.join_labels(labels)),
            Datum::Record { fields, .. } => fields.values_mut().for_each(|field| field.join_labels(labels)),
            Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) | Datum::Text(_) => {}
        }
    }

    /// The plain JSON form, without labels. A record becomes an object of its fields.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.datum {
            Datum::None => Json::Null,
            Datum::Bool(truth) => Json::Bool(*truth),
            Datum::Int(number) => Json::from(*number),
            Datum::Number(number) => Json::from(*number),
            Datum::Text(text) => Json::String(text.clone()),
            Datum::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Datum::Record { fields, .. } => {
                Json::Object(fields.iter().map(|(name, field)| (name.clone(), field.to_json())).collect())
            }
        }
    }
}

impl From<Datum> for Value {
    fn from(datum: Datum) -> Self {
        Self { datum, labels: Labels::none() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Datum, Value};
    use crate::ids::CallId;
    use crate::labels::{Labels, Source};

    #[test]
    fn deep_labels_reach_the_innermost_field() {
        let title = Value::labelled(Datum::Text("Plan".into()), Source::Call(CallId(4)).into());
        let record =
            Value::from(Datum::Record { kind: "Note".into(), fields: BTreeMap::from([("title".into(), title)]) });
        let mut list = Value::from(Datum::List(vec![record]));
        assert_eq!(list.deep_labels(), Labels::from(Source::Call(CallId(4))));
        list.join_labels(&Source::Person.into());
        assert_eq!(list.deep_labels(), [Source::Person, Source::Call(CallId(4))].into_iter().collect());
        assert_eq!(list.to_json(), serde_json::json!([{"title": "Plan"}]));
    }
}
