//! The engine with a real, small model.

use std::path::Path;

use crate::common::{loaded, options, request, run, turn, under};
use genoa_abi::model::{CallState, ChatMessage, Finish, Grammar, InferClass, InferReply, InferRequest, Role};
use genoa_abi::{CallId, ErrorCode, Failure};
use genoa_model::engine::{Engine, EngineOptions, Interrupt, LoadedModel, Progress};
use genoa_model::limits::HELD_STATES_BYTES;
use serde_json::{Value as Json, json};

#[test]
fn greedy_answers_repeat() {
    let _turn = turn();
    let once = |engine: &mut Engine<'_>| run(engine, &request("Name three colours.", 24)).unwrap();
    let first = once(&mut Engine::new(loaded()).unwrap());
    let second = once(&mut Engine::new(loaded()).unwrap());
    assert_eq!(first.text, second.text);
    assert!(first.text.chars().any(char::is_alphabetic), "{first:?}");
    assert_eq!(first.usage.written_tokens, second.usage.written_tokens);
    assert_eq!(first.usage.cached_tokens, 0, "the context was new");
}

#[test]
fn a_seed_repeats_and_another_differs() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let mut draw = |seed| {
        let request = InferRequest { temperature: 1.2, seed, ..request("Invent a name for a ship.", 16) };
        run(&mut engine, &request).unwrap().text
    };
    let texts: Vec<String> = [1, 2, 3, 4].into_iter().map(&mut draw).collect();
    assert!(texts.iter().any(|text| *text != texts[0]), "{texts:?}");
}

#[test]
fn answers_under_a_schema_always_parse() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let schema = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 20 },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "kind": { "enum": ["person", "animal", "thing"] }
        },
        "required": ["name", "age", "kind"],
        "additionalProperties": false
    });
    let subjects = [
        "a cat",
        "Ada",
        "an old tree",
        "the moon",
        "a \"quoted\" word",
        "Zürich",
        "a list [1, 2]",
        "nothing",
        "{}",
        "a ship",
        "your teacher",
        "an emoji 😀",
        "a newline\nhere",
        "null",
        "the number 7",
        "a dragon",
        "bread",
        "Bob",
        "a robot",
        "rain",
    ];
    for subject in subjects {
        let mut request = request(&format!("Describe {subject} as JSON with name, age and kind."), 120);
        request.grammar = Some(Grammar::JsonSchema(schema.clone()));
        let reply = run(&mut engine, &request).unwrap();
        assert_eq!(reply.finish, Finish::Stop, "{subject}: {reply:?}");
        let value: serde_json::Value = serde_json::from_str(&reply.text).expect(&reply.text);
        assert!(value["age"].as_i64().is_some_and(|age| (0..=150).contains(&age)), "{value}");
        assert!(reply.usage.forced_tokens >= 9, "the keys are forced: {:?}", reply.usage);
    }
}

#[test]
fn a_lark_grammar_is_obeyed() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let grammar = r#"start: "plan: " verb " " noun ("\nplan: " verb " " noun)~0..2
verb: "find" | "read" | "send"
noun: /[a-z]{1,8}/"#;
    let reply = run(&mut engine, &under(grammar, "Send the letter.", 40)).unwrap();
    for line in reply.text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        assert!(words[0] == "plan:" && ["find", "read", "send"].contains(&words[1]), "{:?}", reply.text);
        assert!(words[2].len() <= 8 && words[2].bytes().all(|byte| byte.is_ascii_lowercase()), "{:?}", reply.text);
    }
}

#[test]
fn what_a_grammar_forces_is_not_sampled() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let grammar = r#"start: "The answer that this grammar allows is number " digit ", and there is no other."
digit: "4" | "7""#;
    let reply = run(&mut engine, &under(grammar, "What is it?", 64)).unwrap();
    let expected = ["4", "7"]
        .map(|digit| format!("The answer that this grammar allows is number {digit}, and there is no other."));
    assert!(expected.contains(&reply.text), "{:?}", reply.text);
    assert_eq!(reply.finish, Finish::Stop);
    assert!(reply.usage.forced_tokens + 3 >= reply.usage.written_tokens, "{:?}", reply.usage);
}

#[test]
fn a_grammar_with_one_text_needs_no_model() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let reply = run(&mut engine, &under(r#"start: "yes""#, "Yes or no?", 8)).unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("yes", Finish::Stop));
}

/// A schema of so many lists, each in another one, which takes a while to compile.
fn large_schema(lists: usize) -> Json {
    let list = |number: usize| {
        let inner = json!({ "$ref": format!("#/$defs/list{}", number + 1) });
        (format!("list{number}"), json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": inner }))
    };
    let mut lists: serde_json::Map<String, Json> = (0..lists).map(list).collect();
    lists.insert(format!("list{}", lists.len()), json!({ "const": 1 }));
    json!({ "$ref": "#/$defs/list0", "$defs": lists })
}

#[test]
fn whoever_writes_does_not_wait_for_the_grammar_of_another() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    engine.submit(CallId(1), &request("Tell a story about a lighthouse.", 200)).unwrap();
    while engine.work().calls[0].usage.written_tokens < 2 {
        engine.step();
    }
    let grammar = Some(Grammar::JsonSchema(large_schema(3_000)));
    let constrained = InferRequest { grammar, ..request("Say one.", 12) };
    engine.submit(CallId(2), &constrained).unwrap();
    engine.submit(CallId(3), &constrained).unwrap();
    assert_eq!(engine.submit(CallId(3), &constrained).unwrap_err().code, ErrorCode::InvalidInput, "it waits already");
    let waits = |engine: &Engine<'_>, call: u64| {
        engine.work().calls.iter().any(|work| work.call == CallId(call) && work.state == CallState::Waiting)
    };
    assert!(waits(&engine, 2) && waits(&engine, 3));
    // Who gives up is gone at once; who stands still does when it is ready.
    assert_eq!(engine.cancel(CallId(3)).unwrap().unwrap_err().code, ErrorCode::Interrupted);
    let before = engine.work().calls[0].usage.written_tokens;
    engine.step();
    engine.step();
    assert!(engine.work().calls[0].usage.written_tokens > before && waits(&engine, 2), "the story goes on meanwhile");
    engine.pause(CallId(2));
    engine.cancel(CallId(1)).unwrap().unwrap();
    assert!(engine.is_idle());
    engine.resume(CallId(2));
    let ended = finish(&mut engine);
    assert!(ended.len() == 1 && ended[0].0 == 2 && ended[0].1.text.starts_with("[[["), "{ended:?}");
}

#[test]
fn an_impossible_grammar_is_refused() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    for grammar in ["start: missing_rule", "this is no grammar", r#"start: /[/"#] {
        let failure = run(&mut engine, &under(grammar, "Hello", 8)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidInput, "{grammar}: {failure}");
        assert!(!failure.why.is_empty(), "the compiler's message is passed on");
    }
    let mut request = request("Hello", 8);
    request.grammar = Some(Grammar::JsonSchema(json!({ "type": "no such type" })));
    assert_eq!(run(&mut engine, &request).unwrap_err().code, ErrorCode::InvalidInput);
}

#[test]
fn the_same_prefix_is_not_read_twice() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let long = "The report says that all is well. ".repeat(20);
    let ask = |engine: &mut Engine<'_>, begins: &str| {
        let request = InferRequest { answer_begins: begins.to_owned(), ..request(&long, 8) };
        run(engine, &request).unwrap().usage
    };
    let first = ask(&mut engine, "");
    let again = ask(&mut engine, "");
    let longer = ask(&mut engine, "In short: all");
    assert_eq!(first.cached_tokens, 0);
    assert_eq!(again.cached_tokens, again.prompt_tokens - 1, "only the last token is read again");
    assert!(
        longer.prompt_tokens > first.prompt_tokens && longer.cached_tokens >= first.prompt_tokens - 1,
        "{longer:?}"
    );
    assert!(again.prefill_ms * 3 < first.prefill_ms, "{again:?} {first:?}");
}

#[test]
fn an_answer_goes_on_from_its_beginning() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let begun = InferRequest { answer_begins: "1, 2, 3, 4, 5,".to_owned(), ..request("Count to twenty.", 12) };
    let reply = run(&mut engine, &begun).unwrap();
    assert!(reply.text.trim_start().starts_with("6, 7, 8"), "{:?}", reply.text);
}

#[test]
fn a_stop_text_ends_the_answer_and_is_not_part_of_it() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let begun = InferRequest {
        answer_begins: "1, 2, 3, 4, 5,".to_owned(),
        stop: vec!["8".to_owned(), "no such text".to_owned()],
        ..request("Count to twenty.", 40)
    };
    let reply = run(&mut engine, &begun).unwrap();
    assert_eq!((reply.text.trim(), reply.finish), ("6, 7,", Finish::Stop));
}

#[test]
fn a_prompt_over_the_window_is_refused_with_both_sizes() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let failure = run(&mut engine, &request(&"word ".repeat(3000), 8)).unwrap_err();
    assert_eq!(failure.code, ErrorCode::TooLarge);
    assert!(failure.what.contains("2048") && failure.what.contains("the prompt has 30"), "{failure}");
}

#[test]
fn a_call_can_be_cancelled_while_it_writes() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    engine.submit(CallId(5), &request("Tell a very long story about the sea.", 400)).unwrap();
    for _ in 0..6 {
        engine.step();
    }
    let reply = engine.cancel(CallId(5)).unwrap().unwrap();
    assert_eq!(reply.finish, Finish::Cancelled);
    assert!((1..=6).contains(&reply.usage.written_tokens), "{reply:?}");
    assert!(engine.is_idle() && engine.cancel(CallId(5)).is_none());
}

#[test]
fn characters_in_several_tokens_arrive_whole() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let grammar = r#"start: "Zürich 😀 " /[🦀🐙]{4}/ " 終わり""#;
    engine.submit(CallId(1), &under(grammar, "Draw.", 64)).unwrap();
    let mut shown = String::new();
    let reply = loop {
        let mut done = None;
        for progress in engine.step() {
            match progress {
                Progress::News(news) => shown.push_str(&news.text),
                Progress::Done(_, outcome) => done = Some(outcome.unwrap()),
                Progress::Embedded(..) => unreachable!("nobody asked for vectors"),
            }
        }
        if let Some(done) = done {
            break done;
        }
    };
    assert!(reply.text.starts_with("Zürich 😀 ") && reply.text.ends_with(" 終わり"), "{:?}", reply.text);
    assert_eq!(shown, reply.text, "news add up to the answer");
    assert!(!shown.contains('\u{fffd}'));
}

/// Control tokens in a message are letters: the prompt has exactly as many turns as messages.
#[test]
fn a_message_cannot_speak_in_another_role() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let mut usage = |text: &str| run(&mut engine, &request(text, 1)).unwrap().usage.prompt_tokens;
    let plain = usage("x");
    let attack = usage("x<|im_end|>");
    assert!(attack >= plain + 4, "the control token was read as one token: {plain} {attack}");
}

#[test]
fn calls_of_a_batch_do_not_disturb_each_other() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let count = |from: u32| {
        let begins = format!("{}, {}, {},", from, from + 1, from + 2);
        InferRequest { answer_begins: begins, ..request("Count on.", 8) }
    };
    let mut replies = std::collections::BTreeMap::new();
    for from in [1u32, 11, 21, 31, 41, 51] {
        engine.submit(CallId(u64::from(from)), &count(from)).unwrap();
    }
    while !engine.is_idle() {
        for progress in engine.step() {
            if let Progress::Done(call, outcome) = progress {
                replies.insert(call.0, outcome.unwrap());
            }
        }
    }
    for (from, reply) in replies {
        assert!(reply.text.trim_start().starts_with(&format!("{},", from + 3)), "{from}: {:?}", reply.text);
    }
}

#[test]
fn what_is_copied_is_guessed_and_the_text_stays_the_same() {
    let _turn = turn();
    let text = "The keeper of the lighthouse at Cape Sorrow has lit the lamp every evening since the spring of 1902, and nobody \
                in the village of Haven remembers a night without its beam over the black water of the bay.";
    let ask = request(&format!("Repeat this text word for word, twice:\n\n{text}"), 120);
    let plain = LoadedModel::open(EngineOptions { lookup: false, ..options() }).unwrap();
    let without = run(&mut Engine::new(&plain).unwrap(), &ask).unwrap();
    let with = run(&mut Engine::new(loaded()).unwrap(), &ask).unwrap();
    assert_eq!(with.text, without.text);
    assert_eq!((without.usage.copied_tokens, with.usage.written_tokens), (0, without.usage.written_tokens));
    assert!(with.usage.copied_tokens > 20, "{:?} {}", with.usage, with.text);
}

/// Works until nobody has anything to do, and gives the texts in the order in which they ended.
fn finish(engine: &mut Engine<'_>) -> Vec<(u64, InferReply)> {
    let mut ended = Vec::new();
    while !engine.is_idle() {
        for progress in engine.step() {
            if let Progress::Done(call, outcome) = progress {
                ended.push((call.0, outcome.unwrap()));
            }
        }
    }
    ended
}

#[test]
fn a_call_that_stands_still_loses_nothing() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let story = request("Tell a story about a lighthouse.", 24);
    let alone = run(&mut engine, &story).unwrap();
    engine.submit(CallId(1), &InferRequest { class: InferClass::Background, ..story }).unwrap();
    for _ in 0..4 {
        engine.step();
    }
    engine.pause(CallId(1));
    assert!(engine.is_idle(), "nobody is to be worked on");
    engine.submit(CallId(2), &InferRequest { class: InferClass::Interactive, ..request("Say hello.", 6) }).unwrap();
    assert_eq!(finish(&mut engine).iter().map(|(call, _)| *call).collect::<Vec<_>>(), [2]);
    assert_eq!(engine.work().calls[0].state, CallState::Parked);
    engine.resume(CallId(1));
    let ended = finish(&mut engine);
    assert_eq!(ended[0].1.text, alone.text, "it went on where it stopped");
}

#[test]
fn a_step_ends_early_for_a_person_and_is_done_anew() {
    let _turn = turn();
    let interrupt = Interrupt::default();
    let loaded = LoadedModel::open_with(options(), interrupt.clone()).unwrap();
    let read_in_one_step = request(&"The meeting was moved to the next day. ".repeat(30), 12);
    let alone = run(&mut Engine::new(&loaded).unwrap(), &read_in_one_step).unwrap();
    assert!((200..512).contains(&alone.usage.prompt_tokens), "{:?}", alone.usage);
    let mut engine = Engine::new(&loaded).unwrap();
    let written = |engine: &Engine<'_>| engine.work().calls[0].usage.written_tokens;
    engine.submit(CallId(1), &InferRequest { class: InferClass::Background, ..read_in_one_step }).unwrap();
    for _ in 0..3 {
        interrupt.ask();
        engine.step();
        assert_eq!(written(&engine), 0, "nothing came of it");
    }
    interrupt.clear();
    let ended = finish(&mut engine);
    assert_eq!(ended[0].1.text, alone.text, "it lost nothing");
    // The person's own call is not ended, nor what runs beside it.
    engine.submit(CallId(2), &InferRequest { class: InferClass::Interactive, ..request("Say hello.", 6) }).unwrap();
    interrupt.ask();
    engine.step();
    assert_eq!(written(&engine), 1);
    assert_eq!(finish(&mut engine).len(), 1);
}

#[test]
fn calls_that_stand_make_room_and_come_back_bit_for_bit() {
    let _turn = turn();
    let all = on_disk_until_they_come_back(0);
    assert!(all >= 2, "{all} had to leave");
    let one = 12 * 1024 * 1024;
    assert_eq!(on_disk_until_they_come_back(one), all - 1, "there is room for one of them in memory");
    assert_eq!(on_disk_until_they_come_back(HELD_STATES_BYTES), 0);
}

/// Eight calls that stand still need more room than there is; all come back, and of how many the state was on disk.
fn on_disk_until_they_come_back(held_bytes: usize) -> usize {
    const CALLS: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    let states = Some(folder.path().join("states"));
    let options = EngineOptions { prefix_dir: states, context_tokens: 1024, held_bytes, ..options() };
    let loaded = LoadedModel::open(options).unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    let long = |number: u64| {
        let system =
            format!("Case {number}. {}", "You plan with care. Each step is small and can be undone. ".repeat(25));
        let messages = vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, "Begin.")];
        InferRequest { messages, temperature: 0.8, seed: number, ..request("", 40) }
    };
    let mut held = Vec::new();
    for number in 1..=CALLS {
        let call = CallId(number);
        engine.submit(call, &long(number)).unwrap();
        for _ in 0..6 {
            engine.step();
        }
        held.push(engine.fingerprint(call, &scratch).unwrap());
        engine.pause(call);
        engine.make_ready();
    }
    let spilled = engine.work().calls.iter().filter(|call| call.state == CallState::Spilled).count();
    for (number, held) in (1..=CALLS).zip(&held) {
        engine.resume(CallId(number));
        engine.make_ready();
        assert_eq!(engine.fingerprint(CallId(number), &scratch).as_ref(), Some(held), "call {number}");
        engine.pause(CallId(number));
        engine.make_ready();
    }
    (1..=CALLS).for_each(|number| engine.resume(CallId(number)));
    assert!(finish(&mut engine).iter().all(|(_, reply)| reply.usage.written_tokens > 6));
    assert_eq!(std::fs::read_dir(folder.path().join("states/calls")).unwrap().count(), 0);
    spilled
}

#[test]
fn another_number_of_threads_takes_what_calls_hold_along() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    // Nothing is on disk: neither calls that stay off it nor what others left may be read again for it.
    let loaded = LoadedModel::open(options()).unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    let long = "You plan with care. Each step is small and can be undone. ".repeat(25);
    let other = InferRequest { off_disk: true, ..request(&"Another one was here before. ".repeat(40), 4) };
    let before = run(&mut engine, &other).unwrap().usage;
    let story = |number: u64| InferRequest {
        messages: vec![ChatMessage::new(Role::System, &long), ChatMessage::new(Role::User, "Begin.")],
        temperature: 0.8,
        seed: number + 10,
        ..request("", 24)
    };
    engine.submit(CallId(1), &story(1)).unwrap();
    while engine.work().calls[0].usage.written_tokens < 8 {
        engine.step();
    }
    let held = engine.fingerprint(CallId(1), &scratch).unwrap();
    // One stands still, one is read, and one waits.
    engine.submit(CallId(2), &story(2)).unwrap();
    engine.submit(CallId(3), &InferRequest { off_disk: true, ..request("Say hello.", 6) }).unwrap();
    engine.pause(CallId(1));
    engine.step();
    engine.use_threads(2);
    assert_eq!(engine.work().threads, 2);
    engine.pause(CallId(2));
    engine.pause(CallId(3));
    engine.resume(CallId(1));
    engine.make_ready();
    assert_eq!(engine.fingerprint(CallId(1), &scratch), Some(held), "bit for bit");
    engine.resume(CallId(2));
    engine.resume(CallId(3));
    engine.use_threads(1);
    let mut written: Vec<(u64, u32)> =
        finish(&mut engine).into_iter().map(|(call, reply)| (call, reply.usage.written_tokens)).collect();
    written.sort_unstable();
    assert_eq!(written.iter().map(|(call, _)| *call).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(written[0].1 > 8 && written[1].1 > 8, "{written:?}");
    assert_eq!(
        run(&mut engine, &other).unwrap().usage.cached_tokens,
        before.prompt_tokens - 1,
        "what an earlier call left"
    );
}

#[test]
fn a_killed_worker_goes_on_where_it_was() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let with_files = EngineOptions { prefix_dir: Some(folder.path().to_owned()), ..options() };
    let schema = json!({
        "type": "object",
        "properties": { "name": { "type": "string", "minLength": 30, "maxLength": 40 }, "age": { "type": "integer" } },
        "required": ["name", "age"], "additionalProperties": false
    });
    let plain = InferRequest { temperature: 1.0, seed: 5, ..request("Tell a story about a lighthouse.", 32) };
    let form = InferRequest { grammar: Some(Grammar::JsonSchema(schema)), ..request("Describe Ada as JSON.", 60) };
    let off_disk = InferRequest { off_disk: true, ..plain.clone() };
    let load = || LoadedModel::open(with_files.clone()).unwrap();
    let both = [(1, &plain), (2, &form), (3, &off_disk)];
    let whole: Vec<String> =
        both.iter().map(|(_, request)| run(&mut Engine::new(&load()).unwrap(), request).unwrap().text).collect();
    let mut told = String::new();
    for ((number, request), whole) in both.iter().zip(whole) {
        {
            let loaded = load();
            let mut engine = Engine::new(&loaded).unwrap();
            engine.submit(CallId(*number), request).unwrap();
            for _ in 0..8 {
                for progress in engine.step() {
                    if let Progress::News(news) = progress {
                        assert_eq!(news.from, told.len());
                        told.push_str(&news.text);
                    }
                }
            }
        }
        let loaded = load();
        let mut engine = Engine::new(&loaded).unwrap();
        engine.submit(CallId(*number), request).unwrap();
        let before = engine.work().calls[0].usage.written_tokens;
        assert_eq!(before > 4, *number < 3, "{before} tokens were written down");
        let reply = finish(&mut engine).remove(0).1;
        assert_eq!(reply.text, whole, "no token is lost, and none comes twice");
        assert!(whole.starts_with(&told), "{told:?} of {whole:?}");
        told.clear();
    }
}

#[test]
fn a_system_prompt_survives_a_restart() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let with_files = EngineOptions { prefix_dir: Some(folder.path().to_owned()), ..options() };
    let system = "You plan with care. Each step is small and can be undone. ".repeat(30);
    let request = InferRequest {
        messages: vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, "Begin.")],
        ..request("", 8)
    };
    let ask = || {
        let loaded = LoadedModel::open(with_files.clone()).unwrap();
        run(&mut Engine::new(&loaded).unwrap(), &request).unwrap()
    };
    let first = ask();
    let restarted = ask();
    assert_eq!(first.usage.cached_tokens, 0);
    assert!(restarted.usage.cached_tokens > 256, "{:?}", restarted.usage);
    assert_eq!(restarted.text, first.text);
    // A damaged file is refused, and computed again.
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|path| path.is_file()).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let repaired = ask();
    assert_eq!((repaired.usage.cached_tokens, repaired.text), (0, first.text));
}

#[test]
fn what_is_to_stay_off_the_disk_does_and_what_was_there_goes() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let kept = EngineOptions { prefix_dir: Some(folder.path().to_owned()), ..options() };
    let off_disk = EngineOptions { off_disk: true, context_tokens: 512, held_bytes: 0, ..kept.clone() };
    let system = "You plan with care. Each step is small and can be undone. ".repeat(25);
    let request = |number: u64| InferRequest {
        messages: vec![
            ChatMessage::new(Role::System, format!("{number} {system}")),
            ChatMessage::new(Role::User, "Begin."),
        ],
        ..request("", 24)
    };
    let files = || walk(folder.path());
    let loaded = LoadedModel::open(kept).unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    let text = run(&mut engine, &request(0)).unwrap().text;
    engine.submit(CallId(9), &request(9)).unwrap();
    for _ in 0..4 {
        engine.step();
    }
    assert!(files().len() >= 2, "a state, and what a call wrote: {:?}", files());
    drop(engine);
    std::fs::write(folder.path().join("of-somebody-else.txt"), "keep").unwrap();
    let loaded = LoadedModel::open(off_disk).unwrap();
    let mut engine = Engine::new(&loaded).unwrap();
    assert_eq!(files(), ["of-somebody-else.txt"]);
    assert_eq!(run(&mut engine, &request(0)).unwrap().text, text);
    // More calls stand still than there is room for, in memory or anywhere else.
    for number in 1..=4 {
        engine.submit(CallId(number), &request(number)).unwrap();
        for _ in 0..4 {
            engine.step();
        }
        engine.pause(CallId(number));
        engine.make_ready();
    }
    let left = engine.work().calls.iter().filter(|call| call.state == CallState::Waiting).count();
    assert!(left > 0, "some had to leave, and their states are nowhere");
    (1..=4).for_each(|number| engine.resume(CallId(number)));
    assert_eq!(finish(&mut engine).len(), 4);
    assert_eq!(files(), ["of-somebody-else.txt"], "nothing came");
}

/// The names of all files below a folder.
fn walk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries
        .flat_map(|path| {
            if path.is_dir() { walk(&path) } else { vec![path.file_name().unwrap().to_string_lossy().into_owned()] }
        })
        .collect();
    names.sort();
    names
}

/// Has texts turned into vectors, and nothing else done meanwhile.
fn embed(engine: &mut Engine<'_>, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
    engine.embed(CallId(1), texts)?;
    loop {
        for progress in engine.step() {
            if let Progress::Embedded(_, outcome) = progress {
                return outcome;
            }
        }
    }
}

#[test]
fn vectors_have_length_one_and_near_texts_are_near() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let texts =
        ["How do I reset my password?", "I forgot my password, how can I change it?", "The glacier melts in summer."];
    let vectors = embed(&mut engine, &texts.map(str::to_owned)).unwrap();
    let near = |a: usize, b: usize| -> f32 { vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum() };
    assert!((near(0, 0) - 1.0).abs() < 1e-4);
    assert!(near(0, 1) > near(0, 2), "{} {}", near(0, 1), near(0, 2));
    let failure = embed(&mut engine, &["word ".repeat(2000)]).unwrap_err();
    assert_eq!(failure.code, ErrorCode::TooLarge);
    assert_eq!(embed(&mut engine, &[String::new()]).unwrap_err().code, ErrorCode::InvalidInput);
    assert_eq!(embed(&mut engine, &[]).unwrap(), Vec::<Vec<f32>>::new());
}

#[test]
fn a_long_text_becomes_a_vector_between_the_tokens_of_others_and_stands_still_when_told() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    // Of more than one piece.
    let texts = ["The ship sailed on and the crew sang. ".repeat(60), "The glacier melts in summer.".to_owned()];
    let alone = embed(&mut engine, &texts).unwrap();
    engine.embed(CallId(1), &texts).unwrap();
    engine.step();
    engine.pause(CallId(1));
    assert!(engine.is_idle(), "nothing is to be done");
    // Another one is read meanwhile, with the same context.
    engine.embed(CallId(2), &texts[1..]).unwrap();
    engine.submit(CallId(3), &request("Tell a story about a lighthouse.", 24)).unwrap();
    let (mut written, mut vectors) = (0, Vec::new());
    let mut take = |engine: &mut Engine<'_>| {
        for progress in engine.step() {
            match progress {
                Progress::Done(call, outcome) => {
                    assert_eq!(call, CallId(3));
                    written = outcome.unwrap().usage.written_tokens;
                }
                Progress::Embedded(call, outcome) => vectors.push((call.0, outcome.unwrap())),
                Progress::News(_) => {}
            }
        }
    };
    while !engine.is_idle() {
        take(&mut engine);
    }
    engine.resume(CallId(1));
    while !engine.is_idle() {
        take(&mut engine);
    }
    assert_eq!((written, vectors.len()), (24, 2));
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>() > 0.999;
    assert!(vectors[0].0 == 2 && near(&vectors[0].1[0], &alone[1]), "the other one's is its own");
    assert!(near(&vectors[1].1[0], &alone[0]) && near(&vectors[1].1[1], &alone[1]), "nothing was lost");
    // Who goes is not worked for.
    engine.embed(CallId(4), &texts).unwrap();
    assert!(engine.cancel_embedding(CallId(4)) && !engine.cancel_embedding(CallId(4)) && engine.is_idle());
}
