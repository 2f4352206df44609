//! The functions of the plan language that are carried out by the kernel and the model, as schemas.

use genoa_abi::schema::{
    Demand, EffectClass, Executor, Existing, Field, Needs, Parameter, RecordType, ToolSchema, Type, Yields,
};

/// Asks the person.
pub(crate) const ASK: &str = "ask";
/// Adds to the answer.
pub(crate) const SAY: &str = "say";
/// Ends the plan: it cannot or shall not be done.
pub(crate) const REFUSE: &str = "refuse";
/// Puts a message into the outbox.
pub(crate) const MAIL_SEND: &str = "mail.send";
/// Its parameter with those who get it.
const RECIPIENTS: &str = "to";
/// Shows the person a notice.
pub(crate) const NOTIFY_SHOW: &str = "notify.show";
/// Reads facts out of records.
pub(crate) const EXTRACT: &str = "extract";
/// Writes a summary.
pub(crate) const SUMMARISE: &str = "summarise";
/// Puts what a text asks for before the person.
pub(crate) const PROPOSE: &str = "propose";
pub(crate) const REWRITE: &str = "rewrite";
pub(crate) const EDIT: &str = "edit";
/// What `extract` returns.
pub(crate) const FACT: &str = "Fact";

pub(crate) fn tools() -> Vec<ToolSchema> {
    let text_list = Type::list(Type::Text);
    vec![
        tool(ASK, "Ask the person, with options to choose from or for free text", Executor::Kernel, Type::Text)
            .takes("question", Type::Text, "the question")
            .may_take("options", text_list.clone(), "what can be chosen")
            .phrase("Ask: {question}"),
        tool(SAY, "Tell the person something as the answer", Executor::Kernel, Type::None)
            .takes("text", Type::Any, "what to tell")
            .phrase("Say {text}"),
        tool(REFUSE, "Refuse, because it cannot or shall not be done", Executor::Kernel, Type::None)
            .takes("reason", Type::Text, "why")
            .phrase("Refuse: {reason}"),
        tool(EXTRACT, "Read the named facts out of texts or records", Executor::Model, facts())
            .takes("text", Type::Content, "texts, records or files to read")
            .takes("fields", Type::Fields, "what to look for: a few words each, or names with types")
            .phrase("Read {fields} out of {text}"),
        tool(SUMMARISE, "Summarise texts or records", Executor::Model, Type::Text)
            .takes("text", Type::Content, "texts, records or files to summarise")
            .may_take("about", Type::Text, "what to look at")
            .phrase("Summarise {text}"),
        proposing(),
        tool(REWRITE, "Change a text as told, and give the whole new text", Executor::Model, Type::Text)
            .takes("text", Type::Any, "the text")
            .takes("how", Type::Text, "what shall be different, in the person's words")
            .phrase("Rewrite {text}: {how}"),
        tool(EDIT, "Change lines of a text as told, and give the whole text", Executor::Model, Type::Text)
            .takes("text", Type::Any, "the text")
            .takes("how", Type::Text, "what shall be different, in the person's words")
            .phrase("Change {text}: {how}"),
        mail_send(),
        notify_show(),
    ]
}

pub(crate) fn records() -> Vec<RecordType> {
    let field = |name: &str, ty: Type, about: &str| Field { name: name.to_owned(), ty, about: about.to_owned() };
    vec![RecordType {
        name: FACT.to_owned(),
        fields: vec![
            field("about", Type::Text, "the field that was asked for"),
            field("text", Type::Text, "the fact"),
            field("source", Type::Text, "title of what it was read from"),
            field("path", Type::optional(Type::Path), "file that it was read from"),
        ],
        origin: Some("path".to_owned()),
        title: Some("text".to_owned()),
        readers: vec![],
        look_up: None,
        read_by: None,
    }]
}

fn facts() -> Type {
    Type::list(Type::Record(FACT.to_owned()))
}

fn proposing() -> ToolSchema {
    let about = "Put what a text asks for before the person, who decides what of it is done";
    let mut schema = tool(PROPOSE, about, Executor::Model, Type::list(Type::Text))
        .takes("text", Type::Content, "texts, records or files that ask for something")
        .phrase("Put before you what {text} asks for");
    schema.asked_by = FOLLOWING.iter().map(|word| (*word).to_owned()).collect();
    schema
}

/// How people ask for what others have written to be done.
const FOLLOWING: [&str; 24] = [
    "do what",
    "do whatever",
    "do as",
    "do everything",
    "follow the",
    "follow what",
    "carry out",
    "instruct",
    "asks for",
    "asks me",
    "asks us",
    "asked for",
    "asked me",
    "asked us",
    "wants me",
    "wants us",
    "wanted me",
    "says to do",
    "tells me to",
    "told me to",
    "to-do",
    "todo list",
    "take care of what",
    "deal with what",
];

fn mail_send() -> ToolSchema {
    let contacts = Type::list(Type::Record("Contact".to_owned()));
    let mut schema = tool(MAIL_SEND, "Send a mail, after the person approved it", Executor::Kernel, Type::None)
        .takes(RECIPIENTS, contacts, "recipients")
        .takes("subject", Type::Text, "its subject")
        .takes("body", Type::Text, "its text")
        .may_take("attachments", Type::list(Type::Path), "files to attach")
        .phrase("Send {subject} to {to}");
    schema.effect = EffectClass::Emit;
    schema.asked_by = SENDING.iter().map(|word| (*word).to_owned()).collect();
    schema.ruled_out_by = DRAFTING.iter().map(|word| (*word).to_owned()).collect();
    if let Some(attachments) = schema.parameters.last_mut() {
        attachments.exists = Some(Existing::Entry);
    }
    for parameter in &mut schema.parameters {
        if parameter.name == RECIPIENTS {
            parameter.demand = Demand::Recipient;
        } else {
            parameter.shown_to = vec![RECIPIENTS.to_owned()];
        }
    }
    schema
}

fn notify_show() -> ToolSchema {
    let mut schema = tool(NOTIFY_SHOW, "Show the person a notification", Executor::Kernel, Type::None)
        .takes("text", Type::Text, "what it says")
        .phrase("Show the notification {text}");
    schema.asked_by = NOTIFYING.iter().map(|word| (*word).to_owned()).collect();
    schema
}

/// How people ask for a notification. Not the word itself: "turn notifications off" is about a setting.
const NOTIFYING: [&str; 8] =
    ["notify", "alert", "a notification", "as notification", "a notice", "pop up", "pop-up", "popup"];

/// How people say that a message shall go out.
const SENDING: [&str; 21] = [
    "send", "sent", "mail", "email", "e-mail", "write to", "tell", "let", "inform", "forward", "repl", "answer",
    "message", "invite", "ask", "drop", "ping", "thank", "warn", "remind", "apolog",
];

/// How people say that a message shall not go out yet.
const DRAFTING: [&str; 20] = [
    "keep it back",
    "hold it back",
    "don't send",
    "do not send",
    "not send",
    "draft a",
    "draft the",
    "draft me",
    "a draft for",
    "as a draft",
    "prepare a reply",
    "prepare an answer",
    "prepare a mail",
    "prepare a message",
    "before it goes",
    "before sending",
    "before i send",
    "read it myself",
    "look it over",
    "send it myself",
];

struct Building(ToolSchema);

fn tool(name: &str, about: &str, executor: Executor, returns: Type) -> Building {
    Building(ToolSchema {
        name: name.to_owned(),
        about: about.to_owned(),
        parameters: Vec::new(),
        returns,
        effect: EffectClass::Observe,
        executor,
        needs: Needs::default(),
        phrase: String::new(),
        asked_by: Vec::new(),
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
        yields: Yields::default(),
    })
}

impl Building {
    fn takes(self, name: &str, ty: Type, about: &str) -> Self {
        self.parameter(Parameter::new(name, ty, true, about))
    }

    fn may_take(self, name: &str, ty: Type, about: &str) -> Self {
        self.parameter(Parameter::new(name, Type::optional(ty), false, about))
    }

    fn parameter(mut self, parameter: Parameter) -> Self {
        self.0.parameters.push(Parameter { demand: Demand::Anything, ..parameter });
        self
    }

    fn phrase(mut self, phrase: &str) -> ToolSchema {
        phrase.clone_into(&mut self.0.phrase);
        self.0
    }
}
