//! `approve` and `deny`: answers to questions that wait.

use clap::Args;
use genoa_abi::session::{Answer, Question};
use genoa_abi::syscall::Syscall;
use genoa_abi::{ErrorCode, Failure, QuestionId};

use crate::commands::policy;
use crate::context::Context;
use crate::follow::{show_question, to_answer};
use crate::output::{Ending, Format, remark, value, visible_line};

/// Yes, a choice, or words.
#[derive(Debug, Args)]
pub(crate) struct ApproveArguments {
    /// Which question (`q3`) [default: the only one that waits]
    question: Option<QuestionId>,
    /// The choice (a number or the option's text), the words, or the word to type for what changes authority
    answer: Option<String>,
    /// And ask no more about calls like this one: writes a rule that ends after some days
    #[arg(long)]
    always: bool,
    /// After how many days that rule ends
    #[arg(long, requires = "always", default_value_t = 30)]
    days: u16,
}

/// No.
#[derive(Debug, Args)]
pub(crate) struct DenyArguments {
    /// Which question (`q3`) [default: the only one that waits]
    question: Option<QuestionId>,
}

/// Answers with yes, a choice, or words.
pub(crate) fn approve(context: &Context, arguments: &ApproveArguments) -> Result<Ending, Failure> {
    let question = find(context, arguments.question)?;
    let text = arguments.answer.as_deref().unwrap_or("yes");
    let answer = to_answer(&question, text).map_err(|complaint| Failure::new(ErrorCode::InvalidInput, complaint))?;
    if answer == Answer::No {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("`{text}` does not answer {}", question.id))
            .because("this question wants the typed word that it names")
            .try_next("Give the word after the question's id, or use `genoa deny`"));
    }
    // The rule first: where there can be none, nothing was answered either.
    let rule = arguments.always.then(|| policy::remember(context, &question, arguments.days)).transpose()?;
    let ending = send(context, &question, answer)?;
    if let (Some(rule), Format::Text) = (rule, context.format) {
        rule.lines().for_each(|line| remark(format!("  │ {}", visible_line(line))));
        remark(format!(
            "This rule holds for {} days; `genoa policy list` shows all, and {} is where it stands",
            arguments.days,
            policy::ANSWERS
        ));
    }
    Ok(ending)
}

/// Answers with no.
pub(crate) fn deny(context: &Context, arguments: &DenyArguments) -> Result<Ending, Failure> {
    let question = find(context, arguments.question)?;
    send(context, &question, Answer::No)
}

fn find(context: &Context, wanted: Option<QuestionId>) -> Result<Question, Failure> {
    let questions = context.status()?.questions;
    match (wanted, questions.as_slice()) {
        (Some(id), _) => questions.into_iter().find(|question| question.id == id).ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("no question {id} waits for an answer"))
                .try_next("`genoa status` lists those that do")
        }),
        (None, [question]) => Ok(question.clone()),
        (None, []) => Err(Failure::new(ErrorCode::NotFound, "no question waits for an answer")),
        (None, several) => Err(Failure::new(ErrorCode::Ambiguous, format!("{} questions wait", several.len()))
            .try_next("Name one: `genoa status` lists them")),
    }
}

fn send(context: &Context, question: &Question, answer: Answer) -> Result<Ending, Failure> {
    if context.format == Format::Text {
        show_question(question);
    }
    let syscall = Syscall::Answer { question: question.id, answer };
    let reply = context.session()?.client.call(&syscall)?;
    value(context.format, &reply, |_| Vec::new());
    if context.format == Format::Text {
        remark(format!("{} is answered.", question.id));
    }
    Ok(Ending::Done)
}
