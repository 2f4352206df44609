//! A realistic catalogue for tests.
#![allow(dead_code, reason = "each test file uses a part")]

use genoa_abi::schema::{
    Catalog, Demand, EffectClass, Executor, Field, Needs, Parameter, RecordType, ToolSchema, Type, Yields,
};
use genoa_abi::tool::Clock;

/// A Sunday afternoon in Rome.
pub(crate) fn clock() -> Clock {
    Clock { now: "2026-11-22T15:30:00+01:00".into(), timezone: "Europe/Rome".into() }
}

fn ty(text: &str) -> Type {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `name: type, …`; a `=` after the type marks an optional parameter.
fn tool(name: &str, parameters: &str, returns: &str, effect: EffectClass, phrase: &str) -> ToolSchema {
    let parameter = |part: &str| {
        let (name, rest) = part.split_once(':').unwrap_or_else(|| panic!("{part}"));
        let required = !rest.trim_end().ends_with('=');
        let ty = ty(rest.trim().trim_end_matches('=').trim());
        Parameter { demand: Demand::Anything, ..Parameter::new(name.trim(), ty, required, "") }
    };
    let parameters = parameters.split(',').filter(|part| !part.trim().is_empty()).map(parameter).collect();
    let executor = match name {
        "ask" | "say" | "refuse" | "mail.send" => Executor::Kernel,
        "extract" | "summarise" => Executor::Model,
        _ => Executor::Jail,
    };
    let (name, phrase) = (name.to_owned(), phrase.to_owned());
    ToolSchema {
        asked_by: if name == "files.delete" { vec!["delet".to_owned()] } else { Vec::new() },
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
        yields: Yields::default(),
        name,
        about: String::new(),
        parameters,
        returns: ty(returns),
        effect,
        executor,
        needs: Needs::default(),
        phrase,
    }
}

fn record(name: &str, fields: &str, title: Option<&str>, origin: Option<&str>, look_up: Option<&str>) -> RecordType {
    let field = |part: &str| {
        let (name, rest) = part.split_once(':').unwrap_or((part, "str"));
        Field { name: name.trim().into(), ty: ty(rest), about: String::new() }
    };
    let own = |text: Option<&str>| text.map(str::to_owned);
    RecordType {
        name: name.into(),
        fields: fields.split(',').map(field).collect(),
        origin: own(origin),
        title: own(title),
        readers: vec![],
        look_up: own(look_up),
        read_by: None,
    }
}

pub(crate) fn catalog() -> Catalog {
    Catalog::new(tools(), records())
}

fn tools() -> Vec<ToolSchema> {
    use EffectClass::{Change, Emit, Govern, Observe};
    vec![
        tool("ask", "question: str, options: list[str] =", "str", Observe, "Ask {question}"),
        tool("say", "text: any", "None", Observe, "Say {text}"),
        tool("refuse", "reason: str", "None", Observe, "Refuse: {reason}"),
        tool(
            "mail.send",
            "to: list[Contact], subject: str, body: str, attachments: list[path] =",
            "None",
            Emit,
            "Send {subject} to {to} with {attachments}",
        ),
        tool("extract", "text: content, fields: fields", "list[Fact]", Observe, "Extract {fields} from {text}"),
        tool("summarise", "text: content, about: str =", "str", Observe, "Summarise {text} about {about}"),
        tool(
            "calendar.find",
            "about: str =, when: time =, people: list[Contact] =",
            "list[Event]",
            Observe,
            "Find events about {about} on {when}",
        ),
        tool(
            "calendar.add",
            "title: str, start: time, end: time =, people: list[Contact] =",
            "Event",
            Change,
            "Add {title} at {start} to the calendar",
        ),
        tool("calendar.move", "event: Event, start: time", "Event", Change, "Move {event} to {start}"),
        tool("calendar.remove", "event: Event", "None", Change, "Remove {event} from the calendar"),
        tool("contacts.find", "name: str", "list[Contact]", Observe, "Find contacts named {name}"),
        tool(
            "mail.find",
            "about: str =, sender: Contact =, when: time =, unread: bool =",
            "list[Mail]",
            Observe,
            "Find mails about {about} from {sender} on {when}",
        ),
        tool("mail.reply", "mail: Mail, body: str", "None", Emit, "Reply {body} to {mail}"),
        tool("mail.open", "id: str", "Mail?", Observe, "Open the mail {id}"),
        tool("notes.find", "about: str", "list[Note]", Observe, "Find notes about {about}"),
        tool("notes.write", "title: str, text: str", "Note", Change, "Write the note {title}"),
        tool(
            "files.find",
            "name: str =, kind: \"pdf\" | \"text\" | \"image\" =, changed: time =, folder: path =",
            "list[File]",
            Observe,
            "Find files named {name} of kind {kind}",
        ),
        tool("files.read", "path: path", "str", Observe, "Read {path}"),
        tool("files.write", "path: path, text: str", "File", Change, "Write {path}"),
        tool("files.move", "file: path, folder: path", "File", Change, "Move {file} to {folder}"),
        tool("files.delete", "file: path", "None", Change, "Delete {file}"),
        tool("search.text", "pattern: str, folder: path =", "list[Match]", Observe, "Search for {pattern} in {folder}"),
        tool(
            "collect.about",
            "topic: str, people: list[Contact] =, since: time =",
            "list[Source]",
            Observe,
            "Collect what is known about {topic} with {people} since {since}",
        ),
        tool(
            "slides.make",
            "title: str, points: list[Fact], path: path",
            "File",
            Change,
            "Make slides {title} at {path}",
        ),
        tool("table.make", "columns: list[str], rows: list[list[str]]", "Table", Observe, "Make a table"),
        tool("system.disks", "", "list[Disk]", Observe, "Look at the disks"),
        tool(
            "system.processes",
            "sort: \"cpu\" | \"memory\" =, limit: int =",
            "list[Process]",
            Observe,
            "List processes by {sort}",
        ),
        tool("service.restart", "name: str", "None", Govern, "Restart the service {name}"),
        tool(
            "settings.set",
            "name: str, value: str, when: time =",
            "Setting",
            Change,
            "Set {name} to {value} when {when}",
        ),
    ]
}

fn records() -> Vec<RecordType> {
    vec![
        record(
            "Event",
            "title,start,end,place: str?,people: list[Contact],description,path: path,uid",
            Some("title"),
            Some("path"),
            Some("calendar.find"),
        ),
        record(
            "Contact",
            "name,email,phone: str?,organisation: str?,path: path",
            Some("name"),
            Some("path"),
            Some("contacts.find"),
        ),
        record(
            "Mail",
            "subject,sender: Contact,recipients: list[Contact],date,text,id,attachments: list[str],path: path",
            Some("subject"),
            Some("path"),
            None,
        ),
        record("Note", "title,text,date,path: path", Some("title"), Some("path"), Some("notes.find")),
        RecordType {
            read_by: Some("files.read".into()),
            ..record("File", "name,path: path,kind,bytes: int,changed", Some("name"), Some("path"), None)
        },
        record("Match", "path: path,line: int,text", Some("text"), Some("path"), None),
        record("Source", "title,kind,text,date,path: path,score: float", Some("title"), Some("path"), None),
        record("Fact", "about,text,source,path: path?", Some("text"), Some("path"), None),
        record("Table", "columns: list[str],rows: list[list[str]]", None, None, None),
        record("Disk", "device,mount,total_bytes: int,free_bytes: int,used_percent: float", Some("mount"), None, None),
        record("Process", "pid: int,name,user,cpu_percent: float,memory_bytes: int,command", Some("name"), None, None),
        record("Setting", "name,value", Some("name"), None, None),
        record("Page", "url,title,text", Some("title"), Some("url"), None),
    ]
}
