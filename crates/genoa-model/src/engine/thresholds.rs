//! Choices that are made by a chance of their own, and not by what is likeliest.

use genoa_abi::model::{Threshold, ThresholdPlace};
use toktrie::{SimpleVob, TokTrie, TokenId};

use super::sampler::chance_of;

/// The thresholds of one call that still count.
#[derive(Debug, Default)]
pub(super) struct Thresholds(Vec<Limit>);

#[derive(Debug)]
struct Limit {
    place: ThresholdPlace,
    /// The least chance, from 0 to 1.
    chance: f64,
    /// The tokens with which its text is written, in the order of their numbers.
    tokens: Vec<TokenId>,
}

impl Thresholds {
    pub(super) fn new(wanted: &[Threshold], trie: &TokTrie) -> Self {
        let limit = |threshold: &Threshold| {
            let text = threshold.text.as_bytes();
            let is_meant = |token: &TokenId| match threshold.place {
                _ if text.is_empty() || trie.is_special_token(*token) => false,
                ThresholdPlace::Beginning => trie.token(*token).starts_with(text),
                ThresholdPlace::Anywhere => trie.token(*token).windows(text.len()).any(|part| part == text),
            };
            let count = TokenId::try_from(trie.vocab_size()).unwrap_or(TokenId::MAX);
            let chance = f64::from(threshold.chance_ppm) / 1_000_000.0;
            Limit { place: threshold.place, chance, tokens: (0..count).filter(is_meant).collect() }
        };
        Self(wanted.iter().map(limit).collect())
    }

    /// What may stand next, of all that is allowed; nothing where no threshold has a say in it.
    pub(super) fn decide(&self, scores: &[f32], allowed: Option<&SimpleVob>) -> Option<SimpleVob> {
        let mut decided: Option<SimpleVob> = None;
        for limit in &self.0 {
            decided = limit.decide(scores, decided.as_ref().or(allowed)).or(decided);
        }
        decided
    }

    /// A token was chosen: after the first one, beginnings count no more.
    pub(super) fn chose(&mut self, token: TokenId) {
        let is_beginning = |limit: &Limit| limit.place == ThresholdPlace::Beginning;
        if self.0.iter().any(|limit| is_beginning(limit) && limit.tokens.contains(&token)) {
            self.0.clear();
        }
        self.0.retain(|limit| !is_beginning(limit));
    }
}

impl Limit {
    fn decide(&self, scores: &[f32], allowed: Option<&SimpleVob>) -> Option<SimpleVob> {
        let is_allowed = |token: &TokenId| {
            let index = usize::try_from(*token).unwrap_or(usize::MAX);
            index < scores.len() && allowed.is_none_or(|mask| index < mask.len() && mask.get(index))
        };
        let meant: Vec<TokenId> = self.tokens.iter().copied().filter(is_allowed).collect();
        if meant.is_empty() {
            return None;
        }
        let is_taken = chance_of(scores, allowed, &meant) >= self.chance;
        let mut mask = match allowed {
            _ if is_taken => SimpleVob::alloc(scores.len()),
            Some(allowed) => allowed.clone(),
            None => SimpleVob::alloc_ones(scores.len()),
        };
        meant.iter().for_each(|token| if is_taken { mask.allow_token(*token) } else { mask.disallow_token(*token) });
        // Where nothing else could stand there, it was no choice.
        (!mask.is_zero()).then_some(mask)
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Threshold, ThresholdPlace};
    use toktrie::{SimpleVob, TokRxInfo, TokTrie};

    use super::Thresholds;

    const WORDS: [&str; 6] = ["none", "find", "none\"", "no", "}\n", "}"];

    fn thresholds(place: ThresholdPlace, text: &str, chance_ppm: u32) -> Thresholds {
        let words: Vec<Vec<u8>> = WORDS.iter().map(|word| word.as_bytes().to_vec()).collect();
        let trie = TokTrie::from(&TokRxInfo::new(6, 3), &words);
        Thresholds::new(&[Threshold { place, text: text.into(), chance_ppm }], &trie)
    }

    fn left(thresholds: &Thresholds, scores: &[f32], allowed: &[u32]) -> Option<Vec<u32>> {
        let mut mask = SimpleVob::alloc(6);
        allowed.iter().for_each(|token| mask.allow_token(*token));
        thresholds.decide(scores, Some(&mask)).map(|mask| mask.to_list())
    }

    #[test]
    fn a_beginning_is_taken_from_its_chance_on_and_never_below() {
        let none = |ppm| thresholds(ThresholdPlace::Beginning, "none", ppm);
        // Weights 1, 8, 1 and next to nothing: the beginning has a chance of 20 %.
        let scores = [0.0, 8f32.ln(), 0.0, -90.0, -90.0, -90.0];
        assert_eq!(left(&none(199_999), &scores, &[0, 1, 2, 3]), Some(vec![0, 2]));
        assert_eq!(left(&none(200_001), &scores, &[0, 1, 2, 3]), Some(vec![1, 3]));
        assert_eq!(left(&none(200_000), &scores, &[0, 1]), Some(vec![1]), "of nine weights one");
        assert_eq!(left(&none(1_000_001), &scores, &[0]), None, "nothing else could stand there");
        assert_eq!(left(&none(0), &scores, &[1, 3]), None, "it could not stand there");
        assert_eq!(none(200_001).decide(&scores, None).unwrap().to_list(), [1, 3, 4, 5], "without a grammar");
        assert_eq!(left(&none(1), &[f32::NAN; 6], &[0, 1]), Some(vec![1]));
    }

    #[test]
    fn after_the_first_token_only_what_counts_anywhere_counts() {
        let scores = [0.0; 6];
        let mut line = thresholds(ThresholdPlace::Anywhere, "\n", 500_000);
        line.chose(1);
        assert_eq!(left(&line, &scores, &[4, 5]), Some(vec![4]));
        assert_eq!(left(&line, &scores, &[1, 4, 5]), Some(vec![1, 5]));
        assert_eq!(left(&line, &scores, &[1, 5]), None);
        let mut both = thresholds(ThresholdPlace::Beginning, "none", 1);
        both.0.extend(thresholds(ThresholdPlace::Anywhere, "\n", 1).0);
        both.chose(0);
        assert_eq!(left(&both, &scores, &[4, 5]), None, "a beginning that was taken ends them");
    }
}
