//! Who calls which tool: for each such place the rules are put to the solver by themselves, with what is known of every call
//! there.

use genoa_abi::Timestamp;
use genoa_abi::schema::{ToolSchema, Type};
use serde_json::{Value as Json, json};

use crate::expression::{
    Mentions, all, attribute, between, constant, entity, has, if_then_else, is_empty, known, text, texts, variable,
};

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    /// A plan of the person's own.
    Person,
    /// Some agent.
    Agent,
}

impl Caller {
    pub(crate) const ALL: [Self; 2] = [Self::Person, Self::Agent];

    /// The entity type.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Agent => "Agent",
        }
    }
}

/// A tool, and who calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'q> {
    pub(crate) caller: Caller,
    pub(crate) tool: &'q ToolSchema,
}

impl Place<'_> {
    /// What holds of every call here, as far as `mentions` speaks of it. What is left out makes more calls than there can be:
    /// what is proved of those is true of these.
    pub(crate) fn truths(&self, mentions: &Mentions, now: Timestamp) -> Json {
        let speaks_of = |name: &str| mentions.known.contains(name);
        let mut truths = Vec::new();
        if self.caller == Caller::Person && mentions.variables.contains("principal") {
            truths.push(between("==", variable("principal"), entity("Person", "you")));
        }
        // The folder stands in a call twice: as an entity, and as text.
        for folder in &mentions.folders {
            let as_entity = between("==", variable("resource"), entity("Workspace", folder));
            truths.push(between("==", as_entity, between("==", known("workspace"), text(folder))));
        }
        if speaks_of("now") {
            truths.push(between(">=", known("now"), moment(now)));
        }
        let names = || self.tool.parameters.iter().map(|parameter| parameter.name.as_str());
        if speaks_of("unmet") && self.tool.parameters.is_empty() {
            truths.push(is_empty(known("unmet")));
        } else if mentions.which_unmet {
            truths.push(between("containsAll", texts(names()), known("unmet")));
        }
        // Only what is shown to somebody has readers, and it is new to readers only.
        let is_shown = self.tool.parameters.iter().any(|parameter| !parameter.shown_to.is_empty());
        if !is_shown {
            truths.extend(
                ["recipients", "new_to"].into_iter().filter(|name| speaks_of(name)).map(|name| is_empty(known(name))),
            );
        } else if speaks_of("recipients") && speaks_of("new_to") {
            truths.push(between("containsAll", known("recipients"), known("new_to")));
        }
        if speaks_of("args") {
            truths.extend(self.tool.parameters.iter().filter_map(|parameter| words_of(&parameter.name, &parameter.ty)));
        }
        all(truths)
    }
}

/// That an argument is one of the words that it may be.
fn words_of(name: &str, ty: &Type) -> Option<Json> {
    let (words, operator) = match ty {
        Type::Optional(inner) => return words_of(name, inner),
        Type::Choice(words) => (words, "contains"),
        Type::List(inner) => match &**inner {
            Type::Choice(words) => (words, "containsAll"),
            _ => return None,
        },
        _ => return None,
    };
    let one_of = between(operator, texts(words.iter().map(String::as_str)), attribute(known("args"), name));
    // Not `||`: Cedar takes an attribute for there only after a condition that is true.
    Some(if_then_else(has(known("args"), name), one_of, constant(true)))
}

/// A time as an expression: to the second, as the rules see it.
pub(crate) fn moment(time: Timestamp) -> Json {
    let time = jiff::Timestamp::from_second(time.0.div_euclid(1000)).unwrap_or_default();
    json!({ "datetime": [text(&time.to_string())] })
}
