//! How likely each written token was, and what could have stood in its place, for who asks for that.
//!
//! The chances are those among the tokens that the grammar allows, before a temperature: what the choice was made from. What a
//! grammar forces was no choice, so its chance is one; the model was not even asked.

use genoa_abi::model::{ScoredToken, WrittenToken};
use toktrie::{SimpleVob, TokTrie, TokenId};

use super::sampler::for_allowed;

/// A logarithm of one, in millionths.
const SURE: i32 = 0;

/// The written tokens of one call.
#[derive(Debug)]
pub(super) struct Chances {
    /// How many others are told of beside each; nothing where nobody asked.
    wanted: Option<usize>,
    tokens: Vec<Placed>,
    told: usize,
}

/// A token, and where its bytes stand in the text.
#[derive(Debug)]
struct Placed {
    from: usize,
    to: usize,
    token: WrittenToken,
}

impl Chances {
    pub(super) fn new(wanted: Option<usize>) -> Self {
        Self { wanted, tokens: Vec::new(), told: 0 }
    }

    /// A token that was chosen by these scores.
    pub(super) fn of_chosen(
        &self,
        chosen: TokenId,
        scores: &[f32],
        allowed: Option<&SimpleVob>,
        trie: &TokTrie,
    ) -> Option<WrittenToken> {
        let spread = Spread::of(scores, allowed, self.wanted?)?;
        let scored = |token: TokenId, score: f32| scored(token, spread.log_millionths(score), trie);
        let score = scores.get(usize::try_from(chosen).ok()?)?;
        let likeliest = spread.likeliest.iter().map(|(token, score)| scored(*token, *score)).collect();
        Some(WrittenToken { token: scored(chosen, *score), likeliest })
    }

    /// A token that the grammar left no choice about.
    pub(super) fn of_forced(&self, token: TokenId, trie: &TokTrie) -> Option<WrittenToken> {
        let only = scored(token, SURE, trie);
        let likeliest = if self.wanted? > 0 { vec![only.clone()] } else { Vec::new() };
        Some(WrittenToken { token: only, likeliest })
    }

    /// The token was written, and the text is `length` bytes long now.
    pub(super) fn push(&mut self, token: Option<WrittenToken>, length: usize) {
        let Some(token) = token else { return };
        let from = self.tokens.last().map_or(0, |last| last.to);
        self.tokens.push(Placed { from, to: length, token });
    }

    /// Tokens that were not told yet, of a text whose first `shown` bytes are.
    pub(super) fn news(&mut self, shown: usize) -> Vec<WrittenToken> {
        let new = self.tokens[self.told..].iter().take_while(|token| token.to <= shown);
        let new: Vec<WrittenToken> = new.map(|placed| placed.token.clone()).collect();
        self.told += new.len();
        new
    }

    /// All tokens that stand in a text of `length` bytes, those that a stop text cut included.
    pub(super) fn into_tokens(self, length: usize) -> Vec<WrittenToken> {
        self.tokens.into_iter().filter(|token| token.from < length).map(|placed| placed.token).collect()
    }
}

fn scored(token: TokenId, log_millionths: i32, trie: &TokTrie) -> ScoredToken {
    let bytes = trie.token(token);
    match std::str::from_utf8(bytes) {
        Ok(text) => ScoredToken { text: text.to_owned(), bytes: Vec::new(), log_millionths },
        Err(_) => {
            ScoredToken { text: String::from_utf8_lossy(bytes).into_owned(), bytes: bytes.to_vec(), log_millionths }
        }
    }
}

/// The chances of all tokens that are allowed.
struct Spread {
    best: f64,
    /// The logarithm of all weights together, where the best has one.
    log_total: f64,
    likeliest: Vec<(TokenId, f32)>,
}

impl Spread {
    fn of(scores: &[f32], allowed: Option<&SimpleVob>, count: usize) -> Option<Self> {
        let mut best = f32::NEG_INFINITY;
        for_allowed(scores, allowed, |_, score| best = best.max(score));
        if !best.is_finite() {
            return None;
        }
        let mut total = 0.0;
        let mut likeliest: Vec<(TokenId, f32)> = Vec::with_capacity(count + 1);
        for_allowed(scores, allowed, |index, score| {
            if score.is_nan() {
                return;
            }
            total += (f64::from(score) - f64::from(best)).exp();
            if likeliest.len() < count || likeliest.last().is_some_and(|(_, least)| score > *least) {
                let place = likeliest.partition_point(|(_, other)| *other >= score);
                likeliest.insert(place, (TokenId::try_from(index).unwrap_or(TokenId::MAX), score));
                likeliest.truncate(count);
            }
        });
        Some(Self { best: f64::from(best), log_total: f64::ln(total), likeliest })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the conversion keeps to the ends of the range")]
    fn log_millionths(&self, score: f32) -> i32 {
        ((f64::from(score) - self.best - self.log_total) * 1_000_000.0).round() as i32
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{ScoredToken, WrittenToken};
    use proptest::prelude::*;
    use toktrie::SimpleVob;

    use super::{Chances, Spread};

    #[test]
    fn chances_are_shares_of_what_is_allowed() {
        let scores = [0.0, 2f32.ln(), 9.0, f32::NAN, 0.0, f32::NEG_INFINITY];
        let mask = SimpleVob::from_slice(&[true, true, false, true, true, true]);
        let spread = Spread::of(&scores, Some(&mask), 2).unwrap();
        assert_eq!(
            spread.likeliest.iter().map(|(token, _)| *token).collect::<Vec<_>>(),
            [1, 0],
            "equal ones in their order"
        );
        assert_eq!((spread.log_millionths(scores[1]), spread.log_millionths(0.0)), (-693_147, -1_386_294));
        assert_eq!(spread.log_millionths(f32::NEG_INFINITY), i32::MIN);
        assert!(Spread::of(&scores, Some(&SimpleVob::from_slice(&[false; 6])), 2).is_none());
        assert!(Spread::of(&scores, None, 0).unwrap().likeliest.is_empty());
    }

    #[test]
    fn tokens_are_told_with_their_text_and_not_before() {
        let token = |text: &str| {
            let token = ScoredToken { text: text.into(), bytes: vec![], log_millionths: -1 };
            Some(WrittenToken { token, likeliest: vec![] })
        };
        let texts = |tokens: Vec<WrittenToken>| tokens.into_iter().map(|token| token.token.text).collect::<Vec<_>>();
        let mut chances = Chances::new(Some(0));
        [("one", 3), (" E", 5), ("ND!", 8)].into_iter().for_each(|(text, to)| chances.push(token(text), to));
        assert_eq!(texts(chances.news(3)), ["one"]);
        assert_eq!(texts(chances.news(4)), Vec::<String>::new(), "half of it is shown");
        // The text ends before "END", which was a stop text.
        assert_eq!(texts(chances.into_tokens(4)), ["one", " E"]);
    }

    proptest! {
        #[test]
        fn the_likeliest_are_those_of_a_sorted_list(scores in prop::collection::vec(-9.0f32..9.0, 1..60), count in 0usize..8) {
            let mut sorted: Vec<f32> = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            sorted.truncate(count);
            let spread = Spread::of(&scores, None, count).unwrap();
            prop_assert_eq!(spread.likeliest.iter().map(|(_, score)| *score).collect::<Vec<_>>(), sorted);
            let all: f64 = scores.iter().map(|score| (f64::from(spread.log_millionths(*score)) / 1e6).exp()).sum();
            prop_assert!((all - 1.0).abs() < 1e-3);
        }
    }
}
