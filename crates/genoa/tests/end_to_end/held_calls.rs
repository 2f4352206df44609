//! Calls that leave the machine, at the real daemon: a server's and a program's, held, taken back, and carried out once.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use genoa_abi::session::{Answer, News, OutboxItem, OutboxState, QuestionKind, SystemStatus};
use genoa_abi::syscall::{Offer, Reply, Syscall, UndoSubject};
use genoa_abi::{ErrorCode, schema::EffectClass};

use crate::mcp::{has_python, section};
use crate::programs::{client, tool};
use crate::world::World;

const POST: &str = "said = board.post(text=\"Hello\")\nsay(said)\n";
const EMITS: &str =
    "[mcp.board.tool.post]\neffect = \"emit\"\nundone_by = { tool = \"erase\", arguments = { what = \"result\" } }";
/// Longer than a command takes on a machine that is busy.
const WINDOW_S: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// A world with a board on which a server posts, after so many seconds.
fn board(mood: &str, window_s: u64) -> World {
    let world = World::new();
    world.configure(&format!("[outbox]\nundo_window_s = {window_s}\n{}", section("board", mood, EMITS)));
    world
}

fn outbox(world: &World) -> Vec<OutboxItem> {
    let status: SystemStatus = serde_json::from_str(&world.ok(&["--json", "status"])).unwrap();
    status.outbox
}

/// Waits until what was put into the outbox last has this state.
fn until(world: &World, state: OutboxState) {
    let began = Instant::now();
    while outbox(world).last().map(|item| item.state) != Some(state) {
        assert!(began.elapsed() < PATIENCE, "it never is {state:?}: {:?}", outbox(world));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What stands on the board, once what waits in the view is in the folder.
fn posts(world: &World) -> Vec<String> {
    if world.ok(&["diff"]).contains("board.txt") {
        world.ok(&["commit"]);
    }
    world.read("board.txt").unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Takes something back, and says yes to what is asked about it.
fn undo_with_yes(world: &World, subject: &str) -> String {
    let mut child = world.command(&["undo", subject]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_servers_call_is_held_can_be_taken_back_and_reaches_it_once() {
    if !has_python() {
        return;
    }
    let world = board("board", WINDOW_S);
    let asked = world.plan(POST, 4);
    assert!(asked.contains("It is held for 5 s, in which `genoa undo` takes it back"), "{asked}");
    world.ok(&["approve"]);
    let listed = world.ok(&["status"]);
    assert!(listed.contains("o1 held: board.post text: Hello"), "{listed}");
    assert_eq!(world.ok(&["undo", "o1"]).trim(), "Taken back.");
    let told = world.ok(&["status"]);
    assert!(told.contains("o1 withdrawn: board.post"), "{told}");
    // The next one is let go.
    world.plan(POST, 4);
    world.ok(&["approve"]);
    until(&world, OutboxState::Sent);
    let call = outbox(&world)[1].call().cloned().unwrap();
    assert_eq!(posts(&world), [format!("{} Hello", call.key)], "one call reached the server, under its key");
    assert!(call.key.starts_with("r2.1-"), "{}", call.key);
    assert!(world.ends(&["undo", "o1"], 1).contains("the call o1 can no longer be taken back"));
    // Taking back what left is a call of its own, which is asked about, also long after who made it is gone.
    let undoing = world.ends(&["undo", "o2"], 3);
    assert!(undoing.contains("Erases a post?") && undoing.contains("It changes the view"), "{undoing}");
    assert_eq!(undo_with_yes(&world, "o2").trim(), "Taken back.");
    assert!(world.ends(&["undo", "o2"], 1).contains("the call o2 can no longer be taken back"));
    let rule = world.home().with_file_name("posts.cedar");
    std::fs::write(&rule, "permit (principal, action == Action::\"board.post\", resource);").unwrap();
    let simulated = world.ok(&["policy", "simulate", rule.to_str().unwrap()]);
    assert!(simulated.contains("4 calls of the last 30 days: 2 would be decided otherwise"), "{simulated}");
    let why = world.ok(&["why", "o2"]);
    assert!(why.contains("o2, a call of `board.post` under the key") && why.contains("you said yes to"), "{why}");
    assert!(world.ok(&["why", "o1"]).contains("it was not begun"));
    assert!(world.ok(&["replay", "r2"]).contains("the kernel comes to the same"));
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

#[test]
fn a_call_that_is_only_held_survives_a_crash_and_waits_a_whole_window_again() {
    if !has_python() {
        return;
    }
    let world = board("board", WINDOW_S);
    world.plan(POST, 4);
    world.ok(&["approve"]);
    world.kill_daemon();
    std::thread::sleep(Duration::from_secs(WINDOW_S));
    let began = Instant::now();
    assert!(world.ok(&["status"]).contains("o1 held"), "whoever comes back can take it back");
    until(&world, OutboxState::Sent);
    assert!(began.elapsed() >= Duration::from_secs(WINDOW_S) - Duration::from_millis(500));
    assert_eq!(posts(&world).len(), 1);
    world.kill_daemon();
    std::thread::sleep(Duration::from_millis(200));
    world.ok(&["status"]);
    assert_eq!(posts(&world).len(), 1);
}

#[test]
fn a_call_that_had_reached_its_server_when_everything_stopped_is_not_made_again() {
    if !has_python() {
        return;
    }
    let world = board("slow-board", 1);
    world.plan(POST, 4);
    world.ok(&["approve"]);
    until(&world, OutboxState::Leaving);
    let began = Instant::now();
    while !world.ok(&["diff"]).contains("board.txt") {
        assert!(began.elapsed() < PATIENCE, "the server was never reached");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = world.ends(&["undo", "o1"], 1);
    assert!(refused.contains("can no longer be taken back"), "{refused}");
    world.kill_daemon();
    assert!(world.ok(&["status"]).contains("o1 failed, may have left: board.post"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(posts(&world).len(), 1);
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
}

#[test]
fn who_follows_a_plan_is_told_what_is_held_and_how_it_is_taken_back() {
    if !has_python() {
        return;
    }
    let world = board("board", 1);
    let rule = world.home().with_file_name("posts.cedar");
    std::fs::write(&rule, "permit (principal, action == Action::\"board.post\", resource);").unwrap();
    world.ok(&["tools"]);
    world.ok(&["policy", "add", rule.to_str().unwrap()]);
    let said = world.plan(POST, 0);
    assert!(said.contains("o1 board.post is held for 1 s: genoa undo o1 takes it back"), "{said}");
    assert!(
        said.contains("posted as 1") && said.contains("c1 left the machine: genoa undo c1 takes it back"),
        "{said}"
    );
    // Without a window nothing is held, and everything else is as it is.
    world.configure(&format!("[outbox]\nundo_window_s = 0\n{}", section("board", "board", EMITS)));
    let said = world.plan(POST, 0);
    assert!(said.contains("posted as 2") && !said.contains("is held"), "{said}");
    assert_eq!(posts(&world).len(), 2);
    world.configure("[outbox]\nundo_window_s = 3601\n");
    assert!(world.ends(&["status"], 1).contains("the limit is 3600 s (UNDO_WINDOW_MS)"));
}

#[test]
fn a_programs_call_is_held_unless_it_says_that_it_holds_it_itself() {
    let world = World::new();
    world.configure(&format!("[outbox]\nundo_window_s = {WINDOW_S}\n"));
    let (mut program, _) = client(&world);
    let mut pay = tool("bank.pay", EffectClass::Emit, &["account"], "None");
    pay.at_once = false;
    program.call(&Syscall::Offer(Offer { tools: vec![pay], records: vec![] })).unwrap();
    program.start(&Syscall::Plan { source: "bank.pay(account=\"POWER-1\")\n".into() }).unwrap();
    let held = loop {
        match program.next_news().unwrap() {
            News::Asked(question) => {
                let QuestionKind::Approval { fingerprint, .. } = question.kind else { panic!("{question:?}") };
                let answer = Answer::Yes { fingerprint, typed: None };
                program.call(&Syscall::Answer { question: question.id, answer }).unwrap();
            }
            News::Held(item) => break item,
            News::Call { .. } => panic!("it was not held"),
            _ => {}
        }
    };
    let (mut other, _) = client(&world);
    assert_eq!(other.call(&Syscall::Undo { subject: Some(UndoSubject::Outbox(held.id)) }), Ok(Reply::Done));
    let told = loop {
        match program.next_news().unwrap() {
            News::Finished(summary) => break summary.answer,
            News::Call { .. } => panic!("it was taken back"),
            _ => {}
        }
    };
    assert!(told.contains("bank.pay was taken back while it was held"), "{told}");
    let wait = Duration::from_secs(WINDOW_S + 1);
    assert_eq!(program.next_news_within(wait).unwrap(), None, "nothing comes of it later");
    let again = other.call(&Syscall::Undo { subject: Some(UndoSubject::Outbox(held.id)) }).unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
}
