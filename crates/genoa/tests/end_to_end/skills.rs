//! Skills: saved from a person's own plan, kept across a crash, run with other values, forgotten.

use crate::world::World;

#[test]
fn a_saved_plan_runs_with_other_values_and_survives_a_crash() {
    let world = World::new();
    let plan = world.home().with_extension("plan");
    std::fs::write(&plan, "found = notes.find(about=\"alpha\")\nnote = first(found)\nsay(note.text)\n").unwrap();
    let plan = plan.to_str().unwrap();
    let words = "What does my note about alpha say?";
    let saved = world.ok(&["skill", "save", "read-note", "--plan", plan, "--intention", words]);
    assert!(saved.contains("about = \"alpha\""), "{saved}");
    world.kill_daemon();
    assert!(world.ok(&["skill", "list"]).contains("read-note (about)"));
    assert!(world.ok(&["skill", "run", "read-note"]).contains("first note"));
    assert!(world.ok(&["skill", "run", "read-note", "about=beta"]).contains("second note"));
    assert!(world.ends(&["skill", "run", "read-note", "color=red"], 1).contains("It takes: about"));
    world.ok(&["skill", "forget", "read-note"]);
    assert!(world.ends(&["skill", "show", "read-note"], 1).contains("no skill `read-note`"));
}

#[test]
fn what_is_no_skill_is_not_saved() {
    let world = World::new();
    assert!(world.ends(&["skill", "save", "last"], 1).contains("no plan of this folder is at hand"));
    let plan = world.home().with_extension("plan");
    std::fs::write(&plan, "found = notes.fetch()\n").unwrap();
    let plan = plan.to_str().unwrap();
    assert!(world.ends(&["skill", "save", "a", "--plan", plan, "--intention", "x"], 1).contains("notes.fetch"));
    std::fs::write(plan, "found = notes.find()\n").unwrap();
    assert!(
        world.ends(&["skill", "save", "a b", "--plan", plan, "--intention", "x"], 1).contains("no name for a skill")
    );
}
