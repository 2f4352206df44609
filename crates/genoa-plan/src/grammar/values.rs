//! The expressions that fit a type.

use std::collections::{BTreeMap, HashMap};

use genoa_abi::schema::{Catalog, Existing, Field, Parameter, Type};

use super::functions::is_writable;
use super::rules::{Rules, is_name, literal};
use super::said::Said;
use super::terminals::{FORMAT_TEXT, INT, NUMBER, TEXT, field_name, time, topic};
use crate::builtins::HELPERS;
use crate::typed::type_words;
use crate::types::{is_number, is_ordered, is_text, is_titled, look_up, path_field, present};

/// The record of what was read in a source.
const FACT: &str = "Fact";
/// The parameter for a folder with a project in it.
const PROJECT: &str = "project";
/// Cells of a row, and rows of a table, that is written out.
const ROW_CELLS: usize = 8;
const TABLE_ROWS: usize = 20;
/// Elements of a list that is written out.
const LIST_ELEMENTS: usize = 6;
/// Values and texts of one f-string.
const FORMAT_PIECES: usize = 12;

/// The rules of one level, made as they are needed.
pub(super) struct Values<'a> {
    pub(super) rules: &'a mut Rules,
    pub(super) catalog: &'a Catalog,
    pub(super) said: &'a Said,
    pub(super) variables: &'a BTreeMap<String, Type>,
    arguments: HashMap<Type, Option<String>>,
    bases: HashMap<String, Option<String>>,
    lists: Option<Vec<RecordList>>,
    format: Option<Option<String>>,
}

/// The lists of one record type in scope.
#[derive(Clone)]
pub(super) struct RecordList {
    record: String,
    /// The rule for the list.
    list: String,
    /// The rule for the fields that order it.
    keys: Option<String>,
    /// What its elements are called in a comprehension, and the rule for conditions on them.
    element: Option<(String, Option<String>)>,
}

impl<'a> Values<'a> {
    pub(super) fn new(
        rules: &'a mut Rules,
        catalog: &'a Catalog,
        said: &'a Said,
        variables: &'a BTreeMap<String, Type>,
    ) -> Self {
        Self {
            rules,
            catalog,
            said,
            variables,
            arguments: HashMap::new(),
            bases: HashMap::new(),
            lists: None,
            format: None,
        }
    }

    /// The rule for what may be given for a parameter of this type.
    pub(super) fn argument(&mut self, ty: &Type) -> Option<String> {
        if let Some(known) = self.arguments.get(ty) {
            return known.clone();
        }
        let alternatives = match ty {
            Type::Optional(inner) => return self.argument(inner),
            Type::None => Vec::new(),
            Type::Bool => self.with_atoms(&["\"True\"", "\"False\""], |ty| *ty == Type::Bool),
            Type::Int => {
                let number = self.rules.terminal(INT);
                self.with_atoms(&[&number], |ty| *ty == Type::Int)
            }
            Type::Number => {
                let number = self.rules.terminal(NUMBER);
                self.with_atoms(&[&number], is_number)
            }
            Type::Text => {
                let mut alternatives = self.texts();
                alternatives.extend(self.joined());
                // One line an element.
                alternatives.extend(self.list_of(is_text));
                alternatives
            }
            Type::Path => self.paths(),
            Type::Time => {
                let words = time(self.said.time_words().as_ref()).map(|words| self.rules.terminal(&words));
                let mut alternatives: Vec<String> = words.into_iter().collect();
                alternatives.extend(self.fields(is_time_field));
                alternatives
            }
            Type::Choice(words) => {
                words.iter().filter(|word| is_plain(word)).map(|word| literal(&format!("\"{word}\""))).collect()
            }
            Type::Record(name) => self.records(name),
            Type::List(item) => self.lists(item),
            Type::Fields => {
                let names = self.argument(&Type::list(Type::Text));
                names.into_iter().chain([self.typed_fields()]).collect()
            }
            Type::Any | Type::Content => {
                let text = self.rules.terminal(TEXT);
                let mut alternatives = vec![text];
                alternatives.extend(self.known());
                alternatives
            }
        };
        let rule = self.rules.rule(&alternatives);
        self.arguments.insert(ty.clone(), rule.clone());
        rule
    }

    /// Fields with their types: `{"total": "number", "paid_on": "date"}`.
    fn typed_fields(&mut self) -> String {
        let name = self.rules.terminal(&field_name());
        let types: Vec<String> = type_words().map(|word| literal(&format!("\"{word}\""))).collect();
        let types = self.rules.rule(&types).unwrap_or_default();
        format!("\"{{\" {name} \": \" {types} (\", \" {name} \": \" {types}){{0,{}}} \"}}\"", LIST_ELEMENTS - 1)
    }

    /// What the plan has found out so far, in any form.
    pub(super) fn known(&mut self) -> Vec<String> {
        let mut alternatives = self.with_atoms(&[], |_| true);
        alternatives.extend(self.format());
        alternatives.extend(self.collected(|_| true));
        alternatives
    }

    /// An f-string, with at least one value where there is any.
    pub(super) fn format(&mut self) -> Option<String> {
        if self.format.is_none() {
            let format = self.make_format();
            self.format = Some(format);
        }
        self.format.clone().flatten()
    }

    fn make_format(&mut self) -> Option<String> {
        let mut shown: Vec<String> = self
            .variables
            .iter()
            .filter(|(_, ty)| !matches!(present(ty), Type::List(_) | Type::None))
            .map(|(name, _)| literal(name))
            .collect();
        // Not `mails[0].subject`: the first of several would be told as if it were all.
        shown.extend(self.fields_of(|field| !matches!(present(&field.ty), Type::List(_)), Self::named_bases));
        // Who or which is not told by a number.
        let lists = self.variables.iter().filter(|(_, ty)| matches!(ty, Type::List(_)) && self.said.may_be_counted());
        shown.extend(lists.map(|(name, _)| literal(&format!("len({name})"))));
        let shown = self.rules.rule(&shown)?;
        let text = self.rules.terminal(FORMAT_TEXT);
        let value = format!("\"{{\" {shown} \"}}\"");
        let piece = self.rules.rule(&[text.clone(), value.clone()])?;
        Some(format!("\"f\\\"\" {text}? {value} {piece}{{0,{FORMAT_PIECES}}} \"\\\"\""))
    }

    /// The rule for lists whose elements satisfy `wanted`, as they stand.
    pub(super) fn list_of(&mut self, wanted: impl Fn(&Type) -> bool) -> Option<String> {
        let is_list = |ty: &Type| matches!(present(ty), Type::List(item) if wanted(present(item)));
        let mut alternatives: Vec<String> =
            self.variables.iter().filter(|(_, ty)| is_list(ty)).map(|(name, _)| literal(name)).collect();
        alternatives.extend(self.fields(|field| is_list(&field.ty)));
        self.rules.rule(&alternatives)
    }

    /// The lists of records in scope, one entry a record type.
    fn record_lists(&mut self) -> Vec<RecordList> {
        if self.lists.is_none() {
            let catalog = self.catalog;
            let names = catalog.records.keys().filter(|name| is_name(name));
            let lists = names.filter_map(|name| self.record_list(name)).collect();
            self.lists = Some(lists);
        }
        self.lists.clone().unwrap_or_default()
    }

    fn record_list(&mut self, name: &str) -> Option<RecordList> {
        let record = Type::Record(name.to_owned());
        let list = self.list_of(|item| *item == record)?;
        let keys: Vec<String> = self
            .catalog
            .records
            .get(name)
            .into_iter()
            .flat_map(|record| &record.fields)
            .filter(|field| is_ordered(&field.ty) && is_name(&field.name))
            .map(|field| literal(&format!("\"{}\"", field.name)))
            .collect();
        let keys = self.rules.rule(&keys);
        let element = self.element_name(name).map(|variable| {
            let condition = self.element_condition(name, &variable);
            (variable, condition)
        });
        Some(RecordList { record: name.to_owned(), list, keys, element })
    }

    /// Of lists of records (of one type only, perhaps): one element, or the sorted list.
    pub(super) fn chosen(&mut self, only: Option<&str>, is_list: bool) -> Vec<String> {
        let mut alternatives = Vec::new();
        let most = if is_list { self.most() } else { String::new() };
        for RecordList { record, list, keys, .. } in self.record_lists() {
            if only.is_some_and(|only| only != record) {
                continue;
            }
            if is_list {
                alternatives.extend(
                    keys.map(|keys| {
                        format!("\"sorted(\" {list} \", by=\" {keys} (\", descending=True\")?{most} \")\"")
                    }),
                );
                continue;
            }
            alternatives.push(format!("(\"first(\" | \"last(\") {list} \")\""));
            alternatives.extend(keys.map(|keys| format!("\"largest(\" {list} \", by=\" {keys} \")\"")));
        }
        alternatives
    }

    /// How many elements of a sorted list are kept: as many as the person spoke of.
    fn most(&mut self) -> String {
        let is_count =
            |number: &String| number.len() <= 2 && number.bytes().all(|digit| digit.is_ascii_digit()) && number != "0";
        let counts: Option<Vec<String>> = self.said.amounts().map(|all| all.into_iter().filter(is_count).collect());
        let pattern = counts.map_or_else(|| "[1-9][0-9]?".to_owned(), |counts| counts.join("|"));
        let count = self.rules.terminal(&format!("/{pattern}/"));
        format!(" (\", count=\" {count})?")
    }

    /// Sums over a field of the records of a list.
    pub(super) fn totals(&mut self) -> Vec<String> {
        let catalog = self.catalog;
        let mut totals = Vec::new();
        for RecordList { record, list, .. } in self.record_lists() {
            let fields = catalog.records.get(&record).map(|record| record.fields.as_slice()).unwrap_or_default();
            let numbers = fields.iter().filter(|field| is_number(present(&field.ty)) && is_name(&field.name));
            let keys: Vec<String> = numbers.map(|field| literal(&format!("\"{}\"", field.name))).collect();
            totals.extend(self.rules.rule(&keys).map(|keys| format!("\"sum(\" {list} \", by=\" {keys} \")\"")));
        }
        totals
    }

    /// Comprehensions over lists of records whose elements satisfy `wanted`.
    pub(super) fn collected(&mut self, wanted: impl Fn(&Type) -> bool) -> Vec<String> {
        let mut alternatives = Vec::new();
        for RecordList { record, list, element, .. } in self.record_lists() {
            let Some((variable, condition)) = element else { continue };
            let condition = condition.map(|rule| format!(" (\" if \" {rule})?")).unwrap_or_default();
            let elements = self.elements(&record, &variable, &wanted);
            if let Some(elements) = self.rules.rule(&elements) {
                alternatives.push(format!(
                    "\"[\" {elements} {} {list}{condition} \"]\"",
                    literal(&format!(" for {variable} in "))
                ));
            }
        }
        alternatives
    }

    /// What one element of a comprehension may be: the record, a field of it, or what a tool makes of it.
    fn elements(&mut self, record: &str, variable: &str, wanted: &impl Fn(&Type) -> bool) -> Vec<String> {
        let catalog = self.catalog;
        let whole = Type::Record(record.to_owned());
        let fields = catalog.records.get(record).map(|record| record.fields.as_slice()).unwrap_or_default();
        let mut elements = Vec::new();
        if wanted(&whole) {
            elements.push(literal(variable));
        }
        for field in fields.iter().filter(|field| wanted(&field.ty) && is_name(&field.name)) {
            elements.push(literal(&format!("{variable}.{}", field.name)));
        }
        for tool in catalog.tools.values().filter(|tool| wanted(&tool.returns) && is_writable(tool)) {
            let required = tool.parameters.iter().filter(|parameter| parameter.required).count();
            let Some(parameter) = tool.parameters.first().filter(|first| first.required && required == 1) else {
                continue;
            };
            let takes = match &parameter.ty {
                Type::Record(wanted) => wanted == record,
                Type::Path => path_field(catalog, record).is_some(),
                Type::Any | Type::Content => true,
                _ => false,
            };
            if takes && tool.returns != Type::None {
                elements.push(format!(
                    "{} {} {}",
                    literal(&format!("{}(", tool.name)),
                    optional_name(&parameter.name),
                    literal(&format!("{variable})"))
                ));
            }
        }
        elements
    }

    /// A name for the elements of a comprehension that nothing else has.
    fn element_name(&self, record: &str) -> Option<String> {
        let lower = record.to_lowercase();
        let candidates =
            [lower.get(..1)?.to_owned(), lower.clone(), "item".to_owned(), format!("one_{lower}"), "each".to_owned()];
        let is_free = |name: &String| {
            let is_group = self.catalog.tools.keys().any(|tool| tool.split('.').next() == Some(name.as_str()));
            is_name(name) && !is_group && !self.variables.contains_key(name) && !HELPERS.contains(&name.as_str())
        };
        candidates.into_iter().find(is_free)
    }

    /// The fields of records in scope that satisfy `wanted`, as alternatives.
    pub(super) fn fields(&mut self, wanted: impl Fn(&Field) -> bool) -> Vec<String> {
        self.fields_of(wanted, Self::bases)
    }

    fn fields_of(
        &mut self,
        wanted: impl Fn(&Field) -> bool,
        bases: fn(&mut Self, &str) -> Option<String>,
    ) -> Vec<String> {
        let catalog = self.catalog;
        let mut alternatives = Vec::new();
        for (name, record) in &catalog.records {
            let fields: Vec<String> = record
                .fields
                .iter()
                .filter(|field| wanted(field) && is_name(&field.name))
                .map(|field| literal(&field.name))
                .collect();
            if fields.is_empty() {
                continue;
            }
            if let (Some(base), Some(fields)) = (bases(self, name), self.rules.rule(&fields)) {
                alternatives.push(format!("{base} \".\" {fields}"));
            }
        }
        alternatives
    }

    /// Records of this type as they are named: variables, elements of variables, and fields of those.
    fn bases(&mut self, name: &str) -> Option<String> {
        if let Some(known) = self.bases.get(name) {
            return known.clone();
        }
        let bases = self.make_bases(name, Self::direct);
        self.bases.insert(name.to_owned(), bases.clone());
        bases
    }

    /// Those that have a name of their own, and the records in their fields.
    fn named_bases(&mut self, name: &str) -> Option<String> {
        self.make_bases(name, Self::named)
    }

    fn make_bases(&mut self, name: &str, direct: fn(&Self, &str) -> Vec<String>) -> Option<String> {
        let mut alternatives = direct(self, name);
        let record_type = Type::Record(name.to_owned());
        let catalog = self.catalog;
        for (outer, record) in &catalog.records {
            let fields =
                record.fields.iter().filter(|field| *present(&field.ty) == record_type && is_name(&field.name));
            let fields: Vec<&Field> = fields.collect();
            if fields.is_empty() {
                continue;
            }
            let outer = direct(self, outer);
            if let Some(base) = self.rules.rule(&outer) {
                // The dot stands alone: a longer literal would win over it, and hide the fields of the outer record.
                alternatives.extend(fields.iter().map(|field| format!("{base} \".\" {}", literal(&field.name))));
            }
        }
        self.rules.rule(&alternatives)
    }

    fn named(&self, name: &str) -> Vec<String> {
        let record = Type::Record(name.to_owned());
        self.variables.iter().filter(|(_, ty)| *present(ty) == record).map(|(variable, _)| literal(variable)).collect()
    }

    fn direct(&self, name: &str) -> Vec<String> {
        let record = Type::Record(name.to_owned());
        let mut direct = self.named(name);
        for (variable, ty) in self.variables {
            match present(ty) {
                // The first of several facts is not what a source says.
                Type::List(item) if *present(item) == record && name != FACT => {
                    direct.push(literal(&format!("{variable}[0]")));
                }
                _ => {}
            }
        }
        direct
    }

    /// Literals, and the variables and fields that satisfy `wanted`.
    fn with_atoms(&mut self, literals: &[&str], wanted: impl Fn(&Type) -> bool) -> Vec<String> {
        let mut alternatives: Vec<String> = literals.iter().map(|text| (*text).to_owned()).collect();
        alternatives.extend(self.variables.iter().filter(|(_, ty)| wanted(present(ty))).map(|(name, _)| literal(name)));
        alternatives.extend(self.fields(|field| wanted(present(&field.ty))));
        alternatives
    }

    fn texts(&mut self) -> Vec<String> {
        let text = self.rules.terminal(TEXT);
        let mut alternatives = self.with_atoms(&[&text], is_text);
        alternatives.extend(self.format());
        alternatives
    }

    /// A text that the plan has found, and none of the model's own.
    pub(super) fn found_text(&mut self) -> Option<String> {
        let mut alternatives = self.with_atoms(&[], is_text);
        alternatives.extend(self.joined());
        alternatives.extend(self.list_of(is_text));
        self.rules.rule(&alternatives)
    }

    /// What a file may hold: a text of the model's own or a found one, or found records, one a line.
    pub(super) fn content(&mut self, is_own: bool) -> Option<String> {
        let own = if is_own { self.argument(&Type::Text) } else { self.found_text() };
        let catalog = self.catalog;
        let records = self.list_of(|item| is_titled(item, catalog));
        self.rules.rule(&own.into_iter().chain(records).collect::<Vec<_>>())
    }

    /// The rows of a table that is written out: cells of the person's words and numbers, or found. Others are made up.
    pub(super) fn rows(&mut self, ty: &Type) -> Option<String> {
        let (Some(words), Some(amounts)) = (self.said.topic_words(), self.said.amounts()) else {
            return self.argument(ty);
        };
        let mut cells = self.with_atoms(&[], |_| true);
        cells.extend(topic(&words, false).map(|topic| self.rules.terminal(&topic)));
        cells.push(self.rules.terminal(&format!("/{}/", amounts.join("|").replace('.', "[.]"))));
        let cell = self.rules.rule(&cells)?;
        let row = self.rules.rule(&[format!("\"[\" {cell} (\", \" {cell}){{0,{}}} \"]\"", ROW_CELLS - 1)])?;
        self.rules.rule(&[format!("\"[\" {row} (\", \" {row}){{0,{}}} \"]\"", TABLE_ROWS - 1)])
    }

    /// A kind of files, where the person's words leave it open.
    pub(super) fn kind(&mut self, ty: &Type) -> Option<String> {
        let Type::Choice(words) = present(ty) else { return self.argument(ty) };
        let kinds = words.iter().filter(|word| is_plain(word) && !self.said.rules_out_kind(word));
        self.rules.rule(&kinds.map(|word| literal(&format!("\"{word}\""))).collect::<Vec<_>>())
    }

    /// What the first fact of a list says: a date may stand in it.
    pub(super) fn first_facts(&self) -> Vec<String> {
        let fact = Type::Record(FACT.to_owned());
        let is_facts = |ty: &Type| matches!(present(ty), Type::List(item) if *present(item) == fact);
        let facts = self.variables.iter().filter(|(_, ty)| is_facts(ty));
        facts.map(|(name, _)| literal(&format!("{name}[0].text"))).collect()
    }

    /// `join(texts)`
    fn joined(&mut self) -> Option<String> {
        let list = self.list_of(is_text)?;
        let text = self.rules.terminal(TEXT);
        Some(format!("\"join(\" {list} (\", \" {text})? \")\""))
    }

    fn paths(&mut self) -> Vec<String> {
        let text = self.rules.terminal(TEXT);
        let mut alternatives = vec![text];
        alternatives.extend(self.format());
        alternatives.extend(self.found_paths());
        alternatives
    }

    /// The paths of what the plan has found.
    pub(super) fn found_paths(&mut self) -> Vec<String> {
        let mut alternatives = self.with_atoms(&[], |ty| *ty == Type::Path);
        let catalog = self.catalog;
        for name in catalog.records.keys().filter(|name| path_field(catalog, name).is_some()) {
            alternatives.extend(self.bases(name));
            alternatives.extend(self.chosen(Some(name), false));
        }
        alternatives
    }

    /// A path, or a list of paths or anything else, that names what is there: in the person's words, or found. A text is
    /// a command, and only the person gives those. Where a file is named, a tool that `must_be_asked_for` (it deletes)
    /// gets that one, and not what a search found.
    pub(super) fn existing(&mut self, parameter: &Parameter, must_be_asked_for: bool) -> Option<String> {
        let ty = &parameter.ty;
        if matches!(present(ty), Type::List(item) if **item == Type::Text) {
            return self.people(ty);
        }
        if parameter.exists == Some(Existing::Found) {
            let mut found: Vec<String> = self.list_of(|_| true).into_iter().collect();
            let catalog = self.catalog;
            let tables = catalog.records.values().filter(|record| record.field("rows").is_some());
            found.extend(tables.filter_map(|table| self.bases(&table.name)));
            return self.rules.rule(&found);
        }
        let projects = if parameter.name == PROJECT { self.said.projects() } else { None };
        let said = match parameter.exists {
            _ if projects.is_some() => projects.as_deref(),
            _ if *present(ty) == Type::Text => self.said.commands(),
            Some(Existing::Folder) => self.said.folders(),
            _ => self.said.paths(),
        };
        let Some(said) = said else { return self.argument(ty) };
        let is_bound = must_be_asked_for && parameter.name != PROJECT;
        let is_object = |path: &&String| !is_bound || !self.said.only_holds(path);
        let mut alternatives: Vec<String> =
            said.iter().filter(is_object).map(|path| literal(&format!("\"{path}\""))).collect();
        alternatives.extend(match ty {
            Type::Any => self.known(),
            Type::Text => Vec::new(),
            _ if must_be_asked_for && self.said.names_a_file() => Vec::new(),
            _ => self.found_paths(),
        });
        let one = self.rules.rule(&alternatives);
        match (present(ty), one) {
            (Type::List(_), Some(one)) => {
                let list = self.list_of(|item| matches!(item, Type::Path));
                let written = format!("\"[\" {one} (\", \" {one}){{0,{}}} \"]\"", LIST_ELEMENTS - 1);
                self.rules.rule(&list.into_iter().chain([written]).collect::<Vec<_>>())
            }
            (_, one) => one,
        }
    }

    /// A list of names: those that were said, or people that the plan has found.
    fn people(&mut self, ty: &Type) -> Option<String> {
        let Some(said) = self.said.names() else { return self.argument(ty) };
        let names: Vec<String> = said.iter().map(|name| literal(&format!("\"{name}\""))).collect();
        let mut alternatives: Vec<String> = self.list_of(|item| matches!(item, Type::Record(_))).into_iter().collect();
        if let Some(name) = self.rules.rule(&names) {
            alternatives.push(format!("\"[\" {name} (\", \" {name}){{0,{}}} \"]\"", LIST_ELEMENTS - 1));
        }
        self.rules.rule(&alternatives)
    }

    fn records(&mut self, name: &str) -> Vec<String> {
        let mut alternatives: Vec<String> = self.bases(name).into_iter().collect();
        alternatives.extend(self.chosen(Some(name), false));
        if look_up(self.catalog, name).is_some() {
            match self.said.names() {
                Some(names) => alternatives.extend(names.iter().map(|name| literal(&format!("\"{name}\"")))),
                None => alternatives.push(self.rules.terminal(TEXT)),
            }
        }
        alternatives
    }

    fn lists(&mut self, item: &Type) -> Vec<String> {
        let item = present(item).clone();
        let mut alternatives = Vec::new();
        let is_item = |ty: &Type| match (&item, present(ty)) {
            (Type::Text, ty) => is_text(ty),
            (Type::Number, ty) => is_number(ty),
            (item, ty) => item == ty,
        };
        alternatives.extend(self.list_of(is_item));
        alternatives.extend(self.collected(is_item));
        if let Type::Record(name) = &item {
            alternatives.extend(self.chosen(Some(name), true));
        }
        if let Some(element) = self.argument(&item) {
            alternatives.push(format!("\"[\" {element} (\", \" {element}){{0,{}}} \"]\"", LIST_ELEMENTS - 1));
            // One where a list is wanted.
            if matches!(item, Type::Record(_) | Type::Path) {
                alternatives.push(element);
            }
        }
        alternatives
    }
}

/// The grammar of a line that is `begins`, and a literal of this type out of what was said; nothing if none was.
pub(crate) fn literal_grammar(begins: &str, ty: &Type, said: &Said) -> Option<String> {
    let mut rules = Rules::default();
    let among = |known: Option<&[String]>, rules: &mut Rules| match known {
        Some(known) => known.iter().map(|text| literal(&format!("\"{text}\""))).collect(),
        None => vec![rules.terminal(TEXT)],
    };
    let alternatives: Vec<String> = match ty {
        Type::Time => time(said.time_words().as_ref()).map(|words| rules.terminal(&words)).into_iter().collect(),
        Type::Path => among(said.paths(), &mut rules),
        Type::Record(_) => among(said.names(), &mut rules),
        _ => vec![rules.terminal(TEXT)],
    };
    let value = rules.rule(&alternatives)?;
    Some(rules.finish(&[format!("{} {value} \"\\n\"", literal(begins))]))
}

/// A parameter's name that may be left out.
pub(super) fn optional_name(name: &str) -> String {
    format!("{}?", literal(&format!("{name}=")))
}

/// Whether a field holds a time that was read out of a text.
pub(super) fn is_read_time(field: &Field) -> bool {
    *present(&field.ty) == Type::Time
}

/// Whether a field holds a time. Records tell times as text; the fields of these names do.
pub(super) fn is_time_field(field: &Field) -> bool {
    let is_told = matches!(field.name.as_str(), "start" | "end" | "date" | "changed" | "time");
    is_name(&field.name) && (is_read_time(field) || (is_told && is_text(present(&field.ty))))
}

/// A word that can stand in quotes as it is.
fn is_plain(word: &str) -> bool {
    !word.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\'))
}
