//! Has the model write a plan, statement by statement.
//!
//! For each statement a grammar is made from the tools of the assignment and the variables bound so far, so what comes
//! out is well typed by construction. The model's state is kept between the statements (each request begins with what
//! is written already), so asking again costs only the new tokens.

use genoa_abi::agent::Assignment;
use genoa_abi::limits::PLAN_BYTES;
use genoa_abi::model::{Finish, Grammar, InferClass, InferReply, InferRequest};
use genoa_abi::schema::Catalog;
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Client;
use genoa_plan::{Said, Scope, next_statement_grammar, scope_after};

use crate::attempt::Attempt;
use crate::prompt::messages;
use crate::statement::{quotes_a_call, repeats, value_of, without_fence, without_open_blocks};
use crate::syscalls::infer;

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
            Ok(without_fence(&infer(client, request)?.text))
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
        let Some(statement) = new_statement(&mut |request| infer(client, request), &request, &so_far)? else {
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

/// The grammar promises that this cannot happen; if it does, the promise is broken and not the model's fault.
fn not_followed(plan: &str, findings: &[genoa_plan::Finding]) -> Failure {
    let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Failure::new(ErrorCode::Internal, "a plan written under the grammar does not pass the check")
        .because(format!("{}\n{plan}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{Finish, InferReply, InferRequest, InferUsage};
    use genoa_abi::schema::Catalog;

    use super::{SoFar, new_statement};

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
}
