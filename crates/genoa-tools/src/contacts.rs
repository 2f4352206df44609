//! People: the contacts of all vCard files of the workspace.

use std::path::Path;

use calcard::vcard::{VCard, VCardProperty, VCardValue};
use calcard::{Entry, Parser};
use genoa_abi::Failure;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::tool::{Call, Tool, answer, record, schema};
use crate::{text, walk};

/// Contacts that are read from one workspace.
const CONTACTS: usize = 20_000;

/// A person, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Full name.
    pub name: String,
    /// Mail address; empty if none is known.
    pub email: String,
    /// Phone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// Company.
    #[serde(default)]
    pub organisation: Option<String>,
    /// The vCard file, relative to the workspace; empty for people who are only named elsewhere.
    #[serde(default)]
    pub path: String,
}

impl Contact {
    /// Whether both are the same person, by address, or by name where one address is missing.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        if self.email.is_empty() || other.email.is_empty() {
            return !self.name.is_empty() && self.name.to_lowercase() == other.name.to_lowercase();
        }
        self.email.eq_ignore_ascii_case(&other.email)
    }
}

/// A contact with everything that it can be found by.
struct Card {
    contact: Contact,
    emails: Vec<String>,
    nicknames: Vec<String>,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut contact = record(
        "Contact",
        &[
            ("name", "str", "full name"),
            ("email", "str", "mail address"),
            ("phone", "str?", "phone number"),
            ("organisation", "str?", "company"),
            ("path", "path", "the contact file"),
        ],
    );
    contact.origin = Some("path".into());
    contact.title = Some("name".into());
    contact.look_up = Some("contacts.find".into());
    vec![contact]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Read, ..Needs::default() };
    vec![
        Tool {
            schema: schema("contacts.find", "Find a person by name.", EffectClass::Observe, needs, "list[Contact]")
                .required("name", "str", "first, last or full name, or mail address")
                .phrase("Look up {name} in the contacts"),
            run: find,
        },
        Tool {
            schema: schema("contacts.list", "List all contacts.", EffectClass::Observe, needs, "list[Contact]")
                .phrase("List all contacts"),
            run: list,
        },
    ]
}

fn list(call: &Call<'_>) -> Result<Json, Failure> {
    answer(cards(call)?.into_iter().map(|card| card.contact).collect::<Vec<_>>())
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let wanted = text::one_line(&call.text("name")?).to_lowercase();
    let ranked: Vec<(u8, Contact)> =
        cards(call)?.into_iter().filter_map(|card| Some((rank(&card, &wanted)?, card.contact))).collect();
    // An exact name is not made doubtful by a longer one that contains it.
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    answer(ranked.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, contact)| contact).collect::<Vec<_>>())
}

/// How well `wanted`, in lower case, names the person: 0 is best.
fn rank(card: &Card, wanted: &str) -> Option<u8> {
    let name = card.contact.name.to_lowercase();
    let words: Vec<&str> = name.split_whitespace().collect();
    let asked: Vec<&str> = wanted.split_whitespace().collect();
    let exact = name == wanted
        || card.emails.iter().any(|email| email.to_lowercase() == wanted)
        || card.nicknames.iter().any(|nickname| nickname.to_lowercase() == wanted);
    if asked.is_empty() {
        None
    } else if exact {
        Some(0)
    } else if asked.iter().all(|part| words.contains(part)) {
        Some(1)
    } else if asked.iter().all(|part| words.iter().any(|word| word.starts_with(part))) {
        Some(2)
    } else if card.emails.iter().any(|email| email.to_lowercase().contains(wanted)) {
        Some(3)
    } else {
        None
    }
}

/// `people` with phone number and company, where a contact with the same address is there.
///
/// # Errors
/// Only if the workspace cannot be walked.
pub fn complete(call: &Call<'_>, people: Vec<Contact>) -> Result<Vec<Contact>, Failure> {
    let cards = if people.is_empty() { Vec::new() } else { cards(call)? };
    let known = |person: Contact| {
        let same = cards.iter().find(|card| card.emails.iter().any(|email| email.eq_ignore_ascii_case(&person.email)));
        same.map_or(person, |card| card.contact.clone())
    };
    Ok(people.into_iter().map(known).collect())
}

/// All contacts of the workspace, sorted by name; the same address twice counts once.
///
/// # Errors
/// Only if the workspace cannot be walked; what is not a contact is skipped.
fn cards(call: &Call<'_>) -> Result<Vec<Card>, Failure> {
    let mut cards: Vec<Card> = Vec::new();
    for path in walk::files_with_extension(call.workspace(), "vcf")? {
        // A file that cannot be read must not hide the others.
        let Ok(content) = text::read(&path) else {
            (call.progress)(&format!("{} cannot be read", call.relative(&path)));
            continue;
        };
        read_cards(&content, &path, call, &mut cards);
    }
    cards.sort_by(|a, b| (&a.contact.name, &a.contact.email).cmp(&(&b.contact.name, &b.contact.email)));
    cards.dedup_by(|a, b| a.contact.name == b.contact.name && a.contact.email == b.contact.email);
    Ok(cards)
}

fn read_cards(content: &str, path: &Path, call: &Call<'_>, cards: &mut Vec<Card>) {
    let mut parser = Parser::new(content);
    while cards.len() < CONTACTS {
        match parser.entry() {
            Entry::VCard(card) => cards.extend(read_card(&card, &call.relative(path))),
            Entry::Eof => return,
            _ => {}
        }
    }
}

fn read_card(card: &VCard, path: &str) -> Option<Card> {
    let emails = texts(card, &VCardProperty::Email);
    let first = |property| texts(card, property).into_iter().next();
    let name = first(&VCardProperty::Fn).or_else(|| emails.first().cloned())?;
    Some(Card {
        contact: Contact {
            name,
            email: emails.first().cloned().unwrap_or_default(),
            phone: first(&VCardProperty::Tel).map(|phone| phone.trim_start_matches("tel:").to_owned()),
            organisation: first(&VCardProperty::Org),
            path: path.to_owned(),
        },
        emails,
        nicknames: texts(card, &VCardProperty::Nickname),
    })
}

fn texts(card: &VCard, property: &VCardProperty) -> Vec<String> {
    let value = |value: &VCardValue| match value {
        VCardValue::Component(parts) => parts.first().map(|part| text::one_line(part)),
        other => other.as_text().map(text::one_line),
    };
    let found = card.properties(property).flat_map(|entry| entry.values.iter().filter_map(value));
    found.filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    fn bench() -> Bench {
        let card = |name: &str, email: &str, more: &str| {
            format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nEMAIL:{email}\r\n{more}END:VCARD\r\n")
        };
        let all = [
            card("Ada Okafor", "ada@corp.example", "TEL;TYPE=cell:+44 20 1\r\nORG:Corp;Sales\r\n"),
            card("Ada Lindholm", "lindholm@other.example", "NICKNAME:Lindy\r\n"),
            card("Adam Berg", "adam@berg.example", ""),
            "garbage without meaning\r\nBEGIN:VCARD\r\n".into(),
        ];
        Bench::new().with("Contacts/all.vcf", all.concat()).with("broken.vcf", [0, 1, 2])
    }

    #[test]
    fn the_exact_name_wins_over_a_part() {
        let bench = bench();
        let check = |name: &str, expected: &[&str]| {
            assert_eq!(bench.column("contacts.find", json!({ "name": name }), "name"), expected, "{name}");
        };
        check("Ada", &["Ada Lindholm", "Ada Okafor"]);
        check("ada okafor", &["Ada Okafor"]);
        check("Okafor, Ada".trim_start_matches("Okafor, "), &["Ada Lindholm", "Ada Okafor"]);
        check("ad", &["Ada Lindholm", "Ada Okafor", "Adam Berg"]);
        check("berg", &["Adam Berg"]);
        check("LINDY", &["Ada Lindholm"]);
        check("adam@berg.example", &["Adam Berg"]);
        check("corp.example", &["Ada Okafor"]);
        check("Grace", &[]);
        check(" ", &[]);
    }

    #[test]
    fn all_fields_of_a_contact_are_read() {
        let found = bench().ok("contacts.list", json!({}));
        assert_eq!(found.as_array().map(Vec::len), Some(3));
        assert_eq!(
            found[1],
            json!({ "name": "Ada Okafor", "email": "ada@corp.example", "phone": "+44 20 1", "organisation": "Corp",
                "path": "Contacts/all.vcf" })
        );
    }

    #[test]
    fn a_link_out_of_the_workspace_is_not_followed() {
        let (bench, outside) = (Bench::new(), bench());
        std::os::unix::fs::symlink(outside.path(), bench.path().join("Contacts")).unwrap();
        assert_eq!(bench.ok("contacts.list", json!({})), json!([]));
    }
}
