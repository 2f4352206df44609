//! How likely written tokens were, from a real, small model.

use crate::common::{loaded, request, run, turn, under};
use genoa_abi::CallId;
use genoa_abi::model::{InferRequest, ScoredToken, Threshold, ThresholdPlace, WrittenToken};
use genoa_model::engine::{Engine, Progress};

fn asked(request: InferRequest, likeliest: usize) -> InferRequest {
    InferRequest { likeliest: Some(likeliest), ..request }
}

fn text(tokens: &[WrittenToken]) -> String {
    tokens.iter().map(|token| token.token.text.as_str()).collect()
}

#[test]
fn tokens_are_told_with_their_chances_where_that_is_asked() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let plain = run(&mut engine, &request("Name three colours.", 16)).unwrap();
    assert!(plain.tokens.is_empty(), "nobody asked");
    let reply = run(&mut engine, &asked(request("Name three colours.", 16), 3)).unwrap();
    assert_eq!((reply.text.as_str(), text(&reply.tokens)), (plain.text.as_str(), plain.text.clone()));
    for token in &reply.tokens {
        assert_eq!(Some(&token.token), token.likeliest.first(), "without chance the likeliest is written");
        let logs: Vec<i32> = token.likeliest.iter().map(|one| one.log_millionths).collect();
        assert!(logs.len() == 3 && logs.is_sorted_by(|a, b| a >= b) && logs[0] <= 0, "{logs:?}");
        let chance: f64 = logs.iter().map(|log| (f64::from(*log) / 1e6).exp()).sum();
        assert!(chance <= 1.000_001, "{chance}");
    }
    let unsure = reply.tokens.iter().filter(|token| token.token.log_millionths < -10_000).count();
    assert!(unsure > 0, "it is not sure of every word");
    let alone = run(&mut engine, &asked(request("Name three colours.", 16), 0)).unwrap();
    assert!(!alone.tokens.is_empty() && alone.tokens.iter().all(|token| token.likeliest.is_empty()));
}

#[test]
fn chances_are_those_among_what_a_grammar_allows() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let grammar = r#"start: "The answer is " ("yes" | "no") ", of course.""#;
    let reply = run(&mut engine, &asked(under(grammar, "Is water wet?", 32), 5)).unwrap();
    assert_eq!(text(&reply.tokens), reply.text);
    let (open, forced): (Vec<_>, Vec<_>) = reply.tokens.iter().partition(|token| token.likeliest.len() > 1);
    assert!(forced.iter().all(|token| token.token.log_millionths == 0), "{forced:?}");
    // Among tokens that begin one of the two words, all that there is.
    let [choice] = open.as_slice() else { panic!("{open:?}") };
    let chance: f64 = choice.likeliest.iter().map(|one| (f64::from(one.log_millionths) / 1e6).exp()).sum();
    assert!((0.9..1.000_01).contains(&chance), "{choice:?}");
    let begins = |one: &ScoredToken| ["yes", "no"].iter().any(|word| word.starts_with(one.text.trim()));
    assert!(choice.likeliest.iter().all(begins), "{choice:?}");
}

#[test]
fn tokens_come_with_the_news_and_end_with_the_text() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let begun = InferRequest {
        answer_begins: "1, 2, 3, 4, 5,".to_owned(),
        stop: vec!["8".to_owned()],
        ..request("Count to twenty.", 40)
    };
    engine.submit(CallId(1), &asked(begun, 1)).unwrap();
    let (mut shown, mut tokens) = (String::new(), Vec::new());
    let reply = loop {
        let mut done = None;
        for progress in engine.step() {
            match progress {
                Progress::News(news) => {
                    shown.push_str(&news.text);
                    tokens.extend(news.tokens);
                    assert!(shown.starts_with(&text(&tokens)), "a token is told with its text or later");
                }
                Progress::Done(_, outcome) => done = Some(outcome.unwrap()),
                Progress::Embedded(..) => unreachable!("nobody asked for vectors"),
            }
        }
        if let Some(done) = done {
            break done;
        }
    };
    assert_eq!(reply.text.trim(), "6, 7,");
    assert!(reply.tokens.starts_with(&tokens) && text(&reply.tokens).starts_with(reply.text.trim_end()), "{reply:?}");
    assert!(!text(&reply.tokens).contains('8'), "what ended the answer is no part of it");
}

#[test]
fn a_threshold_decides_whatever_is_likeliest() {
    let _turn = turn();
    let mut engine = Engine::new(loaded()).unwrap();
    let mut written = |thresholds: &[(ThresholdPlace, &str, u32)]| {
        let thresholds = thresholds
            .iter()
            .map(|(place, text, chance_ppm)| Threshold {
                place: *place,
                text: (*text).to_owned(),
                chance_ppm: *chance_ppm,
            })
            .collect();
        let grammar =
            "start: none | line (\"\\n\" line){0,2}\nnone: \"none\\n\" /[a-z]/ \"\\n\" /[a-z]/\nline: /[A-Z]/\n";
        run(&mut engine, &InferRequest { thresholds, ..under(grammar, "Write letters.", 16) }).unwrap().text
    };
    const NEVER: u32 = 1_000_001;
    let lines = |text: &str| text.lines().count();
    let always = written(&[(ThresholdPlace::Beginning, "none", 0)]);
    assert!(always.starts_with("none\n"), "{always:?}");
    let [one, three] = [NEVER, 0]
        .map(|ppm| written(&[(ThresholdPlace::Beginning, "none", NEVER), (ThresholdPlace::Anywhere, "\n", ppm)]));
    assert_eq!((lines(&one), lines(&three)), (1, 3), "{one:?} {three:?}");
    // After that beginning nothing else counts: it has its two lines more, which the other threshold would not allow.
    let begun = written(&[(ThresholdPlace::Beginning, "none", 0), (ThresholdPlace::Anywhere, "\n", NEVER)]);
    assert_eq!(lines(&begun), 3, "{begun:?}");
}
