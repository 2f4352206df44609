//! An intention with what its person answered: the request, and a line for each answer, `[question] answer`.
//!
//! The questions are a model's words, and give a plan nothing to work with.

/// The intention with one more answer.
#[must_use]
pub fn with_answer(intention: &str, question: &str, answer: &str) -> String {
    let question = question.replace('[', "(").replace(']', ")").replace('\n', " ");
    format!("{intention}\n[{question}] {answer}")
}

/// The request, and what was answered.
pub(super) fn request_and_answers(intention: &str) -> (String, Vec<&str>) {
    let (mut request, mut answers) = (Vec::new(), Vec::new());
    for (place, line) in intention.lines().enumerate() {
        match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((_, answer)) if place > 0 => answers.push(answer),
            _ => request.push(line),
        }
    }
    (request.join("\n"), answers)
}

#[cfg(test)]
mod tests {
    use super::{request_and_answers, with_answer};

    #[test]
    fn questions_are_told_from_answers() {
        let text = with_answer("Rename a.md.\nPlease", "What to [now]?", "b.md");
        let text = with_answer(&text, "Sure?", "yes, do");
        assert_eq!(text, "Rename a.md.\nPlease\n[What to (now)?] b.md\n[Sure?] yes, do");
        assert_eq!(request_and_answers(&text), ("Rename a.md.\nPlease".to_owned(), vec!["b.md", "yes, do"]));
        assert_eq!(request_and_answers("[x] y").0, "[x] y");
    }
}
