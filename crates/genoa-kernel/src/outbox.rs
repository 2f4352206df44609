//! The outbox: approved messages, and calls that leave the machine, held for the undo window, then sent once.
//!
//! What is only of calls is in `held_calls.rs`.

use std::collections::BTreeSet;

use genoa_abi::event::Effect;
use genoa_abi::limits::{MESSAGE_RECIPIENTS, OUTBOX_HOLD_MS, OUTBOX_MESSAGES};
use genoa_abi::session::{News, OutboxItem, OutboxState, Outgoing, OutgoingMail, Weight};
use genoa_abi::syscall::Reply;
use genoa_abi::{ErrorCode, Failure, OutboxId, SessionId, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::approvals::set_in;
use crate::calls::{Begun, Order};
use crate::held_calls::HeldCall;
use crate::kernel::Kernel;
use crate::letters::{spelled, unmistakable};
use crate::turn::{Asker, Origin, Response, Standing, Turn, too_large};

/// A message of the outbox, or a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) item: OutboxItem,
    pub(crate) session: SessionId,
    pub(crate) delivery: Delivery,
    /// The call that it is, for as long as that has not begun; nothing for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<Box<HeldCall>>,
}

/// How far the delivery of a held message or call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Delivery {
    /// Waits for the end of its undo window.
    Waiting,
    /// Handed to the daemon. If that is never heard of again, the message may or may not have left, so it is not
    /// handed over a second time.
    HandedOver,
    /// It certainly did not leave, because nothing was there to send it with. Tried again after the next start.
    NoAccount,
    /// It failed, or its fate is unknown. Not tried again.
    GivenUp,
    /// It left.
    Delivered,
}

impl Message {
    /// When it is to be sent; nothing if it waits for no time.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let waits = self.item.state == OutboxState::Held && self.delivery == Delivery::Waiting;
        waits.then_some(self.item.held_until)
    }
}

impl Kernel {
    /// How long what leaves the machine is held.
    pub(crate) fn undo_window_ms(&self) -> u64 {
        self.undo_window_ms.unwrap_or(OUTBOX_HOLD_MS)
    }
}

impl Turn<'_> {
    /// Refuses what would be one too many.
    pub(crate) fn check_outbox_room(&self) -> Result<(), Failure> {
        let held = self.kernel.outbox.values().filter(|message| !message.item.state.is_over()).count();
        if held < OUTBOX_MESSAGES {
            return Ok(());
        }
        Err(too_large("too many messages wait in the outbox", "OUTBOX_MESSAGES", OUTBOX_MESSAGES)
            .try_next("Take some back with `undo`; `list` shows them"))
    }

    /// Puts an approved message into the outbox.
    pub(crate) fn hold_message(&mut self, order: &Order) -> Result<Begun, Failure> {
        self.check_outbox_room()?;
        let mail = Mail::of(&order.arguments)?;
        let view = self.view_for(order.session)?;
        let amount = crate::grants::Amount { calls: 1, ..Default::default() };
        self.kernel.grants.reserve(order.grant, amount, self.now)?;
        let run = match order.origin {
            Origin::Run(run) => run,
            _ => self.kernel.counters.run(),
        };
        let item = OutboxItem {
            id: self.kernel.counters.outbox(),
            run,
            content: Outgoing::Mail(OutgoingMail {
                to: mail.to.into_iter().map(|(_, address)| address).collect(),
                subject: mail.subject,
                body: mail.body,
                attachments: mail.attachments,
            }),
            held_until: self.now.plus_ms(self.kernel.undo_window_ms()),
            state: OutboxState::Held,
        };
        let session = self.session(order.session)?;
        let (workspace, person) = (session.workspace.clone(), session.person.clone());
        self.effects.push(Effect::Hold { item: item.clone(), view, workspace, person });
        self.note_deed(order.origin, item.id, |deeds| &mut deeds.outbox);
        self.record(order.origin, |step| step.held.push(item.id));
        let message = Message { item, session: order.session, delivery: Delivery::Waiting, held: None };
        self.kernel.outbox.insert(message.item.id, message);
        Ok(Begun::Over(Value::none()))
    }

    /// Hands over what was held for long enough.
    pub(crate) fn send_due(&mut self) {
        let now = self.now;
        let due = self.kernel.outbox.iter().filter(|(_, message)| message.due().is_some_and(|time| time <= now));
        let due: Vec<OutboxId> = due.map(|(id, _)| *id).collect();
        for id in due {
            // What a call before it came to may have been its end.
            let Some(message) = self.kernel.outbox.get_mut(&id).filter(|message| message.due().is_some()) else {
                continue;
            };
            if message.item.mail().is_none() {
                self.release_call(id);
                continue;
            }
            message.delivery = Delivery::HandedOver;
            message.item.state = OutboxState::Leaving;
            self.effects.push(Effect::Send { item: id });
        }
    }

    pub(crate) fn outbox_finished(&mut self, id: OutboxId, outcome: Result<(), Failure>) {
        let Some(message) = self.kernel.outbox.get_mut(&id) else { return };
        let Some(subject) = message.item.mail().map(|mail| mail.subject.clone()) else { return };
        let (text, weight) = match (message.delivery, outcome) {
            (Delivery::HandedOver, Ok(())) => {
                message.delivery = Delivery::Delivered;
                message.item.state = OutboxState::Sent;
                (format!("The message \"{subject}\" was sent"), Weight::Usual)
            }
            (Delivery::Waiting, Err(failure)) if message.item.state == OutboxState::Held => {
                message.delivery = Delivery::GivenUp;
                message.item.state = OutboxState::Dropped;
                let text =
                    format!("The message \"{subject}\" could not be put into the outbox and is not sent. {failure}");
                (text, Weight::Important)
            }
            (Delivery::HandedOver, Err(failure)) => {
                let nothing_tried = matches!(failure.code, ErrorCode::Unsupported | ErrorCode::NotFound);
                message.delivery = if nothing_tried { Delivery::NoAccount } else { Delivery::GivenUp };
                message.item.state = OutboxState::Held;
                let text = format!("The message \"{subject}\" was not sent and stays in the outbox. {failure}");
                (text, Weight::Important)
            }
            _ => return,
        };
        let session = message.session;
        self.tell(session, News::Notice { text, weight });
    }

    /// After a start: what was handed over and never heard of is given up and told, messages without an account are tried once
    /// more, and what only waited is held for a whole window again, because nobody could take it back meanwhile.
    pub(crate) fn recover_outbox(&mut self) {
        let anew = self.kernel.undo_window_ms.map(|window| self.now.plus_ms(window));
        let mut unknown = Vec::new();
        for message in self.kernel.outbox.values_mut() {
            let item = &mut message.item;
            match message.delivery {
                Delivery::HandedOver => {
                    message.delivery = Delivery::GivenUp;
                    item.state = if item.mail().is_some() { OutboxState::Held } else { OutboxState::Failed };
                    unknown.push((message.session, fate_unknown(&item.content)));
                }
                Delivery::Waiting if item.state == OutboxState::Held => {
                    item.held_until = anew.unwrap_or(item.held_until)
                }
                Delivery::NoAccount if item.state == OutboxState::Held => message.delivery = Delivery::Waiting,
                _ => {}
            }
        }
        for (session, text) in unknown {
            self.tell(session, News::Notice { text, weight: Weight::Important });
        }
    }

    /// Takes something back that has not left; of a call that left, by its counterpart.
    pub(crate) fn withdraw(&mut self, asker: Asker, standing: Standing, id: OutboxId) -> Result<Response, Failure> {
        let message = self.kernel.outbox.get_mut(&id).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("there is no message {id}")).try_next("`list` shows the outbox")
        })?;
        if let Some(call) = message.item.call().map(|call| call.call).filter(|_| message.held.is_none()) {
            if self.kernel.undoable.contains_key(&call) {
                return self.undo_call(asker, standing, call);
            }
            return Err(Failure::new(ErrorCode::Conflict, format!("the call {id} can no longer be taken back"))
                .because(
                    "it left, is just leaving, or was taken back before, and its tool names nothing that takes it back",
                ));
        }
        if message.item.mail().is_none() {
            self.take_call_back(id);
            return Ok(Response::Now(Reply::Done));
        }
        if message.item.state != OutboxState::Held || message.delivery == Delivery::HandedOver {
            return Err(Failure::new(ErrorCode::Conflict, format!("the message {id} can no longer be taken back"))
                .because("it left, is just leaving, or was taken back before"));
        }
        message.item.state = OutboxState::Withdrawn;
        Ok(Response::Now(Reply::Done))
    }

    /// Forgets the oldest of the messages that no longer wait.
    pub(crate) fn forget_old_messages(&mut self) {
        let outbox = &mut self.kernel.outbox;
        let over = |message: &Message| message.item.state.is_over();
        let surplus = outbox.values().filter(|message| over(message)).count().saturating_sub(OUTBOX_MESSAGES);
        let oldest: Vec<OutboxId> =
            outbox.iter().filter(|(_, message)| over(message)).map(|(id, _)| *id).take(surplus).collect();
        outbox.retain(|id, _| !oldest.contains(id));
    }
}

/// What the person is told of something that was handed over when Genoa stopped.
fn fate_unknown(content: &Outgoing) -> String {
    match content {
        Outgoing::Mail(mail) => format!(
            "Genoa stopped while the message \"{}\" was being sent: it may have left or not. It is not sent again; look into \
             your mail account",
            mail.subject
        ),
        Outgoing::Call(call) => format!(
            "Genoa stopped while {} was carried out: it may have happened or not. It is not repeated; look, before you ask for \
             it again",
            call.tool
        ),
    }
}

/// A message as the person reads it before they approve it.
pub(crate) fn message_text(arguments: &Map<String, Json>) -> Result<String, Failure> {
    let mail = Mail::of(arguments)?;
    let name = |(name, address): &(String, String)| match name.is_empty() {
        true => address.clone(),
        false => format!("{} <{address}>", unmistakable(name, "<>,;@")),
    };
    let recipients: Vec<String> = mail.to.iter().map(name).collect();
    let mut text = format!("To: {}\nSubject: {}\n", spelled(&recipients.join(", ")), spelled(&mail.subject));
    if !mail.attachments.is_empty() {
        let names: Vec<String> = mail.attachments.iter().map(|path| unmistakable(path, ",")).collect();
        text.push_str(&format!("Attachments: {}\n", spelled(&names.join(", "))));
    }
    // Set in, so that no line of it looks like one of ours.
    Ok(format!("{text}\n  {}", set_in(&mail.body, "  ")))
}

/// The attached paths of a `mail.send`; none for other calls.
pub(crate) fn attachments_of(arguments: &Map<String, Json>) -> Vec<String> {
    let items = arguments.get("attachments").and_then(Json::as_array);
    items.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

struct Mail {
    /// Name and address of each recipient.
    to: Vec<(String, String)>,
    subject: String,
    body: String,
    attachments: Vec<String>,
}

impl Mail {
    fn of(arguments: &Map<String, Json>) -> Result<Self, Failure> {
        let text = |name: &str| arguments.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let contacts = arguments.get("to").and_then(Json::as_array).into_iter().flatten();
        let field =
            |contact: &Json, name: &str| contact.get(name).and_then(Json::as_str).unwrap_or_default().trim().to_owned();
        let to: Vec<(String, String)> =
            contacts.map(|contact| (field(contact, "name"), field(contact, "email"))).collect();
        let mail = Self { to, subject: text("subject"), body: text("body"), attachments: attachments_of(arguments) };
        mail.check()?;
        Ok(mail)
    }

    fn check(&self) -> Result<(), Failure> {
        let wrong = |what: String| Err(Failure::new(ErrorCode::InvalidInput, what));
        if self.to.is_empty() {
            return wrong("the message has no recipient".into());
        }
        if self.to.len().max(self.attachments.len()) > MESSAGE_RECIPIENTS {
            let what = "the message has too many recipients or attachments";
            return Err(too_large(what, "MESSAGE_RECIPIENTS", MESSAGE_RECIPIENTS));
        }
        if let Some((name, address)) = self.to.iter().find(|(name, address)| !is_address(address) || has_control(name))
        {
            return wrong(format!("`{} <{}>` is no mail address", name.escape_debug(), address.escape_debug()));
        }
        let addresses: BTreeSet<&String> = self.to.iter().map(|(_, address)| address).collect();
        if addresses.len() < self.to.len() {
            return wrong("a recipient is named twice".into());
        }
        if has_control(&self.subject) {
            return wrong("the subject has a line break or another control character".into());
        }
        match self.attachments.iter().find(|path| !is_inside(path)) {
            Some(path) => wrong(format!("the attachment `{}` is not a path inside the workspace", path.escape_debug())),
            None => Ok(()),
        }
    }
}

fn is_address(text: &str) -> bool {
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control() && !"<>,;\"()".contains(letter);
    text.chars().all(plain)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

fn has_control(text: &str) -> bool {
    text.contains(char::is_control)
}

fn is_inside(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && !has_control(path) && path.split('/').all(|part| part != "..")
}
