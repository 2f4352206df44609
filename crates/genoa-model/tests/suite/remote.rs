//! A remote model behind a broker that answers well and badly.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::broker::{Broker, Out};
use crate::wire::Worker;
use genoa_abi::ErrorCode;
use genoa_abi::model::{ChatMessage, Finish, Grammar, InferRequest, Role};
use genoa_model::remote::RemoteOptions;
use genoa_model::worker::WorkerOptions;
use serde_json::json;

const KEY: &str = "sk-secret-1234";

fn options() -> RemoteOptions {
    let options = json!({
        "provider": "remote", "name": "lab", "url": "https://lab.example/v1/", "model": "big-7b",
        "context_tokens": 32768, "silence_ms": 2000
    });
    match WorkerOptions::from_json(&options.to_string()).unwrap() {
        WorkerOptions::Remote(options) => options,
        WorkerOptions::Local(_) => panic!("not remote"),
    }
}

fn start(broker: &Broker) -> Worker {
    start_with(options(), broker.socket())
}

fn start_with(options: RemoteOptions, broker: UnixStream) -> Worker {
    Worker::start_with_broker(WorkerOptions::Remote(options), broker)
}

/// A worker with a key.
fn start_with_key(broker: &Broker, folder: &tempfile::TempDir) -> Worker {
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    start_with(RemoteOptions { key_file: Some(key_file), ..options() }, broker.socket())
}

fn request() -> InferRequest {
    InferRequest {
        messages: vec![ChatMessage::new(Role::System, "Be brief."), ChatMessage::new(Role::User, "Hello")],
        max_tokens: 50,
        temperature: 0.5,
        seed: 3,
        ..InferRequest::default()
    }
}

fn infer(worker: &mut Worker, id: u64, request: &InferRequest) {
    worker.ask(id, "infer", json!({ "call": id, "request": request }));
}

fn delta(text: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "delta": { "content": text }, "finish_reason": null }] }))
}

const END: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\ndata: [DONE]\n\n";

/// A refusal that allows to come again at once.
fn busy(out: &Out, status: u16) {
    out.whole(status, &[("retry-after", "0")], "");
}

#[test]
fn a_streamed_answer_comes_through() {
    let broker = Broker::new(|_, out| {
        let (first, rest) = (delta("day, Zür"), delta("ich"));
        // Lines may be cut anywhere.
        out.parts(&[": hello\n\n", &delta("Good "), &first[..20], &format!("{}{rest}", &first[20..]), END]);
    });
    let folder = tempfile::tempdir().unwrap();
    let mut worker = start_with_key(&broker, &folder);
    infer(&mut worker, 1, &request());
    let (shown, reply) = worker.reply(1);
    let reply = reply.unwrap();
    assert_eq!((shown.as_str(), reply.text.as_str()), ("Good day, Zürich", "Good day, Zürich"));
    assert_eq!((reply.finish, reply.model.as_str()), (Finish::Stop, "lab/big-7b"));
    assert_eq!((reply.usage.prompt_tokens, reply.usage.cached_tokens, reply.usage.written_tokens), (11, 8, 4));
    let asked = broker.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.fetch.method.as_str(), asked.silence_ms), ("POST", 2000));
    assert_eq!(asked.fetch.url, "https://lab.example/v1/chat/completions");
    assert_eq!(asked.fetch.headers["authorization"], "Bearer sk-secret-1234");
    let body = broker.body(0);
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "Be brief." }));
    assert_eq!((&body["model"], &body["max_tokens"], &body["stream"]), (&json!("big-7b"), &json!(50), &json!(true)));
    worker.ask(2, "status", json!({}));
    assert_eq!(worker.answer(2).1.unwrap()["model"], "lab/big-7b");
    worker.close();
}

#[test]
fn a_schema_becomes_a_response_format_and_lark_needs_a_declaration() {
    let broker = Broker::new(|_, out| out.parts(&[&delta("{}"), END]));
    let schema = InferRequest { grammar: Some(Grammar::JsonSchema(json!({ "type": "object" }))), ..request() };
    let lark = InferRequest { grammar: Some(Grammar::Lark("start: \"a\"".to_owned())), ..request() };
    let begun = InferRequest { answer_begins: "So".to_owned(), ..request() };
    let chances = InferRequest { likeliest: Some(0), ..request() };
    let mut worker = start(&broker);
    infer(&mut worker, 1, &schema);
    worker.reply(1).1.unwrap();
    assert_eq!(broker.body(0)["response_format"]["json_schema"]["schema"], json!({ "type": "object" }));
    for (id, refused) in [(2, &lark), (3, &begun), (4, &chances)] {
        infer(&mut worker, id, refused);
        assert_eq!(worker.reply(id).1.unwrap_err().code, ErrorCode::Unsupported);
    }
    assert_eq!(broker.asked.lock().unwrap().len(), 1, "nothing was sent for what is not supported");
    let able = RemoteOptions { guided_grammar: true, continue_final_message: true, ..options() };
    let mut worker = start_with(able, broker.socket());
    infer(&mut worker, 1, &InferRequest { answer_begins: "So".to_owned(), ..lark });
    worker.reply(1).1.unwrap();
    let body = broker.body(1);
    assert_eq!((&body["guided_grammar"], &body["continue_final_message"]), (&json!("start: \"a\""), &json!(true)));
    assert_eq!(body["messages"][2], json!({ "role": "assistant", "content": "So" }));
}

#[test]
fn a_busy_endpoint_is_asked_again_and_a_refusal_is_not() {
    let broker = Broker::new(|number, out| match number {
        0 => busy(out, 429),
        1 => busy(out, 503),
        2 => out.parts(&[&delta("ok"), END]),
        _ => out.whole(401, &[], "bad sk-secret-1234"),
    });
    let folder = tempfile::tempdir().unwrap();
    let mut worker = start_with_key(&broker, &folder);
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap().text, "ok");
    infer(&mut worker, 2, &request());
    let failure = worker.reply(2).1.unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    assert!(failure.to_string().contains("401: bad (key)") && !failure.to_string().contains(KEY), "{failure}");
    assert_eq!(broker.asked.lock().unwrap().len(), 4);
}

#[test]
fn an_endpoint_that_stays_busy_is_given_up() {
    let broker = Broker::new(|_, out| busy(out, 500));
    let mut worker = start(&broker);
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::ModelFailed);
    assert_eq!(broker.asked.lock().unwrap().len(), 4);
}

#[test]
fn only_a_connection_that_failed_is_worth_another_try() {
    let check = |said: ErrorCode, tries: usize, expected: ErrorCode| {
        let broker = Broker::new(move |_, out| out.fail(said));
        let mut worker = start(&broker);
        infer(&mut worker, 1, &request());
        assert_eq!(worker.reply(1).1.unwrap_err().code, expected);
        assert_eq!(broker.asked.lock().unwrap().len(), tries, "{said:?}");
    };
    check(ErrorCode::ToolFailed, 4, ErrorCode::ModelFailed);
    check(ErrorCode::TimedOut, 1, ErrorCode::TimedOut);
    check(ErrorCode::NotGranted, 1, ErrorCode::NotGranted);
    check(ErrorCode::NotFound, 4, ErrorCode::ModelFailed);
}

#[test]
fn where_each_request_may_cost_only_what_came_to_nothing_is_sent_again() {
    let check = |answer: fn(&Out), tries: usize, unspent: bool| {
        let broker = Broker::new(move |_, out| answer(out));
        let mut worker = start_with(RemoteOptions { asks_once: true, ..options() }, broker.socket());
        infer(&mut worker, 1, &request());
        let (failure, told) = worker.failure(1);
        assert_eq!((broker.asked.lock().unwrap().len(), told), (tries, unspent), "{failure}");
    };
    check(|out| busy(out, 429), 4, true);
    check(|out| out.fail(ErrorCode::NotFound), 4, true);
    check(|out| out.whole(401, &[], ""), 1, true);
    check(|out| out.fail(ErrorCode::NotGranted), 1, true);
    check(|out| busy(out, 503), 1, false);
    check(|out| out.fail(ErrorCode::ToolFailed), 1, false);
    check(|out| out.fail(ErrorCode::TimedOut), 1, false);
    check(|out| out.parts(&[&delta("half an ans"), ""]), 1, false);
    // Without a limit it is sent again, and told that an earlier try may have cost.
    let broker = Broker::new(|number, out| if number == 0 { busy(out, 503) } else { out.whole(401, &[], "") });
    let mut worker = start(&broker);
    infer(&mut worker, 1, &request());
    assert!(!worker.failure(1).1);
    assert_eq!(broker.asked.lock().unwrap().len(), 2);
}

#[test]
fn after_the_first_token_nothing_is_sent_again() {
    for broken in ["", "data: no json\n\n", "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"] {
        let broker = Broker::new(move |_, out| out.parts(&[&delta("half an ans"), broken]));
        let mut worker = start(&broker);
        infer(&mut worker, 1, &request());
        assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::ModelFailed, "{broken:?}");
        assert_eq!(broker.asked.lock().unwrap().len(), 1);
    }
}

#[test]
fn a_silent_endpoint_times_out_and_a_cancelled_call_does_not_wait_for_it() {
    let broker = Broker::new(|number, out| {
        out.head(200, &[]);
        out.part(&delta("a word, and then nothing"));
        if number == 0 {
            out.end(Err(ErrorCode::TimedOut));
        }
    });
    let mut worker = start(&broker);
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::TimedOut);
    infer(&mut worker, 2, &request());
    std::thread::sleep(Duration::from_millis(200));
    worker.ask(3, "cancel", json!({ "call": 2 }));
    let reply = worker.reply(2).1.unwrap();
    assert_eq!((reply.finish, reply.text.as_str()), (Finish::Cancelled, "a word, and then nothing"));
}

#[test]
fn what_is_not_read_to_its_end_is_stopped() {
    let broker = Broker::new(|_, out| {
        out.head(200, &[]);
        out.part(&delta("one END"));
    });
    let mut worker = start(&broker);
    infer(&mut worker, 1, &InferRequest { stop: vec!["END".to_owned()], ..request() });
    assert_eq!(worker.reply(1).1.unwrap().text, "one ");
    let began = Instant::now();
    while broker.stopped.lock().unwrap().len() != 1 {
        assert!(began.elapsed() < Duration::from_secs(10), "nobody stopped it");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stop_text_holds_even_if_the_endpoint_ignores_it() {
    let broker = Broker::new(|_, out| out.parts(&[&delta("one EN"), &delta("D two"), END]));
    let mut worker = start(&broker);
    infer(&mut worker, 1, &InferRequest { stop: vec!["END".to_owned()], ..request() });
    let (shown, reply) = worker.reply(1);
    let reply = reply.unwrap();
    assert_eq!((shown.as_str(), reply.text.as_str(), reply.finish), ("one ", "one ", Finish::Stop));
}

#[test]
fn calls_at_the_same_time_get_their_own_answers() {
    let broker = Broker::new(|number, out| {
        std::thread::sleep(Duration::from_millis(if number == 0 { 200 } else { 0 }));
        out.parts(&[&delta(&format!("answer {number}")), END]);
    });
    let mut worker = start(&broker);
    for id in 1..=2 {
        infer(&mut worker, id, &request());
        while broker.asked.lock().unwrap().len() < usize::try_from(id).unwrap() {
            std::thread::yield_now();
        }
    }
    assert_eq!(worker.reply(2).1.unwrap().text, "answer 1");
    assert_eq!(worker.reply(1).1.unwrap().text, "answer 0");
}

#[test]
fn vectors_are_scaled_to_length_one() {
    let answer = json!({ "data": [{ "embedding": [3.0, 4.0] }] }).to_string();
    let broker = Broker::new(move |_, out| out.whole(200, &[], &answer));
    let mut worker = start(&broker);
    worker.ask(1, "embed", json!({ "call": 1, "texts": ["a"] }));
    assert_eq!(worker.answer(1).1.unwrap_err().code, ErrorCode::Unsupported);
    let able = RemoteOptions { embedding_model: Some("vectors".to_owned()), ..options() };
    let mut worker = start_with(able, broker.socket());
    worker.ask(1, "embed", json!({ "call": 1, "texts": ["a"] }));
    let vectors: Vec<Vec<f32>> = serde_json::from_value(worker.answer(1).1.unwrap()).unwrap();
    assert!((vectors[0][0] - 0.6).abs() < 1e-6 && (vectors[0][1] - 0.8).abs() < 1e-6);
    worker.ask(2, "embed", json!({ "call": 2, "texts": ["a", "b"] }));
    assert_eq!(worker.answer(2).1.unwrap_err().code, ErrorCode::ModelFailed, "one vector for two texts");
}

#[test]
fn an_address_without_encryption_is_refused() {
    let broker = Broker::new(|_, _| ());
    let open = RemoteOptions { url: "http://192.0.2.1/v1".to_owned(), ..options() };
    let mut worker = start_with(open, broker.socket());
    infer(&mut worker, 1, &request());
    let failure = worker.reply(1).1.unwrap_err();
    assert!(failure.what.contains("not encrypted"), "{failure}");
}

#[test]
fn a_redirection_is_not_followed() {
    let broker = Broker::new(|_, out| out.whole(307, &[("location", "http://127.0.0.1:1/elsewhere")], ""));
    let mut worker = start(&broker);
    infer(&mut worker, 1, &request());
    assert!(worker.reply(1).1.unwrap_err().what.contains("307"));
}

#[test]
fn without_a_broker_nothing_is_asked() {
    let mut worker = Worker::start(WorkerOptions::Remote(options()));
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::JailUnavailable);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut worker = start_with(options(), theirs);
    infer(&mut worker, 1, &request());
    drop(ours);
    assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::Interrupted, "one that goes away meanwhile");
    infer(&mut worker, 2, &request());
    assert_eq!(worker.reply(2).1.unwrap_err().code, ErrorCode::Interrupted);
}
