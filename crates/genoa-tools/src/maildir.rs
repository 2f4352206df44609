//! Reads Maildirs: messages with their text, and the names and sizes of attachments but never their content.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use genoa_abi::limits::READ_BYTES;
use genoa_abi::{ErrorCode, Failure};
use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders};
use serde::{Deserialize, Serialize};

use crate::contacts::Contact;
use crate::tool::{Call, file_failure};
use crate::{documents, text, time, walk};

/// Messages that one search reads; the newest are read if there are more.
const MESSAGES: usize = 20_000;
/// What is read of the encoded lines of one attachment before the rest is only counted.
const ENCODED_BYTES: usize = 60 * 1024;
/// The same for lines that are not encoded: a text of its limit, and a little to see that there is more.
const PLAIN_BYTES: usize = READ_BYTES + 64 * 1024;
/// What is read of one message after that.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// What a search keeps of the text of each of its mails; `mail.read` gives all of one.
const SEARCHED_BYTES: usize = 64 * 1024;
/// The longest line; a longer one is cut into several.
const LINE_BYTES: u64 = 64 * 1024;
/// Attachments and recipients that are listed.
const LISTED: usize = 200;
/// Folders whose messages were never sent, or were thrown away.
const LEFT_OUT: [&str; 6] = ["drafts", "trash", "junk", "spam", "deleted", "deleted messages"];

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its subject.
    pub subject: String,
    /// Who wrote it, as the message claims.
    pub sender: Contact,
    /// To whom, copies included.
    pub recipients: Vec<Contact>,
    /// When it was sent, RFC 3339.
    pub date: String,
    /// Its text.
    pub text: String,
    /// Its message id.
    pub id: String,
    /// Names and sizes of what is attached.
    pub attachments: Vec<String>,
    /// Its file, relative to the workspace.
    pub path: String,
}

/// A message with what a search needs beside its record.
#[derive(Clone, Debug)]
pub struct StoredMail {
    /// The record; its text is the whole text.
    pub mail: Mail,
    /// When it was sent.
    pub sent: Timestamp,
    /// The messages that it answers, the first of the thread first.
    pub references: Vec<String>,
    /// Whether nobody has seen it.
    pub is_unread: bool,
}

/// All messages of the workspace's Maildirs, without drafts and what was thrown away; the newest first.
///
/// # Errors
/// Only if the workspace cannot be walked. Broken messages are skipped, and their number is told.
pub fn read_all(call: &Call<'_>) -> Result<Vec<StoredMail>, Failure> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for maildir in walk::maildirs(call.workspace())? {
        if !LEFT_OUT.contains(&folder_name(&maildir).as_str()) {
            paths.extend(message_files(&maildir));
        }
    }
    if paths.len() > MESSAGES {
        (call.progress)(&format!("only the newest {MESSAGES} of {} mails are read", paths.len()));
        paths.sort_by_key(|path| std::cmp::Reverse(time::of_system(path.metadata().and_then(|data| data.modified()))));
        paths.truncate(MESSAGES);
    }
    let all = paths.len();
    let mut mails: Vec<StoredMail> = paths.iter().filter_map(|path| read_beginning(call, path).ok()).collect();
    if mails.len() < all {
        (call.progress)(&format!("{} broken mails were skipped", all - mails.len()));
    }
    mails.sort_by(|a, b| b.sent.cmp(&a.sent).then_with(|| a.mail.path.cmp(&b.mail.path)));
    // The same message may lie in two folders.
    let mut seen = std::collections::BTreeSet::new();
    mails.retain(|mail| mail.mail.id.is_empty() || seen.insert(mail.mail.id.clone()));
    Ok(mails)
}

/// A Maildir's name without the dots of nested ones, in lower case.
#[must_use]
pub fn folder_name(maildir: &Path) -> String {
    let name = maildir.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.rsplit('.').next().unwrap_or_default().to_owned()
}

fn message_files(maildir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["new", "cur"] {
        let Ok(entries) = std::fs::read_dir(maildir.join(folder)) else { continue };
        let is_file = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
        files.extend(entries.filter_map(Result::ok).filter(is_file).map(|entry| entry.path()));
    }
    files.sort();
    files
}

/// As [`read_one`], without the end of a long text: of a search's mails, all are held at once.
fn read_beginning(call: &Call<'_>, path: &Path) -> Result<StoredMail, Failure> {
    let mut stored = read_one(call, path)?;
    let text = &mut stored.mail.text;
    text.truncate(text.floor_char_boundary(SEARCHED_BYTES));
    text.shrink_to_fit();
    Ok(stored)
}

/// Reads the message in the file at `path`.
///
/// # Errors
/// [`ErrorCode::ToolFailed`] for what is not a message.
pub fn read_one(call: &Call<'_>, path: &Path) -> Result<StoredMail, Failure> {
    let failure = |error: std::io::Error| file_failure(format!("{} cannot be read", path.display()), &error);
    let slim = File::open(path).and_then(|file| read_slim(BufReader::new(file))).map_err(failure)?;
    understand(call, path, &slim)
}

/// What a message says that was read from `path`.
pub(crate) fn understand(call: &Call<'_>, path: &Path, slim: &Slim) -> Result<StoredMail, Failure> {
    let broken = || Failure::new(ErrorCode::ToolFailed, format!("{} is not a mail", call.relative(path)));
    let message = MessageParser::default().parse(&slim.bytes).ok_or_else(broken)?;
    if message.from().is_none() && message.subject().is_none() {
        return Err(broken());
    }
    let sent = message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
    let sent = sent.unwrap_or_else(|| time::of_system(path.metadata().and_then(|metadata| metadata.modified())));
    let everyone = people(message.to()).into_iter().chain(people(message.cc()));
    let mail = Mail {
        subject: text::one_line(message.subject().unwrap_or("(without a subject)")),
        sender: people(message.from()).into_iter().next().unwrap_or_default(),
        recipients: everyone.take(LISTED).collect(),
        date: time::show(sent, &time::zone(call)),
        text: body(&message),
        id: message.message_id().unwrap_or_default().to_owned(),
        attachments: message.attachments().take(LISTED).map(|part| attachment(part, &slim.cuts)).collect(),
        path: call.relative(path),
    };
    Ok(StoredMail { mail, sent, references: references(&message), is_unread: is_unread(path) })
}

fn is_unread(path: &Path) -> bool {
    let in_new = path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "new");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    in_new || !name.rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains('S'))
}

fn body(message: &Message<'_>) -> String {
    let parts: Vec<String> = (0..message.text_body_count().min(LISTED))
        .filter_map(|place| message.body_text(place))
        .map(|part| part.replace("\r\n", "\n").trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    documents::bounded(parts.join("\n\n"))
}

fn people(address: Option<&Address<'_>>) -> Vec<Contact> {
    let read = |entry: &mail_parser::Addr<'_>| {
        let email = text::one_line(entry.address().unwrap_or_default());
        let name = entry.name().map(text::one_line).filter(|name| !name.is_empty()).unwrap_or_else(|| email.clone());
        Contact { name, email, ..Contact::default() }
    };
    address.map(|address| address.iter().take(LISTED).map(read).collect()).unwrap_or_default()
}

fn references(message: &Message<'_>) -> Vec<String> {
    let ids = |value: &HeaderValue<'_>| match value {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().take(LISTED).map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    let mut found = ids(message.references());
    found.extend(ids(message.in_reply_to()));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|id| seen.insert(id.clone()));
    found
}

fn attachment(part: &MessagePart<'_>, cuts: &[Cut]) -> String {
    let name = text::one_line(part.attachment_name().unwrap_or("(without a name)"));
    // The line end before the mark of the next part belongs to that mark.
    let is_inside = |cut: &&Cut| (part.offset_body as usize..=part.offset_end as usize + 2).contains(&cut.place);
    let lost: u64 = cuts.iter().filter(is_inside).map(|cut| cut.lost_bytes).sum();
    format!("{name} ({})", size(part.contents().len() as u64 + lost))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// A message without the bulk of its attachments.
#[derive(Default)]
pub(crate) struct Slim {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
}

/// A place where lines were left out, and what they would have become without their encoding.
struct Cut {
    place: usize,
    lost_bytes: u64,
}

impl Slim {
    fn leave_out(&mut self, bytes: u64) {
        let place = self.bytes.len();
        match self.cuts.last_mut().filter(|cut| cut.place == place) {
            Some(cut) => cut.lost_bytes += bytes,
            None => self.cuts.push(Cut { place, lost_bytes: bytes }),
        }
    }
}

/// Reads a message, and of what would be its bulk only the length.
pub(crate) fn read_slim(mut reader: impl BufRead) -> std::io::Result<Slim> {
    let mut slim = Slim::default();
    let mut line = Vec::new();
    // What was kept since the last line that may stand between two parts, and of the encoded lines before this one.
    let (mut plain, mut encoded) = (0, 0);
    loop {
        line.clear();
        let count = (&mut reader).take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if count == 0 || slim.bytes.len() > MESSAGE_BYTES {
            return Ok(slim);
        }
        if line.starts_with(b"--") {
            (plain, encoded) = (0, 0);
        } else if is_base64(&line) {
            if encoded >= ENCODED_BYTES {
                slim.leave_out(line.trim_ascii_end().len() as u64 * 3 / 4);
                continue;
            }
            encoded += count;
        } else {
            encoded = 0;
            if plain >= PLAIN_BYTES {
                slim.leave_out(count as u64);
                continue;
            }
            plain += count;
        }
        slim.bytes.extend_from_slice(&line);
    }
}

fn is_base64(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.len() >= 60 && line.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
