//! One line of the scale's log.

/// What the empty hive weighs, in kilograms.
pub const TARE_KG: f64 = 18.5;

/// The weight of bees and honey on one day.
pub struct Reading {
    pub day: String,
    pub weight: f64,
}

impl Reading {
    /// Reads a line such as `2026-11-20 41.2`.
    pub fn parse(line: &str) -> Option<Reading> {
        let (day, gross) = line.split_once(' ')?;
        let gross: f64 = gross.trim().parse().ok()?;
        Some(Reading { day: day.to_string(), weight: gross - TARE_KG })
    }
}
