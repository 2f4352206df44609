//! Calls of tools: required arguments in the order of the schema, then optional ones, each at most once.

use genoa_abi::schema::{EffectClass, Executor, Parameter, ToolSchema, Type};

use super::functions::{ASK, WHOLE_PLANS, is_writable};
use super::rules::{is_name, literal};
use super::terminals::{TEXT, time, topic};
use super::values::{Values, is_read_time, is_time_field, optional_name};

/// The parameter for what a file shall hold, and the tools that give one its content.
const CONTENT: &str = "text";
const WRITER: &str = ".write";
/// The parameter for the name of files.
const NAME: &str = "name";
/// The parameter for the kind of files.
const KIND: &str = "kind";
/// The parameter for the cells of a table.
const ROWS: &str = "rows";

/// The calls that are possible at some place.
#[derive(Default)]
pub(super) struct Calls {
    /// Those that do something, and stand alone.
    pub(super) acting: Vec<String>,
    /// Those that return something to be kept.
    pub(super) returning: Vec<String>,
}

impl Values<'_> {
    /// The calls that are possible here. What only looks or runs a program must be kept, or it was for nothing.
    pub(super) fn calls(&mut self, wanted: impl Fn(&ToolSchema) -> bool) -> Calls {
        let catalog = self.catalog;
        let mut calls = Calls::default();
        let can_be_asked_for = |tool: &&ToolSchema| is_writable(tool) && wanted(tool);
        for tool in catalog.tools.values().filter(can_be_asked_for).filter(|tool| self.said.asks_for(tool)) {
            let Some(call) = self.call_of(tool).and_then(|call| self.rules.rule(&[call])) else { continue };
            if tool.returns != Type::None {
                calls.returning.push(call.clone());
            }
            let must_tell = tool.asked_by.is_empty() || self.said.is_question();
            let is_for_its_output = tool.effect == EffectClass::Observe || (tool.needs.programs && must_tell);
            if tool.returns == Type::None || !is_for_its_output {
                calls.acting.push(call);
            }
        }
        calls
    }

    /// The plans that are one call with one text: `refuse("why")`, `ask("what")`.
    pub(super) fn whole_plans(&mut self) -> Vec<String> {
        let may_ask = self.said.leaves_questions() && !self.said.is_out_of_reach(self.catalog);
        let can_be_sent = self.said.sends_to_somebody()
            && self.catalog.tools.values().any(|tool| tool.effect == EffectClass::Emit && self.said.asks_for(tool));
        let names = WHOLE_PLANS.iter().filter(|name| if **name == ASK { may_ask } else { !can_be_sent });
        names.filter_map(|name| self.whole_plan(name)).collect()
    }

    /// The plan that asks, and does nothing else.
    pub(super) fn question(&mut self) -> Option<String> {
        self.whole_plan(ASK)
    }

    fn whole_plan(&mut self, name: &str) -> Option<String> {
        let text = self.rules.terminal(TEXT);
        let parameter = self.catalog.tools.get(name)?.parameters.first()?;
        Some(format!("{} {} {text} \")\"", literal(&format!("{name}(")), optional_name(&parameter.name)))
    }

    /// One call; nothing if a required argument can't be given yet.
    fn call_of(&mut self, tool: &ToolSchema) -> Option<String> {
        let mut required = Vec::new();
        let mut optional = Vec::new();
        for (place, parameter) in tool.parameters.iter().enumerate() {
            let value = match parameter.ty {
                Type::Text | Type::Any if parameter.topic => self.topic(parameter),
                // A text of the model's own is nothing to say or to read.
                Type::Any | Type::Content if tool.executor != Executor::Jail => {
                    let known = self.known();
                    self.rules.rule(&known)
                }
                Type::Time if tool.effect != EffectClass::Observe && parameter.required => self.moment(),
                // What shall be made of the person's material is not made up.
                Type::Text if parameter.name == CONTENT && tool.name.ends_with(WRITER) => {
                    self.content(!self.said.has_material())
                }
                Type::List(_) if parameter.name == ROWS && tool.name.ends_with(WRITER) => self.rows(&parameter.ty),
                Type::Path if !parameter.endings.is_empty() => self.new_path(parameter),
                _ if parameter.name == KIND => self.kind(&parameter.ty),
                _ if parameter.exists.is_some() => self.existing(parameter, !tool.asked_by.is_empty()),
                _ => self.argument(&parameter.ty),
            };
            match (value, parameter.required) {
                (None, true) => return None,
                (Some(value), true) if place == 0 => {
                    required.push(format!("{} {value}", optional_name(&parameter.name)))
                }
                (Some(value), true) => required.push(format!("{} {value}", named(&parameter.name))),
                (Some(value), false) if is_name(&parameter.name) => {
                    optional.push(format!("{} {value}", named(&parameter.name)));
                }
                (_, false) => {}
            }
        }
        let arguments = if required.is_empty() { any_of(&optional) } else { all_of(&required, &optional) };
        Some(format!("{} {arguments} \")\"", literal(&format!("{}(", tool.name))))
    }
}

impl Values<'_> {
    /// When something shall happen: as the person said; or the person is asked, rather than a time made up.
    fn moment(&mut self) -> Option<String> {
        let words = time(self.said.time_words().as_ref()).map(|words| self.rules.terminal(&words));
        let mut alternatives: Vec<String> = words.into_iter().collect();
        if alternatives.is_empty() && self.catalog.tools.contains_key(ASK) {
            let text = self.rules.terminal(TEXT);
            alternatives.push(format!("\"{ASK}(\" {text} \")\""));
        }
        if self.said.takes_times_over() {
            alternatives.extend(self.fields(is_time_field));
        }
        if self.said.takes_times_over() || self.said.time_words().is_none_or(|said| !said.names_a_day()) {
            alternatives.extend(self.first_facts());
            alternatives.extend(self.fields(is_read_time));
        }
        self.rules.rule(&alternatives)
    }
}

impl Values<'_> {
    /// What a search is about: words of the intention, a pattern of file names, or a text that was found.
    fn topic(&mut self, parameter: &Parameter) -> Option<String> {
        let ty = &parameter.ty;
        let Some(words) = self.said.topic_words() else { return self.argument(ty) };
        let mut alternatives = if *ty == Type::Any { self.known() } else { self.found_text().into_iter().collect() };
        if parameter.verbatim {
            alternatives.extend(self.said.pieces_of_code().iter().map(|word| literal(&format!("\"{word}\""))));
        } else {
            let topic = topic(&words, parameter.name == NAME);
            alternatives.extend(topic.map(|topic| self.rules.terminal(&topic)));
        }
        let fixed = parameter.words.iter().chain(self.said.quotations());
        alternatives.extend(fixed.map(|text| literal(&format!("\"{text}\""))));
        self.rules.rule(&alternatives)
    }

    /// The path of what is made: as the person called it, or a name of the model's own with the right ending.
    fn new_path(&mut self, parameter: &Parameter) -> Option<String> {
        let ending = parameter.endings.join("|");
        if parameter.other_endings {
            let other = self.rules.terminal(&format!(r#"{TEXT} & ~/".*\.({ending}).*"/i"#));
            let found = self.found_paths();
            return self.rules.rule(&std::iter::once(other).chain(found).collect::<Vec<_>>());
        }
        let said = self.said.products(&parameter.endings);
        if said.is_empty() {
            return Some(self.rules.terminal(&format!(r#"/"[^"\\\x00-\x1f\x7f]+\.({ending})"/"#)));
        }
        let literals: Vec<String> = said.iter().map(|path| literal(&format!("\"{path}\""))).collect();
        self.rules.rule(&literals)
    }
}

fn named(name: &str) -> String {
    literal(&format!("{name}="))
}

fn all_of(required: &[String], optional: &[String]) -> String {
    let optional: String = optional.iter().map(|argument| format!(" (\", \" {argument})?")).collect();
    format!("{}{optional}", required.join(" \", \" "))
}

/// Optional arguments alone: some of them in order, or none.
fn any_of(optional: &[String]) -> String {
    let from = |first: usize| {
        let rest: String = optional[first + 1..].iter().map(|argument| format!(" (\", \" {argument})?")).collect();
        format!("{}{rest}", optional[first])
    };
    if optional.is_empty() {
        return String::new();
    }
    let alternatives: Vec<String> = (0..optional.len()).map(from).collect();
    format!("({})?", alternatives.join(" | "))
}
