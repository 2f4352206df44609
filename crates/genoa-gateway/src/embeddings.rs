//! Texts that become vectors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genoa_abi::limits::EMBED_TEXTS;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::failures::ApiFailure;

/// What is taken for a token where the daemon does not count them.
const BYTES_PER_TOKEN: usize = 3;

/// Texts to turn into vectors.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EmbeddingsRequest {
    pub(crate) model: String,
    input: Input,
    #[serde(default)]
    pub(crate) encoding_format: Encoding,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// Numbers.
    #[default]
    Float,
    /// The bytes of 32-bit numbers, the lowest first.
    Base64,
}

impl EmbeddingsRequest {
    /// The texts.
    pub(crate) fn texts(self) -> Result<Vec<String>, ApiFailure> {
        let texts = match self.input {
            Input::One(text) => vec![text],
            Input::Several(texts) => texts,
        };
        if texts.is_empty() || texts.len() > EMBED_TEXTS || texts.iter().any(String::is_empty) {
            let what = format!("1 to {EMBED_TEXTS} texts, none of them empty");
            return Err(ApiFailure::of_field("input", what));
        }
        Ok(texts)
    }
}

/// The answer.
pub(crate) fn told(model: &str, vectors: &[Vec<f32>], encoding: Encoding, bytes: usize) -> Json {
    let data = vectors.iter().enumerate().map(
        |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": encoded(vector, encoding) }),
    );
    let tokens = bytes.div_ceil(BYTES_PER_TOKEN);
    json!({
        "object": "list", "data": data.collect::<Vec<_>>(), "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

fn encoded(vector: &[f32], encoding: Encoding) -> Json {
    match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        }
    }
}
