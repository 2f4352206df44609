//! Skills: saving plans that worked, and finding the one that serves an intention.

use genoa_abi::agent::PlanExample;
use genoa_abi::limits::{INTENTION_BYTES, PLAN_BYTES, SKILLS};
use genoa_abi::schema::Catalog;
use genoa_abi::skill::{Skill, SkillSource};
use genoa_abi::syscall::{Caller, Reply};
use genoa_abi::{ErrorCode, Failure, RunId};
use serde::{Deserialize, Serialize};

use crate::router;
use crate::runs::RunState;
use crate::turn::{Response, Standing, Turn, only_a_person, too_large};

/// Plans that are kept for saving.
const DONE_PLANS: usize = 20;
/// Letters of a skill's name.
const NAME_LETTERS: usize = 64;

/// A plan that ran to its end for an intention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DonePlan {
    run: RunId,
    workspace: String,
    agent: String,
    intention: String,
    source: String,
}

impl Turn<'_> {
    pub(crate) fn save_skill(
        &mut self,
        caller: Caller,
        standing: Standing,
        name: String,
        from: SkillSource,
    ) -> Result<Response, Failure> {
        let Caller::Person(session) = caller else { return Err(only_a_person("save a skill")) };
        check_name(&name)?;
        if self.kernel.skills.len() >= SKILLS && !self.kernel.skills.contains_key(&name) {
            return Err(too_large("too many skills are saved", "SKILLS", SKILLS).try_next("Forget one first"));
        }
        let (agent, intention, example) = match from {
            SkillSource::Run(run) => {
                let workspace = self.session(session)?.workspace.clone();
                let done = self.done_plan(run, &workspace)?;
                (done.agent.clone(), done.intention.clone(), done.source.clone())
            }
            SkillSource::Plan { source, intention } => {
                self.check_own_plan(&source, &intention, &self.catalog_for(standing.grant, session))?;
                (router::choose(&intention, self.kernel).unwrap_or_default(), intention, source)
            }
        };
        let (plan, parameters) = genoa_plan::parametrise(&example, self.kernel.catalog_of(session), &intention);
        let skill = Skill { name: name.clone(), agent, intention, example, plan, parameters };
        self.kernel.skills.insert(name, skill.clone());
        Ok(Response::Now(Reply::Skills(vec![skill])))
    }

    pub(crate) fn forget_skill(&mut self, caller: Caller, name: &str) -> Result<Response, Failure> {
        let Caller::Person(_) = caller else { return Err(only_a_person("forget a skill")) };
        match self.kernel.skills.remove(name) {
            Some(_) => Ok(Response::Now(Reply::Done)),
            None => Err(self.no_skill(name)),
        }
    }

    /// Keeps the plan of a run that ended well, for as long as others do not push it out.
    pub(crate) fn keep_done_plan(&mut self, run: RunId, state: &RunState) {
        let (Some(agent), Some(intention), Ok(session)) = (
            state.agent.and_then(|agent| self.kernel.agents.get(agent).ok()),
            self.kernel.intentions.get(&state.intention),
            self.session(state.session),
        ) else {
            return;
        };
        let done = DonePlan {
            run,
            workspace: session.workspace.clone(),
            agent: agent.name.clone(),
            intention: intention.text.clone(),
            source: state.run.plan().source().to_owned(),
        };
        if self.kernel.done.len() >= DONE_PLANS {
            self.kernel.done.pop_front();
        }
        self.kernel.done.push_back(done);
    }

    fn done_plan(&self, run: Option<RunId>, workspace: &str) -> Result<&DonePlan, Failure> {
        let mut plans = self.kernel.done.iter().rev();
        let found = match run {
            Some(run) => plans.find(|done| done.run == run),
            None => plans.find(|done| done.workspace == workspace),
        };
        found.ok_or_else(|| {
            let what = run.map_or("no plan of this folder".to_owned(), |run| format!("no plan of the run {run}"));
            Failure::new(ErrorCode::NotFound, format!("{what} is at hand"))
                .because(format!("the last {DONE_PLANS} plans that ended well are kept"))
                .try_next("Let it be done once more, or save a plan from a file")
        })
    }

    fn check_own_plan(&self, source: &str, intention: &str, catalog: &Catalog) -> Result<(), Failure> {
        if source.len() > PLAN_BYTES || intention.len() > INTENTION_BYTES {
            return Err(too_large("the skill is too long", "PLAN_BYTES", PLAN_BYTES));
        }
        if intention.trim().is_empty() {
            return Err(Failure::new(ErrorCode::InvalidInput, "the skill has no words that it serves")
                .try_next("Give the intention with it"));
        }
        genoa_plan::check(source, catalog, intention).map(drop).map_err(|findings| {
            let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Failure::new(ErrorCode::InvalidInput, "the plan does not pass the check").because(reasons.join("; "))
        })
    }

    fn no_skill(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.kernel.skills.keys().map(String::as_str).collect();
        let failure = Failure::new(ErrorCode::NotFound, format!("there is no skill `{}`", name.escape_debug()));
        if known.is_empty() { failure } else { failure.try_next(format!("There are: {}", known.join(", "))) }
    }

    /// What a planner learns from: the agent's own examples, with the person's skills for it, as far as they call only
    /// what is in `catalog`.
    pub(crate) fn examples_for(&self, agent: &str, catalog: &Catalog) -> Vec<PlanExample> {
        let barred: Vec<String> = self
            .kernel
            .catalog
            .tools
            .keys()
            .filter(|tool| !catalog.tools.contains_key(*tool))
            .map(|tool| format!("{tool}("))
            .collect();
        let own = self.kernel.skills.values().filter(|skill| skill.agent == agent).map(|skill| PlanExample {
            intention: skill.intention.clone(),
            also: Vec::new(),
            plan: skill.example.clone(),
        });
        let shipped = self.kernel.examples.get(agent).into_iter().flatten().cloned();
        own.chain(shipped).filter(|example| !barred.iter().any(|call| example.plan.contains(call))).collect()
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    let is_fit = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.is_empty() || name.len() > NAME_LETTERS || !name.chars().all(is_fit) {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("`{}` is no name for a skill", name.escape_debug()))
            .because(format!("a name has at most {NAME_LETTERS} letters, digits, `-` and `_`")));
    }
    Ok(())
}
