use frostalert::{hours_below, is_frost};

fn main() {
    let path = std::env::args().nth(1).unwrap_or_else(|| "readings.txt".to_string());
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let readings: Vec<f64> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
    println!("{} hours with the fan", hours_below(&readings, 0.5));
    // TODO: tell Jordi by message
    if readings.iter().any(|reading| is_frost(*reading)) {
        println!("frost");
    }
}
