//! A rule as a form: what a model may make of a sentence, and what is then made of that, in Cedar and in plain words.
//!
//! The form has so few places that nothing can stand in it which a person could not read at a glance, and what stands in it
//! must be in the sentence. Whether it becomes a rule, the person says.

use std::collections::BTreeSet;

use genoa_abi::labels::address_key;
use genoa_abi::schema::{Catalog, EffectClass, ToolSchema, Type};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::schema::class_name;
use crate::suggest::quoted;

/// Addresses that one rule names, at most.
const ADDRESSES: usize = 8;
const CLASSES: [EffectClass; 4] = [EffectClass::Observe, EffectClass::Change, EffectClass::Emit, EffectClass::Govern];
/// Where an argument may be from, as rules name it.
const ORIGINS: [&str; 6] = ["mail", "web", "file", "contacts", "machine", "tool"];

/// What a rule does with the calls that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftVerdict {
    /// They are refused.
    Never,
    /// The person is asked, also where they would not be.
    Ask,
    /// They are made without a question.
    Allow,
}

/// Which recipients make a call one that the rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Any, or none.
    Any,
    /// One of the addresses; where calls are allowed, only these.
    These,
    /// Anybody who is not one of the addresses.
    Others,
}

/// A rule as a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it does.
    pub verdict: DraftVerdict,
    /// The tool (`mail.send`), the group (`mail`) or the class (`emit`) that it is about.
    pub action: String,
    /// Whose calls; nothing for everybody's.
    pub agent: Option<String>,
    /// To whom.
    pub recipients: Recipients,
    /// The addresses of [`Draft::recipients`].
    pub addresses: Vec<String>,
    /// What the path of a file begins with; nothing for every path.
    pub path: Option<String>,
    /// Where an argument is from; nothing for wherever.
    pub from: Option<String>,
}

/// The JSON Schema of a [`Draft`] over these tools and agents, with no address and no path but those of the sentence.
#[must_use]
pub fn draft_schema(catalog: &Catalog, agents: &[String], sentence: &str) -> Json {
    let groups: BTreeSet<&str> = catalog.tools.keys().filter_map(|name| Some(name.split_once('.')?.0)).collect();
    let tools = catalog.tools.keys().map(String::as_str).filter(|name| name.contains('.'));
    let classes: Vec<&str> = CLASSES.into_iter().map(class_name).collect();
    let actions: Vec<&str> = classes.into_iter().chain(groups).chain(tools).collect();
    let or_nothing = |schema: Json| json!({ "anyOf": [schema, { "type": "null" }] });
    let (addresses, paths) = (addresses_in(sentence), paths_in(sentence));
    let recipients = if addresses.is_empty() { &["any"][..] } else { &["any", "these", "others"] };
    let addresses = match addresses.as_slice() {
        [] => json!({ "type": "array", "maxItems": 0 }),
        some => json!({ "type": "array", "items": { "enum": some }, "maxItems": ADDRESSES }),
    };
    let path = if paths.is_empty() { json!({ "type": "null" }) } else { or_nothing(json!({ "enum": paths })) };
    let properties = json!({
        "verdict": { "enum": ["never", "ask", "allow"] },
        "action": { "enum": actions },
        "agent": or_nothing(json!({ "enum": agents })),
        "recipients": { "enum": recipients },
        "addresses": addresses,
        "path": path,
        "from": or_nothing(json!({ "enum": ORIGINS })),
    });
    let required = ["verdict", "action", "agent", "recipients", "addresses", "path", "from"];
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

impl Draft {
    /// What speaks against making a rule of it: something that the sentence does not say, or that no rule can say.
    ///
    /// # Errors
    /// The reason, and what to say instead.
    pub fn check(&self, sentence: &str, catalog: &Catalog) -> Result<(), String> {
        let said = sentence.to_lowercase();
        let foreign = self.addresses.iter().chain(&self.path).find(|word| !said.contains(&word.to_lowercase()));
        if let Some(word) = foreign {
            return Err(format!("`{}` does not stand in the sentence", word.escape_debug()));
        }
        let domain = words_of(sentence).find(|word| is_domain(word) && !catalog.tools.contains_key(*word));
        if let Some(word) = self.addresses.iter().map(String::as_str).find(|word| !word.contains('@')).or(domain) {
            return Err(format!("`{word}` is no address: a rule can name addresses, not whole domains or names"));
        }
        if (self.recipients == Recipients::Any) != self.addresses.is_empty() {
            return Err("the sentence names no address that the rule could be about".to_owned());
        }
        if self.tools(catalog).next().is_none() {
            return Err(format!("nothing is called `{}`", self.action.escape_debug()));
        }
        if self.recipients != Recipients::Any && !self.tools(catalog).any(has_recipients) {
            return Err(format!("{} goes to nobody", self.action));
        }
        if self.path.is_some() && self.path_parameters(catalog).is_empty() {
            return Err(format!("{} takes no path", self.action));
        }
        let governs = self.tools(catalog).any(|tool| tool.effect == EffectClass::Govern);
        match self.verdict {
            DraftVerdict::Allow if governs => {
                Err("what changes authority, packages or services is asked about each time".to_owned())
            }
            DraftVerdict::Allow if !catalog.tools.contains_key(&self.action) => {
                Err(format!("`{}` is more than one tool: what may go without a question must be named", self.action))
            }
            DraftVerdict::Allow if self.recipients == Recipients::Others => {
                Err("a rule can let messages go to people who are named, not to all others".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The rule, with this id and the sentence that it was made of.
    #[must_use]
    pub fn to_cedar(&self, id: &str, sentence: &str, catalog: &Catalog) -> String {
        let principal = match &self.agent {
            Some(agent) => format!("principal == Agent::{}", quoted(agent)),
            None => "principal".to_owned(),
        };
        let relation = if catalog.tools.contains_key(&self.action) { "==" } else { "in" };
        let head = format!("({principal}, action {relation} Action::{}, resource)", quoted(&self.action));
        let conditions = self.conditions(catalog);
        let when = match conditions.as_slice() {
            [] => String::new(),
            conditions => format!("\nwhen {{ {} }}", conditions.join(" && ")),
        };
        let rule = match self.verdict {
            DraftVerdict::Never => format!("forbid {head}{when};"),
            DraftVerdict::Ask => format!("forbid {head}{when}\nunless {{ context.approved }};"),
            DraftVerdict::Allow => format!("permit {head}{when};"),
        };
        format!("@id({})\n@about({})\n{rule}\n", quoted(id), quoted(sentence))
    }

    /// The rule in plain words.
    #[must_use]
    pub fn words(&self) -> String {
        let what = match self.verdict {
            DraftVerdict::Never => "is refused",
            DraftVerdict::Ask => "is asked about each time",
            DraftVerdict::Allow => "is made without a question, where all of it is in your words",
        };
        let class = CLASSES.into_iter().find(|class| class_name(*class) == self.action);
        let mut about = match class {
            Some(EffectClass::Observe) => "whatever only looks".to_owned(),
            Some(EffectClass::Change) => "whatever changes files".to_owned(),
            Some(EffectClass::Emit) => "whatever leaves the machine".to_owned(),
            Some(EffectClass::Govern) => "whatever changes authority, packages or services".to_owned(),
            None if self.action.contains('.') => format!("each call of {}", self.action),
            None => format!("each call of {}.*", self.action),
        };
        if let Some(agent) = &self.agent {
            about.push_str(&format!(" by the agent {agent}"));
        }
        let addresses = self.addresses.join(", ");
        match (self.recipients, self.verdict) {
            (Recipients::Any, _) => {}
            (Recipients::These, DraftVerdict::Allow) => about.push_str(&format!(" to nobody but {addresses}")),
            (Recipients::These, _) => about.push_str(&format!(" to {addresses}")),
            (Recipients::Others, _) => about.push_str(&format!(" to anybody besides {addresses}")),
        }
        if let Some(path) = &self.path {
            about.push_str(&format!(" with a path that begins with {path}"));
        }
        if let Some(from) = &self.from {
            about.push_str(&format!(" where something in it is from: {from}"));
        }
        let mut letters = about.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{} {what}.", letters.as_str())
    }

    fn conditions(&self, catalog: &Catalog) -> Vec<String> {
        let listed: Vec<String> = self.addresses.iter().map(|address| quoted(&address_key(address))).collect();
        let listed = listed.join(", ");
        let recipients = match (self.recipients, self.verdict) {
            (Recipients::Any, _) => None,
            (Recipients::These, DraftVerdict::Allow) => Some(format!("[{listed}].containsAll(context.recipients)")),
            (Recipients::These, _) => Some(format!("context.recipients.containsAny([{listed}])")),
            (Recipients::Others, _) => Some(format!("!([{listed}].containsAll(context.recipients))")),
        };
        let path = self.path.as_ref().map(|path| {
            // A star of the sentence is one, not a wildcard.
            let begins = quoted(path).replace('*', "\\*");
            let pattern = format!("{}*\"", begins.trim_end_matches('"'));
            let one = |name: &String| format!("(context.args has {name} && context.args.{name} like {pattern})");
            let all: Vec<String> = self.path_parameters(catalog).iter().map(one).collect();
            format!("({})", all.join(" || "))
        });
        let from = self.from.as_ref().map(|from| format!("context.from.contains({})", quoted(from)));
        recipients.into_iter().chain(path).chain(from).collect()
    }

    /// The tools that it is about.
    fn tools<'c>(&'c self, catalog: &'c Catalog) -> impl Iterator<Item = &'c ToolSchema> {
        catalog.tools.values().filter(|tool| {
            let group = tool.name.split_once('.').map(|(group, _)| group);
            tool.name == self.action || group == Some(self.action.as_str()) || class_name(tool.effect) == self.action
        })
    }

    /// What these tools call the paths that they take.
    fn path_parameters(&self, catalog: &Catalog) -> BTreeSet<String> {
        let is_path = |ty: &Type| match ty {
            Type::Path => true,
            Type::Optional(inner) => **inner == Type::Path,
            _ => false,
        };
        let parameters = || self.tools(catalog).flat_map(|tool| &tool.parameters);
        // A rule cannot speak of what is a path in one tool and a list in another.
        let others: BTreeSet<&String> =
            parameters().filter(|parameter| !is_path(&parameter.ty)).map(|parameter| &parameter.name).collect();
        let paths = parameters().filter(|parameter| is_path(&parameter.ty) && !others.contains(&parameter.name));
        paths.map(|parameter| parameter.name.clone()).collect()
    }
}

/// The words of a sentence without what stands around them.
fn words_of(sentence: &str) -> impl Iterator<Item = &str> {
    let around = |letter: char| !letter.is_alphanumeric() && letter != '/';
    sentence.split_whitespace().map(move |word| word.trim_matches(around)).filter(|word| !word.is_empty())
}

fn addresses_in(sentence: &str) -> Vec<&str> {
    words_of(sentence).filter(|word| word.contains('@')).collect()
}

fn paths_in(sentence: &str) -> Vec<&str> {
    words_of(sentence).filter(|word| word.contains('/') && !word.contains('@') && !word.contains("://")).collect()
}

/// Whether a word looks like a host's name: `gmail.com`.
fn is_domain(word: &str) -> bool {
    let is_label =
        |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let ending = word.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.len() > 1 && ending.chars().all(|letter| letter.is_ascii_alphabetic()) && word.split('.').all(is_label)
}

/// Whether somebody gets to read what a tool takes.
fn has_recipients(tool: &ToolSchema) -> bool {
    tool.parameters.iter().any(|parameter| !parameter.shown_to.is_empty())
}
