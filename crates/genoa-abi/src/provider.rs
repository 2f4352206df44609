//! The models that may answer: the one that the person chose, and what they state about providers of models that are elsewhere.
//!
//! A model that is elsewhere is named `PROVIDER/MODEL`; a model of this machine has no slash in its name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who answers model calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The chosen model. Empty in installations of the time when the kernel was not told.
    pub chosen: String,
    /// The providers that are configured, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, Provider>,
}

impl Models {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the person states about a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
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
