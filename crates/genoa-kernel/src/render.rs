//! Values as people read them.

use genoa_abi::{Datum, Value};

/// Fields that stand for a record, in the order of preference.
const TITLES: [&str; 6] = ["title", "subject", "name", "path", "text", "id"];

/// A value in words: text as it is, a list with a line an item, a record by its fields.
pub(crate) fn value(value: &Value) -> String {
    match &value.datum {
        Datum::None => String::new(),
        Datum::Bool(true) => "yes".to_owned(),
        Datum::Bool(false) => "no".to_owned(),
        Datum::Int(number) => number.to_string(),
        Datum::Number(number) => number.to_string(),
        Datum::Text(text) => text.clone(),
        Datum::List(items) if items.is_empty() => "nothing found".to_owned(),
        Datum::List(items) => items.iter().map(|item| format!("- {}", line(item))).collect::<Vec<_>>().join("\n"),
        Datum::Record { fields, .. } => {
            let shown = fields.iter().filter(|(_, field)| field.datum != Datum::None);
            shown.map(|(name, field)| format!("{name}: {}", line(field))).collect::<Vec<_>>().join("\n")
        }
    }
}

/// How much there is: `3 mails`, `text, 120 characters`.
pub(crate) fn count(value: &Value) -> String {
    match &value.datum {
        Datum::None => "done".to_owned(),
        Datum::Text(text) => format!("text, {} characters", text.chars().count()),
        Datum::List(items) => {
            let kind = match items.first().map(|item| &item.datum) {
                Some(Datum::Record { kind, .. }) => kind.to_lowercase(),
                _ => "item".to_owned(),
            };
            plural(items.len(), &kind)
        }
        Datum::Record { kind, .. } => format!("one {}", kind.to_lowercase()),
        Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) => line(value),
    }
}

/// `1 mail`, `3 mails`, `2 entries`, `2 matches`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{count} {stem}ies"),
        _ if noun.ends_with(['s', 'x', 'h']) => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

/// A value on one line.
pub(crate) fn line(of: &Value) -> String {
    match &of.datum {
        Datum::Record { fields, .. } => {
            let title = TITLES.iter().find_map(|name| fields.get(*name)).filter(|field| field.datum != Datum::None);
            title.map_or_else(|| one_line(&of.to_json().to_string()), line)
        }
        Datum::List(items) => items.iter().map(line).collect::<Vec<_>>().join(", "),
        _ => one_line(&value(of)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{count, plural, value};
    use genoa_abi::{Datum, Value};

    #[test]
    fn values_are_said_in_words() {
        assert_eq!(
            [plural(1, "mail"), plural(3, "mail"), plural(2, "entry"), plural(2, "match")].join(" "),
            "1 mail 3 mails 2 entries 2 matches"
        );
        let list = Value::from(Datum::List(vec![Value::text("a\nb"), Datum::Int(3).into()]));
        assert_eq!(value(&list), "- a b\n- 3");
        assert_eq!(count(&list), "2 items");
        assert_eq!(value(&Datum::List(vec![]).into()), "nothing found");
    }
}
