//! Approvals: the person sees exactly what will happen, and the yes is bound to exactly that.

use genoa_abi::policy::Decision;
use genoa_abi::schema::EffectClass;
use genoa_abi::session::QuestionKind;
use genoa_abi::syscall::Caller;
use genoa_abi::{ContentHash, ErrorCode, Failure};
use serde_json::Value as Json;

use crate::calls::{Begun, Order};
use crate::demands::Unmet;
use crate::letters;
use crate::outbox::{attachments_of, message_text};
use crate::questions::{NewQuestion, Purpose};
use crate::rules;
use crate::suspicions;
use crate::system;
use crate::turn::{Asker, Origin, Turn};

impl Turn<'_> {
    /// Puts a call before the person, together with those alike that come right after it. It is carried out if they say yes to
    /// the fingerprint of all of them.
    pub(crate) fn ask_for_approval(&mut self, first: Ask) -> Result<Begun, Failure> {
        let alike = self.alike_after(&first.order);
        let all: Vec<&Ask> = std::iter::once(&first).chain(&alike).collect();
        let count = all.len();
        let (fingerprint, content) = match all.as_slice() {
            [only] => (only.fingerprint, only.content.clone()),
            several => {
                let prints: Vec<ContentHash> = several.iter().map(|ask| ask.fingerprint).collect();
                (ContentHash::of_json(&prints), numbered(several))
            }
        };
        let mut order = first.order;
        order.alike = alike.iter().map(|ask| ask.fingerprint).collect();
        let typed = (order.schema.effect == EffectClass::Govern).then(|| typed_word(&order.schema.name));
        // Who asks for something by hand is asked there, whosever session it is carried out in.
        let session = match order.origin {
            Origin::Syscall(Asker { caller: Caller::Person(session), .. }) => session,
            _ => order.session,
        };
        self.open_question(NewQuestion {
            session,
            kind: QuestionKind::Approval { fingerprint, typed },
            title: title(&order, count),
            content,
            consequence: self.consequence(&order, count),
            more: order.alike.len(),
            purpose: Purpose::Approval(Box::new(order)),
        })?;
        Ok(Begun::Waiting)
    }

    /// What happens on yes.
    fn consequence(&self, order: &Order, count: usize) -> String {
        let seconds = self.kernel.undo_window_ms().div_ceil(1000);
        let is_held =
            self.is_held_first(&order.schema) && !order.schema.at_once && order.undoes.is_none() && seconds > 0;
        let undoing = order.schema.undone_by.as_ref().filter(|_| order.schema.effect == EffectClass::Emit);
        let held = match count {
            1 => format!("It is held for {seconds} s, in which `genoa undo` takes it back; then it leaves the machine"),
            _ => format!(
                "They are held for {seconds} s, in which `genoa undo` stops them all; then they leave the machine, one after the \
                 other"
            ),
        };
        match undoing.map(|undoing| &undoing.tool) {
            None if is_held => held,
            None => fixed_consequence(order, count).to_owned(),
            Some(tool) if is_held => format!("{held}. After that, {tool} takes back what left"),
            Some(tool) => format!("It leaves the machine at once; `genoa undo` takes it back by {tool}"),
        }
    }

    /// Whether the attached files are still those that the person saw named.
    pub(crate) fn check_attached(&self, order: &Order) -> Result<(), Failure> {
        if self.attached(order) == order.attached {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::Conflict, "an attached file changed after its approval was asked for")
            .try_next("State the intention again"))
    }

    /// What the attached files hold now, as far as calls of the view wrote them.
    pub(crate) fn attached(&self, order: &Order) -> std::collections::BTreeMap<String, Option<ContentHash>> {
        let view = self.session(order.session).ok().and_then(|session| session.view);
        let files = view.and_then(|view| self.kernel.views.get(&view)).map(|view| &view.files);
        let content = |path: &String| files.and_then(|files| files.get(path)).copied().flatten();
        attachments_of(&order.arguments)
            .into_iter()
            .map(|path| {
                let hash = content(&path);
                (path, hash)
            })
            .collect()
    }
}

/// A call that has to be asked about, as the person sees it.
pub(crate) struct Ask {
    pub(crate) order: Order,
    content: String,
    /// The name of exactly this call and all that is shown of it.
    pub(crate) fingerprint: ContentHash,
}

impl Ask {
    /// The call with what is wrong with its arguments, and what the rules say of it.
    pub(crate) fn new(order: Order, unmet: &[Unmet], decision: &Decision) -> Result<Self, Failure> {
        let content = content(&order, unmet, decision)?;
        let fingerprint = ContentHash::of_json(&(&order.schema.name, &order.arguments, &content, &order.attached));
        Ok(Self { order, content, fingerprint })
    }
}

fn content(order: &Order, unmet: &[Unmet], decision: &Decision) -> Result<String, Failure> {
    let content = if is_mail(order) { message_text(&order.arguments)? } else { call_text(order) };
    let mut told: Vec<String> = unmet.iter().map(Unmet::text).collect();
    told.extend(suspicions::told(order));
    told.extend(letters::told(&order.arguments));
    told.extend(rules::told(decision));
    // Names of files and rules are in them, and may hold anything.
    let told: Vec<String> = told.iter().map(|one| format!("! {}", letters::spelled(one))).collect();
    Ok(if told.is_empty() { content } else { format!("{content}\n\n{}", told.join("\n")) })
}

fn numbered(asks: &[&Ask]) -> String {
    let count = asks.len();
    let one = |(place, ask): (usize, &&Ask)| format!("{} of {count}\n{}", place + 1, ask.content);
    asks.iter().enumerate().map(one).collect::<Vec<_>>().join("\n\n")
}

fn title(order: &Order, count: usize) -> String {
    let about = letters::spelled(order.schema.about.trim_end_matches('.'));
    match count {
        1 if is_mail(order) => "Send this message?".to_owned(),
        1 => format!("{about}?"),
        _ if is_mail(order) => format!("Send these {count} messages?"),
        _ => format!("{about}, {count} times?"),
    }
}

fn fixed_consequence(order: &Order, count: usize) -> &'static str {
    match order.schema.effect {
        _ if is_mail(order) && count == 1 => "The message goes to the outbox and leaves when the undo window is over",
        _ if is_mail(order) => "The messages go to the outbox and leave when the undo window is over",
        EffectClass::Govern => "The system is changed at once; this cannot be undone with the view",
        EffectClass::Observe => "It is looked up as it stands here",
        EffectClass::Change => "It changes the view, and nothing outside of it until you commit",
        EffectClass::Emit => "It leaves the machine at once and cannot be taken back",
    }
}

fn is_mail(order: &Order) -> bool {
    order.schema.name == system::MAIL_SEND
}

/// The word that must be typed for what changes authority: the tool's verb.
fn typed_word(tool: &str) -> String {
    tool.rsplit('.').next().unwrap_or(tool).to_owned()
}

/// A call with all its arguments, each on a line of its own. What goes on over several lines is set in, so that no line
/// of an argument looks like one of ours.
pub(crate) fn call_text(order: &Order) -> String {
    let mut text = order.schema.name.clone();
    for (name, json) in &order.arguments {
        let value = match json {
            Json::String(text) => set_in(text, "    "),
            other => other.to_string(),
        };
        text.push_str(&format!("\n{name}: {value}"));
    }
    text
}

/// A text whose lines after the first begin with `margin`, whatever ends them.
pub(crate) fn set_in(text: &str, margin: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        shown.push(letter);
        let ends_line = matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if ends_line && !(letter == '\r' && letters.peek() == Some(&'\n')) {
            shown.push_str(margin);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::set_in;

    proptest! {
        #[test]
        fn no_line_of_an_argument_begins_at_the_margin(text in "(!|[a ]|\\r|\\n|\u{2028}|\\PC){0,30}") {
            let shown = format!("body: {}", set_in(&text, "    "));
            let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
            let whole = shown.replace("\r\n", "\n");
            prop_assert!(whole.split(ends).skip(1).all(|line| line.starts_with("    ")), "{:?}", shown);
            // Nothing of it is lost.
            let again: String = whole.split_inclusive(ends).enumerate().map(|(place, line)| if place == 0 { &line[6..] } else { &line[4..] }).collect();
            prop_assert_eq!(again, text.replace("\r\n", "\n"));
        }
    }
}
