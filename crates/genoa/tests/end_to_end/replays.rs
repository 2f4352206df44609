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
    assert!(world.ok(&["replay", "r1"]).contains("✓ Find notes about “alpha” → 1 note"));
    assert!(world.ends(&["replay", "r99"], 1).contains("the journal knows no run r99"));
}

#[test]
fn two_runs_part_where_the_world_was_another() {
    let world = World::new();
    world.plan(FIND, 0);
    world.plan(FIND, 0);
    world.write("notes/more.md", "# More\n\nAlso about alpha.\n");
    world.plan(FIND, 0);
    assert!(world.ok(&["bisect", "r1", "r2"]).contains("They do not part"));
    let told = world.ok(&["bisect", "r1", "r3"]);
    assert!(told.contains("They part at step 1: the same call was answered otherwise"), "{told}");
}
