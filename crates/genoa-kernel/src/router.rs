//! Who takes up an intention, and which examples fit it: by the words that they share.
//!
//! A word that many examples have ("the", "with") tells less than one that few have, but not much less: "how many" is all
//! that tells a count from a search. What differs from one request to the next without another plan being wanted (names,
//! days, numbers, files, what stands in quotes) counts by its kind. Whole numbers only, so that every machine chooses alike.

use std::collections::{BTreeMap, BTreeSet};

use genoa_abi::agent::PlanExample;
use genoa_abi::skill::Skill;
use genoa_plan::request_and_background;

use crate::kernel::Kernel;

/// Who takes up what no agent shares a word with.
const DEFAULT_AGENT: &str = "content";
/// Words shorter than this say nothing about the matter.
const WORD_CHARS: usize = 3;
/// What a word counts that only one example has, times two.
const RARE: u64 = 1000;
/// How much of a skill's own words an intention must say to be served by it.
const SERVED_PERCENT: usize = 80;
/// Words beyond its values' number that an intention may say besides.
const ROOM: usize = 2;
/// Words that say little whatever their number (in the singular, as [`words`] cuts them).
const COMMON: &str = "all and any are been but can could did doe for from had have her him his into its just not now one \
    our out please shall she should some than that the their them then there they thi wa were will with would you your";
/// What a word of an agent's own description counts.
const DESCRIBED: u64 = 30;

/// The agent whose examples, and whose description, are nearest to `intention`.
pub(crate) fn choose(intention: &str, kernel: &Kernel) -> Option<String> {
    let (named, wanted) = (words(intention), Wanted::in_intention(intention));
    let weights = Weights::of(kernel.examples.values().flatten());
    let score = |name: &str| {
        let examples = kernel.examples.get(name).map(Vec::as_slice).unwrap_or_default();
        let nearest = examples.iter().map(|example| weights.nearest_phrasing(&wanted, example).0).max().unwrap_or(0);
        let manifest = kernel.manifests.get(name);
        let offered =
            manifest.map(|manifest| words(&format!("{} {}", manifest.name, manifest.about))).unwrap_or_default();
        let described = u64::try_from(named.intersection(&offered).count()).unwrap_or(u64::MAX);
        nearest + described * DESCRIBED
    };
    let best = kernel.manifests.keys().rev().max_by_key(|name| (score(name), name.as_str() == DEFAULT_AGENT));
    best.cloned()
}

/// The skill that serves `intention`, of this agent or any: nearly all of its own words are said, values aside, and
/// little else is.
pub(crate) fn skill_for<'k>(intention: &str, agent: Option<&str>, kernel: &'k Kernel) -> Option<&'k Skill> {
    let telling = |text: &str| -> BTreeSet<String> {
        words(text).into_iter().filter(|word| !COMMON.split_whitespace().any(|common| common == word)).collect()
    };
    let wanted = telling(intention);
    let share = |skill: &&Skill| {
        let values: BTreeSet<String> = skill.parameters.iter().flat_map(|parameter| words(&parameter.value)).collect();
        let own: BTreeSet<String> = telling(&skill.intention).difference(&values).cloned().collect();
        let shared = own.intersection(&wanted).count();
        let others = wanted.len() - shared;
        let room = values.len() + if values.is_empty() { 0 } else { ROOM };
        let is_served = !own.is_empty() && shared * 100 >= own.len() * SERVED_PERCENT && others <= room;
        is_served.then_some(shared * 100 / own.len())
    };
    let own = kernel.skills.values().filter(|skill| agent.is_none_or(|agent| agent == skill.agent));
    own.filter_map(|skill| Some((share(&skill)?, skill))).max_by_key(|(share, _)| *share).map(|(_, skill)| skill)
}

/// The examples that are nearest to `intention`, best first; among equals, the earlier ones. A refusal or a question back
/// is always among them, whichever is nearer: a model that is shown only deeds finds something to do for every request.
/// Each is told in the words that are nearest, where its plan fits them.
pub(crate) fn nearest(intention: &str, examples: &[PlanExample], count: usize) -> Vec<PlanExample> {
    let wanted = Wanted::in_intention(intention);
    let weights = Weights::of(examples);
    let mut ranked: Vec<(u64, &str, &PlanExample)> = examples
        .iter()
        .map(|example| {
            let (nearness, phrasing) = weights.nearest_phrasing(&wanted, example);
            (nearness, phrasing, example)
        })
        .collect();
    ranked.sort_by_key(|(nearness, ..)| std::cmp::Reverse(*nearness));
    let is_one = |example: &PlanExample, function: &str| example.plan.trim_start().starts_with(function);
    let mut chosen: Vec<_> = ranked.iter().take(count).collect();
    let is_no_deed = |example: &PlanExample| is_one(example, "refuse(") || is_one(example, "ask(");
    if chosen.iter().all(|(.., example)| !is_no_deed(example)) {
        chosen.extend(ranked.iter().find(|(.., example)| is_no_deed(example)));
    }
    let told = |(_, phrasing, example): &(u64, &str, &PlanExample)| PlanExample {
        intention: if fits(phrasing, example) { (*phrasing).to_owned() } else { example.intention.clone() },
        also: Vec::new(),
        plan: example.plan.clone(),
    };
    chosen.into_iter().map(told).collect()
}

/// Whether a plan serves another phrasing of its intention, too: all that it took from the intention is said there.
fn fits(phrasing: &str, example: &PlanExample) -> bool {
    let (intention, phrasing) = (example.intention.to_lowercase(), phrasing.to_lowercase());
    let literals = example.plan.split('"').skip(1).step_by(2).map(str::to_lowercase);
    literals.filter(|literal| intention.contains(literal.as_str())).all(|literal| phrasing.contains(&literal))
}

/// What an intention is compared by. What led to a request may make an example nearer, and takes none further away.
struct Wanted {
    /// Features of the sentences that ask for something.
    request: BTreeSet<String>,
    /// Of all sentences.
    whole: BTreeSet<String>,
}

impl Wanted {
    fn in_intention(intention: &str) -> Self {
        Self { request: features(&request_and_background(intention).0), whole: features(intention) }
    }
}

/// What each word counts.
struct Weights(BTreeMap<String, u64>);

impl Weights {
    fn of<'a>(examples: impl IntoIterator<Item = &'a PlanExample>) -> Self {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for example in examples {
            let all: BTreeSet<String> = phrasings(example).flat_map(features).collect();
            for word in all {
                *counts.entry(word).or_default() += 1;
            }
        }
        Self(counts)
    }

    /// The phrasing that fits best, with how much of the words of both is shared, by weight. A name that no example has
    /// counts for nothing.
    fn nearest_phrasing<'a>(&self, wanted: &Wanted, example: &'a PlanExample) -> (u64, &'a str) {
        let of_phrasing = |phrasing: &'a str| {
            let own = features(phrasing);
            let shared = self.sum(own.intersection(&wanted.whole));
            let all = self.sum(own.union(&wanted.request));
            (shared * RARE / all.max(1), phrasing)
        };
        let scored: Vec<(u64, &str)> = phrasings(example).map(of_phrasing).collect();
        scored.into_iter().rev().max_by_key(|(nearness, _)| *nearness).unwrap_or((0, &example.intention))
    }

    fn sum<'a>(&self, words: impl Iterator<Item = &'a String>) -> u64 {
        let weight = |word: &String| self.0.get(word).map_or(0, |count| RARE / (2 + u64::from(count.max(&1).ilog2())));
        words.map(weight).sum()
    }
}

fn phrasings(example: &PlanExample) -> impl Iterator<Item = &str> {
    std::iter::once(example.intention.as_str()).chain(example.also.iter().map(String::as_str))
}

/// The words of a text in lower case, plurals cut to the singular.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    let long = parts.filter(|word| word.chars().count() >= WORD_CHARS).map(str::to_lowercase);
    long.map(|word| word.strip_suffix('s').map(str::to_owned).unwrap_or(word)).collect()
}

/// What tells one kind of request from another: the stems of its words, and the kinds of what it names.
fn features(text: &str) -> BTreeSet<String> {
    let mut features = BTreeSet::new();
    let mut begins = true;
    for word in without_quotations(text).split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != QUOTATION);
        let bare = bare.strip_suffix("'s").or(bare.strip_suffix("’s")).unwrap_or(bare);
        if bare.is_empty() {
            continue;
        }
        let ending = bare.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| is_ending(ending));
        features.extend(ending.map(|ending| format!(".{}", ending.to_lowercase())));
        features.insert(match kind(bare, ending.is_some(), begins) {
            Some(kind) => kind.to_owned(),
            None => stem(&bare.to_lowercase()).to_owned(),
        });
        begins = word.ends_with(['.', '!', '?', ':']);
    }
    features
}

/// Stands for what is quoted.
const QUOTATION: char = '"';

fn without_quotations(text: &str) -> String {
    let parts = text.split(['"', '“', '”', '`']).enumerate();
    parts.map(|(place, part)| if place % 2 == 0 { part.to_owned() } else { format!(" {QUOTATION} ") }).collect()
}

fn is_ending(ending: &str) -> bool {
    (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The kind of what a word names; nothing for a word that is what it says. Every sentence begins in capitals.
fn kind(word: &str, has_ending: bool, begins: bool) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let has_digits = word.contains(|letter: char| letter.is_ascii_digit());
    match () {
        () if word.starts_with(QUOTATION) => Some("<quotation>"),
        () if word.contains("://") => Some("<page>"),
        () if word.contains('@') => Some("<address>"),
        () if has_ending => Some("<file>"),
        () if word.contains('/') => Some("<path>"),
        () if DAYS.split_whitespace().any(|day| day == lower) => Some("<day>"),
        () if lower == "noon"
            || (has_digits && (word.contains(':') || lower.ends_with("am") || lower.ends_with("pm"))) =>
        {
            Some("<time>")
        }
        () if has_digits => Some("<number>"),
        () if !begins && word.starts_with(char::is_uppercase) => Some("<name>"),
        () => None,
    }
}

/// Days and months.
const DAYS: &str = "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight january february \
    march april may june july august september october november december";

/// A word without the ending that its form gives it, roughly.
fn stem(word: &str) -> &str {
    let cut = ["ing", "ed", "es", "s", "e"].iter().filter_map(|ending| word.strip_suffix(ending));
    cut.into_iter().find(|stem| stem.chars().count() >= WORD_CHARS).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use genoa_abi::agent::PlanExample;

    use super::nearest;

    #[test]
    fn telling_words_decide() {
        let example = |text: &str| PlanExample { intention: text.into(), also: vec![], plan: String::new() };
        let examples =
            ["Which of the mails are unread?", "Make the slides about the budget", "Find the big files"].map(example);
        let found = nearest("make some slides about the picnic", &examples, 1);
        assert_eq!(found, [examples[1].clone()]);
        let kinds: Vec<String> =
            super::features("Move Ada's talk on Friday to 10:00, and file \"a b\" in x/y.md").into_iter().collect();
        assert_eq!(kinds.join(" "), ".md <day> <file> <name> <quotation> <time> and fil in mov on talk to");
        let found = nearest("the mails of the day", &examples, 2);
        assert_eq!(found[0], examples[0]);
    }

    #[test]
    fn a_phrasing_that_the_plan_does_not_fit_is_not_told() {
        let example = PlanExample {
            intention: "How many videos are there?".into(),
            also: vec!["Count all pictures".into()],
            plan: "found = files.find(kind=\"video\")".into(),
        };
        let found = nearest("count my pictures", &[example], 1);
        assert_eq!(found[0].intention, "How many videos are there?");
    }

    #[test]
    fn another_way_of_saying_it_is_found_and_a_refusal_is_always_shown() {
        let example = |text: &str, also: &str, plan: &str| PlanExample {
            intention: text.into(),
            also: vec![also.into()],
            plan: plan.into(),
        };
        let examples = [
            example("Show the mails", "What is in my inbox?", "m = mail.find()"),
            example("Show the files", "What is in my folders?", "f = files.find()"),
            example("Call the plumber", "Ring him up", "refuse(reason=\"no\")"),
        ];
        let found = nearest("anything new in the inbox", &examples, 1);
        let told: Vec<&str> = found.iter().map(|example| example.intention.as_str()).collect();
        assert_eq!(told, ["What is in my inbox?", "Call the plumber"]);
    }
}
