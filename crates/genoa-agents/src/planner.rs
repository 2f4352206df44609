//! Has the model write a plan, statement by statement.
//!
//! For each statement a grammar is made from the tools of the assignment and the variables bound so far, so what comes
//! out is well typed by construction. The model's state is kept between the statements (each request begins with what
//! is written already), so asking again costs only the new tokens.

use genoa_abi::agent::Assignment;
use genoa_abi::limits::PLAN_BYTES;
use genoa_abi::model::{Finish, Grammar, InferClass, InferReply, InferRequest};
use genoa_abi::schema::Catalog;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;
use genoa_plan::{Said, Scope, next_statement_grammar, scope_after};

use crate::agent_loop::unexpected;
use crate::attempt::Attempt;
use crate::prompt::messages;

/// Statements that a model writes in one plan: longer plans of a small model repeat themselves.
const STATEMENTS: usize = 16;
/// Tokens of one statement.
const STATEMENT_TOKENS: u32 = 220;
/// Tokens of a statement that is asked for because the one before did not come to its end.
const SHORT_STATEMENT_TOKENS: u32 = 120;
/// How often a model that repeats itself is asked for other words, and how warm.
const OTHER_WORDS: u64 = 3;
const OTHER_TEMPERATURE: f32 = 0.7;
/// Tokens of a whole plan that is written without a grammar.
const PLAN_TOKENS: u32 = 500;

/// How plans are written; evaluations vary it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannerOptions {
    /// Whether the model writes under a grammar. Without one, the check alone catches mistakes.
    pub grammar: GrammarUse,
}

impl PlannerOptions {
    /// Reads the agent's argument: `free` writes without a grammar, anything else with one.
    #[must_use]
    pub fn from_argument(argument: Option<&str>) -> Self {
        Self { grammar: if argument == Some("free") { GrammarUse::Free } else { GrammarUse::Bound } }
    }
}

/// Whether a grammar binds the planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrammarUse {
    /// Statement by statement.
    Bound,
    /// Free text, to measure what the grammar is worth.
    Free,
}

/// One plan for the assignment, in the light of earlier attempts.
pub(crate) fn write_plan(
    client: &mut Client,
    (assignment, left_out): (&Assignment, &[String]),
    attempts: &[Attempt],
    options: PlannerOptions,
) -> Result<String, Failure> {
    let (messages, fragments) = messages(assignment, left_out, attempts);
    let request = InferRequest {
        messages,
        fragments,
        max_tokens: STATEMENT_TOKENS,
        class: InferClass::Interactive,
        ..InferRequest::default()
    };
    match options.grammar {
        GrammarUse::Bound => statement_by_statement(client, assignment, attempts, request),
        GrammarUse::Free => {
            let request = InferRequest { max_tokens: PLAN_TOKENS, ..request };
            Ok(without_fence(&infer(client, request)?))
        }
    }
}

fn statement_by_statement(
    client: &mut Client,
    assignment: &Assignment,
    attempts: &[Attempt],
    mut request: InferRequest,
) -> Result<String, Failure> {
    let empty: Vec<&str> = attempts.iter().flat_map(|attempt| &attempt.empty).map(String::as_str).collect();
    let said = Said::in_intention(&assignment.text);
    let mut plan = String::new();
    for _ in 0..STATEMENTS {
        if said.is_served_by(&plan, &assignment.catalog) {
            break;
        }
        let scope = scope_after(&plan, &assignment.catalog).map_err(|findings| not_followed(&plan, &findings))?;
        let misses_a_target = said.misses_a_target(&plan);
        let is_unfinished = said.misses_a_file(&plan)
            || said.misses_a_product(&plan, &assignment.catalog)
            || said.misses_an_output(&plan, &assignment.catalog);
        let scope = if is_unfinished { scope.unfinished() } else { scope };
        let scope = if empty.is_empty() { scope } else { scope.feasible() };
        let lark = |scope: &Scope| Grammar::Lark(next_statement_grammar(scope, &assignment.catalog, &said));
        request.grammar = Some(lark(&scope));
        // Made only if the first statement serves nothing: a grammar costs milliseconds.
        let acting = || lark(&scope.clone().acting());
        let writes: Option<&dyn Fn() -> Grammar> =
            if misses_a_target && !plan.is_empty() { Some(&acting) } else { None };
        request.answer_begins.clone_from(&plan);
        let so_far = SoFar { plan: &plan, empty: &empty, is_unfinished, writes, catalog: &assignment.catalog };
        let Some(statement) = new_statement(&mut |request| infer_reply(client, request), &request, &so_far)? else {
            break;
        };
        plan.push_str(&said.with_folders(&statement));
        if !plan.ends_with('\n') {
            plan.push('\n');
        }
    }
    Ok(without_open_blocks(plan))
}

/// A plan that is being written.
struct SoFar<'a> {
    plan: &'a str,
    /// The calls that found nothing in an earlier plan.
    empty: &'a [&'a str],
    /// Whether it is known to lack something.
    is_unfinished: bool,
    /// Makes the grammar of what writes a file that it lacks.
    writes: Option<&'a dyn Fn() -> Grammar>,
    catalog: &'a Catalog,
}

/// The next statement; nothing where the plan is over. A model that repeats itself has nothing to add, unless the plan
/// is known to lack something or an `empty` call would be made again: then it is asked for other words. So it is where a
/// statement comes to no end, because a text in it goes round in circles.
fn new_statement(
    ask: &mut impl FnMut(InferRequest) -> Result<InferReply, Failure>,
    request: &InferRequest,
    so_far: &SoFar<'_>,
) -> Result<Option<String>, Failure> {
    let SoFar { plan, empty, is_unfinished, writes, catalog } = so_far;
    let mut request = InferRequest { temperature: 0.0, ..request.clone() };
    for seed in 0..=OTHER_WORDS {
        request.seed = seed;
        if seed == 1 {
            request.temperature = OTHER_TEMPERATURE;
            request.grammar = writes.map(|grammar| grammar()).or(request.grammar);
        }
        let reply = ask(request.clone())?;
        if reply.finish == Finish::Length {
            request.max_tokens = SHORT_STATEMENT_TOKENS;
            continue;
        }
        let statement = reply.text;
        if statement.trim().is_empty() || plan.len() + statement.len() > PLAN_BYTES {
            return Ok(None);
        }
        if quotes_a_call(&statement, catalog.tools.keys().map(String::as_str)) {
            continue;
        }
        let is_empty = empty.contains(&value_of(&statement));
        let is_repeated = repeats(plan, &statement);
        if !is_empty && !is_repeated {
            return Ok(Some(statement));
        }
        if !is_empty && !*is_unfinished {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Whether a text in a statement is a call of a tool: the model wanted to write it, and could not at that place.
fn quotes_a_call<'a>(statement: &str, mut tools: impl Iterator<Item = &'a str>) -> bool {
    let texts: Vec<&str> = statement.split('"').skip(1).step_by(2).collect();
    tools.any(|tool| tool.contains('.') && texts.iter().any(|text| text.contains(&format!("{tool}("))))
}

/// Whether a statement does again what another did, or writes what another wrote. A model that has nothing to add repeats
/// itself.
fn repeats(plan: &str, statement: &str) -> bool {
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
fn without_open_blocks(mut plan: String) -> String {
    while plan.trim_end().ends_with(':') {
        let rest = plan.trim_end().rfind('\n').map_or(0, |end| end + 1);
        plan.truncate(rest);
    }
    plan
}

/// The grammar promises that this cannot happen; if it does, the promise is broken and not the model's fault.
fn not_followed(plan: &str, findings: &[genoa_plan::Finding]) -> Failure {
    let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Failure::new(ErrorCode::Internal, "a plan written under the grammar does not pass the check")
        .because(format!("{}\n{plan}", reasons.join("; ")))
}

pub(crate) fn infer(client: &mut Client, request: InferRequest) -> Result<String, Failure> {
    infer_reply(client, request).map(|reply| reply.text)
}

fn infer_reply(client: &mut Client, request: InferRequest) -> Result<InferReply, Failure> {
    match client.call(&Syscall::Infer(request))? {
        Reply::Text(reply) => Ok(reply),
        other => Err(unexpected(&other)),
    }
}

/// Models that write freely like to wrap code in a Markdown fence.
fn without_fence(text: &str) -> String {
    let Some(start) = text.find("```") else { return text.to_owned() };
    let inner = text[start + 3..].trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    inner.split("```").next().unwrap_or(inner).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferRequest, InferUsage};
    use genoa_abi::schema::Catalog;

    use super::{SoFar, new_statement, quotes_a_call, repeats, without_fence, without_open_blocks};

    /// What a model that answers like this is taken to say next.
    fn next(replies: &[(&str, Finish)]) -> Option<String> {
        let mut replies = replies.iter();
        let mut ask = |_: InferRequest| {
            let (text, finish) = replies.next().unwrap();
            let (text, finish) = ((*text).to_owned(), *finish);
            Ok(InferReply {
                text,
                finish,
                usage: InferUsage::default(),
                model: String::new(),
                alternatives: vec![],
                tokens: vec![],
            })
        };
        let catalog = Catalog::new(vec![], vec![]);
        let so_far = SoFar { plan: "say(a)\n", empty: &[], is_unfinished: false, writes: None, catalog: &catalog };
        new_statement(&mut ask, &InferRequest::default(), &so_far).unwrap()
    }

    #[test]
    fn a_statement_without_end_is_none() {
        let long = ("say(\"- [ ] - [ ] - [ ] ", Finish::Length);
        assert_eq!(next(&[long, ("say(b)", Finish::Stop)]).as_deref(), Some("say(b)"));
        assert_eq!(next(&[long; 4]), None);
        assert_eq!(next(&[("say(a)", Finish::Stop)]), None, "a repetition");
    }

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
