//! Writes drafts into the Maildir where mail programs look for them.

use std::path::{Path, PathBuf};

use genoa_abi::limits::MESSAGE_RECIPIENTS;
use genoa_abi::{ErrorCode, Failure};
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;

use crate::contacts::Contact;
use crate::maildir::{Mail, folder_name, read_one};
use crate::tool::{Call, file_failure};
use crate::{files, text, time, walk};

/// What a draft says.
#[derive(Clone, Debug)]
pub struct Draft {
    /// To whom.
    pub to: Vec<Contact>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    /// Message ids of the thread that it answers, the answered one last.
    pub answers: Vec<String>,
}

/// Writes the draft; the same call writes the same file.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for recipients without a proper address.
pub fn write_draft(call: &Call<'_>, draft: &Draft) -> Result<Mail, Failure> {
    let now = time::now(call)?.timestamp();
    let person = &call.request.person;
    let id = format!("{}.{}", now.as_second(), call.request.call.0);
    let domain = person.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let mut message = MessageBuilder::new()
        .message_id(format!("{id}@{domain}"))
        .date(now.as_second())
        .to(addresses(&draft.to)?)
        .subject(text::one_line(&draft.subject))
        .text_body(draft.body.replace('\r', ""));
    if !person.email.is_empty() {
        message = message.from((text::one_line(&person.name), text::one_line(&person.email)));
    }
    let answers: Vec<String> = draft.answers.iter().map(|id| text::one_line(id)).collect();
    if let Some(last) = answers.last() {
        message = message.in_reply_to(last.clone()).references(answers.clone());
    }
    let bytes = message.write_to_vec().map_err(|error| file_failure("the draft cannot be put together", &error))?;
    let path = drafts_folder(call)?.join(format!("cur/{id}.genoa:2,DS"));
    files::put(call, &path, bytes)?;
    Ok(read_one(call, &path)?.mail)
}

fn addresses(people: &[Contact]) -> Result<Address<'static>, Failure> {
    if people.is_empty() || people.len() > MESSAGE_RECIPIENTS {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("a mail has 1 to {MESSAGE_RECIPIENTS} recipients")));
    }
    people.iter().map(address).collect::<Result<Vec<_>, _>>().map(Address::new_list)
}

fn address(person: &Contact) -> Result<Address<'static>, Failure> {
    let is_strange = |letter: char| letter.is_control() || letter.is_whitespace() || "<>,;\"".contains(letter);
    let parts = person.email.split_once('@');
    if parts.is_none_or(|(name, host)| name.is_empty() || host.is_empty()) || person.email.contains(is_strange) {
        return Err(Failure::new(
            ErrorCode::InvalidInput,
            format!("{} has no usable mail address", text::one_line(&person.name)),
        )
        .because(format!("`{}` is not one", text::one_line(&person.email)))
        .try_next("Add the address to the contacts"));
    }
    Ok(Address::new_address(Some(text::one_line(&person.name)), person.email.clone()))
}

/// The Maildir for drafts: the one that is there, else one beside the inbox, else a first one.
fn drafts_folder(call: &Call<'_>) -> Result<PathBuf, Failure> {
    let maildirs = walk::maildirs(call.workspace())?;
    if let Some(drafts) = maildirs.iter().find(|maildir| folder_name(maildir) == "drafts") {
        return Ok(drafts.clone());
    }
    let is_inbox = |maildir: &&PathBuf| folder_name(maildir) == "inbox";
    let drafts = match maildirs.iter().find(is_inbox).or(maildirs.first()) {
        Some(inbox) => inbox.join(".Drafts"),
        None => call.resolve("Mail/Drafts")?,
    };
    make_maildir(&drafts)?;
    Ok(drafts)
}

fn make_maildir(folder: &Path) -> Result<(), Failure> {
    ["cur", "new", "tmp"].iter().try_for_each(|part| {
        std::fs::create_dir_all(folder.join(part))
            .map_err(|error| file_failure(format!("{} cannot be made", folder.display()), &error))
    })
}
