//! Messages that wait to leave, as mail files.

use std::path::{Component, Path, PathBuf};

use genoa_abi::session::{OutboxItem, OutgoingMail};
use genoa_abi::tool::Person;
use genoa_abi::{ErrorCode, Failure, OutboxId};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};

/// Bytes of all attachments of one message together.
const ATTACHMENTS_BYTES: u64 = 25 * 1024 * 1024;

/// Writes a message with its attachments to `folder`, whole or not at all. `layers` are the folders in which an
/// attachment is looked for: the view's upper layer, then the workspace.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for an address that is none, [`ErrorCode::NotFound`] for a missing attachment,
/// [`ErrorCode::TooLarge`] for too much, [`ErrorCode::Internal`] if the disk does not take it.
pub(crate) fn hold(
    folder: &Path,
    item: &OutboxItem,
    mail: &OutgoingMail,
    person: &Person,
    layers: &[PathBuf],
) -> Result<PathBuf, Failure> {
    let message = compose(item, mail, person, layers)?;
    let path = path_of(folder, item.id);
    let unfinished = path.with_extension("part");
    std::fs::write(&unfinished, message.formatted()).and_then(|()| std::fs::rename(&unfinished, &path)).map_err(
        |error| Failure::new(ErrorCode::Internal, format!("cannot write {}", path.display())).because(error),
    )?;
    Ok(path)
}

/// Where a held message is.
pub(crate) fn path_of(folder: &Path, item: OutboxId) -> PathBuf {
    folder.join(format!("{item}.eml"))
}

fn compose(item: &OutboxItem, mail: &OutgoingMail, person: &Person, layers: &[PathBuf]) -> Result<Message, Failure> {
    let address = |text: &str| -> Result<Mailbox, Failure> {
        text.parse().map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, format!("`{text}` is not a mail address")).because(error)
        })
    };
    let sender = if person.email.is_empty() { "nobody@localhost" } else { &person.email };
    let mut builder = Message::builder()
        .from(Mailbox::new(Some(person.name.clone()).filter(|name| !name.is_empty()), address(sender)?.email))
        // The id is the idempotency key: a server that gets the message twice can tell.
        .message_id(Some(format!("<{}.{}@genoa.local>", item.id, item.run)))
        .subject(&mail.subject);
    for recipient in &mail.to {
        builder = builder.to(address(recipient)?);
    }
    let text = SinglePart::plain(mail.body.clone());
    let composed = if mail.attachments.is_empty() {
        builder.singlepart(text)
    } else {
        let mut parts = MultiPart::mixed().singlepart(text);
        for (name, bytes) in read_attachments(&mail.attachments, layers)? {
            parts = parts.singlepart(Attachment::new(name).body(bytes, ContentType::TEXT_PLAIN.clone()));
        }
        builder.multipart(parts)
    };
    composed.map_err(|error| Failure::new(ErrorCode::InvalidInput, "the message cannot be composed").because(error))
}

fn read_attachments(paths: &[String], layers: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut total = 0;
    let mut attachments = Vec::new();
    for path in paths {
        let relative = Path::new(path);
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        let found = layers.iter().map(|layer| layer.join(relative)).find(|file| {
            // A link could lead out of the workspace.
            plain && file.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        });
        let Some(file) = found else {
            return Err(Failure::new(ErrorCode::NotFound, format!("the attachment {path} is not in the workspace")));
        };
        let unreadable = |error| Failure::new(ErrorCode::NotFound, format!("cannot read {path}")).because(error);
        total += file.metadata().map_err(unreadable)?.len();
        if total > ATTACHMENTS_BYTES {
            let what = format!("the attachments are over the limit of {ATTACHMENTS_BYTES} bytes together");
            return Err(Failure::new(ErrorCode::TooLarge, what));
        }
        let name = relative.file_name().unwrap_or_default().to_string_lossy().into_owned();
        attachments.push((name, std::fs::read(&file).map_err(unreadable)?));
    }
    Ok(attachments)
}

#[cfg(test)]
mod tests {
    use genoa_abi::session::{OutboxItem, OutboxState, Outgoing, OutgoingMail};
    use genoa_abi::tool::Person;
    use std::path::{Path, PathBuf};

    use genoa_abi::{ErrorCode, Failure, OutboxId, RunId, Timestamp};

    use super::hold;

    fn mail(to: &str, attachments: &[&str]) -> OutgoingMail {
        OutgoingMail {
            to: vec![to.into()],
            subject: "Käse".into(),
            body: "Hello".into(),
            attachments: attachments.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    fn held(folder: &Path, mail: OutgoingMail, person: &Person, layers: &[PathBuf]) -> Result<PathBuf, Failure> {
        let item = OutboxItem {
            id: OutboxId(3),
            run: RunId(2),
            content: Outgoing::Mail(mail.clone()),
            held_until: Timestamp(0),
            state: OutboxState::Held,
        };
        hold(folder, &item, &mail, person, layers)
    }

    #[test]
    fn a_held_message_is_a_mail_file() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = tempfile::tempdir().unwrap();
        std::fs::write(workspace.path().join("a.txt"), "attached").unwrap();
        let person = Person { name: "Ada".into(), email: "ada@example.org".into() };
        let layers = [workspace.path().to_owned()];
        let path = held(folder.path(), mail("bob@example.org", &["a.txt"]), &person, &layers).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        for part in ["From: Ada <ada@example.org>", "To: bob@example.org", "<o3.r2@genoa.local>", "a.txt", "Hello"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let code = |mail| held(folder.path(), mail, &Person::default(), &[]).map_err(|failure| failure.code);
        assert_eq!(code(mail("not an address", &[])), Err(ErrorCode::InvalidInput));
        assert_eq!(code(mail("bob@example.org", &["missing"])), Err(ErrorCode::NotFound));
        assert_eq!(code(mail("bob@example.org", &["../secret"])), Err(ErrorCode::NotFound));
        assert_eq!(code(mail("a@b.org\r\nBcc: x@y.org", &[])), Err(ErrorCode::InvalidInput));
    }
}
