//! Plans to learn from: the shipped ones, and the choice of those that resemble an intention.

use std::collections::BTreeMap;

use genoa_abi::agent::PlanExample;
use serde::Deserialize;

/// The examples that ship with the agent called `name`; none for an agent that a person added.
///
/// # Panics
/// Never: a test reads every shipped file.
#[must_use]
pub fn builtin_examples(name: &str) -> Vec<PlanExample> {
    let text = match name {
        "communication" => include_str!("../data/examples/communication.toml"),
        "content" => include_str!("../data/examples/content.toml"),
        "programming" => include_str!("../data/examples/programming.toml"),
        "system" => include_str!("../data/examples/system.toml"),
        _ => return Vec::new(),
    };
    parse(text).unwrap_or_default()
}

/// At most `count` of `examples`, those that share the most telling words with `intention`, the nearest first.
///
/// A word counts the more the fewer examples have it (inverse document frequency). Where nothing is shared the order
/// of the list decides, so that a list begins with what is worth showing always.
#[must_use]
pub fn nearest<'a>(intention: &str, examples: &'a [PlanExample], count: usize) -> Vec<&'a PlanExample> {
    let documents: Vec<Vec<String>> = examples.iter().map(|example| words(&example.intention)).collect();
    let mut frequency: BTreeMap<&str, f64> = BTreeMap::new();
    for word in documents.iter().flatten() {
        *frequency.entry(word).or_default() += 1.0;
    }
    let total = f64::from(u32::try_from(examples.len()).unwrap_or(u32::MAX));
    let asked = words(intention);
    let score = |document: &Vec<String>| -> f64 {
        let weight = |word: &String| frequency.get(word.as_str()).map_or(0.0, |n| (1.0 + total / n).ln());
        let shared: f64 = document.iter().filter(|word| asked.contains(word)).map(weight).sum();
        let own: f64 = document.iter().map(weight).sum();
        if own > 0.0 { shared / own.sqrt() } else { 0.0 }
    };
    let mut ranked: Vec<(f64, usize)> =
        documents.iter().enumerate().map(|(place, document)| (score(document), place)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.into_iter().take(count).map(|(_, place)| &examples[place]).collect()
}

/// The distinct words of a text, lower case, without plural endings and words that tell nothing.
fn words(text: &str) -> Vec<String> {
    const EMPTY: [&str; 24] = [
        "the", "a", "an", "of", "to", "in", "on", "for", "and", "or", "me", "my", "i", "is", "are", "it", "that", "what",
        "with", "all", "from", "please", "by", "at",
    ];
    let mut words: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let word = word.to_lowercase();
            if word.len() > 3 { word.trim_end_matches('s').to_owned() } else { word }
        })
        .filter(|word| !EMPTY.contains(&word.as_str()))
        .collect();
    words.sort();
    words.dedup();
    words
}

#[derive(Deserialize)]
struct ExampleFile {
    example: Vec<PlanExample>,
}

fn parse(text: &str) -> Result<Vec<PlanExample>, toml::de::Error> {
    toml::from_str::<ExampleFile>(text).map(|file| file.example)
}

#[cfg(test)]
mod tests {
    use genoa_abi::agent::PlanExample;

    use super::{builtin_examples, nearest};
    use crate::manifests::builtin_agents;

    #[test]
    fn every_agent_ships_examples() {
        for agent in builtin_agents() {
            assert!(!builtin_examples(&agent.name).is_empty(), "{} has no examples", agent.name);
        }
    }

    #[test]
    fn the_nearest_example_shares_the_telling_words() {
        let example = |text: &str| PlanExample { intention: text.into(), plan: String::new() };
        let examples = [example("Which mails are unread?"), example("Make slides about the budget"), example("Find big files")];
        let found = nearest("make some slides about the picnic", &examples, 1);
        assert_eq!(found, [&examples[1]]);
    }
}
