//! Rules that do nothing, and rules that say opposite things.

use std::collections::BTreeSet;

use genoa_abi::Failure;
use genoa_abi::policy::{Layer, RuleName};
use genoa_policy::{Engine, Example, Finding, FindingKind};
use serde_json::Value as Json;

use crate::expression::{and, any, differ, not, or};
use crate::place::Place;
use crate::prover::{Found, Prover};
use crate::ruling::{Board, Form, Ruling, said};

/// Looks through the rules of the person and the administrator.
pub(crate) fn findings(
    prover: &mut Prover<'_>,
    engine: &Engine,
    boards: &[Board<'_>],
) -> Result<Vec<Finding>, Failure> {
    let mut search = Findings { prover, engine, boards, found: Vec::new() };
    let names: Vec<RuleName> = engine.rules().map(|rule| rule.name.clone()).collect();
    let own: Vec<usize> =
        (0..names.len()).filter(|number| names.get(*number).is_some_and(|name| name.layer != Layer::Shipped)).collect();
    let overruled = search.contradictions(&own)?;
    search.idle(&own, &overruled)?;
    Ok(search.found)
}

struct Findings<'s, 'q> {
    prover: &'s mut Prover<'q>,
    engine: &'s Engine,
    boards: &'s [Board<'s>],
    found: Vec<Finding>,
}

impl<'s> Findings<'s, '_> {
    /// Permits that meet a rule that forbids. Gives those that another rule takes back whole.
    fn contradictions(&mut self, own: &[usize]) -> Result<BTreeSet<usize>, Failure> {
        let mut overruled = BTreeSet::new();
        let (forbids, permits): (Vec<usize>, Vec<usize>) = own.iter().partition(|number| self.forbids(**number));
        for permit in permits {
            let opposed = |form: &Form| forbids.contains(&form.number);
            let any_of = |board: &Board<'_>| {
                any(board.forms.iter().filter(|form| opposed(form)).map(|form| form.unasked.clone()).collect())
            };
            let met = self.first(permit, |board, permit| Some(and(permit.unasked.clone(), any_of(board))))?;
            if met.is_none() {
                continue;
            }
            for forbid in &forbids {
                if self.opposes(permit, *forbid)? {
                    overruled.insert(permit);
                    break;
                }
            }
        }
        Ok(overruled)
    }

    /// Whether a permit is taken back whole by a rule that forbids. Where each is about calls of its own and they meet, that is told.
    fn opposes(&mut self, permit: usize, forbid: usize) -> Result<bool, Failure> {
        let both =
            |board: &Board<'_>, permit: &Form| Some(and(permit.unasked.clone(), board.form(forbid)?.unasked.clone()));
        let Some((place, condition)) = self.first(permit, both)? else { return Ok(false) };
        let without = |other: usize| {
            move |board: &Board<'_>, one: &Form| {
                let other = board.form(other).map(|form| not(form.written.clone()));
                Some(other.map_or_else(|| one.unasked.clone(), |other| and(one.unasked.clone(), other)))
            }
        };
        let is_overruled = self.first(permit, without(forbid))?.is_none();
        // A rule that forbids some of what another permits is how exceptions are written.
        let is_exception = !is_overruled && self.first(forbid, without(permit))?.is_none();
        if !is_exception && let Some(example) = self.example(&place, &condition)? {
            let what = if is_overruled { FindingKind::Overruled } else { FindingKind::Contradicted };
            let others = self.name(forbid).into_iter().collect();
            self.found.extend(self.name(permit).map(|rule| Finding { what, rule, others, example: Some(example) }));
        }
        Ok(is_overruled)
    }

    /// Rules without which all would be decided as it is. Those that are found can be taken out all at once: each is looked at
    /// without the ones before, the latest first.
    fn idle(&mut self, own: &[usize], overruled: &BTreeSet<usize>) -> Result<(), Failure> {
        let mut gone = BTreeSet::new();
        let layer = |number: &usize| self.name(*number).map(|name| name.layer);
        let persons_first =
            |wanted: Layer| own.iter().rev().copied().filter(move |number| layer(number) == Some(wanted));
        let order: Vec<usize> = persons_first(Layer::Person).chain(persons_first(Layer::Administrator)).collect();
        for number in order {
            let changes = self.first(number, |board, _| {
                let left = || board.forms.iter().filter(|form| !gone.contains(&form.number));
                let (with, without) = (Ruling::of(left()), Ruling::of(left().filter(|form| form.number != number)));
                Some(or(differ(with.unasked, without.unasked), differ(with.at_all, without.at_all)))
            })?;
            if changes.is_some() {
                continue;
            }
            gone.insert(number);
            if !overruled.contains(&number) {
                self.tell_idle(number)?;
            }
        }
        Ok(())
    }

    fn tell_idle(&mut self, number: usize) -> Result<(), Failure> {
        let Some(rule) = self.name(number) else { return Ok(()) };
        let finding = match self.first(number, |_, form| Some(form.either_way()))? {
            None => Finding { what: FindingKind::MatchesNothing, rule, others: vec![], example: None },
            Some((place, condition)) => {
                let example = self.example(&place, &condition)?;
                let deciding =
                    example.as_ref().and_then(|example| example.now.as_ref().ok()).map(|said| said.rules.clone());
                let others = deciding.into_iter().flatten().filter(|other| *other != rule).collect();
                Finding { what: FindingKind::DecidesNothing, rule, others, example }
            }
        };
        self.found.push(finding);
        Ok(())
    }

    /// The first place of a rule with a call of which a condition holds, or may hold.
    fn first(
        &mut self,
        number: usize,
        condition: impl Fn(&Board<'_>, &Form) -> Option<Json>,
    ) -> Result<Option<(Place<'s>, Json)>, Failure> {
        for board in self.boards {
            let Some(condition) = board.form(number).and_then(|form| condition(board, form)) else { continue };
            // What nobody knows is not told as if it were known.
            if self.prover.find(&board.place, &condition)? != Found::No {
                return Ok(Some((board.place, condition)));
            }
        }
        Ok(None)
    }

    fn example(&mut self, place: &Place<'_>, condition: &Json) -> Result<Option<Box<Example>>, Failure> {
        Ok(match self.prover.plain(place, condition)? {
            Found::Call(facts) => Some(Box::new(Example { now: said(self.engine, &facts), then: None, facts: *facts })),
            Found::No | Found::Unknown(_) => None,
        })
    }

    fn name(&self, number: usize) -> Option<RuleName> {
        self.engine.rules().nth(number).map(|rule| rule.name.clone())
    }

    fn forbids(&self, number: usize) -> bool {
        self.engine.rules().nth(number).is_some_and(|rule| rule.forbids)
    }
}
