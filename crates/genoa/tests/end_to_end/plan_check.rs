//! A plan is checked with tools that a program will offer, before that program runs.

use serde_json::{Value as Json, json};

use crate::world::World;

/// A tool of a bank, and the record that it returns.
fn bank(name: &str) -> Json {
    json!({
        "tools": [{
            "name": name,
            "about": "Look transactions up",
            "parameters": [{ "name": "n", "type": "int", "required": true, "demand": "anything" }],
            "returns": "list[Payment]",
            "effect": "observe",
            "executor": "jail",
        }],
        "records": [{ "name": "Payment", "fields": [{ "name": "amount", "type": "float" }] }],
    })
}

#[test]
fn a_plan_is_checked_with_tools_that_are_not_there_yet() {
    let world = World::new();
    let outside = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = outside.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let tools = write("tools.json", &bank("bank.find").to_string());
    let sound = write("sound.plan", "found = bank.find(n=3)\nsay(sum(found, by=\"amount\"))\n");
    let wrong = write("wrong.plan", "found = bank.find(n=3)\nsay(found[0].price)\n");
    let check = |plan: &str, tools: &str, status| world.ends(&["plan", "check", plan, "--tools", tools], status);

    assert!(world.ends(&["plan", "check", &sound], 1).contains("there is no function `bank.find`"));
    assert!(check(&sound, &tools, 0).contains("The plan is sound"));
    assert!(check(&wrong, &tools, 1).contains("Payment has no field `price`"));

    let hides = write("hides.json", &bank("files.read").to_string());
    assert!(check(&sound, &hides, 1).contains("`files.read` is there already"));
    let broken = write("broken.json", r#"{"tools": [], "recrods": []}"#);
    assert!(check(&sound, &broken, 1).contains("recrods"));
    assert!(check(&sound, "none.json", 1).contains("cannot read the tools none.json"));
    assert!(world.daemon().is_none(), "a check starts nothing");
}
