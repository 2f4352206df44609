//! The graph of causes, in sentences.

use genoa_abi::record::WhyNode;
use genoa_abi::syscall::WhySubject;
use genoa_abi::{ErrorCode, OutboxId, RunId};

use crate::home::Home;
use crate::story::Story;

fn show(node: &WhyNode) -> String {
    fn write(node: &WhyNode, depth: usize, text: &mut String) {
        let seq = node.seq.map(|seq| format!(" [{seq}]")).unwrap_or_default();
        *text += &format!("{}{}{seq}\n", "  ".repeat(depth), node.text);
        node.causes.iter().for_each(|cause| write(cause, depth + 1, text));
    }
    let mut text = String::new();
    write(node, 0, &mut text);
    text
}

fn why(subject: WhySubject) -> String {
    let home = Home::new();
    let (mut journal, _) = home.open();
    for number in 1..=3 {
        Story::new(number).append_to(&mut journal);
    }
    assert_eq!(journal.verify().expect("checked").first_break, None);
    match journal.why(&subject, "/w") {
        Ok(node) => show(&node),
        Err(failure) => format!("{:?}: {failure}", failure.code),
    }
}

#[test]
fn why_is_this_file_as_it_is() {
    insta::assert_snapshot!(why(WhySubject::File("demo2.pptx".into())), @r#"
    `demo2.pptx` was written by slides.write, line 3 of the plan, 2026-11-18 12:16 [53]
      you committed it to the workspace, 2026-11-18 12:19 [59]
      plan r2 of 5 lines, 2026-11-18 12:12 [45]
        written by 2 calls of model small-coder (800 tokens read, 24 written), 2026-11-18 12:11 [43]
        you asked: “Prepare the demo for Ada”, 2026-11-18 12:07 [34]
      your own words
      calendar.find, line 1 of the plan: `event = calendar.find(about="Ada")`, 2026-11-18 12:12 [46]
      mail.search, line 2 of the plan: `mails = mail.search(about=event.title)`, 2026-11-18 12:13 [48]
        calendar.find, line 1 of the plan: `event = calendar.find(about="Ada")`, 2026-11-18 12:12 [46]
      1 call of model small-coder (400 tokens read, 12 written), 2026-11-18 12:15 [51]
      what `file plans/old .md` says
      what `mail <1@example.org>` says
    "#);
}

#[test]
fn why_was_this_message_sent() {
    insta::assert_snapshot!(why(WhySubject::Outbox(OutboxId(1))), @r#"
    message o1 to `ada@example.org`, “Demo”, was put into the outbox, 2026-11-18 12:17 [25]
      it was sent, 2026-11-18 12:21 [31]
      you said yes to “Send this mail to Ada?”, 2026-11-18 12:17 [24]
      plan r1 of 5 lines, 2026-11-18 12:12 [14]
        written by 2 calls of model small-coder (800 tokens read, 24 written), 2026-11-18 12:11 [12]
        you asked: “Prepare the demo for Ada”, 2026-11-18 12:07 [3]
      `demo1.pptx` was written by slides.write, line 3 of the plan, 2026-11-18 12:16 [22]
        you committed it to the workspace, 2026-11-18 12:19 [28]
        your own words
        calendar.find, line 1 of the plan: `event = calendar.find(about="Ada")`, 2026-11-18 12:12 [15]
        mail.search, line 2 of the plan: `mails = mail.search(about=event.title)`, 2026-11-18 12:13 [17]
          calendar.find, line 1 of the plan: `event = calendar.find(about="Ada")`, 2026-11-18 12:12 [15]
        1 call of model small-coder (400 tokens read, 12 written), 2026-11-18 12:15 [20]
        what `file plans/old .md` says
        what `mail <1@example.org>` says
    "#);
}

#[test]
fn why_did_this_run_happen() {
    insta::assert_snapshot!(why(WhySubject::Run(RunId(3))), @r#"
    plan r3 of 5 lines, 2026-11-18 12:12 [76]
      written by 2 calls of model small-coder (800 tokens read, 24 written), 2026-11-18 12:11 [74]
      you asked: “Prepare the demo for Ada”, 2026-11-18 12:07 [65]
    "#);
}

#[test]
fn why_is_this_record_there() {
    insta::assert_snapshot!(why(WhySubject::Record(2)), @r#"
    effect.reply, 2026-11-18 12:06 [2]
      event.asked.session, 2026-11-18 12:06 [1]
    "#);
}

#[test]
fn paths_are_made_absolute() {
    let same = why(WhySubject::File("demo1.pptx".into()));
    assert_eq!(why(WhySubject::File("/w/demo1.pptx".into())), same);
    assert_eq!(why(WhySubject::File("./sub/../demo1.pptx".into())), same);
    let unknown = [
        WhySubject::File("other.pptx".into()),
        WhySubject::File("/elsewhere/demo1.pptx".into()),
        WhySubject::File("../demo1.pptx".into()),
        WhySubject::File(String::new()),
        WhySubject::Record(0),
        WhySubject::Record(u64::MAX),
        WhySubject::Run(RunId(9)),
        WhySubject::Outbox(OutboxId(9)),
    ];
    for subject in unknown {
        let text = why(subject.clone());
        assert!(text.starts_with(&format!("{:?}", ErrorCode::NotFound)), "{subject:?}: {text}");
    }
}
