//! What the command line says: help pages and errors are read by people, so they are looked at when they change.

use crate::world::World;

#[test]
fn a_plan_that_is_wrong_is_explained() {
    let world = World::new();
    let said = world.plan("mails = mail.fetch()\n", 1);
    assert!(said.contains("mail.fetch") && said.contains("mail.find"), "{said}");
}

#[test]
fn a_plan_that_only_the_kernel_refuses_ends_with_the_reason() {
    let world = World::new();
    // The command line knows the tool; the session has no right to any host.
    let said = world.plan("page = web.fetch(url=\"https://a.example/\")\nsay(page.text)\n", 3);
    assert!(said.contains("web.fetch needs the network"), "{said}");
}

#[test]
fn what_was_read_cannot_steer_the_terminal() {
    let world = World::new();
    world.write("odd.txt", "before \u{1b}]0;owned\u{7}after\r\nnext");
    let said = world.plan("text = files.read(path=\"odd.txt\")\nsay(text)\nask(question=text)\n", 4);
    assert!(!said.contains(['\u{1b}', '\u{7}', '\r']), "{said:?}");
    assert!(said.contains("\\u{1b}]0;owned"), "{said}");
    world.ok(&["approve", "q1", "yes"]);
    let failed = world.plan("files.read(path=\"\\x1b[2J.txt\")\n", 1);
    assert!(!failed.contains('\u{1b}'), "{failed:?}");
}

#[test]
fn a_send_waits_for_an_approval_and_goes_to_the_outbox() {
    let world = World::new();
    let plan = "mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"The text.\")\n";
    let asked = world.plan(plan, 4);
    assert!(asked.contains("ada@example.org") && asked.contains("The text."), "{asked}");
    world.ok(&["approve"]);
    let status = world.ok(&["status"]);
    assert!(status.contains("o1") && status.contains("Hello"), "{status}");
    world.ok(&["undo", "o1"]);
    assert!(world.ok(&["status"]).contains("withdrawn"));
}

#[test]
fn a_denied_send_sends_nothing() {
    let world = World::new();
    world.plan("mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"The text.\")\n", 4);
    world.ok(&["deny"]);
    assert!(!world.ok(&["status"]).contains("Hello"));
}

#[test]
fn without_a_model_an_intention_fails_with_advice() {
    let world = World::new();
    let all = world.ends(&["--json", "model", "verify"], 1);
    assert!(all.contains("genoa model fetch"), "{all}");
}

#[test]
fn nothing_is_adopted_that_no_text_asked_for() {
    let world = World::new();
    insta::assert_snapshot!(world.ends(&["adopt"], 1), @"error: no text asks for anything that waits to be adopted");
    let said = world.ends(&["adopt", "p7"], 1);
    assert!(said.contains("nothing called p7 waits") && said.contains("genoa status"), "{said}");
}
