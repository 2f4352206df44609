//! Approvals: the person sees exactly what will happen, and the yes is bound to exactly that.

use genoa_abi::policy::Decision;
use genoa_abi::schema::EffectClass;
use genoa_abi::session::QuestionKind;
use genoa_abi::{ContentHash, ErrorCode, Failure};
use serde_json::Value as Json;

use crate::calls::{Begun, Order};
use crate::demands::Unmet;
use crate::outbox::{attachments_of, message_text};
use crate::questions::{NewQuestion, Purpose};
use crate::rules;
use crate::system;
use crate::turn::Turn;

impl Turn<'_> {
    /// Puts an order before the person. It is carried out if they say yes to its fingerprint.
    pub(crate) fn ask_for_approval(
        &mut self,
        mut order: Order,
        unmet: &[Unmet],
        decision: &Decision,
    ) -> Result<Begun, Failure> {
        order.attached = self.attached(&order);
        let is_mail = order.schema.name == system::MAIL_SEND;
        let mut content = if is_mail { message_text(&order.arguments)? } else { call_text(&order) };
        let mut told: Vec<String> = unmet.iter().map(|one| format!("! {}", one.text())).collect();
        told.extend(rules::told(decision));
        if !told.is_empty() {
            content = format!("{content}\n\n{}", told.join("\n"));
        }
        let typed = (order.schema.effect == EffectClass::Govern).then(|| typed_word(&order.schema.name));
        let fingerprint = ContentHash::of_json(&(&order.schema.name, &order.arguments, &content, &order.attached));
        let consequence = match order.schema.effect {
            _ if is_mail => "The message goes to the outbox and leaves when the undo window is over",
            EffectClass::Govern => "The system is changed at once; this cannot be undone with the view",
            EffectClass::Observe => "It is looked up as it stands here",
            EffectClass::Change => "It changes the view, and nothing outside of it until you commit",
            EffectClass::Emit => "It leaves the machine at once and cannot be taken back",
        };
        let title = if is_mail {
            "Send this message?".to_owned()
        } else {
            format!("{}?", order.schema.about.trim_end_matches('.'))
        };
        self.open_question(NewQuestion {
            session: order.session,
            kind: QuestionKind::Approval { fingerprint, typed },
            title,
            content,
            consequence: consequence.to_owned(),
            purpose: Purpose::Approval(Box::new(order)),
        })?;
        Ok(Begun::Waiting)
    }

    /// Whether the attached files are still those that the person saw named.
    pub(crate) fn check_attached(&self, order: &Order) -> Result<(), Failure> {
        if self.attached(order) == order.attached {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::Conflict, "an attached file changed after its approval was asked for")
            .try_next("State the intention again"))
    }

    fn attached(&self, order: &Order) -> std::collections::BTreeMap<String, Option<ContentHash>> {
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

/// The word that must be typed for what changes authority: the tool's verb.
fn typed_word(tool: &str) -> String {
    tool.rsplit('.').next().unwrap_or(tool).to_owned()
}

/// A call with all its arguments, one a line.
fn call_text(order: &Order) -> String {
    let mut text = order.schema.name.clone();
    for (name, json) in &order.arguments {
        let value = match json {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.push_str(&format!("\n{name}: {value}"));
    }
    text
}
