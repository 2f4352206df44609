//! Runs the simulator over a range of seeds: `genoa-sim --seeds N --start S`.

use std::io::Write;
use std::process::ExitCode;

use genoa_sim::simulate;

/// Steps of one seed.
const STEPS: u32 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seeds, start) = (number("--seeds", 1000), number("--start", 0));
    let mut out = std::io::stdout();
    let mut failed = 0_u64;
    for seed in start..start.saturating_add(seeds) {
        if let Err(trace) = simulate(seed, STEPS) {
            failed += 1;
            // A closed pipe ends the output, not the search.
            let _ = writeln!(out, "seed {seed} failed\n{trace}\n");
        }
    }
    let _ = writeln!(out, "{seeds} seeds from {start}, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
