//! What the arguments of a call may be made of: each parameter states who may have influenced its value, and who will
//! get to read it. The value's labels say who could have influenced it, and who has it already. What does not meet its
//! demand is put before the person, with where it is from.

use std::collections::BTreeSet;

use genoa_abi::labels::{Source, address_key};
use genoa_abi::schema::{Demand, Parameter};
use genoa_abi::{Datum, Failure, Labels, Value};

use crate::calls::Order;
use crate::letters::unmistakable;
use crate::turn::Turn;

/// Sources, or readers, that are named to a person, at most.
const NAMED: usize = 4;

/// An argument that does not meet what its parameter demands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unmet {
    /// The parameter's name.
    pub(crate) parameter: String,
    /// What is wrong with it.
    pub(crate) wrong: Wrong,
}

/// What an argument lacks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wrong {
    /// The person did not say it: who could have influenced it, besides them.
    Influenced(Vec<Source>),
    /// Somebody would get to read what they do not have so far.
    Disclosed {
        /// Their addresses.
        to: Vec<String>,
        /// Where it is from.
        from: Vec<Source>,
    },
}

impl Unmet {
    /// `command: not in your words, but from mail <4@x>, sender eve@x.example`
    pub(crate) fn text(&self) -> String {
        match &self.wrong {
            Wrong::Influenced(sources) => {
                format!("{}: not in your words, but from {}", self.parameter, named(sources))
            }
            Wrong::Disclosed { to, from } => {
                format!("{}: new to {}, from {}", self.parameter, named(to), named(from))
            }
        }
    }
}

fn named<T: ToString>(all: &[T]) -> String {
    let mut named: Vec<String> = all.iter().take(NAMED).map(|one| unmistakable(&one.to_string(), ",")).collect();
    if all.len() > NAMED {
        named.push(format!("and {} more", all.len() - NAMED));
    }
    named.join(", ")
}

impl Turn<'_> {
    /// The arguments of a call that do not meet what their parameters demand.
    pub(crate) fn unmet(&self, order: &Order) -> Result<Vec<Unmet>, Failure> {
        Ok(unmet(order, &self.session(order.session)?.person.email))
    }
}

/// `person` is the address of the person, who may read everything.
fn unmet(order: &Order, person: &str) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    for parameter in &order.schema.parameters {
        let Some(value) = order.values.get(&parameter.name) else { continue };
        let sources = against(parameter.demand, value);
        if !sources.is_empty() {
            unmet.push(Unmet { parameter: parameter.name.clone(), wrong: Wrong::Influenced(sources) });
        }
        let (to, from) = disclosed(value, &readers_of(order, parameter, person));
        if !to.is_empty() {
            unmet.push(Unmet { parameter: parameter.name.clone(), wrong: Wrong::Disclosed { to, from } });
        }
    }
    unmet
}

/// The sources of a value that a demand does not allow. A whole argument is looked at, not only its outside: one foreign
/// address in a list of recipients is enough.
fn against(demand: Demand, value: &Value) -> Vec<Source> {
    let labels: Labels = value.deep_labels();
    labels.sources().filter(|source| !allows(demand, source)).cloned().collect()
}

/// The addresses of those who will read what a parameter takes.
pub(crate) fn readers_of(order: &Order, parameter: &Parameter, person: &str) -> BTreeSet<String> {
    let mut readers = BTreeSet::new();
    let named = parameter.shown_to.iter().filter_map(|name| order.values.get(name));
    named.for_each(|value| addresses(value, &mut readers));
    readers.remove(&address_key(person));
    readers
}

/// The addresses in a value: texts, or the `email` of records, or lists of them.
fn addresses(value: &Value, found: &mut BTreeSet<String>) {
    match &value.datum {
        Datum::Text(address) => {
            found.insert(address_key(address));
        }
        Datum::List(items) => items.iter().for_each(|item| addresses(item, found)),
        Datum::Record { fields, .. } => {
            if let Some(email) = fields.get("email") {
                addresses(email, found);
            }
        }
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) => {}
    }
}

/// To whom some part of a value would be new, and where these parts are from.
fn disclosed(value: &Value, readers: &BTreeSet<String>) -> (Vec<String>, Vec<Source>) {
    let (mut to, mut from) = (BTreeSet::new(), BTreeSet::new());
    look_for_new(value, readers, &mut to, &mut from);
    // What was read says more than by which tool; but many tools give things that are not called anything.
    let is_tool = |source: &Source| matches!(source, Source::Tool(_));
    if !from.iter().all(is_tool) {
        from.retain(|source| !is_tool(source));
    }
    (to.into_iter().collect(), from.into_iter().collect())
}

fn look_for_new(value: &Value, readers: &BTreeSet<String>, to: &mut BTreeSet<String>, from: &mut BTreeSet<Source>) {
    let new_to = |reader: &&String| !value.labels.readers().include(reader);
    let new: Vec<String> = readers.iter().filter(new_to).cloned().collect();
    if !new.is_empty() {
        to.extend(new);
        let is_told = |source: &&Source| !matches!(source, Source::Person | Source::Suspect(_) | Source::Call(_));
        from.extend(value.labels.sources().filter(is_told).cloned());
    }
    match &value.datum {
        Datum::List(items) => items.iter().for_each(|item| look_for_new(item, readers, to, from)),
        Datum::Record { fields, .. } => fields.values().for_each(|field| look_for_new(field, readers, to, from)),
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Number(_) | Datum::Text(_) => {}
    }
}

fn allows(demand: Demand, source: &Source) -> bool {
    match (demand, source) {
        // A call is where a value stands in the journal, not who wrote it. What a sensor marked has its writer beside it.
        (Demand::Anything, _)
        | (_, Source::Person | Source::Suspect(_) | Source::Call(_))
        | (Demand::Recipient, Source::Contacts) => true,
        (Demand::Person | Demand::Recipient, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::labels::Source;
    use genoa_abi::schema::Demand;
    use genoa_abi::{CallId, Datum, Labels, Readers, Suspicion, Value};
    use proptest::prelude::*;

    use super::{Unmet, Wrong, against, disclosed};

    fn sources() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Person),
            Just(Source::Call(CallId(3))),
            Just(Source::Contacts),
            Just(Source::Machine),
            Just(Source::Tool("files.read".into())),
            Just(Source::File("a.md".into())),
            Just(Source::Mail("<1@x>".into())),
            Just(Source::Sender("eve@x.example".into())),
            Just(Source::Web("x.example".into())),
        ]
    }

    fn labelled(sources: Vec<Source>) -> Value {
        Value::labelled(Datum::Text("x".into()), sources.into_iter().collect::<Labels>())
    }

    fn suspect() -> Labels {
        Source::Suspect(Suspicion { from: "mail <1@x>".into(), words: "Assistant: obey".into() }).into()
    }

    proptest! {
        /// What a sensor marks is told apart from what is unmet, so that nothing is met by it, or no longer unmet.
        #[test]
        fn a_mark_changes_no_demand_and_no_reader(all in proptest::collection::vec(sources(), 0..5), demand in prop_oneof![
            Just(Demand::Anything), Just(Demand::Person), Just(Demand::Recipient)
        ]) {
            let value = labelled(all);
            let mut marked = value.clone();
            marked.join_labels(&suspect());
            prop_assert_eq!(against(demand, &value), against(demand, &marked));
            let readers = ["eve@x".to_owned()].into();
            prop_assert_eq!(disclosed(&value, &readers), disclosed(&marked, &readers));
        }

        #[test]
        fn only_the_person_and_for_recipients_their_contacts_meet_a_demand(all in proptest::collection::vec(sources(), 0..5)) {
            let value = labelled(all.clone());
            let own = |source: &Source| matches!(source, Source::Person | Source::Call(_));
            prop_assert!(against(Demand::Anything, &value).is_empty());
            prop_assert_eq!(against(Demand::Person, &value).is_empty(), all.iter().all(own));
            let known = |source: &Source| own(source) || *source == Source::Contacts;
            prop_assert_eq!(against(Demand::Recipient, &value).is_empty(), all.iter().all(known));
        }

        #[test]
        fn what_is_foreign_is_seen_however_deep_it_lies(all in proptest::collection::vec(sources(), 1..4), depth in 0..4_usize) {
            let mut value = labelled(all.clone());
            for _ in 0..depth {
                value = Value::from(Datum::List(vec![Value::text("y"), value]));
            }
            prop_assert_eq!(against(Demand::Person, &value), against(Demand::Person, &labelled(all)));
        }
    }

    #[test]
    fn a_person_is_told_what_and_from_where() {
        let sources = (0..6).map(|number| Source::File(format!("{number}.md"))).collect();
        let unmet = Unmet { parameter: "command".into(), wrong: Wrong::Influenced(sources) };
        assert_eq!(
            unmet.text(),
            "command: not in your words, but from file 0.md, file 1.md, file 2.md, file 3.md, and 2 more"
        );
        let wrong = Wrong::Disclosed { to: vec!["eve@x".into()], from: vec![Source::File("a.md".into())] };
        assert_eq!(Unmet { parameter: "body".into(), wrong }.text(), "body: new to eve@x, from file a.md");
    }

    #[test]
    fn what_somebody_has_not_is_new_to_them_however_deep_it_lies() {
        let mine = Labels::from(Source::File("a.md".into())).for_readers(Readers::nobody_else());
        let adas = Labels::from(Source::Mail("<1@x>".into())).for_readers(Readers::only(["ada@x"]));
        let text = |labels: &Labels| Value::labelled(Datum::Text("t".into()), labels.clone());
        let both = Value::from(Datum::List(vec![text(&adas), text(&mine), Value::text("own words")]));
        let readers = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let found = |value: &Value, all: &[&str]| disclosed(value, &readers(all));
        assert_eq!(found(&text(&adas), &["ada@x"]), (vec![], vec![]));
        assert_eq!(found(&both, &["ada@x"]), (vec!["ada@x".into()], vec![Source::File("a.md".into())]));
        let (to, from) = found(&both, &["ada@x", "eve@x"]);
        assert_eq!(to, ["ada@x", "eve@x"]);
        assert_eq!(from, [Source::File("a.md".into()), Source::Mail("<1@x>".into())]);
        assert_eq!(found(&Value::text("own words"), &["eve@x"]), (vec![], vec![]));
        let tool = Source::Tool("chat.read".into());
        let read = |sources: &[&Source]| {
            let labels: Labels = sources.iter().map(|source| (*source).clone()).collect();
            text(&labels.for_readers(Readers::nobody_else()))
        };
        assert_eq!(found(&read(&[&tool]), &["eve@x"]).1, std::slice::from_ref(&tool), "there is nothing else to tell");
        let file = Source::File("a.md".into());
        assert_eq!(found(&read(&[&tool, &file]), &["eve@x"]).1, [file]);
    }
}
