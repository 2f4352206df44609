//! What tools take and give: types, parameters, record types and the catalogue that holds them.
//!
//! The same schema makes the grammar that the model writes under, the check before a run, the coercion of arguments,
//! the check of results, and the page of documentation. Types are written the way the plan language writes them:
//! `str`, `list[Mail]`, `Event?`, `"asc" | "desc"`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// No value: what an action returns that is done for its effect.
    None,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float`; an `int` fits as well.
    Number,
    /// `str`
    Text,
    /// `path`: text that names a file or folder, relative to the workspace or absolute.
    Path,
    /// `time`: a phrase like `friday 10:00` or `since last monday`, resolved by the system to a [`Moment`].
    Time,
    /// One of the listed words.
    Choice(Vec<String>),
    /// `list[T]`
    List(Box<Type>),
    /// `T?`: a `T` or nothing.
    Optional(Box<Type>),
    /// A record type of the catalogue, by name.
    Record(String),
    /// `any`: whatever the caller has; only for arguments that are shown or written as text.
    Any,
    /// `content`: texts or records that are read. A record that only names a file stands for what that holds.
    Content,
    /// `fields`: what is looked for in a text: names in a few words, or names with types, `{"total": "number"}`.
    Fields,
}

impl Type {
    /// `list[inner]`
    #[must_use]
    pub fn list(inner: Type) -> Self {
        Self::List(Box::new(inner))
    }

    /// `inner?`
    #[must_use]
    pub fn optional(inner: Type) -> Self {
        Self::Optional(Box::new(inner))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Number => f.write_str("float"),
            Self::Text => f.write_str("str"),
            Self::Path => f.write_str("path"),
            Self::Time => f.write_str("time"),
            Self::Any => f.write_str("any"),
            Self::Content => f.write_str("content"),
            Self::Fields => f.write_str("fields"),
            Self::Choice(words) => {
                for (place, word) in words.iter().enumerate() {
                    write!(f, "{}\"{word}\"", if place == 0 { "" } else { " | " })?;
                }
                Ok(())
            }
            Self::List(inner) => write!(f, "list[{inner}]"),
            Self::Optional(inner) => write!(f, "{inner}?"),
            Self::Record(name) => f.write_str(name),
        }
    }
}

impl FromStr for Type {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(inner) = text.strip_suffix('?') {
            return Ok(Self::optional(inner.parse()?));
        }
        if let Some(inner) = text.strip_prefix("list[").and_then(|rest| rest.strip_suffix(']')) {
            return Ok(Self::list(inner.parse()?));
        }
        if text.starts_with('"') {
            let word = |part: &str| {
                let inner = part.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                inner.map(str::to_owned).ok_or_else(|| format!("`{part}` is not a quoted word"))
            };
            return text.split('|').map(word).collect::<Result<_, _>>().map(Self::Choice);
        }
        Ok(match text {
            "None" => Self::None,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Number,
            "str" => Self::Text,
            "path" => Self::Path,
            "time" => Self::Time,
            "any" => Self::Any,
            "content" => Self::Content,
            "fields" => Self::Fields,
            name if name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.chars().all(|letter| letter.is_ascii_alphanumeric()) =>
            {
                Self::Record(name.to_owned())
            }
            _ => return Err(format!("`{text}` is not a type")),
        })
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a [`Type::Time`] argument becomes before a tool sees it: the words, and the span of time they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The words that were resolved.
    pub words: String,
    /// First moment, RFC 3339 with the person's offset.
    pub start: String,
    /// First moment after it, RFC 3339. For a point in time it equals `start`.
    pub end: String,
}

/// How far a call reaches; decides what happens before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// Reads only. Runs within the grant.
    Observe,
    /// Writes what a view can hold and undo. Runs in the view; the person commits the difference.
    Change,
    /// Leaves the machine. Needs an approval of the exact content, then waits in the outbox.
    Emit,
    /// Changes authority, packages, services, power. Always needs a typed confirmation; never remembered.
    Govern,
}

/// Who carries a call out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    /// A tool process in a jail.
    Jail,
    /// The model, without tools, under a schema: `extract`, `summarise`.
    Model,
    /// The kernel itself: questions to the person, the outbox.
    Kernel,
    /// The program at the session's surface, which offered the tool: nothing of it runs in Genoa.
    Client,
}

/// What a tool's jail needs of the machine; the jail gets the smaller of this and the caller's grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// The workspace.
    #[serde(default)]
    pub files: FileNeed,
    /// Requests through the egress broker.
    #[serde(default)]
    pub network: bool,
    /// Running other programs.
    #[serde(default)]
    pub programs: bool,
    /// A look at the host: its processes, disks, services, logs.
    #[serde(default)]
    pub host: bool,
}

/// What a tool needs of the workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileNeed {
    /// Nothing; the workspace is not even mounted.
    #[default]
    None,
    /// To read it, with the view's changes.
    Read,
    /// To change it, in the view.
    Write,
}

/// Who could have written what a tool gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Yields {
    /// Anybody. The default: what a tool of others gives, and all that is read from files, mails and pages.
    #[default]
    Foreign,
    /// The machine.
    Machine,
    /// The person, in their contacts.
    Contacts,
}

/// What a sink demands of an argument's labels: who may have influenced it without the person being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// Anything may flow here.
    Anything,
    /// Only the person's words, constants of the plan, or what a person adopted. The default, being the strictest.
    #[default]
    Person,
    /// As [`Demand::Person`], or from the person's own contacts, or the thread that is answered.
    Recipient,
}

/// One parameter of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name; calls name every argument, except that the first may stand alone.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether a call must give it.
    #[serde(default)]
    pub required: bool,
    /// What it means, for the model and for people, a few words.
    #[serde(default)]
    pub about: String,
    /// What its labels must be.
    #[serde(default)]
    pub demand: Demand,
    /// Whether a path must name what is there already: a planner can know it only from the person's words. A text that is
    /// marked so is a command, which comes from them too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<Existing>,
    /// How the path of what is made may end, without the dot: `["csv", "md"]`. Empty: in any way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endings: Vec<String>,
    /// Whether it may end in anything but `endings`, instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_endings: bool,
    /// Whether it is what a search is about: a planner takes its words from the intention.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub topic: bool,
    /// The parameters that say who will get to read it: `["to"]` for the text of a message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shown_to: Vec<String>,
    /// Whether it must be right letter by letter, so that a planner takes what is quoted or looks like code, and no other words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verbatim: bool,
    /// Words that a topic may be besides those of the intention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
}

impl Parameter {
    /// A parameter that says nothing but what it is. Its demand is the strictest.
    #[must_use]
    pub fn new(name: &str, ty: Type, required: bool, about: &str) -> Self {
        Self {
            name: name.to_owned(),
            ty,
            required,
            about: about.to_owned(),
            demand: Demand::default(),
            exists: None,
            endings: Vec::new(),
            other_endings: false,
            topic: false,
            shown_to: Vec::new(),
            words: Vec::new(),
            verbatim: false,
        }
    }
}

/// What must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// A file or folder; of a text: a command; of a list of texts: people.
    Entry,
    /// A folder.
    Folder,
    /// Something that the plan has found before.
    Found,
}

/// One tool, as its caller sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSchema {
    /// `group.verb`, for example `calendar.find`; functions without a group (`extract`) are the system's.
    pub name: String,
    /// What it does, one line.
    pub about: String,
    /// Its parameters, required ones first.
    pub parameters: Vec<Parameter>,
    /// What it returns.
    pub returns: Type,
    /// Who could have written that.
    #[serde(default)]
    pub yields: Yields,
    /// How far it reaches.
    pub effect: EffectClass,
    /// Who carries it out.
    pub executor: Executor,
    /// What its jail needs.
    #[serde(default)]
    pub needs: Needs,
    /// A sentence for the preview, with `{parameter}` in it: `Find events about {about}`.
    #[serde(default)]
    pub phrase: String,
    /// Beginnings of the words (or whole phrases) with which a person asks for it. Where it has some, the planner is
    /// offered the tool only for an intention that says one of them: nothing is deleted or sent on a model's own idea.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_by: Vec<String>,
    /// Words of an intention, phrases among them, by which a person keeps it from being called, whatever else is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruled_out_by: Vec<String>,
    /// The call that takes one of these back, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<Undoing>,
    /// Whether a call that leaves the machine does so as soon as it is approved, because whoever carries it out keeps an undo
    /// window of its own, or there is no time for one. Else it is held in the outbox first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
}

/// How a call is taken back: by a call of another tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoing {
    /// The tool.
    pub tool: String,
    /// Where each of its arguments is taken from: an argument of the first call by name, `result`, or a field of that
    /// (`result.id`).
    pub arguments: BTreeMap<String, String>,
}

impl ToolSchema {
    /// Whether it is a function of the system itself, such as `extract`: every plan may call it without a right to it by name,
    /// because it gives nothing that its caller's grant does not. So nobody rules about it either.
    #[must_use]
    pub fn is_function(&self) -> bool {
        matches!(self.executor, Executor::Kernel | Executor::Model) && !self.name.contains('.')
    }

    /// Whether its calls leave the machine by the outbox. The kernel's own tools see to that themselves: what `mail.send` sends is
    /// put there, and a notice stays here.
    #[must_use]
    pub fn leaves_by_outbox(&self) -> bool {
        self.effect == EffectClass::Emit && matches!(self.executor, Executor::Jail | Executor::Client)
    }

    /// Whether it needs a command that is there already, in the person's words.
    #[must_use]
    pub fn takes_a_command(&self) -> bool {
        let is_command =
            |parameter: &Parameter| parameter.ty == Type::Text && parameter.exists == Some(Existing::Entry);
        self.parameters.iter().any(is_command)
    }

    /// The parameter called `name`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// One field of a record type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// What it holds, a few words.
    #[serde(default)]
    pub about: String,
}

/// A record type: what a tool returns one or many of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordType {
    /// Its name, capitalised.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The field that names where the record came from (a path, a URL); it becomes the record's label and the link in
    /// what is written from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The field that stands for the whole where text is wanted: a contact's name, a mail's subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The fields with the addresses of those who have the record already: a mail's sender and recipients. Where none is
    /// named, what a tool read is for nobody but the person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<String>,
    /// The tool that finds records of this type by text, for coercing a name to a record: `contacts.find`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_up: Option<String>,
    /// The tool that reads what a record of this type stands for, given its path, where the record itself does not hold
    /// it: `documents.text` for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_by: Option<String>,
}

impl RecordType {
    /// The field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// The tools and record types that one session may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Tools by name.
    pub tools: BTreeMap<String, ToolSchema>,
    /// Record types by name.
    pub records: BTreeMap<String, RecordType>,
}

impl Catalog {
    /// A catalogue of these tools and records.
    #[must_use]
    pub fn new(tools: impl IntoIterator<Item = ToolSchema>, records: impl IntoIterator<Item = RecordType>) -> Self {
        Self {
            tools: tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect(),
            records: records.into_iter().map(|record| (record.name.clone(), record)).collect(),
        }
    }

    /// The same catalogue with only the tools that `keep` says yes to. Record types stay: their values may still be
    /// passed on.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&ToolSchema) -> bool) -> Self {
        Self {
            tools: self.tools.iter().filter(|(_, tool)| keep(tool)).map(|(n, t)| (n.clone(), t.clone())).collect(),
            records: self.records.clone(),
        }
    }

    /// Whether plain JSON fits `ty`; says where it does not, as a path like `[3].start`.
    ///
    /// # Errors
    /// The first place that does not fit, and what was expected there.
    pub fn fits(&self, ty: &Type, json: &Json) -> Result<(), String> {
        let wrong = || Err(format!("expected {ty}, found {}", json_kind(json)));
        match (ty, json) {
            (Type::Any | Type::Content, _)
            | (Type::None | Type::Optional(_), Json::Null)
            | (Type::Bool, Json::Bool(_))
            | (Type::Text | Type::Path, Json::String(_)) => Ok(()),
            (Type::Int, Json::Number(number)) if number.is_i64() => Ok(()),
            (Type::Number, Json::Number(_)) => Ok(()),
            (Type::Choice(words), Json::String(word)) if words.contains(word) => Ok(()),
            (Type::Optional(inner), _) => self.fits(inner, json),
            (Type::Time, Json::Object(_)) => match serde_json::from_value::<Moment>(json.clone()) {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("expected a resolved time: {error}")),
            },
            (Type::Fields, Json::Array(names)) if names.iter().all(Json::is_string) => Ok(()),
            (Type::Fields, Json::Object(types)) if types.values().all(Json::is_string) => Ok(()),
            (Type::List(inner), Json::Array(items)) => items
                .iter()
                .enumerate()
                .try_for_each(|(place, item)| self.fits(inner, item).map_err(|e| format!("[{place}] {e}"))),
            (Type::Record(name), Json::Object(object)) => {
                let Some(record) = self.records.get(name) else {
                    return Err(format!("no record type is called {name}"));
                };
                if let Some(unknown) = object.keys().find(|key| record.field(key).is_none()) {
                    return Err(format!("{name} has no field `{unknown}`"));
                }
                record.fields.iter().try_for_each(|field| {
                    let value = object.get(&field.name).unwrap_or(&Json::Null);
                    self.fits(&field.ty, value).map_err(|error| format!(".{} {error}", field.name))
                })
            }
            _ => wrong(),
        }
    }
}

fn json_kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Catalog, Field, RecordType, Type};

    #[test]
    fn types_survive_their_written_form() {
        for text in
            ["str", "list[Mail]", "Event?", "list[list[int]]?", "\"asc\" | \"desc\"", "None", "time", "any", "fields"]
        {
            let ty: Type = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(ty.to_string(), text);
        }
        assert!("string".parse::<Type>().is_err());
        assert!("\"asc\" | desc".parse::<Type>().is_err());
    }

    #[test]
    fn json_is_checked_against_record_types() {
        let field = |name: &str, ty: &str| Field { name: name.into(), ty: ty.parse().unwrap(), about: String::new() };
        let note = RecordType {
            name: "Note".into(),
            fields: vec![field("title", "str"), field("pages", "int?")],
            origin: None,
            title: Some("title".into()),
            readers: vec![],
            look_up: None,
            read_by: None,
        };
        let catalog = Catalog::new([], [note]);
        let list = Type::list(Type::Record("Note".into()));
        assert_eq!(catalog.fits(&list, &json!([{"title": "a", "pages": 3}, {"title": "b"}])), Ok(()));
        assert_eq!(
            catalog.fits(&list, &json!([{"title": "a"}, {"title": 4}])),
            Err("[1] .title expected str, found a number".into())
        );
        assert_eq!(catalog.fits(&list, &json!([{"name": "a"}])), Err("[0] Note has no field `name`".into()));
    }
}
