//! A real model is written anew, and still answers.

use genoa_abi::ErrorCode;
use genoa_model::engine::{Engine, LoadedModel};
use genoa_model::gguf;
use genoa_model::quantise::{Rewriting, Weights, quantise};

use crate::common::{options, request, run, turn};

#[test]
fn a_model_is_written_with_other_weights_and_answers() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("made.gguf");
    let from = options().path;
    assert_ne!(gguf::check_file(&from).unwrap().file_type, Some(Weights::Four.file_type()));
    quantise(&Rewriting { from: from.clone(), to: to.clone(), weights: Weights::Four, threads: 2 }).unwrap();
    assert_eq!(gguf::check_file(&to).unwrap().file_type, Some(Weights::Four.file_type()));
    assert!(to.metadata().unwrap().len() < from.metadata().unwrap().len(), "Q4_1 has one number more in each block");
    let mut made = options();
    made.path = to;
    let loaded = LoadedModel::open(made).unwrap();
    let reply = run(&mut Engine::new(&loaded).unwrap(), &request("Say hello.", 12)).unwrap();
    assert!(!reply.text.trim().is_empty());
}

#[test]
fn what_is_no_model_is_refused_before_the_engine_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("letter.gguf");
    std::fs::write(&from, "Dear Ada,").unwrap();
    let to = folder.path().join("made.gguf");
    let failure = quantise(&Rewriting { from, to: to.clone(), weights: Weights::Four, threads: 1 }).unwrap_err();
    assert_eq!(failure.code, ErrorCode::InvalidInput);
    assert!(!to.exists());
}

#[test]
fn where_nothing_can_be_written_it_fails_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("missing/made.gguf");
    let failure = quantise(&Rewriting { from: options().path, to, weights: Weights::Four, threads: 1 }).unwrap_err();
    assert_eq!(failure.code, ErrorCode::ModelFailed);
    assert!(failure.what.contains("q4_0"), "{failure}");
}
