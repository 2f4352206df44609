//! What a statement of a plan says, read off its text.

/// Whether a text in a statement is a call of a tool: the model wanted to write it, and could not at that place.
pub(crate) fn quotes_a_call<'a>(statement: &str, mut tools: impl Iterator<Item = &'a str>) -> bool {
    let texts: Vec<&str> = statement.split('"').skip(1).step_by(2).collect();
    tools.any(|tool| tool.contains('.') && texts.iter().any(|text| text.contains(&format!("{tool}("))))
}

/// Whether a statement does again what another did, or writes what another wrote. A model that has nothing to add repeats
/// itself.
pub(crate) fn repeats(plan: &str, statement: &str) -> bool {
    let is_header = statement.trim_end().ends_with(':');
    let is_same = |line: &str| value_of(line) == value_of(statement);
    let writes_again = |line: &str| written_by(line).is_some() && written_by(line) == written_by(statement);
    !is_header && plan.lines().any(|line| is_same(line) || writes_again(line))
}

/// The function and the path of a statement that gives a file its whole content.
fn written_by(statement: &str) -> Option<(&str, &str)> {
    let (function, arguments) = value_of(statement).split_once('(').filter(|(name, _)| name.ends_with(".write"))?;
    Some((function, arguments.split('"').nth(1)?))
}

/// What a statement does, whatever it keeps the result as.
pub(crate) fn value_of(statement: &str) -> &str {
    statement.split_once(" = ").map_or(statement, |(_, value)| value).trim()
}

/// A block that was opened and never filled is no part of a plan.
pub(crate) fn without_open_blocks(mut plan: String) -> String {
    while plan.trim_end().ends_with(':') {
        let rest = plan.trim_end().rfind('\n').map_or(0, |end| end + 1);
        plan.truncate(rest);
    }
    plan
}

/// Models that write freely like to wrap code in a Markdown fence.
pub(crate) fn without_fence(text: &str) -> String {
    let Some(start) = text.find("```") else { return text.to_owned() };
    let inner = text[start + 3..].trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    inner.split("```").next().unwrap_or(inner).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{quotes_a_call, repeats, without_fence, without_open_blocks};

    #[test]
    fn a_plan_ends_where_it_repeats_itself() {
        assert!(repeats("a = mail.find()\n", "b = mail.find()\n"));
        assert!(!repeats("a = mail.find()\n", "b = mail.find(unread=True)"));
        assert!(repeats("files.write(path=\"a\", text=\"b\")\n", "files.write(path=\"a\", text=\"c\")"));
        assert!(!repeats("files.write(path=\"a\", text=\"b\")\n", "files.write(path=\"b\", text=\"b\")"));
        assert_eq!(without_open_blocks("say(a)\nif a:\n    for b in a:\n".to_owned()), "say(a)\n");
        assert_eq!(without_open_blocks("if a:\n".to_owned()), "");
    }

    #[test]
    fn a_call_in_a_text_is_noticed() {
        let quotes = |statement| quotes_a_call(statement, ["files.copy", "ask"].into_iter());
        assert!(quotes("files.write(path=\"a\", text=\")files.copy(source=\")"));
        assert!(!quotes("files.copy(source=\"a\", to=\"files.copy\")"));
        assert!(!quotes("say(\"Please ask(me)\")"));
    }

    #[test]
    fn fences_are_taken_off() {
        assert_eq!(without_fence("say(\"a\")\n"), "say(\"a\")\n");
        assert_eq!(without_fence("Here:\n```python\nsay(\"a\")\n```\nDone"), "say(\"a\")\n");
    }
}
