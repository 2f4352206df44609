//! The Maildirs: the mails that tell the story, and newsletters around them.

use std::fmt::Write as _;

use genoa_abi::{ErrorCode, Failure};
use jiff::Zoned;
use serde::Deserialize;

use crate::days::{Days, at, shift};
use crate::people::mailbox;
use crate::tree::Tree;

/// How often each newsletter comes.
const ISSUES: i32 = 11;

#[derive(Debug, Deserialize)]
struct Letters {
    mail: Vec<Letter>,
}

#[derive(Debug, Deserialize)]
struct Letter {
    id: String,
    re: Option<String>,
    from: String,
    to: Option<Vec<String>>,
    days: i32,
    time: String,
    #[serde(default)]
    folder: Option<String>,
    subject: String,
    #[serde(default)]
    unread: bool,
    #[serde(default)]
    html: bool,
    attachment: Option<String>,
    #[serde(default)]
    attachment_bytes: usize,
    body: String,
}

/// What fills the folders beside the story.
#[derive(Debug, Deserialize)]
pub(crate) struct Filler {
    pub(crate) newsletter: Vec<Newsletter>,
    pub(crate) note: Vec<Named>,
    pub(crate) paper: Vec<Paper>,
}

/// A mail that comes again and again.
#[derive(Debug, Deserialize)]
pub(crate) struct Newsletter {
    from: String,
    subject: String,
    body: String,
}

/// A note.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A text file.
#[derive(Debug, Deserialize)]
pub(crate) struct Paper {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The texts that fill the folders.
pub(crate) fn filler() -> Result<Filler, Failure> {
    toml::from_str(include_str!("../data/filler.toml")).map_err(|error| defect("filler.toml", &error))
}

fn defect(file: &str, error: &toml::de::Error) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the sample's {file} is wrong")).because(error)
}

pub(crate) fn write(tree: &mut Tree, days: &Days) -> Result<(), Failure> {
    for folder in ["INBOX", "Sent", "Archive", "Drafts"] {
        for part in ["cur", "new", "tmp"] {
            tree.folder(&format!("Mail/{folder}/{part}"))?;
        }
    }
    let letters: Letters =
        toml::from_str(include_str!("../data/mails.toml")).map_err(|error| defect("mails.toml", &error))?;
    for letter in &letters.mail {
        put(tree, days, letter, &letters.mail)?;
    }
    for (place, newsletter) in filler()?.newsletter.iter().enumerate() {
        for issue in 1..=ISSUES {
            let offset = i32::try_from(place).unwrap_or(0);
            let letter = issue_of(newsletter, issue, offset);
            put(tree, days, &letter, &[])?;
        }
    }
    Ok(())
}

fn issue_of(newsletter: &Newsletter, issue: i32, offset: i32) -> Letter {
    let number = (40 + issue).to_string();
    Letter {
        id: format!("news-{offset}-{issue}"),
        re: None,
        from: newsletter.from.clone(),
        to: None,
        days: 1 + (ISSUES - issue) * 7 + offset,
        time: format!("0{}:{}0", 5 + offset % 4, issue % 6),
        folder: Some(if issue > ISSUES - 4 { "INBOX" } else { "Archive" }.to_owned()),
        subject: newsletter.subject.replace("{n}", &number),
        unread: false,
        html: false,
        attachment: None,
        attachment_bytes: 0,
        body: newsletter.body.replace("{n}", &number),
    }
}

fn put(tree: &mut Tree, days: &Days, letter: &Letter, all: &[Letter]) -> Result<(), Failure> {
    let sent = at(shift(days.today, -letter.days), &letter.time);
    let folder = letter.folder.as_deref().unwrap_or("INBOX");
    let base = format!("{}.{}.fjordlight", sent.timestamp().as_second(), letter.id);
    let path =
        if letter.unread { format!("Mail/{folder}/new/{base}") } else { format!("Mail/{folder}/cur/{base}:2,S") };
    tree.put(&path, message(days, letter, all, &sent), &sent)
}

fn message(days: &Days, letter: &Letter, all: &[Letter], sent: &Zoned) -> String {
    let to = letter.to.clone().unwrap_or_else(|| vec!["Nora Lindqvist".to_owned()]);
    let to: Vec<String> = to.iter().map(|name| mailbox(name)).collect();
    let mut head = format!("From: {}\r\nTo: {}\r\n", mailbox(&letter.from), to.join(", "));
    let _ = write!(head, "Subject: {}\r\nDate: {}\r\n", letter.subject, sent.strftime("%a, %d %b %Y %H:%M:%S %z"));
    let _ = write!(head, "Message-ID: <{}@mail.example>\r\n", letter.id);
    let thread = thread(letter, all);
    if let Some(last) = thread.last() {
        let ids: Vec<String> = thread.iter().map(|id| format!("<{id}@mail.example>")).collect();
        let _ = write!(head, "In-Reply-To: <{last}@mail.example>\r\nReferences: {}\r\n", ids.join("\r\n "));
    }
    let kind = if letter.html { "text/html" } else { "text/plain" };
    let body = days.fill(letter.body.trim()).replace('\n', "\r\n");
    let text = format!("Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n");
    head += "MIME-Version: 1.0\r\n";
    match &letter.attachment {
        None => head + &text,
        Some(name) => format!(
            "{head}Content-Type: multipart/mixed; boundary=\"part\"\r\n\r\n--part\r\n{text}--part\r\nContent-Type: application/pdf\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--part--\r\n",
            encoded_zeros(letter.attachment_bytes)
        ),
    }
}

/// The ids of the letters before this one, the first of the thread first.
fn thread(letter: &Letter, all: &[Letter]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut current = letter.re.as_ref();
    while let Some(id) = current {
        ids.insert(0, id.clone());
        current = all.iter().find(|letter| &letter.id == id).and_then(|letter| letter.re.as_ref());
    }
    ids
}

/// `bytes` zeros in base64, in lines of 76 letters.
fn encoded_zeros(bytes: usize) -> String {
    let line = format!("{}\r\n", "A".repeat(76));
    line.repeat(bytes / 57)
}
