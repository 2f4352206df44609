//! Rules in the making: each body once, whatever it is called.

use std::collections::HashMap;
use std::fmt::Write;

/// The rules of one grammar.
#[derive(Default)]
pub(super) struct Rules {
    text: String,
    names: HashMap<String, String>,
}

impl Rules {
    /// The name of a rule with these alternatives, or nothing if there is none.
    pub(super) fn rule(&mut self, alternatives: &[String]) -> Option<String> {
        match alternatives {
            [] => None,
            // A single symbol needs no name of its own.
            [only] if !only.contains(' ') => Some(only.clone()),
            _ => Some(self.named(alternatives.join(" | "), false)),
        }
    }

    /// The name of a terminal.
    pub(super) fn terminal(&mut self, expression: &str) -> String {
        self.named(expression.to_owned(), true)
    }

    /// Sets the rule that the grammar starts with, and gives the whole text.
    pub(super) fn finish(self, alternatives: &[String]) -> String {
        format!("start: {}\n{}", alternatives.join(" | "), self.text)
    }

    fn named(&mut self, body: String, is_terminal: bool) -> String {
        if let Some(name) = self.names.get(&body) {
            return name.clone();
        }
        let name = format!("{}{}", if is_terminal { 'T' } else { 'r' }, self.names.len());
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{name}: {body}");
        self.names.insert(body, name.clone());
        name
    }
}

/// A literal of the grammar.
pub(crate) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a name of the catalogue can be written in a plan.
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        && !super::terminals::KEYWORDS.contains(&name)
}
