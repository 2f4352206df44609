//! A plan that is one question: its planner goes on with the answer.

use genoa_abi::agent::PlanOutcome;
use genoa_abi::limits::PLAN_QUESTIONS;
use genoa_abi::session::Answer;
use genoa_abi::syscall::{Caller, Reply, Syscall};

use crate::desk::{Desk, SESSION};
use crate::installed;
use crate::settings::Settings;

const PLAN: &str = "ask(question=\"Which file?\")\n";

#[test]
fn a_planner_that_asked_goes_on_with_the_answer() {
    let (mut desk, agent, _) = Desk::new(&installed::of(&Settings::default(), &[]).unwrap().catalog);
    let planner = Caller::Agent(agent);
    for round in 0..PLAN_QUESTIONS {
        desk.ask(planner, Syscall::Plan { source: PLAN.to_owned() }).unwrap();
        let question = desk.questions[round].clone();
        assert_eq!(question.title, "Which file?");
        let answer = Syscall::Answer { question: question.id, answer: Answer::Text("report.pdf".into()) };
        desk.ask(Caller::Person(SESSION), answer).unwrap();
        let Some((Caller::Agent(_), Ok(Reply::Plan(report)))) = desk.late.pop() else {
            panic!("the planner heard nothing")
        };
        let answered = PlanOutcome::Answered { question: "Which file?".into(), answer: "report.pdf".into() };
        assert_eq!(report.outcome, answered);
    }
    // One question more is the end of the intention, whatever was answered.
    desk.ask(planner, Syscall::Plan { source: PLAN.to_owned() }).unwrap();
    let question = desk.questions[PLAN_QUESTIONS].id;
    desk.ask(Caller::Person(SESSION), Syscall::Answer { question, answer: Answer::Text("a".into()) }).unwrap();
    assert!(matches!(desk.late.pop(), Some((_, Ok(Reply::Plan(report)))) if report.outcome == PlanOutcome::Done));
}
