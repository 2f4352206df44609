//! Limits of a day of a provider, against a second server on this machine: a gateway of another home, with a daemon and a model of
//! its own behind it.

use std::process::Command;

use genoa_abi::model::{ChatMessage, InferReply, InferRequest, Role};
use genoa_abi::provider::ProviderUse;
use genoa_abi::syscall::{Reply, Syscall};
use genoa_abi::{ErrorCode, Failure};

use crate::far::Far;
use crate::lab::{self, Lab};
use crate::processes::{find_below, wait_for};
use crate::turns::{client, status};
use crate::world::World;

fn used(world: &World) -> ProviderUse {
    world.ok(&["status"]);
    status(&mut client(world)).providers.into_iter().next().unwrap()
}

pub(crate) fn hello(max_tokens: u32) -> InferRequest {
    InferRequest {
        messages: vec![ChatMessage::new(Role::User, "Say hello to everybody here.")],
        max_tokens,
        ..InferRequest::default()
    }
}

pub(crate) fn infer(world: &World, request: InferRequest) -> Result<InferReply, Failure> {
    // It starts the daemon, and tells it of another configuration.
    world.ok(&["status"]);
    match client(world).call(&Syscall::Infer(request))? {
        Reply::Text(reply) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_of_a_day_stops_before_the_call_and_outlives_the_daemon() {
    let far = Far::new("tokens_per_day = 600\n");
    let (mut tokens, mut calls) = (0, 0);
    let refused = loop {
        match infer(&far.near, hello(12)) {
            Ok(reply) => {
                assert_eq!(reply.model, "far/smollm2-135m");
                assert!(reply.usage.prompt_tokens > 0, "{reply:?}");
                tokens += u64::from(reply.usage.prompt_tokens + reply.usage.written_tokens);
                calls += 1;
            }
            Err(failure) => break failure,
        }
        assert!(calls < 50, "nothing stops it");
    };
    assert!(calls >= 2 && tokens <= 600, "{calls} calls, {tokens} tokens");
    assert_eq!(far.arrived(), calls, "what was refused was not sent");
    assert_eq!(refused.code, ErrorCode::BudgetSpent);
    let said = refused.to_string();
    assert!(
        said.starts_with("far/smollm2-135m is not asked: its limit of a day could be passed: of 600 tokens"),
        "{said}"
    );
    assert!(said.contains("Wait 2") && said.contains("raise `tokens_per_day` of [providers.far]"), "{said}");

    // What was used is what the other server said, also after a crash.
    let told = used(&far.near);
    assert_eq!((told.tokens, told.tokens_set_aside, told.tokens_per_day), (tokens, 0, Some(600)));
    far.near.kill_daemon();
    assert!(far.near.ok(&["status"]).contains(&format!("far {tokens} of 600 tokens")));
    assert_eq!(infer(&far.near, hello(12)).unwrap_err().code, ErrorCode::BudgetSpent);
    assert_eq!(far.arrived(), calls);

    // A person who raises it goes on at once; prices make tokens into money.
    far.state("tokens_per_day = 5000\nspend_per_day = 0.002\nprice_in = 0.5\nprice_out = 2\n");
    infer(&far.near, hello(12)).unwrap();
    let told = used(&far.near);
    assert!(told.tokens > tokens && told.spent > 0 && told.spend_per_day == Some(2_000), "{told:?}");
    let refused = infer(&far.near, hello(1_000)).unwrap_err().to_string();
    assert!(refused.contains("of 0.002 within 24 hours") && refused.contains("`spend_per_day`"), "{refused}");
    assert_eq!(far.arrived(), calls + 1);
}

#[test]
fn a_call_whose_fate_is_unknown_counts_as_the_most_that_it_could_have_been_and_is_not_repeated() {
    let far = Far::new("tokens_per_day = 4000\n");
    let long = || InferRequest { temperature: 1.0, ..hello(1_000) };
    // The worker dies while the other server writes.
    far.near.ok(&["status"]);
    let mut person = client(&far.near);
    let call = person.start(&Syscall::Infer(long())).unwrap();
    wait_for("a call at the other server", || (far.arrived() == 1).then_some(()));
    let aside = used(&far.near).tokens_set_aside;
    assert!(aside > 1_000 && aside < 1_500, "{aside}");
    let worker = find_below(far.near.daemon().unwrap(), "model-worker").unwrap();
    assert!(Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    let failure = loop {
        if let genoa_client::Incoming::Answer(outcome) = person.next_of(call).unwrap() {
            break outcome.unwrap_err();
        }
    };
    assert!(
        failure.code == ErrorCode::Interrupted && failure.to_string().contains("may have been counted"),
        "{failure}"
    );
    assert_eq!((used(&far.near).tokens, used(&far.near).tokens_set_aside), (aside, 0));
    // The daemon dies while it writes.
    let mut person = client(&far.near);
    person.start(&Syscall::Infer(long())).unwrap();
    wait_for("another call at the other server", || (far.arrived() == 2).then_some(()));
    far.near.kill_daemon();
    far.near.ok(&["status"]);
    assert_eq!((used(&far.near).tokens, used(&far.near).tokens_set_aside), (2 * aside, 0));
    assert_eq!(far.arrived(), 2, "nothing was sent again");
    infer(&far.near, hello(8)).unwrap();
}

#[test]
fn what_an_endpoint_would_not_have_costs_nothing_and_what_it_may_have_done_is_not_asked_for_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::new();
    world.configure(&format!("[providers.far]\nurl = \"http://{free}/v1\"\ntokens_per_day = 1000\n"));
    world.ok(&["model", "use", "far/any", "--yes"]);
    let down = infer(&world, hello(8)).unwrap_err().to_string();
    assert!(down.contains("the endpoint far does not answer"), "{down}");
    assert_eq!(used(&world).tokens, 0, "nobody was there");
    let answers = ["401 Unauthorized", "429 Too Many Requests", "429 Too Many Requests", "500 Internal Server Error"];
    let lab = Lab::new(move |number, stream| match answers.get(number) {
        Some(status) => lab::refuse(stream, status, "Retry-After: 0\r\n", "no"),
        None => lab::answer(stream, "hello"),
    });
    world.configure(&format!("[model]\nname = \"lab/any\"\n{}", lab.section("tokens_per_day = 1000\n")));
    let refused = infer(&world, hello(8)).unwrap_err().to_string();
    assert!(refused.contains("401") && used(&world).tokens == 0, "{refused}");
    let failed = infer(&world, hello(8)).unwrap_err().to_string();
    assert!(failed.contains("500"), "{failed}");
    assert_eq!(lab.asked().len(), 4, "it would not have it twice, then it broke, and that is the end");
    let most = used(&world).tokens;
    assert!(most > 256, "{most}");
    // This endpoint says nothing of what it used.
    assert_eq!(infer(&world, hello(8)).unwrap().text, "hello");
    assert_eq!(used(&world).tokens, 2 * most);
}
