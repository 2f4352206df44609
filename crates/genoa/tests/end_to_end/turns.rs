//! Turns with a real model: who goes before whom, and what a killed worker loses.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use genoa_abi::RequestId;
use genoa_abi::model::{ChatMessage, InferClass, InferReply, InferRequest, InferStage, InferUsage, Role};
use genoa_abi::session::{News, SessionRequest, SystemStatus};
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::tool::{Clock, Person};
use genoa_client::{Client, Incoming};
use genoa_daemon::Home;

use crate::models::{genoa, world};
use crate::processes::{find_below, wait_for};
use crate::world::World;

pub(crate) fn client(world: &World) -> Client {
    let named = |name: &str| match name {
        "GENOA_HOME" => Some(world.home().into()),
        "XDG_CACHE_HOME" => Some(world.cache().into()),
        _ => None,
    };
    let mut client = Client::connect(&Home::resolve(named).unwrap().socket()).unwrap();
    let clock = Clock { now: "2026-11-23T09:00:00+01:00".to_owned(), timezone: "Europe/Oslo".to_owned() };
    let workspace = path(&world.work());
    client.call(&Syscall::Session(SessionRequest { workspace, person: Person::default(), clock })).unwrap();
    client
}

fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn story(seed: u64, class: InferClass, max_tokens: u32) -> Syscall {
    let question = format!("Tell story {seed} about a lighthouse and its keeper, with many turns.");
    Syscall::Infer(InferRequest {
        messages: vec![ChatMessage::new(Role::User, question)],
        max_tokens,
        temperature: 0.9,
        seed,
        class,
        stream: true,
        ..InferRequest::default()
    })
}

pub(crate) fn status(client: &mut Client) -> SystemStatus {
    let Reply::Status(status) = client.call(&Syscall::List {}).unwrap() else { panic!("no status") };
    status
}

/// Takes in what was told until `wanted` answers are there.
fn answers(
    client: &mut Client,
    asked: &[RequestId],
    told: &mut BTreeMap<RequestId, String>,
    wanted: impl Fn(&BTreeMap<RequestId, String>) -> bool,
) -> Option<Vec<InferReply>> {
    let mut replies = Vec::new();
    for id in asked {
        loop {
            if wanted(told) {
                return None;
            }
            match client.next_of(*id).unwrap() {
                Incoming::News(News::Writing { request, text, .. }) => told.entry(request).or_default().push_str(&text),
                Incoming::News(_) => {}
                Incoming::Answer(outcome) => {
                    let Reply::Text(reply) = outcome.unwrap() else { panic!("no text") };
                    replies.push(reply);
                    break;
                }
            }
        }
    }
    Some(replies)
}

#[test]
fn a_person_goes_first_and_a_killed_worker_repeats_and_loses_no_word() {
    let world = world();
    assert!(genoa(&world, &["status"]).status().unwrap().success());
    let mut background = client(&world);
    let asked: Vec<RequestId> =
        (1..=3).map(|seed| background.start(&story(seed, InferClass::Background, 160)).unwrap()).collect();
    let mut told = BTreeMap::new();
    answers(&mut background, &asked, &mut told, |told| told.len() == 3);

    // A person comes: the others stand still, and go on when the person has an answer.
    let mut person = client(&world);
    let first = person.start(&story(9, InferClass::Interactive, 24)).unwrap();
    let stages = |stage| {
        let calls = status(&mut client(&world)).model_calls;
        calls.iter().filter(|call| call.stage == stage).count()
    };
    wait_for("three calls that stand still", || (stages(InferStage::Paused) == 3).then_some(()));
    let top = String::from_utf8(genoa(&world, &["model", "top", "--once"]).output().unwrap().stdout).unwrap();
    assert!(top.contains("background") && top.contains("smollm2-135m"), "{top}");
    let replies = answers(&mut person, &[first], &mut BTreeMap::new(), |_| false).unwrap();
    assert!(replies[0].usage.written_tokens > 0 && replies[0].usage.cpu_ms > 0, "{:?}", replies[0].usage);

    // The worker is killed while they write.
    let before: usize = told.values().map(String::len).sum();
    answers(&mut background, &asked, &mut told, |told| told.values().map(String::len).sum::<usize>() > before + 60);
    let worker = find_below(world.daemon().unwrap(), "model-worker").unwrap();
    assert!(Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    let replies = answers(&mut background, &asked, &mut told, |_| false).unwrap();
    for (id, reply) in asked.iter().zip(&replies) {
        assert_eq!(told[id], reply.text, "what was told is what was written, once");
        assert!(reply.usage.written_tokens >= 100 || reply.text.len() > 100, "{reply:?}");
    }
    assert_eq!(stages(InferStage::Paused) + stages(InferStage::Running), 0);
    let used = replies.iter().fold(InferUsage::default(), |all, reply| all.plus(&reply.usage));
    let Reply::Grants(grants) = background.call(&Syscall::Grants {}).unwrap() else { panic!("no grants") };
    assert!(grants.iter().any(|grant| grant.thought == used), "the session's grant keeps account");
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}
