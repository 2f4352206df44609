//! The planner's prompt: a stable part first, so that its state can be kept, then what differs.

use std::fmt::Write;

use genoa_abi::agent::Assignment;
use genoa_abi::limits::{
    INTENTION_BYTES, PROMPT_ATTEMPTS_CHARS, PROMPT_EXAMPLES_CHARS, PROMPT_FUNCTIONS_CHARS, PROMPT_RULES_CHARS,
};
use genoa_abi::model::{ChatMessage, Fragment, Role};

use crate::attempt::Attempt;
use crate::functions::functions_text;
use crate::window;

const RULES: &str = "\
You write plans. A plan is a few lines of a small Python-like language that calls the functions below. The system \
checks the plan, runs it, and shows the person what came of it. Write the plan and nothing else.

Rules:
- Use only these functions and the variables you have bound.
- Times are words, as the person said them: when=\"thursday\", start=\"friday 10:00\". Never compute a date.
- Paths are relative to the person's folder.
- For every person or file that the request names, some call must mention it.
- Do only what is asked: never delete, send or change anything that was not asked for.
- If the person asks a question, end with say(...) of what answers it.
- If the functions cannot do it, or it would do harm: refuse(reason=\"...\") as the only line.
- If something that is needed was not said: ask(question=\"...\").
";

/// The conversation that makes the model write a plan, and what it is made of. Functions that did not fit were left out before.
pub(crate) fn messages(
    assignment: &Assignment,
    left_out: &[String],
    attempts: &[Attempt],
) -> (Vec<ChatMessage>, Vec<Fragment>) {
    let (rules, functions) = (rules_text(assignment), functions_text(&assignment.catalog));
    let (examples, example_chars) = window::fitting_examples(assignment);
    let (last, attempt_chars) = window::fitting_attempts(attempts);
    let mut messages = vec![ChatMessage::new(Role::System, format!("{rules}\n{functions}"))];
    // The nearest stands last, next to the request.
    for example in assignment.examples[..examples].iter().rev() {
        messages.push(ChatMessage::new(Role::User, &example.intention));
        messages.push(ChatMessage::new(Role::Assistant, &example.plan));
    }
    messages.push(ChatMessage::new(Role::User, &assignment.text));
    for attempt in &attempts[attempts.len() - last..] {
        messages.push(ChatMessage::new(Role::Assistant, &attempt.plan));
        messages.push(ChatMessage::new(Role::User, &attempt.reply));
    }
    let part =
        |name: &str, chars, most_chars, left_out| Fragment { name: name.to_owned(), chars, most_chars, left_out };
    let of = |shown: usize, all: usize| (shown < all).then(|| format!("{} of {all}", all - shown));
    let functions_left_out = (!left_out.is_empty()).then(|| window::named(left_out));
    let fragments = vec![
        Fragment::whole("rules", &rules, PROMPT_RULES_CHARS),
        Fragment::whole("functions", &functions, PROMPT_FUNCTIONS_CHARS).without(functions_left_out),
        part("examples", example_chars, PROMPT_EXAMPLES_CHARS, of(examples, assignment.examples.len())),
        Fragment::whole("intention", &assignment.text, INTENTION_BYTES),
        part("earlier plans", attempt_chars, PROMPT_ATTEMPTS_CHARS, of(last, attempts.len())),
    ];
    (messages, fragments)
}

fn rules_text(assignment: &Assignment) -> String {
    let mut text = String::from(RULES);
    if !assignment.manifest.instructions.is_empty() {
        let _ = writeln!(text, "{}", assignment.manifest.instructions.trim());
    }
    text
}
