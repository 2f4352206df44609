//! Runs once more out of the journal, and where two of them part.

use crate::world::World;

const FIND: &str =
    "found = notes.find(about=\"alpha\")\nfiles.write(path=\"out.md\", text=f\"{len(found)}\")\nsay(len(found))\n";

#[test]
fn a_run_comes_to_the_same_without_tools_also_after_a_crash() {
    let world = World::new();
    world.plan(FIND, 0);
    world.kill_daemon();
    // A question in between, answered with no.
    world.plan("mail.send(to=[\"nobody@x.example\"], subject=\"a\", body=\"b\")\n", 4);
    world.run(&["deny", "q1"]);
    for run in ["r1", "r2"] {
        let told = world.ok(&["replay", run]);
        assert!(told.contains("Without model and tools the kernel comes to the same"), "{told}");
    }
    assert!(world.ok(&["replay", "r1"]).contains("✓ 1 Find notes about “alpha” → 1 note"));
    assert!(world.ends(&["replay", "r99"], 1).contains("the journal knows no run r99"));
}

#[test]
fn two_runs_part_where_the_world_was_another() {
    let world = World::new();
    world.plan(FIND, 0);
    // A file says to the second when it was written: that a run did the same a second later is no difference.
    std::thread::sleep(std::time::Duration::from_secs(1));
    world.plan(FIND, 0);
    world.write("notes/more.md", "# More\n\nAlso about alpha.\n");
    world.plan(FIND, 0);
    let told = world.ok(&["bisect", "r1", "r2"]);
    assert!(told.contains("They do not part"), "{told}");
    let told = world.ok(&["bisect", "r1", "r3"]);
    assert!(told.contains("They part at step 1: the same call was answered otherwise"), "{told}");
}

/// Reads two notes and the report, one call a line.
const READ: &str = "a = files.read(path=\"notes/a.md\")\nb = files.read(path=\"report.txt\")\nfiles.write(path=\"out.md\", \
                    text=f\"{a} and {b}\")\nsay(a)\nsay(b)\n";

#[test]
fn a_run_goes_on_live_from_a_step_with_what_was_read_before_it() {
    let world = World::new();
    world.plan(READ, 0);
    world.ok(&["drop"]);
    world.write("notes/a.md", "# Alpha\n\nanother first note\n");
    world.write("report.txt", "The new report.\n");
    // In a fresh daemon.
    world.kill_daemon();
    let told = world.ends(&["replay", "r1", "--from", "2"], 0);
    assert!(told.contains("r1 did steps 2 to 5 as well"), "{told}");
    assert!(told.contains("as in r1, not done again"), "{told}");
    assert!(told.contains("first note") && !told.contains("another first note"), "{told}");
    assert!(told.contains("The new report."), "{told}");
    world.ok(&["commit"]);
    let written = world.read("out.md").unwrap();
    assert!(written.contains("first note") && written.contains("The new report."), "{written}");
    assert!(!written.contains("another"), "{written}");
    // The new run says where it is from, is a run like any other, and can itself be gone on with.
    let why = world.ok(&["why", "r2"]);
    assert!(why.contains("you went on from step 2 of r1") && why.contains("plan r1 of 5 lines"), "{why}");
    let why = world.ok(&["why", "out.md"]);
    assert!(why.contains("plan r2 of 5 lines") && why.contains("plan r1 of 5 lines"), "{why}");
    let again = world.ok(&["replay", "r2"]);
    assert!(again.contains("goes on from step 2 of r1") && again.contains("comes to the same"), "{again}");
    let parts = world.ok(&["bisect", "r1", "r2"]);
    assert!(parts.contains("They part at step 2: the same call was answered otherwise"), "{parts}");
    assert!(world.ends(&["replay", "r2", "--from", "4"], 0).contains("The new report."));
    world.ok(&["journal", "verify"]);
}

#[test]
fn a_step_that_is_not_there_is_answered_with_those_that_are() {
    let world = World::new();
    world.plan(FIND, 0);
    for step in ["0", "4", "99"] {
        let told = world.ends(&["replay", "r1", "--from", step], 1);
        assert!(told.contains(&format!("r1 has no step {step}")), "{told}");
        assert!(told.contains("1 Find notes about “alpha”; 2 Write") && told.contains("3 Say"), "{told}");
    }
    assert!(world.ends(&["replay", "r9", "--from", "1"], 1).contains("no run r9"));
    assert_eq!(world.ok(&["replay", "r1"]).matches("not done again").count(), 0);
    let elsewhere = world.work().join("notes");
    let told = world.ends(&["-w", elsewhere.to_str().unwrap(), "replay", "r1", "--from", "2"], 1);
    assert!(told.contains("r1 worked in another folder"), "{told}");
}

#[test]
fn what_a_step_wrote_must_still_be_there_as_it_left_it() {
    let world = World::new();
    world.plan(FIND, 0);
    // In the view, and after a commit in the folder.
    world.ends(&["replay", "r1", "--from", "3"], 0);
    world.ok(&["commit"]);
    world.ends(&["replay", "r1", "--from", "3"], 0);
    let refused = |why: &str| {
        let told = world.ends(&["replay", "r1", "--from", "3"], 1);
        assert!(told.contains("out.md is not as step 2 of r1 left it"), "{why}: {told}");
        assert!(told.contains("Go on from step 2"), "{why}: {told}");
    };
    world.write("out.md", "by hand");
    refused("edited");
    std::fs::remove_file(world.work().join("out.md")).unwrap();
    refused("removed");
    world.ends(&["replay", "r1", "--from", "2"], 0);
    world.ends(&["replay", "r1", "--from", "3"], 0);
    world.ok(&["drop"]);
    refused("dropped");
}

#[test]
fn a_message_that_is_in_the_outbox_is_not_put_there_again() {
    let world = World::new();
    let source = "mail.send(to=[\"Ada\"], subject=\"Hello\", body=\"one\")\n\
                  found = notes.find(about=\"alpha\")\nsay(\"I sent the message\")\n";
    world.plan(source, 4);
    world.ok(&["approve", "q1"]);
    let outbox = || world.ok(&["--json", "status"]).matches("\"subject\":\"Hello\"").count();
    for _ in 0..200 {
        if world.ok(&["replay", "r1"]).contains("4 Say") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(outbox(), 1);
    let told = world.ends(&["replay", "r1", "--from", "3"], 0);
    assert!(told.contains("I sent the message") && !told.contains("Nothing in the record"), "{told}");
    assert_eq!(outbox(), 1);
    // Where it is taken back, the new run cannot say so.
    world.ok(&["undo", "o1"]);
    let told = world.ends(&["replay", "r1", "--from", "3"], 0);
    assert!(told.contains("Nothing in the record bears out: “I sent the message”"), "{told}");
    // From that step on it is asked about anew: no yes is taken over.
    let told = world.ends(&["replay", "r1", "--from", "2"], 4);
    assert!(told.contains("genoa approve q2"), "{told}");
    assert_eq!(outbox(), 1);
}

#[test]
fn a_step_that_was_not_completed_is_nothing_to_go_on_from() {
    let world = World::new();
    world.plan("found = notes.find(about=\"alpha\")\nanswer = ask(\"Which?\")\nsay(answer)\n", 4);
    assert!(world.ends(&["replay", "r1", "--from", "2"], 1).contains("r1 is not over"));
    world.ok(&["deny", "q1"]);
    let file = world.home().with_file_name("next.plan");
    let plan = "found = notes.find(about=\"alpha\")\nanswer = ask(\"Which?\")\nsay(found)\n";
    std::fs::write(&file, plan).unwrap();
    let next = ["replay", "r1", "--from", "3", "--plan", file.to_str().unwrap()];
    let told = world.ends(&next, 1);
    assert!(told.contains("step 2 of r1 was not completed") && told.contains("Go on from step 2"), "{told}");
    // Asked again from that step on; what goes on after a crash is the new run alone.
    assert!(world.ends(&["replay", "r1", "--from", "2"], 4).contains("q2"));
    world.kill_daemon();
    world.ok(&["approve", "q2", "both"]);
    let told = world.ok(&["replay", "r2"]);
    assert!(told.contains("1 Find notes about “alpha” → 1 note (as in r1, not done again)"), "{told}");
    assert!(told.contains("comes to the same") && told.contains("✓ 3 Say"), "{told}");
    assert_eq!(told.matches("Find notes").count(), 1, "{told}");
}

#[test]
fn another_plan_goes_on_that_is_the_same_until_there() {
    let world = World::new();
    world.plan(FIND, 0);
    let file = world.home().with_file_name("next.plan");
    let with = |plan: &str, step: &str, status: i32| {
        std::fs::write(&file, plan).unwrap();
        world.ends(&["replay", "r1", "--from", step, "--plan", file.to_str().unwrap()], status)
    };
    world.write("notes/more.md", "# More\n\nAlso about alpha.\n");
    let told = with(&FIND.replace("say(len(found))", "say(f\"still {len(found)}\")"), "3", 0);
    assert!(told.contains("still 1"), "{told}");
    let told = with(&format!("{FIND}say(\"and more\")\n"), "4", 0);
    assert!(told.contains("and more"), "{told}");
    let told = with(&FIND.replace("alpha", "beta"), "3", 1);
    assert!(told.contains("line 1 of the plan is another than in r1"), "{told}");
    let told = with("found = 3\nsay(fuond)\n", "1", 1);
    assert!(told.contains("fuond"), "{told}");
    assert!(world.ends(&["replay", "r1", "--plan", "x"], 2).contains("--from"));
}
