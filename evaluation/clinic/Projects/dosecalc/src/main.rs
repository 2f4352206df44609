//! Prints the dose of a drug for a patient: `dosecalc meloxicam 4.2`.

mod dose;
mod drugs;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.len() != 2 {
        eprintln!("usage: dosecalc DRUG WEIGHT");
        return ExitCode::from(2);
    }
    let Some(drug) = drugs::find(&arguments[0]) else {
        eprintln!("unknown drug: {}", arguments[0]);
        return ExitCode::FAILURE;
    };
    let weight: f64 = arguments[1].parse().unwrap_or(0.0);
    match dose::dose_mg(drug, weight) {
        Some(mg) => println!("{}: {mg} mg", drug.name),
        None => {
            eprintln!("the weight must be above 0 and at most {} kg", dose::MAX_KG);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
