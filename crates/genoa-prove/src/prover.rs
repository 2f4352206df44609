//! Questions about all calls, put to the solver one place at a time. What was asked once is not asked again: with the same
//! rules, most tools are alike.

use std::collections::BTreeMap;
use std::time::Duration;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Policy, RequestEnv, Schema};
use genoa_abi::policy::{CallFacts, PolicyTexts};
use genoa_abi::schema::{Catalog, ToolSchema, Type};
use genoa_abi::{ErrorCode, Failure};
use genoa_policy::{Engine, ProofQuestion, RemarkKind, cedar_schema, check};
use serde_json::{Value as Json, json};

use crate::call::call;
use crate::expression::{Mentions, and, any, between, entity, has, is_empty, known, not, text, texts, truth, variable};
use crate::place::{Caller, Place, moment};
use crate::solver::{Answer, Search, Solver};

/// Whether there is a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    No,
    Call(Box<CallFacts>),
    Unknown(String),
}

/// What a question depends on.
type Key = (Search, Caller, String);

/// Asks about all calls of a catalogue's tools.
pub(crate) struct Prover<'q> {
    pub(crate) question: &'q ProofQuestion,
    schema: Schema,
    solver: Solver,
    answered: BTreeMap<Key, Found>,
}

impl<'q> Prover<'q> {
    /// # Errors
    /// Where the tools cannot be spoken of, or nothing can wait for a solver.
    pub(crate) fn new(question: &'q ProofQuestion) -> Result<Self, Failure> {
        let schema = Schema::from_json_value(cedar_schema(&question.catalog)).map_err(|error| wrong(&error))?;
        let solver = Solver::new(&question.solver, Duration::from_millis(question.limit_ms))?;
        Ok(Self { question, schema, solver, answered: BTreeMap::new() })
    }

    /// The rules of these texts, once they are sound.
    ///
    /// # Errors
    /// Rules with which something is wrong: nothing can be proved about them.
    pub(crate) fn engine(&self, texts: &PolicyTexts) -> Result<Engine, Failure> {
        let remarks = check(texts, &self.question.catalog);
        if let Some(remark) = remarks.iter().find(|remark| remark.kind == RemarkKind::Wrong) {
            return Err(Failure::new(ErrorCode::InvalidInput, "nothing can be proved about rules that do not hold")
                .because(remark)
                .try_next("Correct the rule; `genoa policy check` says more"));
        }
        Engine::new(texts, &self.question.catalog).map_err(|broken| {
            let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
            Failure::new(ErrorCode::InvalidInput, "the rules cannot be read").because(broken.join("; "))
        })
    }

    /// Every tool that rules are asked about, with each kind of caller.
    pub(crate) fn places(&self) -> Vec<Place<'q>> {
        places(&self.question.catalog)
    }

    /// How often the solver was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.solver.asked
    }

    /// Looks for a call at a place on which a condition holds.
    ///
    /// # Errors
    /// Where the solver cannot be asked at all.
    pub(crate) fn find(&mut self, place: &Place<'_>, condition: &Json) -> Result<Found, Failure> {
        self.search(Search::Match, place, condition)
    }

    /// Looks for a call at a place on which a condition cannot be worked out.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) fn find_failure(&mut self, place: &Place<'_>, condition: &Json) -> Result<Found, Failure> {
        self.search(Search::Failure, place, condition)
    }

    /// As [`Self::find`], but of several calls one that is plain: one of the agents that there are, in this folder, now, with
    /// as little else as does it.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) fn plain(&mut self, place: &Place<'_>, condition: &Json) -> Result<Found, Failure> {
        let mut found = self.find(place, condition)?;
        let mut wanted = condition.clone();
        for preference in self.preferences(place) {
            if !matches!(found, Found::Call(_)) {
                break;
            }
            let narrower = and(preference, wanted.clone());
            if let better @ Found::Call(_) = self.find(place, &narrower)? {
                (found, wanted) = (better, narrower);
            }
        }
        Ok(found)
    }

    /// What makes a call easy to read, one after the other.
    fn preferences(&self, place: &Place<'_>) -> Vec<Json> {
        let question = self.question;
        let mut preferences = vec![
            and(
                between("==", known("workspace"), text(&question.workspace)),
                between("==", variable("resource"), entity("Workspace", &question.workspace)),
            ),
            between("==", known("now"), moment(question.now)),
        ];
        if place.caller == Caller::Agent {
            let is = |name: &String| between("==", variable("principal"), entity("Agent", name));
            preferences.push(any(question.agents.iter().map(is).collect()));
        }
        preferences.extend(["from", "new_to", "unmet", "recipients"].map(|name| is_empty(known(name))));
        let names = place.tool.parameters.iter().map(|parameter| parameter.name.as_str());
        // Cedar knows no list without a type, and so no empty one.
        if !place.tool.parameters.is_empty() {
            preferences.push(between("containsAll", texts(names), known("unmet")));
        }
        for (name, plain) in [("recipients", "somebody@example.org"), ("from", "web")] {
            preferences.push(between("==", known(name), texts([plain])));
        }
        let spoken_of = place.tool.parameters.iter().filter(|parameter| is_seen(&parameter.ty));
        preferences.extend(spoken_of.map(|parameter| not(has(known("args"), &parameter.name))));
        preferences
    }

    fn search(&mut self, search: Search, place: &Place<'_>, condition: &Json) -> Result<Found, Failure> {
        if search == Search::Match && truth(condition) == Some(false) {
            return Ok(Found::No);
        }
        let mentions = Mentions::of(condition);
        let whole = and(place.truths(&mentions, self.question.now), condition.clone());
        let key = (search, place.caller, key(place, &mentions, &whole));
        if let Some(known) = self.answered.get(&key) {
            return Ok(of_tool(known.clone(), place.tool));
        }
        let mut found = self.ask(search, place, &whole)?;
        if let Found::Call(call) = &mut found
            && !mentions.known.contains("args")
        {
            // Nobody spoke of them, so what stands there is of no account.
            call.arguments.clear();
        }
        self.answered.insert(key, found.clone());
        Ok(found)
    }

    fn ask(&mut self, search: Search, place: &Place<'_>, condition: &Json) -> Result<Found, Failure> {
        let action = json!({ "type": "Action", "id": place.tool.name });
        let rule = json!({
            "effect": "permit",
            "principal": { "op": "All" },
            "action": { "op": "==", "entity": action },
            "resource": { "op": "All" },
            "conditions": [{ "kind": "when", "body": condition }],
        });
        let rule = Policy::from_json(None, rule).map_err(|error| wrong(&error))?;
        let name = |name: &str| name.parse::<EntityTypeName>().map_err(|error| wrong(&error));
        let action = EntityUid::from_type_name_and_id(name("Action")?, EntityId::new(&place.tool.name));
        let environment = RequestEnv::new(name(place.caller.kind())?, action, name("Workspace")?);
        Ok(match self.solver.search(search, &rule, &environment, &self.schema)? {
            Answer::None => Found::No,
            Answer::Some(found) => match call(&found.request, place) {
                Some(call) => Found::Call(Box::new(call)),
                None => Found::Unknown("the solver found what is no call".to_owned()),
            },
            Answer::Unknown(why) => Found::Unknown(why),
        })
    }
}

/// Every tool that rules are asked about, with each kind of caller: the system's own functions give nothing, so nobody rules
/// about them.
fn places(catalog: &Catalog) -> Vec<Place<'_>> {
    let ruled = catalog.tools.values().filter(|tool| !tool.is_function());
    ruled.flat_map(|tool| Caller::ALL.map(|caller| Place { caller, tool })).collect()
}

/// A condition with all of the tool that it depends on.
fn key(place: &Place<'_>, mentions: &Mentions, condition: &Json) -> String {
    let mut key = condition.to_string();
    if mentions.variables.contains("action") {
        key.push_str(&place.tool.name);
    }
    if mentions.known.contains("args") {
        let parameters = place.tool.parameters.iter();
        parameters.for_each(|parameter| key.push_str(&format!("\n{} {}", parameter.name, parameter.ty)));
    }
    key
}

/// What was found for one tool, for another that is like it in all that was asked.
fn of_tool(found: Found, tool: &ToolSchema) -> Found {
    match found {
        Found::Call(call) => Found::Call(Box::new(CallFacts { tool: tool.name.clone(), effect: tool.effect, ..*call })),
        other => other,
    }
}

/// Whether rules can speak of an argument of this type.
fn is_seen(ty: &Type) -> bool {
    match ty {
        Type::Optional(inner) => is_seen(inner),
        Type::List(inner) => matches!(**inner, Type::Text | Type::Path | Type::Choice(_) | Type::Record(_)),
        Type::None | Type::Number | Type::Any | Type::Content => false,
        _ => true,
    }
}

fn wrong(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, "a question could not be put to the solver").because(error)
}
