//! Changing lines of a text: the model names lines by their numbers and writes what stands there now, so what it does not
//! name stays as it is, letter by letter.

use std::collections::BTreeMap;

use genoa_abi::{ErrorCode, Failure};

/// Edits of one text.
const EDITS: usize = 30;
/// Letters of a new line.
const LINE_CHARS: usize = 400;

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
    // With their ends: a file of another system keeps them.
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let (mut changed, mut added): (BTreeMap<usize, Option<String>>, BTreeMap<usize, Vec<String>>) = Default::default();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        let (place, edit) = read(line).filter(|(place, _)| (1..=lines.len()).contains(place)).ok_or_else(|| {
            Failure::new(ErrorCode::ModelFailed, "the model named no line of the text").because(line.to_owned())
        })?;
        match edit {
            Edit::After(text) => added.entry(place).or_default().push(text),
            Edit::Becomes(text) => {
                changed.insert(place, Some(text));
            }
            Edit::Goes => {
                changed.insert(place, None);
            }
        }
    }
    let usual = lines.first().map_or("\n", |line| end_of(line));
    let mut new: Vec<(String, &str)> = Vec::with_capacity(lines.len());
    for (place, line) in (1..).zip(&lines) {
        let end = end_of(line);
        let body = line.strip_suffix(end).unwrap_or(line);
        let body = changed.remove(&place).unwrap_or_else(|| Some(body.to_owned()));
        new.extend(body.map(|body| (body, end)));
        new.extend(added.remove(&place).unwrap_or_default().into_iter().map(|text| (text, end)));
    }
    let count = new.len();
    let ends = |place: usize, end: &'static str| if end.is_empty() && place + 1 < count { usual } else { end };
    let mut text: String =
        new.iter().enumerate().map(|(place, (body, end))| format!("{body}{}", ends(place, end))).collect();
    if !old.ends_with('\n') {
        text.truncate(text.len() - end_of(&text).len());
    }
    if text == old {
        return Err(Failure::new(ErrorCode::ModelFailed, "the model changed nothing in the text")
            .try_next("Say more exactly what shall change"));
    }
    Ok(text)
}

/// What an answer says of one line.
enum Edit {
    /// It says this now.
    Becomes(String),
    /// This stands behind it.
    After(String),
    /// It is gone.
    Goes,
}

/// How a line ends: nothing for the last of a text that breaks off.
fn end_of(line: &str) -> &'static str {
    if line.ends_with("\r\n") {
        "\r\n"
    } else if line.ends_with('\n') {
        "\n"
    } else {
        ""
    }
}

fn read(line: &str) -> Option<(usize, Edit)> {
    if let Some(number) = line.strip_prefix("delete ") {
        return Some((number.trim().parse().ok()?, Edit::Goes));
    }
    let (rest, is_new) = line.strip_prefix("after ").map_or((line, false), |rest| (rest, true));
    let (number, text) = rest.split_once(':')?;
    let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
    let number = number.trim().parse().ok()?;
    Some((number, if is_new { Edit::After(text) } else { Edit::Becomes(text) }))
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
        assert_eq!(edited("2: B", "a\r\nb\r\nc\r\n").unwrap(), "a\r\nB\r\nc\r\n");
        assert_eq!(edited("after 2: c", "a\r\nb").unwrap(), "a\r\nb\r\nc");
        assert_eq!(edited("delete 2", "a\nb").unwrap(), "a");
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
