//! What the check has to say about a plan, with its place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ast::Place;

/// One error or warning, for people and for the model that repairs the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Line of the plan, from 1; 0 where it is about the plan as a whole.
    pub line: u32,
    /// Column in characters, from 1; 0 as above.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What exists instead, or what to write; may be empty.
    pub help: String,
}

impl Finding {
    pub(crate) fn new(at: Place, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line: at.line, column: at.column, message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, " ({})", self.help)?;
        }
        Ok(())
    }
}

/// The names that look most like `wanted`, the best first, at most three.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(usize, &str)> = names.into_iter().map(|name| (distance(wanted, name), name)).collect();
    scored.sort_unstable();
    scored
        .into_iter()
        .filter(|(far, name)| *far <= wanted.len().max(name.len()) * 2 / 3)
        .map(|(_, n)| n)
        .take(3)
        .collect()
}

/// Names in a sentence: "`a`, `b`".
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Levenshtein distance in bytes; names are short ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(left != right)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["mail.find", "mail.send", "files.find", "calendar.add"];
        assert_eq!(nearest("mail.search", names)[0], "mail.send");
        assert_eq!(nearest("file.find", names)[0], "files.find");
        assert!(nearest("zzzzzzzzzzzzzzzzzzzzz", names).is_empty());
    }
}
