//! Plans that are no end: one that is a question, and one that found nothing. Their planner goes on.

use genoa_abi::RequestId;
use genoa_abi::agent::{PlanOutcome, PlanReport};
use genoa_abi::event::Event;
use genoa_abi::limits::{PLAN_QUESTIONS, PLAN_RETRIES};
use genoa_abi::session::Answer;
use genoa_abi::syscall::{Caller, Reply, Syscall};
use serde_json::json;

use crate::desk::{Came, Desk, SESSION};
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

/// What a planner hears of its plan in a world where every search finds nothing.
fn try_in_an_empty_world(desk: &mut Desk, planner: Caller, source: &str) -> PlanReport {
    let syscall = Syscall::Plan { source: source.to_owned() };
    let event = Event::Asked { caller: planner, request: RequestId(1000), syscall };
    match desk.carry_out(event, |_| json!([])) {
        Came::Over(report) => report,
        other => panic!("the run is not over: {other:?}"),
    }
}

#[test]
fn a_planner_whose_plan_found_nothing_tries_once_more() {
    let source = "events = calendar.find(about=\"choir\")\nevent = first(events)\nsay(event.place)\n";
    let (mut desk, agent, _) = Desk::new(&installed::of(&Settings::default(), &[]).unwrap().catalog);
    for _ in 0..PLAN_RETRIES {
        let report = try_in_an_empty_world(&mut desk, Caller::Agent(agent), source);
        assert_eq!(report.outcome, PlanOutcome::FoundNothing { line: 3 });
        assert_eq!(report.shapes, ["event: nothing", "events: list, 0 items"]);
    }
    let report = try_in_an_empty_world(&mut desk, Caller::Agent(agent), source);
    assert!(matches!(report.outcome, PlanOutcome::Failed { .. }), "{:?}", report.outcome);
}

#[test]
fn that_there_is_no_such_thing_answers_a_question() {
    let source = "found = processes.list(name=\"firefox\")\none = first(found)\nsay(one.name)\n";
    let (mut desk, agent, _) =
        Desk::asked(&installed::of(&Settings::default(), &[]).unwrap().catalog, "Is firefox running?");
    for _ in 0..PLAN_RETRIES {
        let report = try_in_an_empty_world(&mut desk, Caller::Agent(agent), source);
        assert_eq!(report.outcome, PlanOutcome::FoundNothing { line: 3 });
    }
    let report = try_in_an_empty_world(&mut desk, Caller::Agent(agent), source);
    assert_eq!(report.outcome, PlanOutcome::Done);
    let answer = desk.finished.last().map(|summary| summary.answer.as_str());
    assert_eq!(answer, Some("Nothing was found by:\n- processes.list(name=\"firefox\")"));
}

#[test]
fn a_plan_that_acted_is_not_written_anew() {
    let source = "notes.write(title=\"x\", text=\"y\")\nevents = calendar.find(about=\"z\")\nevent = first(events)\nsay(event.place)\n";
    let (mut desk, agent, _) = Desk::new(&installed::of(&Settings::default(), &[]).unwrap().catalog);
    let report = try_in_an_empty_world(&mut desk, Caller::Agent(agent), source);
    assert!(matches!(report.outcome, PlanOutcome::Failed { .. }), "{:?}", report.outcome);
}
