//! The grant table: who may do what, until when, and how much.
//!
//! A grant is only ever made by narrowing another one; the roots belong to sessions of people. Rights never change
//! after that, so a child is within its parent for ever. Life, revocation and budgets are asked of the whole chain at
//! every use.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::grant::{Budget, GrantInfo, GrantRequest, Right};
use genoa_abi::limits::{GRANT_LIFE_MS, GRANTS};
use genoa_abi::model::InferUsage;
use genoa_abi::{AgentId, ErrorCode, Failure, GrantId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// Who holds a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Holder {
    Session(SessionId),
    Agent(AgentId),
}

/// How much a call uses, or may use: the parts of a [`Budget`], with time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
    pub(crate) tokens: u64,
    pub(crate) elapsed_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) parent: Option<GrantId>,
    pub(crate) holder: Holder,
    pub(crate) rights: Vec<Right>,
    pub(crate) expires: Timestamp,
    pub(crate) budget: Budget,
    pub(crate) spent: Amount,
    /// What the model calls under it used.
    #[serde(default)]
    pub(crate) thought: InferUsage,
    pub(crate) may_pass_on: bool,
    pub(crate) revoked: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Slot {
    generation: u32,
    grant: Option<Grant>,
}

/// All grants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grants {
    slots: BTreeMap<u32, Slot>,
}

impl Grants {
    /// Makes a grant without a parent: the authority of a person at a session.
    pub(crate) fn mint_root(
        &mut self,
        session: SessionId,
        rights: Vec<Right>,
        budget: Budget,
        now: Timestamp,
    ) -> Result<GrantId, Failure> {
        self.insert(Grant {
            parent: None,
            holder: Holder::Session(session),
            rights,
            expires: now.plus_ms(GRANT_LIFE_MS),
            budget,
            spent: Amount::default(),
            thought: InferUsage::default(),
            may_pass_on: true,
            revoked: false,
        })
    }

    /// Makes a narrower grant below `parent`.
    pub(crate) fn attenuate(
        &mut self,
        parent: GrantId,
        holder: Holder,
        request: &GrantRequest,
        now: Timestamp,
    ) -> Result<GrantId, Failure> {
        self.live(parent, now)?;
        let above = self.get(parent)?;
        if !above.may_pass_on {
            return Err(Failure::new(ErrorCode::NotGranted, format!("the grant {parent} may not be passed on")));
        }
        if request.life_ms > GRANT_LIFE_MS {
            return Err(Failure::new(ErrorCode::TooLarge, "the grant would live too long")
                .because(format!("the limit is {GRANT_LIFE_MS} ms (GRANT_LIFE_MS)")));
        }
        if let Some(wider) = request.rights.iter().find(|right| !above.covers(right)) {
            return Err(Failure::new(ErrorCode::NotGranted, format!("a grant to {wider} would be wider"))
                .because(format!("the grant {parent} does not hold it"))
                .try_next("Ask for a part of what the grant holds; `grants` lists it"));
        }
        if !above.budget.covers(&request.budget) {
            return Err(Failure::new(ErrorCode::NotGranted, "the budget would be larger than the parent's")
                .try_next("Ask for at most the budget of the grant that is narrowed; `grants` lists it"));
        }
        let grant = Grant {
            parent: Some(parent),
            holder,
            rights: request.rights.clone(),
            expires: now.plus_ms(request.life_ms).min(above.expires),
            budget: request.budget,
            spent: Amount::default(),
            thought: InferUsage::default(),
            may_pass_on: request.may_pass_on,
            revoked: false,
        };
        self.insert(grant)
    }

    /// Takes a grant back; everything below it is dead with it, because liveness is asked of the chain.
    pub(crate) fn revoke(&mut self, id: GrantId) {
        if let Some(grant) = self.get_mut(id) {
            grant.revoked = true;
        }
    }

    /// Gives a session's grant a new life and a fresh budget: the person is there again.
    pub(crate) fn renew_root(&mut self, id: GrantId, now: Timestamp) {
        if let Some(grant) = self.get_mut(id) {
            grant.expires = now.plus_ms(GRANT_LIFE_MS);
            grant.spent = Amount::default();
        }
    }

    /// Gives a whole chain a new life, because a person answered a question that work under it was waiting for.
    /// Rights, budgets and revocations stay.
    pub(crate) fn prolong(&mut self, id: GrantId, now: Timestamp) {
        for link in self.chain(id) {
            if let Some(grant) = self.get_mut(link) {
                grant.expires = grant.expires.max(now.plus_ms(GRANT_LIFE_MS));
            }
        }
    }

    /// Whether the grant and all above it are alive.
    pub(crate) fn live(&self, id: GrantId, now: Timestamp) -> Result<(), Failure> {
        self.get(id)?;
        for link in self.chain(id) {
            let grant = self.get(link)?;
            let which = if link == id { format!("the grant {id}") } else { format!("{link}, above the grant {id},") };
            if grant.revoked {
                return Err(Failure::new(ErrorCode::Revoked, format!("{which} was revoked"))
                    .try_next("State the intention again to get a new grant"));
            }
            if grant.expires <= now {
                return Err(Failure::new(ErrorCode::Expired, format!("{which} has expired"))
                    .try_next("State the intention again to get a new grant"));
            }
        }
        Ok(())
    }

    /// Whether the grant and all above it are alive and hold `right`.
    pub(crate) fn allows(&self, id: GrantId, right: &Right, now: Timestamp) -> Result<(), Failure> {
        self.live(id, now)?;
        if self.chain(id).iter().all(|link| self.get(*link).is_ok_and(|grant| grant.covers(right))) {
            return Ok(());
        }
        Err(Failure::new(ErrorCode::NotGranted, format!("not allowed to {right}"))
            .because(format!("the grant {id} does not hold it"))
            .try_next("`grants` lists what is allowed"))
    }

    /// What may still be used under the grant: the least of the whole chain.
    pub(crate) fn remaining(&self, id: GrantId) -> Amount {
        let links = self.chain(id);
        let left =
            |part: fn(&Grant) -> u64| links.iter().filter_map(|link| self.get(*link).ok()).map(part).min().unwrap_or(0);
        Amount {
            calls: left(|grant| grant.budget.calls.saturating_sub(grant.spent.calls)),
            bytes: left(|grant| grant.budget.bytes.saturating_sub(grant.spent.bytes)),
            tokens: left(|grant| grant.budget.tokens.saturating_sub(grant.spent.tokens)),
            elapsed_ms: left(|grant| grant.budget_ms().saturating_sub(grant.spent.elapsed_ms)),
        }
    }

    /// Sets `amount` aside on the whole chain, or says which part of the budget is used up.
    pub(crate) fn reserve(&mut self, id: GrantId, amount: Amount, now: Timestamp) -> Result<(), Failure> {
        self.live(id, now)?;
        let left = self.remaining(id);
        let parts = [
            ("calls", amount.calls, left.calls),
            ("bytes", amount.bytes, left.bytes),
            ("tokens", amount.tokens, left.tokens),
            ("milliseconds", amount.elapsed_ms, left.elapsed_ms),
        ];
        if let Some((unit, wanted, there)) = parts.iter().find(|(_, wanted, there)| wanted > there) {
            return Err(Failure::new(ErrorCode::BudgetSpent, format!("the budget of {unit} is used up"))
                .because(format!("{wanted} more are needed, {there} are left under the grant {id}"))
                .try_next("State a smaller intention, or raise the agent's budget in its manifest"));
        }
        self.for_chain(id, |grant| grant.spend(Amount::default(), amount));
        Ok(())
    }

    /// Replaces what was set aside by what was used. What is used beyond a budget exhausts it.
    pub(crate) fn settle(&mut self, id: GrantId, reserved: Amount, used: Amount) {
        self.for_chain(id, |grant| grant.spend(reserved, used));
    }

    /// Notes what a model call used, with the grant and its ancestors: so with the agent and the session.
    pub(crate) fn note_thought(&mut self, id: GrantId, used: &InferUsage) {
        self.for_chain(id, |grant| grant.thought = grant.thought.plus(used));
    }

    /// The grant, and then its ancestors up to the root.
    pub(crate) fn chain(&self, id: GrantId) -> Vec<GrantId> {
        let mut links = vec![];
        let mut next = Some(id);
        while let Some(link) = next.filter(|_| links.len() <= GRANTS) {
            links.push(link);
            next = self.get(link).ok().and_then(|grant| grant.parent);
        }
        links
    }

    /// The grant behind a handle.
    pub(crate) fn get(&self, id: GrantId) -> Result<&Grant, Failure> {
        self.slots
            .get(&id.index)
            .filter(|slot| slot.generation == id.generation)
            .and_then(|slot| slot.grant.as_ref())
            .ok_or_else(|| Failure::new(ErrorCode::NotFound, format!("there is no grant {id}")))
    }

    /// All grants, with their handles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GrantId, &Grant)> {
        self.slots.iter().filter_map(|(index, slot)| {
            slot.grant.as_ref().map(|grant| (GrantId { index: *index, generation: slot.generation }, grant))
        })
    }

    /// Forgets the grants that nobody can use any more: neither `used`, nor alive in the hands of a living holder, nor
    /// above one that is.
    pub(crate) fn collect(&mut self, used: &BTreeSet<GrantId>, holder_lives: impl Fn(Holder) -> bool, now: Timestamp) {
        let kept: BTreeSet<GrantId> = self
            .iter()
            .filter(|(id, grant)| used.contains(id) || (holder_lives(grant.holder) && self.live(*id, now).is_ok()))
            .flat_map(|(id, _)| self.chain(id))
            .collect();
        for (index, slot) in &mut self.slots {
            if !kept.contains(&GrantId { index: *index, generation: slot.generation }) {
                slot.grant = None;
            }
        }
    }

    /// The grant as it is shown.
    pub(crate) fn info(&self, id: GrantId, holder_name: &str) -> Option<GrantInfo> {
        let grant = self.get(id).ok()?;
        Some(GrantInfo {
            id,
            parent: grant.parent,
            holder: holder_name.to_owned(),
            rights: grant.rights.clone(),
            expires: grant.expires,
            budget: grant.budget,
            spent: Budget {
                calls: grant.spent.calls,
                bytes: grant.spent.bytes,
                tokens: grant.spent.tokens,
                seconds: grant.spent.elapsed_ms.div_ceil(1000),
            },
            thought: grant.thought,
            may_pass_on: grant.may_pass_on,
            revoked: grant.revoked,
        })
    }

    fn insert(&mut self, grant: Grant) -> Result<GrantId, Failure> {
        let free = self.slots.iter().find(|(_, slot)| slot.grant.is_none()).map(|(index, _)| *index);
        let index = match free {
            Some(index) => index,
            None if self.slots.len() < GRANTS => u32::try_from(self.slots.len()).unwrap_or(u32::MAX),
            None => {
                return Err(Failure::new(ErrorCode::TooLarge, "too many grants are alive")
                    .because(format!("the limit is {GRANTS} (GRANTS)"))
                    .try_next("Revoke grants that are not needed, or wait until some expire"));
            }
        };
        let slot = self.slots.entry(index).or_default();
        slot.generation += 1;
        slot.grant = Some(grant);
        Ok(GrantId { index, generation: slot.generation })
    }

    fn get_mut(&mut self, id: GrantId) -> Option<&mut Grant> {
        let slot = self.slots.get_mut(&id.index).filter(|slot| slot.generation == id.generation)?;
        slot.grant.as_mut()
    }

    fn for_chain(&mut self, id: GrantId, change: impl Fn(&mut Grant)) {
        for link in self.chain(id) {
            if let Some(grant) = self.get_mut(link) {
                change(grant);
            }
        }
    }
}

impl Grant {
    /// Whether one of the rights covers `right`.
    pub(crate) fn covers(&self, right: &Right) -> bool {
        self.rights.iter().any(|held| held.covers(right))
    }

    fn budget_ms(&self) -> u64 {
        self.budget.seconds.saturating_mul(1000)
    }

    fn spend(&mut self, reserved: Amount, used: Amount) {
        let replace = |spent: u64, reserved: u64, used: u64, budget: u64| {
            spent.saturating_sub(reserved).saturating_add(used).min(budget)
        };
        self.spent = Amount {
            calls: replace(self.spent.calls, reserved.calls, used.calls, self.budget.calls),
            bytes: replace(self.spent.bytes, reserved.bytes, used.bytes, self.budget.bytes),
            tokens: replace(self.spent.tokens, reserved.tokens, used.tokens, self.budget.tokens),
            elapsed_ms: replace(self.spent.elapsed_ms, reserved.elapsed_ms, used.elapsed_ms, self.budget_ms()),
        };
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::grant::{Access, Budget, GrantRequest, Right};
    use genoa_abi::{AgentId, ErrorCode, GrantId, SessionId, Timestamp};
    use proptest::prelude::*;

    use super::{Amount, Grants, Holder};

    const PATHS: [&str; 4] = ["/a", "/a/b", "/a/b/c", "/x"];
    const TOOLS: [&str; 4] = ["*", "mail.*", "mail.find", "files.read"];

    #[derive(Clone, Debug)]
    enum Action {
        Attenuate { parent: usize, rights: Vec<Right>, calls: u64, life_ms: u64 },
        Revoke(usize),
        Spend { grant: usize, calls: u64 },
        Settle { grant: usize, reserved: u64, used: u64 },
        Wait(u64),
        Prolong(usize),
    }

    fn any_right() -> impl Strategy<Value = Right> {
        prop_oneof![
            prop::sample::select(&PATHS[..])
                .prop_map(|under| Right::Files { under: under.into(), access: Access::Read }),
            prop::sample::select(&TOOLS[..])
                .prop_map(|name| Right::Tool { name: name.into(), arguments: Default::default() }),
            Just(Right::Model),
        ]
    }

    fn any_action() -> impl Strategy<Value = Action> {
        let rights = prop::collection::vec(any_right(), 0..3);
        prop_oneof![
            (0..8usize, rights, 0..12u64, 0..2000u64).prop_map(|(parent, rights, calls, life_ms)| Action::Attenuate {
                parent,
                rights,
                calls,
                life_ms
            }),
            (0..8usize).prop_map(Action::Revoke),
            (0..8usize, 0..5u64).prop_map(|(grant, calls)| Action::Spend { grant, calls }),
            (0..8usize, 0..5u64, 0..9u64).prop_map(|(grant, reserved, used)| Action::Settle { grant, reserved, used }),
            (0..900u64).prop_map(Action::Wait),
            (0..8usize).prop_map(Action::Prolong),
        ]
    }

    fn root(grants: &mut Grants) -> GrantId {
        let rights = vec![
            Right::Files { under: "/a".into(), access: Access::Write },
            Right::Tool { name: "*".into(), arguments: Default::default() },
        ];
        grants.mint_root(SessionId(1), rights, budget(10), Timestamp(0)).unwrap()
    }

    fn budget(calls: u64) -> Budget {
        Budget { calls, bytes: 0, tokens: 0, seconds: 0 }
    }

    fn calls(calls: u64) -> Amount {
        Amount { calls, ..Amount::default() }
    }

    /// What must hold of every table, asked without the code under test.
    fn check(grants: &Grants, now: Timestamp) -> Result<(), TestCaseError> {
        for (id, grant) in grants.iter() {
            prop_assert!(grant.spent.calls <= grant.budget.calls, "{} spent more than its budget", id);
            let Some(parent) = grant.parent else { continue };
            let above = grants.get(parent).unwrap();
            for right in &grant.rights {
                prop_assert!(above.rights.iter().any(|held| held.covers(right)), "{} is wider than {}", id, parent);
            }
            prop_assert!(above.budget.covers(&grant.budget));
            prop_assert!(grant.expires <= above.expires, "{} outlives {}", id, parent);
            let is_dead_above = above.revoked || above.expires <= now || grants.live(parent, now).is_err();
            if is_dead_above {
                prop_assert!(grants.live(id, now).is_err(), "{} lives below the dead {}", id, parent);
                prop_assert!(grants.allows(id, &grant.rights.first().cloned().unwrap_or(Right::Model), now).is_err());
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_child_is_within_its_parent_whatever_happens(actions in prop::collection::vec(any_action(), 0..40)) {
            let mut grants = Grants::default();
            let mut handles = vec![root(&mut grants)];
            let mut now = Timestamp(0);
            for action in actions {
                let pick = |place: usize| handles[place % handles.len()];
                match action {
                    Action::Attenuate { parent, rights, calls, life_ms } => {
                        let request = GrantRequest { rights, life_ms, budget: budget(calls), may_pass_on: true };
                        let holder = Holder::Agent(AgentId { index: 0, generation: 1 });
                        handles.extend(grants.attenuate(pick(parent), holder, &request, now));
                    }
                    Action::Revoke(grant) => grants.revoke(pick(grant)),
                    Action::Spend { grant, calls: amount } => {
                        let id = pick(grant);
                        let least = grants.remaining(id).calls;
                        let is_granted = grants.reserve(id, calls(amount), now).is_ok();
                        prop_assert!(!is_granted || amount <= least);
                    }
                    Action::Settle { grant, reserved, used } => grants.settle(pick(grant), calls(reserved), calls(used)),
                    Action::Wait(elapsed_ms) => now = now.plus_ms(elapsed_ms),
                    Action::Prolong(grant) => grants.prolong(pick(grant), now),
                }
                check(&grants, now)?;
            }
        }
    }

    #[test]
    fn a_refused_grant_says_why() {
        let mut grants = Grants::default();
        let parent = root(&mut grants);
        let holder = Holder::Agent(AgentId { index: 0, generation: 1 });
        let mut ask = |rights: Vec<Right>, calls, life_ms| {
            let request = GrantRequest { rights, life_ms, budget: budget(calls), may_pass_on: false };
            grants.attenuate(parent, holder, &request, Timestamp(0))
        };
        let code = |outcome: Result<GrantId, genoa_abi::Failure>| outcome.unwrap_err().code;
        assert_eq!(code(ask(vec![Right::Model], 1, 1)), ErrorCode::NotGranted);
        assert_eq!(code(ask(vec![], 11, 1)), ErrorCode::NotGranted);
        assert_eq!(code(ask(vec![], 1, u64::MAX)), ErrorCode::TooLarge);
        let child = ask(vec![], 1, 100).unwrap();
        let request = GrantRequest { rights: vec![], life_ms: 1, budget: budget(0), may_pass_on: false };
        assert_eq!(code(grants.attenuate(child, holder, &request, Timestamp(0))), ErrorCode::NotGranted);
        assert_eq!(grants.live(child, Timestamp(100)).unwrap_err().code, ErrorCode::Expired);
        grants.revoke(parent);
        assert_eq!(grants.live(child, Timestamp(0)).unwrap_err().code, ErrorCode::Revoked);
    }

    #[test]
    fn an_old_handle_does_not_reach_a_stranger() {
        let mut grants = Grants::default();
        let old = root(&mut grants);
        grants.collect(&Default::default(), |_| false, Timestamp(0));
        let new = root(&mut grants);
        assert_eq!(old.index, new.index);
        assert_eq!(grants.get(old).unwrap_err().code, ErrorCode::NotFound);
    }
}
