//! Facts and events as they arrive in arguments, and the links to where they came from.

use std::path::{Component, Path};

use serde::Deserialize;

use crate::markdown::safe_link;
use crate::text::one_line;

/// What the system function `extract` gives: a statement with its source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Fact {
    /// What was asked for.
    #[serde(default)]
    pub(crate) about: String,
    /// The statement.
    #[serde(default)]
    pub(crate) text: String,
    /// The source's title.
    #[serde(default)]
    pub(crate) source: String,
    /// Where the source is: relative to the workspace, or a web address.
    #[serde(default)]
    pub(crate) path: Option<String>,
}

/// The fields of an event that are shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Event {
    /// Its title.
    #[serde(default)]
    pub(crate) title: String,
    /// When it begins, RFC 3339.
    #[serde(default)]
    pub(crate) start: String,
    /// Where.
    #[serde(default)]
    pub(crate) place: Option<String>,
    /// Who.
    #[serde(default)]
    pub(crate) people: Vec<Contact>,
}

/// The fields of a contact that are shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Contact {
    /// The name; may be empty.
    #[serde(default)]
    pub(crate) name: String,
    /// The address; may be empty.
    #[serde(default)]
    pub(crate) email: String,
}

impl Event {
    /// When and where, in one line: `Thursday, 26 November 2026, 10:00 · Room 4`.
    pub(crate) fn when_and_where(&self) -> String {
        let time = self.start.get(..19).and_then(|start| start.parse::<jiff::civil::DateTime>().ok());
        let when = time.map(|time| time.strftime("%A, %-d %B %Y, %H:%M").to_string());
        let place = self.place.as_deref().map(one_line).filter(|place| !place.is_empty());
        when.into_iter().chain(place).collect::<Vec<_>>().join(" · ")
    }

    /// The names of the first people; how many more there are.
    pub(crate) fn names(&self) -> String {
        const SHOWN: usize = 8;
        let name =
            |contact: &Contact| one_line(if contact.name.trim().is_empty() { &contact.email } else { &contact.name });
        let mut names: Vec<String> = self.people.iter().map(name).filter(|name| !name.is_empty()).collect();
        if names.len() > SHOWN {
            let more = names.len() - SHOWN;
            names.truncate(SHOWN);
            names.push(format!("{more} more"));
        }
        names.join(", ")
    }
}

/// A source that several facts may share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceLink {
    /// Its title.
    pub(crate) title: String,
    /// Where it is, as it is shown.
    pub(crate) path: String,
    /// The target of the link, from the folder of the document that is written.
    pub(crate) target: Option<String>,
}

/// All sources of `facts` in the order of their first use. The place in the list, from 1, is a source's number.
pub(crate) fn sources(facts: &[Fact], folder: &str) -> Vec<SourceLink> {
    let mut links: Vec<SourceLink> = Vec::new();
    for fact in facts {
        let link = source_link(fact, folder);
        if let Some(link) = link.filter(|link| !links.contains(link)) {
            links.push(link);
        }
    }
    links
}

/// The source of one fact; nothing if it names none.
pub(crate) fn source_link(fact: &Fact, folder: &str) -> Option<SourceLink> {
    let path = fact.path.as_deref().map(one_line).unwrap_or_default();
    let title = one_line(if fact.source.trim().is_empty() { &path } else { &fact.source });
    let target = link_target(folder, &path);
    (!title.is_empty()).then_some(SourceLink { title, path, target })
}

/// `path` (relative to the workspace, or a web address) as a link from a document in `folder`.
fn link_target(folder: &str, path: &str) -> Option<String> {
    if path.starts_with("https://") || path.starts_with("http://") {
        return safe_link(&percent_encode(path, ":/?#[]@!$&'()*+,;=%"));
    }
    if path.is_empty() || Path::new(path).components().any(|part| !matches!(part, Component::Normal(_))) {
        return None;
    }
    let up = Path::new(folder).components().filter(|part| matches!(part, Component::Normal(_))).count();
    Some(format!("{}{}", "../".repeat(up), percent_encode(path, "/")))
}

fn percent_encode(text: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(letter) || (byte.is_ascii() && kept.contains(letter)) {
            encoded.push(letter);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{Event, link_target};

    #[test]
    fn links_lead_from_the_document_to_the_source() {
        for (folder, path, target) in [
            ("", "notes/a b.md", Some("notes/a%20b.md")),
            ("out/deck", "notes/a.md", Some("../../notes/a.md")),
            ("out", "mail/cur/1:2,S", Some("../mail/cur/1%3A2%2CS")),
            ("out", "https://a.example/x?y=1", Some("https://a.example/x?y=1")),
            ("out", "javascript:alert(1)", Some("../javascript%3Aalert%281%29")),
            ("out", "../../etc/passwd", None),
            ("out", "/etc/passwd", None),
        ] {
            assert_eq!(link_target(folder, path).as_deref(), target, "{path}");
        }
    }

    #[test]
    fn an_event_is_told_in_words() {
        let event: Event = serde_json::from_value(serde_json::json!({
            "title": "Demo", "start": "2026-11-26T10:00:00+01:00", "place": "Room 4",
            "people": [{"name": "Ada", "email": "a@x.example"}, {"name": "", "email": "b@x.example"}],
        }))
        .unwrap();
        assert_eq!(event.when_and_where(), "Thursday, 26 November 2026, 10:00 · Room 4");
        assert_eq!(event.names(), "Ada, b@x.example");
        let odd = Event { start: "é".repeat(20), ..event };
        assert_eq!(odd.when_and_where(), "Room 4");
    }
}
