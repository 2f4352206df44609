//! Fills in the values of a saved plan: the only thing about it that a model decides.

use genoa_abi::Failure;
use genoa_abi::agent::Assignment;
use genoa_abi::model::{ChatMessage, Grammar, InferClass, InferRequest, Role};
use genoa_abi::skill::Skill;
use genoa_client::Client;
use genoa_plan::{Said, body, parameter_grammar};

use crate::syscalls::infer;

/// Tokens of one value.
const VALUE_TOKENS: u32 = 120;

const RULES: &str = "Each request gives the values of a plan. Write them as the request says them, one line each.";

/// The plan of `skill` with the values that the intention gives; nothing if it does not give one of each.
pub(crate) fn fill(client: &mut Client, assignment: &Assignment, skill: &Skill) -> Result<Option<String>, Failure> {
    let said = Said::in_intention(&assignment.text);
    let mut lines = String::new();
    for parameter in &skill.parameters {
        let Some(grammar) = parameter_grammar(parameter, &said) else { return Ok(None) };
        let request = InferRequest {
            messages: messages(assignment, skill),
            answer_begins: lines.clone(),
            grammar: Some(Grammar::Lark(grammar)),
            max_tokens: VALUE_TOKENS,
            class: InferClass::Interactive,
            ..InferRequest::default()
        };
        lines.push_str(&infer(client, request)?.text);
    }
    Ok(Some(format!("{lines}# The skill {}.\n{}", skill.name, body(skill))))
}

/// The skill's own words with its values as the example, then the new words.
fn messages(assignment: &Assignment, skill: &Skill) -> Vec<ChatMessage> {
    let values: String = skill.plan.split_inclusive('\n').take(skill.parameters.len()).collect();
    vec![
        ChatMessage::new(Role::System, RULES),
        ChatMessage::new(Role::User, &skill.intention),
        ChatMessage::new(Role::Assistant, values),
        ChatMessage::new(Role::User, &assignment.text),
    ]
}
