//! What the kernel did is read back as it was, and durability follows the effects.

use genoa_abi::event::{Effect, Event};
use genoa_abi::{CallId, ErrorCode, Failure};
use genoa_journal::Step;

use crate::home::{Home, NOW};
use crate::story::Story;

#[test]
fn steps_are_replayed_as_they_were_recorded() {
    let home = Home::new();
    let story = Story::new(1);
    let (mut journal, _) = home.open();
    let seqs = story.append_to(&mut journal);
    let all: usize = story.steps.iter().map(|(_, _, effects)| 1 + effects.len()).sum();
    assert_eq!(seqs, (1..=all as u64).collect::<Vec<_>>());
    drop(journal);
    let (journal, _) = home.open();
    let mut replayed = Vec::new();
    let mut seen = Vec::new();
    let take = |step: genoa_journal::Replayed| {
        seen.push(step.seq);
        replayed.push((step.time, step.event, step.effects));
        Ok(())
    };
    journal.replay(1, take).expect("replayed");
    assert_eq!(replayed, story.steps);
    let mut later = Vec::new();
    journal
        .replay(seen[4], |step| {
            later.push(step.seq);
            Ok(())
        })
        .expect("replayed");
    assert_eq!(later, seen[4..]);
    let stop = |_| Err(Failure::new(ErrorCode::Interrupted, "enough"));
    assert_eq!(journal.replay(1, stop).map_err(|failure| failure.code), Err(ErrorCode::Interrupted));
}

#[test]
fn kinds_name_the_event_the_syscall_and_the_effect() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    Story::new(1).append_to(&mut journal);
    let kinds: Vec<_> = journal.records(1, 4).expect("read").into_iter().map(|line| (line.kind, line.cause)).collect();
    let expected = [
        ("event.asked.session", None),
        ("effect.reply", Some(1)),
        ("event.asked.intend", None),
        ("effect.reply", Some(3)),
    ];
    assert_eq!(kinds, expected.map(|(kind, cause)| (kind.to_owned(), cause)));
}

#[test]
fn an_event_that_could_not_be_read_back_is_refused() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let event = Event::EmbedFinished { call: CallId(1), outcome: Ok(vec![vec![f32::INFINITY]]), unspent: false };
    let result = journal.append_steps(&[Step { now: NOW, event: &event, effects: &[] }]);
    assert_eq!(result.map_err(|failure| failure.code), Err(ErrorCode::InvalidInput));
    assert_eq!(journal.len(), Ok(0));
}

#[test]
fn an_event_is_never_without_its_effects() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    let good = Effect::CancelInfer { call: CallId(1) };
    let texts = vec!["x".repeat(genoa_journal::limits::BODY_BYTES)];
    let bad = Effect::Embed { call: CallId(2), texts, to: String::new() };
    let event = Event::Tick {};
    let result = journal.append_steps(&[Step { now: NOW, event: &event, effects: &[good, bad] }]);
    assert_eq!(result.map_err(|failure| failure.code), Err(ErrorCode::TooLarge));
    assert_eq!(journal.len(), Ok(0), "the event did not go in alone");
}

#[test]
fn a_replay_stops_where_a_record_was_altered() {
    let home = Home::new();
    let (mut journal, _) = home.open();
    Story::new(1).append_to(&mut journal);
    drop(journal);
    home.tamper("UPDATE records SET body = CAST(replace(CAST(body AS TEXT), 'Ada', 'Eve') AS BLOB) WHERE kind = 'event.asked.intend'");
    let mut seen = Vec::new();
    let result = home.reader().replay(1, |step| {
        seen.push(step.seq);
        Ok(())
    });
    assert_eq!(result.map_err(|failure| failure.code), Err(ErrorCode::StorageFailed));
    assert!(seen.is_empty() || seen == [1], "{seen:?}");
}
