//! The fields that `extract` looks for, each of a type, and the record that they make.

use std::borrow::Cow;

use genoa_abi::limits::EXTRACT_FIELDS;
use genoa_abi::schema::{Catalog, Field, RecordType, Type};
use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::ast::{Expression, ExpressionKind, Statement};
use crate::grammar::is_name;
use crate::lints::each_expression;

/// What the records are called that `extract` gives for typed fields. Further ones of a plan have a number after it.
pub const ENTRY: &str = "Entry";
/// The field of each record of several that says what it was read from.
pub const ENTRY_SOURCE: &str = "source";

/// What a field can be, in the word that a plan has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Words of the text, letter by letter.
    Text,
    /// A number, without its unit.
    Number,
    /// A day, with a time of day if one stands there.
    Date,
    /// A mail address.
    Email,
    /// The address of a page.
    Url,
    /// The name of a file or folder.
    Path,
    /// Whether something is so: the one thing that a model judges, and no text is given out.
    YesNo,
}

/// The words of a plan for a kind, and for several of it.
const WORDS: [(&str, FieldKind, bool); 13] = [
    ("text", FieldKind::Text, false),
    ("number", FieldKind::Number, false),
    ("date", FieldKind::Date, false),
    ("email", FieldKind::Email, false),
    ("url", FieldKind::Url, false),
    ("path", FieldKind::Path, false),
    ("yes/no", FieldKind::YesNo, false),
    ("texts", FieldKind::Text, true),
    ("numbers", FieldKind::Number, true),
    ("dates", FieldKind::Date, true),
    ("emails", FieldKind::Email, true),
    ("urls", FieldKind::Url, true),
    ("paths", FieldKind::Path, true),
];

/// A field that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedField {
    /// Its name, by which the plan reads it.
    pub name: String,
    /// What it is.
    pub kind: FieldKind,
    /// Whether all of them are wanted.
    pub several: bool,
}

impl TypedField {
    /// A field by the words of a plan: `"paid_on": "date"`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(name: &str, word: &str) -> Result<Self, String> {
        if !is_name(name) || name.len() > FIELD_NAME_BYTES {
            return Err(format!("`{}` is no name for a field: letters, digits and `_`", name.escape_debug()));
        }
        let known = WORDS.iter().find(|(known, ..)| *known == word);
        let (_, kind, several) = known.ok_or_else(|| format!("“{word}” is no type of a field"))?;
        Ok(Self { name: name.to_owned(), kind: *kind, several: *several })
    }

    /// What the model is asked for: the name as words.
    #[must_use]
    pub fn question(&self) -> String {
        self.name.replace('_', " ").trim().to_owned()
    }

    /// The word of its type.
    #[must_use]
    pub fn word(&self) -> &'static str {
        let known = WORDS.iter().find(|(_, kind, several)| *kind == self.kind && *several == self.several);
        known.map_or("text", |(word, ..)| word)
    }

    /// The type of the record's field: a text may not state it.
    fn ty(&self) -> Type {
        let one = match self.kind {
            FieldKind::Text | FieldKind::Email | FieldKind::Url => Type::Text,
            FieldKind::Number => Type::Number,
            FieldKind::Date => Type::Time,
            FieldKind::Path => Type::Path,
            FieldKind::YesNo => Type::Bool,
        };
        if self.several { Type::list(one) } else { Type::optional(one) }
    }
}

/// The longest name of a field.
const FIELD_NAME_BYTES: usize = 40;

/// The words for types, in the order in which they are offered.
pub(crate) fn type_words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, ..)| *word)
}

/// The fields of an object of names and types, as a plan or an agent gives it; as in Python, the last of a name holds.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for a name or type that is none, for no fields, and for too many.
pub fn typed_fields(object: &serde_json::Map<String, Json>) -> Result<Vec<TypedField>, Failure> {
    let pairs = object.iter().map(|(name, word)| (name.as_str(), word.as_str().unwrap_or_default()));
    read_all(pairs).map_err(|what| {
        let words: Vec<&str> = type_words().collect();
        Failure::new(ErrorCode::InvalidInput, what).try_next(format!("Types are {}", words.join(", ")))
    })
}

/// The fields of a literal of the plan.
pub(crate) fn literal_fields(pairs: &[(String, String)]) -> Result<Vec<TypedField>, String> {
    read_all(pairs.iter().map(|(name, word)| (name.as_str(), word.as_str())))
}

fn read_all<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<TypedField>, String> {
    let mut fields: Vec<TypedField> = Vec::new();
    for (name, word) in pairs {
        let field = TypedField::read(name, word)?;
        match fields.iter_mut().find(|known| known.name == field.name) {
            Some(known) => *known = field,
            None => fields.push(field),
        }
    }
    match fields.len() {
        0 => Err("there is no field to look for".to_owned()),
        1..=EXTRACT_FIELDS => Ok(fields),
        count => Err(format!("{count} fields are more than EXTRACT_FIELDS ({EXTRACT_FIELDS})")),
    }
}

/// The fields of the record: of one of several also where it is from.
fn record_fields(fields: &[TypedField], of_each: bool) -> Vec<Field> {
    let field = |name: &str, ty: Type| Field { name: name.to_owned(), ty, about: String::new() };
    let mut all: Vec<Field> = fields.iter().map(|wanted| field(&wanted.name, wanted.ty())).collect();
    if of_each && !fields.iter().any(|wanted| wanted.name == ENTRY_SOURCE) {
        all.push(field(ENTRY_SOURCE, Type::Text));
    }
    // The order in which they are written makes no other record.
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The record type of these fields in a catalogue that [`with_entries`] has made.
pub(crate) fn entry_name(fields: &[TypedField], of_each: bool, catalog: &Catalog) -> Option<String> {
    let wanted = record_fields(fields, of_each);
    let is_entry = |name: &str| name.strip_prefix(ENTRY).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let known = catalog.records.values().find(|record| is_entry(&record.name) && record.fields == wanted);
    known.map(|record| record.name.clone())
}

/// The catalogue with the record types that typed fields in these statements make. What one is called depends only on what
/// stands before it, so a plan that goes on keeps the names.
pub(crate) fn with_entries<'c>(statements: &[Statement], catalog: &'c Catalog) -> Cow<'c, Catalog> {
    let mut extended = Cow::Borrowed(catalog);
    each_expression(statements, &mut |expression: &Expression| {
        let ExpressionKind::Fields(pairs) = &expression.kind else { return };
        let Ok(fields) = literal_fields(pairs) else { return };
        for of_each in [false, true] {
            if entry_name(&fields, of_each, &extended).is_none() {
                let catalog = extended.to_mut();
                let name = free_name(catalog);
                let record = RecordType {
                    name: name.clone(),
                    fields: record_fields(&fields, of_each),
                    origin: None,
                    title: None,
                    readers: Vec::new(),
                    look_up: None,
                    read_by: None,
                };
                catalog.records.insert(name, record);
            }
        }
    });
    extended
}

fn free_name(catalog: &Catalog) -> String {
    let names = std::iter::once(ENTRY.to_owned()).chain((2..).map(|number| format!("{ENTRY}{number}")));
    let mut free = names.filter(|name| !catalog.records.contains_key(name));
    free.next().unwrap_or_else(|| ENTRY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{TypedField, literal_fields, type_words};

    #[test]
    fn every_word_of_a_type_is_read_and_written() {
        for word in type_words() {
            assert_eq!(TypedField::read("total", word).unwrap().word(), word);
        }
        for (name, word) in [("to tal", "number"), ("", "date"), ("if", "date"), ("total", "float"), ("total", "")] {
            assert!(TypedField::read(name, word).is_err(), "{name}: {word}");
        }
    }

    #[test]
    fn the_last_of_a_name_holds() {
        let pairs =
            [("a", "number"), ("b", "text"), ("a", "date")].map(|(name, word)| (name.to_owned(), word.to_owned()));
        let fields = literal_fields(&pairs).unwrap();
        assert_eq!(
            fields.iter().map(|field| (field.name.as_str(), field.word())).collect::<Vec<_>>(),
            [("a", "date"), ("b", "text")]
        );
        assert!(literal_fields(&[]).is_err());
        let many: Vec<_> = (0..17).map(|number| (format!("f{number}"), "text".to_owned())).collect();
        assert!(literal_fields(&many).is_err());
    }
}
