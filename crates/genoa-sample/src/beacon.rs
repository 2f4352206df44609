//! A small Rust project that does not compile: one value is used after it moved, one type does not fit.

use genoa_abi::Failure;

use crate::days::{Days, at, shift};
use crate::tree::Tree;

const FILES: [(&str, &str); 8] = [
    (
        "Cargo.toml",
        "[package]\nname = \"beacon\"\nversion = \"0.2.0\"\nedition = \"2021\"\n\n[dependencies]\n\n[workspace]\n",
    ),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"beacon\"\nversion = \"0.2.0\"\n"),
    (".gitignore", "/target\n"),
    ("README.md", "# beacon\n\nReads the values of Lumen sensors and prints a report. `cargo run -- readings.csv`\n"),
    ("src/main.rs", include_str!("../data/beacon/main.txt")),
    ("src/reading.rs", include_str!("../data/beacon/reading.txt")),
    ("src/report.rs", include_str!("../data/beacon/report.txt")),
    ("readings.csv", "S001,21.5\nS002,19.0\nS003,23.1\n"),
];

pub(crate) fn write(tree: &mut Tree, days: &Days) -> Result<(), Failure> {
    for (path, content) in FILES {
        tree.put(&format!("Projects/beacon/{path}"), content, &at(shift(days.today, -1), "20:30"))?;
    }
    let other = "def total(values):\n    return sum(values)\n\n\nprint(total([1, 2, 3]))\n";
    tree.put("Projects/scripts/total.py", other, &at(shift(days.today, -60), "20:30"))?;
    tree.put("Projects/scripts/Makefile", "run:\n\tpython3 total.py\n", &at(shift(days.today, -60), "20:30"))
}
