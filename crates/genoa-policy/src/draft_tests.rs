//! Forms that become rules: what each says, what it does, and what no rule is made of.

use std::collections::BTreeSet;

use genoa_abi::policy::{CallFacts, PolicyTexts, RuleFile, Verdict};
use serde_json::{Value as Json, json};

use crate::tests::{catalog, facts};
use crate::{Draft, Engine, RemarkKind, check, draft_schema};

fn draft(changes: Json) -> Draft {
    let mut form = json!({
        "verdict": "never", "action": "emit", "agent": null, "recipients": "any", "addresses": [], "path": null, "from": null,
    });
    for (name, value) in changes.as_object().unwrap() {
        form[name] = value.clone();
    }
    serde_json::from_value(form).unwrap()
}

/// The engine with the rule of a form, which must be sound.
fn engine(draft: &Draft) -> Engine {
    let cedar = draft.to_cedar("said-1", "in \"my\" words", &catalog());
    let texts = PolicyTexts { administrator: vec![], person: vec![RuleFile::new("said.cedar", &cedar)] };
    let wrong: Vec<String> = check(&texts, &catalog())
        .iter()
        .filter(|remark| remark.kind == RemarkKind::Wrong)
        .map(ToString::to_string)
        .collect();
    assert!(wrong.is_empty(), "{cedar}\n{wrong:?}");
    Engine::new(&texts, &catalog()).unwrap()
}

fn to(address: &str) -> CallFacts {
    CallFacts { recipients: BTreeSet::from([address.to_owned()]), ..facts("mail.send") }
}

fn writing(path: &str) -> CallFacts {
    CallFacts { arguments: json!({ "path": path }).as_object().unwrap().clone(), ..facts("files.write") }
}

#[test]
fn a_form_does_what_its_words_say() {
    let decide = |draft: &Draft, facts: &CallFacts| engine(draft).decide(facts).unwrap().verdict;
    let never = draft(json!({ "recipients": "these", "addresses": ["Eve@x"] }));
    assert_eq!(decide(&never, &to("eve@x")), Verdict::Forbid);
    assert_eq!(decide(&never, &to("ada@x")), Verdict::Ask);
    let others = draft(json!({ "action": "mail.send", "recipients": "others", "addresses": ["ada@x"] }));
    assert_eq!(decide(&others, &to("ada@x")), Verdict::Ask);
    assert_eq!(decide(&others, &to("eve@x")), Verdict::Forbid);
    let ask = draft(json!({ "verdict": "ask", "action": "change", "path": "Let*ters/" }));
    assert_eq!(decide(&ask, &writing("Let*ters/a.md")), Verdict::Ask);
    assert_eq!(decide(&ask, &writing("Letters/a.md")), Verdict::Allow, "a star is a star");
    let allow =
        draft(json!({ "verdict": "allow", "action": "mail.send", "recipients": "these", "addresses": ["ada@x"] }));
    assert_eq!(decide(&allow, &to("ada@x")), Verdict::Allow);
    assert_eq!(decide(&allow, &to("eve@x")), Verdict::Ask);
    let foreign = CallFacts { unmet: BTreeSet::from(["body".to_owned()]), ..to("ada@x") };
    assert_eq!(decide(&allow, &foreign), Verdict::Ask, "what others wrote is asked about all the same");
    let from = draft(json!({ "action": "files", "from": "web", "agent": "content" }));
    let read = CallFacts { from: BTreeSet::from(["web".to_owned()]), ..facts("files.read") };
    assert_eq!(decide(&from, &read), Verdict::Forbid);
    assert_eq!(decide(&from, &CallFacts { agent: Some("system".into()), ..read }), Verdict::Allow);
    let words: Vec<String> = [never, others, ask, allow, from].iter().map(Draft::words).collect();
    assert_eq!(
        words,
        [
            "Whatever leaves the machine to Eve@x is refused.",
            "Each call of mail.send to anybody besides ada@x is refused.",
            "Whatever changes files with a path that begins with Let*ters/ is asked about each time.",
            "Each call of mail.send to nobody but ada@x is made without a question, where all of it is in your words.",
            "Each call of files.* by the agent content where something in it is from: web is refused.",
        ]
    );
}

#[test]
fn no_rule_is_made_of_what_was_not_said_or_is_too_wide() {
    let why = |sentence: &str, changes: Json| draft(changes).check(sentence, &catalog()).unwrap_err();
    let these = |address: &str| json!({ "recipients": "these", "addresses": [address] });
    assert!(why("Never write to Eve", these("eve@x")).contains("`eve@x` does not stand in the sentence"));
    assert!(why("Never write to x.example", these("x.example")).contains("is no address"));
    assert!(why("Never write to anybody at x.example.", json!({})).contains("`x.example` is no address"));
    assert!(why("Never write to them", json!({ "recipients": "these" })).contains("names no address"));
    assert!(why("Never touch Letters/", json!({ "action": "mail", "path": "Letters/" })).contains("takes no path"));
    assert!(why("Do what you like", json!({ "verdict": "allow" })).contains("must be named"));
    let governs = json!({ "verdict": "allow", "action": "services.stop" });
    assert!(why("Stop what you like", governs).contains("asked about each time"));
    assert!(why("Nothing", json!({ "action": "nothing" })).contains("nothing is called `nothing`"));
    let to_a_file = json!({ "action": "files", "recipients": "these", "addresses": ["eve@x"] });
    assert!(why("No files to eve@x", to_a_file).contains("files goes to nobody"));
    assert_eq!(draft(these("eve@x")).check("Never write to EVE@X", &catalog()), Ok(()));
}

#[test]
fn a_form_has_room_for_what_the_sentence_names_and_nothing_else() {
    let form = |sentence: &str| draft_schema(&catalog(), &["content".to_owned()], sentence)["properties"].clone();
    let plain = form("Ask me before anything is sent");
    assert_eq!(plain["recipients"]["enum"], json!(["any"]));
    assert_eq!(plain["addresses"]["maxItems"], 0);
    assert_eq!(plain["path"], json!({ "type": "null" }));
    let full = form("Nothing from \"Letters/old\" (and Contracts/) to <ada@x.example>, or see https://x.example/");
    assert_eq!(full["addresses"]["items"]["enum"], json!(["ada@x.example"]));
    assert_eq!(full["path"]["anyOf"][0]["enum"], json!(["Letters/old", "Contracts/"]));
    assert!(full["action"]["enum"].as_array().unwrap().contains(&json!("mail.send")));
}
