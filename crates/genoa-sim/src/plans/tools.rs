//! The tools that random plans call: readers of all kinds of things, and sinks with every demand.

use genoa_abi::schema::{
    Catalog, Demand, EffectClass, Executor, Field, Needs, Parameter, RecordType, ToolSchema, Type, Yields,
};
use genoa_kernel::Kernel;

/// The groups of these tools, as an agent's manifest names them.
pub(crate) const GROUPS: [&str; 12] = [
    "inbox.*", "page.*", "shelf.*", "table.*", "disk.*", "people.*", "log.*", "paper.*", "knob.*", "door.*", "post.*",
    "card.*",
];

/// All that a random plan may name.
pub(crate) fn catalog() -> Catalog {
    let system = Kernel::system_tools().into_iter().filter(|tool| tool.name == "say" || tool.name == "mail.send");
    Catalog::new(tools().into_iter().chain(system), records().into_iter().chain([contact()]))
}

/// The record types that no other part of the simulated world has.
pub(crate) fn records() -> Vec<RecordType> {
    let mail = record(
        "Mail",
        "id: str, subject: str, sender: str, to: list[str], size: int, score: float?, page: Page?, tags: list[str]",
    );
    let page = record("Page", "title: str, text: str, url: str, pages: int?, marks: list[str], numbers: list[int]");
    vec![
        RecordType { title: Some("subject".into()), readers: vec!["sender".into(), "to".into()], ..mail },
        RecordType { title: Some("title".into()), origin: Some("url".into()), ..page },
        record("Shelf", "name: str, pages: list[Page], total: int, word: str?"),
        record("Disk", "mount: str, used: float, files: int, full: bool, tags: list[str]"),
    ]
}

fn contact() -> RecordType {
    let card = record("Contact", "name: str, email: str, path: str");
    RecordType { title: Some("name".into()), origin: Some("path".into()), ..card }
}

/// The tools, other than those of the system itself.
pub(crate) fn tools() -> Vec<ToolSchema> {
    use EffectClass::{Change, Emit, Observe};
    vec![
        tool("inbox.find", "about: str", "list[Mail]", Observe),
        tool("inbox.newest", "about: str?", "Mail?", Observe),
        tool("page.read", "about: str", "Page", Observe),
        tool("page.text", "about: str", "str", Observe),
        tool("page.word", "about: str, limit: int?", "str?", Observe),
        tool("shelf.open", "name: str", "Shelf", Observe),
        tool("table.rows", "about: str", "list[list[int]]", Observe),
        tool("table.count", "of: list[str]", "int", Observe),
        tool("table.rate", "of: float", "float", Observe),
        tool("table.flag", "of: str", "bool", Observe),
        ToolSchema { yields: Yields::Machine, ..tool("disk.all", "", "list[Disk]", Observe) },
        ToolSchema { yields: Yields::Contacts, ..tool("people.find", "name: str", "list[Contact]", Observe) },
        tool("log.write", "text: any, level: int?", "None", Change),
        tool("paper.write", "name: str !person, text: str, copies: int? !person", "None", Change),
        tool("knob.set", "value: int !person, note: str? !person", "None", Change),
        tool("door.check", "word: str !person", "str", Observe),
        tool("post.send", "to: list[str] !recipient, body: str >to, title: str? !person", "None", Emit),
        tool("card.give", "to: list[Contact] !recipient, text: str >to", "None", Emit),
    ]
}

/// `name: type` in a row, each with `!person` or `!recipient` for its demand, or `>name` for who gets to read it.
fn tool(name: &str, parameters: &str, returns: &str, effect: EffectClass) -> ToolSchema {
    ToolSchema {
        name: name.into(),
        about: format!("Does {name}"),
        parameters: pairs(parameters).map(|(name, rest)| parameter(name, rest)).collect(),
        returns: ty(returns),
        yields: Yields::Foreign,
        effect,
        executor: Executor::Jail,
        needs: Needs::default(),
        phrase: String::new(),
        asked_by: Vec::new(),
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
    }
}

fn parameter(name: &str, rest: &str) -> Parameter {
    let (written, mark) = rest.split_once(' ').unwrap_or((rest, ""));
    let demand = match mark {
        "!person" => Demand::Person,
        "!recipient" => Demand::Recipient,
        _ => Demand::Anything,
    };
    let shown_to = mark.strip_prefix('>').map(str::to_owned).into_iter().collect();
    let ty = ty(written);
    let required = !matches!(ty, Type::Optional(_));
    Parameter { demand, shown_to, ..Parameter::new(name, ty, required, "") }
}

fn record(name: &str, fields: &str) -> RecordType {
    let fields =
        pairs(fields).map(|(name, written)| Field { name: name.into(), ty: ty(written), about: String::new() });
    RecordType {
        name: name.into(),
        fields: fields.collect(),
        origin: None,
        title: None,
        readers: vec![],
        look_up: None,
        read_by: None,
    }
}

fn pairs(written: &str) -> impl Iterator<Item = (&str, &str)> {
    written.split(", ").filter_map(|pair| pair.split_once(": "))
}

/// A type of this page, all of which are written rightly.
fn ty(written: &str) -> Type {
    written.parse().unwrap_or(Type::None)
}
