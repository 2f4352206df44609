//! What the rules say at one place, as conditions: when a call is made at once, and when it is made at all.
//!
//! The daemon asks Cedar twice (as the call is, and as if the person had said yes), and leaves permits out that do not cover
//! what others could have written. Both are written out here, so that one question to the solver is about what happens, and
//! not about a part of it.

use genoa_abi::policy::{CallFacts, Decision, RuleName};
use genoa_abi::{ErrorCode, Failure};
use genoa_policy::{Engine, Rule, class_name};
use serde_json::Value as Json;

use crate::expression::{all, and, any, between, constant, is_empty, known, not, or, truth, with_answer};
use crate::place::{Caller, Place};

/// A rule at a place where it may match.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Its place among all rules, since names need not differ.
    pub(crate) number: usize,
    pub(crate) name: RuleName,
    pub(crate) forbids: bool,
    /// When it matches.
    pub(crate) matches: Json,
    /// The same for a call that nobody said yes to.
    pub(crate) unasked: Json,
    /// The same for one that the person said yes to.
    pub(crate) approved: Json,
    /// As `unasked`, of foreign arguments and of what is new to its reader as well.
    pub(crate) written: Json,
}

impl Form {
    /// The rule at this place; nothing where it is about other callers or tools.
    fn of(number: usize, rule: &Rule, place: &Place<'_>, reach: Reach) -> Result<Option<Self>, String> {
        let json = rule.json()?;
        let mut conditions = vec![
            principal(&json["principal"], place.caller),
            action(&json["action"], place),
            entity_scope("resource", &json["resource"], "Workspace"),
        ];
        for condition in json["conditions"].as_array().into_iter().flatten() {
            let body = condition["body"].clone();
            conditions.push(if condition["kind"] == "unless" { not(body) } else { body });
        }
        let written = all(conditions);
        if truth(&written) == Some(false) {
            return Ok(None);
        }
        let mut matches = written.clone();
        for (is_covered, what) in [(rule.covers_foreign(), "unmet"), (rule.covers_new(), "new_to")] {
            if reach == Reach::AsItHolds && !is_covered {
                matches = and(is_empty(known(what)), matches);
            }
        }
        let (unasked, approved) = (with_answer(&matches, false), with_answer(&matches, true));
        let written = with_answer(&written, false);
        Ok(Some(Self { number, name: rule.name.clone(), forbids: rule.forbids, matches, unasked, approved, written }))
    }

    /// When it matches, whatever the person says.
    pub(crate) fn either_way(&self) -> Json {
        or(self.unasked.clone(), self.approved.clone())
    }
}

/// How far a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// As it holds: a permit covers neither foreign arguments nor what is new to its reader, unless it says so.
    AsItHolds,
    /// As it is written: where a rule only says which calls are meant.
    AsWritten,
}

/// A place with the rules that may match there.
#[derive(Clone, Debug)]
pub(crate) struct Board<'q> {
    pub(crate) place: Place<'q>,
    pub(crate) forms: Vec<Form>,
}

impl Board<'_> {
    /// What all of the rules say here.
    pub(crate) fn ruling(&self) -> Ruling {
        Ruling::of(self.forms.iter())
    }

    /// The rule of this number.
    pub(crate) fn form(&self, number: usize) -> Option<&Form> {
        self.forms.iter().find(|form| form.number == number)
    }
}

/// The rules at every place.
///
/// # Errors
/// For a rule that has no form to be looked at.
pub(crate) fn boards<'q>(engine: &Engine, places: &[Place<'q>], reach: Reach) -> Result<Vec<Board<'q>>, Failure> {
    let forms = |place: &Place<'_>| -> Result<Vec<Form>, String> {
        let found: Result<Vec<_>, String> =
            engine.rules().enumerate().map(|(number, rule)| Form::of(number, rule, place, reach)).collect();
        Ok(found?.into_iter().flatten().collect())
    };
    let board = |place: &Place<'q>| Ok(Board { place: *place, forms: forms(place)? });
    places
        .iter()
        .map(board)
        .collect::<Result<_, String>>()
        .map_err(|why| Failure::new(ErrorCode::Internal, "a rule cannot be looked at").because(why))
}

/// When a call is made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ruling {
    /// Without a question.
    pub(crate) unasked: Json,
    /// Without one, or after the person said yes.
    pub(crate) at_all: Json,
}

impl Ruling {
    pub(crate) fn of<'f>(forms: impl Iterator<Item = &'f Form> + Clone) -> Self {
        let permitted = |condition: fn(&Form) -> &Json| {
            let of_kind = |forbids| {
                any(forms.clone().filter(|form| form.forbids == forbids).map(|form| condition(form).clone()).collect())
            };
            and(of_kind(false), not(of_kind(true)))
        };
        let unasked = permitted(|form| &form.unasked);
        let at_all = or(unasked.clone(), permitted(|form| &form.approved));
        Self { unasked, at_all }
    }
}

/// The condition on who calls. There is one person.
fn principal(scope: &Json, caller: Caller) -> Json {
    if caller == Caller::Agent {
        return entity_scope("principal", scope, caller.kind());
    }
    let named = scope.get("entity").or_else(|| scope["in"].get("entity"));
    let is_you = named.is_none_or(|named| named["type"] == "Person" && named["id"] == "you");
    constant(is_you && of_type(scope, caller.kind()))
}

/// The condition on an entity of one type. No entity is in another one.
fn entity_scope(variable: &str, scope: &Json, kind: &str) -> Json {
    let named = scope.get("entity").or_else(|| scope["in"].get("entity"));
    let is_of_type = of_type(scope, kind) && named.is_none_or(|named| named["type"] == kind);
    match named {
        _ if !is_of_type => constant(false),
        None => constant(true),
        Some(named) => {
            let named = crate::expression::entity(kind, named["id"].as_str().unwrap_or_default());
            between("==", crate::expression::variable(variable), named)
        }
    }
}

fn of_type(scope: &Json, kind: &str) -> bool {
    scope.get("entity_type").is_none_or(|wanted| wanted == kind)
}

/// The condition on the tool, which is known here.
fn action(scope: &Json, place: &Place<'_>) -> Json {
    let name = place.tool.name.as_str();
    let class = class_name(place.tool.effect);
    let group = name.split_once('.').map(|(group, _)| group);
    let is_meant = |entity: &Json| {
        let id = entity["id"].as_str();
        entity["type"] == "Action"
            && (id == Some(name) || scope["op"] == "in" && (id == Some(class) || id.is_some() && id == group))
    };
    let listed = scope["entities"].as_array().map(|all| all.iter().any(is_meant));
    constant(scope["op"] == "All" || listed.unwrap_or_else(|| scope.get("entity").is_some_and(is_meant)))
}

/// What the rules say of a call, or why they cannot.
pub(crate) fn said(engine: &Engine, facts: &CallFacts) -> Result<Decision, String> {
    engine.decide(facts).map_err(|failure| failure.to_string())
}
