//! Prompt lookup: where an answer copies what stands before it, the next tokens are guessed from there and checked in one step.
//!
//! A guess costs little when it is right and a part of a step when it is wrong, so a call guesses more as long as it is right,
//! and rests after it was wrong: longer each time. Only what the model itself would have written is kept.

use llama_cpp_2::token::LlamaToken;

use crate::limits::{LOOKUP_REST_TOKENS, LOOKUP_TOKENS};

/// So many tokens must have stood together before, in this order.
const PATTERN: usize = 3;

/// How one call guesses.
#[derive(Debug)]
pub(super) struct Lookup {
    /// How many tokens it guesses next.
    most: usize,
    /// How many tokens it writes without a guess.
    rest: u32,
    /// How often in a row nothing of a guess was right.
    misses: u32,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self { most: LOOKUP_TOKENS / 2, rest: 0, misses: 0 }
    }

    /// What followed when the last tokens stood there before, the last time; `room` tokens at most.
    pub(super) fn guess<'t>(&mut self, tokens: &'t [LlamaToken], room: usize) -> &'t [LlamaToken] {
        if self.rest > 0 {
            self.rest -= 1;
            return &[];
        }
        let Some(begin) = tokens.len().checked_sub(PATTERN) else { return &[] };
        let (before, pattern) = (&tokens[..tokens.len() - 1], &tokens[begin..]);
        let Some(place) = before.windows(PATTERN).rposition(|window| window == pattern) else { return &[] };
        let follows = &tokens[place + PATTERN..];
        &follows[..follows.len().min(self.most).min(room)]
    }

    /// Of `guessed` tokens the first `right` were right.
    pub(super) fn learn(&mut self, guessed: usize, right: usize) {
        if right == guessed {
            (self.most, self.misses) = ((self.most * 2).min(LOOKUP_TOKENS), 0);
        } else if right > 0 {
            (self.most, self.misses) = ((right + 1).min(LOOKUP_TOKENS), 0);
        } else {
            self.misses += 1;
            self.most = 2;
            self.rest = LOOKUP_REST_TOKENS.min(1 << self.misses.min(16));
        }
    }
}

#[cfg(test)]
mod tests {
    use llama_cpp_2::token::LlamaToken;

    use super::Lookup;
    use crate::limits::{LOOKUP_REST_TOKENS, LOOKUP_TOKENS};

    fn tokens(text: &str) -> Vec<LlamaToken> {
        text.bytes().map(|byte| LlamaToken(i32::from(byte))).collect()
    }

    fn guess(lookup: &mut Lookup, text: &str, room: usize) -> String {
        let tokens = tokens(text);
        lookup.guess(&tokens, room).iter().map(|token| char::from(u8::try_from(token.0).unwrap())).collect()
    }

    #[test]
    fn the_last_place_is_where_it_goes_on() {
        let mut lookup = Lookup::new();
        assert_eq!(guess(&mut lookup, "abcX abcYZ! abc", 9), "YZ! ");
        assert_eq!(guess(&mut lookup, "abcX abcYZ! abc", 2), "YZ");
        assert_eq!(guess(&mut lookup, "aaaa", 9), "a", "a pattern may overlap itself");
        assert_eq!(guess(&mut lookup, "abcdefg", 9), "");
        assert_eq!(guess(&mut lookup, "ab", 9), "");
    }

    #[test]
    fn who_is_right_guesses_more_and_who_is_wrong_rests() {
        let mut lookup = Lookup::new();
        lookup.learn(4, 4);
        assert_eq!(guess(&mut lookup, "abc0123456789 abc", 99).len(), LOOKUP_TOKENS);
        lookup.learn(8, 2);
        assert_eq!(guess(&mut lookup, "abc0123456789 abc", 99), "012");
        let mut rests = Vec::new();
        for _ in 0..9 {
            lookup.learn(3, 0);
            let rest = (0..).take_while(|_| guess(&mut lookup, "abc0123456789 abc", 99).is_empty()).count();
            rests.push(rest);
        }
        assert_eq!(rests[..3], [2, 4, 8]);
        assert_eq!(rests[8], LOOKUP_REST_TOKENS as usize);
    }
}
