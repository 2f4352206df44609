//! The shipped rules, and how rules of a person and an administrator meet.
#![expect(clippy::disallowed_methods, reason = "the tests take the time that a hostile rule needs")]

use std::collections::BTreeSet;

use genoa_abi::policy::{CallFacts, Decision, PolicyTexts, RuleFile, Verdict};
use genoa_abi::schema::{Catalog, EffectClass, Executor, Needs, Parameter, ToolSchema, Type, Yields};
use genoa_abi::{Failure, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::{Engine, RemarkKind, SUSPECT, allowing, change_that_allows, check};

fn tool(name: &str, effect: EffectClass, parameters: &[(&str, &str)]) -> ToolSchema {
    let parameter = |(name, ty): &(&str, &str)| Parameter::new(name, ty.parse::<Type>().unwrap(), false, "");
    ToolSchema {
        name: name.into(),
        about: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        returns: Type::None,
        yields: Yields::default(),
        effect,
        executor: Executor::Jail,
        needs: Needs::default(),
        phrase: String::new(),
        asked_by: vec![],
        ruled_out_by: vec![],
        undone_by: None,
        at_once: false,
    }
}

pub(crate) fn catalog() -> Catalog {
    let mut send = tool("mail.send", EffectClass::Emit, &[("to", "list[Contact]"), ("body", "str?"), ("when", "time")]);
    send.parameters[1].shown_to = vec!["to".into()];
    Catalog::new(
        [
            tool("files.read", EffectClass::Observe, &[("path", "path")]),
            tool("files.write", EffectClass::Change, &[("path", "path"), ("text", "any")]),
            send,
            tool("services.stop", EffectClass::Govern, &[("count", "int"), ("hard", "bool")]),
        ],
        [],
    )
}

fn texts(person: &str, administrator: &str) -> PolicyTexts {
    let file = |name: &str, text: &str| vec![RuleFile::new(name, text)];
    PolicyTexts { administrator: file("site.cedar", administrator), person: file("own.cedar", person) }
}

pub(crate) fn facts(tool: &str) -> CallFacts {
    let now = Timestamp(1_795_700_000_000);
    CallFacts::of_nothing_but(&catalog().tools[tool], Some("content"), "/home/ada/work".into(), now)
}

fn to_ada() -> CallFacts {
    let ada = json!({ "to": [{ "name": "Ada", "email": "ada@x.example" }], "body": "Hello" });
    CallFacts {
        arguments: ada.as_object().unwrap().clone(),
        recipients: BTreeSet::from(["ada@x.example".into()]),
        ..facts("mail.send")
    }
}

fn decide(texts: &PolicyTexts, facts: &CallFacts) -> Decision {
    Engine::new(texts, &catalog()).unwrap().decide(facts).unwrap()
}

fn verdict(person: &str, facts: &CallFacts) -> Verdict {
    decide(&texts(person, ""), facts).verdict
}

fn names(decision: &Decision) -> Vec<&str> {
    decision.rules.iter().map(|rule| rule.id.as_str()).collect()
}

#[test]
fn what_is_shipped_allows_work_in_the_view_and_asks_about_the_rest() {
    let none = PolicyTexts::default();
    for tool in ["files.read", "files.write"] {
        let decision = decide(&none, &facts(tool));
        assert_eq!((decision.verdict, names(&decision)), (Verdict::Allow, vec!["own-words"]), "{tool}");
        let unmet = CallFacts { unmet: BTreeSet::from(["path".into()]), ..facts(tool) };
        assert_eq!(decide(&none, &unmet).verdict, Verdict::Ask, "{tool}");
    }
    let decision = decide(&none, &to_ada());
    assert_eq!((decision.verdict, names(&decision)), (Verdict::Ask, vec!["a-yes"]));
    let decision = decide(&none, &facts("services.stop"));
    assert_eq!((decision.verdict, names(&decision)), (Verdict::Ask, vec!["govern-asks"]));
}

#[test]
fn the_narrowest_rule_allows_the_call_and_nothing_more() {
    let rule = allowing(&to_ada(), None);
    assert_eq!(
        rule,
        "permit (principal == Agent::\"content\", action == Action::\"mail.send\", resource == \
         Workspace::\"/home/ada/work\")\nwhen { [\"ada@x.example\"].containsAll(context.recipients) };"
    );
    assert!(check(&texts(&rule, ""), &catalog()).is_empty());
    assert_eq!(verdict(&rule, &to_ada()), Verdict::Allow);
    let others = [
        CallFacts { agent: Some("system".into()), ..to_ada() },
        CallFacts { agent: None, ..to_ada() },
        CallFacts { workspace: "/home/ada/other".into(), ..to_ada() },
        CallFacts { recipients: ["ada@x.example", "eve@x.example"].map(String::from).into(), ..to_ada() },
        CallFacts { unmet: BTreeSet::from(["to".into()]), ..to_ada() },
        CallFacts { new_to: BTreeSet::from(["ada@x.example".into()]), ..to_ada() },
    ];
    for other in others {
        assert_eq!(verdict(&rule, &other), Verdict::Ask, "{other:?}");
    }
}

#[test]
fn a_rule_ends_with_its_time() {
    let rule = allowing(&to_ada(), Some(Timestamp(1_795_700_001_000)));
    assert_eq!(verdict(&rule, &to_ada()), Verdict::Allow);
    assert_eq!(verdict(&rule, &CallFacts { now: Timestamp(1_795_700_001_000), ..to_ada() }), Verdict::Ask);
}

#[test]
fn forbid_wins_whoever_wrote_it() {
    let open = "permit (principal, action, resource);";
    let shut = "@id(\"no-mail\") @about(\"nothing leaves\") forbid (principal, action in Action::\"mail\", resource);";
    for texts in [texts(open, shut), texts(shut, open), texts(&format!("{open}\n{shut}"), "")] {
        let decision = decide(&texts, &to_ada());
        assert_eq!((decision.verdict, names(&decision)), (Verdict::Forbid, vec!["no-mail"]));
        let change = change_that_allows(&to_ada(), &decision).unwrap();
        assert!(change.starts_with("Take out or narrow what forbids it: no-mail ("), "{change}");
    }
    assert_eq!(verdict(open, &to_ada()), Verdict::Allow);
    assert_eq!(verdict(open, &facts("services.stop")), Verdict::Ask, "this no rule opens");
}

#[test]
fn a_rule_may_ask_where_nothing_would_be_asked() {
    let rule = "@id(\"letters\") forbid (principal, action == Action::\"files.write\", resource)\n\
                when { context.args has path && context.args.path like \"Letters/*\" } unless { context.approved };";
    let write = |path: &str| {
        let arguments = json!({ "path": path, "text": "x" }).as_object().unwrap().clone();
        CallFacts { arguments, ..facts("files.write") }
    };
    assert_eq!(verdict(rule, &write("Letters/a.md")), Verdict::Ask);
    assert_eq!(verdict(rule, &write("Notes/a.md")), Verdict::Allow);
}

#[test]
fn where_a_value_is_from_can_be_ruled_about() {
    let rule = "forbid (principal, action == Action::\"mail.send\", resource) when { context.from.contains(\"web\") };";
    assert_eq!(verdict(rule, &to_ada()), Verdict::Ask);
    let from = BTreeSet::from(["web".into(), "web x.example".into()]);
    assert_eq!(verdict(rule, &CallFacts { from, ..to_ada() }), Verdict::Forbid);
}

#[test]
fn a_permit_opens_a_sink_only_if_it_says_so() {
    let open = "permit (principal, action == Action::\"mail.send\", resource);";
    let foreign = CallFacts { unmet: BTreeSet::from(["to".into()]), ..to_ada() };
    let new = CallFacts { new_to: BTreeSet::from(["ada@x.example".into()]), ..to_ada() };
    for facts in [&foreign, &new] {
        assert_eq!(verdict(open, facts), Verdict::Ask);
    }
    assert_eq!(verdict(&format!("@foreign(\"allowed\") {open}"), &foreign), Verdict::Allow);
    assert_eq!(verdict(&format!("@foreign(\"allowed\") {open}"), &new), Verdict::Ask);
    assert_eq!(verdict(&format!("@disclosing(\"allowed\") {open}"), &new), Verdict::Allow);
    let change = change_that_allows(&foreign, &decide(&PolicyTexts::default(), &foreign));
    assert_eq!(change.as_deref(), Some("Say it in your own words: to"), "no rule is offered that would open it");
}

#[test]
fn what_is_wrong_with_rules_is_said_with_its_place() {
    let remarks = |person: &str| check(&texts(person, ""), &catalog());
    let only = |person: &str| {
        let mut found = remarks(person);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    let broken = only("\n\npermit (principal, action, resource;");
    assert_eq!(broken.kind, RemarkKind::Wrong);
    assert!(broken.to_string().starts_with("own.cedar (yours): line 3: "), "{broken}");
    let unknown = only("permit (principal, action == Action::\"mail.sent\", resource);");
    assert!(unknown.kind == RemarkKind::Wrong && unknown.text.contains("mail.sent"), "{unknown}");
    let no_argument =
        only("permit (principal, action == Action::\"mail.send\", resource) when { context.args.too == 1 };");
    assert_eq!(no_argument.kind, RemarkKind::Wrong, "{no_argument}");
    let slot = only("permit (principal == ?principal, action, resource);");
    assert!(slot.text.contains("slot"), "{slot}");
    let locked: Vec<String> =
        remarks("forbid (principal, action, resource);").iter().map(ToString::to_string).collect();
    assert!(locked.iter().any(|text| text.contains("nothing can read anything")), "{locked:?}");
    let careless = only("@foreign(\"allowed\") permit (principal, action, resource);");
    assert_eq!(careless.kind, RemarkKind::Doubtful);
    assert!(remarks("").is_empty());
}

#[test]
fn a_rule_that_cannot_be_worked_out_allows_nothing() {
    let rule =
        "@id(\"typo\") forbid (principal, action == Action::\"mail.send\", resource) when { context.args.too == 1 };";
    let failure = Engine::new(&texts(rule, ""), &catalog()).unwrap().decide(&to_ada()).unwrap_err();
    assert!(failure.to_string().contains("typo (yours, own.cedar)"), "{failure}");
    assert_eq!(verdict(rule, &facts("files.read")), Verdict::Allow, "what it is not about goes on");
}

#[test]
fn rules_that_cannot_be_read_are_no_engine() {
    let broken = Engine::new(&texts("nonsense", "permit("), &catalog()).unwrap_err();
    assert_eq!(broken.len(), 2, "{broken:?}");
    let unknown = Engine::new(&PolicyTexts::default(), &Catalog::default()).unwrap().decide(&facts("files.read"));
    assert!(matches!(unknown, Err(Failure { .. })));
}

proptest! {
    /// Whatever a call says of itself, with the shipped rules nothing leaves and nothing is governed without a yes.
    #[test]
    fn nothing_leaves_without_a_yes(
        agent in proptest::option::of(".{0,12}"),
        workspace in ".{0,20}",
        text in ".{0,40}",
        unmet in proptest::collection::btree_set("[a-z]{1,6}", 0..3),
        from in proptest::collection::btree_set(".{0,12}", 0..3),
        now in 0..4_000_000_000_000_i64,
    ) {
        let arguments = json!({ "to": [text], "body": text, "when": { "words": text } }).as_object().unwrap().clone();
        for tool in ["mail.send", "services.stop"] {
            let facts = CallFacts {
                agent: agent.clone(), workspace: workspace.clone(), unmet: unmet.clone(), from: from.clone(),
                arguments: if tool == "mail.send" { arguments.clone() } else { serde_json::Map::new() },
                now: Timestamp(now), ..facts(tool)
            };
            prop_assert_eq!(decide(&PolicyTexts::default(), &facts).verdict, Verdict::Ask);
            // And the narrowest rule for it is a rule.
            prop_assert!(Engine::new(&texts(&allowing(&facts, None), ""), &catalog()).is_ok());
        }
    }
}

// ---- rules that are broken, huge or hostile

/// Every way to make a rule deep.
const DEEP: [(&str, &str); 10] = [
    ("(", ")"),
    ("[", "]"),
    ("{a: ", "}"),
    ("!", ""),
    ("-", ""),
    ("1 + ", ""),
    ("true && ", ""),
    ("true || ", ""),
    ("if true then true else ", ""),
    ("context.", ""),
];

fn deep(open: &str, close: &str, times: usize) -> String {
    format!(
        "@id(\"deep\") forbid (principal, action, resource) when {{ {}1{} }};",
        open.repeat(times),
        close.repeat(times)
    )
}

#[test]
fn a_rule_may_be_as_deep_as_it_likes_and_brings_nothing_down() {
    for (open, close) in DEEP {
        for times in [2, 30, 60, 480, 1_000, 20_000] {
            let start = std::time::Instant::now();
            let text = deep(open, close, times);
            match Engine::new(&texts(&text, ""), &catalog()) {
                Err(broken) => assert!(broken[0].to_string().starts_with("own.cedar (yours): "), "{broken:?}"),
                // It holds, or it cannot be worked out: then what it is about is not allowed.
                Ok(engine) => {
                    let decision = engine.decide(&facts("files.read"));
                    assert!(
                        decision.map_or(true, |decision| decision.verdict != Verdict::Allow) || open == "context.",
                        "{open} {times}"
                    );
                }
            }
            let _ = check(&texts(&text, ""), &catalog());
            assert!(start.elapsed().as_secs() < 20, "{open} {times}: {:?}", start.elapsed());
        }
    }
    let broken = Engine::new(&texts(&deep("(", ")", 1_000), ""), &catalog()).unwrap_err();
    assert!(broken[0].reason.contains("RULE_DEPTH"), "{broken:?}");
}

#[test]
fn a_long_list_and_ten_thousand_rules_are_read_and_asked() {
    let names: Vec<String> = (0..8_000).map(|number| format!("\"{number}@x.example\"")).collect();
    let list = format!(
        "@id(\"list\") forbid (principal, action, resource) when {{ context.recipients.containsAny([{}]) }};",
        names.join(", ")
    );
    assert_eq!(verdict(&list, &to_ada()), Verdict::Ask);
    let known = CallFacts { recipients: BTreeSet::from(["7999@x.example".into()]), ..to_ada() };
    assert_eq!(verdict(&list, &known), Verdict::Forbid);
    let rules: String = (0..10_000)
        .map(|number| format!("@id(\"r{number}\") forbid (principal, action == Action::\"files.read\", resource) when {{ context.workspace == \"/{number}\" }};\n"))
        .collect();
    let start = std::time::Instant::now();
    let engine = Engine::new(&texts(&rules, ""), &catalog()).unwrap();
    let made = start.elapsed();
    assert_eq!(engine.decide(&facts("files.read")).unwrap().verdict, Verdict::Allow);
    let there = CallFacts { workspace: "/9999".into(), ..facts("files.read") };
    assert_eq!(names_of(&engine.decide(&there).unwrap()), ["r9999"]);
    let asked = start.elapsed() - made;
    assert!(made.as_secs() < 60 && asked.as_secs() < 10, "{made:?} {asked:?}");
}

fn names_of(decision: &Decision) -> Vec<String> {
    names(decision).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_rule_that_overflows_allows_nothing_that_it_is_about() {
    for (rule, holds) in [("forbid", "> 0"), ("permit", "> 0"), ("forbid", "< 0")] {
        let rule = format!(
            "@id(\"sum\") {rule} (principal, action == Action::\"services.stop\", resource) when {{ context.args has count && \
             context.args.count + 9223372036854775807 {holds} }};"
        );
        let engine = Engine::new(&texts(&rule, ""), &catalog()).unwrap();
        let stop = |count: i64| {
            let arguments = json!({ "count": count }).as_object().unwrap().clone();
            engine.decide(&CallFacts { arguments, ..facts("services.stop") })
        };
        let failure = stop(1).unwrap_err();
        assert!(failure.to_string().contains("the rule sum (yours, own.cedar) cannot be worked out"), "{failure}");
        assert!(failure.to_string().contains("overflow") && !failure.next.is_empty(), "{failure}");
        assert!(stop(-1).is_ok());
        assert_eq!(engine.decide(&facts("files.read")).unwrap().verdict, Verdict::Allow);
    }
}

#[test]
fn an_id_that_stands_twice_is_told_and_both_rules_hold() {
    let rules = "@id(\"a\") forbid (principal, action == Action::\"files.read\", resource);\n\
                 @id(\"a\") forbid (principal, action == Action::\"files.write\", resource);\n\
                 @id(\"2\") forbid (principal, action == Action::\"mail.send\", resource);";
    for tool in ["files.read", "files.write", "mail.send"] {
        assert_eq!(verdict(rules, &facts(tool)), Verdict::Forbid, "{tool}");
    }
    let remarks = check(&texts(rules, ""), &catalog());
    let told: Vec<String> =
        remarks.iter().map(ToString::to_string).filter(|text| text.contains("the same id")).collect();
    assert_eq!(told.len(), 1, "{remarks:?}");
    assert!(told[0].starts_with("a (yours, own.cedar): "), "{told:?}");
}

#[test]
fn a_file_that_cannot_be_read_allows_nothing_and_says_why() {
    let unreadable =
        PolicyTexts { administrator: vec![], person: vec![RuleFile::unreadable("own.cedar", "it is a pipe")] };
    let broken = Engine::new(&unreadable, &catalog()).unwrap_err();
    assert_eq!(broken[0].to_string(), "own.cedar (yours): it is a pipe");
    assert_eq!(check(&unreadable, &catalog())[0].kind, RemarkKind::Wrong);
}

fn marked(facts: CallFacts) -> CallFacts {
    CallFacts { from: facts.from.into_iter().chain([SUSPECT.to_owned()]).collect(), ..facts }
}

#[test]
fn what_a_sensor_marked_is_asked_about_before_something_leaves_or_governs() {
    let open = "permit (principal, action, resource);";
    for rules in ["", open, "@foreign(\"allowed\") @disclosing(\"allowed\") permit (principal, action, resource);"] {
        for tool in ["mail.send", "services.stop"] {
            let decision = decide(&texts(rules, ""), &marked(facts(tool)));
            assert_eq!(decision.verdict, Verdict::Ask, "{tool} under {rules}");
            assert!(names(&decision).contains(&"suspect-asks"), "{decision:?}");
            assert_eq!(change_that_allows(&facts(tool), &decision), None, "there is no rule for it");
        }
        for tool in ["files.read", "files.write"] {
            assert_eq!(verdict(rules, &marked(facts(tool))), Verdict::Allow, "what a view holds is looked at later");
        }
    }
    let never = "@id(\"never\") forbid (principal, action, resource) when { context.from.contains(\"suspect\") };";
    assert_eq!(verdict(never, &marked(facts("files.write"))), Verdict::Forbid);
    assert_eq!(verdict(never, &facts("files.write")), Verdict::Allow);
}

/// A rule of any kind, also such that would make a mark allow something.
fn a_rule() -> impl Strategy<Value = String> {
    let action = prop_oneof![
        Just("action"),
        Just("action == Action::\"files.write\""),
        Just("action in [Action::\"emit\", Action::\"govern\"]"),
        Just("action in Action::\"observe\""),
    ];
    let condition = prop_oneof![
        Just(""),
        Just(" when { context.from.contains(\"suspect\") }"),
        Just(" unless { context.from.contains(\"suspect\") }"),
        Just(" when { context.from == [\"mail\", \"suspect\"] }"),
        Just(" unless { context.approved || context.from.containsAny([\"suspect\", \"web\"]) }"),
        Just(" when { context.approved && context.unmet.isEmpty() }"),
    ];
    let annotation = prop_oneof![Just(""), Just("@foreign(\"allowed\") "), Just("@disclosing(\"allowed\") ")];
    (annotation, prop_oneof![Just("permit"), Just("forbid")], action, condition).prop_map(
        |(annotation, effect, action, condition)| {
            format!("{annotation}{effect} (principal, {action}, resource){condition};")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_mark_makes_no_call_laxer_whatever_the_rules_say(
        rules in proptest::collection::vec(a_rule(), 0..4),
        tool in prop_oneof![Just("files.read"), Just("files.write"), Just("mail.send"), Just("services.stop")],
        from in proptest::collection::btree_set(prop_oneof![Just("mail"), Just("web"), Just("person")], 0..3),
        (is_unmet, is_new) in any::<(bool, bool)>(),
    ) {
        let given = |name: &str, is: bool| if is { BTreeSet::from([name.to_owned()]) } else { BTreeSet::new() };
        let facts = CallFacts {
            from: from.into_iter().map(str::to_owned).collect(),
            unmet: given("path", is_unmet),
            new_to: given("eve@x.example", is_new),
            ..facts(tool)
        };
        let engine = Engine::new(&texts(&rules.join("\n"), ""), &catalog()).unwrap();
        let (without, with) = (engine.decide(&facts).unwrap().verdict, engine.decide(&marked(facts)).unwrap().verdict);
        prop_assert!(with >= without, "{without} becomes {with} under {rules:?}");
        prop_assert!(with >= Verdict::Ask || tool.starts_with("files."));
    }
}
