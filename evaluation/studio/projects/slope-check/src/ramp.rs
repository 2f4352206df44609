//! One ramp of a drawing.

/// Ramps shorter than this, in metres, may be steeper.
pub const SHORT_LENGTH: f64 = 3.0;

/// The steepest that a long ramp may be: 1:20.
pub const LONG_LIMIT: f64 = 0.05;

/// The steepest that a short ramp may be: 1:12.
pub const SHORT_LIMIT: f64 = 0.083;

/// A ramp, measured in metres.
pub struct Ramp {
    pub name: String,
    pub length: f64,
    pub height: f64,
}

impl Ramp {
    /// Height over length.
    pub fn slope(&self) -> f64 {
        self.height / self.length
    }

    /// Whether a wheelchair gets up.
    pub fn is_passable(&self) -> bool {
        let limit = if self.length < SHORT_LENGTH { SHORT_LIMIT } else { LONG_LIMIT };
        self.slope() <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_ramp_is_passable() {
        let ramp = Ramp { name: "gate".to_string(), length: 10.0, height: 0.3 };
        assert!(ramp.is_passable());
    }

    #[test]
    fn a_steep_ramp_is_not() {
        let ramp = Ramp { name: "stairs".to_string(), length: 2.0, height: 0.6 };
        assert!(!ramp.is_passable());
    }
}
