//! Claims about all calls: each is so, or there is a call that shows that it is not.

use genoa_abi::Failure;
use genoa_abi::policy::{CallFacts, Decision, Layer, PolicyTexts, RuleFile, Verdict};
use genoa_abi::schema::EffectClass;
use genoa_policy::{Claim, ClaimKind, Engine, Example, Proof, ProofReport};
use serde_json::Value as Json;

use crate::expression::{and, not};
use crate::findings::findings;
use crate::place::{Caller, Place};
use crate::prover::{Found, Prover};
use crate::ruling::{Board, Reach, boards, said};

/// Whether the rules in force are sound.
pub(crate) fn sound(prover: &mut Prover<'_>) -> Result<ProofReport, Failure> {
    let engine = prover.engine(&prover.question.texts)?;
    let boards = boards(&engine, &prover.places(), Reach::AsItHolds)?;
    let mut claims = vec![nothing_fails(prover, &engine, &boards)?];
    // What a rule says that cannot be worked out is not known, so neither is what they say together.
    if claims.iter().any(|claim| claim.result != Proof::Proved) {
        return Ok(report(claims));
    }
    claims.push(authority_is_asked(prover, &engine, &boards)?);
    claims.push(nothing_is_shut(prover, &engine, &boards)?);
    Ok(ProofReport { findings: findings(prover, &engine, &boards)?, ..report(claims) })
}

/// What a file opens and closes.
pub(crate) fn change(prover: &mut Prover<'_>, file: &RuleFile) -> Result<ProofReport, Failure> {
    let mut texts = prover.question.texts.clone();
    texts.put(file.clone());
    let (now, then) = (prover.engine(&prover.question.texts)?, prover.engine(&texts)?);
    let places = prover.places();
    let (before, after) = (boards(&now, &places, Reach::AsItHolds)?, boards(&then, &places, Reach::AsItHolds)?);
    for (engine, boards) in [(&now, &before), (&then, &after)] {
        let claim = nothing_fails(prover, engine, boards)?;
        if claim.result != Proof::Proved {
            return Ok(report(vec![claim]));
        }
    }
    let rulings: Vec<_> =
        before.iter().zip(&after).map(|(before, after)| (before.place, before.ruling(), after.ruling())).collect();
    let shown = |facts: CallFacts| {
        let then = Some(said(&then, &facts));
        Example { now: said(&now, &facts), then, facts }
    };
    let mut claims = Vec::new();
    for (what, more, level) in [
        (ClaimKind::NothingMoreUnasked, true, Verdict::Allow),
        (ClaimKind::NothingMoreAtAll, true, Verdict::Ask),
        (ClaimKind::NothingLessUnasked, false, Verdict::Allow),
        (ClaimKind::NothingLessAtAll, false, Verdict::Ask),
    ] {
        let counterexamples = rulings.iter().map(|(place, before, after)| {
            let (before, after) = match level {
                Verdict::Allow => (&before.unasked, &after.unasked),
                _ => (&before.at_all, &after.at_all),
            };
            let (yes, no) = if more { (after, before) } else { (before, after) };
            // The same on both sides is never one and not the other.
            let condition =
                if yes == no { crate::expression::constant(false) } else { and(yes.clone(), not(no.clone())) };
            (*place, condition)
        });
        let reaches = |said: &Result<Decision, String>| said.as_ref().is_ok_and(|said| said.verdict <= level);
        let is_one = |example: &Example| {
            let (before, after) = (reaches(&example.now), example.then.as_ref().is_some_and(&reaches));
            if more { after && !before } else { before && !after }
        };
        claims.push(nowhere(prover, what, counterexamples, &shown, is_one)?);
    }
    Ok(report(claims))
}

/// Whether all calls that the rules of a file match are decided so, or more strictly.
pub(crate) fn at_least(prover: &mut Prover<'_>, file: &RuleFile, wanted: ClaimKind) -> Result<ProofReport, Failure> {
    let now = prover.engine(&prover.question.texts)?;
    let meant = prover.engine(&PolicyTexts { administrator: vec![], person: vec![file.clone()] })?;
    let places = prover.places();
    let in_force = boards(&now, &places, Reach::AsItHolds)?;
    let meant_at = boards(&meant, &places, Reach::AsWritten)?;
    let own: Vec<_> = meant.rules().enumerate().filter(|(_, rule)| rule.name.layer != Layer::Shipped).collect();
    for (engine, boards) in [(&now, &in_force), (&meant, &meant_at)] {
        let claim = nothing_fails(prover, engine, boards)?;
        if claim.result != Proof::Proved {
            return Ok(report(vec![claim]));
        }
    }
    let shown = |facts: CallFacts| Example { now: said(&now, &facts), then: None, facts };
    let is_asked_enough = wanted == ClaimKind::RefusedOrAsked;
    let mut claims = Vec::new();
    for (number, rule) in own {
        let meant_here = |board: &Board<'_>| board.form(number).map(crate::ruling::Form::either_way);
        let mut is_about_something = false;
        for board in &meant_at {
            let Some(meant) = meant_here(board) else { continue };
            is_about_something = is_about_something || prover.find(&board.place, &meant)? != Found::No;
        }
        let counterexamples = in_force.iter().zip(&meant_at).filter_map(|(rules, meant)| {
            let ruling = rules.ruling();
            let made = if is_asked_enough { ruling.unasked } else { ruling.at_all };
            Some((rules.place, and(meant_here(meant)?, made)))
        });
        let is_one = |example: &Example| {
            let made = if is_asked_enough { Verdict::Allow } else { Verdict::Ask };
            example.now.as_ref().is_ok_and(|said| said.verdict <= made)
        };
        let mut claim = nowhere(prover, wanted, counterexamples, &shown, is_one)?;
        if !is_about_something {
            claim.result = Proof::Empty;
        }
        claims.push(Claim { rule: Some(rule.name.clone()), ..claim });
    }
    Ok(report(claims))
}

fn report(claims: Vec<Claim>) -> ProofReport {
    ProofReport { claims, ..ProofReport::default() }
}

/// That no rule fails while it is worked out.
fn nothing_fails(prover: &mut Prover<'_>, engine: &Engine, boards: &[Board<'_>]) -> Result<Claim, Failure> {
    let claim = |rule, result| Claim { what: ClaimKind::NothingFails, rule, result };
    for board in boards {
        for form in &board.forms {
            let result = match prover.find_failure(&board.place, &form.matches)? {
                Found::No => continue,
                Found::Unknown(why) => Proof::Unknown { why },
                Found::Call(facts) => {
                    let example = Example { now: said(engine, &facts), then: None, facts: *facts };
                    Proof::Refuted { tools: vec![board.place.tool.name.clone()], example: Some(Box::new(example)) }
                }
            };
            return Ok(claim(Some(form.name.clone()), result));
        }
    }
    Ok(claim(None, Proof::Proved))
}

/// That what changes authority is asked about each time, whatever is permitted.
fn authority_is_asked(prover: &mut Prover<'_>, engine: &Engine, boards: &[Board<'_>]) -> Result<Claim, Failure> {
    let governing = boards.iter().filter(|board| board.place.tool.effect == EffectClass::Govern);
    let counterexamples = governing.map(|board| (board.place, board.ruling().unasked));
    let shown = |facts: CallFacts| Example { now: said(engine, &facts), then: None, facts };
    let is_one = |example: &Example| example.now.as_ref().is_ok_and(|said| said.verdict == Verdict::Allow);
    nowhere(prover, ClaimKind::AuthorityIsAsked, counterexamples, &shown, is_one)
}

/// That of each tool the person can have some call made.
fn nothing_is_shut(prover: &mut Prover<'_>, engine: &Engine, boards: &[Board<'_>]) -> Result<Claim, Failure> {
    let (mut shut, mut example, mut unknown) = (Vec::new(), None, None);
    for board in boards.iter().filter(|board| board.place.caller == Caller::Person) {
        match prover.find(&board.place, &board.ruling().at_all)? {
            Found::Call(_) => {}
            Found::Unknown(why) => unknown = Some(why),
            Found::No => {
                let (question, tool) = (prover.question, board.place.tool);
                let facts = CallFacts::of_nothing_but(tool, None, question.workspace.clone(), question.now);
                example = example.or_else(|| Some(Box::new(Example { now: said(engine, &facts), then: None, facts })));
                shut.push(tool.name.clone());
            }
        }
    }
    let result = match unknown {
        _ if !shut.is_empty() => Proof::Refuted { tools: shut, example },
        Some(why) => Proof::Unknown { why },
        None => Proof::Proved,
    };
    Ok(Claim { what: ClaimKind::NothingIsShut, rule: None, result })
}

/// That at no place there is a call of which a condition holds. One that is found is put to the rules themselves, and counts
/// only if these say the same.
fn nowhere<'p>(
    prover: &mut Prover<'_>,
    what: ClaimKind,
    counterexamples: impl Iterator<Item = (Place<'p>, Json)>,
    shown: &dyn Fn(CallFacts) -> Example,
    is_one: impl Fn(&Example) -> bool,
) -> Result<Claim, Failure> {
    let (mut tools, mut example, mut unknown) = (Vec::<String>::new(), None, None);
    for (place, condition) in counterexamples {
        match prover.find(&place, &condition)? {
            Found::No => {}
            Found::Unknown(why) => unknown = Some(why),
            Found::Call(_) if example.is_some() => tools.push(place.tool.name.clone()),
            Found::Call(_) => {
                if let Found::Call(facts) = prover.plain(&place, &condition)? {
                    let found = shown(*facts);
                    if is_one(&found) {
                        tools.push(place.tool.name.clone());
                        example = Some(Box::new(found));
                    } else {
                        unknown = Some(
                            "the call that the solver found is decided otherwise by the rules themselves".to_owned(),
                        );
                    }
                }
            }
        }
    }
    tools.dedup();
    let result = match (example, unknown) {
        (Some(example), _) => Proof::Refuted { tools, example: Some(example) },
        (None, Some(why)) => Proof::Unknown { why },
        (None, None) => Proof::Proved,
    };
    Ok(Claim { what, rule: None, result })
}
