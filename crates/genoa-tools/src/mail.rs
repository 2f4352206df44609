//! Mail in the Maildirs of the workspace: finding, reading, threads and drafts. Sending is not a tool's business.

use std::collections::BTreeSet;

use genoa_abi::schema::{EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde_json::Value as Json;

use crate::contacts::People;
use crate::mail_draft::{Draft, write_draft};
use crate::maildir::{Mail, StoredMail, read_all, read_one};
use crate::relevance::{Document, select};
use crate::text;
use crate::time::Span;
use crate::tool::{Call, Tool, answer, record, schema};

/// Mails that one search answers with: the best, or the newest.
const FOUND_MAILS: usize = 200;
/// What a search shows of a mail's text; `mail.read` gives the rest.
const SHOWN_CHARS: usize = 4_000;
/// Mails of one thread.
const THREAD_MAILS: usize = 200;
/// Words that every mail could be called.
const GENERIC: &str = "mail email message letter thread conversation mails";

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut mail = record(
        "Mail",
        &[
            ("subject", "str", "its subject"),
            ("sender", "Contact", "who wrote it"),
            ("recipients", "list[Contact]", "who got it"),
            ("date", "str", "when it was sent"),
            ("text", "str", "what it says"),
            ("id", "str", "its message id"),
            ("attachments", "list[str]", "names of attached files"),
            ("path", "path", "its file"),
        ],
    );
    mail.origin = Some("path".into());
    mail.title = Some("subject".into());
    mail.readers = vec!["sender".into(), "recipients".into()];
    vec![mail]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    let observe = |name: &str, about: &str, returns: &str| schema(name, about, EffectClass::Observe, read, returns);
    vec![
        Tool {
            schema: observe("mail.find", "Find mails by topic, sender or date.", "list[Mail]")
                .optional("about", "str", "topic or words")
                .topic()
                .optional("sender", "list[str]", "who wrote it: names, companies or addresses")
                .existing()
                .optional("when", "time", "when it was sent")
                .optional("unread", "bool", "True for unread mails only")
                .phrase("Find mails about {about} from {sender} {when}"),
            run: find,
        },
        Tool {
            schema: observe("mail.read", "Read the whole text of a mail.", "str")
                .required("mail", "Mail", "the mail")
                .phrase("Read {mail}"),
            run: read_mail,
        },
        Tool {
            schema: observe("mail.thread", "All mails of a conversation, oldest first.", "list[Mail]")
                .required("mail", "Mail", "one mail of it")
                .phrase("Read the conversation of {mail}"),
            run: thread,
        },
        Tool {
            schema: schema("mail.draft", "Save a new mail as a draft.", EffectClass::Change, write, "Mail")
                .required("to", "list[Contact]", "who shall get it")
                .required("subject", "str", "its subject")
                .required("body", "str", "its text")
                .asked_by("draft|prepar|save|compose|later|review|look at|read it|before it|not send|n't send|hold it|keep it back|unsent|for now|go over")
                .phrase("Save a draft to {to}: “{subject}”"),
            run: draft,
        },
        Tool {
            schema: schema(
                "mail.reply_draft",
                "Save an answer to a mail as a draft.",
                EffectClass::Change,
                write,
                "Mail",
            )
            .required("mail", "Mail", "the mail to answer")
            .required("body", "str", "the answer's text")
            .asked_by("repl|answer|respon|react|write back")
            .phrase("Save a draft that answers {mail}"),
            run: reply_draft,
        },
    ]
}

fn find(call: &Call<'_>) -> Result<Json, Failure> {
    let senders = call.texts("sender")?;
    let people = People::to_filter_by(&senders, call)?;
    let when = Span::argument(call, "when")?;
    let unread: bool = call.argument::<Option<_>>("unread")?.unwrap_or_default();
    let mut mails = read_all(call)?;
    mails.retain(|stored| {
        (senders.is_empty() || senders.iter().any(|sender| people.means(sender, &stored.mail.sender)))
            && when.is_none_or(|span| span.holds(stored.sent))
            && (!unread || stored.is_unread)
    });
    let texts: Vec<String> = mails.iter().map(searched).collect();
    let documents = mails.iter().zip(&texts).map(|(stored, text)| Document { title: &stored.mail.subject, text });
    let found = select(&call.text("about")?, GENERIC, documents);
    if found.len() > FOUND_MAILS {
        (call.progress)(&format!("{} mails fit; these are the first {FOUND_MAILS}", found.len()));
    }
    answer(found.into_iter().take(FOUND_MAILS).map(|place| shown(&mails[place].mail)).collect::<Vec<_>>())
}

fn searched(stored: &StoredMail) -> String {
    let mail = &stored.mail;
    let people: Vec<&str> = mail.recipients.iter().chain([&mail.sender]).map(|person| person.name.as_str()).collect();
    format!("{}\n{}\n{}", mail.text, people.join(" "), mail.attachments.join(" "))
}

fn shown(mail: &Mail) -> Mail {
    Mail { text: text::shorten(&mail.text, SHOWN_CHARS), ..mail.clone() }
}

fn read_mail(call: &Call<'_>) -> Result<Json, Failure> {
    answer(stored(call)?.mail.text)
}

/// The message that the argument `mail` names, read anew: what a plan carries may be shortened.
fn stored(call: &Call<'_>) -> Result<StoredMail, Failure> {
    let mail: Mail = call.argument("mail")?;
    let path = call.resolve(&mail.path)?;
    let in_maildir = path.parent().and_then(std::path::Path::parent).is_some_and(crate::walk::is_maildir);
    if in_maildir && let Ok(stored) = read_one(call, &path) {
        return Ok(stored);
    }
    // Mail programs rename a message's file when it is read.
    let moved = read_all(call)?.into_iter().find(|stored| !mail.id.is_empty() && stored.mail.id == mail.id);
    moved.ok_or_else(|| {
        Failure::new(ErrorCode::NotFound, "the mail is not there any more").try_next("Search for it again")
    })
}

fn thread(call: &Call<'_>) -> Result<Json, Failure> {
    let first = stored(call)?;
    let mut mails = read_all(call)?;
    mails.reverse();
    let mut ids: BTreeSet<String> = first.references.iter().cloned().collect();
    ids.insert(first.mail.id.clone());
    ids.remove("");
    // Each round may connect one more answer; a thread has fewer rounds than mails.
    for _ in 0..THREAD_MAILS {
        let before = ids.len();
        for stored in &mails {
            if ids.contains(&stored.mail.id) || stored.references.iter().any(|id| ids.contains(id)) {
                ids.extend(stored.references.iter().chain([&stored.mail.id]).filter(|id| !id.is_empty()).cloned());
            }
        }
        if ids.len() == before {
            break;
        }
    }
    let mut found: Vec<Mail> =
        mails.iter().filter(|stored| ids.contains(&stored.mail.id)).map(|stored| shown(&stored.mail)).collect();
    if found.is_empty() {
        found.push(shown(&first.mail));
    }
    found.truncate(THREAD_MAILS);
    answer(found)
}

fn draft(call: &Call<'_>) -> Result<Json, Failure> {
    let draft = Draft {
        to: call.argument("to")?,
        subject: call.text("subject")?,
        body: call.text("body")?,
        answers: Vec::new(),
    };
    answer(write_draft(call, &draft)?)
}

fn reply_draft(call: &Call<'_>) -> Result<Json, Failure> {
    let StoredMail { mail, references, .. } = stored(call)?;
    let subject =
        if mail.subject.to_lowercase().starts_with("re:") { mail.subject } else { format!("Re: {}", mail.subject) };
    let answers = references.into_iter().chain([mail.id]).filter(|id| !id.is_empty()).collect();
    answer(write_draft(call, &Draft { to: vec![mail.sender], subject, body: call.text("body")?, answers })?)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::{Value as Json, json};

    use crate::testing::{Bench, moment};

    fn mail(subject: &str, from: &str, day: u32, more: &str, body: &str) -> String {
        format!(
            "From: {from}\r\nTo: Nora Lindqvist <nora@fjordlight.example>\r\nSubject: {subject}\r\n\
            Date: {day} Nov 2026 10:00:00 +0100\r\n{more}\r\n{body}\r\n"
        )
    }

    fn bench() -> Bench {
        let ada = "Ada Okafor <ada@corp.example>";
        Bench::new()
            .with("Mail/INBOX/cur/1:2,S", mail("Lumen demo", ada, 10, "Message-ID: <1@x>\r\n", "The demo agenda."))
            .with(
                "Mail/INBOX/new/2",
                mail(
                    "Re: Lumen demo",
                    "Nora <nora@fjordlight.example>",
                    11,
                    "Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n",
                    "Fine with me.",
                ),
            )
            .with(
                "Mail/INBOX/cur/3:2,S",
                mail(
                    "=?utf-8?Q?Caf=C3=A9?=",
                    "Bo <bo@x.example>",
                    12,
                    "Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\nContent-Type: text/html; charset=utf-8\r\n",
                    "<html><style>p{}</style><body><p>Bring <b>cake</b></p></body></html>",
                ),
            )
            .with(
                "Mail/INBOX/cur/4:2,S",
                mail("Newsletter", "News <news@x.example>", 13, "Message-ID: <4@x>\r\n", "Buy a lamp"),
            )
            .with("Mail/INBOX/cur/broken:2,S", [0, 255, 1])
            .with("Mail/INBOX/tmp/5", "")
            .with("Mail/.Trash/cur/6:2,S", mail("Lumen demo deleted", ada, 9, "", "x"))
            .with("Mail/.Trash/new/.keep", "")
    }

    fn subjects(bench: &Bench, arguments: Json) -> Vec<String> {
        bench.column("mail.find", arguments, "subject")
    }

    #[test]
    fn mails_are_found_by_topic_sender_date_and_state() {
        let bench = bench();
        let check = |arguments, expected: &[&str]| assert_eq!(subjects(&bench, arguments), expected);
        check(json!({}), &["Newsletter", "Café", "Re: Lumen demo", "Lumen demo"]);
        check(json!({ "about": "the mail about the lumen demo agenda" }), &["Lumen demo"]);
        for ada in ["Ada", "Ada Okafor", "ADA@corp.example", "Corp"] {
            check(json!({ "sender": [ada] }), &["Lumen demo"]);
        }
        check(json!({ "sender": ["Ada", "Bo"] }), &["Café", "Lumen demo"]);
        check(json!({ "sender": ["Grace"] }), &[]);
        check(json!({ "sender": [" "] }), &["Newsletter", "Café", "Re: Lumen demo", "Lumen demo"]);
        check(json!({ "unread": true }), &["Re: Lumen demo"]);
        check(json!({ "when": moment("2026-11-12T00:00:00+01:00", "2026-11-13T00:00:00+01:00") }), &["Café"]);
    }

    #[test]
    fn threads_and_texts_are_read() {
        let bench = bench();
        let cake = bench.ok("mail.find", json!({ "about": "cake" }))[0].clone();
        assert_eq!(bench.ok("mail.read", json!({ "mail": cake })), json!("Bring cake"));
        assert_eq!(
            bench.column("mail.thread", json!({ "mail": cake }), "subject"),
            ["Lumen demo", "Re: Lumen demo", "Café"]
        );
    }

    #[test]
    fn a_huge_attachment_is_named_and_not_read() {
        let line = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n";
        let part = |name: &str, content: &str| {
            format!(
                "--b\r\nContent-Type: application/pdf; name=\"{name}\"\r\n\
            Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}"
            )
        };
        let body = format!(
            "--b\r\nContent-Type: text/plain\r\n\r\nSee attached.\r\n{}{}{}--b--\r\n",
            part("small.pdf", line),
            part("big.pdf", &line.repeat(900_000)),
            part("last.pdf", line)
        );
        let bench = Bench::new().with("Mail/new/.keep", "").with(
            "Mail/cur/1:2,S",
            mail(
                "Big",
                "Bo <b@x.example>",
                1,
                "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
                &body,
            ),
        );
        let begin = std::time::Instant::now();
        let found = bench.ok("mail.find", json!({}));
        assert_eq!(found[0]["attachments"], json!(["small.pdf (57 B)", "big.pdf (51 MB)", "last.pdf (57 B)"]));
        assert!(found.to_string().len() < 2_000 && begin.elapsed().as_secs() < 10);
    }

    #[test]
    fn drafts_are_written_where_mail_programs_look() {
        let bench = bench();
        let arguments = json!({ "to": [{ "name": "Ada Ökafor", "email": "ada@corp.example", "path": "" }],
            "subject": "Agenda\r\nBcc: thief@x.example", "body": "Hello,\n.\nFrom now on\n" });
        let saved = bench.ok("mail.draft", arguments.clone());
        assert_eq!(bench.ok("mail.draft", arguments)["path"], saved["path"], "the same call again changes nothing");
        let content = bench.text(saved["path"].as_str().unwrap());
        assert!(!content.to_lowercase().contains("\nbcc:"), "{content}");
        assert!(saved["path"].as_str().unwrap().starts_with("Mail/INBOX/.Drafts/cur/"), "{saved}");
        assert_eq!(saved["recipients"][0]["name"], "Ada Ökafor");
        assert_eq!(bench.ok("mail.read", json!({ "mail": saved })), json!("Hello,\n.\nFrom now on"));
        assert!(
            !subjects(&bench, json!({})).contains(&"Agenda Bcc: thief@x.example".to_owned()),
            "a draft is no mail yet"
        );
        let original = bench.ok("mail.find", json!({ "about": "lumen agenda" }))[0].clone();
        let reply = bench.ok("mail.reply_draft", json!({ "mail": original, "body": "Yes" }));
        assert_eq!(
            (reply["subject"].as_str(), reply["recipients"][0]["email"].as_str()),
            (Some("Re: Lumen demo"), Some("ada@corp.example"))
        );
        assert!(bench.text(reply["path"].as_str().unwrap()).contains("In-Reply-To: <1@x>"));
    }

    #[test]
    fn foreign_files_and_false_addresses_are_refused() {
        let bench = bench().with("notes.md", "From: x\n\nsecret");
        let mut message = bench.ok("mail.find", json!({ "about": "newsletter" }))[0].clone();
        let check = |tool: &str, arguments, code| assert_eq!(bench.refused(tool, arguments), code);
        message["path"] = json!("../../etc/passwd");
        check("mail.read", json!({ "mail": message }), ErrorCode::NotGranted);
        check("mail.thread", json!({ "mail": message }), ErrorCode::NotGranted);
        message["path"] = json!("notes.md");
        message["id"] = json!("none");
        check("mail.read", json!({ "mail": message }), ErrorCode::NotFound);
        check("mail.reply_draft", json!({ "mail": message, "body": "x" }), ErrorCode::NotFound);
        check("mail.draft", json!({ "to": [], "subject": "a", "body": "b" }), ErrorCode::InvalidInput);
        for email in ["", "nobody", "a@b\r\nBcc: c@d", "a b@c"] {
            let to = json!([{ "name": "x", "email": email, "path": "" }]);
            check("mail.draft", json!({ "to": to, "subject": "a", "body": "b" }), ErrorCode::InvalidInput);
        }
    }
}
