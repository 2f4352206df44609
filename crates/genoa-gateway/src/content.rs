//! Messages of the OpenAI protocol, as far as a model that reads text can take them.

use serde::Deserialize;
use serde_json::Value as Json;

/// A message of the conversation.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(crate) enum Message {
    /// Instructions.
    #[serde(alias = "developer")]
    System {
        /// What is said.
        content: Content,
    },
    /// The person, or who stands for them.
    User {
        /// What is said.
        content: Content,
    },
    /// The model.
    Assistant {
        /// What it said, if it did.
        #[serde(default)]
        content: Option<Content>,
        /// What it called.
        #[serde(default)]
        tool_calls: Vec<ToolCall>,
    },
    /// What a call gave.
    Tool {
        /// The result.
        content: Content,
    },
}

/// Text, in one piece or in several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    /// In one piece.
    Text(String),
    /// In several, of which some may be no text.
    Parts(Vec<Part>),
}

/// A piece of a message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

/// A call that the model made.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ToolCall {
    /// Which function, with what.
    pub(crate) function: CalledFunction,
}

/// Which function was called, with what.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CalledFunction {
    /// Its name.
    pub(crate) name: String,
    /// Its arguments, as JSON text.
    #[serde(default)]
    pub(crate) arguments: String,
}

impl ToolCall {
    /// The arguments as JSON; what is none stays a text.
    pub(crate) fn arguments(&self) -> Json {
        serde_json::from_str(&self.function.arguments).unwrap_or_else(|_| Json::from(self.function.arguments.clone()))
    }
}

impl Content {
    /// The text.
    ///
    /// # Errors
    /// The kind of a piece that is no text.
    pub(crate) fn text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Parts(parts) => {
                let text = |part: &Part| match part.kind.as_str() {
                    "text" | "input_text" | "output_text" | "refusal" => Ok(part.text.clone()),
                    other => Err(other.to_owned()),
                };
                parts.iter().map(text).collect()
            }
        }
    }
}
