//! Counts the hours of a week's shifts.

mod shift;

use shift::Shift;

fn main() {
    let week = [Shift { start: 8, end: 13 }, Shift { start: 13, end: 18 }, Shift { start: 8, end: 18 }];
    println!("{} hours", shift::hours(&week));
}
