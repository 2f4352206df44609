//! A model that is elsewhere: chosen by the person, reached through a broker, and nothing else is.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::lab::{self, Lab};
use crate::processes::{below, find_below, is_running, wait_for};
use crate::site::Site;
use crate::world::World;

const KEY: &str = "sk-hush-4711";
const INTENTION: &str = "How many processes are running?";
const PLAN: &str = "found = processes.list()\nnumber = len(found)\nsay(number)\n";
const ABLE: &str = "guided_grammar = true\ncontinue_final_message = true\n";

/// A world in which the model of `lab` was chosen; `more` is added to its section.
fn chosen(lab: &Lab, more: &str) -> World {
    let world = World::new();
    world.configure(&lab.section(more));
    world.ok(&["model", "use", "lab/big-7b", "--yes"]);
    world
}

fn ask(world: &World, status: i32) -> String {
    world.ends(&["do", "--agent", "system", INTENTION], status)
}

/// An endpoint whose every answer is the plan.
fn planner() -> Lab {
    Lab::new(|_, stream| lab::answer(stream, PLAN))
}

/// Every text file below a folder, for a look at what must not be in one.
fn texts(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            all.push_str(&texts(&path));
        } else if entry.file_type().unwrap().is_file() {
            all.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
        }
    }
    all
}

/// The arguments and the environment of a process.
fn arguments_and_environment(process: u32) -> String {
    let part = |name: &str| std::fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
    String::from_utf8_lossy(&[part("cmdline"), part("environ")].concat()).into_owned()
}

#[test]
fn an_intention_is_planned_by_a_model_that_is_elsewhere() {
    let statements: Vec<&str> = PLAN.split_inclusive('\n').chain([""]).collect();
    let lab = Lab::new(move |number, stream| lab::answer(stream, statements[number.min(statements.len() - 1)]));
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    let world = chosen(&lab, &format!("{ABLE}key_file = \"{}\"\n", key_file.display()));
    ask(&world, 0);
    let asked = lab.asked();
    assert_eq!(asked.len(), 3, "a plan that told what was asked for is over");
    assert_eq!(asked[0].path, "/v1/chat/completions");
    assert_eq!(asked[0].body["model"], "big-7b");
    assert!(asked.iter().all(|asked| asked.authorization == format!("Bearer {KEY}")));
    assert!(asked.iter().all(|asked| asked.body["guided_grammar"].is_string()));
    let written = asked[2].body["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&written["role"], &written["content"]),
        (&"assistant".into(), &PLAN.replace("say(number)\n", "").into())
    );
    assert!(world.ok(&["journal", "verify"]).contains("whole"));
    assert!(world.ok(&["journal", "export"]).contains("lab/big-7b"), "who answered stands in the journal");
    // The key is where it must be, and nowhere else.
    let home = texts(&world.home());
    assert!(!home.contains(KEY) && home.contains("big-7b"));
    assert!(!world.ok(&["journal", "export"]).contains(KEY));
    let daemon = world.daemon().unwrap();
    for process in below(daemon).into_iter().chain([daemon]) {
        assert!(!arguments_and_environment(process).contains(KEY), "{}", arguments_and_environment(process));
    }
}

#[test]
fn the_worker_has_no_network_and_only_its_broker_has() {
    let lab = planner();
    let world = chosen(&lab, "");
    ask(&world, 0);
    let network = |process: u32| std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    let daemon = world.daemon().unwrap();
    let worker = find_below(daemon, "model-worker").unwrap();
    let broker = find_below(daemon, "egress").unwrap();
    assert_ne!(network(worker), network(std::process::id()));
    assert_eq!(network(broker), network(std::process::id()));
    let rules = arguments_and_environment(broker);
    assert!(rules.contains(&lab.host) && rules.matches("127.0.0.1").count() == 1, "one host: {rules}");
    // One does not live without the other, and both are started anew.
    assert!(std::process::Command::new("kill").args(["-9", &broker.to_string()]).status().unwrap().success());
    wait_for("the end of the worker", || (!is_running(worker)).then_some(()));
    ask(&world, 0);
    assert_eq!(lab.asked().len(), 2);
}

#[test]
fn a_key_in_the_environment_goes_to_the_worker_alone() {
    let lab = planner();
    let world = World::new();
    world.configure(&lab.section("key_env = \"LAB_KEY\"\n"));
    let refused = world.ends(&["model", "use", "lab/big-7b", "--yes"], 1);
    assert!(refused.contains("LAB_KEY") && refused.contains("not set"), "{refused}");
    let used = world.command(&["model", "use", "lab/big-7b", "--yes"]).env("LAB_KEY", KEY).output().unwrap();
    assert!(used.status.success(), "{used:?}");
    let done = world.command(&["do", "--agent", "system", INTENTION]).env("LAB_KEY", KEY).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(lab.asked()[0].authorization, format!("Bearer {KEY}"));
    let jails = below(world.daemon().unwrap());
    assert!(jails.len() >= 3, "spawner, worker and broker");
    for process in jails {
        assert!(!arguments_and_environment(process).contains(KEY), "{}", arguments_and_environment(process));
    }
    assert!(!texts(&world.home()).contains(KEY));
    // A daemon that was started without it says so.
    world.kill_daemon();
    let failed = ask(&world, 1);
    assert!(failed.contains("LAB_KEY") && failed.contains("where the daemon is started"), "{failed}");
}

#[test]
fn a_key_that_changed_is_used_from_the_next_command_on() {
    let lab = planner();
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, "old-key").unwrap();
    let world = chosen(&lab, &format!("key_file = \"{}\"\n", key_file.display()));
    ask(&world, 0);
    std::fs::write(&key_file, "newer-key").unwrap();
    ask(&world, 0);
    let keys: Vec<String> = lab.asked().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(keys, ["Bearer old-key", "Bearer newer-key"]);
}

#[test]
fn nobody_goes_elsewhere_unless_the_person_agrees() {
    let lab = planner();
    let world = World::new();
    world.add_broken_model("one");
    world.configure(&format!("[model]\nname = \"one\"\n{}", lab.section("")));
    let refused = world.ends(&["model", "use", "lab/big-7b"], 3);
    assert!(refused.contains("prompts will leave Genoa for") && refused.contains(&lab.host), "{refused}");
    assert!(refused.contains("--yes"), "{refused}");
    ask(&world, 1);
    assert!(lab.asked().is_empty(), "the model is the one that it was");
    assert!(world.ends(&["model", "use", "other/big-7b", "--yes"], 1).contains("no provider `other`"));
    assert!(!world.ok(&["status"]).contains("lab/"));
    let listed = world.ok(&["model", "list"]);
    assert!(listed.contains("lab/…") && listed.contains(&format!("prompts go to {}", lab.host)), "{listed}");
    let used = world.ok(&["model", "use", "lab/big-7b", "--yes"]);
    assert!(used.contains("lab/big-7b answers from now on"), "{used}");
    ask(&world, 0);
    for command in [&["status"][..], &["doctor"], &["model", "list"]] {
        let said = String::from_utf8(world.run(command).stdout).unwrap();
        assert!(said.contains("lab/big-7b") && said.contains(&lab.host), "{command:?}: {said}");
    }
    assert!(world.ends(&["model", "bench"], 1).contains("it runs elsewhere"));
    assert_eq!(lab.asked().len(), 1, "only the intention asked it");
}

#[test]
fn what_an_endpoint_answers_leads_nowhere_else() {
    let other = Site::new();
    let away = format!("Location: {}\r\n", other.url("/v1/chat/completions"));
    let lab = Lab::new(move |_, stream| lab::refuse(stream, "307 Temporary Redirect", &away, ""));
    let world = chosen(&lab, "");
    let failed = ask(&world, 1);
    assert!(failed.contains("307"), "{failed}");
    assert_eq!((lab.asked().len(), other.visits()), (1, 0));
}

#[test]
fn an_endpoint_that_repeats_the_key_does_not_make_it_known() {
    let lab = Lab::new(|_, stream| lab::refuse(stream, "401 Unauthorized", "", &format!("wrong key {KEY}\u{1b}[2J")));
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, KEY).unwrap();
    let world = chosen(&lab, &format!("key_file = \"{}\"\n", key_file.display()));
    let failed = ask(&world, 1);
    assert!(failed.contains("401") && failed.contains("wrong key (key)"), "{failed}");
    assert!(failed.contains("Check the endpoint's address, key and model"), "{failed}");
    assert!(!failed.contains(KEY) && !texts(&world.home()).contains(KEY));
}

#[test]
fn an_endpoint_that_is_down_or_silent_fails_with_what_to_do() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::new();
    world.configure(&format!("[providers.lab]\nurl = \"http://{free}/v1\"\n"));
    world.ok(&["model", "use", "lab/big-7b", "--yes"]);
    let failed = ask(&world, 1);
    assert!(failed.contains("the endpoint lab does not answer"), "{failed}");
    assert!(failed.contains("genoa model use"), "{failed}");
    let lab = Lab::new(|number, stream| {
        if number > 0 {
            lab::begin(stream);
            lab::say(stream, "found = ");
        }
        lab::stall();
    });
    let world = chosen(&lab, "silence_ms = 500\n");
    let began = Instant::now();
    for _ in 0..2 {
        let failed = ask(&world, 1);
        assert!(failed.contains("was silent for 500 ms"), "{failed}");
    }
    assert_eq!(lab.asked().len(), 2, "silence is waited for once");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_call_that_runs_is_finished_by_the_model_that_began_it() {
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let lab = Lab::new(move |_, stream| {
        lab::begin(stream);
        lab::say(stream, PLAN);
        may_go_on.lock().unwrap().recv().unwrap();
        lab::end(stream);
    });
    let world = chosen(&lab, "");
    world.add_broken_model("one");
    let mut command = world.command(&["do", "--agent", "system", INTENTION]);
    let going = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_for("a call", || (!lab.asked().is_empty()).then_some(()));
    let daemon = world.daemon().unwrap();
    let leaving = find_below(daemon, "model-worker").unwrap();
    world.ok(&["model", "use", "one"]);
    world.ok(&["status"]);
    assert!(is_running(leaving), "it is still at work");
    go_on.send(()).unwrap();
    let output = going.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    wait_for("the end of the worker that left", || (!is_running(leaving)).then_some(()));
    assert_eq!(find_below(daemon, "egress"), None, "its broker goes with it");
    ask(&world, 1);
    assert_eq!(lab.asked().len(), 1, "the next call is the other model's");
}
