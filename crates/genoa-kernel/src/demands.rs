//! What the arguments of a call may be made of: each parameter states a demand, and the labels of the value say who could
//! have influenced it. What does not meet its demand is put before the person, with where it is from.

use genoa_abi::labels::Source;
use genoa_abi::schema::{Demand, Parameter};
use genoa_abi::{Labels, Value};

use crate::calls::Order;

/// Sources that are named to a person, at most.
const NAMED: usize = 4;

/// An argument that the person did not say, and that its parameter demands of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unmet {
    /// The parameter's name.
    pub(crate) parameter: String,
    /// Who could have influenced it, besides the person.
    pub(crate) sources: Vec<Source>,
}

impl Unmet {
    /// `command: from mail <4@x>, sender eve@x.example`
    pub(crate) fn text(&self) -> String {
        let mut named: Vec<String> = self.sources.iter().take(NAMED).map(ToString::to_string).collect();
        if self.sources.len() > NAMED {
            named.push(format!("and {} more", self.sources.len() - NAMED));
        }
        format!("{}: not in your words, but from {}", self.parameter, named.join(", "))
    }
}

/// The arguments of a call that do not meet what their parameters demand.
pub(crate) fn unmet(order: &Order) -> Vec<Unmet> {
    let of = |parameter: &Parameter| {
        let value = order.values.get(&parameter.name)?;
        let sources = against(parameter.demand, value);
        (!sources.is_empty()).then(|| Unmet { parameter: parameter.name.clone(), sources })
    };
    order.schema.parameters.iter().filter_map(of).collect()
}

/// The sources of a value that a demand does not allow. A whole argument is looked at, not only its outside: one foreign
/// address in a list of recipients is enough.
fn against(demand: Demand, value: &Value) -> Vec<Source> {
    let labels: Labels = value.deep_labels();
    labels.iter().filter(|source| !allows(demand, source)).cloned().collect()
}

fn allows(demand: Demand, source: &Source) -> bool {
    match (demand, source) {
        // A call is where a value stands in the journal, not who wrote it.
        (Demand::Anything, _) | (_, Source::Person | Source::Call(_)) | (Demand::Recipient, Source::Contacts) => true,
        (Demand::Person | Demand::Recipient, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::labels::Source;
    use genoa_abi::schema::Demand;
    use genoa_abi::{CallId, Datum, Labels, Value};
    use proptest::prelude::*;

    use super::{Unmet, against};

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

    proptest! {
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
        let unmet = Unmet { parameter: "command".into(), sources };
        assert_eq!(
            unmet.text(),
            "command: not in your words, but from file 0.md, file 1.md, file 2.md, file 3.md, and 2 more"
        );
    }
}
