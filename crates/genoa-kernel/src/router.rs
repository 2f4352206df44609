//! Who takes up an intention, and which examples fit it: by the words that they share.

use std::collections::BTreeSet;

use genoa_abi::agent::PlanExample;

use crate::kernel::Kernel;

/// Who takes up what no agent shares a word with.
const DEFAULT_AGENT: &str = "content";
/// Words shorter than this say nothing about the matter.
const WORD_CHARS: usize = 3;

/// The agent whose description and tools share the most words with `intention`.
pub(crate) fn choose(intention: &str, kernel: &Kernel) -> Option<String> {
    let wanted = words(intention);
    let score = |name: &str| {
        let Some(manifest) = kernel.manifests.get(name) else { return 0 };
        let mut offered = words(&manifest.about);
        offered.extend(words(&manifest.name));
        for tool in &manifest.tools {
            offered.extend(words(tool));
            let about = kernel.catalog.tools.get(tool).map(|schema| words(&schema.about));
            offered.extend(about.into_iter().flatten());
        }
        wanted.iter().filter(|word| offered.contains(*word)).count()
    };
    let best = kernel.manifests.keys().rev().max_by_key(|name| (score(name), name.as_str() == DEFAULT_AGENT));
    best.cloned()
}

/// The examples that share the most words with `intention`, best first; among equals, the earlier ones.
pub(crate) fn nearest(intention: &str, examples: &[PlanExample], count: usize) -> Vec<PlanExample> {
    let wanted = words(intention);
    let mut ranked: Vec<(usize, &PlanExample)> =
        examples.iter().map(|example| (words(&example.intention).intersection(&wanted).count(), example)).collect();
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    ranked.into_iter().take(count).map(|(_, example)| example.clone()).collect()
}

/// The words of a text in lower case, plurals cut to the singular.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    let long = parts.filter(|word| word.chars().count() >= WORD_CHARS).map(str::to_lowercase);
    long.map(|word| word.strip_suffix('s').map(str::to_owned).unwrap_or(word)).collect()
}
