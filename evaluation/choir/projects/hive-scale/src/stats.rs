//! What the readings say together.

use crate::reading::Reading;

/// The average weight.
pub fn mean(readings: &[Reading]) -> f64 {
    let count: f64 = readings.len();
    let sum: f64 = readings.iter().map(|reading| reading.weight).sum();
    sum / count
}

/// How much weight is lost each day, from the first reading to the last.
pub fn daily_loss(readings: &[Reading]) -> Option<f64> {
    let (first, last) = (readings.first()?, readings.last()?);
    let days = readings.iter().skip(1).count();
    if days == 0 {
        return None;
    }
    Some((first.weight - last.weight) / days as f64)
}
