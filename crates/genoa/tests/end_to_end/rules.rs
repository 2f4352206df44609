//! Rules of a person on top of grants, at the real daemon: what they forbid, what they ask about, what they allow.

use crate::world::World;

const WRITE: &str = "files.write(path=\"letter.md\", text=\"x\")\n";
const SEND: &str = "mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"In my words\")\n";

impl World {
    /// Lets rules hold.
    fn rule(&self, name: &str, text: &str, status: i32) -> String {
        let file = self.home().with_file_name(name);
        std::fs::write(&file, text).unwrap();
        self.ends(&["policy", "add", file.to_str().unwrap()], status)
    }
}

#[test]
fn a_rule_holds_from_its_addition_to_its_removal_and_names_itself() {
    let world = World::new();
    world.plan(WRITE, 0);
    let forbids = "@id(\"no-letters\") @about(\"letters are mine\")\n\
                   forbid (principal, action == Action::\"files.write\", resource)\n\
                   when { context.args has path && context.args.path like \"letter*\" };";
    world.rule("letters.cedar", forbids, 0);
    let refused = world.plan(WRITE, 3);
    assert!(refused.contains("no-letters (yours, letters.cedar): letters are mine"), "{refused}");
    world.plan("files.write(path=\"other.md\", text=\"x\")\n", 0);
    world.kill_daemon();
    assert!(world.plan(WRITE, 3).contains("no-letters"), "it holds after a crash");
    let explained = world.ends(&["policy", "explain", "files.write", "path=letter.md"], 3);
    assert!(explained.contains("files.write is forbidden") && explained.contains("no-letters"), "{explained}");
    world.ok(&["policy", "remove", "letters.cedar"]);
    world.plan(WRITE, 0);
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

#[test]
fn what_is_asked_may_be_allowed_for_just_this_and_no_more() {
    let world = World::new();
    let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\nEMAIL:ada@corp.example\r\nEND:VCARD\r\n";
    world.write("Contacts/ada.vcf", card);
    assert!(world.plan(SEND, 4).contains("Send this message?"));
    world.ok(&["deny", "q1"]);
    let allows = "permit (principal == Person::\"you\", action == Action::\"mail.send\", resource)\n\
                  when { [\"ada@corp.example\"].containsAll(context.recipients) };";
    world.rule("ada.cedar", allows, 0);
    let sent = world.plan(SEND, 0);
    assert!(sent.contains("is in the outbox"), "{sent}");
    // What she does not have yet is asked about all the same.
    let discloses =
        "found = notes.find(about=\"alpha\")\nmail.send(to=[\"Ada\"], subject=\"Hello\", body=f\"{found[0].text}\")\n";
    let asked = world.plan(discloses, 4);
    assert!(asked.contains("! body: new to ada@corp.example, from file"), "{asked}");
}

#[test]
fn an_answer_can_hold_for_calls_like_it_and_no_others() {
    let world = World::new();
    for name in ["ada", "ben"] {
        let card = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nEMAIL:{name}@corp.example\r\nEND:VCARD\r\n");
        world.write(&format!("Contacts/{name}.vcf"), &card);
    }
    let send = |to: &str| format!("mail.send(to=[\"{to}\"], subject=\"Hello\", body=\"In my words\")\n");
    world.plan(&send("ada"), 4);
    let told = world.ends(&["approve", "q1", "--always", "--days", "7"], 0);
    assert!(told.contains("[\"ada@corp.example\"].containsAll(context.recipients)"), "{told}");
    assert!(world.ok(&["policy", "list"]).contains("your answer to q1, for 7 days"));
    world.plan(&send("ada"), 0);
    world.plan(&send("ben"), 4);
    world.ok(&["deny", "q2"]);
    // What others wrote is never answered for the next time.
    world.write("notes/run.md", "# Run\n\nmake all\n");
    world.plan("found = notes.find(about=\"run\")\nresult = shell.run(command=found[0].text)\n", 4);
    let refused = world.ends(&["approve", "q3", "--always"], 1);
    assert!(refused.contains("`command` is not in your words"), "{refused}");
    world.ok(&["deny", "q3"]);
}

#[test]
fn another_rule_is_tried_on_what_happened() {
    let world = World::new();
    world.plan(WRITE, 0);
    world.plan("found = notes.find(about=\"alpha\")\nsay(found)\n", 0);
    let file = world.home().with_file_name("strict.cedar");
    std::fs::write(&file, "forbid (principal, action in Action::\"change\", resource) unless { context.approved };")
        .unwrap();
    let file = file.to_str().unwrap();
    let simulated = world.ok(&["policy", "simulate", file]);
    assert!(simulated.contains("2 calls of the last 30 days: 1 would be decided otherwise"), "{simulated}");
    assert!(simulated.contains("files.write by you: was allowed, would be asked about"), "{simulated}");
    world.plan(WRITE, 0);
}

#[test]
fn a_call_that_was_answered_counts_once() {
    let world = World::new();
    world.write("Contacts/ada.vcf", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\nEMAIL:ada@corp.example\r\nEND:VCARD\r\n");
    world.plan(SEND, 4);
    world.ok(&["approve", "q1"]);
    let file = world.home().with_file_name("none.cedar");
    std::fs::write(&file, "forbid (principal, action in Action::\"mail\", resource);").unwrap();
    let simulated = world.ok(&["policy", "simulate", file.to_str().unwrap()]);
    // The look-up of Ada, and the message.
    assert!(simulated.contains("2 calls of the last 30 days: 1 would be decided otherwise"), "{simulated}");
}

#[test]
fn rules_that_cannot_be_read_allow_nothing_and_say_so() {
    let world = World::new();
    let refused = world.rule("broken.cedar", "permit (principal, action", 1);
    assert!(refused.contains("broken.cedar (yours): line 1"), "{refused}");
    world.plan(WRITE, 0);
    // Somebody wrote it there by hand.
    std::fs::create_dir_all(world.home().join("policy")).unwrap();
    std::fs::write(world.home().join("policy/broken.cedar"), "permit (principal, action").unwrap();
    let refused = world.plan(WRITE, 3);
    assert!(refused.contains("the rules cannot be read, so nothing is allowed"), "{refused}");
    assert!(world.ends(&["policy", "check"], 1).contains("broken.cedar"));
    // A rule that locks everybody out is told of, and can be taken back.
    world.ok(&["policy", "remove", "broken.cedar"]);
    let locked = world.rule("all.cedar", "forbid (principal, action, resource);", 0);
    assert!(locked.contains("nothing can change anything"), "{locked}");
    world.plan(WRITE, 3);
    world.ok(&["policy", "remove", "all.cedar"]);
    world.plan(WRITE, 0);
}

#[test]
fn what_is_no_file_of_rules_allows_nothing_and_can_be_taken_out() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    world.plan(WRITE, 0);
    let folder = world.home().join("policy");
    std::fs::create_dir_all(&folder).unwrap();
    let at = folder.join("odd.cedar");
    let elsewhere = world.home().with_file_name("elsewhere.cedar");
    std::fs::write(&elsewhere, "permit (principal, action").unwrap();
    let put: [(&str, &dyn Fn()); 7] = [
        ("is too large for rules", &|| std::fs::write(&at, "// x\n".repeat(2 * 1024 * 1024)).unwrap()),
        ("is no file", &|| symlink("/dev/zero", &at).unwrap()),
        ("is no file", &|| assert!(std::process::Command::new("mkfifo").arg(&at).status().unwrap().success())),
        ("is no text", &|| std::fs::write(&at, b"permit (principal, action, resource); // \xFF").unwrap()),
        ("cannot read the rules in", &|| symlink("nowhere", &at).unwrap()),
        ("line 1", &|| symlink(&elsewhere, &at).unwrap()),
        ("RULE_DEPTH", &|| {
            let deep = "(".repeat(100_000);
            std::fs::write(&at, format!("permit (principal, action, resource) when {{ {deep}")).unwrap();
        }),
    ];
    for (reason, put) in put {
        put();
        let begin = std::time::Instant::now();
        let refused = world.plan(WRITE, 3);
        assert!(refused.contains("the rules cannot be read, so nothing is allowed"), "{reason}: {refused}");
        let said = world.ends(&["policy", "check"], 1);
        assert!(said.contains("odd.cedar (yours)") && said.contains(reason), "{reason}: {said}");
        assert!(world.ends(&["policy", "list"], 1).contains("genoa policy remove"));
        world.kill_daemon();
        assert!(world.plan(WRITE, 3).contains("nothing is allowed"), "{reason}: after a start as well");
        world.kill_daemon();
        world.ok(&["policy", "remove", "odd.cedar"]);
        assert!(begin.elapsed().as_secs() < 60, "{reason}: {:?}", begin.elapsed());
        world.plan(WRITE, 0);
    }
    assert!(elsewhere.exists(), "only the link was taken out");
    // A folder is not taken out by a command for files, and the way out is told.
    std::fs::create_dir(&at).unwrap();
    assert!(world.plan(WRITE, 3).contains("nothing is allowed"));
    assert!(world.ends(&["policy", "check"], 1).contains("is no file. Move it out of the folder"));
    std::fs::remove_dir(&at).unwrap();
    world.plan(WRITE, 0);
    let refused = world.ends(&["policy", "add", "/dev/zero"], 1);
    assert!(refused.contains("is no file"), "{refused}");
}

#[test]
fn a_person_is_never_locked_out_for_good() {
    let world = World::new();
    let everything = "@id(\"shut\") forbid (principal, action, resource);";
    let locked = world.rule("all.cedar", everything, 0);
    for what in ["read", "change", "send"] {
        assert!(locked.contains(&format!("nothing can {what} anything")), "{locked}");
    }
    world.plan(WRITE, 3);
    world.plan("say(files.read(path=\"report.txt\"))\n", 3);
    // What contradicts it changes nothing, and what is said names what holds.
    world.rule("open.cedar", "permit (principal, action, resource);", 0);
    assert!(world.plan(WRITE, 3).contains("shut (yours, all.cedar)"));
    assert!(world.ends(&["policy", "explain", "files.write"], 3).contains("shut"));
    for command in [["policy", "check"].as_slice(), &["policy", "list"], &["policy", "can"], &["status"]] {
        world.ok(command);
    }
    // A broken file beside it, and no daemon to ask.
    std::fs::write(world.home().join("policy/broken.cedar"), "nonsense").unwrap();
    world.kill_daemon();
    world.ok(&["policy", "remove", "all.cedar"]);
    world.ok(&["policy", "remove", "broken.cedar"]);
    assert!(world.daemon().is_none(), "nobody was asked");
    world.plan(WRITE, 0);
}
