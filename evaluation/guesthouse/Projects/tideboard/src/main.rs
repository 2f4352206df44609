mod board;
mod level;

use level::Level;

fn main() {
    let levels = [Level::new(6, 12), Level::new(12, -8), Level::new(18, 15)];
    println!("{}", board::heading("  Torskholm harbour "));
    for level in &levels {
        println!("{}", board::row(level));
    }
}
