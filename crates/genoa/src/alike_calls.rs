//! Calls of one line of a plan, at the real kernel with the real catalogue: asked about together, each seen, each once.

use genoa_abi::RequestId;
use genoa_abi::agent::PlanOutcome;
use genoa_abi::event::Event;
use genoa_abi::session::{Answer, Question, QuestionKind};
use genoa_abi::syscall::{Caller, Syscall};
use serde_json::{Value as Json, json};

use crate::desk::{Came, Desk, SESSION};
use crate::installed;
use crate::settings::Settings;

fn people(names: &[&str]) -> Json {
    let person = |name: &&str| {
        json!({ "name": name, "email": format!("{}@corp.example", name.to_lowercase()), "phone": null, "organisation": null,
            "path": "contacts.vcf" })
    };
    names.iter().map(person).collect()
}

/// A plan over these contacts, up to the first question.
fn begin(source: &str, names: &[&str]) -> (Desk, Came) {
    let catalog = installed::of(&Settings::default(), &[]).unwrap().catalog;
    let (mut desk, agent, _) = Desk::asked(&catalog, "Send everybody a mail");
    let syscall = Syscall::Plan { source: source.to_owned() };
    let event = Event::Asked { caller: Caller::Agent(agent), request: RequestId(1000), syscall };
    let came = desk.carry_out(event, |_| people(names));
    (desk, came)
}

fn asked(came: Came) -> Question {
    match came {
        Came::Asked(question) => *question,
        other => panic!("nobody was asked: {other:?}"),
    }
}

fn yes(desk: &mut Desk, question: &Question, names: &[&str]) -> Came {
    let QuestionKind::Approval { fingerprint, .. } = question.kind else { panic!("{question:?}") };
    let answer = Syscall::Answer { question: question.id, answer: Answer::Yes { fingerprint, typed: None } };
    let event = Event::Asked { caller: Caller::Person(SESSION), request: RequestId(1001), syscall: answer };
    desk.carry_out(event, |_| people(names))
}

const TO_ALL: &str = "people = contacts.find(name=\"corp\")\nfor person in people:\n    mail.send(to=[person], subject=\"Hello\", body=f\"Dear {person.name}\")\n    say(text=\"sent\")\n";

#[test]
fn messages_of_one_loop_are_one_question_that_shows_them_all() {
    let names = ["Ada", "Ben", "Chen"];
    let (mut desk, came) = begin(TO_ALL, &names);
    let question = asked(came);
    insta::assert_snapshot!(format!("{}\n{}\n{}", question.title, question.content, question.consequence), @r"
    Send these 3 messages?
    1 of 3
    To: Ada <ada@corp.example>
    Subject: Hello

      Dear Ada

    ! body: new to ada@corp.example, from your contacts

    2 of 3
    To: Ben <ben@corp.example>
    Subject: Hello

      Dear Ben

    ! body: new to ben@corp.example, from your contacts

    3 of 3
    To: Chen <chen@corp.example>
    Subject: Hello

      Dear Chen

    ! body: new to chen@corp.example, from your contacts
    The messages go to the outbox and leave when the undo window is over
    ");
    assert_eq!((question.more, desk.held.len()), (2, 0));
    let over = yes(&mut desk, &question, &names);
    assert!(matches!(over, Came::Over(ref report) if report.outcome == PlanOutcome::Done), "{over:?}");
    let bodies: Vec<&str> = desk.held.iter().filter_map(|item| Some(item.mail()?.body.as_str())).collect();
    assert_eq!(bodies, ["Dear Ada", "Dear Ben", "Dear Chen"]);
    assert_eq!(desk.finished[0].answer.matches("sent").count(), 3, "{}", desk.finished[0].answer);
}

#[test]
fn a_no_is_a_no_to_all_of_them() {
    let (mut desk, came) = begin(TO_ALL, &["Ada", "Ben"]);
    let answer = Syscall::Answer { question: asked(came).id, answer: Answer::No };
    let event = Event::Asked { caller: Caller::Person(SESSION), request: RequestId(1001), syscall: answer };
    let over = desk.carry_out(event, |_| people(&["Ada", "Ben"]));
    assert!(matches!(over, Came::Over(ref report) if matches!(report.outcome, PlanOutcome::Failed { .. })), "{over:?}");
    assert!(desk.held.is_empty());
}

#[test]
fn what_cannot_be_foreseen_or_is_another_call_is_asked_about_by_itself() {
    let names = ["Ada", "Ben"];
    // What is looked up in between could change the next one.
    let looks_up = "people = contacts.find(name=\"corp\")\nfor person in people:\n    found = contacts.find(name=person.name)\n    mail.send(to=[person], subject=\"Hello\", body=f\"{len(found)}\")\n";
    let (mut desk, came) = begin(looks_up, &names);
    let first = asked(came);
    assert_eq!((first.more, first.title.as_str()), (0, "Send this message?"));
    let second = asked(yes(&mut desk, &first, &names));
    assert_eq!((second.more, desk.held.len()), (0, 1));
    // Another line is another matter.
    let two = "people = contacts.find(name=\"corp\")\nmail.send(to=[people[0]], subject=\"a\", body=\"b\")\nmail.send(to=[people[1]], subject=\"a\", body=\"b\")\n";
    assert_eq!(asked(begin(two, &names).1).more, 0);
    // A call that would fail ends the group before it.
    let same = "people = contacts.find(name=\"corp\")\nfor person in people:\n    mail.send(to=[person, people[1]], subject=\"a\", body=\"b\")\n";
    assert_eq!(asked(begin(same, &["Ada", "Ben", "Chen"]).1).more, 0, "Ben would be named twice in the second");
}

#[test]
fn no_question_is_about_more_than_twenty_calls() {
    let names: Vec<String> = (0..25).map(|number| format!("P{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut desk, came) = begin(TO_ALL, &names);
    let first = asked(came);
    assert_eq!((first.more, first.title.as_str()), (19, "Send these 20 messages?"));
    let second = asked(yes(&mut desk, &first, &names));
    assert_eq!((second.more, desk.held.len()), (4, 20));
    yes(&mut desk, &second, &names);
    assert_eq!(desk.held.len(), 25);
}
