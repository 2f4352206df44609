//! When does the fan have to run?

/// Whether there is frost at this temperature.
pub fn is_frost(temp: f64) -> bool {
    temp < 0.0
}

/// The dew point by the Magnus formula; humidity in percent.
pub fn dew_point(temp: f64, humidity: f64) -> f64 {
    let gamma = (humidity / 100.0).ln() + 17.62 * temp / (243.12 + temp);
    243.12 * gamma / (17.62 - gamma)
}

/// How many of the hourly readings are at the limit or below it.
pub fn hours_below(readings: &[f64], limit: f64) -> usize {
    readings.iter().filter(|reading| **reading <= limit).count()
}

#[cfg(test)]
mod tests {
    use super::{dew_point, hours_below, is_frost};

    #[test]
    fn cold_air_is_frost() {
        assert!(is_frost(-1.5));
        assert!(!is_frost(2.0));
    }

    #[test]
    fn zero_counts_as_frost() {
        assert!(is_frost(0.0));
    }

    #[test]
    fn saturated_air_is_at_its_dew_point() {
        assert!((dew_point(4.0, 100.0) - 4.0).abs() < 0.01);
    }

    #[test]
    fn hours_at_the_limit_count() {
        assert_eq!(hours_below(&[1.0, 0.5, 0.2, -1.0], 0.5), 3);
    }
}
