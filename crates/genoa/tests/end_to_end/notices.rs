//! Notices: shown by a plan, and shown or not as the person prefers.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::world::World;

const NOTICE: &str = "notify.show(text=\"the backup is done\")\nsay(\"over\")\n";

#[test]
fn a_plan_shows_a_notice() {
    let world = World::new();
    let said = world.plan(NOTICE, 0);
    assert!(said.contains("! the backup is done"), "{said}");
    // What was read may be shown, and cannot steer the terminal.
    world.write("odd.txt", "before \u{1b}[2Jafter");
    let said = world.plan("text = files.read(path=\"odd.txt\")\nnotify.show(text=text)\n", 0);
    assert!(said.contains("! before \\u{1b}[2Jafter"), "{said}");
    assert!(world.plan(&format!("notify.show(text=\"{}\")\n", "x".repeat(17_000)), 1).contains("NOTICE_BYTES"));
}

#[test]
fn a_notice_is_not_shown_when_notifications_are_off() {
    let world = World::new();
    let set = |value: &str| world.plan(&format!("settings.set(name=\"notifications\", value=\"{value}\")\n"), 0);
    set("off");
    assert!(world.plan(NOTICE, 0).contains("! the backup"), "a change that waits in the view is not the person's yet");
    world.ok(&["commit"]);
    let said = world.plan(NOTICE, 0);
    assert!(!said.contains("! the backup") && said.contains("over"), "{said}");
    set("important only");
    world.ok(&["commit"]);
    assert!(!world.plan(NOTICE, 0).contains("! the backup"));
    set("on");
    world.ok(&["commit"]);
    assert!(world.plan(NOTICE, 0).contains("! the backup"));
}

#[test]
fn questions_and_answers_are_shown_whatever_the_person_prefers() {
    let world = World::new();
    world.write(".genoa/settings.toml", "[settings]\nnotifications = \"off\"\n");
    let asked = world.plan("mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"The text.\")\n", 4);
    assert!(asked.contains("Send this message?") && asked.contains("The text."), "{asked}");
    assert!(world.plan("say(files.read(path=\"missing.txt\"))\n", 1).contains("missing.txt"));
    // Programs see everything.
    let file = world.home().with_extension("plan");
    std::fs::write(&file, NOTICE).unwrap();
    let news = world.ok(&["--json", "plan", "run", file.to_str().unwrap()]);
    assert!(news.contains("\"kind\":\"notice\"") && news.contains("\"weight\":\"usual\""), "{news}");
}

#[test]
fn nothing_is_shown_in_quiet_hours() {
    let world = World::new();
    world.configure("[person]\ntimezone = \"UTC\"\n");
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
    let time = |minutes: u64| format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
    let set = |from: u64, until: u64| {
        let hours = format!("{}-{}", time(from), time(until));
        world.write(".genoa/settings.toml", &format!("[settings]\nquiet_hours = \"{hours}\"\n"));
    };
    set(minutes - 60, minutes + 60);
    assert!(!world.plan(NOTICE, 0).contains("! the backup"));
    set(minutes + 60, minutes + 120);
    assert!(world.plan(NOTICE, 0).contains("! the backup"));
}
