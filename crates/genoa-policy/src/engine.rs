//! The rules, ready to be asked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision as Answer, Effect, Entities, Policy, PolicyId, PolicySet, Response, Schema,
};
use genoa_abi::policy::{CallFacts, Decision, Layer, PolicyTexts, RuleFile, RuleName, Verdict};
use genoa_abi::schema::Catalog;
use genoa_abi::{ErrorCode, Failure};
use miette::Diagnostic;
use serde_json::Value as Json;

use crate::facts::{Yes, request, wrong};
use crate::guard::guard;
use crate::schema::cedar_schema;

/// The rules that come with Genoa.
const SHIPPED: &str = include_str!("../data/shipped.cedar");
const SHIPPED_FILE: &str = "shipped.cedar";
/// How rules name that a sensor marked something that could have influenced a call, among `context.from`.
pub const SUSPECT: &str = "suspect";
/// The annotation by which a permit covers also arguments that others could have written.
pub(crate) const FOREIGN: &str = "foreign";
/// The annotation by which a permit covers also what is new to those who will read it.
pub(crate) const DISCLOSING: &str = "disclosing";

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: RuleName,
    /// What it says, in Cedar.
    pub text: String,
    /// Whether it forbids.
    pub forbids: bool,
    pub(crate) policy: Policy,
}

impl Rule {
    /// Whether it holds also where an argument is not in the person's words: all that forbids does, what is shipped, and what
    /// says so.
    #[must_use]
    pub fn covers_foreign(&self) -> bool {
        self.covers(FOREIGN)
    }

    /// Whether it holds also where something is new to those who will read it.
    #[must_use]
    pub fn covers_new(&self) -> bool {
        self.covers(DISCLOSING)
    }

    /// The rule in Cedar's JSON form.
    ///
    /// # Errors
    /// What is said of a rule that has none.
    pub fn json(&self) -> Result<Json, String> {
        self.policy.to_json().map_err(|error| error.to_string())
    }

    fn covers(&self, annotation: &str) -> bool {
        self.forbids || self.name.layer == Layer::Shipped || self.policy.annotation(annotation).is_some()
    }
}

/// A text that is no rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose it is.
    pub layer: Layer,
    /// Its file.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.file, self.layer, self.reason)
    }
}

/// All rules over one catalogue of tools.
#[derive(Debug)]
pub struct Engine {
    pub(crate) catalog: Catalog,
    pub(crate) schema: Schema,
    entities: Entities,
    rules: BTreeMap<String, Rule>,
    /// The rules that hold, by whether an argument is not in the person's words, and whether something is new to its reader:
    /// then without the permits that do not say that they cover this too.
    sets: [[PolicySet; 2]; 2],
}

impl Engine {
    /// Reads the rules. They are parsed, not validated: [`crate::check`] does that where they are written.
    ///
    /// # Errors
    /// The texts that are no rules.
    pub fn new(texts: &PolicyTexts, catalog: &Catalog) -> Result<Self, Vec<Broken>> {
        let shipped = RuleFile::new(SHIPPED_FILE, SHIPPED);
        let administrator = texts.administrator.iter().map(|file| (Layer::Administrator, file));
        let person = texts.person.iter().map(|file| (Layer::Person, file));
        let (mut rules, mut broken) = (BTreeMap::new(), Vec::new());
        for (layer, file) in std::iter::once((Layer::Shipped, &shipped)).chain(administrator).chain(person) {
            match rules_of(layer, file) {
                Ok(found) => rules.extend(found.into_iter().map(|rule| (rule.policy.id().to_string(), rule))),
                Err(reason) => broken.push(Broken { layer, file: file.name.clone(), reason }),
            }
        }
        let of_system = |reason: String| Broken { layer: Layer::Shipped, file: SHIPPED_FILE.to_owned(), reason };
        let sets = || -> Result<_, String> {
            let schema = Schema::from_json_value(cedar_schema(catalog)).map_err(|error| error.to_string())?;
            let entities = schema.action_entities().map_err(|error| error.to_string())?;
            let set = |keep: &dyn Fn(&Rule) -> bool| {
                PolicySet::from_policies(rules.values().filter(|rule| keep(rule)).map(|rule| rule.policy.clone()))
                    .map_err(|error| error.to_string())
            };
            let holding = |foreign, new| set(&|rule: &Rule| holds(rule, foreign, new));
            let sets = [[holding(false, false)?, holding(false, true)?], [holding(true, false)?, holding(true, true)?]];
            Ok((schema, entities, sets))
        };
        match sets() {
            Ok((schema, entities, sets)) if broken.is_empty() => {
                Ok(Self { catalog: catalog.clone(), schema, entities, rules, sets })
            }
            Ok(_) => Err(broken),
            Err(reason) => {
                broken.push(of_system(reason));
                Err(broken)
            }
        }
    }

    /// What the rules say of a call. One that a sensor marked is put to them also as it would be without the mark, and the
    /// stricter answer holds: so no rule, however it is written, makes a mark allow anything.
    ///
    /// # Errors
    /// Where it could not be put to them; then it must not be made.
    pub fn decide(&self, facts: &CallFacts) -> Result<Decision, Failure> {
        let marked = self.decide_as_told(facts)?;
        if !facts.from.contains(SUSPECT) {
            return Ok(marked);
        }
        let mut without = facts.clone();
        without.from.remove(SUSPECT);
        let unmarked = self.decide_as_told(&without)?;
        Ok(if unmarked.verdict > marked.verdict { unmarked } else { marked })
    }

    fn decide_as_told(&self, facts: &CallFacts) -> Result<Decision, Failure> {
        let tool = self.catalog.tools.get(&facts.tool).ok_or_else(|| wrong(format!("no tool {}", facts.tool)))?;
        let set = &self.sets[usize::from(!facts.unmet.is_empty())][usize::from(!facts.new_to.is_empty())];
        let ask = |yes| -> Result<Response, Failure> {
            let request = request(facts, tool, yes, &self.schema)?;
            let response = Authorizer::new().is_authorized(&request, set, &self.entities);
            // A rule that cannot be worked out is left out by Cedar. One that forbids must not be left out.
            let error = response.diagnostics().errors().next().map(|error| self.unusable(error));
            error.map_or(Ok(response), Err)
        };
        let now = ask(Yes::NotSaid)?;
        if now.decision() == Answer::Allow {
            return Ok(Decision { verdict: Verdict::Allow, rules: self.named(&now) });
        }
        let after_a_yes = ask(Yes::Said)?;
        if after_a_yes.decision() == Answer::Allow {
            let forbidding = self.named(&now);
            let rules = if forbidding.is_empty() { self.named(&after_a_yes) } else { forbidding };
            return Ok(Decision { verdict: Verdict::Ask, rules });
        }
        Ok(Decision { verdict: Verdict::Forbid, rules: self.named(&after_a_yes) })
    }

    /// All rules, by layer and file.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    pub(crate) fn rule(&self, id: &PolicyId) -> Option<&Rule> {
        self.rules.get(AsRef::<str>::as_ref(id))
    }

    pub(crate) fn all(&self) -> &PolicySet {
        &self.sets[0][0]
    }

    /// The failure for a rule that cannot be worked out for a call.
    fn unusable(&self, error: &AuthorizationError) -> Failure {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let rule = self.rule(error.policy_id()).map(|rule| rule.name.to_string()).unwrap_or_default();
        Failure::new(
            ErrorCode::NotGranted,
            format!("the rule {rule} cannot be worked out, so nothing is allowed that it is about"),
        )
        .because(error.inner())
        .try_next("`genoa policy check` says what is wrong with it")
    }

    fn named(&self, response: &Response) -> Vec<RuleName> {
        let mut names: Vec<RuleName> =
            response.diagnostics().reason().filter_map(|id| self.rule(id)).map(|rule| rule.name.clone()).collect();
        names.sort();
        names
    }
}

/// Whether a rule holds where something is not in the person's words, or new to its reader.
fn holds(rule: &Rule, foreign: bool, new: bool) -> bool {
    (!foreign || rule.covers_foreign()) && (!new || rule.covers_new())
}

/// The rules in a file.
fn rules_of(layer: Layer, file: &RuleFile) -> Result<Vec<Rule>, String> {
    if let Some(why) = &file.unreadable {
        return Err(why.clone());
    }
    guard(&file.text)?;
    let set = PolicySet::from_str(&file.text).map_err(|errors| {
        let said: Vec<String> = errors.iter().map(|error| place_of(error, &file.text)).collect();
        said.join("; ")
    })?;
    if set.templates().next().is_some() {
        return Err("a rule has a `?` slot: write the principal or the resource out".to_owned());
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Cedar numbers them `policy0`, `policy1`, … in the order of the text.
    policies.sort_by_key(|policy| number_of(policy.id()));
    let mut rules = Vec::new();
    for (place, policy) in policies.into_iter().enumerate() {
        let id = policy.annotation("id").map_or_else(|| (place + 1).to_string(), str::to_owned);
        let name =
            RuleName { layer, file: file.name.clone(), id, about: policy.annotation("about").map(str::to_owned) };
        let unique = PolicyId::new(format!("{layer:?}/{}/{place}", file.name));
        let policy = policy.new_id(unique);
        let text = policy.to_cedar().unwrap_or_default();
        rules.push(Rule { name, text, forbids: policy.effect() == Effect::Forbid, policy });
    }
    Ok(rules)
}

fn number_of(id: &PolicyId) -> usize {
    AsRef::<str>::as_ref(id).trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// An error with its line in the text.
fn place_of(error: &(impl Diagnostic + ?Sized), text: &str) -> String {
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    match offset.and_then(|offset| text.get(..offset)) {
        Some(before) => format!("line {}: {error}", before.matches('\n').count() + 1),
        None => error.to_string(),
    }
}
