//! The rules on top of grants: each call is put to them, and what they say is written down.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use genoa_abi::event::Effect;
use genoa_abi::labels::Source;
use genoa_abi::policy::{CallFacts, Decision, Layer, PolicyTexts, Verdict};
use genoa_abi::schema::Catalog;
use genoa_abi::{ErrorCode, Failure, Labels};
use genoa_policy::{Broken, Engine, SUSPECT, change_that_allows};
use serde::{Deserialize, Serialize};

use crate::calls::Order;
use crate::demands::{Unmet, Wrong, readers_of};
use crate::turn::{Origin, Turn};

/// The texts of the rules, and what was made of them once they were asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Rules {
    texts: PolicyTexts,
    #[serde(skip)]
    engine: OnceLock<Arc<Result<Engine, Vec<Broken>>>>,
}

/// The texts are all there is to them.
impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Rules {
    pub(crate) fn new(texts: PolicyTexts) -> Self {
        Self { texts, engine: OnceLock::new() }
    }

    /// The same rules, for another catalogue of tools.
    pub(crate) fn over_another_catalog(&self) -> Self {
        Self::new(self.texts.clone())
    }

    /// The rules over a catalogue, which is the same for as long as these rules are.
    fn engine(&self, catalog: &Catalog) -> Result<&Engine, Failure> {
        let made = self.engine.get_or_init(|| Arc::new(Engine::new(&self.texts, catalog)));
        made.as_ref().as_ref().map_err(|broken| {
            let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
            Failure::new(ErrorCode::NotGranted, "the rules cannot be read, so nothing is allowed")
                .because(broken.join("; "))
                .try_next("Correct the file, or take it out with `genoa policy remove`; `genoa policy check` says what is wrong")
        })
    }
}

impl Turn<'_> {
    /// What the rules say of a call: whether it has to be asked about, and under which rules. A call that they forbid is
    /// refused. The system's own functions give nothing that is not given anyway, so nobody rules about them.
    pub(crate) fn put_to_the_rules(&mut self, order: &Order, unmet: &[Unmet]) -> Result<Decision, Failure> {
        if order.schema.is_function() {
            return Ok(Decision { verdict: Verdict::Allow, rules: Vec::new() });
        }
        let (facts, decision) = self.decide(order, unmet)?;
        let change = (decision.verdict == Verdict::Forbid).then(|| change_that_allows(&facts, &decision)).flatten();
        self.effects.push(Effect::Decided { facts: Box::new(facts), decision: decision.clone() });
        if decision.verdict != Verdict::Forbid {
            return Ok(decision);
        }
        let rules: Vec<String> = decision.rules.iter().map(ToString::to_string).collect();
        let why = if rules.is_empty() { "no rule permits it".to_owned() } else { rules.join("; ") };
        let failure =
            Failure::new(ErrorCode::NotGranted, format!("the rules forbid {}", order.schema.name)).because(why);
        Err(match change {
            Some(change) => failure.try_next(change),
            None => failure,
        })
    }

    /// What the rules say of a call, and of which facts.
    pub(crate) fn decide(&self, order: &Order, unmet: &[Unmet]) -> Result<(CallFacts, Decision), Failure> {
        let facts = self.facts_of(order, unmet)?;
        let (rules, catalog) = self.kernel.rules_of(order.session);
        let decision = rules.engine(catalog)?.decide(&facts)?;
        Ok((facts, decision))
    }

    fn facts_of(&self, order: &Order, unmet: &[Unmet]) -> Result<CallFacts, Failure> {
        let session = self.session(order.session)?;
        let readers =
            order.schema.parameters.iter().flat_map(|parameter| readers_of(order, parameter, &session.person.email));
        let influenced = unmet.iter().filter(|one| matches!(one.wrong, Wrong::Influenced(_)));
        let new_to = unmet.iter().filter_map(|one| match &one.wrong {
            Wrong::Disclosed { to, .. } => Some(to.clone()),
            Wrong::Influenced(_) => None,
        });
        Ok(CallFacts {
            agent: self.agent_of(order.origin),
            tool: order.schema.name.clone(),
            effect: order.schema.effect,
            workspace: session.workspace.clone(),
            arguments: order.arguments.clone(),
            recipients: readers.collect(),
            unmet: influenced.map(|one| one.parameter.clone()).collect(),
            new_to: new_to.flatten().collect(),
            from: sources(&order.influences()),
            now: self.now,
        })
    }

    /// The name of the agent that a call is for.
    fn agent_of(&self, origin: Origin) -> Option<String> {
        let agent = match origin {
            Origin::Syscall(asker) => match asker.caller {
                genoa_abi::syscall::Caller::Agent(agent) => Some(agent),
                genoa_abi::syscall::Caller::Person(_) => None,
            },
            Origin::Run(run) => self.kernel.runs.get(&run).and_then(|run| run.agent),
            Origin::Reading { .. } | Origin::Nobody => None,
        };
        agent.and_then(|agent| self.kernel.agents.get(agent).ok()).map(|agent| agent.name.clone())
    }
}

/// What a person is told of the rules behind a question. That what is shipped asks is nothing to tell.
pub(crate) fn told(decision: &Decision) -> Vec<String> {
    let own = decision.rules.iter().filter(|rule| rule.layer != Layer::Shipped);
    own.map(|rule| format!("asked because of the rule {rule}")).collect()
}

/// Sources as rules see them: each by its name, and by its kind.
fn sources(labels: &Labels) -> BTreeSet<String> {
    let kind = |source: &Source| match source {
        Source::Person => Some("person"),
        Source::Suspect(_) => Some(SUSPECT),
        Source::Contacts => Some("contacts"),
        Source::Machine => Some("machine"),
        Source::Tool(_) => Some("tool"),
        Source::File(_) => Some("file"),
        Source::Mail(_) => Some("mail"),
        Source::Sender(_) => Some("sender"),
        Source::Web(_) => Some("web"),
        Source::Call(_) => None,
    };
    let mut all = BTreeSet::new();
    for source in labels.sources() {
        let Some(kind) = kind(source) else { continue };
        all.insert(kind.to_owned());
        match source {
            Source::Tool(name) => all.insert(format!("tool {name}")),
            Source::File(_) | Source::Mail(_) | Source::Sender(_) | Source::Web(_) => all.insert(source.to_string()),
            Source::Person | Source::Suspect(_) | Source::Contacts | Source::Machine | Source::Call(_) => false,
        };
    }
    all
}
