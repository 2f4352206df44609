//! Values as people read them.

use std::collections::BTreeMap;

use genoa_abi::{Datum, Value};
use genoa_plan::{ENTRY, ENTRY_SOURCE};

/// Fields that stand for a record, in the order of preference.
const TITLES: [&str; 9] = ["title", "subject", "name", "path", "mount", "message", "unit", "text", "id"];

/// Fields that tell a person nothing.
const SILENT: [&str; 3] = ["id", "uid", "score"];
/// Characters of a field that is shown beside others on one line; of a longer one, this is the beginning.
const FIELD_CHARS: usize = 160;

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
        Datum::List(items) => items.iter().map(|item| format!("- {}", details(item))).collect::<Vec<_>>().join("\n"),
        Datum::Record { kind, fields } if kind == ENTRY => entry(fields).join("\n"),
        Datum::Record { fields, .. } => {
            if let Some(table) = table(fields) {
                return table;
            }
            let shown = fields.iter().filter(|(name, field)| tells(name, field));
            shown.map(|(name, field)| format!("{name}: {}", field_line(name, field))).collect::<Vec<_>>().join("\n")
        }
    }
}

/// A record of `columns` and `rows` as a Markdown table.
fn table(fields: &BTreeMap<String, Value>) -> Option<String> {
    let (Datum::List(columns), Datum::List(rows), 2) =
        (&fields.get("columns")?.datum, &fields.get("rows")?.datum, fields.len())
    else {
        return None;
    };
    let line_of = |cells: &[Value]| {
        let cells: Vec<String> = cells.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines = vec![line_of(columns), format!("|{}", "---|".repeat(columns.len()))];
    for row in rows {
        let Datum::List(cells) = &row.datum else { return None };
        lines.push(line_of(cells));
    }
    Some(lines.join("\n"))
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

/// A record on one line, its title first: `Review (place: Room 4; start: 2026-11-26 10:00)`.
fn details(of: &Value) -> String {
    let Datum::Record { kind, fields } = &of.datum else { return line(of) };
    if kind == ENTRY {
        return entry(fields).join("; ");
    }
    let title = line(of);
    let shown = |(name, field): (&String, &Value)| {
        let text = field_line(name, field);
        let is_shown = tells(name, field) && text != title && !text.is_empty();
        is_shown.then(|| match text.char_indices().nth(FIELD_CHARS) {
            Some((end, _)) => format!("{name}: {}…", &text[..end]),
            None => format!("{name}: {text}"),
        })
    };
    let rest: Vec<String> = fields.iter().filter_map(shown).collect();
    if rest.is_empty() { title } else { format!("{title} ({})", rest.join("; ")) }
}

/// The fields of what was read out of a text, the source first; what the text does not state is told as well.
fn entry(fields: &BTreeMap<String, Value>) -> Vec<String> {
    let is_stated = |field: &Value| match &field.datum {
        Datum::None => false,
        Datum::List(items) => !items.is_empty(),
        _ => true,
    };
    let told = |(name, field): (&String, &Value)| {
        let said = if is_stated(field) { line(field) } else { "not stated".to_owned() };
        format!("{}: {said}", name.replace('_', " "))
    };
    let source = fields.iter().filter(|(name, _)| *name == ENTRY_SOURCE);
    source.chain(fields.iter().filter(|(name, _)| *name != ENTRY_SOURCE)).map(told).collect()
}

/// A field on one line; sizes in units that people use.
fn field_line(name: &str, field: &Value) -> String {
    match &field.datum {
        Datum::Int(bytes) if name == "bytes" || name.ends_with("_bytes") => size(*bytes),
        _ => line(field),
    }
}

/// `312 bytes`, `4.2 kB`, `13.7 GB`: a thousand of one make the next.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    // Tenths, rounded; what would be 1000.0 of one unit is 1.0 of the next.
    let mut scale = 1_000;
    let tenths = |scale: i64| bytes.saturating_mul(10).saturating_add(scale / 2) / scale;
    if bytes.abs() < scale {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    }
    while tenths(scale) >= 10_000 && unit + 1 < UNITS.len() {
        scale *= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths(scale) / 10, tenths(scale) % 10, UNITS[unit])
}

fn tells(name: &str, field: &Value) -> bool {
    field.datum != Datum::None && !SILENT.contains(&name)
}

/// A moment without its seconds and offset: the person's own day and hour. Other text is given back.
fn moment(text: &str) -> String {
    let is_moment = text.len() >= 20
        && text.bytes().take(19).enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    if is_moment { format!("{} {}", &text[..10], &text[11..16]) } else { text.to_owned() }
}

/// A value on one line.
pub(crate) fn line(of: &Value) -> String {
    match &of.datum {
        Datum::Record { fields, .. } => {
            let title = TITLES.iter().find_map(|name| fields.get(*name).filter(|field| field.datum != Datum::None));
            title.map_or_else(|| one_line(&of.to_json().to_string()), line)
        }
        Datum::List(items) => items.iter().map(line).collect::<Vec<_>>().join(", "),
        Datum::Text(text) => one_line(&moment(text)),
        _ => one_line(&value(of)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{count, plural, size, value};
    use genoa_abi::{Datum, Value};

    #[test]
    fn sizes_are_told_in_units() {
        let shown = [0, 1, 999, 1_000, 1_049, 1_050, 999_949, 999_950, 13_700_000_000, i64::MAX].map(size);
        assert_eq!(
            shown.join("; "),
            "0 bytes; 1 byte; 999 bytes; 1.0 kB; 1.0 kB; 1.1 kB; 999.9 kB; 1.0 MB; 13.7 GB; 922.3 PB"
        );
        let fields = [("mount".to_owned(), Value::text("/")), ("free_bytes".to_owned(), Datum::Int(2_500_000).into())];
        let disk = Value::from(Datum::Record { kind: "Disk".into(), fields: fields.into() });
        assert_eq!(value(&disk), "free_bytes: 2.5 MB\nmount: /");
    }

    #[test]
    fn a_record_whose_usual_title_is_missing_is_named_by_another() {
        let fields = [("about", "address"), ("text", "a@x.example"), ("source", "text")];
        let mut fields: BTreeMap<_, _> = fields.map(|(name, value)| (name.to_owned(), Value::text(value))).into();
        fields.insert("path".to_owned(), Value::none());
        let fact = Value::from(Datum::Record { kind: "Fact".into(), fields });
        assert_eq!(value(&Value::from(Datum::List(vec![fact]))), "- a@x.example (about: address; source: text)");
    }

    #[test]
    fn values_are_said_in_words() {
        assert_eq!(
            [plural(1, "mail"), plural(3, "mail"), plural(2, "entry"), plural(2, "match")].join(" "),
            "1 mail 3 mails 2 entries 2 matches"
        );
        let list = Value::from(Datum::List(vec![Value::text("a\nb"), Datum::Int(3).into()]));
        assert_eq!(value(&list), "- a b\n- 3");
        let text = |text: &str| Value::text(text);
        let fields = [("title", "Review"), ("uid", "x1"), ("start", "2026-11-26T10:00:00+01:00"), ("place", "Room 4")];
        let fields = fields.map(|(name, value)| (name.to_owned(), text(value))).into();
        let event = Value::from(Datum::Record { kind: "Event".into(), fields });
        assert_eq!(value(&event), "place: Room 4\nstart: 2026-11-26 10:00\ntitle: Review");
        let events = Value::from(Datum::List(vec![event]));
        assert_eq!(value(&events), "- Review (place: Room 4; start: 2026-11-26 10:00)");
        let cells = |cells: &[&str]| Value::from(Datum::List(cells.iter().map(|cell| text(cell)).collect()));
        let rows = Datum::List(vec![cells(&["Oslo", "3|4"])]).into();
        let fields = [("columns".to_owned(), cells(&["trip", "nights"])), ("rows".to_owned(), rows)].into();
        let trips = Value::from(Datum::Record { kind: "Table".into(), fields });
        assert_eq!(value(&trips), "| trip | nights |\n|---|---|\n| Oslo | 3\\|4 |");
        assert_eq!(count(&list), "2 items");
        assert_eq!(value(&Datum::List(vec![]).into()), "nothing found");
    }
}
