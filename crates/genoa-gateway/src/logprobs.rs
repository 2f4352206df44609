//! How likely tokens were, as both protocols tell it.

use genoa_abi::model::{InferReply, ScoredToken, WrittenToken};
use serde_json::{Value as Json, json};

/// Tokens with their chances.
pub(crate) fn told(tokens: &[WrittenToken]) -> Vec<Json> {
    let token = |written: &WrittenToken| {
        let mut token = scored(&written.token);
        token["top_logprobs"] = written.likeliest.iter().map(scored).collect();
        token
    };
    tokens.iter().map(token).collect()
}

/// Those of an answer's tokens that are its words: they stand at its end.
pub(crate) fn of_words<'a>(words: &str, reply: &'a InferReply) -> &'a [WrittenToken] {
    // A call that was cut off is no words, and has no tokens.
    if words.is_empty() { &[] } else { after(&reply.tokens, reply.text.len() - words.len()) }
}

/// The tokens after the first so many bytes.
fn after(tokens: &[WrittenToken], bytes: usize) -> &[WrittenToken] {
    let mut before = 0;
    let is_before = |written: &WrittenToken| {
        let is_before = before < bytes;
        before += bytes_of(&written.token).len();
        is_before
    };
    let count = tokens.iter().map(is_before).take_while(|is_before| *is_before).count();
    tokens.get(count..).unwrap_or_default()
}

fn bytes_of(token: &ScoredToken) -> &[u8] {
    if token.bytes.is_empty() { token.text.as_bytes() } else { &token.bytes }
}

fn scored(token: &ScoredToken) -> Json {
    json!({ "token": token.text, "logprob": f64::from(token.log_millionths) / 1e6, "bytes": bytes_of(token) })
}

/// The tokens of an answer on their way: those that came and were not told yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    tokens: Vec<WrittenToken>,
    told: usize,
}

impl Waiting {
    /// More came.
    pub(crate) fn push(&mut self, tokens: &[WrittenToken]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// The first so many bytes of what came are no words.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.tokens = after(&self.tokens, bytes).to_vec();
    }

    /// The answer is there, with all its tokens.
    pub(crate) fn end(&mut self, all: &[WrittenToken]) {
        self.tokens = all.get(self.told..).unwrap_or_default().to_vec();
    }

    /// Those that came since this was asked last.
    pub(crate) fn take(&mut self) -> Vec<Json> {
        let tokens = std::mem::take(&mut self.tokens);
        self.told += tokens.len();
        told(&tokens)
    }

    /// Whether some were not told yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{ScoredToken, WrittenToken};
    use serde_json::json;

    use super::{Waiting, told};

    fn written(text: &str, bytes: &[u8], log_millionths: i32) -> WrittenToken {
        let token = ScoredToken { text: text.into(), bytes: bytes.to_vec(), log_millionths };
        WrittenToken { likeliest: vec![token.clone()], token }
    }

    #[test]
    fn a_token_is_told_with_its_bytes() {
        let tokens = [written("é", &[], -700_000), written("\u{fffd}", &[0xc3], 0)];
        let told = told(&tokens);
        let first = json!({ "token": "é", "logprob": -0.7, "bytes": [0xc3, 0xa9] });
        assert_eq!(told[0]["top_logprobs"], json!([first]));
        assert_eq!((&told[1]["bytes"], &told[1]["logprob"]), (&json!([0xc3]), &json!(0.0)));
    }

    #[test]
    fn every_token_is_told_once() {
        let [one, two, three] = ["1", "2", "3"].map(|text| written(text, &[], -1));
        let mut waiting = Waiting::default();
        waiting.push(std::slice::from_ref(&one));
        assert_eq!(waiting.take().len(), 1);
        waiting.push(std::slice::from_ref(&two));
        waiting.end(&[one, two, three]);
        let rest = waiting.take();
        assert_eq!((rest.len(), &rest[0]["token"]), (2, &json!("2")));
        assert!(waiting.is_empty());
    }
}
