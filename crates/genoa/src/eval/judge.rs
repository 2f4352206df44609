//! Runs a case and judges what came of it.

use std::path::Path;
use std::time::Instant;

use genoa_abi::session::RunOutcome;

use super::case::Case;
use super::check::{Seen, complaints};
use super::report::Verdict;
use super::stage::Stage;
use crate::settings::{NetworkSettings, Planner, Settings};

/// The settings under which cases run: they are about one model, and run alike for everybody.
pub(crate) fn case_settings(own: &Settings, model: Option<&str>, planner: Planner) -> Settings {
    let mut settings = own.clone();
    if let Some(name) = model {
        name.clone_into(&mut settings.model.name);
    }
    settings.model.planner = planner;
    settings.network = NetworkSettings::default();
    settings.mcp.clear();
    settings.route.clear();
    settings
}

/// Runs a case of `file`.
pub(crate) fn judge(stage: &Stage, case: &Case, file: &Path) -> Verdict {
    let began = Instant::now();
    let mut verdict = match stage.run(case, file) {
        Ok((seen, folder)) => verdict_on(case, &seen, &folder),
        Err(failure) => {
            Verdict { complaints: vec![failure.to_string()], ..verdict_on(case, &Seen::nothing(), Path::new("")) }
        }
    };
    verdict.seconds = began.elapsed().as_secs_f64();
    verdict
}

fn verdict_on(case: &Case, seen: &Seen, folder: &Path) -> Verdict {
    let mut complaints = complaints(case, seen, folder);
    if let (false, Some(RunOutcome::Failed(failure))) =
        (complaints.is_empty(), seen.summary.as_ref().map(|summary| &summary.outcome))
    {
        complaints.push(failure.to_string());
    }
    Verdict {
        id: case.id.clone(),
        category: case.agent.clone().unwrap_or_else(|| "routed".to_owned()),
        complaints,
        plan: seen.plan.clone(),
        answer: seen.summary.as_ref().map(|summary| summary.answer.clone()).unwrap_or_default(),
        seconds: 0.0,
        plans: seen.plans,
        sent_back: seen.sent_back,
        outside: seen.outside.len(),
    }
}
