//! A cheap look at a text before it is parsed, so that no rule can exhaust the parser's stack.
//!
//! Cedar's tree is as deep as brackets nest and as operators chain, and it is built, looked at and dropped by recursion.
//! Both are counted here on the bytes, without recursion; a list may be as long as it likes.

use genoa_abi::limits::RULE_DEPTH;

/// How many words or signs weigh as much as what nests: an `if` is as deep for the parser as a bracket.
const WORDS: usize = 32;
/// Words and signs on the way to one place, over all brackets that are open there.
const CHAIN: usize = RULE_DEPTH * WORDS;

/// Refuses a text with a rule that nests too deep, or chains too many operators.
pub(crate) fn guard(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let mut depth = Depth { levels: vec![0], sum: 0 };
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let word = rest.iter().take_while(|byte| is_of_word(**byte)).count();
        let length = match byte {
            b'"' => text_length(rest),
            b'/' if rest.starts_with(b"//") => rest.iter().take_while(|byte| **byte != b'\n').count(),
            _ => word.max(1),
        };
        match byte {
            b'(' | b'[' | b'{' => depth.open(),
            b')' | b']' | b'}' => depth.close(),
            b',' | b';' => depth.separate(),
            _ if rest.get(..word) == Some(b"if") => depth.add(WORDS),
            // Words count as well: `has`, `in` and the like make the tree as deep as a sign does.
            _ if !byte.is_ascii_whitespace() => depth.add(1),
            _ => {}
        }
        if depth.levels.len() > RULE_DEPTH || depth.sum > CHAIN {
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            return Err(format!(
                "line {line}: a rule nests too deep, or is too long without a comma (RULE_DEPTH is {RULE_DEPTH}): make \
                 several rules of it, or a list of what it compares with"
            ));
        }
        at += length;
    }
    Ok(())
}

/// What is open at one place: for each bracket, how many words and signs stand in it since the last separator.
struct Depth {
    levels: Vec<usize>,
    sum: usize,
}

impl Depth {
    fn add(&mut self, weight: usize) {
        if let Some(chain) = self.levels.last_mut() {
            *chain += weight;
            self.sum += weight;
        }
    }

    fn open(&mut self) {
        self.add(1);
        self.levels.push(0);
    }

    fn close(&mut self) {
        if self.levels.len() > 1 {
            self.sum -= self.levels.pop().unwrap_or_default();
        }
    }

    fn separate(&mut self) {
        if let Some(chain) = self.levels.last_mut() {
            self.sum -= std::mem::take(chain);
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The length of a text in quotation marks, with both of them.
fn text_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use genoa_abi::limits::RULE_DEPTH;

    use super::guard;

    #[test]
    fn ordinary_rules_pass_and_lists_may_be_long() {
        let names: Vec<String> = (0..20_000).map(|number| format!("\"(({number}\"")).collect();
        assert_eq!(
            guard(&format!(
                "permit (principal, action, resource) when {{ [{}].contains(context.workspace) }};",
                names.join(", ")
            )),
            Ok(())
        );
        assert_eq!(guard(&"permit (principal, action, resource); // ((((\n".repeat(10_000)), Ok(()));
        assert_eq!(guard(include_str!("../data/shipped.cedar")), Ok(()));
    }

    #[test]
    fn what_would_exhaust_the_stack_is_refused_with_its_line() {
        for deep in [
            "(",
            "[",
            "{a: ",
            "!",
            "-",
            "1 + ",
            "true && ",
            "if true then true else ",
            "a.",
            "a has b || ",
            "(1)",
            "\"a\" == ",
        ] {
            let rule = format!("permit (principal, action, resource)\nwhen {{ {}", deep.repeat(RULE_DEPTH * 32 + 1));
            assert!(guard(&rule).unwrap_err().starts_with("line 2: "), "{deep}");
        }
    }
}
