//! Which models may be asked, by the configuration, and what their workers are started with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use genoa_abi::Failure;
use genoa_daemon::{Home, ModelSource};
use genoa_model::catalogue::DEFAULT_MODEL;
use genoa_model::engine::EngineOptions;
use genoa_model::store::{self, Installed};
use genoa_model::worker::WorkerOptions;
use genoa_sandbox::compile::MODEL_STATE;

use crate::output::{FAINT, bytes, styled, visible};
use crate::providers;
use crate::settings::Settings;

/// The name of the chosen model.
pub(crate) fn chosen(settings: &Settings) -> &str {
    if settings.model.name.is_empty() { DEFAULT_MODEL } else { &settings.model.name }
}

/// The models that may be asked: the chosen one, and those that rules name.
pub(crate) fn names(settings: &Settings) -> BTreeSet<&str> {
    settings.route.iter().map(|route| route.to.as_str()).chain([chosen(settings)]).collect()
}

/// What the daemon starts the worker of each model with.
pub(crate) fn sources(home: &Home, settings: &Settings) -> BTreeMap<String, ModelSource> {
    names(settings).into_iter().map(|name| (name.to_owned(), source(home, settings, name))).collect()
}

fn source(home: &Home, settings: &Settings, name: &str) -> ModelSource {
    match providers::named(settings, name) {
        Ok(None) => {}
        Ok(Some(remote)) => return remote.source(),
        Err(failure) => return ModelSource::Missing(failure),
    }
    let model = match store::find(home.models(), name) {
        Ok(model) => model,
        Err(failure) => return ModelSource::Missing(failure),
    };
    let state = home.prefixes();
    let mut options = engine_options(&model, settings);
    options.prefix_dir = Some(MODEL_STATE.into());
    let options = serde_json::to_string(&WorkerOptions::Local(options)).unwrap_or_default();
    let written = model.path.metadata().and_then(|data| data.modified()).ok();
    ModelSource::Local { file: model.path, written, state: Some(state), options }
}

/// The files and folders on which that depends: for each model its file, and the folder that it is in, or would be; or the key.
pub(crate) fn watched(home: &Home, settings: &Settings) -> Vec<PathBuf> {
    let of = |name: &str| match providers::named(settings, name) {
        Ok(None) => {
            let file = store::find(home.models(), name).ok().map(|model| model.path);
            [home.models().join(name)].into_iter().chain(file).collect()
        }
        Ok(Some(remote)) => remote.watched(),
        Err(_) => Vec::new(),
    };
    names(settings).into_iter().flat_map(of).collect()
}

/// The models elsewhere that are asked by rule, for people.
pub(crate) fn described_by_rule(settings: &Settings) -> Vec<String> {
    let line = |remote: providers::Remote<'_>| {
        let place = remote.whereabouts().unwrap_or_else(|failure| failure.to_string());
        format!("{} at {place}, by rule: prompts leave Genoa for there", visible(&remote.name()))
    };
    providers::by_rule(settings).into_iter().map(line).collect()
}

/// The chosen model for people, with what is not as it should be.
pub(crate) fn described(home: &Home, settings: &Settings) -> Result<String, Failure> {
    match providers::chosen(settings)? {
        Some(remote) => {
            remote.key()?;
            Ok(format!("{} at {}: prompts leave Genoa for there", remote.name(), remote.whereabouts()?))
        }
        None => {
            let model = store::find(home.models(), chosen(settings))?;
            Ok(format!("{} {}", model.name, styled(FAINT, bytes(model.bytes))))
        }
    }
}

/// How the local engine runs a model, by the configuration.
pub(crate) fn engine_options(model: &Installed, settings: &Settings) -> EngineOptions {
    let mut options = EngineOptions::new(&model.path, &model.name);
    options.sha256 = Some(model.sha256.clone());
    options.threads = (settings.model.threads > 0).then_some(settings.model.threads);
    options.deterministic = settings.model.deterministic;
    options.off_disk = settings.model.off_disk;
    options
}
