//! What a text is about: words, their weight, and the best passages (BM25, deterministic, without a model).

use std::collections::{BTreeMap, BTreeSet};

/// BM25's saturation of repeated words.
const SATURATION: f64 = 1.2;
/// BM25's correction for long texts: weaker than usual, because long papers of a person are not wordy but rich.
const LENGTH_WEIGHT: f64 = 0.35;
/// A word of the title counts as this many of the text.
const TITLE_WEIGHT: usize = 3;

const STOP_WORDS: &str = " a about after again all also am an and any are as at be been before being but by can could \
    did do does each for from get had has have he her here hi him his how i if in into is it its just let me more \
    my new no not now of off on once only or our out over please re fwd fw she should so some such than that the \
    their them then there these they this to too under up us very was we were what when where which while who why \
    will with would you your regards best dear hello thanks ";

/// The words of `text` that carry meaning, in a form that ignores case and the commonest endings.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| !STOP_WORDS.contains(&format!(" {word} ")))
        .map(|word| stem(&word))
        .collect()
}

fn stem(word: &str) -> String {
    if word.len() < 4 || !word.is_ascii() {
        return word.to_owned();
    }
    let word = singular(word);
    for ending in ["ing", "ed"] {
        if let Some(root) = word.strip_suffix(ending)
            && root.len() >= 3
            && root.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        {
            return undouble(root);
        }
    }
    word.trim_end_matches('e').to_owned()
}

fn singular(word: &str) -> String {
    if let Some(root) = word.strip_suffix("ies") {
        return format!("{root}y");
    }
    let is_plural = word.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    if is_plural { word[..word.len() - 1].to_owned() } else { word.to_owned() }
}

/// `planning` and `plan` have the same root.
fn undouble(root: &str) -> String {
    let mut letters = root.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(a), Some(b)) if a == b && !"lsz".contains(a) => root[..root.len() - 1].to_owned(),
        _ => root.trim_end_matches('e').to_owned(),
    }
}

/// A text to be found.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// What it is called.
    pub title: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// Texts, ready to be ranked by what they say.
#[derive(Debug)]
pub struct Index {
    counts: Vec<BTreeMap<String, usize>>,
    lengths: Vec<usize>,
    spread: BTreeMap<String, usize>,
}

impl Index {
    /// Reads the texts.
    #[must_use]
    pub fn new<'a>(documents: impl IntoIterator<Item = Document<'a>>) -> Self {
        let mut index = Self { counts: Vec::new(), lengths: Vec::new(), spread: BTreeMap::new() };
        for document in documents {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            let mut length = 0;
            for (text, weight) in [(document.title, TITLE_WEIGHT), (document.text, 1)] {
                for word in words(text) {
                    *counts.entry(word).or_default() += weight;
                    length += 1;
                }
            }
            counts.keys().for_each(|word| *index.spread.entry(word.clone()).or_default() += 1);
            index.counts.push(counts);
            index.lengths.push(length);
        }
        index
    }

    /// How much each text is about the words of `query`, text by text; 0 for not at all.
    #[must_use]
    pub fn scores(&self, query: &[String]) -> Vec<f64> {
        let query: BTreeSet<&String> = query.iter().collect();
        let total: usize = self.lengths.iter().sum();
        let mean = as_float(total) / as_float(self.lengths.len().max(1));
        let score = |(counts, length): (&BTreeMap<String, usize>, &usize)| {
            let dampening = 1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * as_float(*length) / mean.max(1.0);
            let part = |word: &&String| {
                let count = as_float(counts.get(*word).copied().unwrap_or(0));
                self.rarity(word) * count * (SATURATION + 1.0) / (count + SATURATION * dampening)
            };
            query.iter().map(part).sum()
        };
        self.counts.iter().zip(&self.lengths).map(score).collect()
    }

    /// How much of the weight of `query` each text covers, from 0 to 1. Words that no text holds do not count.
    #[must_use]
    pub fn coverage(&self, query: &[String]) -> Vec<f64> {
        let known: BTreeSet<&String> = query.iter().filter(|word| self.spread.contains_key(*word)).collect();
        let whole: f64 = known.iter().map(|word| self.rarity(word)).sum();
        let covered = |counts: &BTreeMap<String, usize>| {
            let part: f64 = known.iter().filter(|word| counts.contains_key(**word)).map(|word| self.rarity(word)).sum();
            if whole > 0.0 { part / whole } else { 0.0 }
        };
        self.counts.iter().map(covered).collect()
    }

    fn rarity(&self, word: &str) -> f64 {
        let (all, with) = (as_float(self.counts.len()), as_float(self.spread.get(word).copied().unwrap_or(0)));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// The places of the texts that hold the most of what `query` asks for, best first. Words of `generic` (what everything
/// here is: `mail`, `meeting`) say nothing, unless nothing else is asked. A query without meaning selects all, in order.
#[must_use]
pub fn select<'a>(query: &str, generic: &str, documents: impl IntoIterator<Item = Document<'a>>) -> Vec<usize> {
    let index = Index::new(documents);
    let generic = words(generic);
    let wanted: Vec<String> = words(query).into_iter().filter(|word| !generic.contains(word)).collect();
    if wanted.is_empty() {
        return (0..index.counts.len()).collect();
    }
    let (scores, coverage) = (index.scores(&wanted), index.coverage(&wanted));
    let most = coverage.iter().copied().fold(0.0, f64::max);
    let mut found: Vec<usize> =
        (0..scores.len()).filter(|place| scores[*place] > 0.0 && coverage[*place] >= most - 1e-9).collect();
    found.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    found
}

/// At most about `budget` characters of `text`: its beginning and the paragraphs that say most about `query`, in their
/// order, with `[…]` where something was left out.
#[must_use]
pub fn excerpt(text: &str, query: &[String], budget: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= budget {
        return text.to_owned();
    }
    let paragraphs = paragraphs(text, budget / 3);
    let index = Index::new(paragraphs.iter().map(|text| Document { title: "", text }));
    let scores = index.scores(query);
    let mut order: Vec<usize> = (1..paragraphs.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let mut chosen = BTreeSet::from([0]);
    let mut left = budget.saturating_sub(paragraphs.first().map_or(0, |first| first.chars().count()));
    for place in order {
        let length = paragraphs[place].chars().count();
        if length <= left {
            left -= length;
            chosen.insert(place);
        }
    }
    let mut parts = Vec::new();
    let mut last = 0;
    for place in chosen {
        if place > last + 1 {
            parts.push("[…]".to_owned());
        }
        parts.push(paragraphs[place].clone());
        last = place;
    }
    if last + 1 < paragraphs.len() {
        parts.push("[…]".to_owned());
    }
    parts.join("\n")
}

/// Lines that belong together, none much longer than `longest` characters.
fn paragraphs(text: &str, longest: usize) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        if line.trim().is_empty() || current.chars().count() + line.chars().count() > longest {
            paragraphs.push(std::mem::take(&mut current));
        }
        let mut line: &str = line.trim_end();
        while let Some((end, _)) = line.char_indices().nth(longest.max(1)) {
            paragraphs.push(line[..end].to_owned());
            line = &line[end..];
        }
        if !current.is_empty() {
            current.push('\n');
        }
        current.push_str(line);
    }
    paragraphs.push(current);
    paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
    paragraphs
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Document, excerpt, select, words};

    #[test]
    fn words_lose_their_case_and_endings() {
        let check = |a: &str, b: &str| assert_eq!(words(a), words(b), "{a} / {b}");
        check("planning the Demos", "plan demo");
        check("Companies, prices!", "company price");
        check("noted decisions", "note decision");
        check("the and of", "");
        check("Übermut", "übermut");
    }

    #[test]
    fn the_texts_that_hold_most_of_the_query_are_selected() {
        let texts =
            ["Lumen demo agenda", "Lumen invoice", "Demo of the heater", "Holidays", "A meeting on the Lumen demo"];
        let check = |query: &str, expected: &[usize]| {
            let documents = texts.iter().map(|title| Document { title, text: "" });
            assert_eq!(select(query, "meeting event", documents), expected, "{query}");
        };
        check("lumen demo meeting", &[0, 4]);
        check("holiday", &[3]);
        check("unicorn", &[]);
        check("meetings", &[0, 1, 2, 3, 4]);
        check("the unicorn of lumen invoices", &[1]);
    }

    #[test]
    fn an_excerpt_keeps_what_matters_within_its_budget() {
        let filler = "Nothing of interest is said in these words.\n\n".repeat(40);
        let text = format!("Title\n\n{filler}The demo starts at ten.\n\n{filler}");
        let short = excerpt(&text, &words("demo"), 300);
        assert!(short.starts_with("Title\n") && short.contains("The demo starts at ten."), "{short}");
        assert!(short.chars().count() < 340);
        let endless = excerpt(&"x".repeat(100_000), &words("x"), 300);
        assert!(endless.chars().count() < 340, "{}", endless.chars().count());
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,400}", query in "\\PC{0,40}", budget in 0usize..200) {
            let cut = excerpt(&text, &words(&query), budget);
            proptest::prop_assert!(cut.chars().count() <= text.chars().count().min(budget * 2 + 20) + 40);
            let found = select(&query, "", [Document { title: &text, text: &text }]);
            proptest::prop_assert!(found.len() <= 1);
        }
    }
}
