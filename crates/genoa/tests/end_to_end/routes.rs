//! Rules about which model answers: one of this machine and one of a second server, both at once.

use genoa_abi::syscall::{Reply, Syscall};

use crate::far::Far;
use crate::processes::below;
use crate::spending::{hello, infer};
use crate::turns::client;

const HERE: &str = "[model]\nname = \"smollm2-135m\"\nthreads = 1\n";
const THERE: &str = "[[route]]\nuse = \"far/smollm2-135m\"\n";

/// How many model workers a daemon has.
fn workers(daemon: u32) -> usize {
    let arguments = |process: u32| std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let mode = |process: u32| arguments(process).split(|byte| *byte == 0).nth(1) == Some(b"model-worker");
    below(daemon).into_iter().filter(|process| mode(*process)).count()
}

#[test]
fn what_may_not_leave_or_cannot_be_done_elsewhere_is_answered_here() {
    let far = Far::new("");
    far.near.add_small_model();
    far.near.configure(&format!("{HERE}{}{THERE}", far.section("")));
    assert_eq!(infer(&far.near, hello(8)).unwrap().model, "far/smollm2-135m");
    assert_eq!(far.arrived(), 1);
    let status = far.near.ok(&["status"]);
    assert!(status.contains("far/smollm2-135m at 127.0.0.1:") && status.contains("by rule"), "{status}");

    // A file of the person's stays here, and both are at hand.
    far.near.plan("text = files.read(path=\"report.txt\")\nshort = summarise(text)\nsay(short)\n", 0);
    assert_eq!(far.arrived(), 1);
    assert!(!far.received().contains("The report."));
    assert_eq!(workers(far.near.daemon().unwrap()), 2);

    // That provider states no model for vectors.
    let vectors = client(&far.near).call(&Syscall::Embed { texts: vec!["sun".to_owned()] }).unwrap();
    assert!(matches!(&vectors, Reply::Vectors(vectors) if vectors.len() == 1), "{vectors:?}");

    // What would pass its limit is answered here, too.
    far.near.configure(&format!("{HERE}{}{THERE}", far.section("tokens_per_day = 400\n")));
    assert_eq!(infer(&far.near, hello(8)).unwrap().model, "far/smollm2-135m");
    assert_eq!(infer(&far.near, hello(200)).unwrap().model, "smollm2-135m");

    // A rule for others is none for this call, and without a rule nobody is asked there.
    let for_vectors = THERE.replace("use", "need = \"embeddings\"\nuse");
    far.near.configure(&format!("{HERE}{}{for_vectors}", far.section("")));
    assert_eq!(infer(&far.near, hello(8)).unwrap().model, "smollm2-135m");
    far.near.configure(&format!("{HERE}{}", far.section("")));
    assert_eq!(infer(&far.near, hello(8)).unwrap().model, "smollm2-135m");
    assert_eq!((far.arrived(), workers(far.near.daemon().unwrap())), (2, 1));
    assert!(!far.near.ok(&["status"]).contains("by rule"));
}
