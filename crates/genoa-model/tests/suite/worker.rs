//! The worker with a real, small model, as the daemon talks to it.

use crate::common::{options, request};
use crate::wire::{Sent, Worker};
use genoa_abi::ErrorCode;
use genoa_abi::model::Finish;
use genoa_model::engine::EngineOptions;
use genoa_model::worker::WorkerOptions;
use serde_json::json;

#[test]
fn a_worker_answers_streams_and_cancels() {
    let mut worker = Worker::start(WorkerOptions::Local(options()));
    worker.ask(1, "status", json!({}));
    let status = worker.answer(1).1.unwrap();
    assert_eq!((&status["model"], &status["context_tokens"]), (&json!("smollm2-135m"), &json!(2048)));

    worker.ask(2, "infer", json!({ "call": 2, "request": request("Name three colours.", 24) }));
    let (shown, reply) = worker.reply(2);
    let reply = reply.unwrap();
    assert_eq!(shown, reply.text, "what was shown is what was written");
    assert!(reply.usage.written_tokens > 1 && reply.model == "smollm2-135m");

    // It tells what it did when it comes to rest.
    let work = loop {
        if let Sent::Work(work) = worker.next()
            && work.calls.is_empty()
        {
            break work;
        }
    };
    assert_eq!(work.used, reply.usage);

    worker.ask(3, "infer", json!({ "call": 3, "request": request("Tell a long story about the sea.", 1000) }));
    while !matches!(worker.next(), Sent::Token(news) if news.written_tokens > 3) {}
    worker.ask(4, "cancel", json!({ "call": 3 }));
    let reply = worker.reply(3).1.unwrap();
    assert_eq!(reply.finish, Finish::Cancelled);
    assert!(reply.usage.written_tokens < 900, "{:?}", reply.usage);
    assert_eq!(worker.answer(4).1, Ok(json!(null)));

    worker.ask(5, "embed", json!({ "call": 5, "texts": ["one", "two"] }));
    let vectors = worker.answer(5).1.unwrap();
    assert_eq!(vectors.as_array().map(Vec::len), Some(2));

    worker.ask(6, "infer", json!({ "call": 6, "request": request(&"word ".repeat(4000), 1) }));
    assert_eq!(worker.answer(6).1.unwrap_err().code, ErrorCode::TooLarge);
    worker.ask(7, "dance", json!({}));
    assert_eq!(worker.answer(7).1.unwrap_err().code, ErrorCode::InvalidInput);
    worker.close();
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_to_every_caller() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.gguf");
    std::fs::write(&file, b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff").unwrap();
    for (path, code) in [(file, ErrorCode::InvalidInput), (folder.path().join("none.gguf"), ErrorCode::NotFound)] {
        let mut worker = Worker::start(WorkerOptions::Local(EngineOptions::new(&path, "bad")));
        for id in 1..3 {
            worker.ask(id, "infer", json!({ "call": id, "request": request("Hello", 4) }));
            assert_eq!(worker.answer(id).1.unwrap_err().code, code);
        }
        worker.close();
    }
}

#[test]
fn options_are_read_from_json() {
    let text = r#"{"provider":"local","path":"/models/m.gguf","name":"m","threads":2}"#;
    let WorkerOptions::Local(options) = WorkerOptions::from_json(text).unwrap() else { panic!("not local") };
    assert_eq!((options.name.as_str(), options.threads, options.context_tokens), ("m", Some(2), 8192));
    for wrong in ["{}", r#"{"provider":"local","path":"/m","name":"m","thread":2}"#, "no json"] {
        assert_eq!(WorkerOptions::from_json(wrong).unwrap_err().code, ErrorCode::InvalidInput, "{wrong}");
    }
}
