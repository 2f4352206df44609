//! The rules that hold for every file, each with its own test on a made-up tree.

mod code;
mod length;
mod links;
mod manifests;
mod words;

use crate::finding::Finding;
use crate::tree::Tree;

pub use length::{FILE_LINES, FUNCTION_LINES};

/// A rule: its name, and what finds its breaches.
pub type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// All rules.
pub const RULES: &[Rule] = &[
    ("every file starts with a tagline", code::taglines),
    ("lib.rs and mod.rs only wire modules", code::wiring),
    ("every allow and expect has a reason", code::reasons),
    ("unsafe code is in genoa-sys only", code::unsafe_code),
    ("long files and functions say why", length::lengths),
    ("links and named files exist", links::links),
    ("manifests have the same form", manifests::manifests),
    ("words", words::words),
];
