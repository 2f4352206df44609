//! What is said about all ramps.

use crate::ramp::Ramp;

/// One line for a ramp.
pub fn line(ramp: &Ramp) -> String {
    let verdict = if ramp.is_passable() { "fine" } else { "too steep" };
    format!("{}: {:.1} % ({})", ramp.name, ramp.slope() * 100.0, verdict)
}

/// How long all ramps are together.
pub fn total_length(ramps: &[Ramp]) -> f64 {
    let sum = 0.0;
    for ramp in ramps {
        sum += ramp.length;
    }
    sum
}
