//! A remote model: a server on this machine that speaks the protocol, well and badly.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::loopback::{Server, send};
use crate::wire::Worker;
use genoa_abi::ErrorCode;
use genoa_abi::model::{ChatMessage, Finish, Grammar, InferRequest, Role};
use genoa_model::remote::RemoteOptions;
use genoa_model::worker::WorkerOptions;
use serde_json::{Value as Json, json};

const KEY: &str = "sk-secret-1234";

fn options(server: &Server) -> RemoteOptions {
    let options = json!({
        "provider": "remote", "name": "lab", "url": format!("{}/v1/", server.url), "model": "big-7b",
        "context_tokens": 32768, "silence_ms": 2000
    });
    match WorkerOptions::from_json(&options.to_string()).unwrap() {
        WorkerOptions::Remote(options) => options,
        WorkerOptions::Local(_) => panic!("not remote"),
    }
}

fn start(server: &Server) -> Worker {
    Worker::start(WorkerOptions::Remote(options(server)))
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

fn stream(tcp: &mut TcpStream, pieces: &[&str]) {
    send(tcp, "200 OK", &["content-type: text/event-stream"], b"");
    for piece in pieces {
        let _ = tcp.write_all(piece.as_bytes()).and_then(|()| tcp.flush());
    }
}

fn sent_body(server: &Server, number: usize) -> Json {
    serde_json::from_str(&server.asked.lock().unwrap()[number].body).unwrap()
}

#[test]
fn a_streamed_answer_comes_through() {
    let server = Server::start(|_, _, tcp| {
        stream(tcp, &[": hello\n\n", &delta("Good "), &delta("day, Zür"), &delta("ich"), END])
    });
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, format!("{KEY}\n")).unwrap();
    let mut worker =
        Worker::start(WorkerOptions::Remote(RemoteOptions { key_file: Some(key_file), ..options(&server) }));
    infer(&mut worker, 1, &request());
    let (shown, reply) = worker.reply(1);
    let reply = reply.unwrap();
    assert_eq!((shown.as_str(), reply.text.as_str()), ("Good day, Zürich", "Good day, Zürich"));
    assert_eq!((reply.finish, reply.model.as_str()), (Finish::Stop, "lab/big-7b"));
    assert_eq!((reply.usage.prompt_tokens, reply.usage.cached_tokens, reply.usage.written_tokens), (11, 8, 4));
    let asked = server.asked.lock().unwrap()[0].clone();
    assert!(asked.line.starts_with("POST /v1/chat/completions "), "{}", asked.line);
    assert_eq!(asked.header("authorization"), Some("Bearer sk-secret-1234"));
    let body = sent_body(&server, 0);
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "Be brief." }));
    assert_eq!((&body["model"], &body["max_tokens"], &body["stream"]), (&json!("big-7b"), &json!(50), &json!(true)));
    worker.ask(2, "status", json!({}));
    assert_eq!(worker.answer(2).1.unwrap()["model"], "lab/big-7b");
    worker.close();
}

#[test]
fn a_schema_becomes_a_response_format_and_lark_needs_a_declaration() {
    let server = Server::start(|_, _, tcp| stream(tcp, &[&delta("{}"), END]));
    let schema = InferRequest { grammar: Some(Grammar::JsonSchema(json!({ "type": "object" }))), ..request() };
    let lark = InferRequest { grammar: Some(Grammar::Lark("start: \"a\"".to_owned())), ..request() };
    let begun = InferRequest { answer_begins: "So".to_owned(), ..request() };
    let mut worker = start(&server);
    infer(&mut worker, 1, &schema);
    worker.reply(1).1.unwrap();
    assert_eq!(sent_body(&server, 0)["response_format"]["json_schema"]["schema"], json!({ "type": "object" }));
    for (id, refused) in [(2, &lark), (3, &begun)] {
        infer(&mut worker, id, refused);
        assert_eq!(worker.reply(id).1.unwrap_err().code, ErrorCode::Unsupported);
    }
    assert_eq!(server.asked.lock().unwrap().len(), 1, "nothing was sent for what is not supported");
    let able = RemoteOptions { guided_grammar: true, continue_final_message: true, ..options(&server) };
    let mut worker = Worker::start(WorkerOptions::Remote(able));
    infer(&mut worker, 1, &InferRequest { answer_begins: "So".to_owned(), ..lark });
    worker.reply(1).1.unwrap();
    let body = sent_body(&server, 1);
    assert_eq!((&body["guided_grammar"], &body["continue_final_message"]), (&json!("start: \"a\""), &json!(true)));
    assert_eq!(body["messages"][2], json!({ "role": "assistant", "content": "So" }));
}

#[test]
fn a_busy_endpoint_is_asked_again_and_a_refusal_is_not() {
    let server = Server::start(|number, _, tcp| match number {
        0 => send(tcp, "429 Too Many Requests", &["retry-after: 0", "content-length: 0"], b""),
        1 => send(tcp, "503 Service Unavailable", &["retry-after: 0", "content-length: 0"], b""),
        2 => stream(tcp, &[&delta("ok"), END]),
        _ => send(tcp, "401 Unauthorized", &["content-length: 18"], b"bad sk-secret-1234"),
    });
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, KEY).unwrap();
    let mut worker =
        Worker::start(WorkerOptions::Remote(RemoteOptions { key_file: Some(key_file), ..options(&server) }));
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap().text, "ok");
    infer(&mut worker, 2, &request());
    let failure = worker.reply(2).1.unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    assert!(failure.to_string().contains("401") && !failure.to_string().contains(KEY), "{failure}");
    assert_eq!(server.asked.lock().unwrap().len(), 4);
}

#[test]
fn an_endpoint_that_stays_busy_is_given_up() {
    let server = Server::start(|_, _, tcp| send(tcp, "500 Oops", &["retry-after: 0", "content-length: 0"], b""));
    let mut worker = start(&server);
    infer(&mut worker, 1, &request());
    assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::ModelFailed);
    assert_eq!(server.asked.lock().unwrap().len(), 4);
}

#[test]
fn after_the_first_token_nothing_is_sent_again() {
    for broken in ["", "data: no json\n\n", "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"] {
        let server = Server::start(move |_, _, tcp| stream(tcp, &[&delta("half an ans"), broken]));
        let mut worker = start(&server);
        infer(&mut worker, 1, &request());
        assert_eq!(worker.reply(1).1.unwrap_err().code, ErrorCode::ModelFailed, "{broken:?}");
        assert_eq!(server.asked.lock().unwrap().len(), 1);
    }
}

#[test]
fn a_silent_endpoint_times_out_and_a_cancelled_call_does_not_wait_for_it() {
    let server = Server::start(|_, _, tcp| {
        stream(tcp, &[&delta("a word, and then nothing")]);
        std::thread::sleep(Duration::from_secs(5));
    });
    let mut worker = Worker::start(WorkerOptions::Remote(RemoteOptions { silence_ms: 800, ..options(&server) }));
    infer(&mut worker, 1, &request());
    let started = Instant::now();
    assert!(worker.reply(1).1.is_err());
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    infer(&mut worker, 2, &request());
    std::thread::sleep(Duration::from_millis(200));
    worker.ask(3, "cancel", json!({ "call": 2 }));
    let reply = worker.reply(2).1.unwrap();
    assert_eq!((reply.finish, reply.text.as_str()), (Finish::Cancelled, "a word, and then nothing"));
}

#[test]
fn a_stop_text_holds_even_if_the_endpoint_ignores_it() {
    let server = Server::start(|_, _, tcp| stream(tcp, &[&delta("one EN"), &delta("D two"), END]));
    let mut worker = start(&server);
    infer(&mut worker, 1, &InferRequest { stop: vec!["END".to_owned()], ..request() });
    let (shown, reply) = worker.reply(1);
    let reply = reply.unwrap();
    assert_eq!((shown.as_str(), reply.text.as_str(), reply.finish), ("one ", "one ", Finish::Stop));
}

#[test]
fn vectors_are_scaled_to_length_one() {
    let answer = json!({ "data": [{ "embedding": [3.0, 4.0] }] }).to_string();
    let server =
        Server::start(move |_, _, tcp| send(tcp, "200 OK", &["content-type: application/json"], answer.as_bytes()));
    let mut worker = start(&server);
    worker.ask(1, "embed", json!({ "call": 1, "texts": ["a"] }));
    assert_eq!(worker.answer(1).1.unwrap_err().code, ErrorCode::Unsupported);
    let able = RemoteOptions { embedding_model: Some("vectors".to_owned()), ..options(&server) };
    let mut worker = Worker::start(WorkerOptions::Remote(able));
    worker.ask(1, "embed", json!({ "call": 1, "texts": ["a"] }));
    let vectors: Vec<Vec<f32>> = serde_json::from_value(worker.answer(1).1.unwrap()).unwrap();
    assert!((vectors[0][0] - 0.6).abs() < 1e-6 && (vectors[0][1] - 0.8).abs() < 1e-6);
    worker.ask(2, "embed", json!({ "call": 2, "texts": ["a", "b"] }));
    assert_eq!(worker.answer(2).1.unwrap_err().code, ErrorCode::ModelFailed, "one vector for two texts");
}

#[test]
fn an_address_without_encryption_is_refused() {
    let server = Server::start(|_, _, _| ());
    let open = RemoteOptions { url: "http://192.0.2.1/v1".to_owned(), ..options(&server) };
    let mut worker = Worker::start(WorkerOptions::Remote(open));
    infer(&mut worker, 1, &request());
    let failure = worker.reply(1).1.unwrap_err();
    assert!(failure.what.contains("not encrypted"), "{failure}");
}

#[test]
fn a_redirection_is_not_followed() {
    let server = Server::start(|_, _, tcp| {
        send(tcp, "307 Temporary Redirect", &["location: http://127.0.0.1:1/elsewhere", "content-length: 0"], b"");
    });
    let mut worker = start(&server);
    infer(&mut worker, 1, &request());
    assert!(worker.reply(1).1.unwrap_err().what.contains("307"));
}
