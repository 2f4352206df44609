//! Models that are elsewhere: what the configuration says of their providers, and what follows from it.

use std::path::PathBuf;

use genoa_abi::grant::Right;
use genoa_abi::limits::{CONTEXT_TOKENS, MODEL_PROVIDERS, MODEL_ROUTES, PROVIDER_DAY_TOKENS, STREAM_SILENCE_MS};
use genoa_abi::model::InferClass;
use genoa_abi::provider::{Models, Need, Provider, Route, Sight, no_provider};
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::{ModelSource, Secret};
use genoa_model::limits::REMOTE_SILENCE_MS;
use genoa_model::remote::{RemoteOptions, check_key, read_key};
use genoa_model::worker::WorkerOptions;
use genoa_sandbox::compile::MODEL_KEY;
use serde::{Deserialize, Serialize};

use crate::hosts;
use crate::money::Money;
use crate::settings::Settings;

/// What an endpoint is asked with.
const METHOD: &str = "POST";
/// Letters of a provider's name, and of a model's name there.
const NAME_LETTERS: usize = 64;
const MODEL_LETTERS: usize = 200;

/// An endpoint that speaks the OpenAI protocol, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderSettings {
    /// The address before `/chat/completions`.
    pub(crate) url: String,
    /// The environment variable with the key, as it is where the daemon is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_env: Option<String>,
    /// The file with the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// The endpoint takes Lark grammars in `guided_grammar`.
    #[serde(default)]
    pub(crate) guided_grammar: bool,
    /// The endpoint goes on from a last message of the assistant.
    #[serde(default)]
    pub(crate) continue_final_message: bool,
    /// The window of its models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) context_tokens: Option<u32>,
    /// The model for embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) embedding_model: Option<String>,
    /// Allows an address without encryption on another machine.
    #[serde(default)]
    pub(crate) allow_plain_http: bool,
    /// How long it may say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silence_ms: Option<u64>,
    /// What its models may see.
    #[serde(default)]
    pub(crate) sees: Sight,
    /// Tokens that may be used within 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens_per_day: Option<u64>,
    /// What may be spent within 24 hours, in the person's own money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spend_per_day: Option<Money>,
    /// What a million tokens cost that are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price_in: Option<Money>,
    /// What a million tokens cost that are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) price_out: Option<Money>,
}

impl ProviderSettings {
    fn window(&self) -> u32 {
        self.context_tokens.unwrap_or(u32::try_from(CONTEXT_TOKENS).unwrap_or(u32::MAX))
    }

    /// What the kernel is told of it.
    fn stated(&self) -> Provider {
        let millionths = |money: Option<Money>| money.map(|money| money.0);
        Provider {
            sees: self.sees,
            grammars: self.guided_grammar,
            continues: self.continue_final_message,
            embeds: self.embedding_model.is_some(),
            context_tokens: u64::from(self.window()),
            tokens_per_day: self.tokens_per_day,
            spend_per_day: millionths(self.spend_per_day),
            price_in: millionths(self.price_in).unwrap_or_default(),
            price_out: millionths(self.price_out).unwrap_or_default(),
        }
    }
}

/// A rule about which model answers, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSettings {
    /// Who waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<InferClass>,
    /// What is to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) need: Option<Need>,
    /// What the prompt holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holds: Option<Sight>,
    /// Tokens of prompt and answer that are exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) longer_than: Option<u64>,
    /// The model.
    #[serde(rename = "use")]
    pub(crate) to: String,
}

/// A chosen model that is elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote<'s> {
    /// The provider's name.
    pub(crate) provider: &'s str,
    settings: &'s ProviderSettings,
    model: &'s str,
}

/// The chosen model, if it is elsewhere.
pub(crate) fn chosen(settings: &Settings) -> Result<Option<Remote<'_>>, Failure> {
    named(settings, &settings.model.name)
}

/// The models that rules name and that are elsewhere, each once, without the chosen one.
pub(crate) fn by_rule(settings: &Settings) -> Vec<Remote<'_>> {
    let mut names: Vec<&str> = settings.route.iter().map(|route| route.to.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| *name != settings.model.name);
    names.into_iter().filter_map(|name| named(settings, name).ok().flatten()).collect()
}

/// A model by its name, if it is elsewhere: its name has a slash, which no model of this machine has.
pub(crate) fn named<'s>(settings: &'s Settings, name: &'s str) -> Result<Option<Remote<'s>>, Failure> {
    let Some((provider, model)) = name.split_once('/') else { return Ok(None) };
    let found = settings.providers.get_key_value(provider).ok_or_else(|| no_provider(provider))?;
    if model.is_empty() || model.len() > MODEL_LETTERS || model.contains(|letter: char| letter.is_control()) {
        return Err(Failure::new(ErrorCode::InvalidInput, "what follows the slash is no name of a model")
            .because(format!("a name is 1 to {MODEL_LETTERS} letters, on one line")));
    }
    Ok(Some(Remote { provider: found.0, settings: found.1, model }))
}

/// Looks at every provider, chosen or not.
pub(crate) fn check(settings: &Settings) -> Result<(), Failure> {
    if settings.providers.len() > MODEL_PROVIDERS {
        return Err(Failure::new(ErrorCode::TooLarge, "the configuration names too many providers")
            .because(format!("the limit is {MODEL_PROVIDERS} (MODEL_PROVIDERS)")));
    }
    if settings.route.len() > MODEL_ROUTES {
        return Err(Failure::new(ErrorCode::TooLarge, "the configuration has too many rules in [[route]]")
            .because(format!("the limit is {MODEL_ROUTES} (MODEL_ROUTES)")));
    }
    for route in &settings.route {
        if route.to.is_empty() {
            return Err(Failure::new(ErrorCode::InvalidInput, "a rule in [[route]] names no model"));
        }
        named(settings, &route.to)?;
    }
    all(settings).try_for_each(Remote::check)
}

/// What the kernel is told: who answers, and what the person states of providers.
pub(crate) fn models(settings: &Settings, chosen: &str) -> Models {
    let stated = settings.providers.iter().map(|(name, provider)| (name.clone(), provider.stated()));
    let rule = |route: &RouteSettings| {
        let RouteSettings { class, need, holds, longer_than, to } = route.clone();
        Route { class, need, holds, longer_than, to }
    };
    let routes = settings.route.iter().map(rule).collect();
    Models { chosen: chosen.to_owned(), providers: stated.collect(), routes }
}

/// Every provider, each with a model that nobody has.
pub(crate) fn all(settings: &Settings) -> impl Iterator<Item = Remote<'_>> {
    settings.providers.iter().map(|(provider, settings)| Remote { provider, settings, model: "…" })
}

impl Remote<'_> {
    /// `provider/model`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// The host with its port.
    pub(crate) fn host(&self) -> Result<String, Failure> {
        self.options().host()
    }

    /// Where prompts go, for people.
    pub(crate) fn whereabouts(&self) -> Result<String, Failure> {
        let host = self.host()?;
        let is_here = host.starts_with("127.0.0.1:") || host.starts_with("[::1]:");
        Ok(if is_here { format!("{host}, a program on this machine") } else { host })
    }

    /// What it may see, for people.
    pub(crate) fn sight(&self) -> &'static str {
        match self.settings.sees {
            Sight::Words => "your words, and nothing that was read",
            Sight::Public => "your words, and what anybody may read: pages of the network",
            Sight::Private => "your words, and what is read on your behalf: parts of files, mails and calendars",
        }
    }

    /// Whether plans can be written under a grammar: that takes both of what goes beyond the protocol.
    pub(crate) fn follows_grammars(&self) -> bool {
        self.settings.guided_grammar && self.settings.continue_final_message
    }

    /// The key, as it is now.
    pub(crate) fn key(&self) -> Result<Option<Secret>, Failure> {
        let text = match (&self.settings.key_env, &self.settings.key_file) {
            (None, None) => return Ok(None),
            (_, Some(path)) => read_key(path)?,
            (Some(name), None) => {
                let what = format!("the environment variable {name} does not hold a key for {}", self.provider);
                let unset = || {
                    Failure::new(ErrorCode::InvalidInput, what.clone()).because("it is not set").try_next(
                        "Set it where the daemon is started, or put the key into a file and name that as `key_file`",
                    )
                };
                check_key(&std::env::var(name).map_err(|_| unset())?, &what)?
            }
        };
        Ok(Some(Secret::new(text)))
    }

    /// What the daemon starts its worker with.
    pub(crate) fn source(&self) -> ModelSource {
        let found = || {
            let key = self.key()?;
            let options = WorkerOptions::Remote(RemoteOptions {
                key_file: key.is_some().then(|| MODEL_KEY.into()),
                ..self.options()
            });
            let options = serde_json::to_string(&options).unwrap_or_default();
            let asks_once = self.settings.stated().is_limited();
            Ok(ModelSource::Remote { host: self.right()?, key, options, asks_once })
        };
        found().unwrap_or_else(ModelSource::Missing)
    }

    /// The files on which that depends.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        self.settings.key_file.iter().cloned().collect()
    }

    fn right(&self) -> Result<Right, Failure> {
        hosts::one(&self.host()?, METHOD, "a provider")
    }

    fn options(&self) -> RemoteOptions {
        let settings = self.settings;
        RemoteOptions {
            name: self.provider.to_owned(),
            url: settings.url.clone(),
            model: self.model.to_owned(),
            embedding_model: settings.embedding_model.clone(),
            key_file: None,
            context_tokens: settings.window(),
            guided_grammar: settings.guided_grammar,
            continue_final_message: settings.continue_final_message,
            allow_plain_http: settings.allow_plain_http,
            silence_ms: settings.silence_ms.unwrap_or(REMOTE_SILENCE_MS),
            asks_once: settings.stated().is_limited(),
        }
    }

    fn check(self) -> Result<(), Failure> {
        let refused = |why: String| {
            let name = self.provider.escape_debug();
            Err(Failure::new(ErrorCode::InvalidInput, format!("[providers.{name}] cannot be used")).because(why))
        };
        let is_plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '_';
        if self.provider.is_empty() || self.provider.len() > NAME_LETTERS || !self.provider.chars().all(is_plain) {
            return refused(format!("a name is 1 to {NAME_LETTERS} small letters, digits, `-` and `_`"));
        }
        if self.settings.key_env.is_some() && self.settings.key_file.is_some() {
            return refused("the key is either in `key_env` or in `key_file`".to_owned());
        }
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        };
        if !self.settings.key_env.as_ref().is_none_or(is_name) {
            // It is not repeated: it may be the key itself.
            return refused("`key_env` is the name of an environment variable, not the key".to_owned());
        }
        if !self.settings.key_file.as_ref().is_none_or(|path| path.is_absolute()) {
            return refused("`key_file` is an absolute path".to_owned());
        }
        if self.settings.silence_ms.is_some_and(|silence| !(1..=STREAM_SILENCE_MS).contains(&silence)) {
            return refused(format!("`silence_ms` is 1 to {STREAM_SILENCE_MS} (STREAM_SILENCE_MS)"));
        }
        if self.settings.tokens_per_day.is_some_and(|tokens| tokens > PROVIDER_DAY_TOKENS) {
            return refused(format!("`tokens_per_day` is {PROVIDER_DAY_TOKENS} at most (PROVIDER_DAY_TOKENS)"));
        }
        let has_prices = self.settings.price_in.is_some() && self.settings.price_out.is_some();
        if self.settings.spend_per_day.is_some() && !has_prices {
            // Without them everything would cost nothing, and the limit never hold.
            return refused("`spend_per_day` needs `price_in` and `price_out`, for a million tokens each".to_owned());
        }
        self.right().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use genoa_daemon::ModelSource;

    use super::chosen;
    use crate::settings::Settings;

    fn settings(text: &str) -> Result<Settings, String> {
        Settings::read(text)
    }

    fn lab(more: &str) -> String {
        format!("[model]\nname = \"lab/big/7b\"\n[providers.lab]\nurl = \"https://LAB.example/v1\"\n{more}")
    }

    #[test]
    fn a_name_with_a_slash_is_a_model_that_is_elsewhere() {
        let settings = settings(&lab("guided_grammar = true\n")).unwrap();
        let remote = chosen(&settings).unwrap().unwrap();
        assert_eq!((remote.name().as_str(), remote.model), ("lab/big/7b", "big/7b"));
        assert!(!remote.follows_grammars(), "it takes both");
        let ModelSource::Remote { host, key, options, asks_once: false } = remote.source() else { panic!("missing") };
        assert_eq!((host.to_string().as_str(), key), ("POST requests to lab.example:443", None));
        assert!(options.contains(r#""provider":"remote""#) && options.contains(r#""model":"big/7b""#), "{options}");
        assert!(chosen(&Settings::default()).unwrap().is_none());
        let mut unknown = settings.clone();
        unknown.providers.clear();
        assert_eq!(chosen(&unknown).unwrap_err().code, ErrorCode::NotFound);
    }

    #[test]
    fn the_key_comes_from_a_file_and_stands_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let text = lab(&format!("key_file = \"{}\"\n", file.display()));
        let settings = settings(&text).unwrap();
        let remote = chosen(&settings).unwrap().unwrap();
        assert!(matches!(remote.source(), ModelSource::Missing(failure) if failure.what.contains("key file")));
        std::fs::write(&file, "hush-1\n").unwrap();
        let source = remote.source();
        let ModelSource::Remote { key: Some(key), options, .. } = &source else { panic!("{source:?}") };
        assert_eq!(key.reveal(), "hush-1");
        assert!(options.contains("/run/genoa/key") && !options.contains("hush"), "{options}");
        assert_eq!(remote.watched(), std::slice::from_ref(&file));
        std::fs::write(&file, "two words\n").unwrap();
        let ModelSource::Missing(failure) = remote.source() else { panic!("taken") };
        assert!(!failure.to_string().contains("two words"), "{failure}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_when_the_file_is_read() {
        let check = |more: &str, complaint: &str| {
            let said = settings(&lab(more)).unwrap_err();
            assert!(said.contains(complaint) && !said.contains("hush"), "{more}: {said}");
        };
        check("key = \"hush\"\n", "unknown field");
        check("key_env = \"hush!\"\n", "not the key");
        check("key_env = \"A\"\nkey_file = \"/k\"\n", "either");
        check("key_file = \"k\"\n", "absolute");
        check("silence_ms = 0\n", "STREAM_SILENCE_MS");
        check("sees = \"all\"\n", "unknown variant");
        check("tokens_per_day = 10000000001\n", "PROVIDER_DAY_TOKENS");
        check("spend_per_day = 5\nprice_in = 1\n", "`price_out`");
        check("spend_per_day = -5\n", "PROVIDER_MONEY");
        let url = |url: &str| settings(&format!("[providers.lab]\nurl = \"{url}\"\n"));
        for bad in
            ["http://lab.example/v1", "https://localhost/v1", "https://u:hush@lab.example", "lab", "https://*/v1"]
        {
            let said = url(bad).unwrap_err();
            assert!(!said.contains("hush"), "{said}");
        }
        assert!(url("http://127.0.0.1:8080/v1").is_ok());
        let rule = |rule: &str| settings(&format!("{}[[route]]\n{rule}\n", lab("")));
        assert!(
            rule("class = \"agent\"\nneed = \"grammar\"\nholds = \"words\"\nlonger_than = 9\nuse = \"lab/a\"").is_ok()
        );
        let bad = [
            "",
            "use = \"\"",
            "use = \"gone/a\"",
            "use = \"lab/\"",
            "class = \"x\"\nuse = \"a\"",
            "if = 1\nuse = \"a\"",
        ];
        bad.into_iter().for_each(|text| assert!(rule(text).is_err(), "{text}"));
        assert!(
            settings(&format!("{}{}", lab(""), "[[route]]\nuse = \"a\"\n".repeat(65)))
                .unwrap_err()
                .contains("MODEL_ROUTES")
        );
        assert!(
            settings("[providers.\"a b\"]\nurl = \"https://lab.example\"\n").unwrap_err().contains("small letters")
        );
    }
}
