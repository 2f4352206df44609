//! Skills: what of a plan becomes a parameter, and how other values take its place.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::collections::BTreeMap;

use genoa_abi::skill::Skill;
use genoa_plan::{body, filled, parametrise};
use support::catalog;

fn skill(source: &str, intention: &str) -> Skill {
    let (plan, parameters) = parametrise(source, &catalog(), intention);
    let (name, agent) = ("demo".to_owned(), "content".to_owned());
    Skill { name, agent, intention: intention.into(), example: source.into(), plan, parameters }
}

#[test]
fn what_the_intention_says_becomes_a_parameter() {
    let source = "events = calendar.find(about=\"review\", when=\"friday\", people=[\"Ada\"])\nsay(events)\n";
    let skill = skill(source, "Which review do I have with Ada on Friday?");
    assert_eq!(
        skill.plan,
        "about = \"review\"\nwhen = \"friday\"\npeople = \"Ada\"\nevents = calendar.find(about=about, when=when, people=[people])\nsay(events)\n"
    );
    let other = filled(&skill, &BTreeMap::from([("when".to_owned(), "next \"week\"".to_owned())])).unwrap();
    assert!(other.contains("when = \"next \\\"week\\\"\"\n"), "{other}");
    assert!(body(&skill).starts_with("events = "));
    assert!(filled(&skill, &BTreeMap::from([("color".to_owned(), String::new())])).is_err());
}

#[test]
fn what_must_be_written_out_stays() {
    let source = "found = files.find(kind=\"pdf\")\nbig = sorted(found, by=\"bytes\")\nsay(big)\n";
    let skill = skill(source, "Sort every pdf by bytes");
    assert_eq!((skill.plan.as_str(), skill.parameters.len()), (source, 0));
}
