//! What must hold after every step, asked in the plainest way, without the kernel's own code.

use std::collections::BTreeMap;

use genoa_abi::event::{Effect, Event, ToolJob};
use genoa_abi::grant::{Access, GrantInfo, Right};
use genoa_abi::limits::{GRANTS, INFER_QUEUE, MAILBOX_MESSAGES, QUESTIONS};
use genoa_abi::policy::Verdict;
use genoa_abi::schema::{EffectClass, FileNeed};
use genoa_abi::syscall::{Caller, Syscall};
use genoa_abi::{AgentId, GrantId};

use crate::world::World;

impl World {
    pub(crate) fn check_effects(&mut self, effects: &[Effect]) -> Result<(), String> {
        for effect in effects {
            match effect {
                Effect::RunTool(job) => {
                    self.check_authority(job)?;
                    self.check_configured(job)?;
                    self.check_not_completed(job.call)?;
                    self.check_not_started(job)?;
                }
                Effect::Infer { call, .. } | Effect::Embed { call, .. } | Effect::ActOnView { call, .. } => {
                    self.check_not_completed(*call)?;
                }
                Effect::Send { item } if self.sent.contains(item) => return Err(format!("{item} is sent twice")),
                _ => {}
            }
        }
        Ok(())
    }

    /// The model works as its places allow, on what the kernel still knows.
    pub(crate) fn check_places(&self) -> Result<(), String> {
        let flights = self.kernel.calls_in_flight();
        self.places.check(|call| flights.contains_key(&call))
    }

    pub(crate) fn check_state(&self) -> Result<(), String> {
        let grants = self.kernel.grants();
        for grant in &grants {
            let (budget, spent) = (&grant.budget, &grant.spent);
            let is_within = spent.calls <= budget.calls
                && spent.bytes <= budget.bytes
                && spent.tokens <= budget.tokens
                && spent.seconds <= budget.seconds;
            if !is_within {
                return Err(format!("{} spent {spent:?} of {budget:?}", grant.id));
            }
        }
        let limits = [
            ("grants", grants.len(), GRANTS),
            ("calls in flight", self.kernel.calls_in_flight().len(), INFER_QUEUE * 4),
            ("questions", self.kernel.open_questions(), QUESTIONS),
            ("a mailbox", self.kernel.mailbox_lengths().into_iter().max().unwrap_or(0), MAILBOX_MESSAGES),
        ];
        match limits.iter().find(|(_, found, limit)| found > limit) {
            Some((what, found, limit)) => Err(format!("{what}: {found}, over the limit {limit}")),
            None => Ok(()),
        }
    }

    /// Nothing begins that a rule forbids, and nothing of which the rules were not asked. After a restart a call goes on that
    /// began under earlier rules.
    pub(crate) fn check_rules(&self, effects: &[Effect]) -> Result<(), String> {
        for effect in effects {
            let Effect::RunTool(job) = effect else { continue };
            let tool = &job.schema.name;
            let decided = |effect: &Effect| match effect {
                Effect::Decided { facts, decision } => facts.tool == *tool && decision.verdict != Verdict::Forbid,
                _ => false,
            };
            if !effects.iter().any(decided) {
                return Err(format!("{} runs {tool}, and the rules were not asked", job.call));
            }
            if self.forbidden.is_some_and(|forbidden| forbidden.is_empty() || forbidden == tool) {
                return Err(format!("{} runs {tool}, which the rules forbid", job.call));
            }
        }
        Ok(())
    }

    /// A jail reaches only hosts, and starts only servers, that the configuration names now.
    fn check_configured(&self, job: &ToolJob) -> Result<(), String> {
        if job.mcp.as_ref() != self.told.mcp.get(&job.schema.name) {
            return Err(format!("{} goes to {:?}, which nobody configured", job.call, job.mcp));
        }
        let allowed = |right: &&Right| self.told.network.iter().any(|host| host.covers(right));
        let network = job.rights.iter().filter(|right| matches!(right, Right::Network { .. }));
        match network.into_iter().find(|right| !allowed(right)) {
            Some(right) => Err(format!("{} may make {right}, which nobody configured", job.call)),
            None => Ok(()),
        }
    }

    /// The agent that asks for a tool here, if it was told what a tool answered.
    pub(crate) fn told_asker(&self, event: &Event) -> Option<AgentId> {
        let Event::Asked { caller: Caller::Agent(agent), syscall, .. } = event else { return None };
        let asks = matches!(syscall, Syscall::Call { .. } | Syscall::Plan { .. });
        (asks && self.told_agents.contains(agent)).then_some(*agent)
    }

    /// What such an agent asks for names those whom it has heard of.
    pub(crate) fn check_heard(&self, asker: Option<AgentId>, effects: &[Effect]) -> Result<(), String> {
        let Some(agent) = asker else { return Ok(()) };
        let jobs = effects.iter().filter_map(|effect| if let Effect::RunTool(job) = effect { Some(job) } else { None });
        match jobs.into_iter().find(|job| job.influences.is_empty()) {
            Some(job) => Err(format!("{} of {agent} names nobody, and the agent has read something", job.call)),
            None => Ok(()),
        }
    }

    fn check_not_completed(&self, call: genoa_abi::CallId) -> Result<(), String> {
        if self.completed.contains(&call) { Err(format!("{call} was completed and is done again")) } else { Ok(()) }
    }

    /// What leaves the machine or changes authority is started once. A crash may hide whether it happened.
    fn check_not_started(&mut self, job: &ToolJob) -> Result<(), String> {
        let is_repeatable = job.schema.effect < EffectClass::Emit;
        if is_repeatable || self.started.insert(job.call) {
            return Ok(());
        }
        Err(format!("{} was started and is started again", job.call))
    }

    /// Every grant from the call's own up to the root is alive and names the tool, its files and its program.
    fn check_authority(&self, job: &ToolJob) -> Result<(), String> {
        let grants: BTreeMap<GrantId, GrantInfo> =
            self.kernel.grants().into_iter().map(|grant| (grant.id, grant)).collect();
        let flights = self.kernel.calls_in_flight();
        let mut next = flights.get(&job.call).copied().flatten();
        if next.is_none() {
            return Err(format!("{} runs under no grant", job.call));
        }
        while let Some(id) = next {
            let Some(grant) = grants.get(&id) else { return Err(format!("{} runs under the missing {id}", job.call)) };
            if grant.revoked || grant.expires <= self.now {
                return Err(format!("{} runs under the dead {id}", job.call));
            }
            let names_tool = grant.rights.iter().any(|right| names(right, &job.schema.name));
            let files = job.schema.needs.files;
            let has_files = files == FileNeed::None || grant.rights.iter().any(|right| holds(right, job, files));
            let program = job.mcp.as_ref().map(|route| route.server.program_name());
            let may_run = program.is_none_or(|program| grant.rights.iter().any(|right| runs(right, program)));
            if !names_tool || !has_files || !may_run {
                return Err(format!("{} runs {} which {id} does not allow", job.call, job.schema.name));
            }
            next = grant.parent;
        }
        Ok(())
    }
}

fn names(right: &Right, tool: &str) -> bool {
    match right {
        Right::Tool { name, .. } => {
            name == "*" || name == tool || name.strip_suffix('*').is_some_and(|group| tool.starts_with(group))
        }
        _ => false,
    }
}

fn runs(right: &Right, program: &str) -> bool {
    matches!(right, Right::Program { name } if name == "*" || name == program)
}

fn holds(right: &Right, job: &ToolJob, need: FileNeed) -> bool {
    match right {
        Right::Files { under, access } => {
            *under == job.workspace && (need == FileNeed::Read || *access == Access::Write)
        }
        _ => false,
    }
}
