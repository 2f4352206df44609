//! Reads and measures model files, and reads the archives that they come in, in jails of the command line's own.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use genoa_model::bench::{BENCH, Figures};
use genoa_model::engine::EngineOptions;
use genoa_model::foreign::{Foreign, READ, Reading};
use genoa_model::limits::{BENCH_MS, FOREIGN_HEADER_MS, FOREIGN_MEMBER_MS, QUANTISE_MS};
use genoa_model::quantise::{QUANTISE, Rewriting, Weights};
use genoa_model::store::Installed;
use genoa_model::workbench::Workbench;
use genoa_sandbox::compile::MODEL_STATE;
use genoa_sandbox::{ModelFiles, plan_model_bench, plan_model_file, plan_model_quantise};

use crate::jailed::{Jails, Question};

/// Reads each file in a jail that is given this file, and where the output goes, as descriptors and nothing else.
#[derive(Debug)]
pub(crate) struct Jailed(Jails);

impl Jailed {
    /// Finds out whether jails can be built at all, before anything is downloaded that could not be read then.
    ///
    /// # Errors
    /// [`ErrorCode::JailUnavailable`], naming what this machine lacks.
    pub(crate) fn new(home: &Home) -> Result<Self, Failure> {
        let jails = Jails::new(home)?;
        plan_model_file(0, jails.machine())?;
        Ok(Self(jails))
    }

    /// Writes a model file anew, in a jail that sees this file and can write to the folder `output` and nowhere else.
    ///
    /// # Errors
    /// As [`genoa_model::quantise::quantise`], and [`ErrorCode::JailUnavailable`].
    pub(crate) fn quantise(
        &self,
        model: &Installed,
        output: &Path,
        weights: Weights,
        threads: u32,
    ) -> Result<(), Failure> {
        // Fewer bits never make a larger file; a little more is said where small tensors become whole numbers.
        let grows_to = model.bytes.saturating_add(model.bytes / 4);
        let plan = plan_model_quantise(&model.path, output, grows_to, self.0.machine())?;
        let to = Path::new(MODEL_STATE).join(Workbench::WRITTEN);
        let rewriting = Rewriting { from: model.path.clone(), to, weights, threads };
        let params = serde_json::to_value(rewriting).map_err(|error| {
            Failure::new(ErrorCode::Internal, "what is to be written cannot be said").because(error)
        })?;
        let about = format!("writing {} as {}", model.name, weights.name());
        let question = Question { about: &about, method: QUANTISE, params, given: Vec::new(), limit_ms: QUANTISE_MS };
        self.0.ask(&plan, question).map(drop)
    }
}

/// Measures a model in a jail like the worker's.
///
/// # Errors
/// As [`genoa_model::bench::bench`], and [`ErrorCode::JailUnavailable`].
pub(crate) fn measure(home: &Home, options: EngineOptions) -> Result<Figures, Failure> {
    let strange =
        |error: serde_json::Error| Failure::new(ErrorCode::Internal, "what was measured cannot be read").because(error);
    let jails = Jails::new(home)?;
    let files = ModelFiles { models: vec![options.path.clone()], state: None };
    let plan = plan_model_bench(&files, jails.machine())?;
    let about = format!("measuring {}", options.name);
    let params = serde_json::to_value(options).map_err(strange)?;
    let question = Question { about: &about, method: BENCH, params, given: Vec::new(), limit_ms: BENCH_MS };
    serde_json::from_value(jails.ask(&plan, question)?).map_err(strange)
}

impl Foreign for Jailed {
    fn read(&self, reading: &Reading, input: File, output: Option<&File>) -> Result<u64, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::StorageFailed, "a file cannot be handed to its reader").because(error)
        };
        let (shown, limit_ms, grows_to) = match (reading, output) {
            (Reading::Member { shown, most_bytes, .. }, Some(output)) => {
                let here = output.metadata().map_err(|error| unusable(&error))?.len();
                (shown, FOREIGN_MEMBER_MS, here.saturating_add(*most_bytes).saturating_add(1))
            }
            (Reading::Header { shown } | Reading::FileType { shown } | Reading::Member { shown, .. }, _) => {
                (shown, FOREIGN_HEADER_MS, 0)
            }
        };
        let plan = plan_model_file(grows_to, self.0.machine())?;
        let mut given: Vec<OwnedFd> = vec![input.into()];
        if let Some(output) = output {
            given.push(output.try_clone().map_err(|error| unusable(&error))?.into());
        }
        let params = serde_json::to_value(reading).map_err(|error| unusable(&error))?;
        let about = format!("reading {shown}");
        let answer = self.0.ask(&plan, Question { about: &about, method: READ, params, given, limit_ms })?;
        answer.as_u64().ok_or_else(|| Failure::new(ErrorCode::Interrupted, format!("{about} gave no number")))
    }
}
