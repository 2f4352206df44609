//! Chooses a token from the model's scores: the likeliest, or a random one that depends on a seed alone.

use toktrie::{SimpleVob, TokenId};

/// Sampling looks at the likeliest tokens that together have this probability.
const TOP_P: f64 = 0.95;
/// Tokens that are this much less likely than the best (as a logarithm) are never chosen.
const HOPELESS: f64 = 20.0;

/// One call's way to choose.
#[derive(Debug)]
pub(super) struct Sampler {
    temperature: f32,
    random: SplitMix,
}

impl Sampler {
    pub(super) fn new(temperature: f32, seed: u64) -> Self {
        Self { temperature, random: SplitMix(seed) }
    }

    /// A token was chosen elsewhere: the next one is drawn as if it had been chosen here.
    pub(super) fn skip(&mut self) {
        if self.temperature > 0.0 {
            self.random.next();
        }
    }

    /// The number of the chosen token; `None` if nothing is allowed, or no score is a number.
    pub(super) fn choose(&mut self, scores: &[f32], allowed: Option<&SimpleVob>) -> Option<usize> {
        if self.temperature > 0.0 { self.draw(scores, allowed) } else { likeliest(scores, allowed) }
    }

    fn draw(&mut self, scores: &[f32], allowed: Option<&SimpleVob>) -> Option<usize> {
        let best = likeliest(scores, allowed)?;
        let temperature = f64::from(self.temperature);
        let relative = |score: f32| (f64::from(score) - f64::from(scores[best])) / temperature;
        let mut candidates: Vec<(usize, f64)> = Vec::new();
        for_allowed(scores, allowed, |index, score| {
            if relative(score) > -HOPELESS {
                candidates.push((index, relative(score).exp()));
            }
        });
        // Equal weights keep the order of their numbers, so the result depends on the seed alone.
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let mut count = 0;
        while count < candidates.len() && (count == 0 || kept < total * TOP_P) {
            kept += candidates[count].1;
            count += 1;
        }
        let mut left = self.random.unit() * kept;
        for (index, weight) in &candidates[..count] {
            left -= weight;
            if left <= 0.0 {
                return Some(*index);
            }
        }
        Some(best)
    }
}

fn likeliest(scores: &[f32], allowed: Option<&SimpleVob>) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for_allowed(scores, allowed, |index, score| {
        if !score.is_nan() && best.is_none_or(|(_, highest)| score > highest) {
            best = Some((index, score));
        }
    });
    best.map(|(index, _)| index)
}

/// The chance of some of the allowed tokens together, among all that are allowed.
pub(super) fn chance_of(scores: &[f32], allowed: Option<&SimpleVob>, some: &[TokenId]) -> f64 {
    let Some(best) = likeliest(scores, allowed).and_then(|index| scores.get(index)) else { return 0.0 };
    let weight = |score: f32| if score.is_nan() { 0.0 } else { (f64::from(score) - f64::from(*best)).exp() };
    let mut all = 0.0;
    for_allowed(scores, allowed, |_, score| all += weight(score));
    let score = |token: &TokenId| usize::try_from(*token).ok().and_then(|index| scores.get(index));
    some.iter().filter_map(score).map(|score| weight(*score)).sum::<f64>() / all
}

/// The `count` likeliest of the allowed tokens, best first, each with its chance among all that are allowed.
pub(super) fn chances(scores: &[f32], allowed: Option<&SimpleVob>, count: usize) -> Vec<(usize, f64)> {
    let Some(best) = likeliest(scores, allowed).filter(|_| count > 0) else { return Vec::new() };
    let weight = |score: f32| (f64::from(score) - f64::from(scores[best])).exp();
    let mut all: Vec<(usize, f64)> = Vec::new();
    for_allowed(scores, allowed, |index, score| {
        if !score.is_nan() {
            all.push((index, weight(score)));
        }
    });
    let total: f64 = all.iter().map(|(_, weight)| weight).sum();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(count);
    all.into_iter().map(|(index, weight)| (index, weight / total)).collect()
}

/// Visits all tokens that are allowed, in the order of their numbers.
pub(super) fn for_allowed(scores: &[f32], allowed: Option<&SimpleVob>, mut visit: impl FnMut(usize, f32)) {
    match allowed {
        Some(mask) => mask.iter_set_entries(|index| {
            if let Some(score) = scores.get(index) {
                visit(index, *score);
            }
        }),
        None => scores.iter().enumerate().for_each(|(index, score)| visit(index, *score)),
    }
}

/// SplitMix64: small, and the same on every machine.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to less than 1.
    fn unit(&mut self) -> f64 {
        const STEPS: f64 = 4_294_967_296.0;
        f64::from((self.next() >> 32) as u32) / STEPS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use toktrie::SimpleVob;

    use super::{Sampler, chances};

    fn mask(allowed: &[bool]) -> SimpleVob {
        SimpleVob::from_slice(allowed)
    }

    #[test]
    fn zero_temperature_takes_the_likeliest_that_is_allowed() {
        let scores = [1.0, 5.0, 3.0, f32::NAN];
        assert_eq!(Sampler::new(0.0, 1).choose(&scores, None), Some(1));
        assert_eq!(Sampler::new(0.0, 1).choose(&scores, Some(&mask(&[true, false, true, true]))), Some(2));
        assert_eq!(Sampler::new(0.0, 1).choose(&scores, Some(&mask(&[false; 4]))), None);
    }

    #[test]
    fn chances_are_shares_of_what_is_allowed() {
        let scores = [0.0, 2f32.ln(), 9.0, f32::NAN, 0.0];
        let found = chances(&scores, Some(&mask(&[true, true, false, true, true])), 2);
        let rounded: Vec<(usize, f64)> =
            found.into_iter().map(|(index, chance)| (index, (chance * 1000.0).round())).collect();
        assert_eq!(rounded, [(1, 500.0), (0, 250.0)]);
        assert_eq!(chances(&scores, Some(&mask(&[false; 5])), 2), []);
        assert_eq!(chances(&scores, None, 0), []);
    }

    #[test]
    fn a_temperature_spreads_the_choice() {
        let scores = [2.0, 1.9, -50.0];
        let mut sampler = Sampler::new(1.0, 7);
        let mut counts = [0; 3];
        for _ in 0..1000 {
            counts[sampler.choose(&scores, None).unwrap()] += 1;
        }
        assert!(counts[0] > counts[1] && counts[1] > 300, "{counts:?}");
        assert_eq!(counts[2], 0, "what is hopeless is never drawn");
    }

    proptest! {
        #[test]
        fn only_allowed_tokens_are_drawn_and_a_seed_repeats(
            scores in prop::collection::vec(-30.0f32..30.0, 1..200), seed: u64, bits: u64, temperature in 0.1f32..3.0
        ) {
            let allowed: Vec<bool> = (0..scores.len()).map(|index| bits >> (index % 64) & 1 == 1).collect();
            let choose = || Sampler::new(temperature, seed).choose(&scores, Some(&mask(&allowed)));
            let chosen = choose();
            prop_assert_eq!(chosen, choose());
            prop_assert_eq!(chosen.is_some(), allowed.contains(&true));
            prop_assert!(chosen.is_none_or(|index| allowed[index]));
        }
    }
}
