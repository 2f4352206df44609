//! The models that may answer: the one that the person chose, and what they state about providers of models that are elsewhere.
//!
//! A model that is elsewhere is named `PROVIDER/MODEL`; a model of this machine has no slash in its name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::failure::{ErrorCode, Failure};
use crate::labels::{Labels, Readers, Source};
use crate::model::InferClass;

/// Who answers model calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The chosen model. Empty in installations of the time when the kernel was not told.
    pub chosen: String,
    /// The providers that are configured, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, Provider>,
    /// Which model answers calls of which kind. The first rule counts whose model can and may; where there is none, the chosen
    /// model answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
}

/// A rule for calls of a kind: what it states, all of it, must be so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Who waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<InferClass>,
    /// What is to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<Need>,
    /// What the prompt holds, at the most private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Sight>,
    /// Tokens of prompt and answer that are exceeded, as they are estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longer_than: Option<u64>,
    /// The name of the model.
    pub to: String,
}

/// What a model is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Text without a form.
    Text,
    /// Text under a grammar or a schema: plans, and what is read out of texts.
    Grammar,
    /// Vectors.
    Embeddings,
}

impl Models {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a provider may see of what a prompt is made of. Each may see what those before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// The person's words, and what the system says of itself: nothing that was read.
    Words,
    /// Also what anybody may read: pages of the network.
    #[default]
    Public,
    /// Also what the person alone may read, or some people: files, mails, contacts, what the machine is.
    Private,
}

impl Sight {
    /// The least sight with which something of this label may be seen.
    #[must_use]
    pub fn needed_for(labels: &Labels) -> Self {
        let is_said = |source: &Source| matches!(source, Source::Person | Source::Call(_));
        match labels.readers() {
            Readers::Only(_) => Self::Private,
            Readers::Anyone if labels.sources().all(is_said) => Self::Words,
            Readers::Anyone => Self::Public,
        }
    }
}

impl std::fmt::Display for Sight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Words => "words",
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

/// What the person states about a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// What its models may see.
    #[serde(default)]
    pub sees: Sight,
    /// Whether they take Lark grammars.
    #[serde(default)]
    pub grammars: bool,
    /// Whether they go on from the beginning of an answer.
    #[serde(default)]
    pub continues: bool,
    /// Whether there is a model for vectors.
    #[serde(default)]
    pub embeds: bool,
    /// Their window.
    #[serde(default)]
    pub context_tokens: u64,
    /// Tokens that its models may read and write within 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Millionths of the person's money that they may cost within 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_per_day: Option<u64>,
    /// What a million tokens cost that are read, in the same millionths.
    #[serde(default, skip_serializing_if = "is_free")]
    pub price_in: u64,
    /// What a million tokens cost that are written, likewise.
    #[serde(default, skip_serializing_if = "is_free")]
    pub price_out: u64,
}

impl Provider {
    /// Whether every request to it counts: then none is sent a second time while it is not certain that the first came to nothing.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.tokens_per_day.is_some() || self.spend_per_day.is_some()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_free(price: &u64) -> bool {
    *price == 0
}

/// The provider of a model that is elsewhere; nothing for a model of this machine.
#[must_use]
pub fn provider_of(model: &str) -> Option<&str> {
    model.split_once('/').map(|(provider, _)| provider)
}

/// What a model's name comes to whose provider is not configured.
#[must_use]
pub fn no_provider(name: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("there is no provider `{}` for the model", name.escape_debug()))
        .because("config.toml does not name it")
        .try_next("Add it as [providers.NAME], or choose a model of this machine with `genoa model use`")
}

/// An amount of the person's money, which is stated in millionths, as people write it: two digits after the point, more where they tell
/// something.
#[must_use]
pub fn shown_money(millionths: u64) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    let short = text.trim_end_matches('0').len().max(text.len() - 4);
    text[..short].to_owned()
}

/// What was used of a provider in the last 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderUse {
    /// Its name.
    pub provider: String,
    /// Tokens that were used: as it said, or the most that it could have been where it did not say.
    pub tokens: u64,
    /// Tokens that calls which are under way may use.
    pub tokens_set_aside: u64,
    /// How many there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// What that cost by the prices that the person states, in millionths of their money.
    pub spent: u64,
    /// What calls which are under way may cost.
    pub spent_set_aside: u64,
    /// What it may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_per_day: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Sight, shown_money};
    use crate::CallId;
    use crate::labels::{Labels, Readers, Source};

    fn labels() -> impl Strategy<Value = Labels> {
        let sources = [
            Source::Person,
            Source::Call(CallId(1)),
            Source::Tool("web.fetch".to_owned()),
            Source::File("a.md".to_owned()),
            Source::Contacts,
        ];
        let readers = [Readers::Anyone, Readers::nobody_else(), Readers::only(["ada@x"])];
        (proptest::sample::subsequence(sources.to_vec(), 0..5), proptest::sample::select(readers.to_vec()))
            .prop_map(|(sources, readers)| sources.into_iter().collect::<Labels>().for_readers(readers))
    }

    proptest! {
        #[test]
        fn what_is_made_of_more_needs_no_less_sight(a in labels(), b in labels()) {
            let both = Sight::needed_for(&a.union(&b));
            prop_assert_eq!(both, Sight::needed_for(&a).max(Sight::needed_for(&b)));
        }
    }

    #[test]
    fn amounts_are_told_shortly() {
        let told = [0, 1, 420_000, 5_000_000].map(shown_money);
        assert_eq!(told, ["0.00", "0.000001", "0.42", "5.00"]);
    }

    #[test]
    fn words_are_said_pages_are_public_and_the_rest_is_private() {
        let check = |labels: Labels, needed: Sight| assert_eq!(Sight::needed_for(&labels), needed, "{labels:?}");
        check(Labels::none(), Sight::Words);
        check(Source::Person.into(), Sight::Words);
        check(Source::Web("a.example".to_owned()).into(), Sight::Public);
        check(Labels::from(Source::Mail("1".to_owned())).for_readers(Readers::only(["ada@x"])), Sight::Private);
        check(Labels::none().for_readers(Readers::nobody_else()), Sight::Private);
    }
}
