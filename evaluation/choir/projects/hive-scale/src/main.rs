//! Reads what the scale under a hive logged, and says how the weight changes.

mod reading;
mod stats;

use reading::Reading;

const LOG: &str = "2026-11-20 41.2\n2026-11-21 41.0\n2026-11-22 40.7\n";

fn main() {
    let readings: Vec<Reading> = LOG.lines().filter_map(Reading::parse).collect();
    println!("{} readings, {:.1} kg on average", readings.len(), stats::mean(&readings));
    if let Some(loss) = stats::daily_loss(&readings) {
        println!("{loss:.2} kg lost a day");
    }
    if let Some(last) = readings.last() {
        println!("{:.1} kg on {}", last.weigth, last.day);
    }
}
