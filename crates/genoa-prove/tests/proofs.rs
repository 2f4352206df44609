//! What is proved and what is not, with a real solver. Where there is none, that is said.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::Write;

use genoa_abi::Timestamp;
use genoa_abi::policy::{PolicyTexts, RuleFile, Verdict};
use genoa_abi::schema::{Catalog, EffectClass, Executor, Needs, Parameter, ToolSchema, Type, Yields};
use genoa_policy::{Claim, ClaimKind, Example, Finding, FindingKind, Proof, ProofQuestion, ProofReport, Wanted};
use genoa_prove::prove;

fn tool(name: &str, effect: EffectClass, parameters: &[(&str, &str)]) -> ToolSchema {
    let parameter = |(name, ty): &(&str, &str)| Parameter::new(name, ty.parse::<Type>().unwrap(), false, "");
    ToolSchema {
        name: name.into(),
        about: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        returns: Type::None,
        yields: Yields::default(),
        effect,
        executor: if name.contains('.') { Executor::Jail } else { Executor::Model },
        needs: Needs::default(),
        phrase: String::new(),
        asked_by: vec![],
        ruled_out_by: vec![],
        undone_by: None,
        at_once: false,
    }
}

fn catalog() -> Catalog {
    let mut send = tool("mail.send", EffectClass::Emit, &[("to", "list[Contact]"), ("body", "str?")]);
    send.parameters[1].shown_to = vec!["to".into()];
    Catalog::new(
        [
            tool("files.read", EffectClass::Observe, &[("path", "path"), ("as", "\"text\" | \"bytes\"")]),
            tool("files.write", EffectClass::Change, &[("path", "path"), ("text", "any")]),
            tool("clock.read", EffectClass::Observe, &[]),
            send,
            tool("services.stop", EffectClass::Govern, &[("count", "int"), ("hard", "bool")]),
            tool("extract", EffectClass::Observe, &[]),
        ],
        [],
    )
}

/// The solver, where it is.
fn solver() -> Option<String> {
    let found =
        std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("cvc5")).find(|path| path.is_file());
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: cvc5 is not here, and nothing can be proved without");
    }
    Some(found?.to_str().unwrap().to_owned())
}

/// What comes of a question about these rules of a person; nothing where there is no solver.
fn asked(rules: &str, wanted: Wanted) -> Option<ProofReport> {
    let question = ProofQuestion {
        texts: PolicyTexts { administrator: vec![], person: vec![RuleFile::new("own.cedar", rules)] },
        catalog: catalog(),
        agents: vec!["communication".into(), "content".into()],
        workspace: "/home/ada/work".into(),
        now: Timestamp(1_795_700_000_000),
        wanted,
        solver: solver()?,
        limit_ms: 120_000,
    };
    let report = prove(&question).unwrap();
    let unknown = report.claims.iter().find(|claim| matches!(claim.result, Proof::Unknown { .. }));
    assert_eq!(unknown, None, "{rules}");
    Some(report)
}

fn claim(report: &ProofReport, what: ClaimKind) -> &Claim {
    report.claims.iter().find(|claim| claim.what == what).unwrap()
}

/// The tools and the call with which a claim is refuted.
fn refuted(report: &ProofReport, what: ClaimKind) -> (Vec<&str>, &Example) {
    match &claim(report, what).result {
        Proof::Refuted { tools, example } => (tools.iter().map(String::as_str).collect(), example.as_ref().unwrap()),
        other => panic!("{what:?}: {other:?}"),
    }
}

fn verdict(example: &Example) -> Verdict {
    example.now.as_ref().unwrap().verdict
}

fn then(example: &Example) -> Verdict {
    example.then.as_ref().unwrap().as_ref().unwrap().verdict
}

fn found(report: &ProofReport) -> Vec<(FindingKind, &str)> {
    report.findings.iter().map(|finding| (finding.what, finding.rule.id.as_str())).collect()
}

#[test]
fn the_shipped_rules_are_sound() {
    let Some(report) = asked("", Wanted::Sound) else { return };
    assert!(report.is_proved() && report.claims.len() == 3, "{report:?}");
    assert_eq!(report.findings, []);
}

#[test]
fn no_permit_takes_the_question_away_from_what_changes_authority() {
    let open = "@foreign(\"allowed\") @disclosing(\"allowed\") permit (principal, action, resource);";
    let Some(report) = asked(open, Wanted::Sound) else { return };
    assert_eq!(claim(&report, ClaimKind::AuthorityIsAsked).result, Proof::Proved);
}

#[test]
fn a_rule_that_can_fail_is_found_with_a_call_on_which_it_does() {
    let rule = "@id(\"sum\") forbid (principal, action == Action::\"services.stop\", resource) when { context.args has count \
                && context.args.count + 9223372036854775807 > 0 };";
    let Some(report) = asked(rule, Wanted::Sound) else { return };
    let (tools, example) = refuted(&report, ClaimKind::NothingFails);
    assert_eq!((tools, report.claims.len()), (vec!["services.stop"], 1), "nothing else is known then");
    assert_eq!(report.claims[0].rule.as_ref().unwrap().id, "sum");
    assert!(
        example.now.as_ref().unwrap_err().contains("the rule sum (yours, own.cedar) cannot be worked out"),
        "{example:?}"
    );
}

#[test]
fn a_tool_that_is_shut_is_named_with_the_rule_that_shuts_it() {
    let rules = "@id(\"no-mail\") forbid (principal, action in Action::\"mail\", resource);\n\
                 @id(\"not-for-agents\") forbid (principal is Agent, action == Action::\"files.read\", resource);\n\
                 @id(\"not-there\") forbid (principal, action == Action::\"files.write\", resource) when { context.workspace like \"/etc*\" };";
    let Some(report) = asked(rules, Wanted::Sound) else { return };
    let (tools, example) = refuted(&report, ClaimKind::NothingIsShut);
    assert_eq!(tools, ["mail.send"]);
    let decision = example.now.as_ref().unwrap();
    assert_eq!((decision.verdict, decision.rules[0].id.as_str()), (Verdict::Forbid, "no-mail"));
}

#[test]
fn rules_that_decide_nothing_are_found_and_can_all_be_taken_out_together() {
    let rules = "@id(\"ada\") permit (principal == Agent::\"content\", action == Action::\"mail.send\", resource)\n\
                 when { [\"ada@x.example\"].containsAll(context.recipients) };\n\
                 @id(\"ada-again\") permit (principal == Agent::\"content\", action == Action::\"mail.send\", resource)\n\
                 when { [\"ada@x.example\", \"ada@x.example\"].containsAll(context.recipients) };\n\
                 @id(\"over\") permit (principal, action == Action::\"mail.send\", resource) when { context.now < datetime(\"2020-01-01\") };\n\
                 @id(\"shipped-too\") permit (principal, action == Action::\"files.read\", resource);\n\
                 @id(\"readers\") forbid (principal, action == Action::\"files.read\", resource) when { context.new_to.contains(\"eve@x.example\") };\n\
                 @id(\"others\") permit (principal, action == Action::\"mail.send\", resource) when { context.unmet.contains(\"subject\") };";
    let Some(report) = asked(rules, Wanted::Sound) else { return };
    use FindingKind::{DecidesNothing, MatchesNothing};
    let all = [
        (MatchesNothing, "others"),
        (MatchesNothing, "readers"),
        (DecidesNothing, "shipped-too"),
        (MatchesNothing, "over"),
        (DecidesNothing, "ada-again"),
    ];
    assert_eq!(found(&report), all);
    let others = |number: usize| report.findings[number].others.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>();
    assert_eq!((others(2), others(4)), (vec!["own-words"], vec!["ada"]));
    assert!(report.is_proved(), "{report:?}");
}

#[test]
fn a_permit_that_another_rule_takes_back_is_told_and_an_exception_is_not() {
    let rules = "@id(\"mail\") permit (principal, action == Action::\"mail.send\", resource);\n\
                 @id(\"not-eve\") forbid (principal, action == Action::\"mail.send\", resource)\n\
                 when { context.recipients.contains(\"eve@x.example\") } unless { context.approved };\n\
                 @id(\"eve\") permit (principal == Person::\"you\", action == Action::\"mail.send\", resource)\n\
                 when { context.recipients == [\"eve@x.example\"] };\n\
                 @id(\"web\") forbid (principal, action == Action::\"files.write\", resource) when { context.from.contains(\"web\") };\n\
                 @id(\"notes\") @foreign(\"allowed\") permit (principal, action == Action::\"files.write\", resource)\n\
                 when { context.args has path && context.args.path like \"Notes/*\" };";
    let Some(report) = asked(rules, Wanted::Sound) else { return };
    use FindingKind::{Contradicted, Overruled};
    assert_eq!(found(&report), [(Overruled, "eve"), (Contradicted, "notes")]);
    let show = |finding: &Finding| (finding.others[0].id.clone(), finding.example.clone().unwrap());
    let ((by, call), (against, write)) = (show(&report.findings[0]), show(&report.findings[1]));
    assert_eq!((by.as_str(), verdict(&call)), ("not-eve", Verdict::Ask));
    assert!(call.facts.agent.is_none() && call.facts.recipients.contains("eve@x.example"), "{call:?}");
    assert_eq!((against.as_str(), verdict(&write)), ("web", Verdict::Forbid));
    assert!(
        write.facts.from.contains("web") && write.facts.arguments["path"].as_str().unwrap().starts_with("Notes/"),
        "{write:?}"
    );
}

#[test]
fn what_a_file_opens_is_shown_by_a_call() {
    let ada = "@id(\"ada\") permit (principal == Agent::\"content\", action == Action::\"mail.send\", resource == Workspace::\"/home/ada/work\")\n\
               when { [\"ada@x.example\"].containsAll(context.recipients) };";
    let wider = ada.replace("[\"ada@x.example\"]", "[\"ada@x.example\", \"ben@x.example\"]");
    let change = |rules: &str, file: &str| asked(rules, Wanted::Change(RuleFile::new("own.cedar", file)));
    let Some(report) = change(ada, &wider) else { return };
    let (tools, example) = refuted(&report, ClaimKind::NothingMoreUnasked);
    assert_eq!((tools, verdict(example), then(example)), (vec!["mail.send"], Verdict::Ask, Verdict::Allow));
    assert_eq!((example.facts.agent.as_deref(), example.facts.workspace.as_str()), (Some("content"), "/home/ada/work"));
    assert!(example.facts.recipients.contains("ben@x.example"), "{example:?}");
    for kind in [ClaimKind::NothingMoreAtAll, ClaimKind::NothingLessUnasked, ClaimKind::NothingLessAtAll] {
        assert_eq!(claim(&report, kind).result, Proof::Proved);
    }
    // The other way round it only takes away.
    let report = change(&wider, ada).unwrap();
    assert_eq!(claim(&report, ClaimKind::NothingMoreUnasked).result, Proof::Proved);
    let (_, example) = refuted(&report, ClaimKind::NothingLessUnasked);
    assert_eq!((verdict(example), then(example)), (Verdict::Allow, Verdict::Ask));
    // Written otherwise it is the same.
    let same = format!("{}\n{}", ada.replace("[\"ada@x.example\"]", "[\"ben@x.example\"]"), wider);
    assert!(change(&wider, &same).unwrap().is_proved());
}

#[test]
fn a_permit_opens_a_sink_only_if_it_says_so() {
    let open = "permit (principal, action == Action::\"mail.send\", resource);";
    let change = |rules: &str, file: &str| asked(rules, Wanted::Change(RuleFile::new("own.cedar", file)));
    for (annotation, unmet, new) in [("@foreign(\"allowed\")", true, false), ("@disclosing(\"allowed\")", false, true)]
    {
        let Some(report) = change(open, &format!("{annotation} {open}")) else { return };
        let (_, example) = refuted(&report, ClaimKind::NothingMoreUnasked);
        assert_eq!((verdict(example), then(example)), (Verdict::Ask, Verdict::Allow));
        assert_eq!((!example.facts.unmet.is_empty(), !example.facts.new_to.is_empty()), (unmet, new), "{example:?}");
        // Who cannot be one of the readers, or what no parameter is, stands in no example.
        assert!(example.facts.new_to.is_subset(&example.facts.recipients), "{example:?}");
        assert!(example.facts.unmet.iter().all(|name| ["to", "body"].contains(&name.as_str())), "{example:?}");
    }
}

#[test]
fn what_a_question_opens_is_not_allowed_and_not_refused() {
    let shut = "forbid (principal, action == Action::\"mail.send\", resource);";
    let asks = "forbid (principal, action == Action::\"mail.send\", resource) unless { context.approved };";
    let change = |rules: &str, file: &str| asked(rules, Wanted::Change(RuleFile::new("own.cedar", file)));
    let Some(report) = change(shut, asks) else { return };
    assert_eq!(claim(&report, ClaimKind::NothingMoreUnasked).result, Proof::Proved);
    let (_, example) = refuted(&report, ClaimKind::NothingMoreAtAll);
    assert_eq!((verdict(example), then(example)), (Verdict::Forbid, Verdict::Ask));
    // A rule may forbid what was said yes to, and only that: then it is allowed as long as nobody is asked.
    let odd = "permit (principal, action == Action::\"mail.send\", resource) unless { context.approved };\n\
               forbid (principal, action == Action::\"mail.send\", resource) when { context == context && context.approved };";
    let report = change(shut, odd).unwrap();
    let (_, example) = refuted(&report, ClaimKind::NothingMoreUnasked);
    assert_eq!((verdict(example), then(example)), (Verdict::Forbid, Verdict::Allow));
}

#[test]
fn what_must_never_be_is_proved_or_shown() {
    let rules = "@id(\"no-web\") forbid (principal, action in Action::\"emit\", resource) when { context.from.contains(\"web\") };";
    let never = "@id(\"agents-web\") forbid (principal is Agent, action == Action::\"mail.send\", resource) when { context.from.contains(\"web\") };\n\
                 @id(\"eve\") forbid (principal, action == Action::\"mail.send\", resource) when { context.recipients.contains(\"eve@x.example\") };\n\
                 @id(\"nobody\") forbid (principal, action == Action::\"mail.send\", resource) when { context.args has body && context.args.body == \"a\" && context.args.body == \"b\" };";
    let file = RuleFile::new("never.cedar", never);
    let Some(report) = asked(rules, Wanted::Refused(file.clone())) else { return };
    let results: Vec<(&str, &Proof)> =
        report.claims.iter().map(|claim| (claim.rule.as_ref().unwrap().id.as_str(), &claim.result)).collect();
    assert_eq!((results[0], results[2]), (("agents-web", &Proof::Proved), ("nobody", &Proof::Empty)));
    let Proof::Refuted { example: Some(example), .. } = results[1].1 else { panic!("{results:?}") };
    assert!(example.facts.recipients.contains("eve@x.example") && verdict(example) == Verdict::Ask, "{example:?}");
    // Asked about it is in any case: there is no permit.
    let report = asked(rules, Wanted::RefusedOrAsked(file)).unwrap();
    assert_eq!(report.claims[1].result, Proof::Proved);
    // A permit in such a file says which calls are meant, those with others' words among them.
    let meant = RuleFile::new(
        "never.cedar",
        "permit (principal, action == Action::\"files.read\", resource) when { context.unmet.contains(\"path\") };",
    );
    assert_eq!(asked("", Wanted::RefusedOrAsked(meant.clone())).unwrap().claims[0].result, Proof::Proved);
    let open = "@foreign(\"allowed\") permit (principal, action == Action::\"files.read\", resource);";
    assert!(matches!(asked(open, Wanted::RefusedOrAsked(meant)).unwrap().claims[0].result, Proof::Refuted { .. }));
}

#[test]
fn what_no_call_can_be_is_not_looked_at() {
    // Another person, words that the argument cannot be, a folder that is and is not.
    let never = "@id(\"1\") forbid (principal == Person::\"eve\", action, resource);\n\
                 @id(\"2\") forbid (principal, action == Action::\"files.read\", resource) when { context.args has as && context.args.as == \"picture\" };\n\
                 @id(\"3\") forbid (principal, action, resource == Workspace::\"/a\") when { context.workspace != \"/a\" };\n\
                 @id(\"4\") forbid (principal, action == Action::\"clock.read\", resource) unless { context.unmet.isEmpty() };\n\
                 @id(\"5\") forbid (principal, action == Action::\"files.read\", resource) unless { context.recipients.isEmpty() };\n\
                 @id(\"6\") forbid (principal, action, resource) when { context.now < datetime(\"2026-01-01\") };";
    let Some(report) = asked("", Wanted::Refused(RuleFile::new("never.cedar", never))) else { return };
    assert!(report.claims.len() == 6 && report.claims.iter().all(|claim| claim.result == Proof::Empty), "{report:?}");
}

#[test]
fn rules_with_something_wrong_and_a_solver_that_is_none_are_failures() {
    let question = |rules: &str, solver: &str| ProofQuestion {
        texts: PolicyTexts { administrator: vec![], person: vec![RuleFile::new("own.cedar", rules)] },
        catalog: catalog(),
        agents: vec![],
        workspace: "/".into(),
        now: Timestamp(0),
        wanted: Wanted::Sound,
        solver: solver.into(),
        limit_ms: 20_000,
    };
    let failure =
        prove(&question("permit (principal, action == Action::\"mail.sent\", resource);", "cvc5")).unwrap_err();
    assert!(failure.why.contains("mail.sent"), "{failure}");
    let needs_one =
        "permit (principal, action == Action::\"mail.send\", resource) when { context.workspace like \"/home/*\" };";
    let failure = prove(&question(needs_one, "/no/such/solver")).unwrap_err();
    assert!(failure.what.contains("cannot start the solver /no/such/solver"), "{failure}");
    // One that says something else, or nothing and ends, proves nothing.
    for program in ["/bin/false", "/bin/cat"] {
        let wanted = Wanted::Refused(RuleFile::new("never.cedar", needs_one));
        let report = prove(&ProofQuestion { wanted, ..question(needs_one, program) }).unwrap();
        assert!(!report.is_proved(), "{program}: {report:?}");
    }
}
