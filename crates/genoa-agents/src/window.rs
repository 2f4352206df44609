//! The planner's share of the model's window: each part of its prompt has a budget, and what does not fit is left out and named.

use std::collections::BTreeSet;

use genoa_abi::agent::Assignment;
use genoa_abi::limits::{FRAGMENT_BYTES, PROMPT_ATTEMPTS_CHARS, PROMPT_EXAMPLES_CHARS, PROMPT_FUNCTIONS_CHARS};
use genoa_abi::schema::{Catalog, ToolSchema};

use crate::attempt::Attempt;
use crate::functions::functions_text;

/// Letters that two words have to begin with in common to mean the same.
const SAME_LETTERS: usize = 4;
/// Names that a person is told of what was left out.
const NAMED: usize = 8;

/// Leaves out the functions that are farthest from the person's words, where not all fit; gives their names. Those of the language
/// itself are always there.
pub(crate) fn fit_functions(assignment: &mut Assignment) -> Vec<String> {
    let catalog = &assignment.catalog;
    if chars(catalog) <= PROMPT_FUNCTIONS_CHARS {
        return Vec::new();
    }
    let wanted = words(&assignment.text);
    let mut order: Vec<&ToolSchema> = catalog.tools.values().collect();
    order.sort_by_key(|tool| (!tool.is_function(), std::cmp::Reverse(nearness(tool, &wanted))));
    let mut fitting = catalog.clone();
    fitting.tools.clear();
    let mut left_out = Vec::new();
    for tool in order {
        fitting.tools.insert(tool.name.clone(), tool.clone());
        if !tool.is_function() && chars(&fitting) > PROMPT_FUNCTIONS_CHARS {
            fitting.tools.remove(&tool.name);
            left_out.push(tool.name.clone());
        }
    }
    assignment.catalog = fitting;
    left_out
}

/// What a person is told about functions that were left out.
pub(crate) fn told(left_out: &[String], left: usize) -> String {
    format!(
        "{} of {} functions do not fit into the model's window, those that are farthest from your words: {}. Name one, or use a session \
         with fewer, to have it seen",
        left_out.len(),
        left_out.len() + left,
        named(left_out)
    )
}

/// Some of the names, and how many more there are.
pub(crate) fn named(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text.truncate(text.floor_char_boundary(FRAGMENT_BYTES / 2));
    text
}

/// How many of these texts fit, the first first, and how many letters they have. One always does.
pub(crate) fn fitting<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>, most_chars: usize) -> (usize, usize) {
    let (mut count, mut taken) = (0, 0);
    for (one, other) in texts {
        let more = one.chars().count() + other.chars().count();
        if count > 0 && taken + more > most_chars {
            break;
        }
        (count, taken) = (count + 1, taken + more);
    }
    (count, taken)
}

/// The examples that fit, the nearest first, and their letters.
pub(crate) fn fitting_examples(assignment: &Assignment) -> (usize, usize) {
    let texts = assignment.examples.iter().map(|example| (example.intention.as_str(), example.plan.as_str()));
    fitting(texts, PROMPT_EXAMPLES_CHARS)
}

/// The attempts that fit, the last first, and their letters.
pub(crate) fn fitting_attempts(attempts: &[Attempt]) -> (usize, usize) {
    let texts = attempts.iter().rev().map(|attempt| (attempt.plan.as_str(), attempt.reply.as_str()));
    fitting(texts, PROMPT_ATTEMPTS_CHARS)
}

fn chars(catalog: &Catalog) -> usize {
    functions_text(catalog).chars().count()
}

/// How many of the wanted words a function has.
fn nearness(tool: &ToolSchema, wanted: &BTreeSet<String>) -> usize {
    let parameters = tool.parameters.iter().map(|parameter| parameter.name.as_str());
    let has: BTreeSet<String> = [tool.name.as_str(), tool.about.as_str(), tool.phrase.as_str()]
        .into_iter()
        .chain(parameters)
        .flat_map(words)
        .collect();
    wanted.iter().filter(|word| has.iter().any(|other| is_alike(word, other))).count()
}

fn is_alike(one: &str, other: &str) -> bool {
    let common = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    one == other || (common >= SAME_LETTERS && common + 3 >= one.chars().count().max(other.chars().count()))
}

/// Its words of three letters and more, in small letters.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.chars().count() > 2);
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use genoa_abi::agent::Assignment;
    use genoa_abi::limits::{FRAGMENT_BYTES, PROMPT_FUNCTIONS_CHARS};
    use genoa_abi::schema::{Catalog, ToolSchema};
    use serde_json::json;

    use super::{fit_functions, fitting, named, told};
    use crate::attempt::Attempt;
    use crate::prompt::messages;

    fn tool(name: &str, about: &str, executor: &str) -> ToolSchema {
        let schema = json!({ "name": name, "about": about, "parameters": [], "returns": "str", "effect": "observe",
            "executor": executor });
        serde_json::from_value(schema).unwrap()
    }

    /// An assignment with so many functions that programs offer, beside those of the language and one for the weather.
    fn assignment(text: &str, offered: usize) -> Assignment {
        let mut tools: Vec<ToolSchema> = (0..offered)
            .map(|number| {
                tool(&format!("desk{number}.look"), &"Looks at one of the desks in the hall. ".repeat(5), "client")
            })
            .collect();
        tools.push(tool("weather.forecast", "What the sky will bring", "client"));
        tools.push(tool("zzz_say", "Says it", "kernel"));
        Assignment {
            intention: genoa_abi::IntentionId(1),
            text: text.into(),
            manifest: crate::builtin_agents().remove(0),
            catalog: Catalog::new(tools, []),
            examples: Vec::new(),
            skill: None,
            person: genoa_abi::tool::Person::default(),
            clock: genoa_abi::tool::Clock { now: "2026-11-27T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
        }
    }

    #[test]
    fn functions_that_fit_are_all_there() {
        let mut few = assignment("What is on the desks?", 20);
        assert_eq!((fit_functions(&mut few), few.catalog.tools.len()), (Vec::new(), 22));
        let (_, fragments) = messages(&few, &[], &[]);
        assert!(fragments.iter().all(|part| part.left_out.is_none()), "{fragments:?}");
    }

    #[test]
    fn of_too_many_the_nearest_are_there_and_the_rest_is_named() {
        let mut many = assignment("Tell me the weather of tomorrow, the forecasts", 120);
        let left_out = fit_functions(&mut many);
        assert!(left_out.len() > 50 && left_out.iter().all(|name| name.starts_with("desk")), "{left_out:?}");
        assert!(many.catalog.tools.contains_key("weather.forecast") && many.catalog.tools.contains_key("zzz_say"));
        assert_eq!(left_out.len() + many.catalog.tools.len(), 122);
        let (messages, fragments) = messages(&many, &left_out, &[]);
        assert!(!messages[0].content.contains(&format!("{}(", left_out[0])), "it is not there");
        let functions = fragments.iter().find(|part| part.name == "functions").unwrap();
        assert!(functions.chars <= PROMPT_FUNCTIONS_CHARS && functions.chars > PROMPT_FUNCTIONS_CHARS / 2);
        assert!(functions.left_out.as_ref().unwrap().contains(&left_out[0]));
        assert!(told(&left_out, many.catalog.tools.len()).contains(&format!("{} of 122 functions", left_out.len())));
    }

    #[test]
    fn earlier_plans_that_do_not_fit_go_first() {
        let attempts: Vec<Attempt> =
            (0..3).map(|number| Attempt::rejected(format!("a = {number}\n{}", "b".repeat(1_500)), &[])).collect();
        let (messages, fragments) = messages(&assignment("Look", 1), &[], &attempts);
        let all: String = messages.iter().map(|message| message.content.as_str()).collect();
        assert!(!all.contains("a = 0") && all.contains("a = 1") && all.contains("a = 2"));
        let plans = fragments.iter().find(|part| part.name == "earlier plans").unwrap();
        assert_eq!(plans.left_out.as_deref(), Some("1 of 3"));
    }

    #[test]
    fn one_always_fits_and_names_are_bounded() {
        assert_eq!(fitting([("aaaa", ""), ("b", "")].into_iter(), 3), (1, 4));
        assert_eq!(fitting([("aa", "a"), ("b", ""), ("c", "")].into_iter(), 4), (2, 4));
        let long: Vec<String> = (0..9).map(|_| "ö".repeat(1_000)).collect();
        assert!(named(&long).len() <= FRAGMENT_BYTES / 2);
    }
}
