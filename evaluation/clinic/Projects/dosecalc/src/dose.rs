//! Doses by weight.

use crate::drugs::Drug;

/// Heavier patients are probably typing mistakes.
pub const MAX_KG: f64 = 90.0;

/// The dose for a patient of this weight, or nothing for a weight that cannot be.
pub fn dose_mg(drug: &Drug, kg: f64) -> Option<f64> {
    if kg <= 0.0 || kg > MAX_KG {
        return None;
    }
    Some(to_half(drug.mg_per_kg * kg))
}

/// The nearest half milligram.
pub fn to_half(mg: f64) -> f64 {
    (mg * 2.0).floor() / 2.0
}

#[cfg(test)]
mod tests {
    use super::{dose_mg, to_half};
    use crate::drugs::find;

    #[test]
    fn doses_go_to_the_nearest_half() {
        assert_eq!(to_half(1.1), 1.0);
        assert_eq!(to_half(1.3), 1.5);
    }

    #[test]
    fn impossible_weights_have_no_dose() {
        let drug = find("meloxicam").unwrap();
        assert_eq!(dose_mg(drug, 0.0), None);
        assert_eq!(dose_mg(drug, 200.0), None);
    }
}
