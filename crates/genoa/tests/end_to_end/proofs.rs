//! What the rules come to for every call that there can be, with the real prover and a real solver.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value as Json;

use crate::world::World;

/// Whether something can be proved here. A test that is left out says so.
fn can_prove() -> bool {
    let mut folders =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).into_iter().flatten();
    let is_here = folders.any(|folder| folder.join("cvc5").is_file());
    if !is_here {
        let _ = writeln!(std::io::stderr(), "SKIPPED: cvc5 is not here, and nothing can be proved without");
    }
    is_here
}

/// A file of rules beside the home.
fn file(world: &World, name: &str, rules: &str) -> String {
    let path = world.home().with_file_name(name);
    std::fs::write(&path, rules).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_rules_in_force_are_proved_to_be_sound() {
    if !can_prove() {
        return;
    }
    let world = World::new();
    let told = world.ok(&["policy", "prove"]);
    for line in [
        "✓ Every rule can be worked out for every call",
        "✓ What changes authority, packages or services is asked about each time",
        "✓ Of every tool there is a call that you can have made",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains('!') && world.daemon().is_none(), "{told}");
    let rules = "@id(\"no-mail\") forbid (principal, action == Action::\"mail.send\", resource);\n\
                 @id(\"ada\") permit (principal, action == Action::\"mail.send\", resource);";
    world.ok(&["policy", "add", &file(&world, "own.cedar", rules)]);
    let told = world.ends(&["policy", "prove"], 3);
    assert!(
        told.contains(
            "✗ No call can be made, whatever you say yes to: mail.send\n    a plan of your own calls mail.send in "
        ),
        "{told}"
    );
    assert!(told.contains("by the rules: forbidden by no-mail (yours, own.cedar)"), "{told}");
    assert!(
        told.contains("! ada (yours, own.cedar) permits nothing: no-mail (yours, own.cedar) forbids all of it"),
        "{told}"
    );
}

#[test]
fn what_a_file_opens_is_told_before_it_holds() {
    if !can_prove() {
        return;
    }
    let world = World::new();
    let opens = file(
        &world,
        "more.cedar",
        "@id(\"all-mail\") permit (principal == Agent::\"communication\", action == Action::\"mail.send\", resource);",
    );
    let told = world.ends(&["policy", "prove", &opens], 3);
    assert!(told.contains("With more.cedar the rules are at least as permissive as they are now."), "{told}");
    assert!(told.contains("✗ Allowed without a question, and not so now: mail.send\n    the agent \"communication\" calls mail.send in "), "{told}");
    assert!(told.contains("now: asked about by a-yes (shipped, shipped.cedar)\n      with more.cedar: allowed by all-mail (yours, more.cedar)"), "{told}");
    assert!(told.contains("✓ Nothing more is allowed at all"), "{told}");
    let json = world.ends(&["policy", "prove", &opens, "--json"], 3);
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["relation"], &json["claims"][0]["result"]),
        (&"at_least_as_permissive".into(), &"refuted".into()),
        "{json}"
    );
    assert_eq!(json["claims"][0]["example"]["then"]["Ok"]["verdict"], "allow", "{json}");
    // One that only takes away ends well, and one that says nothing is the same.
    let closes = file(
        &world,
        "less.cedar",
        "forbid (principal, action in Action::\"mail\", resource) when { context.from.contains(\"web\") };",
    );
    assert!(world.ok(&["policy", "prove", &closes]).contains("at most as permissive"));
    let nothing = file(
        &world,
        "none.cedar",
        "permit (principal, action == Action::\"files.find\", resource) when { context.approved };",
    );
    assert!(world.ok(&["policy", "prove", &nothing]).contains("With none.cedar all is decided as it is now."));
}

#[test]
fn what_must_never_be_is_held_to_and_its_counterexample_steers_no_terminal() {
    if !can_prove() {
        return;
    }
    let world = World::new();
    world.ok(&["policy", "add", &file(&world, "own.cedar", "@id(\"web\") forbid (principal, action in Action::\"emit\", resource) when { context.from.contains(\"web\") };")]);
    let never = file(
        &world,
        "never.cedar",
        "@id(\"web-mail\") forbid (principal, action == Action::\"mail.send\", resource) when { context.from.contains(\"web\") };",
    );
    let told = world.ok(&["policy", "prove", "--never", &never]);
    assert!(told.contains("✓ Refused, always: web-mail (yours, never.cedar)"), "{told}");
    // The only call that shows it has these words in it.
    let hostile = file(
        &world,
        "hostile.cedar",
        "@id(\"h\") @about(\"\\u{1b}[2J\\u{202e}\") forbid (principal == Agent::\"\\u{1b}]0;x\\u{7}\", action == Action::\"files.write\", resource)\n\
         when { context.args has path && context.args.path == \"\\u{1b}[2J\\u{202e}\\n✓ Refused, always\" && context.from.contains(\"\\u{9b}31m\") };",
    );
    let told = world.ends(&["policy", "prove", "--never", &hostile], 3);
    assert!(
        !told.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{7}']) && !told.contains("\n✓ Refused, always"),
        "{told:?}"
    );
    assert!(told.contains("✗ Not always refused: h (yours, hostile.cedar): \\u{1b}[2J\\u{202e}"), "{told:?}");
    let empty = file(&world, "empty.cedar", "forbid (principal == Person::\"eve\", action, resource);");
    assert!(
        world
            .ends(&["policy", "prove", "--asked", &empty], 3)
            .contains("No call is what 1 (yours, empty.cedar) is about")
    );
}

#[test]
fn without_a_solver_or_the_prover_it_is_told_what_to_do() {
    let world = World::new();
    let output = world.command(&["policy", "prove"]).env("PATH", world.work()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && told.contains("there is no solver") && told.contains("Install cvc5"),
        "{told}"
    );
    let told = world.ends(&["policy", "prove", "--solver", "no-such"], 1);
    assert!(told.contains("there is no solver `no-such`"), "{told}");
    world.configure("[policy]\nsolver = \"/no/such/solver\"\n");
    assert!(world.ends(&["policy", "prove"], 1).contains("there is no solver `/no/such/solver`"));
    world.configure("");
    let never = file(
        &world,
        "never.cedar",
        "forbid (principal, action == Action::\"files.write\", resource) when { context.workspace like \"/etc*\" };",
    );
    // A solver that is none proves nothing.
    if PathBuf::from("/bin/cat").exists() {
        let told = world.ends(&["policy", "prove", "--never", &never, "--solver", "/bin/cat"], 1);
        assert!(told.contains("? Not known: "), "{told}");
    }
    // Alone, without the program beside it.
    let alone = world.home().with_file_name("genoa");
    std::fs::copy(env!("CARGO_BIN_EXE_genoa"), &alone).unwrap();
    let output = world.command_of(&alone, &["policy", "prove", "--solver", "/bin/cat"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("genoa-prove, is not beside this one") && told.contains("./x proofs"), "{told}");
}
