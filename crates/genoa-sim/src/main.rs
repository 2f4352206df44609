//! Runs random plans, and the simulator over a range of seeds: `genoa-sim --plans N --seeds N --start S`.

use std::io::Write;
use std::process::ExitCode;

use genoa_sim::{
    PlanReport, Report, simulate, simulate_going_on, simulate_holding, simulate_random_plans, simulate_spending,
    try_plan,
};

/// What it takes.
const OPTIONS: [&str; 3] = ["--plans", "--seeds", "--start"];
/// Steps of one seed.
const STEPS: u32 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_number = |text: &String| text.parse::<u64>().is_ok();
    let is_known = |pair: &[String]| OPTIONS.contains(&pair[0].as_str()) && pair.get(1).is_some_and(is_number);
    if !arguments.chunks(2).all(is_known) {
        tell(&format!("genoa-sim takes {}, each with a number", OPTIONS.join(", ")));
        return ExitCode::FAILURE;
    }
    let number = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (plans, seeds, start) = (number("--plans", 1000), number("--seeds", 1000), number("--start", 0));
    let failed = try_plans(start, plans) + simulate_all(start, seeds);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn try_plans(start: u64, plans: u64) -> u64 {
    let (mut report, mut failed) = (PlanReport::default(), 0);
    for seed in start..start.saturating_add(plans) {
        if let Err(wrong) = try_plan(seed, &mut report) {
            failed += 1;
            tell(&format!("plan {seed} failed\n{wrong}\n"));
        }
    }
    tell(&format!("{plans} plans from {start}, {failed} failed: {report:#?}"));
    failed
}

fn simulate_all(start: u64, seeds: u64) -> u64 {
    let (mut all, mut failed) = (Report::default(), 0);
    for seed in start..start.saturating_add(seeds) {
        let outcomes = [
            simulate(seed, STEPS),
            simulate_random_plans(seed, STEPS),
            simulate_going_on(seed, STEPS),
            simulate_holding(seed, STEPS),
            simulate_spending(seed, STEPS),
        ];
        for outcome in outcomes {
            match outcome {
                Ok(report) => all.add(&report),
                Err(trace) => {
                    failed += 1;
                    tell(&format!("seed {seed} failed\n{trace}\n"));
                }
            }
        }
    }
    tell(&format!(
        "{seeds} seeds from {start}, each with known plans, random ones, runs gone on with, calls taken back and models elsewhere, {failed} failed: {all:#?}"
    ));
    failed
}

/// A closed pipe ends the output, not the search.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
