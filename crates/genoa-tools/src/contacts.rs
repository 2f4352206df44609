//! People: the contacts of all vCard files of the workspace.

use std::path::Path;

use calcard::vcard::{VCard, VCardProperty, VCardValue};
use calcard::{Entry, Parser};
use genoa_abi::Failure;
use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType, Yields};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::tool::{Call, Tool, answer, record, schema};
use crate::{text, walk};

/// Contacts that are read from one workspace.
const CONTACTS: usize = 20_000;
/// The shortest word that may be the beginning of a company's host.
const COMPANY_CHARS: usize = 5;

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
            return !self.name.is_empty() && lower(&self.name) == lower(&other.name);
        }
        self.email.eq_ignore_ascii_case(&other.email)
    }
}

/// A contact with everything that it can be found by.
pub(crate) struct Card {
    contact: Contact,
    emails: Vec<String>,
    nicknames: Vec<String>,
}

/// Everybody in the contacts, to tell who a text means that filters a search: a name, a company or an address.
pub struct People {
    cards: Vec<Card>,
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People").field("cards", &self.cards.len()).finish()
    }
}

impl People {
    /// Reads the contacts.
    ///
    /// # Errors
    /// Only if the workspace cannot be walked.
    pub fn read(call: &Call<'_>) -> Result<Self, Failure> {
        Ok(Self { cards: cards(call)? })
    }

    /// Reads the contacts, if there is a text to filter by.
    ///
    /// # Errors
    /// As [`People::read`].
    pub fn to_filter_by(texts: &[String], call: &Call<'_>) -> Result<Self, Failure> {
        if texts.is_empty() { Ok(Self { cards: Vec::new() }) } else { Self::read(call) }
    }

    /// Whether `text` means `person`: by the address, by words of the name, by a nickname, by the company, or by a company
    /// that the address belongs to. What the contacts know of the address counts as well.
    #[must_use]
    pub fn means(&self, text: &str, person: &Contact) -> bool {
        let words = words_of(text);
        let is_theirs = |card: &&Card| !person.email.is_empty() && card.has_address(&person.email);
        !words.is_empty()
            && (person.email.eq_ignore_ascii_case(text.trim())
                || holds_all(&words_of(&person.name), &words)
                || is_part(&words, person.organisation.as_deref())
                || host_is_of(&person.email, &words)
                || self.cards.iter().filter(is_theirs).any(|card| card.is_meant(text, &words)))
    }

    /// Whether `text` is a company of the contacts.
    #[must_use]
    pub fn is_organisation(&self, text: &str) -> bool {
        let words = words_of(text);
        self.cards.iter().any(|card| is_part(&words, card.contact.organisation.as_deref()))
    }

    /// What the person with the address `text` is called; nothing if nobody knows. What is no address is a name.
    #[must_use]
    pub fn name_of<'a>(&'a self, text: &'a str) -> &'a str {
        if !text.contains('@') {
            return text;
        }
        let card = self.cards.iter().find(|card| card.has_address(text.trim()));
        card.map_or("", |card| card.contact.name.as_str())
    }

    /// Everybody that `text` means; somebody who is only called so, if nobody is known.
    #[must_use]
    pub fn meant_by(&self, text: &str) -> Vec<Contact> {
        let words = words_of(text);
        let by_name: Vec<Contact> =
            self.cards.iter().filter(|card| card.is_named(text, &words)).map(|card| card.contact.clone()).collect();
        if !by_name.is_empty() || words.is_empty() {
            return by_name;
        }
        let works_there = |contact: &&Contact| is_part(&words, contact.organisation.as_deref());
        let mut found: Vec<Contact> =
            self.cards.iter().map(|card| &card.contact).filter(works_there).cloned().collect();
        let name = text::one_line(text);
        let organisation = (!found.is_empty()).then(|| name.clone());
        found.push(Contact { name, organisation, ..Contact::default() });
        found
    }

    /// `person` with phone number and company, where a contact with the same address is there.
    #[must_use]
    pub fn complete(&self, person: Contact) -> Contact {
        let known = self.cards.iter().find(|card| card.has_address(&person.email));
        known.map_or(person, |card| card.contact.clone())
    }
}

impl Card {
    fn has_address(&self, address: &str) -> bool {
        self.emails.iter().any(|email| email.eq_ignore_ascii_case(address))
    }

    fn is_named(&self, text: &str, words: &[String]) -> bool {
        let is_nickname = |nickname: &String| lower(nickname) == lower(text.trim());
        self.has_address(text.trim())
            || (!words.is_empty() && holds_all(&words_of(&self.contact.name), words))
            || self.nicknames.iter().any(is_nickname)
    }

    fn is_meant(&self, text: &str, words: &[String]) -> bool {
        self.is_named(text, words) || is_part(words, self.contact.organisation.as_deref())
    }
}

/// The words of a name, in lower case.
#[must_use]
pub fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(lower).collect()
}

/// A name or an address in lower case. A sign that would become a plain letter stays what it is: the sign of the kelvin
/// is no `k`, whatever it looks like.
fn lower(text: &str) -> String {
    let is_sign = |letter: char| matches!(letter, '\u{2126}' | '\u{212A}' | '\u{212B}');
    text.split_inclusive(is_sign)
        .flat_map(|part| {
            let sign = part.chars().next_back().filter(|letter| is_sign(*letter));
            let plain = part.trim_end_matches(is_sign).to_lowercase();
            std::iter::once(plain).chain(sign.map(String::from))
        })
        .collect()
}

fn holds_all(words: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|word| words.contains(word))
}

fn is_part(words: &[String], organisation: Option<&str>) -> bool {
    organisation.is_some_and(|organisation| !words.is_empty() && holds_all(&words_of(organisation), words))
}

/// Whether the host of `address` is called like a company: `polaris-foods.example` like Polaris Foods.
fn host_is_of(address: &str, words: &[String]) -> bool {
    let Some((_, host)) = address.rsplit_once('@') else { return false };
    let host = lower(host);
    let joined = words.concat();
    // The last part of a host is no name. One short word is in many names: Ada in canada.example.
    let mut labels = host.rsplit('.').skip(1);
    labels.any(|label| {
        let plain = label.replace('-', "");
        plain == joined
            || label.split('-').any(|part| part == joined)
            || (words.len() > 1 && plain.contains(&joined))
            || (joined.chars().count() >= COMPANY_CHARS && plain.starts_with(&joined))
    })
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
    contact.readers = vec!["email".into()];
    contact.look_up = Some("contacts.find".into());
    vec![contact]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let needs = Needs { files: FileNeed::Read, ..Needs::default() };
    vec![
        Tool {
            schema: schema(
                "contacts.find",
                "Find people by name or company.",
                EffectClass::Observe,
                needs,
                "list[Contact]",
            )
            .required("name", "str", "first, last or full name, mail address or company")
            .topic()
            .yielding(Yields::Contacts)
            .phrase("Look up {name} in the contacts"),
            run: find,
        },
        Tool {
            schema: schema("contacts.list", "List all contacts.", EffectClass::Observe, needs, "list[Contact]")
                .yielding(Yields::Contacts)
                .phrase("List all contacts"),
            run: list,
        },
    ]
}

fn list(call: &Call<'_>) -> Result<Json, Failure> {
    answer(cards(call)?.into_iter().map(|card| card.contact).collect::<Vec<_>>())
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let wanted = lower(&text::one_line(&call.text("name")?));
    let ranked: Vec<(u8, Contact)> =
        cards(call)?.into_iter().filter_map(|card| Some((rank(&card, &wanted)?, card.contact))).collect();
    // An exact name is not made doubtful by a longer one that contains it.
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    answer(ranked.into_iter().filter(|(rank, _)| Some(*rank) == best).map(|(_, contact)| contact).collect::<Vec<_>>())
}

/// How well `wanted`, in lower case, names the person: 0 is best.
fn rank(card: &Card, wanted: &str) -> Option<u8> {
    let name = lower(&card.contact.name);
    let words: Vec<&str> = name.split_whitespace().collect();
    let asked: Vec<&str> = wanted.split_whitespace().collect();
    let exact = name == wanted
        || card.emails.iter().any(|email| lower(email) == wanted)
        || card.nicknames.iter().any(|nickname| lower(nickname) == wanted);
    if asked.is_empty() {
        None
    } else if exact {
        Some(0)
    } else if asked.iter().all(|part| words.contains(part)) {
        Some(1)
    } else if asked.iter().all(|part| words.iter().any(|word| word.starts_with(part))) {
        Some(2)
    } else if card.emails.iter().any(|email| lower(email).contains(wanted)) {
        Some(3)
    } else if is_part(&words_of(wanted), card.contact.organisation.as_deref()) {
        Some(4)
    } else {
        None
    }
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

pub(crate) fn read_cards(content: &str, path: &Path, call: &Call<'_>, cards: &mut Vec<Card>) {
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

    use super::{Contact, People};
    use crate::testing::Bench;

    fn bench() -> Bench {
        let card = |name: &str, email: &str, more: &str| {
            format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nEMAIL:{email}\r\n{more}END:VCARD\r\n")
        };
        let all = [
            card("Ada Okafor", "ada@corp.example", "TEL;TYPE=cell:+44 20 1\r\nORG:Corp;Sales\r\n"),
            card("Ada Lindholm", "lindholm@other.example", "NICKNAME:Lindy\r\n"),
            card("Adam Berg", "adam@berg.example", ""),
            card("Dana Roy", "dana@mail.example", "ORG:Berg Foods AS\r\n"),
            card("Chen Wu", "wu@berg-foods.example", "EMAIL:chen@home.example\r\nORG:Berg Foods AS\r\n"),
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
        check("CORP", &["Ada Okafor"]);
        check("Berg Foods", &["Chen Wu", "Dana Roy"]);
        check("Berg", &["Adam Berg"]);
        check("Grace", &[]);
        check(" ", &[]);
    }

    #[test]
    fn a_name_in_letters_that_look_alike_is_another_name() {
        let card = |name: &str, email: &str| {
            format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nEMAIL:{email}\r\nEND:VCARD\r\n")
        };
        let alike = ["Аda Okafor", "\u{212A}ate Berg", "Ｋate Berg", "Kаte Berg"];
        let all: String = alike.iter().map(|name| card(name, "eve@x.example")).collect();
        let more = card("Ada Okafor", "ada@corp.example")
            + &card("Eve", "аda@corp.example")
            + &card("Eve", "\u{212A}ate@corp.example");
        let bench = Bench::new().with("all.vcf", all.clone() + &more);
        let found = |name: &str| bench.column("contacts.find", json!({ "name": name }), "name");
        for name in ["Ada", "Ada Okafor", "ada okafor", "ada@corp.example", "ADA@corp.example"] {
            assert_eq!(found(name), ["Ada Okafor"], "{name}");
        }
        for name in ["Kate", "kate berg", "kate@corp.example"] {
            assert_eq!(found(name), [""; 0], "{name}");
        }
        assert_eq!(
            (found("аda okafor"), found("\u{212A}ate")),
            (vec!["Аda Okafor".to_owned()], vec!["\u{212A}ate Berg".to_owned()])
        );
        let means = |text: &str, name: &str, email: &str| {
            let person = Contact { name: name.into(), email: email.into(), ..Contact::default() };
            bench.with_call(|call| People::read(call).unwrap().means(text, &person))
        };
        assert!(!means("Ada", "Аda", "eve@x.example") && !means("Kate", "\u{212A}ate", "eve@x.example"));
        assert!(!means("ada@corp.example", "", "аda@corp.example"));
    }

    #[test]
    fn all_fields_of_a_contact_are_read() {
        let found = bench().ok("contacts.list", json!({}));
        assert_eq!(found.as_array().map(Vec::len), Some(5));
        assert_eq!(
            found[1],
            json!({ "name": "Ada Okafor", "email": "ada@corp.example", "phone": "+44 20 1", "organisation": "Corp",
                "path": "Contacts/all.vcf" })
        );
    }

    #[test]
    fn a_text_means_a_person_by_address_name_nickname_or_company() {
        let bench = bench();
        let check = |text: &str, (name, email): (&str, &str), expected: bool| {
            let person = Contact { name: name.into(), email: email.into(), ..Contact::default() };
            let means = bench.with_call(|call| People::read(call).unwrap().means(text, &person));
            assert_eq!(means, expected, "{text}: {name} <{email}>");
        };
        let ada = ("Ada Okafor", "ada@corp.example");
        for text in ["Ada", "okafor, ADA", " ADA@corp.example ", "Corp", "corp"] {
            check(text, ada, true);
        }
        for text in ["Ad", "Ada Lindholm", "lindholm", "example", "ada@other.example", "", " , "] {
            check(text, ada, false);
        }
        check("Lindy", ("A. L.", "lindholm@other.example"), true);
        check("Lindy", ada, false);
        // What the contacts know of an address, whatever the mail calls it.
        check("Chen Wu", ("chen@home.example", "chen@home.example"), true);
        check("wu@berg-foods.example", ("", "chen@home.example"), true);
        check("Berg Foods", ("Dana", "dana@mail.example"), true);
        for host in ["polarisfoods.example", "polaris-foods.example", "mail.polarisfoods.co.example"] {
            check("Polaris Foods", ("X", &format!("x@{host}")), true);
            check("Polaris", ("X", &format!("x@{host}")), true);
            check("Foods Polaris", ("X", &format!("x@{host}")), false);
        }
        check("Ada", ("Bo", "bo@canada.example"), false);
        check("Bo", ("", ""), false);
    }

    #[test]
    fn a_link_out_of_the_workspace_is_not_followed() {
        let (bench, outside) = (Bench::new(), bench());
        std::os::unix::fs::symlink(outside.path(), bench.path().join("Contacts")).unwrap();
        assert_eq!(bench.ok("contacts.list", json!({})), json!([]));
    }
}
