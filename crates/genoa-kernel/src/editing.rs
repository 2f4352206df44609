//! Changing lines of a text: the model names lines by their numbers and writes what stands there now, so what it does not
//! name stays as it is, letter by letter.

use std::collections::BTreeMap;

use genoa_abi::{ErrorCode, Failure};

/// Edits of one text.
const EDITS: usize = 30;
/// Letters of a new line.
const LINE_CHARS: usize = 400;

/// What happens at one line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Edit {
    /// It says this now.
    Becomes(String),
    /// It is gone.
    Goes,
}

/// The lines with their numbers, from 1, as the model sees them.
pub(crate) fn numbered(text: &str) -> String {
    let lines: Vec<String> = text.lines().enumerate().map(|(place, line)| format!("{}: {line}", place + 1)).collect();
    lines.join("\n")
}

/// What the model may answer, in the Lark dialect of `llguidance`: `12: new text`, `after 12: a further line`,
/// `delete 12`, a line each.
pub(crate) fn grammar(text: &str) -> String {
    let numbers: Vec<String> = (1..=text.lines().count().max(1)).map(|number| number.to_string()).collect();
    format!(
        "start: edit (\"\\n\" edit){{0,{}}}\nedit: NUMBER \": \" LINE | \"after \" NUMBER \": \" LINE | \"delete \" NUMBER\n\
         NUMBER: /{}/\nLINE: /[^\\n]{{0,{LINE_CHARS}}}/\n",
        EDITS - 1,
        numbers.join("|")
    )
}

/// The text with the edits of an answer.
///
/// # Errors
/// [`ErrorCode::ModelFailed`] if the answer is none, or changes nothing.
pub(crate) fn edited(answer: &str, old: &str) -> Result<String, Failure> {
    let lines: Vec<&str> = old.lines().collect();
    let (mut edits, mut added): (BTreeMap<usize, Edit>, BTreeMap<usize, Vec<String>>) = Default::default();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        let (place, edit) = read(line).filter(|(place, _)| (1..=lines.len()).contains(place)).ok_or_else(|| {
            Failure::new(ErrorCode::ModelFailed, "the model named no line of the text").because(line.to_owned())
        })?;
        match edit {
            Read::After(text) => added.entry(place).or_default().push(text),
            Read::Becomes(text) => {
                edits.insert(place, Edit::Becomes(text));
            }
            Read::Goes => {
                edits.insert(place, Edit::Goes);
            }
        }
    }
    let mut new: Vec<String> = Vec::with_capacity(lines.len());
    for (place, line) in lines.iter().enumerate().map(|(place, line)| (place + 1, line)) {
        match edits.remove(&place) {
            Some(Edit::Becomes(text)) => new.push(text),
            Some(Edit::Goes) => {}
            None => new.push((*line).to_owned()),
        }
        new.extend(added.remove(&place).unwrap_or_default());
    }
    let text = format!("{}{}", new.join("\n"), if old.ends_with('\n') { "\n" } else { "" });
    if text == old {
        return Err(Failure::new(ErrorCode::ModelFailed, "the model changed nothing in the text")
            .try_next("Say more exactly what shall change"));
    }
    Ok(text)
}

enum Read {
    Becomes(String),
    After(String),
    Goes,
}

fn read(line: &str) -> Option<(usize, Read)> {
    if let Some(number) = line.strip_prefix("delete ") {
        return Some((number.trim().parse().ok()?, Read::Goes));
    }
    let (rest, is_new) = line.strip_prefix("after ").map_or((line, false), |rest| (rest, true));
    let (number, text) = rest.split_once(':')?;
    let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
    let number = number.trim().parse().ok()?;
    Some((number, if is_new { Read::After(text) } else { Read::Becomes(text) }))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use proptest::prelude::*;

    use super::{edited, numbered};

    const OLD: &str = "fn a() {\n    1\n}\n";

    #[test]
    fn lines_are_changed_added_and_deleted() {
        assert_eq!(numbered(OLD), "1: fn a() {\n2:     1\n3: }");
        assert_eq!(edited("2:     2", OLD).unwrap(), "fn a() {\n    2\n}\n");
        assert_eq!(edited("after 1:     let b = 1;\n2:     b", OLD).unwrap(), "fn a() {\n    let b = 1;\n    b\n}\n");
        assert_eq!(edited("delete 2\n1: fn a() { 1", OLD).unwrap(), "fn a() { 1\n}\n");
        assert_eq!(edited("after 3: \nafter 3: // end", OLD).unwrap(), "fn a() {\n    1\n}\n\n// end\n");
    }

    #[test]
    fn what_changes_nothing_or_names_no_line_is_refused() {
        for answer in ["", "2:     1", "4: x", "0: x", "two: x", "delete me"] {
            assert_eq!(edited(answer, OLD).unwrap_err().code, ErrorCode::ModelFailed, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn lines_that_are_not_named_stay(answer in "([1-4]: [a-z]{0,3}\n|delete [1-4]\n|after [1-4]: x\n){0,4}", last in "[a-z]{0,5}") {
            let old = format!("one\ntwo\nthree\nfour\n{last} kept\n");
            if let Ok(new) = edited(&answer, &old) {
                prop_assert!(new.ends_with(&format!("{last} kept\n")), "{}", new);
            }
        }
    }
}
