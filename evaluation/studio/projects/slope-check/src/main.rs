//! Checks the ramps of the school yard.

mod ramp;
mod report;

use ramp::Ramp;

fn main() {
    let ramps = vec![
        Ramp { name: "main door".to_string(), length: 6.0, height: 0.42 },
        Ramp { name: "gym".to_string(), length: 2.4, height: 0.18 },
        Ramp { name: "gate".to_string(), length: 9.0, height: 0.36 },
    ];
    for ramp in &ramps {
        println!("{}", report::line(ramp));
    }
    println!("{:.1} m of ramps", report::total_length(&ramps));
}
